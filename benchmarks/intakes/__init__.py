"""Reports told while the hub is killed again and again: what was answered stays, and nothing is asked or sent twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.figures import NO_TARGET, Section, Table, at_most
from benchmarks.intakes.kills import run_with_kills

PEOPLE = 50
KILLS = 100

EXPLANATION = (
    "People tell their reports at the same time through the web's pages, every third with a photo. The hub is a real "
    "process with its database in an SQLite file; it is killed by SIGKILL at random instants and started anew. Who "
    "gets no answer sends the same page again, or opens the report with its pause code. After each kill the "
    "file is read while no hub runs: every answer that a person was told of must be in it. At the end each sealed "
    "report is opened with the desk's key and with its receipt."
)


def run(console: Console) -> Section:
    """Everything; takes some minutes. Raises BenchmarkError."""
    with console.status("Killing ...") as status, TemporaryDirectory(prefix="icchub-bench-") as folder:
        outcome = asyncio.run(run_with_kills(Path(folder), people=PEOPLE, kills=KILLS, tell=status.update))
    rows = [
        ["people", f"{outcome.people}", *NO_TARGET],
        ["kills", f"{outcome.kills}", *NO_TARGET],
        ["presses without an answer", f"{outcome.unanswered}", *NO_TARGET],
        ["answers that people were told of", f"{outcome.answers}", *NO_TARGET],
        ["answers read from the file while no hub ran", f"{outcome.looked_at}", *NO_TARGET],
        *[[name, f"{count}", *at_most(count, 0)] for name, count in outcome.faults.items()],
        ["seconds", f"{outcome.seconds:.0f}", *NO_TARGET],
    ]
    return Section("intakes", EXPLANATION, [Table(["killing the hub while people tell", "", "target", ""], rows)])
