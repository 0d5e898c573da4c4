"""One process's part in sending, wired: what tells, what sends, what looks after it all.

A hub process sends by itself while there is no broker, and leaves it to the workers when there is one. Every process
stands for election; the elected one does the duties.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from channels.base import BounceSource, DeliveryChannel
from core.clock import Clock
from core.database import Database
from core.errors import ConfigurationError
from subscriptions.dispatching import Dispatcher, Rhythm
from subscriptions.preparing import Composer
from subscriptions.scheduler import LASTING, Duty, Scheduler
from subscriptions.sending import Pacing, Sender
from subscriptions.tasks import DeliveryTasks, build_broker
from subscriptions.topics import Topics


class PostOffice:
    """Start it with the process, stop it with the process. ``duties`` are those of others, such as digests."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        topics: Topics,
        composer: Composer,
        channels: Mapping[str, DeliveryChannel[Any]],
        broker_url: str | None = None,
        is_worker: bool = False,
        bounces: BounceSource | None = None,
        duties: Sequence[Duty] = (),
        pacing: Pacing | None = None,
        rhythm: Rhythm | None = None,
        elected_for: timedelta = LASTING,
    ) -> None:
        if is_worker and broker_url is None:
            raise ConfigurationError(reason="a worker needs HUB_BROKER_URL; without it the hub sends by itself")
        self._pacing = pacing or Pacing()
        self._channels = channels
        self._is_worker = is_worker
        self._sender = Sender(
            database=database,
            clock=clock,
            topics=topics,
            composer=composer,
            channels=channels,
            pacing=self._pacing,
        )
        self._tasks = DeliveryTasks(build_broker(broker_url), self._sender.send)
        self._dispatcher = Dispatcher(database, clock, self._tasks, topics=topics, bounces=bounces, rhythm=rhythm)
        self._scheduler = Scheduler(database, clock, [*self._dispatcher.duties(), *duties], lasting=elected_for)

    def start(self) -> None:
        """Begin; returns at once."""
        if self._is_worker:
            self._tasks.listen(at_once=self._pacing.batches + 1)
        self._scheduler.start()

    async def stop(self) -> None:
        """Let what is in flight end, give the rest back, let go of everything."""
        await self._scheduler.stop()
        await asyncio.gather(self._tasks.stop(self._pacing.patience_at_end), self._sender.stop())
        for channel in self._channels.values():
            await channel.close()
