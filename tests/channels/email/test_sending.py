"""Mail over real connections: they are reused, replaced when they break, and every answer of a server is understood."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from channels.base import ChannelUnavailableError, ReadyMail, RecipientRefusedError
from channels.email.channel import EmailChannel
from channels.email.message import MailSender
from channels.email.pool import SmtpPool
from channels.email.server import SmtpServer, Tls, is_lasting
from core.clock import FixedClock
from core.errors import ConfigurationError
from tests.smtp_server import Answer, Fault, MailServer, Script, mail_server

SENDER = MailSender("ICC", "news@hub.example.org")
FAST = SmtpServer("127.0.0.1", 0, patience_to_connect=1.0, patience=0.3, patience_for_data=0.3)


def mail(number: int) -> ReadyMail:
    return ReadyMail(
        id=f"{number:032x}", to=f"p{number}@example.org", language="en", subject="Hello", text="Hello.\n.\nEnd"
    )


@asynccontextmanager
async def channel_to(stand: MailServer, clock: FixedClock, server: SmtpServer = FAST) -> AsyncIterator[EmailChannel]:
    channel = EmailChannel(sender=SENDER, carrier=SmtpPool(replace(server, port=stand.port)), clock=clock)
    try:
        yield channel
    finally:
        await channel.close()


def only(step: str, answer: Answer) -> Script:
    """The first time that the step comes, that; else all is well."""
    answers = iter([answer])
    return lambda asked, _recipient, _count: next(answers, None) if asked == step else None


async def test_many_mails_go_over_few_connections(clock: FixedClock) -> None:
    async with mail_server() as stand, channel_to(stand, clock, replace(FAST, connections=3)) as channel:
        await asyncio.gather(*(channel.send(mail(number)) for number in range(60)))
        assert stand.connections == 3
    assert len({received.message_id for received in stand.received}) == 60
    assert stand.received[0].sender == "news@hub.example.org"
    assert stand.received[0].mail.get_content().replace("\r\n", "\n") == "Hello.\n.\nEnd\n"


@pytest.mark.parametrize("step", ["mail", "rcpt"])
@pytest.mark.parametrize("fault", [Fault.DROP, "421 4.3.2 too many in one session"])
async def test_a_connection_that_ends_before_the_mail_went_out_is_replaced(
    clock: FixedClock, step: str, fault: Answer
) -> None:
    async with mail_server() as stand, channel_to(stand, clock, replace(FAST, connections=1)) as channel:
        await channel.send(mail(1))
        asked = 0

        def script(now: str, _recipient: str, _count: int) -> Answer:
            nonlocal asked
            asked += now == step
            return fault if now == step and asked == 1 else None

        stand.script = script
        await channel.send(mail(2))
        assert [received.recipient for received in stand.received] == ["p1@example.org", "p2@example.org"]
        assert stand.connections == 2


async def test_a_server_that_closed_silent_connections_is_no_failure(clock: FixedClock) -> None:
    async with mail_server() as stand:
        pool = SmtpPool(replace(FAST, port=stand.port, connections=1))
        channel = EmailChannel(sender=SENDER, carrier=pool, clock=clock)
        await channel.send(mail(1))
        pool._idle[0].client.close()
        await channel.send(mail(2))
        await channel.close()
        assert stand.connections == 2


async def test_a_mail_that_may_have_been_taken_is_not_sent_again_here(clock: FixedClock) -> None:
    async with mail_server(script=only("taken", Fault.DROP)) as stand, channel_to(stand, clock) as channel:
        with pytest.raises(ChannelUnavailableError, match="disconnected data"):
            await channel.send(mail(1))
        assert len(stand.received) == 1


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "taken"])
async def test_a_server_that_hangs_is_given_up(clock: FixedClock, step: str) -> None:
    async with mail_server(script=only(step, Fault.HANG)) as stand, channel_to(stand, clock) as channel:
        with pytest.raises(ChannelUnavailableError, match="timeout") as refused:
            await channel.send(mail(1))
        assert not refused.value.whole
        await channel.send(mail(2))
        assert stand.received[-1].recipient == "p2@example.org"


async def test_a_slow_server_is_waited_for(clock: FixedClock) -> None:
    async with mail_server(script=only("data", 0.2)) as stand, channel_to(stand, clock) as channel:
        await channel.send(mail(1))
        assert len(stand.received) == 1


@pytest.mark.parametrize("step", ["rcpt", "data"])
@pytest.mark.parametrize("reply", ["450 4.2.0 grey-listed", "451 try later", "452 4.2.2 mailbox full"])
async def test_a_refusal_for_now_is_one(clock: FixedClock, step: str, reply: str) -> None:
    async with mail_server(script=only(step, reply)) as stand, channel_to(stand, clock) as channel:
        with pytest.raises(ChannelUnavailableError, match=reply[:3]) as refused:
            await channel.send(mail(1))
        assert not refused.value.whole
        # The connection forgets the refused mail, and goes on.
        await channel.send(mail(2))
        assert stand.connections == 1


@pytest.mark.parametrize("step", ["rcpt", "data"])
async def test_a_refusal_for_good_is_one_and_names_no_address(clock: FixedClock, step: str) -> None:
    script = only(step, "550 5.1.1 <p1@example.org> unknown")
    async with mail_server(script=script) as stand, channel_to(stand, clock) as channel:
        with pytest.raises(RecipientRefusedError) as refused:
            await channel.send(mail(1))
        assert str(refused.value) == f"550 5.1.1 {step}"
        assert refused.value.lasting
        assert stand.received == []


@pytest.mark.parametrize(
    ("code", "enhanced", "expected"),
    [
        (550, "", True),
        (553, "", True),
        (550, "5.1.1", True),
        (550, "5.2.1", True),
        (552, "5.2.2", False),
        (552, "", False),
        (550, "5.7.1", False),
        (554, "5.7.26", False),
        (554, "", False),
        (550, "5.0.0", True),
    ],
)
def test_only_a_mailbox_that_is_not_there_is_struck_off(code: int, enhanced: str, expected: bool) -> None:
    assert is_lasting(code, enhanced) is expected


async def test_when_we_are_refused_no_recipient_is(clock: FixedClock) -> None:
    async with mail_server(script=only("mail", "550 5.7.1 not allowed")) as stand, channel_to(stand, clock) as channel:
        with pytest.raises(ChannelUnavailableError) as refused:
            await channel.send(mail(1))
        assert refused.value.whole


async def test_a_server_that_is_not_there_is_away_for_everybody(clock: FixedClock, unused_port: int) -> None:
    channel = EmailChannel(sender=SENDER, carrier=SmtpPool(replace(FAST, port=unused_port)), clock=clock)
    with pytest.raises(ChannelUnavailableError) as refused:
        await channel.send(mail(1))
    assert refused.value.whole


async def test_a_greeting_of_refusal_is_away_for_everybody(clock: FixedClock) -> None:
    async with mail_server() as stand, channel_to(stand, clock) as channel:
        stand.greeting = "554 no service here"
        with pytest.raises(ChannelUnavailableError, match="554 connect") as refused:
            await channel.send(mail(1))
        assert refused.value.whole


async def test_a_rate_is_kept(clock: FixedClock) -> None:
    async with mail_server() as stand, channel_to(stand, clock, replace(FAST, rate=50.0)) as channel:
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(*(channel.send(mail(number)) for number in range(11)))
        assert asyncio.get_running_loop().time() - begun >= 0.19
        assert len(stand.received) == 11


async def test_a_mail_that_is_broken_off_leaves_no_connection_behind(clock: FixedClock) -> None:
    async with mail_server(script=only("rcpt", Fault.HANG)) as stand:
        pool = SmtpPool(replace(FAST, port=stand.port, connections=1))
        channel = EmailChannel(sender=SENDER, carrier=pool, clock=clock)
        sending = asyncio.create_task(channel.send(mail(1)))
        await asyncio.sleep(0.1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await channel.send(mail(2))
        await channel.close()
        assert stand.connections == 2
        assert [received.recipient for received in stand.received] == ["p2@example.org"]


# Encryption


@pytest.fixture
def certificate(tmp_path: Path, openssl: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 "
        f"-keyout {key} -out {made}",
        shell=True,
        check=True,
        capture_output=True,
    )
    return made, key


@pytest.fixture
def server_tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The server's half; the client trusts the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.mark.parametrize(("tls", "implicit"), [(Tls.REQUIRED, False), (Tls.OFFERED, False), (Tls.IMPLICIT, True)])
async def test_mail_goes_encrypted_after_a_login(
    clock: FixedClock, server_tls: ssl.SSLContext, tls: Tls, implicit: bool
) -> None:
    settings = replace(FAST, tls=tls, user="hub", password="p:w@d", patience=2.0)
    async with mail_server(tls=server_tls, implicit_tls=implicit, password="p:w@d") as stand:
        async with channel_to(stand, clock, settings) as channel:
            await channel.send(mail(1))
        assert [(received.secure, received.user) for received in stand.received] == [(True, "hub")]


async def test_a_wrong_password_is_away_for_everybody(clock: FixedClock, server_tls: ssl.SSLContext) -> None:
    settings = replace(FAST, tls=Tls.REQUIRED, user="hub", password="wrong", patience=2.0)
    async with mail_server(tls=server_tls, password="right") as stand, channel_to(stand, clock, settings) as channel:
        with pytest.raises(ChannelUnavailableError) as refused:
            await channel.send(mail(1))
        assert refused.value.whole
        assert "wrong" not in str(refused.value)


async def test_nothing_is_said_to_a_server_that_does_not_encrypt_when_it_must(clock: FixedClock) -> None:
    settings = replace(FAST, tls=Tls.REQUIRED, user="hub", password="secret")
    async with mail_server() as stand, channel_to(stand, clock, settings) as channel:
        with pytest.raises(ChannelUnavailableError):
            await channel.send(mail(1))
        assert stand.received == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    clock: FixedClock, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    settings = replace(FAST, tls=Tls.REQUIRED, patience=2.0)
    async with mail_server(tls=server_tls) as stand, channel_to(stand, clock, settings) as channel:
        with pytest.raises(ChannelUnavailableError):
            await channel.send(mail(1))
        assert stand.received == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", SmtpServer("mail.example.org", 25, Tls.OFFERED)),
        (
            "smtp://u:p%40ss@mail.example.org",
            SmtpServer("mail.example.org", 587, Tls.REQUIRED, "u", "p@ss"),
        ),
        (
            "smtps://u:p@mail.example.org?connections=8&rate=2.5",
            SmtpServer("mail.example.org", 465, Tls.IMPLICIT, "u", "p", 8, 2.5),
        ),
        ("smtp://127.0.0.1:1025?tls=none", SmtpServer("127.0.0.1", 1025, Tls.NONE)),
    ],
)
def test_the_server_is_read_from_its_address(url: str, expected: SmtpServer) -> None:
    assert SmtpServer.parse(url) == expected


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://h?conections=3", "smtp://h?tls=maybe", "smtp://h:x"])
def test_a_wrong_address_is_said_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        SmtpServer.parse(url.replace("//h", "//u:secret@h"))
    assert "secret" not in str(refused.value.values)
