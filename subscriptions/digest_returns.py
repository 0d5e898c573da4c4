"""What a digest carried that reached nobody: it waits for the next one, so that no week is lost to one mail server.

After three digests that failed one after the other, an item stops waiting: it becomes a message that failed, which the
team sees and can send again. So what cannot be written or taken does not spoil every later digest.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.delivery import where
from subscriptions.models import Delivery, DeliveryStatus, DigestItem, Frequency
from subscriptions.people import load_people
from subscriptions.placing import insert_new
from subscriptions.rhythm import next_digest

MOST_DIGESTS = 3
UNREACHED = (DeliveryStatus.FAILED, DeliveryStatus.BOUNCED)
_IS_DIGEST = col(Delivery.message).startswith("digest/")


async def give_back(session: AsyncSession, delivery_ids: Collection[str], *, now: datetime) -> list[str]:
    """Let the items of those of these deliveries that are digests which failed wait again; returns their readers.

    The caller commits, in the transaction that writes the failure, and then has the rules look at what waits for these
    people (``rechecking.replan``): an item may be too urgent for the next digest, or its address gone.
    """
    failed = select(Delivery).where(col(Delivery.id).in_(delivery_ids), _IS_DIGEST, col(Delivery.status).in_(UNREACHED))
    digests = list(await session.exec(failed, execution_options={"populate_existing": True}))
    if not digests:
        return []
    people = await load_people(session, [row.subscriber_id for row in digests], ())
    for row in digests:
        person = people.get(row.subscriber_id)
        items = select(DigestItem).where(DigestItem.sent_in == row.id)
        for item in list(await session.exec(items)):
            item.sent_in = None
            if person is None or await _count_failed(session, item) >= MOST_DIGESTS:
                item.dropped_at = now
                await _write_failed(session, item, row, now)
            else:
                item.due_at = next_digest(person.rhythm, Frequency(row.parts["frequency"]), now)
            session.add(item)
    return sorted(people)


async def _count_failed(session: AsyncSession, item: DigestItem) -> int:
    """How many of its reader's digests failed since it waits."""
    query = select(func.count()).where(
        Delivery.subscriber_id == item.subscriber_id,
        _IS_DIGEST,
        col(Delivery.status).in_(UNREACHED),
        Delivery.created_at >= item.added_at,
    )
    return (await session.exec(query)).one()


async def _write_failed(session: AsyncSession, item: DigestItem, digest: Delivery, now: datetime) -> None:
    """A row of its own, in place of one that was taken back when the item began to wait."""
    message = f"broadcast/{item.broadcast_id}"
    copied = digest.model_dump(include={"address_id", "subscriber_id", "channel", "language", "attempts"})
    ended: dict[str, Any] = {"status": digest.status, "reason": digest.reason, "finished_at": now}
    row = copied | ended | {
        "id": secrets.token_hex(16),
        "message": message,
        "broadcast_id": item.broadcast_id,
        "because": item.because,
        "due_at": now,
        "parts": {},
        "created_at": now,
    }  # fmt: skip
    await insert_new(session, Delivery, [row])
    taken_back = where(
        col(Delivery.message) == message,
        col(Delivery.address_id) == digest.address_id,
        col(Delivery.status) == DeliveryStatus.CANCELLED,
    )
    await session.exec(taken_back.values(**ended))
