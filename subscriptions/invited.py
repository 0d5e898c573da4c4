"""Who was told of an event: an invitation to it reached them, by itself, in a digest, or after a pause.

What is being sent at this moment counts too, since it was written before what is asked about. Who only waits for an
invitation was told nothing yet, and reads what is right then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Subquery, Text, and_, cast, exists, select, union
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import Broadcast, BroadcastKind, Delivery, DeliveryStatus, DigestItem, Guest

REACHED = (DeliveryStatus.SENDING, DeliveryStatus.SENT)
AFTER_A_PAUSE = ("missed/", "missed0")
"""Begin and end of the names of messages that say what a pause withheld."""


def list_invited(event_id: str, *, only: Sequence[str] | None = None) -> Subquery:
    """Their ids as ``subscriber_id``, each once. ``only`` narrows to some subscribers."""
    mine = and_(col(Broadcast.event_id) == event_id, col(Broadcast.kind) == BroadcastKind.EVENT)
    went = col(Delivery.status).in_(REACHED)
    own: list[Any] = [col(Delivery.subscriber_id).in_(only)] if only is not None else []
    invitations = select(col(Broadcast.id)).where(mine)
    by_itself = select(col(Delivery.subscriber_id)).where(col(Delivery.broadcast_id).in_(invitations), went, *own)
    in_digest = (
        select(col(DigestItem.subscriber_id))
        .join(Delivery, col(Delivery.id) == col(DigestItem.sent_in))
        .where(col(DigestItem.broadcast_id).in_(invitations), went, *own)
    )
    first, behind = AFTER_A_PAUSE
    after_pause = (
        select(col(Delivery.subscriber_id))
        .join(Broadcast, cast(col(Delivery.parts), Text).contains(col(Broadcast.id)))
        .where(mine, col(Delivery.message) >= first, col(Delivery.message) < behind, went, *own)
    )
    return union(by_itself, in_digest, after_pause).subquery("invited")


async def is_anybody_undecided(session: AsyncSession, event_id: str) -> bool:
    """Whether somebody was told of an event and has not answered."""
    invited = list_invited(event_id)
    answered = exists().where(col(Guest.event_id) == event_id, col(Guest.subscriber_id) == invited.c.subscriber_id)
    found = await (await session.connection()).execute(select(invited.c.subscriber_id).where(~answered).limit(1))
    return found.first() is not None
