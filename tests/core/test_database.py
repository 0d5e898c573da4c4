"""What the database says of its own failures, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.database import Database


async def test_an_error_of_the_database_quotes_nothing_that_people_wrote(database: Database) -> None:
    async with database.session() as session:
        await session.connection()
        wrong = text("INSERT INTO nowhere VALUES (:words)").bindparams(words="quinces")
        with pytest.raises(DBAPIError) as failure:
            await session.exec(wrong)  # type: ignore[call-overload]
    assert "quinces" not in str(failure.value)
