"""Events: something with a date. Made, changed, cancelled and found here.

Who comes is in ``guests``, what is written about it in ``event_notices``, its calendar entry in ``calendar_entries``.
Every function that writes commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock, time_zones
from core.languages import LANGUAGES, SOURCE_LANGUAGE
from subscriptions.errors import EventInvalidError, EventNotFoundError
from subscriptions.models import Event
from subscriptions.subscribers import new_id
from subscriptions.topics import Topics

LONGEST_TITLE = 200
LONGEST_TEXT = 20_000
LONGEST_EVENT = timedelta(days=31)
WORTH_TELLING = frozenset({
    "starts_at", "ends_at", "time_zone", "place", "online_url", "form", "languages", "who_pays",
    "registration_closes_at",
})  # fmt: skip
"""A change of these concerns whoever wants to come, and makes a new version of the calendar entry (RFC 5546).

Corrected words make none: they are sent to nobody, so answers to the entry that guests have would be too old to count.
"""


class EventForm(StrEnum):
    """Where people meet."""

    IN_PERSON = "in_person"
    ONLINE = "online"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetails:
    """What an operator says of an event. ``titles`` and ``descriptions`` (Markdown) are by language."""

    form: EventForm
    titles: Mapping[str, str]
    descriptions: Mapping[str, str] = field(default_factory=dict)
    topics: tuple[str, ...] = ()
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    place: str | None = None
    online_url: str | None = None
    registration_opens_at: datetime | None = None
    registration_closes_at: datetime | None = None
    places: int | None = None
    places_per_city: int | None = None
    languages: tuple[str, ...] = ()
    who_pays: str | None = None
    is_public: bool = True
    reminder_days: tuple[int, ...] = (1,)

    def as_columns(self) -> dict[str, Any]:
        """Values for the table."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        lists = {name: list(values[name]) for name in ("topics", "languages")}
        maps = {
            name: {code: text for code, text in values[name].items() if text} for name in ("titles", "descriptions")
        }
        days = {"reminder_days": sorted(set(self.reminder_days), reverse=True)}
        return values | lists | maps | days | {"form": self.form.value}


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of an event means. ``before`` holds the old values of what changed."""

    event: Event
    before: Mapping[str, Any]

    @property
    def is_worth_telling(self) -> bool:
        """Whether whoever wants to come has to know."""
        return not WORTH_TELLING.isdisjoint(self.before)


async def create_event(
    session: AsyncSession,
    details: EventDetails,
    *,
    created_by: str,
    domain: str,
    topics: Topics,
    clock: Clock,
    network: str | None = None,
) -> Event:
    """A new event. ``domain`` ends the id of its calendar entry, which never changes. Raises EventInvalidError.

    ``network``: the national network that it belongs to; None: it is the whole network's.
    """
    check_details(details, topics)
    event_id = new_id()
    event = Event(
        id=event_id,
        uid=f"{event_id}@{domain}",
        created_by=created_by,
        changed_at=clock.now(),
        network=network,
        **details.as_columns(),
    )
    session.add(event)
    await session.commit()
    return event


async def update_event(
    session: AsyncSession, event_id: str, details: EventDetails, *, topics: Topics, clock: Clock
) -> Changed:
    """Change an event; nothing changed, nothing written. Raises EventNotFoundError, EventInvalidError."""
    check_details(details, topics)
    event = await get_event(session, event_id, lock=True)
    before = {}
    for name, value in details.as_columns().items():
        if (old := getattr(event, name)) != value:
            before[name] = old
            setattr(event, name, value)
    if before:
        event.changed_at = clock.now()
        event.sequence += not WORTH_TELLING.isdisjoint(before)
        session.add(event)
    await session.commit()
    return Changed(event, before)


async def cancel_event(session: AsyncSession, event_id: str, *, clock: Clock) -> Event:
    """It will not take place. Doing it twice is no error. Raises EventNotFoundError."""
    event = await get_event(session, event_id, lock=True)
    if event.cancelled_at is None:
        event.cancelled_at = event.changed_at = clock.now()
        event.sequence += 1
        session.add(event)
    await session.commit()
    return event


async def get_event(session: AsyncSession, event_id: str, *, lock: bool = False) -> Event:
    """The event, kept from others' writes until the commit where ``lock`` says so. Raises EventNotFoundError."""
    if lock:
        # A write comes first: on SQLite, a transaction that read before may not write after another one did.
        mine = update(Event).where(col(Event.id) == event_id).values(id=event_id)
        await (await session.connection()).execute(mine)
    event = await session.get(Event, event_id, populate_existing=lock)
    if event is None:
        raise EventNotFoundError
    return event


async def list_events(
    session: AsyncSession,
    *,
    now: datetime,
    topic: str | None = None,
    is_public: bool | None = True,
    past: bool = False,
    network: str | None = None,
) -> list[Event]:
    """Events that are not over, the next one first; or (``past``) those that are, the last one first.

    ``network``: only those of one national network.
    """
    ends_at = col(Event.ends_at)
    query = select(Event).where(ends_at <= now if past else ends_at > now)
    if is_public is not None:
        query = query.where(Event.is_public == is_public)
    if network is not None:
        query = query.where(Event.network == network)
    order = (col(Event.starts_at).desc() if past else col(Event.starts_at)), col(Event.id)
    found = list(await session.exec(query.order_by(*order)))
    return [event for event in found if topic is None or topic in event.topics]


def title_of(event: Event, language: str) -> tuple[str, str]:
    """The title in a language, else in English, else in any; and the language that it is in."""
    return _in_language(event.titles, language)


def description_of(event: Event, language: str) -> tuple[str, str]:
    """The description (Markdown) as ``title_of``."""
    return _in_language(event.descriptions, language)


def check_details(details: EventDetails, topics: Topics) -> None:
    """Raises EventInvalidError, which names the first thing that is wrong."""
    if mistakes := find_mistakes(details, topics):
        raise EventInvalidError(field=mistakes[0])


def find_mistakes(details: EventDetails, topics: Topics) -> list[str]:
    """Everything that is wrong, as ``event.problem.<name>``."""
    online = urlsplit(details.online_url or "")
    opens, closes = details.registration_opens_at, details.registration_closes_at
    checks = {
        "title": bool(details.titles) and all(_is_line(text) for text in details.titles.values()),
        "language": {*details.titles, *details.descriptions, *details.languages} <= set(LANGUAGES),
        "description": all(len(text) <= LONGEST_TEXT for text in details.descriptions.values()),
        "topics": all(topic in topics.facts for topic in details.topics),
        "time_zone": details.time_zone in time_zones(),
        "dates": timedelta(0) < details.ends_at - details.starts_at <= LONGEST_EVENT,
        "place": bool(details.place) or details.form is EventForm.ONLINE,
        "online_url": details.online_url is None or (online.scheme in {"http", "https"} and bool(online.netloc)),
        "places": all(number is None or number > 0 for number in (details.places, details.places_per_city)),
        "registration": (closes is None or closes <= details.ends_at)
        and (opens is None or opens < (closes or details.starts_at)),
        "reminders": all(0 <= day <= 60 for day in details.reminder_days),
    }
    return [name for name, is_right in checks.items() if not is_right]


def _is_line(text: str) -> bool:
    return 0 < len(text.strip()) <= LONGEST_TITLE and "\n" not in text


def _in_language(texts: Mapping[str, str], language: str) -> tuple[str, str]:
    for code in (language, SOURCE_LANGUAGE, *texts):
        if texts.get(code):
            return texts[code], code
    return "", SOURCE_LANGUAGE
