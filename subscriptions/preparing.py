"""The last moment before sending: asks the rules again and has the messages written.

What does not go now is settled here: moved to the end of quiet hours, to a digest, to another address, or ended.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import ReadyMessage
from core.clock import Clock
from subscriptions.models import Broadcast, BroadcastStatus, Delivery, DeliveryStatus
from subscriptions.placing import has_address
from subscriptions.rechecking import recheck, settle
from subscriptions.reviewing import review
from subscriptions.rules import Decision, Outcome
from subscriptions.topics import Topics

log = logging.getLogger(__name__)


class Composer(Protocol):
    """Writes messages."""

    async def compose(self, session: AsyncSession, deliveries: Sequence[Delivery]) -> Mapping[str, ReadyMessage]:
        """Ready messages by the id of their delivery; one that cannot be written is absent. Only reads."""
        ...


@dataclass(slots=True)
class Ready:
    """A delivery that goes now, with its message and what the message was written for."""

    row: Delivery
    message: ReadyMessage
    written_for: tuple[object, ...]


@dataclass(slots=True)
class Prepared:
    """What became of claimed deliveries."""

    ready: list[Ready] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """Ids of those that go too, but whose message has to be written anew."""
    unwritten: list[str] = field(default_factory=list)
    """Ids of those whose message could not be written."""


class Preparation:
    """Decides and has written."""

    def __init__(self, composer: Composer, *, topics: Topics, clock: Clock) -> None:
        self._composer = composer
        self._topics = topics
        self._clock = clock

    async def prepare(self, session: AsyncSession, rows: Sequence[Delivery]) -> Prepared:
        """Those that go now, each with its message. Commits what became of the others."""
        wanted = await self._decide(session, rows)
        # What the composer does to the session, and a rollback after it, must not reach the rows.
        session.expunge_all()
        try:
            messages = await self._composer.compose(session, wanted) if wanted else {}
        except Exception as error:
            log.error("delivery_batch_not_composed count=%s error=%s", len(wanted), type(error).__name__)
            await session.rollback()
            messages = await self._compose_one_by_one(session, wanted)
        ready = [Ready(row, messages[row.id], _written_for(row)) for row in wanted if row.id in messages]
        return Prepared(ready, unwritten=[row.id for row in wanted if row.id not in messages])

    async def decide_again(self, session: AsyncSession, ready: Sequence[Ready]) -> Prepared:
        """Of prepared deliveries, those that still go and whose message still fits. Commits."""
        wanted = {row.id for row in await self._decide(session, [one.row for one in ready])}
        still = [one for one in ready if one.row.id in wanted]
        return Prepared(
            [one for one in still if one.written_for == _written_for(one.row)],
            changed=[one.row.id for one in still if one.written_for != _written_for(one.row)],
        )

    async def _decide(self, session: AsyncSession, rows: Sequence[Delivery]) -> list[Delivery]:
        """Those that the rules let go now, by the channel that they were queued for. The others are settled."""
        now = self._clock.now()
        decisions = await recheck(session, rows, topics=self._topics, now=now)
        emptied = await review(session, rows, decisions, topics=self._topics, now=now)
        wanted = []
        for row in rows:
            decision = decisions.get(row.id)
            if row.id in emptied and decision is not None and decision.outcome is not Outcome.NOT:
                _end_empty(session, row, now)
                continue
            if decision is not None and _goes_now(row, decision):
                _follow(session, row, decision)
                wanted.append(row)
                continue
            row.holder = None
            if decision is not None:
                await settle(session, row, decision, now=now)
            else:
                await _hold(session, row, now)
        await session.commit()
        return wanted

    async def _compose_one_by_one(self, session: AsyncSession, rows: Sequence[Delivery]) -> dict[str, ReadyMessage]:
        """One that cannot be written does not hold up the others."""
        messages: dict[str, ReadyMessage] = {}
        for row in rows:
            try:
                messages |= await self._composer.compose(session, [row])
            except Exception as error:
                log.error("delivery_not_composed delivery=%s error=%s", row.id, type(error).__name__)
                await session.rollback()
        return messages


def _goes_now(row: Delivery, decision: Decision) -> bool:
    return decision.outcome is Outcome.SEND and decision.channel in {None, row.channel} and has_address(row)


def _written_for(row: Delivery) -> tuple[object, ...]:
    return row.language, row.because, row.parts


def _end_empty(session: AsyncSession, row: Delivery, now: datetime) -> None:
    """Nothing of what it was to tell is right any more."""
    row.status, row.finished_at, row.reason = DeliveryStatus.CANCELLED, now, "nothing_left"
    row.lease_until = row.holder = None
    session.add(row)


def _follow(session: AsyncSession, row: Delivery, decision: Decision) -> None:
    """What changed since the row was written, and changes the message only."""
    because = decision.cause.as_data() if decision.cause is not None else row.because
    if (row.language, row.because) != (decision.language, because):
        row.language, row.because = decision.language, because
        session.add(row)


async def _hold(session: AsyncSession, row: Delivery, now: datetime) -> None:
    """Its broadcast was paused, cancelled, or is gone."""
    broadcast = await session.get(Broadcast, row.broadcast_id)
    row.lease_until = None
    if broadcast is not None and broadcast.status == BroadcastStatus.PAUSED:
        row.status = DeliveryStatus.QUEUED
    else:
        row.status, row.finished_at, row.reason = DeliveryStatus.CANCELLED, now, "broadcast_cancelled"
    session.add(row)
