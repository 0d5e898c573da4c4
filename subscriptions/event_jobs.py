"""What the elected process does for events: reminders, openings, free places."""

from __future__ import annotations

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.event_notices import EventNotices
from subscriptions.guests import GuestAnswer, fill_places
from subscriptions.models import Event, Guest


async def look_after_events(session: AsyncSession, notices: EventNotices, *, clock: Clock) -> dict[str, int]:
    """All of it, once; called twice, the second time does nothing. Returns counts."""
    return {
        "places": await fill_all_places(session, clock=clock),
        "reminders": await notices.send_due_reminders(session, clock=clock),
        "openings": await notices.tell_openings(session, clock=clock),
    }


async def fill_all_places(session: AsyncSession, *, clock: Clock) -> int:
    """Places that somebody left who is no longer a subscriber, or that the team added, go to those who wait."""
    waited_for = (
        select(Guest.event_id)
        .join(Event, col(Event.id) == col(Guest.event_id))
        .where(
            Guest.answer == GuestAnswer.WAITING,
            col(Event.starts_at) > clock.now(),
            col(Event.cancelled_at).is_(None),
        )
        .distinct()
    )
    return sum([await fill_places(session, event_id, clock=clock) for event_id in list(await session.exec(waited_for))])
