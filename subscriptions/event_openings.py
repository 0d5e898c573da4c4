"""When registration for limited places opens: after the invitation has reached everybody, digests included."""

from __future__ import annotations

from sqlalchemy import or_, update
from sqlmodel import col

from core.clock import Clock
from core.database import Database
from subscriptions.audience import measure_reach
from subscriptions.models import Broadcast, BroadcastKind, Event
from subscriptions.topics import Topics


async def plan_opening(database: Database, broadcast_id: str, *, topics: Topics, clock: Clock) -> None:
    """Before an invitation to limited places begins, note when the last of it goes, so that the first can say so.

    A later opening that the team set stays. Called twice, it changes nothing more.
    """
    now = clock.now()
    async with database.session() as session:
        broadcast = await session.get(Broadcast, broadcast_id)
        if broadcast is None or broadcast.kind != BroadcastKind.EVENT or broadcast.expanded_to is not None:
            return
        event = await session.get(Event, broadcast.event_id) if broadcast.event_id else None
        if event is None or (event.places is None and event.places_per_city is None):
            return
        event_id = event.id
        last_at = (await measure_reach(session, broadcast, topics=topics, cities={}, now=now)).last_at
        # On SQLite, a transaction that read before may not write after another one did.
        await session.rollback()
        opens_at = col(Event.registration_opens_at)
        mine = update(Event).where(col(Event.id) == event_id, or_(opens_at.is_(None), opens_at < last_at))
        if last_at > now:
            await (await session.connection()).execute(mine.values(registration_opens_at=last_at))
            await session.commit()
