"""What is owed goes another way when the first is closed: a mandatory notice by mail when the bot is blocked.

The rules decide; here only the row for the other address is written, beside the one that was refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import Address, Delivery, DeliveryStatus
from subscriptions.placing import insert_new
from subscriptions.rechecking import recheck
from subscriptions.rules import Decision, Outcome
from subscriptions.topics import Topics


async def take_second_way(
    session: AsyncSession, refused: Sequence[Delivery], *, topics: Topics, now: datetime
) -> list[str]:
    """Queue what may go to another address of the same person; returns the new ids. Commits.

    Called after the refused addresses were suppressed. Twice does no harm: a message goes to an address once.
    """
    decisions = await recheck(session, refused, topics=topics, now=now)
    rows = []
    for delivery in refused:
        decision = decisions.get(delivery.id)
        if decision is None or decision.outcome not in {Outcome.SEND, Outcome.WAIT}:
            continue
        if decision.channel is not None and decision.channel != delivery.channel:
            rows.append(await _row_for(session, delivery, decision, now))
    await insert_new(session, Delivery, rows)
    await session.commit()
    return [row["id"] for row in rows]


async def _row_for(session: AsyncSession, refused: Delivery, decision: Decision, now: datetime) -> dict[str, Any]:
    query = select(Address).where(Address.subscriber_id == refused.subscriber_id, Address.channel == decision.channel)
    address = (await session.exec(query)).one()
    copied = refused.model_dump(include={"message", "subscriber_id", "broadcast_id", "language", "because", "parts"})
    return copied | {
        "id": secrets.token_hex(16),
        "address_id": address.id,
        "channel": address.channel,
        "status": DeliveryStatus.QUEUED if decision.outcome is Outcome.SEND else DeliveryStatus.WAITING,
        "due_at": decision.at,
        "attempts": 0,
        "created_at": now,
    }
