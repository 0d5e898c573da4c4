"""Calendar entries: what guests get by mail and what feeds show, read back and held against the standards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest

from conversation.replies import Wording
from subscriptions.calendar_entries import CalendarEntries
from subscriptions.models import Event
from subscriptions.zone_entries import zone_entry
from tests.subscriptions.itip import people, read_entries, read_entry

BEGINS = datetime(2026, 12, 3, 9, 0, tzinfo=ZoneInfo("Europe/Brussels"))


@pytest.fixture
def entries(wording: Wording) -> CalendarEntries:
    return CalendarEntries(wording.texts, organizer="team@example.org", public_url="https://hub.example.org")


def make_entry_event(**values: Any) -> Event:
    start = values.pop("starts_at", BEGINS)
    known: dict[str, Any] = {
        "id": "e1",
        "uid": "e1@hub.example.org",
        "form": "both",
        "titles": {"en": "Anti-rumour training", "ar": "تدريب ICC"},
        "descriptions": {"en": "**Bring** a laptop; coffee, tea\nand cake."},
        "place": "Bergen, Rådhuset; room 2, floor 1",
        "online_url": "https://meet.example.org/a,b;c",
        "starts_at": start,
        "ends_at": start + timedelta(hours=2),
        "time_zone": "Europe/Brussels",
        "created_by": "operator",
        "changed_at": datetime(2026, 11, 20, 8, 30, 5, 123, tzinfo=UTC),
    }
    return Event(**(known | values))


@pytest.mark.parametrize(
    ("answer", "standing"),
    [(None, "NEEDS-ACTION"), ("yes", "ACCEPTED"), ("maybe", "TENTATIVE"), ("waiting", "TENTATIVE")],
)
def test_an_invitation_keeps_the_rules_and_knows_the_answer(
    entries: CalendarEntries, answer: str | None, standing: str
) -> None:
    calendar = entries.write(make_entry_event(), language="en", name="Ada Ås", address="ada@example.org", answer=answer)
    assert calendar.method == "REQUEST"
    entry = read_entry(calendar.content, "REQUEST")
    (guest,) = people(entry)
    assert (str(guest), guest.params["CN"], guest.params["PARTSTAT"]) == ("mailto:ada@example.org", "Ada Ås", standing)
    assert (str(entry["UID"]), entry["SEQUENCE"]) == ("e1@hub.example.org", 0)
    assert entry["DTSTART"].dt == BEGINS
    assert entry["DTSTART"].params["TZID"] == "Europe/Brussels"
    assert str(entry["LOCATION"]) == "Bergen, Rådhuset; room 2, floor 1"
    assert str(entry["CONFERENCE"]) == "https://meet.example.org/a,b;c"
    assert "coffee, tea" in str(entry["DESCRIPTION"])
    assert "https://hub.example.org/events/e1" in str(entry["DESCRIPTION"])


def test_a_cancellation_takes_the_same_entry_away(entries: CalendarEntries) -> None:
    event = make_entry_event(cancelled_at=BEGINS - timedelta(days=1), sequence=3)
    calendar = entries.write(event, language="en", name="Ada", address="ada@example.org", answer="yes")
    assert calendar.method == "CANCEL"
    entry = read_entry(calendar.content, "CANCEL")
    assert (str(entry["UID"]), entry["SEQUENCE"], str(entry["STATUS"])) == ("e1@hub.example.org", 3, "CANCELLED")


def test_words_from_right_to_left_stay_whole_and_in_their_direction(entries: CalendarEntries) -> None:
    event = make_entry_event(titles={"ar": "ICC: " + "تدريب ضد الشائعات " * 8})
    calendar = entries.write(event, language="ar", name="أمل", address="amal@example.org")
    entry = read_entry(calendar.content, "REQUEST")
    assert str(entry["SUMMARY"]).startswith("\u200fICC: تدريب")
    assert entry["SUMMARY"].params["LANGUAGE"] == "ar"


@pytest.mark.parametrize(
    "evil", ['Eve"\r\nATTENDEE:mailto:all@example.org', "Eve\nEND:VEVENT", "Eve;X=1:y,z", "=?utf-8?q?x?="]
)
def test_no_name_or_title_adds_a_line_of_its_own(entries: CalendarEntries, evil: str) -> None:
    event = make_entry_event(titles={"en": evil}, place=evil, descriptions={"en": evil})
    calendar = entries.write(event, language="en", name=evil, address="ada@example.org")
    entry = read_entry(calendar.content, "REQUEST")
    assert [str(one) for one in people(entry)] == ["mailto:ada@example.org"]


def test_the_link_to_take_part_is_for_guests_alone(entries: CalendarEntries) -> None:
    event = make_entry_event(form="online", place=None)
    public = entries.publish([event], language="en", title="Events")
    assert b"meet.example.org" not in public
    (entry,) = read_entries(public, "PUBLISH")
    assert str(entry["LOCATION"]) == "Online"
    own = entries.publish([event], language="en", title="Mine", answers={"e1": "maybe"})
    (entry,) = read_entries(own, "PUBLISH")
    assert str(entry["CONFERENCE"]).startswith("https://meet.example.org")
    assert str(entry["STATUS"]) == "TENTATIVE"


def test_a_feed_tells_its_name_and_what_was_cancelled(entries: CalendarEntries) -> None:
    events = [make_entry_event(), make_entry_event(id="e2", uid="e2@x", time_zone="UTC", cancelled_at=BEGINS)]
    feed = entries.publish(events, language="fr", title="Villes\ninterculturelles")
    first, second = read_entries(feed, "PUBLISH")
    assert (str(first["STATUS"]), str(second["STATUS"])) == ("CONFIRMED", "CANCELLED")
    whole: Any = icalendar.Calendar.from_ical(feed)
    assert str(whole["X-WR-CALNAME"]) == str(whole["NAME"]) == "Villes interculturelles"


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Brussels", "Europe/Lisbon", "Europe/Dublin", "Europe/Istanbul", "Africa/Casablanca", "Africa/Cairo",
        "Asia/Jerusalem", "Asia/Tokyo", "America/Mexico_City", "America/Montreal", "Australia/Sydney", "Europe/Kyiv",
    ],
)  # fmt: skip
def test_the_zone_in_an_entry_tells_the_same_hours_as_the_zone_itself(zone: str) -> None:
    own = zone_entry(zone, 2026).to_tz()
    for day in range(365):
        at = datetime(2026, 1, 1, 12, 0) + timedelta(days=day)  # noqa: DTZ001
        assert at.replace(tzinfo=own).utcoffset() == at.replace(tzinfo=ZoneInfo(zone)).utcoffset(), at


def test_zones_of_europe_have_the_two_yearly_rules_that_outlook_reads() -> None:
    parts: list[Any] = zone_entry("Europe/Brussels", 2026).subcomponents
    rules = [part["RRULE"].to_ical().decode() for part in parts]
    assert sorted(rules) == ["FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"]
