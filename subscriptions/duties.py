"""What the elected process does for subscribers again and again: digests, ends of pauses, reminders, forgetting."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.database import Database
from core.duties import Duty
from core.texts import Texts
from subscriptions.broadcasts.templates import is_template_approved
from subscriptions.digests import send_due_digests
from subscriptions.forgetting import delete_alerts, delete_broadcasts, delete_events, delete_newcomers
from subscriptions.jobs import (
    delete_needs,
    end_pauses,
    expire_changes,
    expire_confirmations,
    expire_deliveries,
)
from subscriptions.message_answers import delete_said
from subscriptions.reminders import send_due_reminders, send_welcomes
from subscriptions.topics import Topics

log = logging.getLogger(__name__)

SOON, RARELY = timedelta(seconds=20), timedelta(hours=1)


def list_subscriber_duties(database: Database, *, topics: Topics, texts: Texts, clock: Clock) -> list[Duty]:
    """For the scheduler. Each may be done twice, and catches up after a time in which the hub was off."""

    async def is_approved(session: AsyncSession, template: str) -> bool:
        return await is_template_approved(session, template, texts)

    async def digests() -> None:
        _note("digests_queued", await send_due_digests(database, topics=topics, clock=clock))

    async def pauses() -> None:
        async with database.session() as session:
            _note("pauses_ended", await end_pauses(session, topics=topics, clock=clock))

    async def reminders() -> None:
        _note("reminders_queued", await send_due_reminders(database, is_approved=is_approved, clock=clock))
        _note("welcomes_queued", await send_welcomes(database, is_approved=is_approved, clock=clock))

    def forgetting(name: str, forget: Callable[..., Awaitable[int]]) -> Duty:
        async def work() -> None:
            async with database.session() as session:
                _note(name, await forget(session, clock=clock))

        return Duty(name, RARELY, work)

    return [
        Duty("send_digests", SOON, digests),
        Duty("end_pauses", SOON * 3, pauses),
        Duty("send_reminders", SOON * 3, reminders),
        forgetting("confirmations_expired", expire_confirmations),
        forgetting("changes_expired", expire_changes),
        forgetting("needs_deleted", delete_needs),
        forgetting("deliveries_expired", expire_deliveries),
        forgetting("newcomers_deleted", delete_newcomers),
        forgetting("broadcasts_deleted", delete_broadcasts),
        forgetting("events_deleted", delete_events),
        forgetting("alerts_deleted", delete_alerts),
        forgetting("opinions_forgotten", delete_said),
    ]


def _note(name: str, count: int) -> None:
    if count:
        log.info("%s count=%s", name, count)
