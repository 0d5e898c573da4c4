"""One process's part in sending, wired: what tells, what sends, what looks after it all.

A hub process sends by itself while there is no broker, and leaves it to the workers when there is one. The duties are
for the scheduler, which does them in one process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from channels.base import BounceSource, DeliveryChannel
from core.clock import Clock
from core.database import Database
from core.duties import Duty
from core.errors import ConfigurationError
from subscriptions.dispatching import Dispatcher, Rhythm
from subscriptions.models import ChannelName
from subscriptions.preparing import Composer
from subscriptions.sending import Pacing, Sender
from subscriptions.tasks import DeliveryTasks, build_broker
from subscriptions.topics import Topics


class PostOffice:
    """Start it with the process, stop it with the process, and give its duties to the scheduler."""

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
        pacing: Pacing | None = None,
        rhythm: Rhythm | None = None,
    ) -> None:
        if is_worker and broker_url is None:
            raise ConfigurationError(reason="a worker needs HUB_BROKER_URL; without it the hub sends by itself")
        self._pacing = pacing or Pacing()
        self._channels = channels
        self._is_worker = is_worker
        self._senders = {
            channel: Sender(
                database=database,
                clock=clock,
                topics=topics,
                composer=composer,
                channels=channels,
                pacing=self._pacing,
            )
            for channel in ChannelName
        }
        self._tasks: dict[str, DeliveryTasks] = {
            channel: DeliveryTasks(build_broker(broker_url, channel), sender.send)
            for channel, sender in self._senders.items()
        }
        self._dispatcher = Dispatcher(database, clock, self._tasks, topics=topics, bounces=bounces, rhythm=rhythm)

    def duties(self) -> list[Duty]:
        """What the elected process does for deliveries."""
        return self._dispatcher.duties()

    def start(self) -> None:
        """Begin; returns at once."""
        if self._is_worker:
            for tasks in self._tasks.values():
                tasks.listen(at_once=self._pacing.batches + 1)

    async def stop(self) -> None:
        """Let what is in flight end, give the rest back, let go of everything."""
        self._dispatcher.stop()
        await asyncio.gather(
            *(tasks.stop(self._pacing.patience_at_end) for tasks in self._tasks.values()),
            *(sender.stop() for sender in self._senders.values()),
        )
        for channel in self._channels.values():
            await channel.close()
