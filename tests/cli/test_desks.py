"""`icchub desk` and `icchub officer` set a desk up as far as anybody but its officers can."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession
from typer.testing import CliRunner

from cli.main import app
from core.clock import SystemClock
from core.database import Database
from core.errors import HubError
from core.settings import Settings
from migrations.run import migrate
from reports.models import Desk, Officer
from reports.officers import find_invited


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HUB_DATABASE_URL", "")
    monkeypatch.setenv("HUB_PUBLIC_URL", "https://hub.example")
    with_database(lambda _: asyncio.sleep(0))


def with_database[T](work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def within() -> T:
        database = Database(Settings().async_database_url)
        await migrate(database)
        async with database.session() as session:
            found = await work(session)
        await database.close()
        return found

    return asyncio.run(within())


def icchub(*words: str) -> str:
    done = CliRunner().invoke(app, words)
    if done.exception is not None:
        raise done.exception
    return done.output


def test_a_desk_is_made_for_a_place_named_in_any_language() -> None:
    said = icchub("desk", "create", "Città di Bologna – Antidiscriminazioni", "--kind", "city", "--place", "Bologne")
    assert "citta-di-bologna-antidiscriminazioni" in said

    async def read(session: AsyncSession) -> Desk:
        return (await session.exec(select(Desk))).one()

    desk = with_database(read)
    assert (desk.kind, desk.places, desk.opened_at) == ("city", ["it-bologna"], None)
    listed = icchub("desk", "list")
    assert "not open" in listed
    assert "recovery_key" in listed


def test_an_officer_is_invited_by_a_link_that_is_kept_nowhere() -> None:
    icchub("desk", "create", "Bologna", "--kind", "city")
    said = icchub("officer", "create", "bologna", "anna@bologna.example", "Anna", "--language", "it")
    found = re.search(r"https://hub\.example/desk/invitation/(\S+)", said)
    assert found is not None
    token = found.group(1)

    async def read(session: AsyncSession) -> Officer:
        officer, desk = await find_invited(session, token, clock=SystemClock())
        assert desk.id == "bologna"
        return officer

    officer = with_database(read)
    assert (officer.login, officer.name, officer.language) == ("anna@bologna.example", "Anna", "it")
    assert token not in repr(officer.model_dump())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("desk", "create", "Bologna", "--kind", "city", "--place", "Nowhere-at-all"), "configuration"),
        (("desk", "create", "Bologna", "--kind", "city", "--service", "service/none"), "configuration"),
        (("desk", "create", "ボローニャ", "--kind", "city"), "configuration"),
        (("desk", "create", "Taken", "--kind", "city"), "name_taken"),
        (("officer", "create", "nowhere", "anna", "Anna"), "desk_not_found"),
        (("officer", "create", "taken", "bruno", "Bruno"), "name_taken"),
    ],
)
def test_what_cannot_be_is_said(words: tuple[str, ...], code: str) -> None:
    icchub("desk", "create", "Taken", "--kind", "city")
    icchub("officer", "create", "taken", "bruno", "Bruno")
    with pytest.raises(HubError) as refused:
        icchub(*words)
    assert refused.value.code == code
