"""Commands that work on the database itself, without a running hub."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlmodel.ext.asyncio.session import AsyncSession

from core.database import Database
from core.settings import Settings


def with_database[T](work: Callable[[Database], Awaitable[T]]) -> T:
    """Do the work on the database of the settings, and let go of it."""

    async def within() -> T:
        database = Database(Settings().async_database_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(within())


def with_session[T](work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """The same in one session; what the work does not commit is undone."""

    async def in_session(database: Database) -> T:
        async with database.session() as session:
            return await work(session)

    return with_database(in_session)
