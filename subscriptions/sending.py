"""Sends deliveries: claims them, asks the rules a last time, has them written, hands them to their channels.

Whatever stops this process at whatever moment, no delivery is lost, and none goes twice but those in flight: what was
claimed and not begun goes back to the queue when its lease runs out, and at most ``Pacing.in_flight`` messages are
begun and not yet written down.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from channels.base import ChannelUnavailableError, DeliveryChannel, ReadyMessage, RecipientRefusedError
from core.clock import Clock
from core.database import Database
from subscriptions.channel_pauses import FIRST_PAUSE, pause_channel, resume_channel
from subscriptions.delivery import claim, renew
from subscriptions.models import Delivery
from subscriptions.preparing import Composer, Preparation, Prepared, Ready
from subscriptions.reasons import kind_of
from subscriptions.rechecking import replan
from subscriptions.results import MOST_ATTEMPTS, End, Result
from subscriptions.second_way import take_second_way
from subscriptions.topics import Topics
from subscriptions.writer import ResultWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pacing:
    """How much at once, and for how long."""

    lease: timedelta = timedelta(seconds=60)
    in_flight: int = 24
    batches: int = 3
    """While one is being sent, the next ones are prepared."""
    decided_for: float = 1.0
    """Seconds for which a decision of the rules counts; a change takes effect within that time."""
    patience_at_end: float = 5.0


@dataclass(slots=True)
class _Batch:
    """Claimed deliveries, and until when (on the loop's clock) they are ours."""

    ours_until: float
    open: set[str]
    begun: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Sender:
    """One for each process and channel, so that a slow channel holds up no other. ``channels`` has all of them, by the
    names that deliveries use, since a delivery may change its way after it was handed out."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        topics: Topics,
        composer: Composer,
        channels: Mapping[str, DeliveryChannel[Any]],
        pacing: Pacing | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._topics = topics
        self._preparation = Preparation(composer, topics=topics, clock=clock)
        self._channels = channels
        self._pacing = pacing or Pacing()
        self._holder = secrets.token_hex(16)
        self._writer = ResultWriter(database, clock, holder=self._holder, in_flight=self._pacing.in_flight)
        self._turns = asyncio.Semaphore(self._pacing.batches)
        self._window = asyncio.Semaphore(self._pacing.in_flight)
        self._running: set[asyncio.Task[None]] = set()
        self._paused: dict[str, datetime] = {}
        self._known_good: set[str] = set()
        self._is_stopping = False

    async def send(self, ids: Sequence[str]) -> None:
        """Send those of these deliveries that are still to be sent. Raises nothing but what stops the process."""
        async with self._turns:
            if self._is_stopping:
                return
            task = asyncio.current_task()
            assert task is not None
            self._running.add(task)
            try:
                await self._send_batch(ids)
            except Exception as error:
                # The one place that keeps the worker up; what was claimed comes back when its lease runs out.
                log.error("delivery_batch_failed count=%s error=%s", len(ids), type(error).__name__)
            finally:
                self._running.discard(task)

    async def stop(self) -> None:
        """Begin nothing more, and let what is in flight end; what has not ended in time is left to its lease."""
        self._is_stopping = True
        others = self._running - {asyncio.current_task()}
        if others:
            _, late = await asyncio.wait(others, timeout=self._pacing.patience_at_end)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pacing.patience_at_end):
                await self._writer.close()

    async def _send_batch(self, ids: Sequence[str]) -> None:
        begun = asyncio.get_running_loop().time()
        async with self._database.session() as session:
            until = self._clock.now() + self._pacing.lease
            rows = await claim(session, ids, holder=self._holder, until=until)
            if not rows:
                return
            batch = _Batch(begun + self._pacing.lease.total_seconds(), {row.id for row in rows})
            keeper = asyncio.create_task(self._keep(batch))
            try:
                decided_at = asyncio.get_running_loop().time()
                prepared = await self._preparation.prepare(session, rows)
                await session.close()
                await self._sort_out(prepared, batch)
                await self._begin_all(prepared.ready, batch, decided_at=decided_at)
            except BaseException:
                for task in batch.tasks:
                    task.cancel()
                raise
            finally:
                await asyncio.gather(*batch.tasks, return_exceptions=True)
                keeper.cancel()

    async def _begin_all(self, ready: Sequence[Ready], batch: _Batch, *, decided_at: float) -> None:
        loop, todo = asyncio.get_running_loop(), deque(ready)
        untried: list[Result] = []
        while todo:
            await self._window.acquire()
            is_begun = False
            try:
                if self._is_stopping or loop.time() >= batch.ours_until:
                    break
                if loop.time() - decided_at > self._pacing.decided_for:
                    decided_at = loop.time()
                    todo = deque(await self._decide_again([one for one in todo if one.row.id in batch.open], batch))
                    continue
                one = todo.popleft()
                paused_until = self._paused.get(one.row.channel)
                if paused_until is not None and paused_until > self._clock.now():
                    untried.append(Result(one.row.id, End.UNTRIED, at=paused_until))
                elif one.row.id in batch.open:
                    task = asyncio.create_task(self._deliver(one.row, one.message, batch))
                    batch.begun.add(one.row.id)
                    batch.tasks.add(task)
                    task.add_done_callback(batch.tasks.discard)
                    is_begun = True
            finally:
                if not is_begun:
                    self._window.release()
        untried += [Result(one.row.id, End.UNTRIED) for one in todo]
        await self._write_all(untried, batch)

    async def _decide_again(self, todo: Sequence[Ready], batch: _Batch) -> list[Ready]:
        async with self._database.session() as session:
            prepared = await self._preparation.decide_again(session, todo)
        await self._sort_out(prepared, batch)
        return prepared.ready

    async def _sort_out(self, prepared: Prepared, batch: _Batch) -> None:
        """Write down what cannot go, and forget what was settled."""
        results = [Result(delivery_id, End.FAILED, "not_composed") for delivery_id in prepared.unwritten]
        # Claimed anew, they are written for what holds now.
        results += [Result(delivery_id, End.UNTRIED) for delivery_id in prepared.changed]
        await self._write_all(results, batch)
        batch.open &= {one.row.id for one in prepared.ready} | batch.begun

    async def _deliver(self, row: Delivery, message: ReadyMessage, batch: _Batch) -> None:
        """Send one, write down what came of it, and only then make room for another."""
        try:
            result = await self._try(row, message)
            await self._write_all([result], batch)
            if result.end is End.REFUSED:
                async with self._database.session() as session:
                    await take_second_way(session, [row], topics=self._topics, now=self._clock.now())
            if kind_of(row.message) == "digest" and _has_failed(row, result):
                # What it carried waits again; the rules say where.
                async with self._database.session() as session:
                    await replan(session, [row.subscriber_id], topics=self._topics, now=self._clock.now())
                    await session.commit()
        except Exception as error:
            # The database is away; the row comes back when its lease runs out.
            log.error("delivery_not_finished delivery=%s error=%s", row.id, type(error).__name__)
        finally:
            self._window.release()

    async def _try(self, row: Delivery, message: ReadyMessage) -> Result:
        channel = self._channels.get(row.channel)
        try:
            if channel is None:
                raise ChannelUnavailableError("not set up", whole=True)
            await channel.send(message)
        except RecipientRefusedError as refused:
            return Result(row.id, End.REFUSED if refused.lasting else End.FAILED, str(refused))
        except ChannelUnavailableError as away:
            wait = timedelta(seconds=away.retry_after) if away.retry_after is not None else None
            if away.whole:
                until = await self._pause(row.channel, str(away), wait)
                return Result(row.id, End.UNTRIED, at=until)
            return Result(row.id, End.LATER, str(away), at=self._clock.now() + wait if wait else None)
        except Exception as error:
            log.error("delivery_failed delivery=%s error=%s", row.id, type(error).__name__)
            return Result(row.id, End.LATER, type(error).__name__)
        if row.channel not in self._known_good:
            await self._resume(row.channel)
        return Result(row.id, End.SENT)

    async def _pause(self, channel: str, reason: str, wait: timedelta | None) -> datetime:
        self._known_good.discard(channel)
        async with self._database.session() as session:
            until = await pause_channel(
                session, channel, reason=reason, now=self._clock.now(), at_least=wait or FIRST_PAUSE
            )
        if self._paused.get(channel) != until:
            log.warning("channel_paused channel=%s reason=%s", channel, reason)
        self._paused[channel] = until
        return until

    async def _resume(self, channel: str) -> None:
        self._known_good.add(channel)
        self._paused.pop(channel, None)
        async with self._database.session() as session:
            await resume_channel(session, channel)

    # The lease and the results

    async def _write_all(self, results: Sequence[Result], batch: _Batch) -> None:
        await self._writer.write(results)
        batch.open.difference_update(result.delivery_id for result in results)

    async def _keep(self, batch: _Batch) -> None:
        """Renew the lease while deliveries of the batch are open; what is not ours any more is not begun."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._pacing.lease.total_seconds() / 3)
            begun, until, ids = loop.time(), self._clock.now() + self._pacing.lease, list(batch.open)
            try:
                async with self._database.session() as session:
                    still = await renew(session, ids, holder=self._holder, until=until)
            except Exception as error:
                log.error("delivery_lease_not_renewed error=%s", type(error).__name__)
                continue
            batch.open.difference_update(set(ids) - still)
            batch.ours_until = begun + self._pacing.lease.total_seconds()


def _has_failed(row: Delivery, result: Result) -> bool:
    """Whether it will not be tried again."""
    if result.end is End.LATER:
        return row.attempts + 1 >= MOST_ATTEMPTS
    return result.end in {End.REFUSED, End.FAILED}
