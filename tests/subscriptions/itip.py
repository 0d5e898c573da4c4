"""Reads calendar entries back and holds them against the rules of RFC 5545 and RFC 5546."""

from __future__ import annotations

from typing import Any

import icalendar

ONCE = {
    "REQUEST": {"DTSTAMP", "DTSTART", "ORGANIZER", "SUMMARY", "UID", "SEQUENCE"},
    "CANCEL": {"DTSTAMP", "ORGANIZER", "UID", "SEQUENCE"},
    "PUBLISH": {"DTSTAMP", "DTSTART", "ORGANIZER", "SUMMARY", "UID"},
}
"""Properties that an event of a method has exactly once (RFC 5546, 3.2)."""
STATUSES = {"REQUEST": {"TENTATIVE", "CONFIRMED"}, "CANCEL": {"CANCELLED"}}


def read_entry(content: bytes, method: str) -> Any:
    """The one event of a calendar object that keeps the rules."""
    (event,) = read_entries(content, method)
    return event


def read_entries(content: bytes, method: str) -> list[Any]:
    """The events of a calendar object; fails the test where a rule is broken."""
    assert content.endswith(b"\r\n")
    lines = content.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert all(len(line) <= 75 for line in lines), "a line longer than 75 bytes"
    for line in lines:
        line.decode("utf-8")  # No character is cut by folding.
    whole: Any = icalendar.Calendar.from_ical(content)
    assert [str(whole[name]) for name in ("VERSION", "METHOD")] == ["2.0", method]
    assert str(whole["PRODID"])
    zones = {str(zone["TZID"]) for zone in whole.walk("VTIMEZONE")}
    events: list[Any] = whole.walk("VEVENT")
    for event in events:
        assert not event.errors
        _check(event, method, zones)
    return events


def _check(event: Any, method: str, zones: set[str]) -> None:
    for name in ONCE[method]:
        assert name in event, name
        assert not isinstance(event[name], list), name
    assert str(event["STATUS"]) in STATUSES.get(method, {str(event["STATUS"])})
    assert event["DTSTAMP"].dt.utcoffset().total_seconds() == 0
    assert "DURATION" not in event
    assert event["DTEND"].dt > event["DTSTART"].dt
    for name in ("DTSTART", "DTEND"):
        if zone := event[name].params.get("TZID"):
            assert zone in zones
    if method == "PUBLISH":
        assert "ATTENDEE" not in event
    else:
        (guest,) = people(event)
        assert guest.startswith("mailto:")
    if method == "CANCEL":
        assert not event.walk("VALARM")


def people(event: Any) -> list[Any]:
    """The attendees."""
    found = event["ATTENDEE"]
    return found if isinstance(found, list) else [found]
