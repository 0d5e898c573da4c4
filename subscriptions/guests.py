"""Who comes to an event: answers, places, the waiting list, what people need, who was there.

A place that becomes free goes to whoever has waited longest and whose city may have one more, at once, and they are
told. Every function that writes commits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.errors import RegistrationClosedError
from subscriptions.events import get_event
from subscriptions.models import (
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Event,
    Guest,
    Subscriber,
)
from subscriptions.people import load_people
from subscriptions.rhythm import end_of_quiet
from subscriptions.rules import Cause, Rule, WhyNot, find_channel
from subscriptions.subscribers import get_subscriber, list_addresses, new_id

LONGEST_NEEDS = 1000
HOLDS_UP = timedelta(days=1)
"""For how long registration waits for a digest whose hour is over."""


class GuestAnswer(StrEnum):
    """What somebody said; ``WAITING``: yes, but there is no place yet."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"
    WAITING = "waiting"


COMING = frozenset({GuestAnswer.YES, GuestAnswer.WAITING})


@dataclass(frozen=True, slots=True)
class Needs:
    """What a guest needs; deleted 30 days after the event. ``interpretation``: into which language."""

    words: str = ""
    interpretation: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer. ``opens_at``: a yes came before registration opened, so it stands as a maybe."""

    event: Event
    guest: Guest
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GuestLine:
    """One line of the list of guests."""

    guest: Guest
    name: str
    city: str | None
    country: str | None
    language: str


async def answer_event(
    session: AsyncSession,
    event_id: str,
    subscriber_id: str,
    said: GuestAnswer,
    *,
    needs: Needs | None = None,
    clock: Clock,
) -> Answered:
    """Note an answer; the same one twice changes nothing but the needs, where they are given.

    A yes beyond the places waits. Raises EventNotFoundError, SubscriberNotFoundError, RegistrationClosedError.
    """
    now = clock.now()
    event = await get_event(session, event_id, lock=True)
    person = await get_subscriber(session, subscriber_id)
    guest = await session.get(Guest, (event_id, subscriber_id), populate_existing=True)
    before = guest.answer if guest else None
    wanted: GuestAnswer = GuestAnswer.YES if said is GuestAnswer.WAITING else said
    check_open(event, wanted, before, now)
    opens_at = (
        await find_opening(session, event, now=now) if wanted is GuestAnswer.YES and before not in COMING else None
    )
    if opens_at is not None and opens_at >= (event.registration_opens_at or now):
        # So that those who came too early are told when it opens.
        event.registration_opens_at = opens_at
        session.add(event)
    if wanted is GuestAnswer.YES:
        wanted = await _place_for(session, event, person, before, is_open=opens_at is None)
    if guest is None:
        guest = Guest(event_id=event_id, subscriber_id=subscriber_id, answer=wanted, answered_at=now)
    elif before != wanted:
        guest.answer, guest.answered_at = wanted, now
    if wanted is GuestAnswer.NO:
        needs = Needs()
    if needs is not None:
        guest.needs, guest.interpretation = needs.words.strip()[:LONGEST_NEEDS] or None, needs.interpretation
    session.add(guest)
    await session.flush()
    await _move_up(session, event, now=now)
    await session.commit()
    return Answered(event, guest, opens_at)


def check_open(event: Event, said: GuestAnswer, before: str | None, now: datetime) -> None:
    """Raises RegistrationClosedError. Somebody who is coming can always say what they need, or that they cannot."""
    if event.cancelled_at is not None:
        raise RegistrationClosedError(why="cancelled")
    if event.ends_at <= now:
        raise RegistrationClosedError(why="over")
    is_late = event.registration_closes_at is not None and event.registration_closes_at <= now
    if is_late and said is not GuestAnswer.NO and not (said is GuestAnswer.YES and before in COMING):
        raise RegistrationClosedError(why="closed")


async def find_opening(session: AsyncSession, event: Event, *, now: datetime) -> datetime | None:
    """When registration opens; None: it is open.

    Where places are limited, everybody who gets the invitation has it before anybody can take a place: those who read
    digests, and those in quiet hours.
    """
    moments = [event.registration_opens_at] if (event.registration_opens_at or now) > now else []
    if event.places is not None or event.places_per_city is not None:
        moments += [max(latest, now) for latest in await _last_to_hear(session, event, now) if latest is not None]
    return max(filter(None, moments), default=None)


async def is_full_for(session: AsyncSession, event: Event, person: Subscriber) -> str | None:
    """Whether somebody would have to wait: "event", or "city" where only the own city's places are taken."""
    taken = await _taken(session, event)
    if _has_place(event, taken, person.city):
        return None
    return "event" if event.places is not None and taken.total() >= event.places else "city"


async def fill_places(session: AsyncSession, event_id: str, *, clock: Clock) -> int:
    """Give free places to those who wait and tell them; returns to how many. Called twice, it does nothing more."""
    event = await get_event(session, event_id, lock=True)
    moved = 0
    if event.cancelled_at is None and event.starts_at > clock.now():
        moved = await _move_up(session, event, now=clock.now())
    await session.commit()
    return moved


async def list_guests(session: AsyncSession, event_id: str) -> list[GuestLine]:
    """All who answered: who comes first, then who waits in their order, then maybe and no; each by city and name."""
    query = (
        select(Guest, Subscriber.name, Subscriber.city, Subscriber.country, Subscriber.language)  # type: ignore[call-overload]
        .join(Subscriber, col(Subscriber.id) == col(Guest.subscriber_id))
        .where(col(Guest.event_id) == event_id, col(Subscriber.left_at).is_(None))
    )
    lines = [GuestLine(*row) for row in await session.exec(query)]
    order = [GuestAnswer.YES, GuestAnswer.WAITING, GuestAnswer.MAYBE, GuestAnswer.NO]

    def place(line: GuestLine) -> tuple[int, str, str, str]:
        rank = order.index(GuestAnswer(line.guest.answer))
        waits = line.guest.answered_at.isoformat() if line.guest.answer == GuestAnswer.WAITING else ""
        return rank, waits, line.city or "", line.name

    return sorted(lines, key=place)


async def count_answers(session: AsyncSession, event_ids: Iterable[str]) -> dict[str, Counter[str]]:
    """Answers by event, of those who have not left."""
    query = (
        select(Guest.event_id, Guest.answer, func.count())
        .join(Subscriber, col(Subscriber.id) == col(Guest.subscriber_id))
        .where(col(Guest.event_id).in_(list(event_ids)), col(Subscriber.left_at).is_(None))
        .group_by(col(Guest.event_id), col(Guest.answer))
    )
    counts: dict[str, Counter[str]] = {}
    for event_id, answer, count in await session.exec(query):
        counts.setdefault(event_id, Counter())[answer] = count
    return counts


async def find_guest(session: AsyncSession, event_id: str, subscriber_id: str) -> Guest | None:
    """Somebody's answer."""
    return await session.get(Guest, (event_id, subscriber_id))


async def mark_attendance(session: AsyncSession, event_id: str, present: Iterable[str]) -> int:
    """Who of those with a place was there; the others of them were not. Returns how many were."""
    there = set(present)
    guests = list(await session.exec(select(Guest).where(Guest.event_id == event_id)))
    for guest in guests:
        guest.attended = guest.subscriber_id in there if guest.answer in {GuestAnswer.YES, GuestAnswer.MAYBE} else None
        session.add(guest)
    await session.commit()
    return sum(bool(guest.attended) for guest in guests)


async def _last_to_hear(session: AsyncSession, event: Event, now: datetime) -> list[datetime | None]:
    """When the invitation reaches the last reader of a digest, the last in quiet hours, and when it goes at all."""
    mine = select(Broadcast.id).where(
        col(Broadcast.event_id) == event.id,
        col(Broadcast.kind) == BroadcastKind.EVENT,
        col(Broadcast.status) != BroadcastStatus.CANCELLED,
    )
    digests = select(func.max(col(DigestItem.due_at))).where(
        col(DigestItem.broadcast_id).in_(mine),
        col(DigestItem.sent_in).is_(None),
        col(DigestItem.dropped_at).is_(None),
        # A digest that is late, since the hub was off, still holds it up; one that never went does not for ever.
        col(DigestItem.due_at) > now - HOLDS_UP,
    )
    quiet = select(func.max(col(Delivery.due_at))).where(
        col(Delivery.broadcast_id).in_(mine), Delivery.status == DeliveryStatus.WAITING
    )
    planned = select(func.max(col(Broadcast.due_at))).where(
        col(Broadcast.id).in_(mine),
        col(Broadcast.expanded_at).is_(None),
        col(Broadcast.status).in_((BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING)),
    )
    return [(await session.exec(query)).one() for query in (digests, quiet, planned)]


async def _place_for(
    session: AsyncSession, event: Event, person: Subscriber, before: str | None, *, is_open: bool
) -> GuestAnswer:
    """What a yes becomes."""
    if before in COMING:
        return GuestAnswer(before)
    if not is_open:
        return GuestAnswer.MAYBE
    taken = await _taken(session, event)
    return GuestAnswer.YES if _has_place(event, taken, person.city) else GuestAnswer.WAITING


async def _taken(session: AsyncSession, event: Event) -> Counter[str | None]:
    query = (
        select(Subscriber.city, func.count())
        .join(Guest, col(Guest.subscriber_id) == col(Subscriber.id))
        .where(Guest.event_id == event.id, Guest.answer == GuestAnswer.YES, col(Subscriber.left_at).is_(None))
        .group_by(col(Subscriber.city))
    )
    return Counter(dict((await session.exec(query)).all()))


def _has_place(event: Event, taken: Counter[str | None], city: str | None) -> bool:
    if event.places is not None and taken.total() >= event.places:
        return False
    # People of no city share no limit with each other.
    return event.places_per_city is None or city is None or taken[city] < event.places_per_city


async def _move_up(session: AsyncSession, event: Event, *, now: datetime) -> int:
    query = (
        select(Guest, Subscriber.city)
        .join(Subscriber, col(Subscriber.id) == col(Guest.subscriber_id))
        .where(Guest.event_id == event.id, Guest.answer == GuestAnswer.WAITING, col(Subscriber.left_at).is_(None))
        .order_by(col(Guest.answered_at), col(Guest.subscriber_id))
    )
    waiting: Sequence[Any] = (await session.exec(query)).all()
    taken = await _taken(session, event) if waiting else Counter()
    moved = 0
    for guest, city in waiting:
        if _has_place(event, taken, city):
            taken[city] += 1
            guest.answer, guest.answered_at = GuestAnswer.YES, now
            session.add(guest)
            await _tell(session, event, guest.subscriber_id, now)
            moved += 1
    return moved


async def _tell(session: AsyncSession, event: Event, subscriber_id: str, now: datetime) -> None:
    """Queue "there is a place for you": it comes before pauses, as an answer to what was asked for."""
    person = (await load_people(session, [subscriber_id], ()))[subscriber_id]
    channel = find_channel(person, Cause(Rule.ANSWER))
    if isinstance(channel, WhyNot):
        return
    at = end_of_quiet(person.rhythm, now)
    session.add(
        Delivery(
            id=new_id(),
            message=f"place/{new_id()}",
            address_id=(await list_addresses(session, subscriber_id))[channel].id,
            subscriber_id=subscriber_id,
            channel=channel,
            language=person.language,
            status=DeliveryStatus.QUEUED if at <= now else DeliveryStatus.WAITING,
            because={"rule": Rule.GUEST.value},
            due_at=at,
            parts={"event": event.id},
            created_at=now,
        )
    )
