"""What came of deliveries, written in groups: one commit for all that ended since the last.

A refusal for now is tried again later and later; a refusal of the address stops all mail to it, visibly.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Update, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.database import UtcDateTime
from subscriptions.delivery import mine
from subscriptions.digest_returns import give_back
from subscriptions.models import ChannelName, Delivery, DeliveryStatus
from subscriptions.subscribers import suppress

MOST_ATTEMPTS = 8
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=12)
WAIT_GROWS = 3
"""1, 3, 9, 27 minutes, 1.4, 4 and 12 hours: eight attempts within 18 hours."""
JITTER = 0.2
MOST_REASON = 300


# The one statement that is run for every few messages; made once, since SQLAlchemy takes longer to make it than
# PostgreSQL to run it. The status is wrapped for the same reason as in ``is_now``.
_SENT = """
    UPDATE delivery SET status = 'sent', attempts = attempts + 1, finished_at = :now,
        lease_until = NULL, holder = NULL, reason = NULL
    WHERE id {} AND status || '' IN ('waiting', 'queued', 'sending')
"""
_SENT_ON_POSTGRESQL = text(_SENT.format("= ANY(:ids)")).bindparams(bindparam("now", type_=UtcDateTime()))
_SENT_ON_SQLITE = text(_SENT.format("IN (SELECT value FROM json_each(:ids))")).bindparams(
    bindparam("now", type_=UtcDateTime())
)


class End(StrEnum):
    """What came of a try to send."""

    SENT = "sent"
    LATER = "later"
    """Not now; it counts as an attempt."""
    UNTRIED = "untried"
    """Not even begun, or the channel was away for everybody; it counts for nothing."""
    REFUSED = "refused"
    """The address is gone."""
    FAILED = "failed"


_MAY_END = frozenset({End.LATER, End.REFUSED, End.FAILED})


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one delivery."""

    delivery_id: str
    end: End
    reason: str | None = None
    at: datetime | None = None
    """When to try again, where somebody said so."""


async def write_results(session: AsyncSession, results: Iterable[Result], *, holder: str, clock: Clock) -> None:
    """Write what came of deliveries. Commits all of them at once, with what digests that failed give back.

    That a message was sent is written whoever holds the row now; everything else only by the holder.
    """
    now, results = clock.now(), list(results)
    for result in results:
        # First, so that no crash leaves a refused address in use.
        if result.end is End.REFUSED:
            await _suppress_address(session, result.delivery_id, clock)
    sent: list[str] = []
    for result in results:
        match result.end:
            case End.SENT:
                sent.append(result.delivery_id)
            case End.LATER:
                await _write_attempt(session, result, holder=holder, now=now)
            case End.UNTRIED:
                values = {"due_at": result.at} if result.at else {}
                await session.exec(_free(result, holder).values(status=DeliveryStatus.QUEUED, **values))
            case End.REFUSED:
                await session.exec(_over(result, holder, DeliveryStatus.BOUNCED, now))
            case End.FAILED:
                await session.exec(_over(result, holder, DeliveryStatus.FAILED, now))
    if sent:
        await mark_sent(await session.connection(), sent, now)
    if ended := [result.delivery_id for result in results if result.end in _MAY_END]:
        await give_back(session, ended, now=now)
    await session.commit()


async def mark_sent(connection: AsyncConnection, ids: Sequence[str], now: datetime) -> None:
    """Write that these were sent, whoever holds them now. The caller commits."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_SENT_ON_POSTGRESQL, {"ids": list(ids), "now": now})
    else:
        await connection.execute(_SENT_ON_SQLITE, {"ids": json.dumps(list(ids)), "now": now})


async def _write_attempt(session: AsyncSession, result: Result, *, holder: str, now: datetime) -> None:
    row = await session.get(Delivery, result.delivery_id, populate_existing=True)
    if row is None:
        return
    attempts = row.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        await session.exec(_over(result, holder, DeliveryStatus.FAILED, now).values(attempts=attempts))
        return
    at = max(now + wait_after(attempts), result.at or now)
    values = {"status": DeliveryStatus.QUEUED, "attempts": attempts, "due_at": at, "reason": _short(result.reason)}
    await session.exec(_free(result, holder).values(**values))


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts; no two deliveries the same, so that they do not come back at once."""
    wait = min(FIRST_WAIT * float(WAIT_GROWS ** (attempts - 1)), LONGEST_WAIT)
    return wait * random.uniform(1 - JITTER, 1 + JITTER)


async def _suppress_address(session: AsyncSession, delivery_id: str, clock: Clock) -> None:
    row = await session.get(Delivery, delivery_id)
    if row is not None:
        kind = "blocked" if row.channel == ChannelName.TELEGRAM else "refused"
        await suppress(session, row.address_id, kind, clock=clock)


def _free(result: Result, holder: str) -> Update:
    return mine([result.delivery_id], holder).values(lease_until=None, holder=None)


def _over(result: Result, holder: str, status: DeliveryStatus, now: datetime) -> Update:
    values: dict[str, Any] = {"status": status, "finished_at": now, "reason": _short(result.reason)}
    return _free(result, holder).values(**values)


def _short(reason: str | None) -> str | None:
    return reason[:MOST_REASON] if reason else None
