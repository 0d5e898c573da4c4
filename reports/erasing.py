"""Deleting cases for good, and remembering only that they must not come back with a backup."""

from __future__ import annotations

from datetime import date

from sqlalchemy import delete
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.erasures import note_erasures
from reports.models import Case
from reports.sealing import digest


async def erase_case(session: AsyncSession, case_id: str, *, erased_on: date) -> None:
    """Delete a case with its messages, files and seals, and keep its hash. Does not commit."""
    await note_erasures(await session.connection(), [case_hash(case_id)], erased_on=erased_on)
    # Messages, files, seals and return sessions go along by the database's own rule (ON DELETE CASCADE).
    await session.exec(delete(Case).where(col(Case.id) == case_id))


def case_hash(case_id: str) -> str:
    """What is kept of a case that was erased; its id is 128 random bits, so the hash says nothing to anybody else."""
    return digest(case_id.encode(), "erasure")
