"""A backup holds reports only sealed, nothing that lives for a day, and brings back nothing that was erased since."""

from __future__ import annotations

import gzip
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import col, select

from channels.forms import IncomingFile
from cli import backup as backups
from core.clock import FixedClock
from core.database import Database
from core.erasures import Erasure
from core.settings import PROJECT_ROOT, Settings
from core.texts import Texts
from migrations.run import migrate
from reports.case_keys import open_case_for
from reports.cases import list_cases, read_case
from reports.errors import SignInRefusedError
from reports.files import read_file, store_in_draft
from reports.jobs import delete_expired
from reports.leaving import leave
from reports.models import Case, Draft, Officer, OfficerSession, ReturnSession, SealedFile
from reports.returning import CaseDoor
from reports.sealing import new_key
from tests.reports.samples_of_files import jpeg
from tests.reports.world import World

ANNA, BRUNO, CARLA = "anna@bologna", "bruno@bologna", "carla@bologna"


@pytest.fixture
def stored(settings: Settings, database: Database) -> Settings:
    """The settings that lead to this database, with the secret key in the data folder."""
    url = None if database.url.startswith("sqlite") else SecretStr(database.url)
    return settings.model_copy(update={"database_url": url, "secret_key": None})


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)


@pytest.fixture
def door(world: World) -> CaseDoor:
    return CaseDoor(world.database, world.clock, Texts.load(PROJECT_ROOT / "locales"))


async def listed(world: World) -> set[str]:
    async with world.database.session() as session:
        return set(await session.exec(select(Case.id)))


async def test_reports_come_back_whole_also_on_the_other_database(
    world: World, stored: Settings, door: CaseDoor, tmp_path: Path, postgresql_url: str
) -> None:
    await world.make_desk()
    sent = await world.send()
    case = await door.open(sent.receipt, source="", language="en")
    await door.add(case.token, language="en", text="more", file=IncomingFile("a.jpg", "", jpeg(size=(900, 900))))
    file = tmp_path / "hub.backup"
    await backups.back_up(stored, file)

    is_sqlite = world.database.url.startswith("sqlite")
    (tmp_path / "other").mkdir()
    other = Settings(
        _env_file=None, data_dir=tmp_path / "other", database_url=SecretStr(postgresql_url) if is_sqlite else None
    )
    database = Database(other.async_database_url)
    if is_sqlite:
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            await connection.exec_driver_sql("CREATE SCHEMA public")
    await backups.restore(other, file, clock=world.clock)
    moved = World(database, world.clock, world.people)
    await moved.sign_in(ANNA)
    async with database.session() as session:
        anna = await moved.signed_in(ANNA)
        opened = await read_case(session, anna, sent.case_id, clock=world.clock)
        assert opened.summary.report == sent.report
        [entry] = opened.entries
        _, key = await open_case_for(session, anna, sent.case_id)
        assert (await read_file(session, entry.text.files[0].id, key=key)).startswith(b"\xff\xd8\xff")
        # Numbers go on where they were.
        assert len(await list_cases(session, anna, clock=world.clock)) == 1
    after = CaseDoor(database, world.clock, Texts.load(PROJECT_ROOT / "locales"))
    case = await after.open(sent.receipt, source="", language="en")
    assert [message.text for message in case.messages] == [sent.report.story, "more"]
    await after.add(case.token, language="en", text="and more")
    await database.close()


async def test_what_was_withdrawn_erased_or_expired_does_not_come_back(
    world: World, stored: Settings, door: CaseDoor, tmp_path: Path
) -> None:
    await world.make_desk()
    expired = await world.send()
    world.clock.at += timedelta(days=300)
    withdrawn, kept = await world.send(), await world.send()
    file = tmp_path / "hub.backup"
    await backups.back_up(stored, file)
    case = await door.open(withdrawn.receipt, source="", language="en")
    await door.withdraw(case.token)
    world.clock.at += timedelta(days=100)
    async with world.database.session() as session:
        assert (await delete_expired(session, world.clock))["cases"] == 1
    assert await listed(world) == {kept.case_id}

    for _ in range(2):
        await backups.restore(stored, file, clock=world.clock)
        assert await listed(world) == {kept.case_id}
        async with world.database.session() as session:
            assert len(list(await session.exec(select(Erasure)))) == 2
    assert expired.case_id not in await listed(world)


async def test_what_expired_is_left_out_where_no_memory_is_left(world: World, stored: Settings, tmp_path: Path) -> None:
    """The disk was lost; the day alone decides."""
    await world.make_desk()
    await world.send()
    file = tmp_path / "hub.backup"
    await backups.back_up(stored, file)
    fresh = Settings(_env_file=None, data_dir=tmp_path / "fresh")
    (tmp_path / "fresh").mkdir()
    world.clock.at += timedelta(days=400)
    await backups.restore(fresh, file, clock=world.clock)
    database = Database(fresh.async_database_url)
    async with database.session() as session:
        assert list(await session.exec(select(Case))) == []
        assert len(list(await session.exec(select(Erasure)))) == 1
    await database.close()


async def test_who_left_does_not_come_back_with_a_backup(world: World, stored: Settings, tmp_path: Path) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    file = tmp_path / "hub.backup"
    await backups.back_up(stored, file)
    bruno = (await world.signed_in(BRUNO)).officer.id
    async with world.database.session() as session:
        await leave(session, await world.signed_in(ANNA), bruno, clock=world.clock)
    await backups.restore(stored, file, clock=world.clock)
    async with world.database.session() as session:
        officer = await session.get_one(Officer, bruno)
        assert (officer.wrapped_private_key, officer.sealed_desk_key) == (None, None)
    with pytest.raises(SignInRefusedError):
        await world.sign_in(BRUNO)
    await world.sign_in(CARLA)


async def test_a_backup_holds_no_draft_no_session_and_no_word(
    world: World, stored: Settings, door: CaseDoor, tmp_path: Path
) -> None:
    await world.make_desk()
    sent = await world.send(story="The landlord Rossi said no")
    await door.open(sent.receipt, source="", language="en")
    async with world.database.session() as session:
        expires_at = world.clock.now() + timedelta(hours=20)
        session.add(Draft(id="draft", salt=b"s", body=b"draft-in-backup", expires_at=expires_at))
        await session.flush()
        await store_in_draft(session, draft_id="draft", key=new_key(), content=b"photo")
        await session.commit()
        assert list(await session.exec(select(OfficerSession))) != []
    file = tmp_path / "hub.backup"
    await backups.back_up(stored, file)
    plain = gzip.decompress(file.read_bytes())
    with tarfile.open(file) as archive:
        names = set(archive.getnames())
    assert not {name for name in names if "draft" in name or "session" in name or "attempt" in name}
    for word in (b"Rossi", b"landlord", sent.receipt.encode(), sent.keys.pair.private):
        assert word not in plain
    await backups.restore(stored, file, clock=world.clock)
    async with world.database.session() as session:
        for table in (Draft, OfficerSession, ReturnSession, SealedFile):
            assert list(await session.exec(select(table))) == []


async def test_no_copy_of_a_backup_is_left_beside_it(world: World, stored: Settings, tmp_path: Path) -> None:
    await world.make_desk()
    folder = tmp_path / "backups"
    folder.mkdir()
    await backups.back_up(stored, folder / "hub.backup")
    assert [path.name for path in folder.iterdir()] == ["hub.backup"]


async def test_a_backup_of_a_hub_without_reports_still_restores(
    settings: Settings, tmp_path: Path, clock: FixedClock
) -> None:
    database = Database(settings.async_database_url)
    await migrate(database)
    file = tmp_path / "hub.backup"
    await backups.back_up(settings, file)
    stripped = tmp_path / "stripped.backup"
    with tarfile.open(file) as old, tarfile.open(stripped, "w:gz") as new:
        for member in old.getmembers():
            if "report" not in member.name and "desk" not in member.name and "officer" not in member.name:
                new.addfile(member, old.extractfile(member))
    await backups.restore(settings, stripped, clock=clock)
    async with database.session() as session:
        assert list(await session.exec(select(Case).where(col(Case.id) == "x"))) == []
    await database.close()
