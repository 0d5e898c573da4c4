"""The trail of who of a desk did what when. It holds no word of a report and is written with what it tells of.

It outlives the cases, so that somebody who was harmed by a reading can still ask who read; and it ends.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from sqlalchemy import delete, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.erasures import Erasure
from reports.erasing import case_hash
from reports.models import AuditEntry, Case, CaseSeal, Officer


class Act(StrEnum):
    """What somebody did; each has a sentence under ``label.audit``."""

    DESK_CREATED = "desk_created"
    STATEMENT_CHANGED = "statement_changed"
    DESK_OPENED = "desk_opened"
    DESK_CLOSED = "desk_closed"
    RECOVERY_KEY_CHANGED = "recovery_key_changed"
    DESK_RECOVERED = "desk_recovered"
    OFFICER_INVITED = "officer_invited"
    OFFICER_JOINED = "officer_joined"
    OFFICER_LET_IN = "officer_let_in"
    OFFICER_LEFT = "officer_left"
    PASSWORD_CHANGED = "password_changed"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    LISTED = "listed"
    READ = "read"
    FILE_READ = "file_read"
    EXPORTED = "exported"
    REPLIED = "replied"
    NEEDS_NO_ANSWER = "needs_no_answer"
    NOTED = "noted"
    STATUS_CHANGED = "status_changed"
    LABELS_CHANGED = "labels_changed"
    SET_APART = "set_apart"
    PUT_BACK = "put_back"
    OFFICER_KEPT_OUT = "officer_kept_out"
    OFFICER_SHARED_WITH = "officer_shared_with"
    HAND_OVER_ASKED = "hand_over_asked"
    HANDED_OVER = "handed_over"
    RECEIVED = "received"
    KEPT_LONGER = "kept_longer"
    PERIOD_CLOSED = "period_closed"
    NEWS_PUBLISHED = "news_published"
    NEWS_WITHDRAWN = "news_withdrawn"


KEEP_AFTER_CASE = timedelta(days=730)
"""How long what was done with a case is kept after the case was deleted."""
KEEP_VISITS = timedelta(days=730)
KEEP_DESK = timedelta(days=3650)
"""What happened to the desk itself: who joined, which statement held. That it opened is kept for good, without who did
it: which cells a release has depends on it (``figures``)."""
VISITS = (Act.SIGNED_IN, Act.SIGNED_OUT, Act.LISTED)
BATCH = 200


def record(
    session: AsyncSession,
    act: Act,
    *,
    desk_id: str,
    clock: Clock,
    officer_id: str | None = None,
    case_id: str | None = None,
) -> None:
    """Note it down; it is committed together with the act."""
    session.add(AuditEntry(desk_id=desk_id, officer_id=officer_id, action=act, case_id=case_id, at=clock.now()))


async def record_listing(session: AsyncSession, *, desk_id: str, officer_id: str, clock: Clock) -> None:
    """Note that somebody looked at the list; commits. Once an hour is enough to know it."""
    query = select(AuditEntry.id).where(
        AuditEntry.officer_id == officer_id,
        AuditEntry.action == Act.LISTED,
        col(AuditEntry.at) > clock.now() - timedelta(hours=1),
        AuditEntry.desk_id == desk_id,
    )
    if (await session.exec(query.limit(1))).first() is None:
        record(session, Act.LISTED, desk_id=desk_id, officer_id=officer_id, clock=clock)
        await session.commit()


async def expire_trail(session: AsyncSession, clock: Clock) -> dict[str, int]:
    """Delete what is past its time, then names of officers who left and whom nothing names; commits by batch."""
    now = clock.now()
    of_no_case = col(AuditEntry.case_id).is_(None)
    visits = delete(AuditEntry).where(
        of_no_case, col(AuditEntry.action).in_(VISITS), col(AuditEntry.at) < now - KEEP_VISITS
    )
    is_old, opened = col(AuditEntry.at) < now - KEEP_DESK, col(AuditEntry.action) == Act.DESK_OPENED
    of_desk = delete(AuditEntry).where(of_no_case, is_old, ~opened)
    counts = {"visits": (await session.exec(visits)).rowcount, "desk": (await session.exec(of_desk)).rowcount}
    await session.exec(update(AuditEntry).where(is_old, opened).values(officer_id=None))
    await session.commit()
    counts["cases"] = await _expire_cases(session, clock)
    counts["officers"] = await _expire_officers(session)
    return counts


async def _expire_cases(session: AsyncSession, clock: Clock) -> int:
    """Entries of cases that were deleted long ago. The day stands beside the case's hash (``erasing``)."""
    before = clock.now() - KEEP_AFTER_CASE
    is_there = select(Case.id).where(col(Case.id) == col(AuditEntry.case_id)).exists()
    gone = (
        select(AuditEntry.case_id)
        .where(col(AuditEntry.case_id).is_not(None), ~is_there)
        .group_by(col(AuditEntry.case_id))
        .having(func.max(col(AuditEntry.at)) < before)
    )
    ended = [
        case_id
        for case_id in await session.exec(gone)
        if case_id is not None
        and ((erasure := await session.get(Erasure, case_hash(case_id))) is None or erasure.erased_on < before.date())
    ]
    total = 0
    for start in range(0, len(ended), BATCH):
        some = delete(AuditEntry).where(col(AuditEntry.case_id).in_(ended[start : start + BATCH]))
        total += (await session.exec(some)).rowcount
        await session.commit()
    return total


async def _expire_officers(session: AsyncSession) -> int:
    named = select(AuditEntry.id).where(col(AuditEntry.officer_id) == col(Officer.id)).exists()
    sealed = select(CaseSeal.case_id).where(col(CaseSeal.officer_id) == col(Officer.id)).exists()
    unnamed = delete(Officer).where(col(Officer.left_at).is_not(None), ~named, ~sealed)
    count = (await session.exec(unnamed.execution_options(synchronize_session=False))).rowcount
    await session.commit()
    return count


async def list_entries(
    session: AsyncSession, desk_id: str, *, case_id: str | None = None, most: int = 500
) -> list[AuditEntry]:
    """The newest first. Callers leave out cases that the reader is kept out of (``cases.list_audit``)."""
    query = select(AuditEntry).where(AuditEntry.desk_id == desk_id).order_by(col(AuditEntry.id).desc()).limit(most)
    if case_id is not None:
        query = query.where(AuditEntry.case_id == case_id)
    return list(await session.exec(query))
