"""Mails to single guests about their answer, and the calendar entry of who was invited by no mail of its own.

Whoever is invited by a collected message, or by a chat, and wants to come gets the entry by mail then, so that changes
and a cancellation find it in their calendar.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.guests import Answered, GuestAnswer
from subscriptions.models import Broadcast, BroadcastKind, ChannelName, Delivery, DeliveryStatus
from subscriptions.people import load_people
from subscriptions.placing import insert_new
from subscriptions.rhythm import end_of_quiet
from subscriptions.rules import AddressState, Rule
from subscriptions.subscribers import list_addresses, new_id

WITH_ENTRY = (BroadcastKind.EVENT, BroadcastKind.EVENT_CHANGE)
_CAME_TO_NOTHING = (
    DeliveryStatus.FAILED,
    DeliveryStatus.BOUNCED,
    DeliveryStatus.SUPPRESSED,
    DeliveryStatus.CANCELLED,
)


async def send_entry(session: AsyncSession, answered: Answered, *, clock: Clock) -> bool:
    """Queue the mail with the entry, once, for who wants to come and has none; whether it was queued now. Commits.

    Nothing for who has no mail address that works: their way is the feed.
    """
    event_id, person_id = answered.event.id, answered.guest.subscriber_id
    is_wanted = answered.guest.answer != GuestAnswer.NO and answered.event.cancelled_at is None
    person = (await load_people(session, [person_id], ())).get(person_id) if is_wanted else None
    if person is None or person.email is not AddressState.WORKING or await _has_entry(session, event_id, person_id):
        return False
    await queue_note(session, event_id, person_id, "entry", now=clock.now())
    return True


async def queue_note(
    session: AsyncSession, event_id: str, person_id: str, became: str, *, now: datetime, about: str | None = None
) -> None:
    """Queue a mail to a guest about their answer, once for each event and outcome (``about``). Commits.

    It tells what no page has said, and carries the entry for the calendar.
    """
    person = (await load_people(session, [person_id], ()))[person_id]
    address = (await list_addresses(session, person_id))[ChannelName.EMAIL]
    at = end_of_quiet(person.rhythm, now)
    row = Delivery(
        id=new_id(),
        message=f"noted/{event_id}/{about or became}",
        address_id=address.id,
        subscriber_id=person_id,
        channel=ChannelName.EMAIL,
        language=person.language,
        status=DeliveryStatus.QUEUED if at <= now else DeliveryStatus.WAITING,
        because={"rule": Rule.GUEST.value},
        due_at=at,
        parts={"event": event_id, "became": became},
        created_at=now,
    )
    await insert_new(session, Delivery, [row.model_dump()])
    await session.commit()


async def _has_entry(session: AsyncSession, event_id: str, person_id: str) -> bool:
    """Whether a mail with the entry went to somebody, or is on its way."""
    broadcasts = select(Broadcast.id).where(Broadcast.event_id == event_id, col(Broadcast.kind).in_(WITH_ENTRY))
    query = select(Delivery.id).where(
        Delivery.subscriber_id == person_id,
        Delivery.channel == ChannelName.EMAIL,
        col(Delivery.status).not_in(_CAME_TO_NOTHING),
        or_(col(Delivery.broadcast_id).in_(broadcasts), col(Delivery.message).startswith(f"noted/{event_id}/")),
    )
    return (await session.exec(query)).first() is not None
