"""A world of desks on each database."""

from __future__ import annotations

import pytest

from core.clock import FixedClock
from core.database import Database
from tests.reports.world import World


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    return World(database, clock)
