"""Writes what a broadcast that is due means for each person: deliveries, items of digests, what a pause made missed.

In batches, each with its place in one transaction, so that it goes on where it was stopped, writes nothing twice even
when two processes try, and needs the same memory for ten people and for a hundred thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.database import Database
from subscriptions.audience import asked_topics, in_audience
from subscriptions.errors import BroadcastNotFoundError
from subscriptions.models import (
    Address,
    Broadcast,
    BroadcastStatus,
    Delivery,
    DigestItem,
    Missed,
    Subscriber,
)
from subscriptions.people import facts_of, load_message, person_of
from subscriptions.placing import VISIBLE, delivery_row, insert_new, item_row
from subscriptions.rules import Decision, Message, Outcome, WhyNot, decide
from subscriptions.topics import Topics

BATCH = 1000


@dataclass
class _Rows:
    """What a batch writes."""

    deliveries: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    missed: list[dict[str, Any]] = field(default_factory=list)


async def expand(database: Database, broadcast_id: str, *, topics: Topics, clock: Clock) -> Counter[str]:
    """Write the rows of a broadcast whose status is ``sending``; returns how many by outcome.

    Stops between two batches when the broadcast is paused or cancelled, or another process writes them; called again,
    it goes on. When everybody is done, ``expanded_at`` is set.
    """
    counts: Counter[str] = Counter()
    while True:
        async with database.session() as session:
            more = await _expand_batch(session, broadcast_id, topics=topics, now=clock.now(), counts=counts)
        if not more:
            return counts


async def _expand_batch(
    session: AsyncSession, broadcast_id: str, *, topics: Topics, now: datetime, counts: Counter[str]
) -> bool:
    """One batch in one transaction; False when nothing is left to do here."""
    broadcast = await session.get(Broadcast, broadcast_id)
    if broadcast is None:
        raise BroadcastNotFoundError(id=broadcast_id)
    if broadcast.status != BroadcastStatus.SENDING or broadcast.expanded_at is not None:
        return False
    message = await load_message(session, broadcast, topics)
    begins_after = broadcast.expanded_to
    ids = await _next_ids(session, broadcast)
    # Ends the reading transaction: on SQLite, one that has read cannot write after another process wrote.
    await session.rollback()
    taken = update(Broadcast).where(
        col(Broadcast.id) == broadcast_id,
        col(Broadcast.status) == BroadcastStatus.SENDING,
        col(Broadcast.expanded_at).is_(None),
        col(Broadcast.expanded_to).is_not_distinct_from(begins_after),
    )
    connection = await session.connection()
    values = {"expanded_to": ids[-1]} if ids else {"expanded_at": now}
    if (await connection.execute(taken.values(**values))).rowcount == 0:
        await session.rollback()
        return False
    if ids:
        rows = await _decide_all(session, broadcast_id, message, ids, now=now, counts=counts)
        await insert_new(session, Delivery, rows.deliveries)
        await insert_new(session, DigestItem, rows.items)
        await insert_new(session, Missed, rows.missed)
    await session.commit()
    return bool(ids)


async def _next_ids(session: AsyncSession, broadcast: Broadcast) -> list[str]:
    query = in_audience(select(col(Subscriber.id)), broadcast).where(col(Subscriber.left_at).is_(None))
    if broadcast.expanded_to is not None:
        query = query.where(col(Subscriber.id) > broadcast.expanded_to)
    connection = await session.connection()
    return list((await connection.execute(query.order_by(col(Subscriber.id)).limit(BATCH))).scalars())


async def _decide_all(
    session: AsyncSession, broadcast_id: str, message: Message, ids: list[str], *, now: datetime, counts: Counter[str]
) -> _Rows:
    broadcast = await session.get(Broadcast, broadcast_id)
    facts_column, source = facts_of(
        asked_topics(message),
        event_id=broadcast.event_id if broadcast else None,
        knows_invited=message.concerns_invited,
        only=ids,
    )
    addresses = await _addresses(session, ids)
    connection = await session.connection()
    query = select(col(Subscriber.id), facts_column).select_from(source).where(col(Subscriber.id).in_(ids))
    rows = _Rows()
    for subscriber_id, facts in (await connection.execute(query)).all():
        decision = decide(message, person_of(facts), now)
        counts[decision.why_not or decision.outcome] += 1
        _add_rows(rows, broadcast_id, subscriber_id, decision, addresses.get(subscriber_id, {}), now)
    return rows


def _add_rows(
    rows: _Rows,
    broadcast_id: str,
    subscriber_id: str,
    decision: Decision,
    addresses: Mapping[str, str],
    now: datetime,
) -> None:
    match decision.outcome:
        case Outcome.SEND | Outcome.WAIT:
            rows.deliveries.append(delivery_row(broadcast_id, subscriber_id, decision, addresses, now))
        case Outcome.DIGEST:
            rows.items.append(item_row(broadcast_id, subscriber_id, decision, now))
        case Outcome.NOT if decision.why_not is WhyNot.PAUSED:
            rows.missed.append({"subscriber_id": subscriber_id, "broadcast_id": broadcast_id})
        case Outcome.NOT if decision.why_not in VISIBLE:
            rows.deliveries.append(delivery_row(broadcast_id, subscriber_id, decision, addresses, now))


async def _addresses(session: AsyncSession, ids: list[str]) -> dict[str, dict[str, str]]:
    query = select(col(Address.subscriber_id), col(Address.channel), col(Address.id))
    connection = await session.connection()
    found: dict[str, dict[str, str]] = {}
    for subscriber_id, channel, address_id in await connection.execute(
        query.where(col(Address.subscriber_id).in_(ids))
    ):
        found.setdefault(subscriber_id, {})[channel] = address_id
    return found
