"""The form of an event: what an operator types, and what it means. Dates are by the clock of the event's own zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from core.clock import time_zones
from core.languages import RELEASED
from subscriptions.errors import EventInvalidError
from subscriptions.events import EventDetails, EventForm
from subscriptions.models import Event
from web.office.doorway import field, fields

type Given = dict[str, str | list[str]]
"""Field by field, as it stands on the page."""

DATES = ("starts_at", "ends_at", "registration_opens_at", "registration_closes_at")
LINES = (
    "form",
    "time_zone",
    "place",
    "online_url",
    "places",
    "places_per_city",
    "who_pays",
    "reminder_days",
    "languages",
)
LOCAL = "%Y-%m-%dT%H:%M"
"""As a date field of a browser has it."""


def form_of(source: FormData | Event | None, time_zone: str) -> Given:
    """What stands in the form: as it was sent, as the event is, or empty."""
    if source is None:
        empty: Given = dict.fromkeys((*LINES, *DATES, *_texts()), "")
        return empty | {
            "form": EventForm.ONLINE.value,
            "time_zone": time_zone,
            "topics": [],
            "is_public": "yes",
            "reminder_days": "1",
        }
    if isinstance(source, Event):
        return _from_event(source)
    given: Given = {name: field(source, name).strip() for name in (*LINES, *DATES, *_texts(), "is_public")}
    return given | {"topics": fields(source, "topics")}


def read_details(given: Mapping[str, Any]) -> EventDetails:
    """What the form says. Raises EventInvalidError, which names the field."""
    zone = str(given["time_zone"])
    if zone not in time_zones():
        raise EventInvalidError(field="time_zone")
    starts_at, ends_at = _moment(given["starts_at"], zone), _moment(given["ends_at"], zone)
    if starts_at is None or ends_at is None or given["form"] not in set(EventForm):
        raise EventInvalidError(field="date")
    return EventDetails(
        form=EventForm(given["form"]),
        titles={code: text for code in RELEASED if (text := given[f"title-{code}"])},
        descriptions={code: text for code in RELEASED if (text := given[f"description-{code}"])},
        topics=tuple(given["topics"]),
        starts_at=starts_at,
        ends_at=ends_at,
        time_zone=zone,
        place=given["place"] or None,
        online_url=given["online_url"] or None,
        registration_opens_at=_moment(given["registration_opens_at"], zone),
        registration_closes_at=_moment(given["registration_closes_at"], zone),
        places=_number(given["places"]),
        places_per_city=_number(given["places_per_city"]),
        languages=tuple(code for code in given["languages"].replace(",", " ").split()),
        who_pays=given["who_pays"][:400] or None,
        is_public=given["is_public"] == "yes",
        reminder_days=tuple(_days(given["reminder_days"])),
    )


def _from_event(event: Event) -> Given:
    zone = ZoneInfo(event.time_zone)
    given: Given = {name: str(getattr(event, name) or "") for name in LINES}
    given["reminder_days"] = ", ".join(map(str, event.reminder_days))
    given["languages"] = ", ".join(event.languages)
    for name in DATES:
        at = getattr(event, name)
        given[name] = at.astimezone(zone).strftime(LOCAL) if at else ""
    for code in RELEASED:
        given[f"title-{code}"] = event.titles.get(code, "")
        given[f"description-{code}"] = event.descriptions.get(code, "")
    return given | {"topics": list(event.topics), "is_public": "yes" if event.is_public else ""}


def _texts() -> list[str]:
    return [f"{name}-{code}" for name in ("title", "description") for code in RELEASED]


def _moment(text: str, zone: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text[:16]).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise EventInvalidError(field="date") from None


def _number(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 6:
        raise EventInvalidError(field="number")
    return int(text)


def _days(text: str) -> list[int]:
    try:
        return [int(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise EventInvalidError(field="reminders") from None
