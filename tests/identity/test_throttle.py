"""Attempts to sign in are limited by name and by source, and a name that does not exist is no exception."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select

from core.clock import FixedClock
from core.database import Database
from identity.errors import SignInThrottledError
from identity.models import SignInAttempt
from identity.throttle import FREE_ATTEMPTS, LONGEST_WAIT, Throttle


async def attempt(
    database: Database,
    throttle: Throttle,
    login: str = "anna",
    source: str = "10.0.0.1",
    mark: str | None = None,
) -> int:
    """A wrong attempt; the seconds to wait, 0 when it was let through."""
    async with database.session() as session:
        try:
            await throttle.begin(session, login=login, source=source, mark=mark)
        except SignInThrottledError as error:
            return int(error.values["seconds"])
    return 0


async def test_five_wrong_attempts_pass_and_then_each_waits_twice_as_long(
    database: Database, clock: FixedClock
) -> None:
    throttle = Throttle("secret", clock)
    for _ in range(FREE_ATTEMPTS):
        assert await attempt(database, throttle) == 0
    waits = []
    for _ in range(9):
        wait = await attempt(database, throttle)
        waits.append(round(wait / 60))
        assert await attempt(database, throttle) > 0
        clock.at += timedelta(seconds=wait)
        assert await attempt(database, throttle) == 0
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_changing_the_source_or_the_name_does_not_help(database: Database, clock: FixedClock) -> None:
    throttle = Throttle("secret", clock)
    for number in range(FREE_ATTEMPTS):
        assert await attempt(database, throttle, source=f"10.0.0.{number}") == 0
    assert await attempt(database, throttle, source="10.0.0.99") > 0
    for number in range(FREE_ATTEMPTS):
        assert await attempt(database, throttle, login=f"name{number}", source="10.9.9.9") == 0
    assert await attempt(database, throttle, login="another", source="10.9.9.9") > 0
    assert await attempt(database, throttle, login="another", source="10.8.8.8") == 0


async def test_a_right_attempt_begins_anew(database: Database, clock: FixedClock) -> None:
    throttle = Throttle("secret", clock)
    for _ in range(FREE_ATTEMPTS - 1):
        await attempt(database, throttle)
    async with database.session() as session:
        await throttle.begin(session, login="anna", source="10.0.0.1")
        await throttle.succeed(session, login="anna", source="10.0.0.1")
        await session.commit()
    assert await attempt(database, throttle) == 0


async def test_a_quarter_of_an_hour_without_attempts_forgets(database: Database, clock: FixedClock) -> None:
    throttle = Throttle("secret", clock)
    for _ in range(FREE_ATTEMPTS - 1):
        await attempt(database, throttle)
    clock.at += timedelta(minutes=16)
    for _ in range(FREE_ATTEMPTS):
        assert await attempt(database, throttle) == 0


async def test_neither_names_nor_sources_are_kept_and_counts_expire(database: Database, clock: FixedClock) -> None:
    throttle = Throttle("secret", clock)
    await attempt(database, throttle)
    async with database.session() as session:
        rows = list(await session.exec(select(SignInAttempt)))
        assert len(rows) == 2
        assert not any("anna" in row.key or "10.0" in row.key for row in rows)
        clock.at += LONGEST_WAIT + timedelta(minutes=16)
        assert await throttle.expire(session) == 2


async def test_wrong_attempts_of_others_lock_nobody_out_of_a_browser_that_is_known(
    database: Database, clock: FixedClock
) -> None:
    throttle = Throttle("secret", clock)
    mark = throttle.make_mark("Anna ")
    for number in range(3 * FREE_ATTEMPTS):
        await attempt(database, throttle, source=f"10.1.0.{number}")
    assert await attempt(database, throttle, source="10.0.0.9") > 0
    # Anna's own browser is counted by itself, and no better than a name.
    for _ in range(FREE_ATTEMPTS):
        assert await attempt(database, throttle, source="10.0.0.9", mark=mark) == 0
    assert await attempt(database, throttle, source="10.0.0.9", mark=mark) > 0
    async with database.session() as session:
        await throttle.succeed(session, login="anna", source="10.0.0.9", mark=mark)
        await session.commit()
    assert await attempt(database, throttle, source="10.0.0.9", mark=mark) == 0


async def test_a_mark_is_for_its_name_alone_and_cannot_be_made_up(database: Database, clock: FixedClock) -> None:
    throttle = Throttle("secret", clock)
    for _ in range(FREE_ATTEMPTS):
        await attempt(database, throttle)
    own = throttle.make_mark("bruno")
    made_up = Throttle("another secret", clock).make_mark("anna")
    for mark in (own, made_up, "", ".", "x.y", own.partition(".")[0] + ".", "é.é"):
        assert await attempt(database, throttle, mark=mark) > 0, mark


async def test_one_subscriber_s_many_addresses_are_one_source(database: Database, clock: FixedClock) -> None:
    throttle = Throttle("secret", clock)
    for number in range(FREE_ATTEMPTS):
        assert await attempt(database, throttle, login=f"n{number}", source=f"2001:db8:1:2::{number:x}") == 0
    assert await attempt(database, throttle, login="another", source="2001:db8:1:2:ffff::1") > 0
