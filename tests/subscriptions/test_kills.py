"""kill -9 at random instants: nobody is left out, and nobody gets more than what was in flight at those instants."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.messages.kills import run_with_kills
from tests.services import running_postgresql, running_redis

RECIPIENTS = 1000
KILLS = 6


def test_killing_workers_and_hubs_loses_nothing_and_doubles_only_what_was_in_flight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_postgresql() as database_url, running_redis() as broker_url:
        outcome = run_with_kills(
            database_url, broker_url, recipients=RECIPIENTS, kills=KILLS, log=tmp_path / "log", patience=300
        )
    with capsys.disabled():
        print(f"\n{outcome}")
    log = (tmp_path / "log").read_text()
    assert outcome.lost == 0, log
    assert outcome.kills.total() == KILLS
    assert outcome.doubled <= outcome.in_flight
    assert outcome.statuses == {"sent": RECIPIENTS}, log
    assert "Traceback" not in log
    assert "example.org" not in log
