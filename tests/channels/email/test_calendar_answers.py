"""Answers of calendars: read as they come from the common programs, and nothing else is taken for one."""

from __future__ import annotations

from typing import Any

import pytest

from channels.base import CalendarAnswer
from channels.email.calendar_answers import read_answer
from channels.email.mailbox import ImapAnswers, Mailbox
from channels.email.wiring import build_calendar_answers
from core.errors import ConfigurationError
from core.settings import Settings
from tests.channels.email import reports
from tests.channels.email.imap_server import imap_server

ADDRESS = "events@hub.example.org"
TOKEN = "ab12" * 12
GUEST = "ATTENDEE;CN=Ada;PARTSTAT=ACCEPTED:MAILTO:ADA@example.org"


def reply(
    *,
    sender: str = "Ada Lind <Ada@example.org>",
    to: str = f"ICC <events+{TOKEN}@hub.example.org>",
    method: str = "REPLY",
    media_type: str = "text/calendar",
    lines: tuple[str, ...] = (GUEST,),
) -> bytes:
    """As calendar programs send it: words, and the calendar's part beside them."""
    entry = ["UID:e1@hub.example.org", "SEQUENCE:2", "DTSTAMP:20261123T100000Z", *lines]
    calendar = ["BEGIN:VCALENDAR", "PRODID:-//Any//EN", "VERSION:2.0", f"METHOD:{method}"]
    calendar += ["BEGIN:VEVENT", *entry, "END:VEVENT", "END:VCALENDAR"]
    mail = [f"From: {sender}", f"To: {to}", "Subject: Accepted: Training", "MIME-Version: 1.0"]
    mail += ['Content-Type: multipart/alternative; boundary="b"', "", "--b", "Content-Type: text/plain", ""]
    mail += ["Ada has accepted.", "--b", f"Content-Type: {media_type}; charset=utf-8; method={method}", ""]
    return "\r\n".join([*mail, *calendar, "--b--", ""]).encode()


def test_an_answer_says_who_answered_what_and_where_it_came_to() -> None:
    assert read_answer(reply(), address=ADDRESS) == CalendarAnswer(
        token=TOKEN,
        event_uid="e1@hub.example.org",
        sender="ada@example.org",
        guest="ada@example.org",
        standing="ACCEPTED",
        sequence=2,
    )


@pytest.mark.parametrize(
    "values",
    [
        {"to": "ICC <events@hub.example.org>"},
        {"to": f"events+{TOKEN}@elsewhere.example"},
        {"to": f"other+{TOKEN}@hub.example.org"},
        {"sender": "ada@example.org, eve@example.org"},
        {"method": "REQUEST"},
        {"method": "COUNTER"},
        {"media_type": "text/plain"},
        {"lines": ("SUMMARY:nobody",)},
        {"lines": (GUEST, "ATTENDEE;PARTSTAT=DECLINED:mailto:bo@example.org")},
        {"lines": (GUEST, "RECURRENCE-ID:20261123T100000Z")},
    ],
)
def test_everything_else_is_no_answer(values: dict[str, Any]) -> None:
    assert read_answer(reply(**values), address=ADDRESS) is None


@pytest.mark.parametrize("content", [reports.HUMAN, b"", b"\xff\xfe\x00"])
def test_other_mail_is_none(content: bytes) -> None:
    assert read_answer(content, address=ADDRESS) is None


async def test_answers_are_found_once_and_other_mail_stays_unread() -> None:
    with imap_server() as box:
        box.mails = {1: reports.HUMAN, 2: reply(), 3: reply(method="COUNTER"), 4: reply(to=ADDRESS)}
        # The parser stumbles over these.
        box.mails |= {5: reply(lines=(GUEST, "SEQUENCE:many")), 6: reply().replace(b"BEGIN:VEVENT", b"BEGIN:")}
        mailbox = Mailbox.parse(f"imap://news:secret@127.0.0.1:{box.port}")
        source = ImapAnswers(mailbox, address=ADDRESS)
        found = await source.fetch()
        assert [(one.standing, one.uid) for one in found] == [("ACCEPTED", "2")]
        assert source._seen == {"3", "5", "6"}
        assert box.seen == set()
        await source.finish(found)
        assert box.seen == {2}
        assert await source.fetch() == []
        assert sum(command.startswith("UID FETCH 3") for command in box.commands) == 1
        assert not any(command.startswith(("UID FETCH 1", "UID FETCH 4")) for command in box.commands)


@pytest.mark.parametrize(
    "values",
    [
        {"calendar_address": ADDRESS},
        {"calendar_address": "events", "bounce_url": "imaps://u:p@mail.example.org"},
        {"calendar_address": "much-too-long-a-name@example.org", "bounce_url": "imaps://u:p@mail.example.org"},
    ],
)
def test_an_address_that_cannot_work_is_said_at_the_start(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        build_calendar_answers(Settings(_env_file=None, **values))
    assert build_calendar_answers(Settings(_env_file=None)) is None
