"""Mails as they are written: the standard library's parser reads each of them back, whole and without a defect."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.base import Calendar, File, ReadyMail, RecipientRefusedError
from channels.email.message import MailSender, plain_address, write_mail
from core.errors import ConfigurationError

SENDER = MailSender("Cités Interculturelles", "news@hub.example.org")
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
INVITATION = Calendar("REQUEST", b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
SENTENCES = st.text(st.sampled_from("abc Aé مس日\n.<>&=\t-_"), max_size=3000) | st.text(max_size=2000)


def ready(**changes: object) -> ReadyMail:
    values = {"id": "a" * 32, "to": "zoe@example.org", "language": "fr", "subject": "Bonjour", "text": "Bonjour à tous"}
    return ReadyMail(**(values | changes))  # type: ignore[arg-type]


def write(mail: ReadyMail) -> bytes:
    return write_mail(mail, sender=SENDER, written_at=NOW)


def read(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default.clone(raise_on_defect=True))


def as_read(text: str) -> str:
    """Line ends as they come back."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def one_line(text: str) -> str:
    return " ".join(text.split())


def visible(text: str) -> str:
    """Without what has no place in a header."""
    return one_line("".join(" " if not char.isprintable() else char for char in text))


@given(subject=WORDS, name=WORDS, text=SENTENCES, html=st.none() | SENTENCES, file_name=WORDS, list_name=WORDS)
@settings(max_examples=300, deadline=None)
def test_whatever_is_written_is_read_back(
    subject: str, name: str, text: str, html: str | None, file_name: str, list_name: str
) -> None:
    mail = ready(
        subject=subject,
        name=name,
        text=text,
        html=html,
        list_id="youth",
        list_name=list_name,
        files=(File(file_name, "application/pdf", b"\x00\xff pdf"),),
    )
    content = write(mail)
    assert content.isascii()
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    found = read(content)
    assert visible(str(found["Subject"])) == visible(subject)
    assert found["To"].addresses[0].addr_spec == "zoe@example.org"
    # The parser puts a space between the encoded words of a long name, which readers of mail do not.
    assert visible(found["To"].addresses[0].display_name).replace(" ", "") == visible(name).replace(" ", "")
    assert found["List-Id"].endswith("<youth.hub.example.org>")
    plain = found.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n").rstrip("\n") == as_read(text)
    shown = found.get_body(("html",))
    assert (shown is None) == (html is None)
    if shown is not None and html is not None:
        assert shown.get_content().replace("\r\n", "\n").rstrip("\n") == as_read(html)
    [file] = found.iter_attachments()
    assert file.get_content() == b"\x00\xff pdf"


@pytest.mark.parametrize("field", ["subject", "name", "list_name"])
def test_no_text_can_add_a_header(field: str) -> None:
    found = read(write(ready(**{field: "x\r\nBcc: all@example.org\r\n\r\nnew body\u2028y"}, list_id="youth")))
    assert "Bcc" not in found
    assert len(found.get_all("To") or []) == 1


@pytest.mark.parametrize(
    "address",
    ["", "zoe", "zoe@", "a@b@c", "a b@example.org", "zoe@example.org\r\nRCPT TO:<x@y>", "<a@b.c>", "a@b.c,d@e.f"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(RecipientRefusedError):
        write(ready(to=address))


def test_a_domain_in_other_letters_goes_out_as_servers_take_it() -> None:
    assert plain_address("zoe@münchen.example") == "zoe@xn--mnchen-3ya.example"


def test_headers_of_a_broadcast_are_those_of_a_list_with_one_click() -> None:
    url = "https://hub.example.org/unsubscribe/" + "t" * 200
    found = read(
        write(ready(list_id="topic/young people", list_name="Jeunes", unsubscribe_url=url, reply_to="a@b.org"))
    )
    assert found["List-Unsubscribe"] == f"<{url}>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found["List-Id"] == "Jeunes <topic-young-people.hub.example.org>".replace("Jeunes", '"Jeunes"')
    assert found["Message-ID"] == f"<{'a' * 32}@hub.example.org>"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Content-Language"] == "fr"
    assert found["Date"].datetime == NOW
    assert found["Reply-To"] == "a@b.org"


def test_one_click_is_promised_over_https_only() -> None:
    assert "List-Unsubscribe-Post" not in read(write(ready(unsubscribe_url="http://127.0.0.1:8000/u")))


def test_a_mail_that_goes_on_from_another_stands_below_it() -> None:
    found = read(write(ready(follows="b" * 32)))
    assert found["In-Reply-To"] == found["References"] == f"<{'b' * 32}@hub.example.org>"


def test_an_invitation_has_the_shape_that_outlook_gmail_and_thunderbird_take() -> None:
    found = read(write(ready(html="<p>Bonjour</p>", calendar=INVITATION)))
    assert [part.get_content_type() for part in found.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    part = list(found.walk())[4]
    assert part["Content-Type"].params == {"charset": "utf-8", "method": "REQUEST"}
    assert part.get_payload(decode=True) == INVITATION.content


def test_a_plain_mail_is_one_part() -> None:
    found = read(write(ready(text="Hello")))
    assert found.get_content_type() == "text/plain"
    assert found["Content-Transfer-Encoding"] == "7bit"


def test_the_sender_is_named_as_set_and_nonsense_is_said_at_the_start() -> None:
    assert MailSender.parse("ICC <news@example.org>") == MailSender("ICC", "news@example.org")
    assert read(write(ready()))["From"].addresses[0].display_name == SENDER.name
    with pytest.raises(ConfigurationError):
        MailSender.parse("ICC")
