"""Bringing a database up to date from the program, on the hub's own engine."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from core.database import Database
from core.errors import HubError
from core.settings import PROJECT_ROOT


class DatabaseNewerError(HubError):
    """The database was brought to a revision that this version of the hub does not know."""

    code = "database_newer"


async def migrate(database: Database) -> str:
    """Apply every migration that is missing; returns the revision. Doing it twice changes nothing.

    Raises DatabaseNewerError when a newer version of the hub has been at work; nothing is changed then.
    """
    present = await current_revision(database)
    if present is not None and present not in _known_revisions():
        raise DatabaseNewerError(revision=present)
    async with database.engine.begin() as connection:
        await connection.run_sync(_upgrade)
    return latest_revision()


async def current_revision(database: Database) -> str | None:
    """The revision of the database, or None for an empty one."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def latest_revision() -> str:
    """The newest revision of the project."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _known_revisions() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(PROJECT_ROOT / "migrations"))
    return config


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
