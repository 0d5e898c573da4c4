"""How long a start takes, with nothing to install or train."""

from __future__ import annotations

from statistics import median

from rich.console import Console

from benchmarks.bots import BareBot, Bot, HubBot
from benchmarks.figures import Section, Table, at_most
from benchmarks.servers import running

ROUNDS = 3

EXPLANATION = (
    "Seconds from the start of the process (`make run` after its installation check; `rasa run`) to its first answered "
    "question, in turns. One start of each before is not counted: it fills the caches of files and of compiled code."
)


def run(console: Console) -> Section:
    """Start each several times. Raises BenchmarkError."""
    bots: list[Bot] = [HubBot(), BareBot()]
    for bot in bots:
        bot.prepare(console)
    times: list[list[float]] = [[], []]
    for number in range(ROUNDS + 1):
        for bot, found in zip(bots, times, strict=True):
            with console.status(f"Starting the {bot.name}, {number} of {ROUNDS} ..."), running(bot) as started:
                seconds = started.wait_for_first_answer()
            if number:
                found.append(seconds)
    hub, bare = (median(found) for found in times)
    row = ["median start", f"{hub:.1f} s", f"{bare:.1f} s", f"{hub / bare:.2f}", *at_most(hub / bare, 0.5)]
    each = "; ".join(
        f"{bot.name} {', '.join(f'{seconds:.1f}' for seconds in found)} s"
        for bot, found in zip(bots, times, strict=True)
    )
    table = Table(["", "hub", "bare bot", "ratio", "target", ""], [row])
    return Section("start", EXPLANATION, [table], [f"Each start: {each}."])
