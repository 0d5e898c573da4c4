"""The pace: in all, by chat, by group, after a refusal; and replies before bulk. Times are short, the figures real."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from telegram.error import RetryAfter

from channels.telegram.limiter import Lane, Limits, TelegramLimiter
from core.clock import SystemClock
from core.rate_limits import RateLimits, RateLimitsInRedis
from tests.services import free_port, running_redis

SHORT = Limits(second=0.2, minute=1.0, patience=5.0)
"""A 'second' of 0.2 s, a 'minute' of 1 s."""
SLACK = 0.01
SECOND = replace(SHORT, second=0.4)
SHORTER = 0.3
"""Within it no more than a second's number may go; the rest allows for a busy machine that wakes tasks late."""


class Line:
    """Sends through a limiter and notes when each request went."""

    def __init__(self, limits: Limits = SHORT, shared: RateLimits | None = None) -> None:
        self.limiter = TelegramLimiter(limits, shared=shared)
        self.sent: list[tuple[float, int]] = []
        self.refusals: dict[int, list[float]] = {}

    async def send(self, chat_id: int, lane: Lane | None = None, endpoint: str = "sendMessage") -> Any:
        async def request(*_: object) -> bool:
            if self.refusals.get(chat_id):
                raise RetryAfter(timedelta(seconds=self.refusals[chat_id].pop(0)))
            self.sent.append((time.monotonic(), chat_id))
            return True

        return await self.limiter.process_request(request, (), {}, endpoint, {"chat_id": chat_id}, lane)

    def most_within(self, seconds: float, chat_id: int | None = None) -> int:
        times = sorted(moment for moment, chat in self.sent if chat_id in {None, chat})
        return max(sum(start <= moment < start + seconds for moment in times) for start in times)


async def at_once(count: int, send: Callable[[int], Awaitable[Any]]) -> None:
    await asyncio.gather(*(send(number) for number in range(count)))


async def test_thirty_a_second_in_all() -> None:
    line = Line(SECOND)
    await at_once(100, line.send)
    assert line.most_within(SHORTER) <= 30


async def test_one_a_second_to_a_chat_after_three_at_once() -> None:
    line = Line()
    begun = time.monotonic()
    await at_once(6, lambda _: line.send(5))
    took = [moment - begun for moment, _ in line.sent]
    assert took[2] < SHORT.second
    assert took[5] >= 3 * SHORT.second - SLACK


async def test_twenty_a_minute_to_a_group() -> None:
    line = Line(replace(SHORT, second=0.01))
    await at_once(25, lambda _: line.send(-100))
    assert line.most_within(SHORT.minute - 0.1, -100) <= 20


async def test_a_refusal_halts_its_chat_and_no_other() -> None:
    line = Line()
    line.refusals[1] = [1.0]
    begun = time.monotonic()
    await asyncio.gather(line.send(1), line.send(1), *(line.send(chat) for chat in range(2, 12)))
    others = [moment - begun for moment, chat in line.sent if chat != 1]
    refused = [moment - begun for moment, chat in line.sent if chat == 1]
    assert max(others) < 0.8
    assert min(refused) >= 1.0 - SLACK


async def test_a_wait_beyond_all_patience_is_passed_on() -> None:
    line = Line()
    line.refusals[1] = [3600]
    with pytest.raises(RetryAfter):
        await line.send(1)
    with pytest.raises(RetryAfter):
        await line.send(1)
    assert await line.send(2)


async def test_replies_pass_two_thousand_waiting_bulk_messages() -> None:
    line = Line(SECOND)
    bulk = [asyncio.create_task(line.send(chat, Lane.BULK)) for chat in range(10_000, 12_000)]
    await asyncio.sleep(0.1)
    waits = []
    for number in range(20):
        begun = time.monotonic()
        # Half of them to chats that wait for a bulk message too.
        await line.send(11_900 + number if number % 2 else number)
        waits.append(time.monotonic() - begun)
    for task in bulk:
        task.cancel()
    await asyncio.gather(*bulk, return_exceptions=True)
    assert sorted(waits)[18] < SECOND.second
    assert line.most_within(SHORTER) <= 30


async def test_a_cancelled_message_holds_up_nobody() -> None:
    line = Line()
    line.refusals[1] = [0.2]
    tasks = [asyncio.create_task(line.send(1)) for _ in range(4)]
    await asyncio.sleep(0.05)
    tasks[0].cancel()
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(line.sent) == 2
    assert await line.send(1)


async def test_typing_never_waits() -> None:
    line = Line()
    line.refusals[1] = [0.3]
    waiting = asyncio.create_task(line.send(1))
    await asyncio.sleep(0.02)
    begun = time.monotonic()
    await line.send(1, endpoint="sendChatAction")
    assert time.monotonic() - begun < 0.1
    await waiting


async def test_two_processes_that_share_redis_keep_to_the_pace_together_and_replies_still_go_first() -> None:
    with running_redis() as url:
        shared = [RateLimitsInRedis(url, secret_key="secret", clock=SystemClock()) for _ in range(2)]
        lines = [Line(SECOND, limits) for limits in shared]
        bulk = asyncio.gather(*(line.send(number, Lane.BULK) for line in lines for number in range(60)))
        await asyncio.sleep(SECOND.second)
        begun = time.monotonic()
        await asyncio.gather(*(line.send(1000 + number) for line in lines for number in range(2)))
        replied = time.monotonic() - begun
        await bulk
        for limits in shared:
            await limits.close()
    together = Line()
    together.sent = [one for line in lines for one in line.sent]
    assert len(together.sent) == 124
    assert together.most_within(SHORTER) <= SECOND.overall
    assert replied < 2 * SECOND.second


async def test_messages_go_out_also_while_redis_is_away() -> None:
    shared = RateLimitsInRedis(f"redis://127.0.0.1:{free_port()}/0", secret_key="secret", clock=SystemClock())
    line = Line(SECOND, shared)
    await at_once(40, line.send)
    assert line.most_within(SHORTER) <= 30
    await shared.close()
