"""The elected process's duties for deliveries: telling what is due, putting back what was lost, noting bounces."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import update
from sqlmodel import col, select

from channels.base import Bounce, BounceKind, BounceSource, ChannelUnavailableError
from core.clock import Clock
from core.database import Database
from core.duties import Duty
from subscriptions.delivery import count_handed_out, hand_out, sweep, take_back
from subscriptions.digest_returns import give_back
from subscriptions.event_openings import plan_opening
from subscriptions.expanding import expand
from subscriptions.models import Broadcast, BroadcastStatus, Delivery, DeliveryStatus
from subscriptions.rechecking import replan
from subscriptions.second_way import take_second_way
from subscriptions.subscribers import suppress
from subscriptions.tasks import DeliveryTasks
from subscriptions.topics import Topics

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often, how many, how far ahead of the senders."""

    look: timedelta = timedelta(seconds=0.5)
    stay: timedelta = timedelta(seconds=5)
    """For how long one look lasts at most while there is something to do."""
    sweep: timedelta = timedelta(seconds=5)
    bounces: timedelta = timedelta(minutes=1)
    handed_out_for: timedelta = timedelta(seconds=60)
    task: int = 100
    """Deliveries in one task."""
    ahead: int = 600
    """Most deliveries of a channel that are handed out: enough to keep senders busy, few enough to overtake."""


class Dispatcher:
    """Its duties are the scheduler's. ``tasks`` are by channel."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        tasks: Mapping[str, DeliveryTasks],
        *,
        topics: Topics,
        bounces: BounceSource | None = None,
        rhythm: Rhythm | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._tasks = tasks
        self._topics = topics
        self._bounces = bounces
        self._rhythm = rhythm or Rhythm()
        self._is_stopping = False

    def stop(self) -> None:
        """Tell nobody anything more."""
        self._is_stopping = True

    def duties(self) -> list[Duty]:
        """For the scheduler."""
        duties = [
            *(
                Duty(f"dispatch_{channel}", self._rhythm.look, partial(self.dispatch, channel))
                for channel in self._tasks
            ),
            Duty("expand", self._rhythm.look * 2, self.expand_due_broadcasts),
            Duty("sweep", self._rhythm.sweep, self.sweep),
        ]
        if self._bounces is not None:
            duties.append(Duty("bounces", self._rhythm.bounces, self.note_bounces))
        return duties

    async def dispatch(self, channel: str) -> int:
        """Tell a channel's workers what is due, as far ahead as they need; returns how many.

        While they are busy it stays close to them, since half a second is a thousand messages.
        """
        loop = asyncio.get_running_loop()
        told, ends = 0, loop.time() + self._rhythm.stay.total_seconds()
        while True:
            some, is_busy = await self._tell_what_is_due(channel)
            told += some
            if self._is_stopping or not is_busy or loop.time() > ends:
                return told
            await asyncio.sleep(self._rhythm.look.total_seconds() / 5)

    async def _tell_what_is_due(self, channel: str) -> tuple[int, bool]:
        """How many were told, and whether there is more to look after."""
        now = self._clock.now()
        async with self._database.session() as session:
            room = self._rhythm.ahead - await count_handed_out(session, channel, now=now)
            if room < self._rhythm.task // 2:
                return 0, True
            ids = await hand_out(session, channel, now=now, until=now + self._rhythm.handed_out_for, limit=room)
        told = 0
        while ids:
            some, ids = ids[: self._rhythm.task], ids[self._rhythm.task :]
            try:
                await self._tasks[channel].tell(some)
            except Exception as error:
                log.warning("broker_away error=%s", type(error).__name__)
                async with self._database.session() as session:
                    await take_back(session, [*some, *ids])
                return told, False
            told += len(some)
        return told, told > 0

    async def expand_due_broadcasts(self) -> Counter[str]:
        """Begin broadcasts whose time has come, and write the deliveries of those that have begun."""
        counts: Counter[str] = Counter()
        async with self._database.session() as session:
            # One statement, so that one who takes it back or cancels it at this moment is not overruled.
            due = update(Broadcast).where(
                col(Broadcast.status) == BroadcastStatus.SCHEDULED, col(Broadcast.due_at) <= self._clock.now()
            )
            await session.exec(due.values(status=BroadcastStatus.SENDING))
            await session.commit()
            begun = select(col(Broadcast.id)).where(
                col(Broadcast.status) == BroadcastStatus.SENDING, col(Broadcast.expanded_at).is_(None)
            )
            ids = list(await session.exec(begun))
        for broadcast_id in ids:
            await plan_opening(self._database, broadcast_id, topics=self._topics, clock=self._clock)
            counts += await expand(self._database, broadcast_id, topics=self._topics, clock=self._clock)
        return counts

    async def sweep(self) -> dict[str, int]:
        """See ``subscriptions.delivery.sweep``."""
        async with self._database.session() as session:
            counts = await sweep(session, self._clock.now())
        if counts["lost"]:
            log.warning("deliveries_put_back count=%s", counts["lost"])
        return counts

    async def note_bounces(self) -> int:
        """Read what came back, and stop writing to those who are gone or complained; returns how many."""
        assert self._bounces is not None
        try:
            found = await self._bounces.fetch()
        except ChannelUnavailableError as away:
            log.warning("mailbox_away reason=%s", away)
            return 0
        for bounce in found:
            await self._note(bounce)
        await self._bounces.finish(found)
        return len(found)

    async def _note(self, bounce: Bounce) -> None:
        async with self._database.session() as session:
            row = await session.get(Delivery, bounce.delivery_id)
            if row is None:
                return
            waits_again: list[str] = []
            if bounce.kind is not BounceKind.UNDELIVERED:
                kind = "complained" if bounce.kind is BounceKind.COMPLAINT else "bounced"
                await suppress(session, row.address_id, kind, clock=self._clock)
            if row.status == DeliveryStatus.SENT and bounce.kind is not BounceKind.COMPLAINT:
                row.status, row.reason = DeliveryStatus.BOUNCED, bounce.reason
                session.add(row)
                await session.flush()
                waits_again = await give_back(session, [row.id], now=self._clock.now())
            await session.commit()
            if waits_again:
                await replan(session, waits_again, topics=self._topics, now=self._clock.now())
                await session.commit()
            if bounce.kind is BounceKind.GONE:
                await take_second_way(session, [row], topics=self._topics, now=self._clock.now())
        log.info("bounce_noted delivery=%s kind=%s", bounce.delivery_id, bounce.kind)
