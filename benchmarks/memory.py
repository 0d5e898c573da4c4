"""How much memory everything takes once it works."""

from __future__ import annotations

import asyncio
import time

import psutil
from rich.console import Console

from benchmarks.bots import BareBot, Bot, HubBot
from benchmarks.connection import connect
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Section, Table, at_most
from benchmarks.servers import Running, running

QUESTIONS = 20
REST = 60.0
"""Seconds between the last answer and the measurement."""

EXPLANATION = (
    "The sum of the proportional set sizes (PSS, which counts a shared page once) of all processes, 60 s after the "
    "first 20 answers: supervisor, hub and assistant beside the bare bot's server, one after the other."
)


def run(console: Console) -> Section:
    """Start one, then the other. Raises BenchmarkError."""
    bots = [HubBot(), BareBot()]
    for bot in bots:
        bot.prepare(console)
    sizes = [_measure(bot, console) for bot in bots]
    hub, bare = (sum(size for _, size in found) for found in sizes)
    rows = [["all processes", f"{hub:.0f} MB", f"{bare:.0f} MB", f"{hub / bare:.2f}", *at_most(hub / bare, 0.75)]]
    parts = ", ".join(f"{name} {size:.0f} MB" for name, size in sizes[0])
    return Section(
        "memory",
        EXPLANATION,
        [Table(["", "hub", "bare bot", "ratio", "target", ""], rows)],
        [f"The hub's processes: {parts}."],
    )


def _measure(bot: Bot, console: Console) -> list[tuple[str, float]]:
    """Name and megabytes of each process."""
    with running(bot) as started:
        started.wait_for_first_answer()
        _ask(started)
        with console.status(f"Letting the {bot.name} rest for {REST:.0f} s ..."):
            time.sleep(REST)
        return [(_name(process), proportional_megabytes(process)) for process in started.processes()]


def _ask(started: Running[Bot]) -> None:
    async def ask() -> None:
        async with connect(started.port) as line:
            for question in started.server.questions(QUESTIONS):
                await line.post(started.server.path, started.server.body(question, None))

    try:
        asyncio.run(ask())
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"The {started.server.name} stopped answering: {error!r}") from error


def proportional_megabytes(process: psutil.Process) -> float:
    """From /proc/<pid>/smaps_rollup; the kernel of Linux alone keeps it."""
    size = getattr(process.memory_full_info(), "pss", None)
    if size is None:
        raise BenchmarkError("This system does not tell the proportional set size of a process; Linux does.")
    return float(size) / 1_000_000


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    if "cli" in words:
        return "supervisor" if words[-1] == "serve" else "hub"
    return "assistant" if "rasa_components" in words else process.name()
