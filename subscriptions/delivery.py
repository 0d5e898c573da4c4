"""The queue of deliveries. The table is the truth: what is due, who sends it until when.

Every function does one step in the session that it is given; those that commit say so. A step is a single statement
wherever two processes could meet, so the same code is right on PostgreSQL and on SQLite. results.py writes what came of
a try.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, CursorResult, Update, and_, exists, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import Broadcast, BroadcastStatus, ChannelPause, Delivery, DeliveryStatus

WAITS = (DeliveryStatus.QUEUED, DeliveryStatus.WAITING)
OPEN = (*WAITS, DeliveryStatus.SENDING)
_HELD = (BroadcastStatus.PAUSED, BroadcastStatus.CANCELLED)


async def hand_out(session: AsyncSession, channel: str, *, now: datetime, until: datetime, limit: int) -> list[str]:
    """Ids of a channel's deliveries that are due, each handed out to one caller until a time. Commits.

    What somebody waits for (a link, a digest, an answer) comes before broadcasts.
    """
    is_away = exists().where(col(ChannelPause.channel) == channel, col(ChannelPause.until) > now)
    held = select(col(Broadcast.id)).where(col(Broadcast.status).in_(_HELD))
    is_due = and_(
        col(Delivery.status).in_(WAITS),
        col(Delivery.due_at) <= now,
        or_(col(Delivery.lease_until).is_(None), col(Delivery.lease_until) <= now),
        col(Delivery.channel) == channel,
        ~is_away,
    )
    ids: list[str] = []
    for which in (
        col(Delivery.broadcast_id).is_(None),
        and_(col(Delivery.broadcast_id).is_not(None), col(Delivery.broadcast_id).not_in(held)),
    ):
        if limit > len(ids):
            ids += await _mark(session, and_(is_due, which), until=until, limit=limit - len(ids))
    await session.commit()
    return ids


async def _mark(session: AsyncSession, which: ColumnElement[bool], *, until: datetime, limit: int) -> list[str]:
    chosen = (
        select(col(Delivery.id))
        .where(which)
        .order_by(col(Delivery.due_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    marked = (
        update(Delivery)
        .where(col(Delivery.id).in_(chosen))
        .values(lease_until=until, status=DeliveryStatus.QUEUED)
        .returning(col(Delivery.id))
        .execution_options(synchronize_session=False)
    )
    return list((await session.exec(marked)).scalars())


async def count_handed_out(session: AsyncSession, channel: str, *, now: datetime) -> int:
    """How many of a channel are handed out or being sent at this moment."""
    query = select(func.count()).where(col(Delivery.lease_until) > now, col(Delivery.channel) == channel)
    return (await session.exec(query)).one()


async def take_back(session: AsyncSession, ids: Sequence[str]) -> None:
    """They were handed out, but nobody could be told. Commits."""
    await session.exec(change(ids).where(is_now(DeliveryStatus.QUEUED)).values(lease_until=None))
    await session.commit()


async def claim(session: AsyncSession, ids: Sequence[str], *, holder: str, until: datetime) -> list[Delivery]:
    """Of the given deliveries, those that are now this holder's to send: no other holder gets them. Commits.

    One that was sent, cancelled or claimed in the meantime is absent, so it does no harm to be told twice.
    """
    free = (
        select(col(Delivery.id))
        .where(col(Delivery.id).in_(ids), is_now(DeliveryStatus.QUEUED))
        .with_for_update(skip_locked=True)
    )
    claimed = (
        update(Delivery)
        .where(col(Delivery.id).in_(free))
        .values(status=DeliveryStatus.SENDING, lease_until=until, holder=holder)
        .returning(Delivery)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    rows = list((await session.exec(claimed)).scalars())
    await session.commit()
    return rows


async def renew(session: AsyncSession, ids: Sequence[str], *, holder: str, until: datetime) -> set[str]:
    """Keep claimed deliveries for longer; those that are still this holder's. Commits."""
    kept = mine(ids, holder).values(lease_until=until).returning(col(Delivery.id))
    still = set((await session.exec(kept)).scalars())
    await session.commit()
    return still


async def sweep(session: AsyncSession, now: datetime) -> dict[str, int]:
    """Put back what its sender lost, end what was cancelled, finish broadcasts that are through. Commits."""
    lost = where(col(Delivery.status) == DeliveryStatus.SENDING, col(Delivery.lease_until) <= now).values(
        status=DeliveryStatus.QUEUED, lease_until=None, holder=None
    )
    cancelled = where(
        col(Delivery.status).in_(WAITS),
        col(Delivery.broadcast_id).in_(
            select(col(Broadcast.id)).where(
                col(Broadcast.status) == BroadcastStatus.CANCELLED, col(Broadcast.finished_at).is_(None)
            )
        ),
    ).values(status=DeliveryStatus.CANCELLED, finished_at=now, lease_until=None, reason="broadcast_cancelled")
    is_open = exists().where(col(Delivery.broadcast_id) == col(Broadcast.id), col(Delivery.status).in_(OPEN))
    through = (
        update(Broadcast)
        .where(
            col(Broadcast.finished_at).is_(None),
            or_(
                and_(col(Broadcast.status) == BroadcastStatus.SENDING, col(Broadcast.expanded_at).is_not(None)),
                col(Broadcast.status) == BroadcastStatus.CANCELLED,
            ),
            ~is_open,
        )
        .execution_options(synchronize_session=False)
    )
    counts = {}
    for name, statement in (
        ("lost", lost),
        ("cancelled", cancelled),
        (
            "sent",
            through.where(col(Broadcast.status) == BroadcastStatus.SENDING).values(
                status=BroadcastStatus.SENT, finished_at=now
            ),
        ),
        ("ended", through.values(finished_at=now)),
    ):
        done = await session.exec(statement)
        assert isinstance(done, CursorResult)
        counts[name] = done.rowcount
    await session.commit()
    return counts


def where(*conditions: ColumnElement[bool]) -> Update:
    """An update of deliveries."""
    return update(Delivery).where(*conditions).execution_options(synchronize_session=False)


def is_now(*statuses: DeliveryStatus) -> ColumnElement[bool]:
    """Whether a row that is found by its id has one of these statuses.

    The column is wrapped, so that PostgreSQL does not read its index over the whole queue for the sake of a few ids.
    """
    return col(Delivery.status).concat("").in_(statuses)


def change(ids: Sequence[str]) -> Update:
    """An update of the deliveries with these ids."""
    return where(col(Delivery.id).in_(ids))


def mine(ids: Sequence[str], holder: str) -> Update:
    """An update of those that are still this holder's to send."""
    return change(ids).where(is_now(DeliveryStatus.SENDING), col(Delivery.holder) == holder)
