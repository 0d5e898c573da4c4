"""What was sent is remembered for 13 months after it ended, and what still waits is never forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from subscriptions import jobs
from subscriptions.jobs import KEEP_DELIVERIES, OVER, expire_deliveries
from subscriptions.models import Delivery, DeliveryStatus, DigestItem
from tests.factories import NOW, make_broadcast, make_subscriber


async def add_delivery(session: AsyncSession, number: int, status: str, **values: Any) -> None:
    given: dict[str, Any] = {"finished_at": NOW if status in OVER else None}
    session.add(
        Delivery(
            id=f"{number:032}",
            message=f"broadcast/{number}",
            address_id="a" * 32,
            subscriber_id="s" * 32,
            channel="email",
            language="en",
            status=status,
            due_at=NOW,
            created_at=NOW,
            **(given | values),
        )
    )
    await session.commit()


async def left(session: AsyncSession) -> set[str]:
    session.expunge_all()
    return {str(row) for row in await session.exec(select(Delivery.status))}


async def test_a_delivery_is_forgotten_thirteen_months_after_it_ended(session: AsyncSession, clock: FixedClock) -> None:
    for number, status in enumerate(DeliveryStatus):
        await add_delivery(session, number, status)
    clock.at += KEEP_DELIVERIES - timedelta(hours=1)
    assert await expire_deliveries(session, clock=clock) == 0
    clock.at += timedelta(hours=1)
    assert await expire_deliveries(session, clock=clock) == len(OVER)
    assert await left(session) == {"waiting", "queued", "sending"}
    assert await expire_deliveries(session, clock=clock) == 0


async def test_one_that_ended_late_is_kept_from_then(session: AsyncSession, clock: FixedClock) -> None:
    await add_delivery(session, 1, "sent", finished_at=NOW + timedelta(days=30))
    await add_delivery(session, 2, "cancelled", finished_at=None)
    clock.at += KEEP_DELIVERIES
    assert await expire_deliveries(session, clock=clock) == 1
    assert await left(session) == {"sent"}


async def test_many_go_in_batches(session: AsyncSession, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BATCH", 3)
    for number in range(7):
        await add_delivery(session, number, "sent")
    clock.at += KEEP_DELIVERIES
    assert await expire_deliveries(session, clock=clock) == 7


async def test_items_of_digests_go_as_well_but_not_those_that_wait(session: AsyncSession, clock: FixedClock) -> None:
    person = await make_subscriber(session)
    for name, values in (("sent", {"sent_in": "d" * 32}), ("dropped", {"dropped_at": NOW}), ("waits", {})):
        broadcast = await make_broadcast(session)
        given: dict[str, Any] = {"because": {"name": name}, "added_at": NOW, "due_at": NOW, **values}
        session.add(DigestItem(subscriber_id=person.id, broadcast_id=broadcast.id, topic="x", **given))
    await session.commit()
    clock.at += KEEP_DELIVERIES
    await expire_deliveries(session, clock=clock)
    session.expunge_all()
    assert [item.because["name"] for item in await session.exec(select(DigestItem))] == ["waits"]
