"""Writes results in groups, as they come: while one group is being committed, the next one gathers.

So a commit costs little at full speed and nothing waits for others when there are few, and a process that dies has at
most the messages in flight whose result is not written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import Clock
from core.database import Database
from subscriptions.results import End, Result, mark_sent, write_results

log = logging.getLogger(__name__)

GATHER = 0.005
"""Seconds for which results are gathered, unless half of what may be in flight has come."""
FIRST_WAIT = 0.1
LONGEST_WAIT = 5.0


class ResultWriter:
    """One for each sender. ``in_flight`` is the most results that can wait here."""

    def __init__(self, database: Database, clock: Clock, *, holder: str, in_flight: int) -> None:
        self._database = database
        self._clock = clock
        self._holder = holder
        self._enough = max(1, in_flight // 2)
        self._waiting: list[Result] = []
        self._written: asyncio.Future[None] | None = None
        self._is_enough = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: AsyncConnection | None = None

    async def write(self, results: Sequence[Result]) -> None:
        """Returns when the results are committed. They are written also when nobody waits for it any more."""
        if not results:
            return
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        written = self._written
        self._waiting += results
        if len(self._waiting) >= self._enough:
            self._is_enough.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        await asyncio.shield(written)

    async def close(self) -> None:
        """Returns when everything is committed."""
        if self._task is not None:
            await self._task
        await self._let_go()

    async def _run(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER):
                    await self._is_enough.wait()
            self._is_enough.clear()
            group, self._waiting = self._waiting, []
            written, self._written = self._written, None
            await self._commit(group)
            if written is not None:
                written.set_result(None)

    async def _commit(self, results: Sequence[Result]) -> None:
        """Again and again while the database is away: what was sent must be known as sent."""
        wait = FIRST_WAIT
        while True:
            try:
                if all(result.end is End.SENT for result in results):
                    await self._write_sent([result.delivery_id for result in results])
                else:
                    async with self._database.session() as session:
                        await write_results(session, results, holder=self._holder, clock=self._clock)
                return
            except Exception as error:
                # Errors of the database quote rows, so only the kind is logged.
                log.error("delivery_results_not_written count=%s error=%s", len(results), type(error).__name__)
            await self._let_go()
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _write_sent(self, ids: Sequence[str]) -> None:
        """The common case: one statement that commits itself, on a connection of its own, so one round trip."""
        if self._connection is None:
            connection = await self._database.engine.connect()
            self._connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await mark_sent(self._connection, ids, self._clock.now())

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                await connection.close()
