"""What comes back: each report is understood, and found again by our own Message-ID, and nobody's mail is touched."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.base import Bounce, BounceKind, ChannelUnavailableError
from channels.email.bounces import read_report
from channels.email.mailbox import ImapReports, Mailbox
from core.errors import ConfigurationError
from tests.channels.email import reports
from tests.channels.email.imap_server import imap_server
from tests.channels.email.reports import DOMAIN, ID, report


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (reports.NO_SUCH_USER, BounceKind.GONE, "550 5.1.1 report"),
        (reports.EXCHANGE, BounceKind.GONE, "550 5.1.10 report"),
        (reports.EXIM, BounceKind.GONE, "550 5.0.0 report"),
        (reports.FULL, BounceKind.UNDELIVERED, "552 5.2.2 report"),
        (reports.POLICY, BounceKind.UNDELIVERED, "550 5.7.26 report"),
        (reports.EXPIRED, BounceKind.UNDELIVERED, "4.4.1 report"),
    ],
)
@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_says_what_became_of_which_delivery(status: str, kind: BounceKind, reason: str, returned: str) -> None:
    assert read_report(report(status, returned=returned), domain=DOMAIN) == Bounce(ID, kind, reason)


def test_a_complaint_is_one() -> None:
    assert read_report(reports.COMPLAINT, domain=DOMAIN) == Bounce(ID, BounceKind.COMPLAINT, "complaint")


@pytest.mark.parametrize(
    "content",
    [
        report(reports.DELAYED),
        report(reports.DELIVERED),
        report(reports.NO_SUCH_USER, body="Message-ID: <x@elsewhere.example>\n\nnot ours"),
        report(reports.NO_SUCH_USER, body=f"Message-ID: <{ID}@elsewhere.example>\n\nnot ours"),
        reports.HUMAN,
        b"",
        b"\xff\xfe\x00",
    ],
)
def test_everything_else_is_no_report(content: bytes) -> None:
    assert read_report(content, domain=DOMAIN) is None


@given(st.integers(0, 1200), st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_a_broken_report_is_no_harm(at: int, junk: bytes) -> None:
    content = report(reports.NO_SUCH_USER)
    found = read_report(content[:at] + junk + content[at:], domain=DOMAIN)
    assert found is None or found.delivery_id == ID


async def test_reports_are_found_once_and_other_mail_stays_unread() -> None:
    with imap_server() as box:
        box.mails = {
            1: reports.HUMAN,
            2: report(reports.NO_SUCH_USER),
            3: report(reports.DELAYED),
            4: reports.COMPLAINT,
        }
        source = ImapReports(Mailbox.parse(f"imap://news:secret@127.0.0.1:{box.port}"), domain=DOMAIN)
        found = await source.fetch()
        assert [(bounce.kind, bounce.uid) for bounce in found] == [(BounceKind.GONE, "2"), (BounceKind.COMPLAINT, "4")]
        assert box.seen == set()
        # Nothing is marked before it was noted.
        assert len(await source.fetch()) == 2
        await source.finish(found)
        assert box.seen == {2, 4}
        assert await source.fetch() == []
        assert sum(command.startswith("UID FETCH 3") for command in box.commands) == 1
        assert not any(command.startswith("UID FETCH 1") for command in box.commands)
        assert all("PEEK" in command for command in box.commands if "FETCH" in command)


@pytest.mark.parametrize("url", ["imap://news:wrong@127.0.0.1:{port}", "imap://news:secret@127.0.0.1:{port}/Other"])
async def test_a_mailbox_that_does_not_open_is_away(url: str) -> None:
    with imap_server() as box:
        source = ImapReports(Mailbox.parse(url.format(port=box.port)), domain=DOMAIN)
        with pytest.raises(ChannelUnavailableError) as away:
            await source.fetch()
        assert "wrong" not in str(away.value)


async def test_a_mailbox_that_is_not_there_is_away(unused_port: int) -> None:
    source = ImapReports(Mailbox.parse(f"imap://news:secret@127.0.0.1:{unused_port}"), domain=DOMAIN)
    with pytest.raises(ChannelUnavailableError):
        await source.fetch()


def test_the_mailbox_is_read_from_its_address() -> None:
    box = Mailbox.parse("imaps://news%40example.org:p%3Aw@mail.example.org/Reports")
    assert box == Mailbox("mail.example.org", 993, True, "news@example.org", "p:w", "Reports")
    assert "p:w" not in repr(box)
    for wrong in ("http://x", "imaps://mail.example.org", "imap://user@host", "imap://u:p@host:x"):
        with pytest.raises(ConfigurationError):
            Mailbox.parse(wrong)
