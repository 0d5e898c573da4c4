"""Kill the hub at any instant while people tell: what was answered stays, and nothing is asked or sent twice.

A small form of `python -m benchmarks intakes`, which tells 50 reports and kills 100 times.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.intakes.kills import run_with_kills

PEOPLE = 8
KILLS = 10


async def test_killing_the_hub_loses_no_answer_asks_nothing_twice_and_doubles_no_report(tmp_path: Path) -> None:
    outcome = await run_with_kills(tmp_path, people=PEOPLE, kills=KILLS)
    assert outcome.details == []
    assert not any(outcome.faults.values())
    assert outcome.kills == KILLS
    # Else nothing was put to the test.
    assert outcome.unanswered > 0
    assert outcome.looked_at > 0
    assert outcome.answers >= PEOPLE * 20
