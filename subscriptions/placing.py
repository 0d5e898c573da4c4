"""Where a message for one person stands: in the queue, in a digest, missed through a pause, or nowhere.

There is one place at a time. ``place`` moves it to where a decision says, and never touches what was sent already.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import Address, ChannelName, Delivery, DeliveryStatus, DigestItem, Missed
from subscriptions.rules import Decision, Outcome, WhyNot

OPEN = (DeliveryStatus.WAITING, DeliveryStatus.QUEUED)
REVERSIBLE = (*OPEN, DeliveryStatus.CANCELLED, DeliveryStatus.SUPPRESSED)

VISIBLE = frozenset({WhyNot.SUPPRESSED, WhyNot.UNCONFIRMED, WhyNot.NO_ADDRESS})
"""What stands in the way at an address, or that there is none, gets a row, so that the team sees it."""


async def place(
    session: AsyncSession,
    broadcast_id: str,
    subscriber_id: str,
    decision: Decision,
    *,
    now: datetime,
    claimed: Delivery | None = None,
) -> None:
    """Move a broadcast for one person to where the decision says. The caller commits.

    A row that is being sent is left alone, unless the caller is who claimed it.
    """
    delivery = claimed or await _find_delivery(session, broadcast_id, subscriber_id)
    item = await session.get(DigestItem, (subscriber_id, broadcast_id))
    if delivery is not None and claimed is None and delivery.status not in REVERSIBLE:
        return
    if item is not None and item.sent_in is not None:
        return
    goes_alone = decision.outcome in {Outcome.SEND, Outcome.WAIT}
    if goes_alone or (delivery is None and decision.why_not in VISIBLE):
        await _put_into_queue(session, broadcast_id, subscriber_id, decision, delivery=delivery, now=now)
    elif delivery is not None:
        _end(session, delivery, decision, now)
    if decision.outcome is Outcome.DIGEST:
        _put_into_digest(session, item, item_row(broadcast_id, subscriber_id, decision, now))
    elif item is not None:
        item.dropped_at = item.dropped_at or now
        session.add(item)
    await _note_missed(session, broadcast_id, subscriber_id, is_missed=decision.why_not is WhyNot.PAUSED)


def delivery_row(
    broadcast_id: str, subscriber_id: str, decision: Decision, addresses: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """The row of ``delivery`` for a decision; ``addresses`` are the person's, by channel.

    Whom no address reaches has one too: an id that no address has stands for it (``has_address``).
    """
    channel = decision.channel or ChannelName.EMAIL
    if channel not in addresses and addresses and decision.why_not is not WhyNot.NO_ADDRESS:
        channel = ChannelName(next(iter(addresses)))
    is_missing = decision.why_not is WhyNot.NO_ADDRESS or channel not in addresses
    is_over = decision.outcome is Outcome.NOT
    return {
        "id": secrets.token_hex(16),
        "message": f"broadcast/{broadcast_id}",
        "address_id": _nowhere(subscriber_id) if is_missing else addresses[str(channel)],
        "subscriber_id": subscriber_id,
        "broadcast_id": broadcast_id,
        "channel": str(channel),
        "language": decision.language,
        "status": _status_of(decision),
        "because": decision.cause.as_data() if decision.cause else {},
        "reason": decision.why_not,
        "due_at": decision.at,
        "attempts": 0,
        "parts": {},
        "created_at": now,
        "finished_at": now if is_over else None,
    }


def has_address(delivery: Delivery) -> bool:
    """Whether a row is for an address. One that is not has to be placed again before it can be sent."""
    return delivery.address_id != _nowhere(delivery.subscriber_id)


def item_row(broadcast_id: str, subscriber_id: str, decision: Decision, now: datetime) -> dict[str, Any]:
    """The row of ``digest_item`` for a decision."""
    assert decision.cause is not None
    return {
        "subscriber_id": subscriber_id,
        "broadcast_id": broadcast_id,
        "topic": decision.cause.topic or "",
        "because": decision.cause.as_data(),
        "added_at": now,
        "due_at": decision.at,
    }


async def insert_new(session: AsyncSession, model: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    """Insert rows; one that exists already stays as it is. The caller commits."""
    if not rows:
        return
    connection = await session.connection()
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    await connection.execute(insert(model).on_conflict_do_nothing(), rows)


def _nowhere(subscriber_id: str) -> str:
    """One for each person, since a message goes to an address once."""
    return hashlib.sha256(f"no address/{subscriber_id}".encode()).hexdigest()[:32]


def _status_of(decision: Decision) -> DeliveryStatus:
    match decision.outcome:
        case Outcome.SEND:
            return DeliveryStatus.QUEUED
        case Outcome.WAIT:
            return DeliveryStatus.WAITING
        case _ if decision.why_not in VISIBLE:
            return DeliveryStatus.SUPPRESSED
        case _:
            return DeliveryStatus.CANCELLED


async def _find_delivery(session: AsyncSession, broadcast_id: str, subscriber_id: str) -> Delivery | None:
    """The row that counts: one that waits, else one that was tried, else one that was taken back.

    There are two where the first address refused and the message goes to the other one.
    """
    query = select(Delivery).where(
        Delivery.message == f"broadcast/{broadcast_id}", Delivery.subscriber_id == subscriber_id
    )
    found = await session.exec(query.with_for_update(), execution_options={"populate_existing": True})
    return min(found, key=lambda row: (row.status not in OPEN, row.status in REVERSIBLE), default=None)


async def _put_into_queue(
    session: AsyncSession,
    broadcast_id: str,
    subscriber_id: str,
    decision: Decision,
    *,
    delivery: Delivery | None,
    now: datetime,
) -> None:
    found = await session.exec(select(Address).where(Address.subscriber_id == subscriber_id))
    addresses = {address.channel: address.id for address in found}
    row = delivery_row(broadcast_id, subscriber_id, decision, addresses, now)
    if delivery is None:
        session.add(Delivery(**row))
        return
    for name in ("address_id", "channel", "language", "status", "because", "reason", "due_at", "finished_at"):
        setattr(delivery, name, row[name])
    delivery.lease_until = delivery.holder = None
    session.add(delivery)


def _end(session: AsyncSession, delivery: Delivery, decision: Decision, now: datetime) -> None:
    delivery.status, delivery.finished_at = _status_of(decision), now
    delivery.lease_until = delivery.holder = None
    delivery.reason = decision.why_not or Outcome.DIGEST
    session.add(delivery)


def _put_into_digest(session: AsyncSession, item: DigestItem | None, row: dict[str, Any]) -> None:
    if item is None:
        item = DigestItem(**row)
    else:
        item.topic, item.because, item.due_at, item.dropped_at = row["topic"], row["because"], row["due_at"], None
    session.add(item)


async def _note_missed(session: AsyncSession, broadcast_id: str, subscriber_id: str, *, is_missed: bool) -> None:
    if is_missed:
        await insert_new(session, Missed, [{"subscriber_id": subscriber_id, "broadcast_id": broadcast_id}])
        return
    mine = (col(Missed.subscriber_id) == subscriber_id, col(Missed.broadcast_id) == broadcast_id)
    await (await session.connection()).execute(delete(Missed).where(*mine))
