"""Fixtures for every test: the real knowledge base, a fixed clock, databases, a stand-in for the assistant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app import build_app, build_hub, build_wording
from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from migrations.run import migrate
from tests.fakes import FakeAssistant
from tests.services import running_postgresql
from web.state import Hub

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, secret_key=SecretStr("only-for-tests"))


@pytest.fixture(scope="session")
def wording(tmp_path_factory: pytest.TempPathFactory) -> Wording:
    """The whole knowledge base with its words, loaded once."""
    return build_wording(Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("wording")))


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with running_postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Database]:
    """A migrated, empty database, on each of the two engines."""
    if request.param == "postgresql":
        settings = settings.model_copy(update={"database_url": SecretStr(request.getfixturevalue("postgresql_url"))})
    database = Database(settings.async_database_url)
    if request.param == "postgresql":
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            await connection.exec_driver_sql("CREATE SCHEMA public")
    await migrate(database)
    yield database
    await database.close()


@pytest.fixture
def assistant(wording: Wording) -> FakeAssistant:
    return FakeAssistant(wording)


@pytest.fixture
def hub(settings: Settings, clock: FixedClock, wording: Wording, assistant: FakeAssistant) -> Hub:
    return build_hub(settings, clock=clock, assistant=assistant, wording=wording)


@pytest.fixture
def client(hub: Hub, settings: Settings) -> Iterator[TestClient]:
    """The hub over HTTP, with a migrated SQLite database and a stand-in for the assistant."""

    app = build_app(settings, hub=hub)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.portal is not None
        client.portal.call(migrate, hub.database)
        yield client
