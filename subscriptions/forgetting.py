"""What is kept until its term is over: newcomers who never confirmed, broadcasts with their texts and files, events.

The scheduler calls each once an hour; each commits by batch, may be called twice, and returns how many are gone.
docs/architecture.md lists the terms.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, exists, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.models import (
    Address,
    Broadcast,
    BroadcastStatus,
    BroadcastText,
    Confirmation,
    Delivery,
    Event,
    Guest,
    Subscriber,
    Subscription,
    TeamAlert,
)
from subscriptions.personal_data import erase_person
from subscriptions.placing import OPEN

KEEP_NEWCOMERS = timedelta(days=30)
"""Who asked for our news and never confirmed the address."""
KEEP_DRAFTS = timedelta(days=365)
"""After the last word was changed in what was never sent."""
KEEP_RECORD = timedelta(days=3 * 365)
"""What the team sent, events that took place and who was there: the team's record."""
KEEP_ALERTS = timedelta(days=395)
BATCH = 200

DRAFTS = (BroadcastStatus.DRAFT, BroadcastStatus.IN_REVIEW)
ENDED = (BroadcastStatus.SENT, BroadcastStatus.CANCELLED)


async def delete_newcomers(session: AsyncSession, *, clock: Clock) -> int:
    """Erase who came by themselves 30 days ago and never confirmed an address.

    Not whom the team or a city entered or named since, and not while a link that was sent to them still works.
    """
    query = select(Subscriber.id).where(
        col(Subscriber.joined_at) <= clock.now() - KEEP_NEWCOMERS,
        col(Subscriber.is_mandatory_contact).is_(False),
        col(Subscriber.may_set_city_defaults).is_(False),
        ~exists().where(col(Address.subscriber_id) == col(Subscriber.id), col(Address.confirmed_at).is_not(None)),
        ~exists().where(
            col(Confirmation.subscriber_id) == col(Subscriber.id), col(Confirmation.expires_at) > clock.now()
        ),
        ~exists().where(col(Subscription.subscriber_id) == col(Subscriber.id), col(Subscription.origin) == "import"),
    )
    found = list(await session.exec(query.limit(BATCH)))
    await session.commit()
    for subscriber_id in found:
        await erase_person(session, subscriber_id, clock=clock)
    return len(found)


async def delete_broadcasts(session: AsyncSession, *, clock: Clock) -> int:
    """Delete drafts that nobody touched for a year, and what ended three years ago, with texts and files.

    Nothing that waits to be sent, and nothing of which a message still waits.
    """
    now = clock.now()
    touched = (
        select(func.max(col(BroadcastText.changed_at)))
        .where(col(BroadcastText.broadcast_id) == col(Broadcast.id))
        .scalar_subquery()
    )
    forgotten = [
        col(Broadcast.status).in_(DRAFTS),
        col(Broadcast.created_at) <= now - KEEP_DRAFTS,
        func.coalesce(touched, col(Broadcast.created_at)) <= now - KEEP_DRAFTS,
    ]
    ended_at = func.coalesce(col(Broadcast.finished_at), col(Broadcast.due_at), col(Broadcast.created_at))
    is_open = exists().where(col(Delivery.broadcast_id) == col(Broadcast.id), col(Delivery.status).in_(OPEN))
    over = [col(Broadcast.status).in_(ENDED), ended_at <= now - KEEP_RECORD, ~is_open]
    return await _delete(session, Broadcast, forgotten) + await _delete(session, Broadcast, over)


async def delete_events(session: AsyncSession, *, clock: Clock) -> int:
    """Delete events that ended three years ago, with who said what and who was there."""
    before = clock.now() - KEEP_RECORD
    old = select(Event.id).where(col(Event.ends_at) <= before)
    await (await session.connection()).execute(delete(Guest).where(col(Guest.event_id).in_(old)))
    return await _delete(session, Event, [col(Event.ends_at) <= before])


async def delete_alerts(session: AsyncSession, *, clock: Clock) -> int:
    """Delete what the team looked at and settled long ago."""
    return await _delete(session, TeamAlert, [col(TeamAlert.settled_at) <= clock.now() - KEEP_ALERTS])


async def _delete(session: AsyncSession, table: Any, conditions: list[Any]) -> int:
    """Delete rows by batch; what hangs on them goes by the database's own rules."""
    total = 0
    while True:
        some = select(table.id).where(*conditions).limit(BATCH)
        done = await (await session.connection()).execute(delete(table).where(col(table.id).in_(some)))
        await session.commit()
        total += done.rowcount
        if done.rowcount < BATCH:
            return total
