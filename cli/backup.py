"""Backup and restore of what cannot be made again: the database's rows and the secret key, in one file.

The file is a gzipped tar with one JSON-lines file a table, readable by both databases, so a hub may move from SQLite to
PostgreSQL by backup and restore. Restoring migrates an empty database first and replaces every row.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Date, Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

import migrations.tables  # noqa: F401  (every table must be known)
from core.database import Database, UtcDateTime
from core.errors import ConfigurationError
from core.settings import Settings
from migrations.run import current_revision, latest_revision, migrate

MANIFEST = "manifest.json"
SECRET = "secret_key"
BATCH = 500
_NEXT_ID = "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"


async def back_up(settings: Settings, target: Path) -> int:
    """Write the backup; returns its size in bytes. The file is readable by its owner only."""
    database = Database(settings.async_database_url)
    try:
        revision = await current_revision(database)
        if revision is None:
            raise ConfigurationError(reason="the database is empty; there is nothing to back up")
        target.unlink(missing_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            _add(archive, MANIFEST, json.dumps({"revision": revision}).encode())
            _add(archive, SECRET, settings.load_secret_key().encode())
            # One transaction, so that the tables fit each other.
            async with database.engine.connect() as connection:
                if connection.dialect.name == "postgresql":
                    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                for table in SQLModel.metadata.sorted_tables:
                    rows = [json.dumps(row, ensure_ascii=False) async for row in _rows(connection, table)]
                    _add(archive, f"{table.name}.jsonl", "\n".join(rows).encode())
    finally:
        await database.close()
    return target.stat().st_size


async def restore(settings: Settings, source: Path) -> None:
    """Replace all rows, and the secret key where it lies in the data folder. Raises ConfigurationError."""
    try:
        with tarfile.open(source, "r:gz") as archive:
            members = {member.name: _read(archive, member) for member in archive.getmembers() if member.isfile()}
        manifest = json.loads(members[MANIFEST])
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise ConfigurationError(reason=f"{source} is not a backup of the hub ({type(error).__name__})") from error
    if manifest["revision"] > latest_revision():
        raise ConfigurationError(reason="the backup was made by a newer hub; update the hub first")
    database = Database(settings.async_database_url)
    try:
        await migrate(database)
        async with database.engine.begin() as connection:
            for table in reversed(SQLModel.metadata.sorted_tables):
                await connection.execute(table.delete())
            for table in SQLModel.metadata.sorted_tables:
                rows = [
                    _from_json(table, json.loads(row)) for row in members.get(f"{table.name}.jsonl", b"").splitlines()
                ]
                for start in range(0, len(rows), BATCH):
                    await connection.execute(insert(table), rows[start : start + BATCH])
                if connection.dialect.name == "postgresql" and "id" in table.c and rows:
                    await connection.execute(text(_NEXT_ID.format(table=table.name)))
    finally:
        await database.close()
    if settings.secret_key is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        path = settings.data_dir / "secret_key"
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(members[SECRET])


async def _rows(connection: AsyncConnection, table: Table) -> AsyncIterator[dict[str, Any]]:
    result = await connection.stream(select(table))
    async for row in result.mappings():
        yield {name: value.isoformat() if isinstance(value, (date, datetime)) else value for name, value in row.items()}


def _from_json(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    for name, value in row.items():
        if value is None:
            continue
        if isinstance(table.c[name].type, UtcDateTime):
            row[name] = datetime.fromisoformat(value)
        elif isinstance(table.c[name].type, Date):
            row[name] = date.fromisoformat(value)
    return row


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""
