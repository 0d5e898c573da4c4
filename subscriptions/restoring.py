"""What the restore of a backup must not undo: people who left or switched something off since; and what must not go a
second time. Who was erased is taken out before (cli/restored.py).

Nobody can know what was sent after the backup was made. So a broadcast that was on its way stops and waits for the
team, who see each recipient's row, and what waited for a link or a digest that is over ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, col

from subscriptions.models import (
    Address,
    Broadcast,
    BroadcastStatus,
    Choice,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Frequency,
    Subscriber,
    Subscription,
)

RESTORED = "restored"
"""Reason of a delivery that ended since nobody knows whether it went."""

OPEN = (DeliveryStatus.WAITING, DeliveryStatus.QUEUED, DeliveryStatus.SENDING)

_SUBSCRIPTIONS = SQLModel.metadata.tables[str(Subscription.__tablename__)]


@dataclass(frozen=True)
class RememberedPeople:
    """What the database knew before its rows were replaced."""

    left: dict[str, datetime]
    stopped: list[str]
    switched_off: list[dict[str, Any]]
    suppressed: dict[str, tuple[datetime, str]]
    finished: dict[str, tuple[str, datetime]]
    """Deliveries by id: how they ended, and when."""
    feeds: dict[str, str]
    """The present addresses of calendar feeds, so that one that was ended stays so."""

    @classmethod
    async def collect(cls, connection: AsyncConnection) -> RememberedPeople:
        """Read it from the present rows."""

        async def rows(*columns: Any, where: Any = None) -> list[Any]:
            query = select(*columns)
            return list((await connection.execute(query if where is None else query.where(where))).all())

        left = await rows(col(Subscriber.id), col(Subscriber.left_at), where=col(Subscriber.left_at).is_not(None))
        stopped = await rows(col(Subscriber.id), where=col(Subscriber.choice) == Choice.REQUIRED_ONLY)
        off = await rows(_SUBSCRIPTIONS, where=_SUBSCRIPTIONS.c.frequency == Frequency.OFF)
        suppressed = await rows(
            col(Address.id),
            col(Address.suppressed_at),
            col(Address.suppression),
            where=col(Address.suppressed_at).is_not(None),
        )
        finished = await rows(
            col(Delivery.id),
            col(Delivery.status),
            col(Delivery.finished_at),
            where=col(Delivery.finished_at).is_not(None),
        )
        feeds = await rows(col(Subscriber.id), col(Subscriber.feed_key), where=col(Subscriber.feed_key).is_not(None))
        return cls(
            left={row[0]: row[1] for row in left},
            stopped=[person for (person,) in stopped],
            switched_off=[dict(row._mapping) for row in off],
            suppressed={address: (at, kind) for address, at, kind in suppressed},
            finished={delivery: (status, at) for delivery, status, at in finished},
            feeds=dict(feeds),
        )

    async def apply(self, connection: AsyncConnection, now: datetime) -> None:
        """Hold the restored rows to it."""
        for person, left_at in self.left.items():
            mine = update(Subscriber).where(col(Subscriber.id) == person, col(Subscriber.left_at).is_(None))
            await connection.execute(mine.values(left_at=left_at))
        for person, key in self.feeds.items():
            mine = update(Subscriber).where(col(Subscriber.id) == person)
            await connection.execute(mine.values(feed_key=key))
        for address, (at, kind) in self.suppressed.items():
            dead = update(Address).where(col(Address.id) == address, col(Address.suppressed_at).is_(None))
            await connection.execute(dead.values(suppressed_at=at, suppression=kind))
        await self._switch_off(connection)
        await self._stop_sending(connection, now)

    async def _switch_off(self, connection: AsyncConnection) -> None:
        people = set((await connection.execute(select(col(Subscriber.id)))).scalars())
        for person in self.stopped:
            await connection.execute(delete(Subscription).where(col(Subscription.subscriber_id) == person))
            stopped = update(Subscriber).where(col(Subscriber.id) == person)
            await connection.execute(stopped.values(choice=Choice.REQUIRED_ONLY))
        for row in self.switched_off:
            if row["subscriber_id"] not in people:
                continue
            same = (
                _SUBSCRIPTIONS.c.subscriber_id == row["subscriber_id"],
                _SUBSCRIPTIONS.c.topic == row["topic"],
            )
            await connection.execute(delete(_SUBSCRIPTIONS).where(*same))
            await connection.execute(insert(_SUBSCRIPTIONS).values(**row))

    async def _stop_sending(self, connection: AsyncConnection, now: datetime) -> None:
        on_its_way = or_(
            col(Broadcast.status) == BroadcastStatus.SENDING,
            (col(Broadcast.status) == BroadcastStatus.SCHEDULED) & (col(Broadcast.due_at) <= now),
        )
        await connection.execute(update(Broadcast).where(on_its_way).values(status=BroadcastStatus.PAUSED))
        is_open = col(Delivery.status).in_(OPEN)
        for delivery in list((await connection.execute(select(col(Delivery.id)).where(is_open))).scalars()):
            if delivery in self.finished:
                status, at = self.finished[delivery]
                ended = update(Delivery).where(col(Delivery.id) == delivery)
                await connection.execute(ended.values(status=status, finished_at=at, lease_until=None, holder=None))
        free = update(Delivery).where(is_open, col(Delivery.status) == DeliveryStatus.SENDING)
        await connection.execute(free.values(status=DeliveryStatus.QUEUED, lease_until=None, holder=None))
        alone = update(Delivery).where(is_open, col(Delivery.broadcast_id).is_(None))
        await connection.execute(
            alone.values(status=DeliveryStatus.CANCELLED, reason=RESTORED, finished_at=now, lease_until=None)
        )
        over = update(DigestItem).where(
            col(DigestItem.sent_in).is_(None), col(DigestItem.dropped_at).is_(None), col(DigestItem.due_at) <= now
        )
        await connection.execute(over.values(dropped_at=now))
