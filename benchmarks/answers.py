"""How fast answers come: one at a time, 50 conversations at once, and late in a long conversation."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import track

from benchmarks.bots import BareBot, Bot, HubBot, Running, running
from benchmarks.connection import Connection, connect
from benchmarks.errors import BenchmarkError
from benchmarks.figures import NO_TARGET, Section, Table, at_least, at_most, percentile

WARM_UP = 20
ROUNDS, QUESTIONS_A_ROUND = 10, 50
CONVERSATIONS, TURNS = 50, 4
ROUNDS_AT_ONCE = 3
LONG_CONVERSATIONS, LONG_TURNS, COMPARED_TURNS = 5, 150, 10

FOLLOW_UPS = ["Who is it for?", "C'est pour qui ?", "Per chi è?", "لمن هذا؟"]
"""Asked after each question of a conversation that runs beside others: only its own memory can answer it."""

EXPLANATION = (
    "Both answer over HTTP on loopback: the hub at /api/chat (real questions of the evaluation sets in four languages, "
    "its two processes end to end), the bare bot at its REST channel (messages that it was made for). Rounds alternate "
    "within the same minute. A reply is mixed up when it is not the one that the same conversation gets when it is "
    "held alone."
)


@dataclass
class Crowd:
    """Conversations held at the same time."""

    turns: int = 0
    seconds: float = 0.0
    errors: int = 0
    mixed_up: int = 0

    @property
    def rate(self) -> float:
        return self.turns / self.seconds


@dataclass
class Measured:
    """Everything measured of one bot; times in milliseconds."""

    one_by_one: list[float] = field(default_factory=list)
    crowd: Crowd = field(default_factory=Crowd)
    early: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    def times(self, share: float) -> float:
        return percentile(self.one_by_one, share)


def run(console: Console) -> Section:
    """Start both and measure. Raises BenchmarkError."""
    hub, bare = HubBot(), BareBot()
    for bot in (hub, bare):
        bot.prepare(console)
    with running(hub) as first, running(bare) as second:
        for started in (first, second):
            started.wait_for_first_answer()
        try:
            measured = asyncio.run(_measure([first, second], console))
        except (OSError, ValueError) as error:
            raise BenchmarkError(f"A bot stopped answering: {error!r}") from error
    return _as_section(*measured)


async def _measure(bots: list[Running], console: Console) -> list[Measured]:
    found = [Measured() for _ in bots]
    scripts = [_scripts(started.bot) for started in bots]
    for started in bots:
        await _ask_one_by_one(started, started.bot.questions(WARM_UP))
    everything = [started.bot.questions(ROUNDS * QUESTIONS_A_ROUND) for started in bots]
    for number in track(range(ROUNDS), "one at a time", console=console, transient=True):
        part = slice(number * QUESTIONS_A_ROUND, (number + 1) * QUESTIONS_A_ROUND)
        for started, measured, questions in zip(bots, found, everything, strict=True):
            measured.one_by_one += await _ask_one_by_one(started, questions[part])
    alone = [await _hold_alone(started, script) for started, script in zip(bots, scripts, strict=True)]
    for _ in track(range(ROUNDS_AT_ONCE), f"{CONVERSATIONS} at once", console=console, transient=True):
        for started, measured, script, expected in zip(bots, found, scripts, alone, strict=True):
            await _hold_together(started, script, expected, measured.crowd)
    for _ in track(range(LONG_CONVERSATIONS), "long conversations", console=console, transient=True):
        await _talk_long(bots[0], found[0])
    await _talk_long(bots[1], found[1])
    return found


async def _ask_one_by_one(started: Running, questions: list[str]) -> list[float]:
    """Milliseconds of each question, every one in a conversation of its own."""
    times = []
    async with connect(started.port) as connection:
        for question in questions:
            response = await connection.post(started.bot.path, started.bot.body(question, None))
            if response.status != 200 or not started.bot.essence(response.data):
                raise BenchmarkError(f"The {started.bot.name} answered {response.status} and nothing to: {question}")
            times.append(1000 * response.seconds)
    return times


def _scripts(bot: Bot) -> list[list[str]]:
    """What is said in each of the conversations; the hub's alternate questions and follow-ups in one language."""
    if isinstance(bot, BareBot):
        messages = bot.questions(CONVERSATIONS + TURNS)
        return [messages[number : number + TURNS] for number in range(CONVERSATIONS)]
    questions = bot.questions(CONVERSATIONS * TURNS // 2)
    by_language = [questions[place::4] for place in range(4)]
    scripts = []
    for number in range(CONVERSATIONS):
        own, follow_up = by_language[number % 4], FOLLOW_UPS_BY_PLACE[number % 4]
        first = 2 * (number // 4)
        scripts.append([own[first % len(own)], follow_up, own[(first + 1) % len(own)], follow_up])
    return scripts


FOLLOW_UPS_BY_PLACE = [FOLLOW_UPS[place] for place in (3, 0, 1, 2)]
"""The evaluation sets come in the order of their names: ar, en, fr, it."""


async def _hold_alone(started: Running, scripts: list[list[str]]) -> list[list[object]]:
    async with connect(started.port) as connection:
        return [await _converse(started, connection, script, Crowd()) for script in scripts]


async def _hold_together(
    started: Running, scripts: list[list[str]], expected: list[list[object]], crowd: Crowd
) -> None:
    """All conversations at once, each over a connection of its own."""

    async def hold(script: list[str], ready: asyncio.Barrier) -> list[object]:
        async with connect(started.port) as connection:
            await ready.wait()
            return await _converse(started, connection, script, crowd)

    barrier = asyncio.Barrier(len(scripts) + 1)
    tasks = [asyncio.create_task(hold(script, barrier)) for script in scripts]
    await barrier.wait()
    begun = time.perf_counter()
    said = await asyncio.gather(*tasks)
    crowd.seconds += time.perf_counter() - begun
    crowd.turns += sum(len(script) for script in scripts)
    for own, others in zip(said, expected, strict=True):
        crowd.mixed_up += sum(one is not None and one != other for one, other in zip(own, others, strict=True))


async def _converse(started: Running, connection: Connection, script: list[str], crowd: Crowd) -> list[object]:
    """What each turn brought, None for an error."""
    bot, sender, said = started.bot, None, list[object]()
    for text in script:
        try:
            response = await connection.post(bot.path, bot.body(text, sender))
            essence = bot.essence(response.data) if response.status == 200 else None
        except (OSError, ValueError):
            essence = None
        if not essence:
            crowd.errors += 1
            said.append(None)
            continue
        crowd.mixed_up += sender is not None and bot.sender_of(response.data) != sender
        sender = bot.sender_of(response.data)
        said.append(essence)
    return said


async def _talk_long(started: Running, measured: Measured) -> None:
    """One conversation; its first and its last turns ask the same, so that only their place differs."""
    few = started.bot.questions(COMPARED_TURNS)
    between = started.bot.questions(LONG_TURNS)[2 * COMPARED_TURNS :]
    sender, times = None, []
    async with connect(started.port) as connection:
        for text in [*few, *between, *few]:
            response = await connection.post(started.bot.path, started.bot.body(text, sender))
            if response.status != 200 or not started.bot.essence(response.data):
                raise BenchmarkError(f"The {started.bot.name} fell silent in a long conversation.")
            sender = started.bot.sender_of(response.data)
            times.append(1000 * response.seconds)
    measured.early += times[:COMPARED_TURNS]
    measured.late += times[-COMPARED_TURNS:]


def _as_section(hub: Measured, bare: Measured) -> Section:
    rows = []
    for share in (0.5, 0.95, 0.99):
        ours, theirs = hub.times(share), bare.times(share)
        target = at_most(ours / theirs, 0.35) if share == 0.5 else NO_TARGET
        rows.append([f"one at a time, p{100 * share:.0f}", f"{ours:.1f} ms", f"{theirs:.1f} ms"])
        rows[-1] += [f"{ours / theirs:.2f}", *target]
    spread = [each.times(0.99) / each.times(0.5) for each in (hub, bare)]
    rows.append(["p99 / own p50", f"{spread[0]:.1f}", f"{spread[1]:.1f}", "", *at_most(spread[0], 3)])
    rates = hub.crowd.rate, bare.crowd.rate
    ratio = rates[0] / rates[1]
    rows.append(["50 at once", f"{rates[0]:.0f}/s", f"{rates[1]:.0f}/s", f"{ratio:.1f}", *at_least(ratio, 4)])
    for name in ("errors", "mixed_up"):
        ours_wrong, theirs_wrong = getattr(hub.crowd, name), getattr(bare.crowd, name)
        words = f"50 at once, {name.replace('_', ' ')}"
        rows.append([words, str(ours_wrong), str(theirs_wrong), "", *at_most(ours_wrong, 0)])
    early, late = percentile(hub.early, 0.5), percentile(hub.late, 0.5)
    early_bare, late_bare = percentile(bare.early, 0.5), percentile(bare.late, 0.5)
    rows.append(
        [
            "turns 1-10 and 141-150, p50",
            f"{early:.1f} and {late:.1f} ms",
            f"{early_bare:.1f} and {late_bare:.1f} ms",
            f"{late / early:.2f}",
            *at_most(late / early, 1.1),
        ]
    )
    columns = ["", "hub", "bare bot", "ratio", "target", ""]
    count = f"{len(hub.one_by_one)} questions one at a time, {hub.crowd.turns} turns of {CONVERSATIONS} conversations."
    notes = [count, "The last row's ratio is the hub's late turns by its own early ones."]
    return Section("answers", EXPLANATION, [Table(columns, rows)], notes)
