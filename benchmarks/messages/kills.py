"""Kills processes of the hub at random instants of a broadcast, and counts at the mail server what arrived.

Two hubs (one of them elected to tell what is due) and two workers, on PostgreSQL and Redis. The victim is any of the
four, by SIGKILL, and is started anew at once.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import col, func, select

from benchmarks.messages.people import add_broadcast, fill
from benchmarks.messages.sink import Counted, counting_sink
from core.database import Database
from core.settings import PROJECT_ROOT, Settings
from migrations.run import migrate
from subscriptions.models import Broadcast, Delivery
from subscriptions.sending import Pacing

PARTS = ("hub", "hub", "worker", "worker")


@dataclass
class Outcome:
    """What a run found."""

    recipients: int
    kills: Counter[str]
    arrived: int
    doubled: int
    in_flight: int
    """Most messages that could be in flight, over all kills of workers."""
    statuses: dict[str, int]
    seconds: float

    @property
    def lost(self) -> int:
        """People who got nothing."""
        return self.recipients - self.arrived


@dataclass
class Processes:
    """What is running, each with its part."""

    environment: Mapping[str, str]
    log: Path
    running: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, part: str) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "benchmarks.messages.process", part]
            process = subprocess.Popen(
                command, cwd=PROJECT_ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.running.append((part, process))

    def kill(self, number: int) -> str:
        """By SIGKILL; another one takes its place."""
        part, process = self.running.pop(number)
        process.kill()
        process.wait()
        self.start(part)
        return part

    def end(self) -> list[int]:
        """Ask all to end; their exit statuses."""
        for _, process in self.running:
            process.send_signal(signal.SIGTERM)
        statuses = []
        for _, process in self.running:
            try:
                statuses.append(process.wait(20))
            except subprocess.TimeoutExpired:
                process.kill()
                statuses.append(process.wait())
        return statuses


@contextmanager
def processes(
    *parts: str, database_url: str, broker_url: str, port: int, lease: float, log: Path
) -> Iterator[Processes]:
    """Started, and ended whatever happens."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")} | {
        "HUB_DATABASE_URL": database_url,
        "HUB_BROKER_URL": broker_url,
        "HUB_SMTP_URL": f"smtp://127.0.0.1:{port}?tls=none",
        "BENCH_LEASE": str(lease),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    running = Processes(environment, log)
    try:
        for part in parts:
            running.start(part)
        yield running
    finally:
        for _, process in running.running:
            process.kill()
            process.wait()


def run_with_kills(
    database_url: str,
    broker_url: str,
    *,
    recipients: int,
    kills: int,
    log: Path,
    lease: float = 3.0,
    seed: int | None = None,
    patience: float = 600.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Send one broadcast to so many people, with so many kills spread over it."""
    settings = Settings(_env_file=None, database_url=database_url)
    asyncio.run(_fill(settings, recipients))
    dice, done = random.Random(seed), Counter[str]()
    begun = time.monotonic()
    with (
        counting_sink() as counted,
        processes(
            *PARTS, database_url=database_url, broker_url=broker_url, port=counted.port, lease=lease, log=log
        ) as running,
    ):
        # Instants are spread over what has arrived, so that they fall into the broadcast however fast it is.
        instants = sorted(dice.randrange(recipients) for _ in range(kills))
        while len(counted.mails) < recipients and time.monotonic() < begun + patience:
            while instants and len(counted.mails) >= instants[0]:
                instants.pop(0)
                done[running.kill(dice.randrange(len(running.running)))] += 1
                tell(f"{done.total()} kills, {len(counted.mails)} of {recipients} arrived")
                _wait_a_moment(dice, counted)
            time.sleep(0.002)
        statuses = asyncio.run(_wait_until_written(settings, patience=lease * 4 + 30))
        running.end()
        return Outcome(
            recipients=recipients,
            kills=done,
            arrived=len(counted.mails),
            doubled=counted.doubled,
            in_flight=done["worker"] * Pacing().in_flight,
            statuses=statuses,
            seconds=time.monotonic() - begun,
        )


def _wait_a_moment(dice: random.Random, counted: Counted) -> None:
    """Until mail flows again, and a little longer, so that the next instant is one of work."""
    before, until = counted.mails.total(), time.monotonic() + 15
    while counted.mails.total() == before and time.monotonic() < until:
        time.sleep(0.002)
    time.sleep(dice.random() * 0.2)


async def _fill(settings: Settings, recipients: int) -> None:
    database = Database(settings.async_database_url)
    now = datetime.now(UTC)
    try:
        await migrate(database)
        await fill(database, recipients, now=now)
        await add_broadcast(database, "b" * 32, now=now)
    finally:
        await database.close()


async def _wait_until_written(settings: Settings, *, patience: float) -> dict[str, int]:
    """Statuses of all deliveries, once the broadcast is through."""
    database = Database(settings.async_database_url)
    until = time.monotonic() + patience
    try:
        while True:
            async with database.session() as session:
                broadcast = await session.get(Broadcast, "b" * 32)
                counts = select(col(Delivery.status), func.count()).group_by(col(Delivery.status))
                statuses = dict((await session.exec(counts)).all())
            if (broadcast is not None and broadcast.finished_at is not None) or time.monotonic() > until:
                return statuses
            await asyncio.sleep(0.2)
    finally:
        await database.close()
