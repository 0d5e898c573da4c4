"""How long training takes: everything from nothing, and when there is nothing to train."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from rich.console import Console

from benchmarks.errors import BenchmarkError
from benchmarks.figures import Section, Table, at_most
from cli.training import PYTHON
from core.settings import PROJECT_ROOT

CORES = 2
LONGEST = 1800.0

EXPLANATION = (
    "`icchub train --force` on two cores: all languages from nothing, with no cache. Then `icchub train` again, which "
    "finds nothing to do."
)


def run(console: Console) -> Section:
    """Train, and train again. Raises BenchmarkError."""
    if not PYTHON.exists():
        raise BenchmarkError("The assistant is not installed: `make install`.")
    with console.status("Training everything ..."):
        cold = _train("--force")
    again = _train()
    rows = [
        ["everything, cold", f"{cold:.0f} s", *at_most(cold, 180)],
        ["nothing to train", f"{again:.1f} s", *at_most(again, 3)],
    ]
    return Section("training", EXPLANATION, [Table(["", "hub", "target (s)", ""], rows)])


def _train(*options: str) -> float:
    """Seconds of the whole command."""
    begun = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cli", "train", "--json", *options],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
            preexec_fn=_keep_to_two_cores,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"Training took longer than {LONGEST:.0f} s.") from error
    if done.returncode != 0 or json.loads(done.stdout)["trained"] is not bool(options):
        raise BenchmarkError(f"Training did not do what was asked:\n{done.stdout}{done.stderr}")
    return time.monotonic() - begun


def _keep_to_two_cores() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
