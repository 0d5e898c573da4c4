"""Duties: exactly one process does them; when it goes, another does."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from core.clock import FixedClock, SystemClock
from core.database import Database
from core.duties import Duty, Scheduler
from core.leases import take_lease

MINUTE = timedelta(minutes=1)
SHORT = timedelta(seconds=0.6)


async def test_a_lease_is_one_holders_until_it_runs_out(database: Database, clock: FixedClock) -> None:
    async def take(holder: str, lasting: timedelta = MINUTE) -> bool:
        async with database.session() as session:
            now = clock.now()
            return await take_lease(session, "duty", holder=holder, until=now + lasting, now=now)

    assert await take("a")
    assert not await take("b")
    assert await take("a")
    clock.at += MINUTE
    assert await take("b")
    assert not await take("a")
    # Letting go.
    assert await take("b", timedelta(0))
    assert await take("a")


async def test_of_many_that_try_at_once_one_gets_the_lease(database: Database, clock: FixedClock) -> None:
    async def take(holder: str) -> bool:
        async with database.session() as session:
            return await take_lease(session, "duty", holder=holder, until=clock.now() + MINUTE, now=clock.now())

    for _ in range(3):
        assert sum(await asyncio.gather(*(take(str(number)) for number in range(8)))) == 1
        clock.at += MINUTE


class Log:
    """Who did the duty, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def scheduler(self, database: Database, name: str) -> Scheduler:
        async def work() -> None:
            self.done.append(name)

        return Scheduler(database, SystemClock(), [Duty("work", timedelta(seconds=0.05), work)], lasting=SHORT)


async def test_one_process_does_the_duties_and_another_takes_over(database: Database) -> None:
    log = Log()
    first, second = log.scheduler(database, "first"), log.scheduler(database, "second")
    first.start()
    await asyncio.sleep(0.4)
    second.start()
    await asyncio.sleep(0.6)
    assert set(log.done) == {"first"}
    await first.stop()
    log.done.clear()
    async with asyncio.timeout(20):
        while not log.done:
            await asyncio.sleep(0.05)
    assert set(log.done) == {"second"}
    await second.stop()


async def test_a_process_that_dies_is_replaced_when_its_lease_runs_out(database: Database) -> None:
    log = Log()
    dead, alive = log.scheduler(database, "dead"), log.scheduler(database, "alive")
    dead.start()
    await asyncio.sleep(0.4)
    # As a killed one: it neither works nor lets go.
    dead._jobs.shutdown(wait=False)
    alive.start()
    async with asyncio.timeout(5):
        while "alive" not in log.done:
            await asyncio.sleep(0.05)
    await alive.stop()


async def test_a_duty_that_fails_is_done_again_and_nothing_of_its_error_is_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    count = 0

    async def work() -> None:
        nonlocal count
        count += 1
        raise ValueError("zoe@example.org")

    scheduler = Scheduler(database, SystemClock(), [Duty("bad", timedelta(seconds=0.05), work)], lasting=SHORT)
    with caplog.at_level(logging.INFO):
        scheduler.start()
        async with asyncio.timeout(5):
            while count < 3:
                await asyncio.sleep(0.05)
        await scheduler.stop()
    assert "duty_failed duty=bad error=ValueError" in caplog.text
    assert "zoe" not in caplog.text


async def test_stopping_breaks_off_a_duty_that_does_not_end(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    scheduler = Scheduler(database, SystemClock(), [Duty("long", timedelta(seconds=0.05), work)], lasting=SHORT)
    scheduler.start()
    await asyncio.sleep(0.4)
    await scheduler.stop(patience=0.1)
    assert ended.is_set()
    assert "Traceback" not in caplog.text
