"""The one memory of what was erased, so that no older backup brings it back: a case, a person, a chat's questions.

Whoever erases leaves a hash here in the same transaction; a restore takes out of its rows what was erased since the
backup (cli/restored.py). What is hashed is a random id or a keyed hash already, so a row here leads back to nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import Column, String, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field, SQLModel

type Erased = dict[str, date]
"""The day of each erasure, by its hash."""


class Erasure(SQLModel, table=True):
    """Something that was erased. The names in the database are from when only cases were remembered."""

    __tablename__ = "report_erasure"

    erased_hash: str = Field(sa_column=Column("case_hash", String(64), primary_key=True))
    erased_on: date


_TABLE = SQLModel.metadata.tables["report_erasure"]


def erasure_hash(kind: str, name: str) -> str:
    """What is kept of something that was erased. ``name`` must be one that nobody can guess."""
    return hashlib.sha256(f"{kind}/{name}".encode()).hexdigest()


def of_sender(sender_key: str) -> str:
    """Of all that a sender asked and that a channel keeps of their chat. They may come again, and ask anew."""
    return erasure_hash("sender", sender_key)


async def note_erasures(connection: AsyncConnection, hashes: Iterable[str], *, erased_on: date) -> None:
    """Remember that these were erased; of what was erased before, the later day counts. The caller commits."""
    rows: list[dict[str, Any]] = [{"case_hash": name, "erased_on": erased_on} for name in sorted(set(hashes))]
    if rows:
        insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
        new = insert(_TABLE)
        later = new.on_conflict_do_update(
            index_elements=[_TABLE.c.case_hash], set_={"erased_on": new.excluded.erased_on}
        )
        await connection.execute(later, rows)


async def list_erasures(connection: AsyncConnection) -> Erased:
    """All that is remembered."""
    found = await connection.execute(select(_TABLE.c.case_hash, _TABLE.c.erased_on))
    return {row.case_hash: row.erased_on for row in found}


def erased_since(backup: Erased, present: Erased) -> Erased:
    """What was erased, or erased again, on a later day than the backup knows of."""
    return {name: day for name, day in present.items() if name not in backup or backup[name] < day}
