"""Making sure that what was deleted is gone from the disk, as far as a database lets us.

SQLite overwrites deleted rows (secure_delete, core/database.py), but its write-ahead log still holds their earlier
pages until it is cut off. PostgreSQL's old row versions go when it vacuums (docs say how to set that).
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

PATIENCE_MILLISECONDS = 100
"""Nobody waits for a reader that holds the log; the next call or the job cuts it off."""


async def shred_deleted(session: AsyncSession) -> None:
    """Cut off SQLite's log, after a commit, on a connection of its own."""
    engine = session.bind
    if not isinstance(engine, AsyncEngine) or engine.dialect.name != "sqlite":
        return
    async with engine.connect() as connection:
        patience = (await connection.execute(text("PRAGMA busy_timeout"))).scalar_one()
        await connection.execute(text(f"PRAGMA busy_timeout={PATIENCE_MILLISECONDS}"))
        await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        await connection.execute(text(f"PRAGMA busy_timeout={int(patience)}"))
