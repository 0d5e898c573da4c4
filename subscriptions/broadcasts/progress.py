"""How a broadcast goes out: counts while it does, and a row for each person with what became of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CompoundSelect,
    and_,
    case,
    cast,
    distinct,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    tuple_,
    union,
    union_all,
)
from sqlalchemy import select as select_columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import Broadcast, Delivery, DeliveryStatus, DigestItem, Missed, Subscriber
from subscriptions.rules import Outcome, WhyNot

OVER = frozenset(set(DeliveryStatus) - {DeliveryStatus.WAITING, DeliveryStatus.QUEUED, DeliveryStatus.SENDING})
IN_DIGESTS, BY_DIGEST, PAUSED = "in_digests", "by_digest", "paused"
"""Where it is that does not go by itself: waits for a collected message, went in one, is withheld by a pause."""
UNREACHED = (DeliveryStatus.FAILED, DeliveryStatus.BOUNCED, DeliveryStatus.SUPPRESSED)

_IS_WANTED = or_(col(DigestItem.sent_in).is_not(None), col(DigestItem.dropped_at).is_(None))
_ITEM_STATUS = func.coalesce(col(Delivery.status), literal_column(f"'{DeliveryStatus.WAITING.value}'"))
"""Of an item of a digest: that of the digest which carries it."""


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
    """Of its delivery; or ``IN_DIGESTS``, ``BY_DIGEST``, ``PAUSED``."""
    because: Mapping[str, Any]
    reason: str | None


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
    items = await session.exec(
        select(_ITEM_STATUS, func.count())
        .select_from(DigestItem)
        .outerjoin(Delivery, col(Delivery.id) == col(DigestItem.sent_in))
        .where(DigestItem.broadcast_id == broadcast.id, _IS_WANTED)
        .group_by(_ITEM_STATUS)
    )
    by_digest = dict(items.all())
    missed = await session.exec(select(func.count()).where(Missed.broadcast_id == broadcast.id))
    return Progress(
        status=broadcast.status,
        deliveries=counts,
        in_digests=sum(count for status, count in by_digest.items() if status not in OVER),
        by_digest=by_digest.get(DeliveryStatus.SENT, 0),
        paused=missed.one(),
        is_listed=broadcast.expanded_at is not None,
        finished_at=broadcast.finished_at,
    )


async def list_lines(
    session: AsyncSession,
    broadcast_id: str,
    *,
    statuses: Collection[str] = (),
    after: str | None = None,
    limit: int = 100,
) -> Lines:
    """One page of who got it, by itself or in a collected message, who will, who did not and why."""
    lines = lines_of(broadcast_id).subquery()
    order = (func.coalesce(lines.c.city, ""), lines.c.name, lines.c.key)
    query = select_columns(lines).order_by(*order).limit(limit + 1)
    if statuses:
        query = query.where(lines.c.status.in_(statuses))
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(*_read_cursor(after)))
    connection = await session.connection()
    found = (await connection.execute(query)).all()
    shown = [
        Line(
            one.subscriber_id, one.name, one.city, one.channel, one.language, one.status, one.because or {}, one.reason
        )
        for one in found[:limit]
    ]
    if len(found) <= limit:
        return Lines(shown)
    last = found[limit - 1]
    return Lines(shown, json.dumps([last.city or "", last.name, last.key]))


def lines_of(broadcast_id: str) -> CompoundSelect[Any]:
    """A row for each person and channel: what went or goes by itself, in a digest, or is withheld by a pause.

    Columns as in ``Line``, then ``key``. What was taken back since it goes one of the other ways is told there only.
    """
    is_missed = exists().where(
        col(Missed.broadcast_id) == broadcast_id, col(Missed.subscriber_id) == col(Delivery.subscriber_id)
    )
    alone = (
        select_columns(
            *_person(), col(Delivery.channel), col(Delivery.language), col(Delivery.status), col(Delivery.because),
            col(Delivery.reason), col(Delivery.id).label("key"),
        )
        .join(Delivery, col(Delivery.subscriber_id) == col(Subscriber.id))
        .where(
            col(Delivery.broadcast_id) == broadcast_id,
            func.coalesce(col(Delivery.reason), "") != Outcome.DIGEST.value,
            ~and_(func.coalesce(col(Delivery.reason), "") == WhyNot.PAUSED.value, is_missed),
        )
    )  # fmt: skip
    went = case((col(Delivery.status) == DeliveryStatus.SENT, BY_DIGEST), else_=IN_DIGESTS)
    collected = (
        select_columns(
            *_person(), func.coalesce(col(Delivery.channel), col(Subscriber.channel)),
            func.coalesce(col(Delivery.language), col(Subscriber.language)), went, col(DigestItem.because), null(),
            literal("i") + col(DigestItem.subscriber_id),
        )
        .join(DigestItem, col(DigestItem.subscriber_id) == col(Subscriber.id))
        .outerjoin(Delivery, col(Delivery.id) == col(DigestItem.sent_in))
        .where(col(DigestItem.broadcast_id) == broadcast_id, _IS_WANTED)
    )  # fmt: skip
    withheld = (
        select_columns(
            *_person(), col(Subscriber.channel), col(Subscriber.language), literal(PAUSED), cast(null(), JSON),
            null(), literal("m") + col(Missed.subscriber_id),
        )
        .join(Missed, col(Missed.subscriber_id) == col(Subscriber.id))
        .where(col(Missed.broadcast_id) == broadcast_id)
    )  # fmt: skip
    return union_all(alone, collected, withheld)


def _person() -> tuple[Any, ...]:
    return col(Subscriber.id).label("subscriber_id"), col(Subscriber.name), col(Subscriber.city)


def _read_cursor(cursor: str) -> list[str]:
    try:
        place, name, delivery_id = json.loads(cursor)
    except ValueError:
        return ["", "", ""]
    return [str(place), str(name), str(delivery_id)]
