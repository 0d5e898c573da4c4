"""The form of an event: what an operator types, and what it means. Dates are by the clock of the event's own zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from core.clock import time_zones
from core.language_names import find_language
from core.languages import RELEASED
from subscriptions.errors import EventInvalidError
from subscriptions.events import EventDetails, EventForm, find_mistakes
from subscriptions.models import Event
from subscriptions.topics import Topics
from web.forms import field, fields

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


AT_FIELD = {
    "title": f"title-{RELEASED[0]}",
    "description": f"description-{RELEASED[0]}",
    "language": "languages",
    "dates": "ends_at",
    "registration": "registration_closes_at",
    "reminders": "reminder_days",
}
"""Where on the page a problem is told, if not at the field of its own name."""


def read_details(given: Mapping[str, Any], topics: Topics) -> EventDetails:
    """What the form says. Raises EventInvalidError; its ``values['fields']`` has the problem of each wrong field."""
    wrong: dict[str, str] = {}
    zone = str(given["time_zone"])
    if zone not in time_zones():
        wrong["time_zone"], zone = "time_zone", "UTC"
    at = {name: _moment(given[name], zone, name, wrong) for name in DATES}
    for name in ("starts_at", "ends_at"):
        if at[name] is None:
            wrong.setdefault(name, "date")
    starts_at = at["starts_at"] or datetime.now(UTC)
    details = EventDetails(
        form=EventForm(given["form"]) if given["form"] in set(EventForm) else EventForm.ONLINE,
        titles={code: text for code in RELEASED if (text := given[f"title-{code}"])},
        descriptions={code: text for code in RELEASED if (text := given[f"description-{code}"])},
        topics=tuple(given["topics"]),
        starts_at=starts_at,
        ends_at=at["ends_at"] or starts_at + timedelta(hours=1),
        time_zone=zone,
        place=given["place"] or None,
        online_url=given["online_url"] or None,
        registration_opens_at=at["registration_opens_at"],
        registration_closes_at=at["registration_closes_at"],
        places=_number(given["places"], "places", wrong),
        places_per_city=_number(given["places_per_city"], "places_per_city", wrong),
        languages=_languages(given["languages"], wrong),
        who_pays=given["who_pays"][:400] or None,
        is_public=given["is_public"] == "yes",
        reminder_days=_days(given["reminder_days"], wrong),
    )
    has_wrong_dates = not wrong.keys().isdisjoint(DATES)
    for problem in find_mistakes(details, topics):
        # An hour that we could not read stands in for a guess, which says nothing about the others.
        if not (has_wrong_dates and problem in {"dates", "registration"}):
            wrong.setdefault(AT_FIELD.get(problem, problem), problem)
    if wrong:
        raise EventInvalidError(field=next(iter(wrong.values())), fields=wrong)
    return details


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


def _moment(text: str, zone: str, name: str, wrong: dict[str, str]) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text[:16]).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        wrong[name] = "date"
        return None


def _number(text: str, name: str, wrong: dict[str, str]) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 6:
        wrong[name] = "number"
        return None
    return int(text)


def _days(text: str, wrong: dict[str, str]) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError:
        wrong["reminder_days"] = "reminders"
        return ()


def _languages(text: str, wrong: dict[str, str]) -> tuple[str, ...]:
    """Codes or names in any language, with commas or only blanks between them."""
    found: list[str] = []
    for piece in re.split(r"[,;/،؛\n]+", text):
        named = [find_language(piece)] if find_language(piece) else [find_language(word) for word in piece.split()]
        if None in named:
            wrong["languages"] = "language"
        found += [code for code in named if code]
    return tuple(dict.fromkeys(found))
