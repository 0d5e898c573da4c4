"""Backup and restore of what cannot be made again: the database's rows and the secret key, in one file.

The file is a gzipped tar with one JSON-lines file a table, readable by both databases, so a hub may move from SQLite to
PostgreSQL by backup and restore. Restoring migrates an empty database first and replaces every row. What lives for a
day at most (unfinished reports, sessions) is never in it, and what was erased since does not come back with it.
"""

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Date, Integer, LargeBinary, Select, Table, Time, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

import migrations.tables  # noqa: F401  (every table must be known)
from cli.restored import Remembered
from core.clock import Clock, SystemClock
from core.database import Database, UtcDateTime
from core.errors import ConfigurationError
from core.settings import Settings
from migrations.run import current_revision, latest_revision, migrate
from subscriptions.restoring import RememberedPeople

MANIFEST = "manifest.json"
SECRET = "secret_key"
BATCH = 500
BATCH_BYTES = 8 * 1024 * 1024
"""Pieces of files are large."""
LEFT_OUT = frozenset(
    {
        "report_draft",
        "report_return_session",
        "officer_session",
        "operator_session",
        "operator_link",
        "sign_in_attempt",
    }
)
"""An unfinished report lives for 24 hours; in a backup, beside the key that opens it, it would live for years."""
_NEXT_ID = "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"


async def back_up(settings: Settings, target: Path) -> int:
    """Write the backup; returns its size in bytes. The file is readable by its owner only."""
    database = Database(settings.async_database_url)
    try:
        revision = await current_revision(database)
        if revision is None:
            raise ConfigurationError(reason="the database is empty; there is nothing to back up")
        # The last good backup of that name stays until this one is whole.
        unfinished = target.with_name(f"{target.name}.part")
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            _add(archive, MANIFEST, json.dumps({"revision": revision}).encode())
            _add(archive, SECRET, settings.load_secret_key().encode())
            # One transaction, so that the tables fit each other.
            async with database.engine.connect() as connection:
                if connection.dialect.name == "postgresql":
                    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                else:
                    # Python's driver begins a transaction only before it writes.
                    await connection.execute(text("BEGIN"))
                for table in _tables():
                    with tempfile.TemporaryFile(dir=target.parent) as rows:
                        async for row in _rows(connection, table):
                            rows.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
                        _add_file(archive, f"{table.name}.jsonl", rows)
        unfinished.replace(target)
    finally:
        await database.close()
    return target.stat().st_size


async def restore(settings: Settings, source: Path, *, clock: Clock | None = None) -> None:
    """Replace all rows, and the secret key where it lies in the data folder. Raises ConfigurationError.

    What was erased since does not come back: reports that expired or were withdrawn, people, chats, their questions to
    the team and their mail. Nor do officers who left, or what people switched off; what was being sent waits for the
    team.
    """
    with _open(source) as archive:
        manifest = json.loads(_read(archive, MANIFEST))
        if manifest["revision"] > latest_revision():
            raise ConfigurationError(reason="the backup was made by a newer hub; update the hub first")
        secret = _read(archive, SECRET)
        database = Database(settings.async_database_url)
        try:
            await migrate(database)
            async with database.engine.begin() as connection:
                remembered = await Remembered.collect(connection)
                people = await RememberedPeople.collect(connection)
                for table in reversed(SQLModel.metadata.sorted_tables):
                    await connection.execute(table.delete())
                for table in _tables():
                    await _fill(connection, table, archive)
                await remembered.apply(connection, clock or SystemClock())
                await people.apply(connection, (clock or SystemClock()).now())
        finally:
            await database.close()
    if settings.secret_key is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        path = settings.data_dir / "secret_key"
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secret)


def _open(source: Path) -> tarfile.TarFile:
    try:
        archive = tarfile.open(source, "r:gz")  # noqa: SIM115  (closed by the caller)
        if not {MANIFEST, SECRET} <= set(archive.getnames()):
            raise ConfigurationError(reason=f"{source} is not a backup of the hub")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ConfigurationError(reason=f"{source} is not a backup of the hub ({type(error).__name__})") from error
    return archive


def _tables() -> list[Table]:
    return [table for table in SQLModel.metadata.sorted_tables if table.name not in LEFT_OUT]


def _chosen(table: Table) -> Select[Any]:
    """All rows, but of files only those of cases."""
    files = SQLModel.metadata.tables["report_file"]
    if table.name == "report_file":
        return select(table).where(table.c.case_id.is_not(None))
    if table.name == "report_file_chunk":
        return select(table).join(files, files.c.id == table.c.file_id).where(files.c.case_id.is_not(None))
    return select(table)


async def _rows(connection: AsyncConnection, table: Table) -> AsyncIterator[dict[str, Any]]:
    result = await connection.stream(_chosen(table))
    async for row in result.mappings():
        yield {name: _as_json(value) for name, value in row.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _from_json(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    for name, value in row.items():
        if value is None:
            continue
        kind = table.c[name].type
        if isinstance(kind, UtcDateTime):
            row[name] = datetime.fromisoformat(value)
        elif isinstance(kind, Date):
            row[name] = date.fromisoformat(value)
        elif isinstance(kind, Time):
            row[name] = time.fromisoformat(value)
        elif isinstance(kind, LargeBinary):
            row[name] = base64.b64decode(value)
    return row


async def _fill(connection: AsyncConnection, table: Table, archive: tarfile.TarFile) -> None:
    has_rows = False
    for rows in _batches(archive, f"{table.name}.jsonl"):
        has_rows = True
        await connection.execute(insert(table), [_from_json(table, row) for row in rows])
    counts_up = "id" in table.c and isinstance(table.c.id.type, Integer)
    if connection.dialect.name == "postgresql" and counts_up and has_rows:
        await connection.execute(text(_NEXT_ID.format(table=table.name)))


def _batches(archive: tarfile.TarFile, name: str) -> Iterator[list[dict[str, Any]]]:
    """Rows of a table; a backup of an older hub may lack the table."""
    file = archive.extractfile(name) if name in archive.getnames() else None
    rows: list[dict[str, Any]] = []
    size = 0
    for line in file or ():
        rows.append(json.loads(line))
        size += len(line)
        if len(rows) >= BATCH or size >= BATCH_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    _add_file(archive, name, io.BytesIO(content))


def _add_file(archive: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = content.seek(0, io.SEEK_END), 0o600
    content.seek(0)
    archive.addfile(member, content)


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    return file.read() if file else b""
