"""Migrations bring an empty database to exactly the tables of the models, on both databases."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

import migrations.tables  # noqa: F401
from core.database import Database
from migrations.run import DatabaseNewerError, current_revision, latest_revision, migrate


async def test_migrated_tables_are_those_of_the_models(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, SQLModel.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert await migrate(database) == latest_revision()
    assert await current_revision(database) == latest_revision()


async def test_a_database_of_a_newer_version_is_left_alone_and_named(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseNewerError) as refused:
        await migrate(database)
    assert refused.value.values == {"revision": "9999"}
    assert await current_revision(database) == "9999"
