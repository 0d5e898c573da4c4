"""What calendar feeds and the public page show of events, and a new address for somebody's own feed."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.guests import GuestAnswer
from subscriptions.models import Broadcast, BroadcastKind, Delivery, DeliveryStatus, DigestItem, Event, Guest
from subscriptions.subscribers import get_subscriber

STAYS = timedelta(days=90)
"""How long an event that is over stays in a feed."""
INVITED = ""
"""Instead of an answer: none yet."""


async def list_own_events(
    session: AsyncSession, subscriber_id: str, *, now: datetime
) -> tuple[list[Event], dict[str, str]]:
    """The events that somebody was invited to or answered, but for a no; and what they said, by event."""
    mine = {
        guest.event_id: guest.answer
        for guest in await session.exec(select(Guest).where(Guest.subscriber_id == subscriber_id))
    }
    by_mail = (
        select(Broadcast.event_id)
        .join(Delivery, col(Delivery.broadcast_id) == col(Broadcast.id))
        .where(Delivery.subscriber_id == subscriber_id, Delivery.status == DeliveryStatus.SENT)
    )
    by_digest = (
        select(Broadcast.event_id)
        .join(DigestItem, col(DigestItem.broadcast_id) == col(Broadcast.id))
        .where(DigestItem.subscriber_id == subscriber_id, col(DigestItem.sent_in).is_not(None))
    )
    query = (
        select(Event)
        .where(
            col(Event.ends_at) > now - STAYS,
            or_(
                col(Event.id).in_(by_mail.where(Broadcast.kind == BroadcastKind.EVENT)),
                col(Event.id).in_(by_digest.where(Broadcast.kind == BroadcastKind.EVENT)),
                col(Event.id).in_(list(mine)),
            ),
        )
        .order_by(col(Event.starts_at), col(Event.id))
    )
    shown = [event for event in await session.exec(query) if mine.get(event.id) != GuestAnswer.NO]
    return shown, {event.id: mine.get(event.id, INVITED) for event in shown}


async def renew_feed(session: AsyncSession, subscriber_id: str) -> None:
    """Give somebody's own feed a new address; the one before ends at once and never works again. Commits."""
    person = await get_subscriber(session, subscriber_id, lock=True)
    person.feed_key = secrets.token_hex(8)
    session.add(person)
    await session.commit()


async def list_public_events(session: AsyncSession, *, now: datetime, topic: str | None = None) -> list[Event]:
    """The public events of a topic, or all of them, also those that were cancelled."""
    query = select(Event).where(col(Event.ends_at) > now - STAYS, col(Event.is_public).is_(True))
    found = await session.exec(query.order_by(col(Event.starts_at), col(Event.id)))
    return [event for event in found if topic is None or topic in event.topics]
