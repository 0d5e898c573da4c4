"""Fixtures of subscriptions: the topics, a fixed Monday morning, a session on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from core.database import Database
from knowledge.base import KnowledgeBase, load_knowledge
from subscriptions.links import Links
from subscriptions.topics import Topics, load_topics
from tests.factories import NOW


@pytest.fixture(scope="session")
def topics() -> Topics:
    return load_topics()


@pytest.fixture(scope="session")
def knowledge_base() -> KnowledgeBase:
    return load_knowledge()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def links() -> Links:
    return Links("only-for-tests")


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    async with database.session() as session:
        yield session
