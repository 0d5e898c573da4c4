"""How many personal mails a second go out, with every row written, and how much memory it takes."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlmodel import col, func, select

from benchmarks.errors import BenchmarkError
from benchmarks.memory import proportional_megabytes
from benchmarks.messages.kills import processes
from benchmarks.messages.people import add_broadcast, fill
from benchmarks.servers import free_port
from core.clock import SystemClock
from core.database import Database
from core.settings import PROJECT_ROOT, Settings
from migrations.run import migrate
from subscriptions.expanding import expand
from subscriptions.models import BroadcastStatus, Delivery, DeliveryStatus
from subscriptions.topics import load_topics

CONNECTIONS = 4


@dataclass(frozen=True)
class Speed:
    """What one run found."""

    recipients: int
    mails_a_second: float
    megabytes: dict[str, float]
    """The largest proportional set size of each kind of process."""


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Postfix's own sink, which takes everything; yields its port."""
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")
    if program is None:
        raise BenchmarkError("smtp-sink is missing; Debian has it in the package postfix.")
    port = free_port()
    sink = subprocess.Popen([program, "-u", "nobody", f"127.0.0.1:{port}", "100"], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield port
    finally:
        sink.terminate()
        sink.wait()


def bare_loop(port: int, count: int, kind: str) -> float:
    """Mails a second of the baseline, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.messages.bare", str(port), str(count), str(CONNECTIONS), kind]
    answer = subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True, text=True)
    return float(answer.stdout)


def prepare(database_url: str, recipients: int) -> None:
    """An empty database with a broadcast whose deliveries are written, but not begun."""

    async def work() -> None:
        database, now = (
            Database(Settings(_env_file=None, database_url=database_url).async_database_url),
            datetime.now(UTC),
        )
        try:
            async with database.engine.begin() as connection:
                await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                await connection.exec_driver_sql("CREATE SCHEMA public")
            await migrate(database)
            await fill(database, recipients, now=now)
            await add_broadcast(database, "b" * 32, now=now, status=BroadcastStatus.SENDING)
            await expand(database, "b" * 32, topics=load_topics(), clock=SystemClock())
            async with database.engine.connect() as connection:
                autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await autocommit.exec_driver_sql("VACUUM ANALYZE")
        finally:
            await database.close()

    asyncio.run(work())


def send_all(database_url: str, broker_url: str, *, port: int, recipients: int, workers: int, log: Path) -> Speed:
    """Send a prepared broadcast with one hub and so many workers. Raises BenchmarkError when it does not end."""
    largest: dict[str, float] = {}
    with processes(
        "hub", *["worker"] * workers, database_url=database_url, broker_url=broker_url, port=port, lease=60, log=log
    ) as running:
        until = time.monotonic() + 60 + recipients / 50
        while (sent := asyncio.run(_count_sent(database_url)))[0] < recipients:
            if time.monotonic() > until:
                raise BenchmarkError(f"Only {sent[0]} of {recipients} mails went out. See {log}.")
            for part, process in running.running:
                size = proportional_megabytes(psutil.Process(process.pid))
                largest[part] = max(largest.get(part, 0.0), size)
            time.sleep(1.0)
        running.end()
    return Speed(recipients, recipients / sent[1], largest)


async def _count_sent(database_url: str) -> tuple[int, float]:
    """How many are written as sent, and the seconds between the first and the last of them."""
    database = Database(Settings(_env_file=None, database_url=database_url).async_database_url)
    try:
        async with database.session() as session:
            finished = col(Delivery.finished_at)
            query = select(func.count(), func.min(finished), func.max(finished)).where(
                col(Delivery.status) == DeliveryStatus.SENT
            )
            count, first, last = (await session.exec(query)).one()
    finally:
        await database.close()
    return count, (last - first).total_seconds() if first is not None and last is not None else 0.0
