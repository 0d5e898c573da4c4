"""The language of a conversation is kept the same way in the process and in a real Redis; turns keep their order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from conversation.expiring import LIFETIME
from conversation.memory import (
    REDIS_PREFIX,
    LanguageMemory,
    LanguagesInProcess,
    LanguagesInRedis,
    Remembered,
    Turns,
)
from tests.services import free_port, running_redis


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with running_redis() as url:
        yield url


@pytest.fixture(params=["process", "redis"])
async def languages(request: pytest.FixtureRequest) -> AsyncIterator[LanguageMemory]:
    in_redis = request.param == "redis"
    memory: LanguageMemory = (
        LanguagesInRedis(request.getfixturevalue("redis_url")) if in_redis else LanguagesInProcess()
    )
    yield memory
    await memory.close()


@pytest.mark.parametrize("remembered", [Remembered("fr", chosen=True), Remembered("ar"), Remembered()])
async def test_a_language_is_kept(languages: LanguageMemory, remembered: Remembered) -> None:
    await languages.put("somebody", remembered)
    assert await languages.get("somebody") == remembered
    assert await languages.get("somebody else") is None


async def test_redis_forgets_after_an_hour(redis_url: str) -> None:
    memory = LanguagesInRedis(redis_url)
    await memory.put("somebody", Remembered("it"))
    await memory.close()
    async with Redis.from_url(redis_url) as redis:
        assert 0 < await redis.ttl(REDIS_PREFIX + "somebody") <= LIFETIME


async def test_turns_of_one_conversation_keep_their_order() -> None:
    turns, order = Turns(), list[int]()

    async def say(number: int) -> None:
        async with turns.of("somebody"):
            await asyncio.sleep(0.01 / (number + 1))
            order.append(number)

    await asyncio.gather(*(say(number) for number in range(10)))
    assert order == list(range(10))


async def test_without_redis_nothing_is_remembered_and_nobody_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("conversation.expiring.LEFT_ALONE", 0.0)
    port = free_port()
    memory = LanguagesInRedis(f"redis://127.0.0.1:{port}/0")
    await memory.put("somebody", Remembered("it"))
    assert await memory.get("somebody") is None
    await memory.drop("somebody")
    assert {record.message for record in caplog.records} == {"memory_redis_away error=ConnectionError"}
    with running_redis(port=port):
        await memory.put("somebody", Remembered("it"))
        assert await memory.get("somebody") == Remembered("it")
    assert await memory.get("somebody") is None
    await memory.close()


async def test_redis_that_falls_silent_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr("conversation.expiring.PATIENCE", 0.1)
    server = await asyncio.start_server(say_nothing, "127.0.0.1")
    memory = LanguagesInRedis(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    async with asyncio.timeout(2):
        for _ in range(100):
            assert await memory.get("somebody") is None
    await memory.close()
    server.close()
    await server.wait_closed()
