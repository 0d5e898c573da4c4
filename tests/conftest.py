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
from tests.databases import PostgresqlServer, copy_migrated_sqlite, make_migrated_sqlite
from tests.fakes import FakeAssistant
from tests.password_cost import password_cost
from tests.services import running_postgresql
from web.state import Hub

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="session")
def passwords_cost() -> Iterator[None]:
    """Little here; tests/identity/ and tests/journeys/ have the real cost."""
    with password_cost(real=False):
        yield


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None, data_dir=tmp_path, models_dir=tmp_path / "models", secret_key=SecretStr("only-for-tests")
    )


@pytest.fixture(scope="session")
def wording(tmp_path_factory: pytest.TempPathFactory) -> Wording:
    """The whole knowledge base with its words, loaded once."""
    return build_wording(Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("wording")))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    with running_postgresql() as url:
        yield PostgresqlServer(url)


@pytest.fixture
def postgresql_url(postgresql: PostgresqlServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    with postgresql.empty() as url:
        yield url


@pytest.fixture
def migrated_postgresql_url(postgresql: PostgresqlServer) -> Iterator[str]:
    """The address of a migrated, empty PostgreSQL database."""
    with postgresql.migrated() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database to be copied."""
    return make_migrated_sqlite(tmp_path_factory.mktemp("migrated"))


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(
    request: pytest.FixtureRequest, settings: Settings, migrated_sqlite: Path
) -> AsyncIterator[Database]:
    """A migrated, empty database, on each of the two engines."""
    if request.param == "postgresql":
        url = SecretStr(request.getfixturevalue("migrated_postgresql_url"))
        settings = settings.model_copy(update={"database_url": url})
    else:
        copy_migrated_sqlite(migrated_sqlite, settings)
    database = Database(settings.async_database_url)
    yield database
    await database.close()


@pytest.fixture
def assistant(wording: Wording) -> FakeAssistant:
    return FakeAssistant(wording)


@pytest.fixture
def hub(settings: Settings, clock: FixedClock, wording: Wording, assistant: FakeAssistant) -> Hub:
    return build_hub(settings, clock=clock, assistant=assistant, wording=wording)


@pytest.fixture
def client(hub: Hub, settings: Settings, migrated_sqlite: Path) -> Iterator[TestClient]:
    """The hub over HTTP, with a migrated SQLite database and a stand-in for the assistant."""
    copy_migrated_sqlite(migrated_sqlite, settings)
    app = build_app(settings, hub=hub)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
