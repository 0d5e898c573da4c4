"""`python -m benchmarks.understanding_page [--url]`: asks the running hub every evaluation question and writes
docs/understanding.md: all figures with their intervals, blind ones beside present ones, and every miss."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.bots import EVALUATION
from cli import client
from cli.evaluation import evaluate
from core.languages import RELEASED
from core.settings import PROJECT_ROOT, Settings

PAGE = PROJECT_ROOT / "docs" / "understanding.md"
TEMPLATE = Path(__file__).with_name("understanding_page.md.j2")
SETS = {"sixth": "Sixth", "fifth": "Fifth", "fourth": "Fourth", "third": "Third", "fresh": "Second", "": "Development"}
"""Folders of nlu_data/evaluation/ and what the page calls them, the newest first."""
BLIND = "blind.json"
"""In a set's folder: the figures by language as they were when it was written."""
KINDS = {
    "knowledge": "tools and membership",
    "tool": "… tools",
    "membership": "… membership",
    "service": "services",
    "report": "report",
    "preferences": "preferences",
    "handoff": "hand-off",
    "out_of_scope": "outside the subject (refused)",
    "choose": "choose (a list offered)",
}
ENTRIES = ("knowledge", "tool", "membership", "service")
"""Kinds of which three may be offered."""

Figures = dict[str, list[dict[str, Any]]]
"""Rows of figures by language, as `icchub evaluate --json` gives them."""


def main() -> None:
    """Ask and write. Ends with a sentence when no hub answers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.understanding_page", description=__doc__)
    parser.add_argument("--url", help="where the hub is; else this machine at HUB_PORT")
    address = client.hub_address(Settings(), parser.parse_args().url)
    tables, missed = [], []
    for folder, name in SETS.items():
        blind = EVALUATION / folder / BLIND
        if folder and blind.exists():
            tables += _tables(f"{name} set, blind", json.loads(blind.read_text(encoding="utf-8")))
        try:
            reports = {code: evaluate(address, EVALUATION / folder / f"{code}.jsonl").as_data() for code in RELEASED}
        except client.NoHubError as error:
            raise SystemExit(f"No hub answers at {error.address}. Start it with: make run") from None
        figures = {code: report["accuracy"] for code, report in reports.items()}
        tables += _tables(f"{name} set, now" if folder and blind.exists() else f"{name} set", figures)
        misses = [_miss(each) for report in reports.values() for each in report["misses"]]
        missed.append((f"Every miss of the {name.lower()} set", misses))
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    today = datetime.now(UTC)
    PAGE.write_text(
        environment.get_template(TEMPLATE.name).render(
            day=f"{today.day} {today:%B %Y}", languages=RELEASED, tables=tables, missed=missed
        ),
        encoding="utf-8",
    )


def _tables(title: str, figures: Figures) -> list[dict[str, Any]]:
    """The table of what was right first, and that of what stood among the first three."""
    rows: dict[str, list[tuple[str, int, list[str]]]] = {"first": [], "three": []}
    for kind, label in KINDS.items():
        found = [row for code in RELEASED for row in figures[code] if row["kind"] == kind]
        if len(found) < len(RELEASED):
            continue
        rows["first"].append((label, found[0]["questions"], [_share(row, "first") for row in found]))
        if kind in ENTRIES:
            rows["three"].append((label, found[0]["questions"], [_share(row, "three") for row in found]))
    return [
        {"title": f"{title}: right first", "rows": rows["first"]},
        {"title": f"{title}: among the first three", "rows": rows["three"]},
    ]


def _share(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_interval"]
    return f"{100 * row[name]:.1f} ({100 * low:.0f}–{100 * high:.0f})"


def _miss(miss: dict[str, Any]) -> dict[str, str]:
    expect = miss["expect"] if isinstance(miss["expect"], str) else ", ".join(miss["expect"][:3])
    return {**miss, "expect": expect, "got": ", ".join(miss["got"][:3]) or "-"}


if __name__ == "__main__":
    main()
