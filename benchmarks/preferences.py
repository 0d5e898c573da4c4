"""How soon a change of preferences counts for messages that wait already, beside the same press when none waits."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from datetime import time as hour
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi.testclient import TestClient
from rich.console import Console

from app import build_app, build_hub, build_wording
from benchmarks.errors import BenchmarkError
from benchmarks.figures import NO_TARGET, Section, Table, at_most
from core.clock import FixedClock
from core.settings import Settings
from subscriptions.models import Delivery, DeliveryStatus, Frequency
from tests.databases import copy_migrated_sqlite, make_migrated_sqlite
from tests.fakes import FakeAssistant
from tests.web.preference_pages import Centre

WAITING = 50
"""Messages to one person that wait for the end of their quiet hours."""
TIMES = 20
MOST_SECONDS = 1.0

EXPLANATION = (
    f"Seconds from the press “no webinars” on the preference page until the last of {WAITING} waiting messages on "
    "webinars is struck off in the database; then it is undone, and pressed again. The baseline is the same press by "
    f"somebody for whom nothing waits. SQLite, the hub's own pages in one process, {TIMES} presses each."
)


def run(console: Console) -> Section:
    """Both, one after the other. Raises BenchmarkError when a press did not count."""
    rows = []
    for name, waiting in (("with messages waiting", WAITING), ("nothing waiting", 0)):
        with console.status(f"Changing preferences, {name} ..."):
            taken = sorted(_press(waiting))
        limit = at_most(taken[-1], MOST_SECONDS) if waiting else NO_TARGET
        rows.append([name, f"{taken[len(taken) // 2]:.3f} s", f"{taken[-1]:.3f} s", *limit])
    return Section("preferences", EXPLANATION, [Table(["press", "median", "worst", "target (worst)", ""], rows)])


def _press(waiting: int) -> list[float]:
    with TemporaryDirectory(prefix="icchub-bench-") as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), secret_key="only-for-tests")
        copy_migrated_sqlite(make_migrated_sqlite(Path(folder)), settings)
        wording = build_wording(settings)
        clock = FixedClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
        hub = build_hub(settings, clock=clock, assistant=FakeAssistant(wording), wording=wording)
        with TestClient(build_app(settings, hub=hub)) as client:
            return _press_in_turn(Centre(client, hub), waiting)


def _press_in_turn(centre: Centre, waiting: int) -> list[float]:
    person = centre.person(
        topics={"webinars": Frequency.AT_ONCE, "youth": Frequency.AT_ONCE}, quiet_from=hour(0), quiet_to=hour(23, 59)
    )
    for _ in range(waiting):
        centre.expand("webinars")
    centre.sign_in(person)
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        centre.send("topics", **{"often.webinars": "off"})
        taken.append(time.perf_counter() - begun)
        _check(centre, 0)
        centre.send("undo")
        _check(centre, waiting)
    return taken


def _check(centre: Centre, expected: int) -> None:
    found = sum(row.status == DeliveryStatus.WAITING for row in centre.rows(Delivery))
    if found != expected:
        raise BenchmarkError(f"{found} messages wait, {expected} should.")
