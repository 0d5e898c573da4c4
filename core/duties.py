"""Duties that come round by themselves, in exactly one process: the one that holds the lease.

Every process may run this; APScheduler wakes each duty in all of them, and only the elected one does it. When that
process dies, another takes over once the lease has run out. Duties are right when they are done twice, so a process
that was asleep and does not know yet that it lost the lease does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from core.clock import Clock
from core.database import Database
from core.leases import take_lease

log = logging.getLogger(__name__)

LASTING = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do again and again. A run that takes longer than ``every`` is not overtaken by the next."""

    name: str
    every: timedelta
    work: Callable[[], Awaitable[object]]


class Scheduler:
    """One process's part in it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        duties: Sequence[Duty],
        *,
        name: str = "duties",
        lasting: timedelta = LASTING,
    ) -> None:
        """``name``: of the lease; processes that give the same one elect one of them."""
        self._database = database
        self._clock = clock
        self._duties = duties
        self._name = name
        self._lasting = lasting
        self._holder = secrets.token_hex(16)
        self._elected_until = 0.0
        self._jobs = AsyncIOScheduler(timezone="UTC")
        self._running: set[asyncio.Future[object]] = set()

    def start(self) -> None:
        """Begin; returns at once."""
        # It warns each time that a duty is still at work when its next turn comes, which is as it should be.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._add(Duty("election", self._lasting / 3, self._stand_for_election), self._run)
        for duty in self._duties:
            self._add(duty, self._do)
        self._jobs.start()

    async def stop(self, patience: float = 3.0) -> None:
        """End, and let another process take over at once. A duty that does not end in time is broken off."""
        self._jobs.pause()
        was_elected, self._elected_until = self.is_elected, 0.0
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            # APScheduler would report a job that it has to break off.
            await asyncio.sleep(0)
        self._jobs.shutdown(wait=False)
        if was_elected:
            with suppress(Exception):
                await self._take_lease(timedelta(0))

    @property
    def is_elected(self) -> bool:
        """Whether this process does the duties now."""
        return self._elected_until > asyncio.get_running_loop().time()

    def _add(self, duty: Duty, how: Callable[[Duty], Awaitable[None]]) -> None:
        self._jobs.add_job(
            how,
            "interval",
            args=[duty],
            id=duty.name,
            seconds=duty.every.total_seconds(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )

    async def _stand_for_election(self) -> None:
        begun, was_elected = asyncio.get_running_loop().time(), self.is_elected
        won = await self._take_lease(self._lasting)
        self._elected_until = begun + self._lasting.total_seconds() if won else 0.0
        if won != was_elected:
            log.info("scheduler_elected" if won else "scheduler_not_elected")

    async def _take_lease(self, lasting: timedelta) -> bool:
        now = self._clock.now()
        async with self._database.session() as session:
            return await take_lease(session, self._name, holder=self._holder, until=now + lasting, now=now)

    async def _do(self, duty: Duty) -> None:
        if self.is_elected:
            await self._run(duty)

    async def _run(self, duty: Duty) -> None:
        """In a task of its own, which can be broken off."""
        task = asyncio.ensure_future(duty.work())
        self._running.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The one place that keeps the duties going; errors of the database quote rows, so only the kind is logged.
            log.error("duty_failed duty=%s error=%s", duty.name, type(error).__name__)
