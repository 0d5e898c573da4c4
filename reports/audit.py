"""The trail of who of a desk did what when. It holds no word of a report and is written with what it tells of."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from reports.models import AuditEntry


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


async def list_entries(
    session: AsyncSession, desk_id: str, *, case_id: str | None = None, most: int = 500
) -> list[AuditEntry]:
    """The newest first. Callers leave out cases that the reader is kept out of (``cases.list_audit``)."""
    query = select(AuditEntry).where(AuditEntry.desk_id == desk_id).order_by(col(AuditEntry.id).desc()).limit(most)
    if case_id is not None:
        query = query.where(AuditEntry.case_id == case_id)
    return list(await session.exec(query))
