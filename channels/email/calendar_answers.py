"""What calendar programs send when somebody presses *Accept*: an answer to an invitation (RFC 5546, REPLY).

Only read here. Whether it is believed is for the subject to say: anybody can write such a mail.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import getaddresses

import icalendar

from channels.base import CalendarAnswer

MOST_BYTES = 500_000
_ARRIVED_FOR = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")
_MAILTO = re.compile(r"mailto:", re.IGNORECASE)


def split_address(address: str) -> tuple[str, str]:
    """The part before the at sign and the domain."""
    local, _, domain = address.rpartition("@")
    return local, domain


def read_answer(content: bytes, *, address: str) -> CalendarAnswer | None:
    """The answer in a mail that came for ``address`` with a token behind a plus; None for all other mail.

    One sender, one event, one guest: a mail that speaks for several is none.
    """
    message = email.message_from_bytes(content[:MOST_BYTES], policy=email.policy.default)
    token = _find_token(message, address)
    senders = _addresses(message, "From")
    if token is None or len(senders) != 1:
        return None
    for text in _calendars(message):
        calendar = icalendar.Calendar.from_ical(text)
        events = calendar.walk("VEVENT")
        if str(calendar.get("METHOD", "")).upper() != "REPLY" or len(events) != 1 or "RECURRENCE-ID" in events[0]:
            continue
        guest = events[0].get("ATTENDEE")
        if guest is None or isinstance(guest, list):
            continue
        return CalendarAnswer(
            token=token,
            event_uid=str(events[0].get("UID", "")),
            sender=senders[0],
            guest=_MAILTO.sub("", str(guest), count=1).strip().lower(),
            standing=str(guest.params.get("PARTSTAT", "")).upper(),
            sequence=int(events[0].get("SEQUENCE", 0)),
        )
    return None


def _find_token(message: EmailMessage, address: str) -> str | None:
    local, domain = split_address(address.lower())
    for header in _ARRIVED_FOR:
        for found in _addresses(message, header):
            name, at = split_address(found)
            if at == domain and name.startswith(f"{local}+"):
                return name.removeprefix(f"{local}+")
    return None


def _addresses(message: EmailMessage, header: str) -> list[str]:
    values = [str(value) for value in message.get_all(header, [])]
    return [found.strip().lower() for _, found in getaddresses(values) if "@" in found]


def _calendars(message: EmailMessage) -> Iterator[str]:
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                yield content.decode("utf-8", "replace")
