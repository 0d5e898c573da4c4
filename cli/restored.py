"""What a restore must not undo: reports that were erased, that expired, people who left and figures released since.

Released figures were seen; making them anew from restored reports would be a second release to subtract from the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, col

from identity.operators import Operator, departed_operator
from reports.erasing import case_hash
from reports.models import Case, CaseSeal, Desk, DeskPeriod, Erasure, Officer
from reports.officers import departed

_PERIODS = SQLModel.metadata.tables[DeskPeriod.__tablename__]


@dataclass(frozen=True)
class Remembered:
    """What the database knew before its rows were replaced."""

    erased: dict[str, date]
    left: dict[str, dict[str, Any]]
    closed: list[dict[str, Any]]
    operators: dict[str, dict[str, Any]]
    """Of the team, who left it."""

    @classmethod
    async def collect(cls, connection: AsyncConnection) -> Remembered:
        """Read it from the present rows."""
        erased = await connection.execute(select(col(Erasure.case_hash), col(Erasure.erased_on)))
        left = await connection.execute(
            select(col(Officer.id), col(Officer.left_at)).where(col(Officer.left_at).is_not(None))
        )
        closed = await connection.execute(select(_PERIODS))
        gone = await connection.execute(
            select(col(Operator.id), col(Operator.closed_at)).where(col(Operator.closed_at).is_not(None))
        )
        return cls(
            {row.case_hash: row.erased_on for row in erased},
            {row.id: departed(row.id, left_at=row.left_at) for row in left},
            [dict(row) for row in closed.mappings()],
            {row.id: departed_operator(closed_at=row.closed_at) for row in gone},
        )

    async def apply(self, connection: AsyncConnection, day: date) -> None:
        """Take out of the restored rows what must not be there, and add its own memory to theirs."""
        erased = {row.case_hash for row in await connection.execute(select(col(Erasure.case_hash)))}
        new = {name: erased_on for name, erased_on in self.erased.items() if name not in erased}
        for case_id, delete_on in (await connection.execute(select(col(Case.id), col(Case.delete_on)))).all():
            name = case_hash(case_id)
            if delete_on < day or name in erased or name in new:
                await connection.execute(delete(Case).where(col(Case.id) == case_id))
                if name not in erased:
                    new.setdefault(name, day)
        if new:
            rows = [{"case_hash": name, "erased_on": erased_on} for name, erased_on in new.items()]
            await connection.execute(insert(Erasure), rows)
        for officer_id, values in self.left.items():
            await connection.execute(update(Officer).where(col(Officer.id) == officer_id).values(**values))
            await connection.execute(delete(CaseSeal).where(col(CaseSeal.officer_id) == officer_id))
        for operator_id, values in self.operators.items():
            await connection.execute(update(Operator).where(col(Operator.id) == operator_id).values(**values))
        desks = set((await connection.execute(select(col(Desk.id)))).scalars())
        restored = {tuple(row) for row in await connection.execute(select(_PERIODS.c.desk_id, _PERIODS.c.period))}
        for period in self.closed:
            key = (period["desk_id"], period["period"])
            if period["desk_id"] in desks and key not in restored:
                await connection.execute(insert(_PERIODS).values(**period))
