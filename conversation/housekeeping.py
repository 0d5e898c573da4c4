"""What must happen by itself, in exactly one process: rows past their time are deleted.

APScheduler wakes the work in every process; a lease row decides which process does it.
"""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from conversation.counting import expire
from core.clock import Clock
from core.database import Database
from core.leases import take_lease

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
LEASE = timedelta(minutes=10)


class Housekeeping:
    """The hourly clean-up."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._holder = secrets.token_hex(8)

    def schedule(self, scheduler: AsyncIOScheduler) -> None:
        """Plan the work; a late start is made up for once."""
        scheduler.add_job(
            self.expire_rows,
            "interval",
            seconds=EVERY.total_seconds(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC) + timedelta(minutes=1),
        )

    async def expire_rows(self) -> dict[str, int]:
        """Delete what is past its time, if this process holds the lease; returns counts."""
        async with self._database.session() as session:
            if not await take_lease(
                session, "housekeeping", holder=self._holder, until=self._clock.now() + LEASE, now=self._clock.now()
            ):
                return {}
            counts = await expire(session, self._clock)
        log.info("expired %s", counts)
        return counts
