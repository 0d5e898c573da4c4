"""What happens by itself: everything past its time is deleted. Called every five minutes, by one process at a
time; the trail (``audit.expire_trail``) hourly.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock, today
from identity.throttle import Throttle
from reports.erasing import erase_case
from reports.models import Case, Draft, Officer, OfficerSession, ReturnSession
from reports.officers import IDLE, LONGEST
from reports.shredding import shred_deleted

BATCH = 100


async def delete_expired(session: AsyncSession, clock: Clock, *, throttle: Throttle | None = None) -> dict[str, int]:
    """Delete cases whose retention ended, drafts after 24 hours, ended sessions and old invitations; returns counts.

    Commits by batch and may be repeated at any time. A deleted case leaves an erasure, so that no backup brings it
    back.
    """
    now = clock.now()
    counts = {"cases": await _delete_cases(session, clock)}
    idle, longest = col(OfficerSession.used_at) < now - IDLE, col(OfficerSession.created_at) < now - LONGEST
    old_invitations = (col(Officer.joined_at).is_(None), col(Officer.invited_until) < now - timedelta(days=30))
    for name, statement in (
        ("drafts", delete(Draft).where(col(Draft.expires_at) <= now)),
        ("return_sessions", delete(ReturnSession).where(col(ReturnSession.expires_at) <= now)),
        ("officer_sessions", delete(OfficerSession).where(idle | longest)),
        ("invitations", delete(Officer).where(*old_invitations)),
    ):
        counts[name] = (await session.exec(statement)).rowcount
        await session.commit()
    if throttle is not None:
        counts["sign_in_attempts"] = await throttle.expire(session)
        await session.commit()
    await shred_deleted(session)
    return counts


async def _delete_cases(session: AsyncSession, clock: Clock) -> int:
    total = 0
    while True:
        query = select(Case.id).where(col(Case.delete_on) < today(clock)).limit(BATCH)
        due = list(await session.exec(query))
        for case_id in due:
            await erase_case(session, case_id, erased_on=today(clock))
        await session.commit()
        total += len(due)
        if len(due) < BATCH:
            return total
