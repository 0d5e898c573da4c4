"""Who will get a broadcast, told for 100,000 people on PostgreSQL; and the writing of their deliveries.

Baseline, in the same run: a bare count of the topic's subscribers in SQL, which knows neither frequency, channel, quiet
hours, pauses, addresses nor cities, and says nothing of who will not get it.
"""

from __future__ import annotations

import asyncio
import random
import time as clock_time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import batched
from typing import Any

import psutil
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import func, insert, select, text
from sqlmodel import SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.figures import NO_TARGET, Section, Table, at_most, percentile
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from knowledge.base import KnowledgeBase, load_knowledge
from migrations.run import migrate
from subscriptions.audience import list_recipients, measure_reach
from subscriptions.expanding import expand
from subscriptions.models import Address, Broadcast, BroadcastStatus, Choice, Frequency, Subscriber, Subscription
from subscriptions.rows import main_time_zone
from subscriptions.topics import Topics, load_topics
from tests.services import running_postgresql

PEOPLE = 100_000
SMALL = 1_000
ROUNDS = 5
MOST_SECONDS = 2.0
MOST_GROWTH = 50.0
"""Megabytes that writing deliveries may need more for 100,000 people than for 1,000."""
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TOPIC = "youth"


def run(console: Console) -> Section:
    """Fill a database, ask, write."""
    with running_postgresql() as url:
        return asyncio.run(_measure(url, console))


async def _measure(url: str, console: Console) -> Section:
    base, topics = load_knowledge(), load_topics()
    database = Database(Settings(_env_file=None, database_url=SecretStr(url)).async_database_url)
    try:
        await migrate(database)
        await _fill(database, base, topics, SMALL)
        small = await _expand(database, topics)
        with console.status("100,000 people"):
            await _fill(database, base, topics, PEOPLE - SMALL)
        large = await _expand(database, topics)
        broadcast = await _broadcast(database)

        async def reach(session: AsyncSession) -> object:
            return await measure_reach(session, broadcast, topics=topics, cities=base.cities, now=NOW)

        async def first_page(session: AsyncSession) -> object:
            return await list_recipients(session, broadcast, topics=topics, now=NOW, reached=True)

        async def bare(session: AsyncSession) -> object:
            wanted = select(func.count()).select_from(Subscription).where(col(Subscription.topic) == TOPIC)
            return (await session.execute(wanted.where(col(Subscription.frequency) != Frequency.OFF))).scalar_one()

        counted = await _time(database, reach)
        listed = await _time(database, first_page)
        baseline = await _time(database, bare)
        async with database.session() as session:
            found = await measure_reach(session, broadcast, topics=topics, cities=base.cities, now=NOW)
    finally:
        await database.close()
    return Section(
        name="audience",
        explanation=__doc__ or "",
        tables=[
            Table(
                ["what", "seconds", "target", ""],
                [
                    [
                        "counts of everybody, and the cities not reached",
                        f"{percentile(counted, 0.5):.2f}",
                        *at_most(percentile(counted, 0.5), MOST_SECONDS),
                    ],
                    [
                        "the first page of the exact list",
                        f"{percentile(listed, 0.5):.2f}",
                        *at_most(percentile(listed, 0.5), MOST_SECONDS),
                    ],
                    ["baseline: bare count of the topic", f"{percentile(baseline, 0.5):.2f}", *NO_TARGET],
                    ["writing all deliveries and digest items", f"{large.seconds:.1f}", *NO_TARGET],
                ],
            ),
            Table(
                ["memory while writing, above what was used before", "MB", "target", ""],
                [
                    [f"{SMALL:,} people", f"{small.megabytes:.0f}", *NO_TARGET],
                    [
                        f"{PEOPLE:,} people",
                        f"{large.megabytes:.0f}",
                        *at_most(large.megabytes, small.megabytes + MOST_GROWTH),
                    ],
                ],
            ),
        ],
        notes=[
            f"{found.count:,} of {PEOPLE:,} people get it; {len(found.shares)} ways; medians of {ROUNDS} rounds.",
            f"Writing: {PEOPLE / large.seconds:,.0f} people a second.",
        ],
    )


async def _time(database: Database, work: Callable[[AsyncSession], Awaitable[object]]) -> list[float]:
    seconds = []
    for _ in range(ROUNDS):
        async with database.session() as session:
            begun = clock_time.perf_counter()
            await work(session)
            seconds.append(clock_time.perf_counter() - begun)
    return seconds


@dataclass(frozen=True)
class _Written:
    """What writing the deliveries of a broadcast took."""

    seconds: float
    megabytes: float
    """More than before, at the highest."""


async def _expand(database: Database, topics: Topics) -> _Written:
    broadcast = await _broadcast(database)
    process, highest = psutil.Process(), 0
    before, begun = process.memory_info().rss, clock_time.perf_counter()
    work = asyncio.create_task(expand(database, broadcast.id, topics=topics, clock=FixedClock(NOW)))
    while not work.done():
        highest = max(highest, process.memory_info().rss)
        await asyncio.wait([work], timeout=0.05)
    await work
    return _Written(clock_time.perf_counter() - begun, max(0, highest - before) / 2**20)


async def _broadcast(database: Database) -> Broadcast:
    broadcast = Broadcast(
        id=f"{random.getrandbits(128):032x}",
        kind="news",
        status=BroadcastStatus.SENDING,
        topics_any=[TOPIC],
        closes_at=NOW + timedelta(days=20),
        created_by="benchmark",
        created_at=NOW,
    )
    async with database.session() as session:
        session.add(broadcast)
        await session.commit()
    return broadcast


async def _fill(database: Database, base: KnowledgeBase, topics: Topics, count: int) -> None:
    chance = random.Random(count)
    for some in batched(range(count), 5000):
        rows: dict[type[SQLModel], list[dict[str, Any]]] = {Subscriber: [], Address: [], Subscription: []}
        for _ in some:
            for model, row in _person(chance, base, topics):
                rows[model].append(row)
        async with database.engine.begin() as connection:
            for model, found in rows.items():
                await connection.execute(insert(model), found)
    async with database.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("ANALYZE"))


def _person(
    chance: random.Random, base: KnowledgeBase, topics: Topics
) -> Iterator[tuple[type[SQLModel], dict[str, Any]]]:
    """Somebody of a city, with the habits of people: most leave hours as they are, some set everything."""
    city = chance.choice(list(base.cities.values()))
    person = f"{chance.getrandbits(128):032x}"
    is_particular, is_quiet = chance.random() < 0.2, chance.random() < 0.25
    yield (
        Subscriber,
        {
            "id": person,
            "name": f"Person {person[:6]}",
            "city": city.id,
            "country": city.country,
            "role": "coordinator",
            "is_mandatory_contact": chance.random() < 0.05,
            "may_set_city_defaults": False,
            "language": chance.choice("en fr it ar".split()),
            "time_zone": main_time_zone(city.country) or "Europe/Brussels",
            "quiet_from": time(chance.choice([18, 20, 22])) if is_quiet else None,
            "quiet_to": time(chance.choice([7, 8])) if is_quiet else None,
            "quiet_days": [6, 7] if chance.random() < 0.2 else [],
            "digest_at": time(chance.randint(6, 18) if is_particular else 8),
            "digest_on": chance.randint(1, 5) if is_particular else 2,
            "paused_until": date(2026, 12, chance.randint(1, 28)) if chance.random() < 0.03 else None,
            "channel": "telegram" if chance.random() < 0.2 else "email",
            "choice": chance.choice(list(Choice)) if chance.random() < 0.6 else None,
            "created_at": NOW,
        },
    )
    for channel, share in (("email", 1.0), ("telegram", 0.25)):
        if chance.random() < share:
            yield (
                Address,
                {
                    "id": f"{chance.getrandbits(128):032x}",
                    "subscriber_id": person,
                    "channel": channel,
                    "value": f"{person}@example.org" if channel == "email" else str(chance.getrandbits(60)),
                    "confirmed_at": NOW if chance.random() < 0.97 else None,
                    "suppressed_at": NOW if chance.random() < 0.02 else None,
                    "created_at": NOW,
                },
            )
    for topic in {TOPIC, *chance.sample(list(topics.facts), 4)} if chance.random() < 0.7 else set():
        yield (
            Subscription,
            {
                "subscriber_id": person,
                "topic": topic,
                "frequency": chance.choice(list(Frequency)),
                "chosen_at": NOW,
                "origin": "page",
            },
        )
