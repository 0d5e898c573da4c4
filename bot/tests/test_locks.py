"""Messages of one conversation are answered one after the other, without the second of Rasa's own lock."""

from __future__ import annotations

import asyncio
import time

import pytest
from fakeredis import FakeRedis
from rasa.utils.endpoints import EndpointConfig

from rasa_components import locks
from rasa_components.locks import ConversationLocks, RedisLocks


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ConversationLocks:
    monkeypatch.setattr(locks, "_open_redis", lambda url: RedisLocks(FakeRedis(decode_responses=True)))
    return ConversationLocks(EndpointConfig(url="" if request.param == "memory" else "redis://localhost"))


async def test_the_next_message_waits_but_not_for_long(store: ConversationLocks) -> None:
    seen: list[str] = []

    async def answer(number: int) -> None:
        async with store.lock("web:1"):
            seen.append(f"begin {number}")
            await asyncio.sleep(0.02)
            seen.append(f"end {number}")

    begun = time.monotonic()
    await asyncio.gather(*(answer(number) for number in range(3)))
    assert seen == [f"{word} {number}" for number in range(3) for word in ("begin", "end")]
    assert time.monotonic() - begun < 1
    assert store.get_lock("web:1") is None
