"""What the scheduler calls, in one process: each is short, may be called twice, and returns a count."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, update
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.audience import asked_topics
from subscriptions.confirmation import expire_confirmations
from subscriptions.models import (
    Broadcast,
    BroadcastStatus,
    ChannelName,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Event,
    Guest,
    Missed,
    PreferenceChange,
    Subscriber,
)
from subscriptions.people import load_message, load_people
from subscriptions.rhythm import end_of_quiet, is_paused
from subscriptions.rules import Decision, Outcome, decide
from subscriptions.subscribers import list_addresses, new_id
from subscriptions.topics import Topics

KEEP_NEEDS = timedelta(days=30)
"""Interpretation, access and diet needs are deleted so long after an event."""

KEEP_CHANGES = timedelta(days=90)
KEEP_DELIVERIES = timedelta(days=395)
"""13 months: whoever writes the yearly message still sees whom last year's reached."""
OVER = (
    DeliveryStatus.SENT,
    DeliveryStatus.FAILED,
    DeliveryStatus.BOUNCED,
    DeliveryStatus.SUPPRESSED,
    DeliveryStatus.CANCELLED,
)
BATCH = 1000

__all__ = ["delete_needs", "end_pauses", "expire_changes", "expire_confirmations", "expire_deliveries", "list_joinable"]


async def delete_needs(session: AsyncSession, *, clock: Clock) -> int:
    """Delete what guests needed, 30 days after their event."""
    over = select(Event.id).where(col(Event.ends_at) <= clock.now() - KEEP_NEEDS)
    kept = update(Guest).where(
        col(Guest.event_id).in_(over), or_(col(Guest.needs).is_not(None), col(Guest.interpretation).is_not(None))
    )
    done = await (await session.connection()).execute(kept.values(needs=None, interpretation=None))
    await session.commit()
    return done.rowcount


async def expire_changes(session: AsyncSession, *, clock: Clock) -> int:
    """Delete the record of changes that nobody will undo any more."""
    old = delete(PreferenceChange).where(col(PreferenceChange.changed_at) <= clock.now() - KEEP_CHANGES)
    done = await (await session.connection()).execute(old)
    await session.commit()
    return done.rowcount


async def expire_deliveries(session: AsyncSession, *, clock: Clock) -> int:
    """Delete what is over for 13 months: deliveries, and items that a digest carried or that were dropped.

    Commits by batch and may be repeated. What still waits or is being sent is never touched.
    """
    before = clock.now() - KEEP_DELIVERIES
    items = delete(DigestItem).where(
        or_(col(DigestItem.sent_in).is_not(None), col(DigestItem.dropped_at).is_not(None)),
        col(DigestItem.due_at) <= before,
    )
    await (await session.connection()).execute(items)
    await session.commit()
    ended = func.coalesce(col(Delivery.finished_at), col(Delivery.due_at)) <= before
    some = select(Delivery.id).where(col(Delivery.status).in_(OVER), ended).limit(BATCH)
    total = 0
    while True:
        done = await (await session.connection()).execute(delete(Delivery).where(col(Delivery.id).in_(some)))
        await session.commit()
        total += done.rowcount
        if done.rowcount < BATCH:
            return total


async def end_pauses(session: AsyncSession, *, topics: Topics, clock: Clock) -> int:
    """Tell everybody whose pause is over what it withheld and what can still be joined; returns how many are told.

    One message each and channel, ``missed/…``, its ``parts`` naming the broadcasts. What is closed, was cancelled,
    or is not wanted any more is left out; nothing left, nothing sent.
    """
    query = (
        select(Missed.subscriber_id)
        .join(Subscriber, col(Subscriber.id) == col(Missed.subscriber_id))
        # A day more, since it is tomorrow somewhere; the exact end is asked below.
        .where(
            or_(
                col(Subscriber.paused_until).is_(None),
                col(Subscriber.paused_until) <= clock.now().date() + timedelta(days=1),
            )
        )
        .distinct()
    )
    told = 0
    for subscriber_id in list(await session.exec(query)):
        told += await _end_pause(session, subscriber_id, topics=topics, now=clock.now())
    return told


async def list_joinable(
    session: AsyncSession, subscriber_id: str, broadcast_ids: Iterable[str], *, topics: Topics, now: datetime
) -> dict[str, ChannelName]:
    """Of broadcasts that a pause withheld, those that can still be joined and are still wanted, with their channel.

    Asked when the pause ends, and again when the message about it is written.
    """
    found: dict[str, ChannelName] = {}
    for broadcast_id in broadcast_ids:
        decision = await _still_wanted(session, subscriber_id, broadcast_id, topics=topics, now=now)
        if decision is not None and decision.channel is not None:
            found[broadcast_id] = decision.channel
    return found


async def _end_pause(session: AsyncSession, subscriber_id: str, *, topics: Topics, now: datetime) -> bool:
    person = (await load_people(session, [subscriber_id], ()))[subscriber_id]
    if is_paused(person.rhythm, now):
        return False
    rows = list(await session.exec(select(Missed).where(Missed.subscriber_id == subscriber_id)))
    joinable = await list_joinable(session, subscriber_id, [row.broadcast_id for row in rows], topics=topics, now=now)
    addresses = await list_addresses(session, subscriber_id)
    at = end_of_quiet(person.rhythm, now)
    for channel in sorted(set(joinable.values())):
        session.add(
            Delivery(
                id=new_id(),
                message=f"missed/{new_id()}",
                address_id=addresses[channel].id,
                subscriber_id=subscriber_id,
                channel=channel,
                language=person.language,
                status=DeliveryStatus.QUEUED if at <= now else DeliveryStatus.WAITING,
                because={"rule": "pause"},
                due_at=at,
                parts={"missed": [name for name, by in joinable.items() if by is channel]},
                created_at=now,
            )
        )
    for row in rows:
        await session.delete(row)
    await session.commit()
    return bool(joinable)


async def _still_wanted(
    session: AsyncSession, subscriber_id: str, broadcast_id: str, *, topics: Topics, now: datetime
) -> Decision | None:
    """What the rules say of a broadcast that can still be joined; None when it cannot, or is not wanted."""
    broadcast = await session.get(Broadcast, broadcast_id)
    if broadcast is None or broadcast.status == BroadcastStatus.CANCELLED:
        return None
    event = await session.get(Event, broadcast.event_id) if broadcast.event_id else None
    closes_at = broadcast.closes_at
    if event is not None:
        if event.cancelled_at is not None:
            return None
        closes_at = closes_at or event.registration_closes_at or event.starts_at
    if closes_at is None or closes_at <= now:
        return None
    message = await load_message(session, broadcast, topics)
    people = await load_people(session, [subscriber_id], asked_topics(message), event_id=broadcast.event_id)
    decision = decide(message, people[subscriber_id], now)
    return None if decision.outcome is Outcome.NOT else decision
