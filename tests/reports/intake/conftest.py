"""The real intake on both databases, with a desk for Bologna."""

from __future__ import annotations

import pytest

from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from reports.intake.deadlines import Deadlines
from reports.intake.service import Intake
from tests.reports.intake.teller import OpenDesk, Teller, open_desk

_limits: list[Deadlines] = []
"""Read once, since the file is long."""


def build_intake(database: Database, clock: FixedClock, wording: Wording) -> Intake:
    """One hub process's intake."""
    if not _limits:
        _limits.append(Deadlines.load(wording.base, wording.texts))
    return Intake(
        database=database,
        clock=clock,
        secret_key="only-for-tests",
        texts=wording.texts,
        base=wording.base,
        gazetteer=wording.gazetteer,
        service_search=wording.services,
        service_words=wording,
        deadlines=_limits[0],
        web_form="https://hub.example/report",
    )


@pytest.fixture
def intake(database: Database, clock: FixedClock, wording: Wording) -> Intake:
    return build_intake(database, clock, wording)


@pytest.fixture
async def desk(database: Database, clock: FixedClock) -> OpenDesk:
    return await open_desk(database, clock, "bologna")


@pytest.fixture
def teller(intake: Intake) -> Teller:
    return Teller(intake)
