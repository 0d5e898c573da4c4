"""`python -m benchmarks [names...] [--write]`, which `make bench` calls: runs the benchmarks one after another."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable

from rich.console import Console

from benchmarks import (
    accuracy,
    answers,
    audience,
    delivery,
    desk,
    figures,
    intakes,
    memory,
    preferences,
    start,
    telegram,
    training,
)
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Section
from core.errors import HubError
from core.settings import PROJECT_ROOT

DOCUMENT = PROJECT_ROOT / "docs" / "benchmarks.md"

BENCHMARKS: dict[str, Callable[[Console], Section]] = {
    "answers": answers.run,
    "audience": audience.run,
    "delivery": delivery.run,
    "desk": desk.run,
    "intakes": intakes.run,
    "memory": memory.run,
    "preferences": preferences.run,
    "start": start.run,
    "telegram": telegram.run,
    "training": training.run,
    "understanding": accuracy.run,
}


BY_HAND: dict[str, Callable[[Console], Section]] = {"diet": accuracy.run_diet}
"""Not part of the whole set."""


def main() -> int:
    """Exit status 0 also when a target is missed; 1 when a benchmark could not run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; none means all")
    parser.add_argument("--write", action="store_true", help="put the results into docs/benchmarks.md")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS | BY_HAND]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS | BY_HAND)}")
    # So that the servers end with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    failed = False
    for name in options.names or BENCHMARKS:
        try:
            section = (BENCHMARKS | BY_HAND)[name](console)
        except (BenchmarkError, HubError) as error:
            console.print(f"{name}: {error}", markup=False)
            failed = True
            continue
        figures.show(section, console)
        if options.write:
            figures.write(DOCUMENT, [section])
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
