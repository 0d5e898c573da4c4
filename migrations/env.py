"""Alembic's environment: runs migrations on a connection that the caller gives, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

import migrations.tables  # noqa: F401
from core.database import Database
from core.settings import Settings


def run(connection: Connection) -> None:
    """Migrate on this connection."""
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_with_own_connection() -> None:
    """Used by the plain ``alembic`` command."""
    database = Database(Settings().async_database_url)
    async with database.engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await database.close()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_with_own_connection())
