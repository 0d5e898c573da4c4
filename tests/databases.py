"""Databases for tests: migrated once, copied for each test that wants one."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from core.database import Database
from core.settings import Settings
from migrations.run import migrate

SQLITE = "sqlite+aiosqlite:///"


def copy_migrated_sqlite(template: Path, settings: Settings) -> None:
    """Put a migrated, empty SQLite database where these settings look for it; nothing where they name another one."""
    if not settings.async_database_url.startswith(SQLITE):
        return
    target = Path(settings.async_database_url.removeprefix(SQLITE))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, target)


def make_migrated_sqlite(folder: Path) -> Path:
    """A migrated, empty SQLite database to be copied."""
    path = folder / "migrated.db"
    _run(_migrate(f"{SQLITE}{path}"))
    return path


class PostgresqlServer:
    """A server on which each test gets a database of its own, copied from a migrated one or empty."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._has_template = False

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """The address of an empty database, gone afterwards."""
        with self._database("template1") as url:
            yield url

    @contextlib.contextmanager
    def migrated(self) -> Iterator[str]:
        """The address of a migrated, empty database, gone afterwards."""
        if not self._has_template:
            _run(self._execute("CREATE DATABASE migrated"))
            _run(_migrate(self._address("migrated").replace("postgresql://", "postgresql+asyncpg://")))
            self._has_template = True
        with self._database("migrated") as url:
            yield url

    @contextlib.contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = f"test_{secrets.token_hex(8)}"
        _run(self._execute(f"CREATE DATABASE {name} TEMPLATE {template}"))
        try:
            yield self._address(name)
        finally:
            _run(self._execute(f"DROP DATABASE {name} WITH (FORCE)"))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _address(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """In a thread: a test may have an event loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()
