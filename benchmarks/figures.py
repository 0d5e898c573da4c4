"""Figures and how they are shown: on the terminal, and as sections of docs/benchmarks.md."""

from __future__ import annotations

import math
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table as RichTable

MET, MISSED = "met", "missed"
HEADING = re.compile(r"^## ", re.MULTILINE)
OPENING = """# Benchmarks

Each section is one run of `make bench` or of the command that it names, with the hub and its baseline on the same
machine. `--write` replaces the sections of the benchmarks that ran; the others stay.
"""


def describe_machine() -> str:
    """When and where: figures of another machine are other figures."""
    memory = psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{when}; {os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory, {platform.system()}; "
        f"load average at the end {load}"
    )


@dataclass(frozen=True)
class Table:
    """Rows of words; the last column of a table with targets says whether each is met."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """What one benchmark found."""

    name: str
    explanation: str
    tables: Sequence[Table]
    notes: Sequence[str] = ()
    list_name: str = ""
    list_items: Sequence[str] = ()
    """A long list, such as every miss: in the document only, not on the terminal."""
    measured: str = field(default_factory=describe_machine)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def at_most(value: float, most: float) -> list[str]:
    """The target's two cells: what it is, and whether it is met."""
    return [f"<= {most:g}", MET if value <= most else MISSED]


def at_least(value: float, least: float) -> list[str]:
    return [f">= {least:g}", MET if value >= least else MISSED]


NO_TARGET = ["", ""]


def show(section: Section, console: Console) -> None:
    """Print a section for people at a terminal."""
    console.rule(section.name, align="left")
    console.print(section.explanation, markup=False)
    for table in section.tables:
        shown = RichTable(*table.columns)
        for row in table.rows:
            shown.add_row(*row, style="bold red" if MISSED in row else None)
        console.print(shown)
    for note in section.notes:
        console.print(note, markup=False)
    console.print(section.measured, markup=False)


def write(path: Path, sections: Sequence[Section]) -> None:
    """Put the sections into the document, each in the place of its earlier self; leave the rest as it is."""
    text = path.read_text(encoding="utf-8") if path.exists() else OPENING
    opening, *parts = HEADING.split(text)
    kept = {part.partition("\n")[0].strip(): part for part in parts}
    kept |= {section.name: _as_markdown(section) for section in sections}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n## ".join(part.strip() for part in [opening, *kept.values()]) + "\n", encoding="utf-8")


def _as_markdown(section: Section) -> str:
    command = f"`.venv/bin/python -m benchmarks {section.name}`"
    blocks = [section.name, section.explanation, f"{command}, {section.measured}."]
    blocks += ["\n".join(_table_lines(table)) for table in section.tables]
    if section.notes:
        blocks.append("\n".join(f"- {note}" for note in section.notes))
    if section.list_items:
        blocks += [f"### {section.list_name}", "\n".join(f"- {_escape(line)}" for line in section.list_items)]
    return "\n\n".join(blocks)


def _table_lines(table: Table) -> list[str]:
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    return ["| " + " | ".join(_escape(cell) for cell in line) + " |" for line in lines]


def _escape(text: str) -> str:
    return re.sub(r"([|<>*_`])", r"\\\1", text.replace("\n", " "))
