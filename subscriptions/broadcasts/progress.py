"""How a broadcast goes out: counts while it does, and a row for each person with what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import distinct, func, tuple_, union
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import Broadcast, Delivery, DeliveryStatus, DigestItem, Missed, Subscriber

OVER = frozenset(set(DeliveryStatus) - {DeliveryStatus.WAITING, DeliveryStatus.QUEUED, DeliveryStatus.SENDING})
UNREACHED = (DeliveryStatus.FAILED, DeliveryStatus.BOUNCED, DeliveryStatus.SUPPRESSED)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a broadcast stands at this moment."""

    status: str
    deliveries: Mapping[str, int]
    """By status; every status is there."""
    in_digests: int
    """People who get it with their next digest."""
    by_digest: int
    """People who got it in one."""
    paused: int
    """People whose pause withholds it."""
    is_listed: bool
    """Whether everybody was decided."""
    finished_at: datetime | None

    @property
    def total(self) -> int:
        """Messages that go by themselves."""
        return sum(self.deliveries.values())

    @property
    def over(self) -> int:
        """Of those, how many are through, well or not."""
        return sum(count for status, count in self.deliveries.items() if status in OVER)

    @property
    def unreached(self) -> int:
        """Those to whom it can be sent again."""
        return sum(self.deliveries[status] for status in UNREACHED)

    def as_data(self) -> dict[str, Any]:
        """For a page that looks again and again."""
        return {
            "status": self.status,
            "deliveries": dict(self.deliveries),
            "in_digests": self.in_digests,
            "by_digest": self.by_digest,
            "paused": self.paused,
            "total": self.total,
            "over": self.over,
            "unreached": self.unreached,
            "finished": self.finished_at is not None,
        }


@dataclass(frozen=True, slots=True)
class Line:
    """What became of a broadcast for one person on one channel."""

    subscriber_id: str
    name: str
    city: str | None
    channel: str
    language: str
    status: str
    because: Mapping[str, Any]
    reason: str | None
    due_at: datetime


@dataclass(frozen=True)
class Lines:
    """Part of them, by city and name. ``next`` continues it; None: that was all."""

    lines: list[Line] = field(default_factory=list)
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom a broadcast reached up to now: people, each counted once, on whatever channels they got it."""

    people: int
    by_language: Mapping[str, int]


async def measure_reached(session: AsyncSession, broadcast_id: str) -> Reached:
    """Count from what was sent, by itself or in a digest; never from today's choices."""
    alone = select(col(Delivery.subscriber_id), col(Delivery.language)).where(
        Delivery.broadcast_id == broadcast_id, Delivery.status == DeliveryStatus.SENT
    )
    carried = (
        select(col(DigestItem.subscriber_id), col(Delivery.language))
        .join(Delivery, col(Delivery.id) == col(DigestItem.sent_in))
        .where(DigestItem.broadcast_id == broadcast_id, Delivery.status == DeliveryStatus.SENT)
    )
    got = union(alone, carried).subquery()
    connection = await session.connection()
    people = (await connection.execute(select(func.count(distinct(got.c.subscriber_id))))).scalar_one()
    by_language = select(got.c.language, func.count(distinct(got.c.subscriber_id))).group_by(got.c.language)
    return Reached(people, {str(language): int(count) for language, count in await connection.execute(by_language)})


async def measure_progress(session: AsyncSession, broadcast: Broadcast) -> Progress:
    """Count what became of a broadcast up to now."""
    rows = await session.exec(
        select(Delivery.status, func.count()).where(Delivery.broadcast_id == broadcast.id).group_by(Delivery.status)
    )
    counts = dict.fromkeys((status.value for status in DeliveryStatus), 0) | dict(rows.all())
    is_sent = col(DigestItem.sent_in).is_not(None)
    items = await session.exec(
        select(is_sent, func.count())
        .where(DigestItem.broadcast_id == broadcast.id, is_sent | col(DigestItem.dropped_at).is_(None))
        .group_by(is_sent)
    )
    by_digest = {bool(sent): count for sent, count in items}
    missed = await session.exec(select(func.count()).where(Missed.broadcast_id == broadcast.id))
    return Progress(
        status=broadcast.status,
        deliveries=counts,
        in_digests=by_digest.get(False, 0),
        by_digest=by_digest.get(True, 0),
        paused=missed.one(),
        is_listed=broadcast.expanded_at is not None,
        finished_at=broadcast.finished_at,
    )


async def list_lines(
    session: AsyncSession,
    broadcast_id: str,
    *,
    statuses: tuple[DeliveryStatus, ...] = (),
    after: str | None = None,
    limit: int = 100,
) -> Lines:
    """One page of who got it, who did not and why."""
    order = (func.coalesce(col(Subscriber.city), ""), col(Subscriber.name), col(Delivery.id))
    query = (
        select(Delivery, Subscriber.name, Subscriber.city)
        .join(Subscriber, col(Subscriber.id) == col(Delivery.subscriber_id))
        .where(Delivery.broadcast_id == broadcast_id)
        .order_by(*order)
        .limit(limit + 1)
    )
    if statuses:
        query = query.where(col(Delivery.status).in_(statuses))
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(*_read_cursor(after)))
    found = list(await session.exec(query))
    lines = [
        Line(row.subscriber_id, name, city, row.channel, row.language, row.status, row.because, row.reason, row.due_at)
        for row, name, city in found[:limit]
    ]
    if len(found) <= limit:
        return Lines(lines)
    row, name, city = found[limit - 1]
    return Lines(lines, json.dumps([city or "", name, row.id]))


def _read_cursor(cursor: str) -> list[str]:
    try:
        place, name, delivery_id = json.loads(cursor)
    except ValueError:
        return ["", "", ""]
    return [str(place), str(name), str(delivery_id)]
