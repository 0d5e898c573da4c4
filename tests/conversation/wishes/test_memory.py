"""What a chat wants and has not agreed to is kept apart for each chat, and can be dropped; in memory and in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from conversation.wishes.memory import Asked, Pending, PendingInProcess, PendingInRedis, PendingMemory
from conversation.wishes.wish import Move, TopicWish, Wish
from subscriptions.models import Frequency
from tests.services import running_redis

WISH = Wish(
    topics={"youth": TopicWish(move=Move.OFF), "grants-and-calls": TopicWish(frequency=Frequency.AT_ONCE)},
    paused_until=date(2027, 1, 1),
    quiet_days=[6, 7],
)


@pytest.fixture(params=["process", "redis"])
async def memory(request: pytest.FixtureRequest) -> AsyncIterator[PendingMemory]:
    if request.param == "process":
        yield PendingInProcess()
        return
    with running_redis() as url:
        memory = PendingInRedis(url)
        yield memory
        await memory.close()


async def test_a_wish_comes_back_as_it_was(memory: PendingMemory) -> None:
    pending = Pending(wish=WISH, asked=Asked.YES)
    await memory.put("ada", pending)
    assert await memory.get("ada") == pending
    assert await memory.get("bob") is None


async def test_a_dropped_wish_is_gone(memory: PendingMemory) -> None:
    await memory.put("ada", Pending(wish=WISH))
    await memory.drop("ada")
    assert await memory.get("ada") is None
