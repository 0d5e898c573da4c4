"""Duties that exactly one process does at a time. A row in the database says which; the same code on both databases."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, CursorResult, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.database import UtcDateTime


class Lease(SQLModel, table=True):
    """The one process that may do a shared duty until a time."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True, max_length=60)
    holder: str = Field(max_length=60)
    until: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))


async def take_lease(session: AsyncSession, name: str, *, holder: str, until: datetime, now: datetime) -> bool:
    """Become or stay the one process for ``name`` until a time; False when another holds it. Commits."""
    taken = await session.exec(
        update(Lease)
        .where(col(Lease.name) == name, or_(col(Lease.holder) == holder, col(Lease.until) <= now))
        .values(holder=holder, until=until)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(taken, CursorResult)
    await session.commit()
    if taken.rowcount:
        return True
    if await session.get(Lease, name) is not None:
        await session.rollback()
        return False
    session.add(Lease(name=name, holder=holder, until=until))
    try:
        await session.commit()
    except IntegrityError:
        # Another process was faster.
        await session.rollback()
        return False
    return True
