"""`icchub operator` and the link that `make run` prints let the first people of the team in."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.operators import first_link
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from identity.errors import OperatorTakenError
from identity.operator_session import LinkKind, peek_link, set_up
from identity.operators import Operator
from identity.totp import new_secret
from migrations.run import migrate


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HUB_DATABASE_URL", "")
    monkeypatch.setenv("HUB_PUBLIC_URL", "https://hub.example")

    async def prepare() -> None:
        database = Database(Settings().async_database_url)
        await migrate(database)
        await database.close()

    asyncio.run(prepare())


def icchub(*words: str) -> str:
    done = CliRunner().invoke(app, words)
    if done.exception is not None:
        raise done.exception
    return done.output


def whom(link: str) -> Operator | None:
    async def read() -> Operator | None:
        database = Database(Settings().async_database_url)
        async with database.session() as session:
            found = await peek_link(session, LinkKind.SETUP, link.rpartition("/")[2], clock=SystemClock())
        await database.close()
        return found

    return asyncio.run(read())


def link_in(said: str) -> str:
    found = re.search(r"https://hub\.example/office/setup/\S+", said)
    assert found is not None
    return found.group()


def test_somebody_is_invited_with_a_role_and_a_link() -> None:
    said = icchub(
        "operator", "create", "Nadia@Example.org", "--name", "Nadia", "--role", "approver", "--approves", "ar"
    )
    operator = whom(link_in(said))
    assert operator is not None
    assert (operator.email, operator.role, operator.languages) == ("nadia@example.org", "approver", ["ar"])
    assert "invited" in icchub("operator", "list")
    with pytest.raises(OperatorTakenError):
        icchub("operator", "create", "nadia@example.org", "--name", "N")


def test_the_first_link_is_there_until_somebody_has_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyotp

    first = asyncio.run(first_link(Settings()))
    assert first is not None
    assert whom(first) is None
    secret = new_secret()

    async def join() -> None:
        database = Database(Settings().async_database_url)
        async with database.session() as session:
            await set_up(
                session,
                first.rpartition("/")[2],
                password="correct horse battery staple",
                totp_secret=secret,
                code=pyotp.TOTP(secret).now(),
                secret_key="x",
                clock=SystemClock(),
                email="vera@example.org",
                name="Vera",
            )
        await database.close()

    asyncio.run(join())
    assert asyncio.run(first_link(Settings())) is None
