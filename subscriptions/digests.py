"""Daily and weekly digests: what waited for somebody's hour becomes one message for each rhythm and channel.

An item leaves the waiting room in the transaction that writes its message, so it is never in two digests; what was due
while the hub was off is still waiting when it comes back. Whether each item is still wanted is asked here, and once
more when the message goes (``reviewing``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.database import Database
from subscriptions.models import Address, ChannelName, Delivery, DeliveryStatus, DigestItem
from subscriptions.people import load_people
from subscriptions.rechecking import list_wanted_items
from subscriptions.rhythm import end_of_quiet
from subscriptions.rules import Cause, Rule
from subscriptions.subscribers import new_id
from subscriptions.topics import Topics

BATCH = 500
"""People whose digests are written in one transaction."""

_IS_WAITING = (col(DigestItem.sent_in).is_(None), col(DigestItem.dropped_at).is_(None))

type Wanted = tuple[DigestItem, Cause, ChannelName]


async def send_due_digests(database: Database, *, topics: Topics, clock: Clock) -> int:
    """Queue every digest that is due; returns how many. Nobody gets an empty one, nobody is woken in quiet hours.

    Commits after each batch of people. Stopped at any moment, or done twice at once, it doubles and loses nothing.
    """
    count, after = 0, ""
    while True:
        async with database.session() as session:
            now = clock.now()
            due = select(DigestItem.subscriber_id).where(*_IS_WAITING, col(DigestItem.due_at) <= now).distinct()
            due = due.where(col(DigestItem.subscriber_id) > after).order_by(col(DigestItem.subscriber_id))
            ids = list(await session.exec(due.limit(BATCH)))
            if not ids:
                return count
            after = ids[-1]
            people = await load_people(session, ids, ())
            awake = {key: person for key, person in people.items() if end_of_quiet(person.rhythm, now) <= now}
            languages = {key: person.language for key, person in awake.items()}
            # Ends the reading transaction: on SQLite, one that has read cannot write after another process wrote.
            await session.rollback()
            count += await _write_digests(session, languages, topics=topics, now=now)


async def _write_digests(session: AsyncSession, languages: dict[str, str], *, topics: Topics, now: datetime) -> int:
    mine = (*_IS_WAITING, col(DigestItem.due_at) <= now, col(DigestItem.subscriber_id).in_(languages))
    # A write comes first, so that whoever does the same at this moment waits and then finds nothing.
    await (await session.connection()).execute(update(DigestItem).where(*mine).values(sent_in=None))
    items = list(await session.exec(select(DigestItem).where(*mine)))
    wanted = await list_wanted_items(session, items, topics=topics, now=now)
    found = await session.exec(select(Address).where(col(Address.subscriber_id).in_(languages)))
    addresses = {(address.subscriber_id, str(address.channel)): address.id for address in found}
    digests: dict[tuple[str, str, str], list[Wanted]] = {}
    for item, cause, channel in wanted:
        digests.setdefault((item.subscriber_id, str(cause.frequency), str(channel)), []).append((item, cause, channel))
    for (subscriber_id, frequency, by), some in digests.items():
        delivery_id = new_id()
        session.add(
            Delivery(
                id=delivery_id,
                message=f"digest/{delivery_id}",
                address_id=addresses[subscriber_id, by],
                subscriber_id=subscriber_id,
                channel=by,
                language=languages[subscriber_id],
                status=DeliveryStatus.QUEUED,
                because=tell_cause(some, frequency),
                due_at=now,
                parts={"items": list_parts(some, topics), "frequency": frequency},
                created_at=now,
            )
        )
        for item, _, _ in some:
            item.sent_in = delivery_id
            session.add(item)
    await session.commit()
    return len(digests)


def tell_cause(wanted: Sequence[Wanted], frequency: str) -> dict[str, str]:
    """``Delivery.because`` of a digest; it names who chose where that is the same for everything in it."""
    said = {cause.said for _, cause, _ in wanted}
    by = next(iter(said)) if len(said) == 1 else None
    return {"rule": Rule.TOPIC.value, "frequency": frequency} | ({"said": by.value} if by else {})


def list_parts(wanted: Sequence[Wanted], topics: Topics) -> list[dict[str, Any]]:
    """``Delivery.parts["items"]``: by topic in the order of the topics, the older news first."""
    order = {topic: number for number, topic in enumerate(topics.facts)}

    def place_of(one: Wanted) -> tuple[int, datetime, str]:
        item, cause, _ = one
        return order.get(cause.topic or "", len(order)), item.added_at, item.broadcast_id

    return [
        {"broadcast": item.broadcast_id, "topic": cause.topic or ""} for item, cause, _ in sorted(wanted, key=place_of)
    ]
