"""Makes rows for tests, with what a test does not say filled in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import (
    Address,
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    ChannelName,
    Delivery,
    DeliveryStatus,
    Event,
    Frequency,
    Guest,
    Subscriber,
    Subscription,
)
from subscriptions.subscribers import new_id

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""A Monday, 10:00 in Brussels."""


async def make_subscriber(
    session: AsyncSession,
    *,
    email: str | None = "",
    confirmed: bool = True,
    telegram: int | None = None,
    topics: Mapping[str, Frequency] | None = None,
    now: datetime = NOW,
    **values: Any,
) -> Subscriber:
    """A subscriber; ``email`` empty: one is made up, None: none."""
    subscriber_id = values.pop("id", None) or new_id()
    subscriber = Subscriber(id=subscriber_id, name=values.pop("name", "Ada"), created_at=now, **values)
    session.add(subscriber)
    await session.flush()
    at = now if confirmed else None
    if email is not None:
        value = email or f"{subscriber_id}@example.org"
        session.add(_address(subscriber_id, ChannelName.EMAIL, value, at, now))
    if telegram is not None:
        session.add(_address(subscriber_id, ChannelName.TELEGRAM, str(telegram), now, now))
    for topic, frequency in (topics or {}).items():
        session.add(Subscription(subscriber_id=subscriber_id, topic=topic, frequency=frequency, chosen_at=now))
    await session.commit()
    return subscriber


async def make_broadcast(
    session: AsyncSession,
    *topics: str,
    kind: BroadcastKind = BroadcastKind.NEWS,
    status: BroadcastStatus = BroadcastStatus.SENDING,
    now: datetime = NOW,
    **values: Any,
) -> Broadcast:
    """A broadcast to whoever chose any of the topics, ready to be expanded."""
    broadcast = Broadcast(
        id=values.pop("id", None) or new_id(),
        kind=kind,
        status=status,
        topics_any=list(topics),
        created_by="operator",
        created_at=now,
        due_at=now,
        **values,
    )
    session.add(broadcast)
    await session.commit()
    return broadcast


async def make_sent(session: AsyncSession, *topics: str, now: datetime = NOW) -> Broadcast:
    """A broadcast that reached one person."""
    broadcast = await make_broadcast(session, *topics, status=BroadcastStatus.SENT, now=now)
    delivery = Delivery(
        id=new_id(),
        message=f"broadcast/{broadcast.id}",
        address_id=new_id(),
        subscriber_id=new_id(),
        broadcast_id=broadcast.id,
        channel=ChannelName.EMAIL,
        language="en",
        status=DeliveryStatus.SENT,
        due_at=now,
        created_at=now,
        finished_at=now,
    )
    session.add(delivery)
    await session.commit()
    return broadcast


async def make_event(session: AsyncSession, *, starts_at: datetime, ends_at: datetime, **values: Any) -> Event:
    """An event in Brussels."""
    event_id = new_id()
    event = Event(
        id=event_id,
        uid=f"{event_id}@example.org",
        form="online",
        starts_at=starts_at,
        ends_at=ends_at,
        time_zone="Europe/Brussels",
        created_by="operator",
        changed_at=NOW,
        **values,
    )
    session.add(event)
    await session.commit()
    return event


async def make_guest(session: AsyncSession, event: Event, subscriber: Subscriber, answer: str = "yes") -> Guest:
    """Somebody's answer to an event."""
    guest = Guest(event_id=event.id, subscriber_id=subscriber.id, answer=answer, answered_at=NOW)
    session.add(guest)
    await session.commit()
    return guest


def _address(
    subscriber_id: str, channel: ChannelName, value: str, confirmed_at: datetime | None, now: datetime
) -> Address:
    return Address(
        id=new_id(),
        subscriber_id=subscriber_id,
        channel=channel,
        value=value,
        confirmed_at=confirmed_at,
        created_at=now,
    )
