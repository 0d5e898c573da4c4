"""Limits hold over all processes of the hub, keep nobody's name, and never stop people because Redis is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from core.clock import FixedClock
from core.rate_limits import PREFIX, Rate, RateLimits, RateLimitsInProcess, RateLimitsInRedis, network_of
from tests.services import free_port, running_redis

SLIDING = Rate("sliding", 3, timedelta(minutes=1))
REFILLING = Rate("refilling", 3, timedelta(minutes=1), refills=True)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with running_redis() as url:
        yield url


@pytest.fixture
async def pair(redis_url: str, clock: FixedClock) -> AsyncIterator[tuple[RateLimits, RateLimits]]:
    """What two processes of one hub hold."""
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()
    pair = tuple(RateLimitsInRedis(redis_url, secret_key="secret", clock=clock) for _ in range(2))
    yield pair[0], pair[1]
    for limits in pair:
        await limits.close()


@pytest.fixture(params=["process", "redis"])
def limits(request: pytest.FixtureRequest, clock: FixedClock) -> RateLimits:
    """Each form; both keep the same promises."""
    if request.param == "process":
        return RateLimitsInProcess(clock)
    first: RateLimits = request.getfixturevalue("pair")[0]
    return first


async def take_many(limits: RateLimits, rate: Rate, number: int, who: str = "one") -> list[int]:
    return [round(await limits.take((rate, who))) for _ in range(number)]


async def test_a_window_slides(limits: RateLimits, clock: FixedClock) -> None:
    for seconds in (0, 20, 40):
        assert await limits.take((SLIDING, "one")) == 0, seconds
        clock.at += timedelta(seconds=20)
    clock.at -= timedelta(seconds=10)
    assert await limits.take((SLIDING, "one")) == pytest.approx(10)
    clock.at += timedelta(seconds=10)
    assert await take_many(limits, SLIDING, 2) == [0, 20]


async def test_what_refills_comes_back_one_by_one(limits: RateLimits, clock: FixedClock) -> None:
    assert await take_many(limits, REFILLING, 4) == [0, 0, 0, 20]
    clock.at += timedelta(seconds=20)
    assert await take_many(limits, REFILLING, 2) == [0, 20]
    clock.at += timedelta(hours=1)
    assert await take_many(limits, REFILLING, 4) == [0, 0, 0, 20]


@pytest.mark.parametrize("rate", [SLIDING, REFILLING])
async def test_everybody_has_a_count_of_their_own_and_may_get_it_back(limits: RateLimits, rate: Rate) -> None:
    assert all((await take_many(limits, rate, 4))[3:])
    assert await limits.take((rate, "two")) == 0
    await limits.give_back((rate, "one"), (rate, "nobody"))
    assert (await take_many(limits, rate, 2))[0] == 0
    assert await limits.take((rate, "one")) > 0


@pytest.mark.parametrize("rate", [SLIDING, REFILLING])
async def test_two_rates_count_both_or_none(limits: RateLimits, rate: Rate) -> None:
    narrow = Rate("narrow", 1, timedelta(minutes=1), refills=rate.refills)
    assert await limits.take((rate, "one"), (narrow, "one")) == 0
    for _ in range(5):
        assert await limits.take((rate, "one"), (narrow, "one")) > 0
    assert await take_many(limits, rate, 2) == [0, 0]


async def test_counting_goes_on_beyond_the_rate_and_ends_with_the_period(limits: RateLimits, clock: FixedClock) -> None:
    assert [await limits.count(SLIDING, "one") for _ in range(5)] == [1, 2, 3, 4, 5]
    clock.at += timedelta(minutes=1)
    assert await limits.count(SLIDING, "one") == 1


@pytest.mark.parametrize("rate", [SLIDING, REFILLING])
async def test_two_processes_together_get_no_more_than_one(pair: tuple[RateLimits, RateLimits], rate: Rate) -> None:
    waits = await asyncio.gather(*(limits.take((rate, "one")) for limits in pair * 10))
    assert waits.count(0) == rate.most
    counts = await asyncio.gather(*(limits.count(SLIDING, "two") for limits in pair * 10))
    assert sorted(counts) == list(range(1, 21))


async def test_redis_holds_no_name_and_no_salt_and_forgets_after_the_period(
    pair: tuple[RateLimits, RateLimits], redis_url: str, clock: FixedClock
) -> None:
    for rate in (SLIDING, REFILLING):
        await pair[0].take((rate, "203.0.113.77"))
    await pair[0].count(SLIDING, "they refused me")
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        names = {str(name) async for name in redis.scan_iter()}
        assert len(names) == 3
        assert all(name.startswith(PREFIX) for name in names)
        assert not any("203" in name or "refused" in name for name in names)
        for name in names:
            assert 0 < await redis.ttl(name) <= 60
        # Another key or day gives other names, so a copy of Redis is nothing that guesses could be tried on.
        other = RateLimitsInRedis(redis_url, secret_key="another secret", clock=clock)
        await other.take((SLIDING, "203.0.113.77"))
        await other.close()
        clock.at += timedelta(days=1)
        await pair[0].take((SLIDING, "203.0.113.77"))
        assert len({name async for name in redis.scan_iter()}) == 5


async def test_a_process_keeps_no_name_and_forgets_after_the_period(clock: FixedClock) -> None:
    limits = RateLimitsInProcess(clock)
    for rate in (SLIDING, REFILLING):
        await limits.take((rate, "203.0.113.77"))
    assert "203.0.113" not in repr(vars(limits))
    clock.at += timedelta(minutes=1)
    for rate in (SLIDING, REFILLING):
        await limits.take((rate, "somebody else"))
    assert [len(kept) for kept in limits._kept.values()] == [1, 1]


async def test_without_redis_each_process_limits_alone_and_says_so_in_the_log(
    clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    limits = RateLimitsInRedis(f"redis://127.0.0.1:{free_port()}/0", secret_key="secret", clock=clock)
    with caplog.at_level(logging.WARNING):
        assert await take_many(limits, SLIDING, 4) == [0, 0, 0, 60]
        assert await limits.count(SLIDING, "two") == 1
        await limits.give_back((SLIDING, "one"))
        assert await limits.take((SLIDING, "one")) == 0
    # Redis is left alone for a while, so nobody waits for it each time.
    assert [record.message for record in caplog.records] == ["rate_limits_redis_away error=ConnectionError"]
    await limits.close()


async def test_nobody_is_refused_or_kept_waiting_when_redis_ends_or_falls_silent(
    clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_redis() as url:
        limits = RateLimitsInRedis(url, secret_key="secret", clock=clock)
        assert await take_many(limits, SLIDING, 4) == [0, 0, 0, 60]
    assert await limits.take((SLIDING, "one")) == 0
    await limits.close()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    monkeypatch.setattr("core.rate_limits.PATIENCE", 0.1)
    server = await asyncio.start_server(say_nothing, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    limits = RateLimitsInRedis(f"redis://127.0.0.1:{port}/0", secret_key="secret", clock=clock)
    async with asyncio.timeout(2):
        assert await take_many(limits, SLIDING, 4) == [0, 0, 0, 60]
    await limits.close()
    server.close()
    await server.wait_closed()


async def test_redis_is_asked_again_once_it_is_back(clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.rate_limits.LEFT_ALONE", 0.0)
    port = free_port()
    limits = RateLimitsInRedis(f"redis://127.0.0.1:{port}/0", secret_key="secret", clock=clock)
    assert await take_many(limits, SLIDING, 3) == [0, 0, 0]
    with running_redis(port=port) as url:
        assert await take_many(limits, SLIDING, 3) == [0, 0, 0]
        other = RateLimitsInRedis(url, secret_key="secret", clock=clock)
        assert await other.take((SLIDING, "one")) > 0
        await other.close()
    await limits.close()


def test_one_subscriber_s_addresses_of_ipv6_are_one_source() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::1") != network_of("2001:db8:1:3::1")
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("telegram/7") == "telegram/7"
