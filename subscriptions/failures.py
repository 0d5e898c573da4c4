"""What did not arrive lately, sorted by where somebody of the team can do something about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import Address, Broadcast, BroadcastText, Delivery, DeliveryStatus


@dataclass(frozen=True, slots=True)
class FailedBroadcast:
    """A broadcast that some people did not get, though their addresses work."""

    broadcast_id: str
    subject: str
    people: int


@dataclass(frozen=True, slots=True)
class Failures:
    """``closed``: messages whose address is struck off since. ``alone``: answers, reminders and links to one person."""

    closed: int
    broadcasts: tuple[FailedBroadcast, ...]
    alone: int
    person: str | None
    """To whom the last of ``alone`` was."""


async def list_failures(session: AsyncSession, *, since: datetime) -> Failures:
    """Digests are left out: what they carried comes again, and fails as its own broadcast in the end."""
    connection = await session.connection()
    is_closed = col(Address.suppressed_at).is_not(None)
    ended = and_(
        col(Delivery.status).in_([DeliveryStatus.FAILED, DeliveryStatus.BOUNCED]), col(Delivery.finished_at) > since
    )
    address = select(col(Delivery.id)).outerjoin(Address, col(Address.id) == col(Delivery.address_id)).where(ended)
    closed = select(func.count()).select_from(address.where(is_closed).subquery())
    may_work = col(Delivery.id).in_(address.where(or_(~is_closed, col(Address.id).is_(None))))
    broadcasts = (
        select(
            col(Delivery.broadcast_id),
            func.max(func.coalesce(col(BroadcastText.subject), "")),
            func.count(col(Delivery.subscriber_id).distinct()),
        )
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .outerjoin(
            BroadcastText,
            and_(
                col(BroadcastText.broadcast_id) == col(Broadcast.id),
                col(BroadcastText.language) == col(Broadcast.original_language),
            ),
        )
        .where(may_work)
        .group_by(col(Delivery.broadcast_id))
        .order_by(func.max(col(Delivery.finished_at)).desc())
    )
    alone = (
        select(col(Delivery.subscriber_id))
        .where(may_work, col(Delivery.broadcast_id).is_(None), ~col(Delivery.message).startswith("digest/"))
        .order_by(col(Delivery.finished_at).desc())
    )
    people = list((await connection.execute(alone)).scalars())
    return Failures(
        closed=int((await connection.execute(closed)).scalar_one()),
        broadcasts=tuple(
            FailedBroadcast(str(key), subject, people) for key, subject, people in await connection.execute(broadcasts)
        ),
        alone=len(people),
        person=people[0] if people else None,
    )
