"""How fast answers come: one at a time, 50 conversations at once, and late in a long conversation."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import track

from benchmarks.bots import BareBot, Bot, HubBot
from benchmarks.connection import Line, connect
from benchmarks.errors import BenchmarkError
from benchmarks.figures import NO_TARGET, Section, Table, at_least, at_most, percentile
from benchmarks.servers import Running, running

WARM_UP = 20
ROUNDS, QUESTIONS_A_ROUND = 10, 50
CONVERSATIONS, TURNS, ROUNDS_AT_ONCE = 50, 4, 3
LONG_CONVERSATIONS, LONG_TURNS, COMPARED_TURNS = 5, 150, 10

EXPLANATION = (
    "Both answer over HTTP on loopback: the hub at /api/chat (real questions of the evaluation sets in four languages, "
    "its two processes end to end), the bare bot at its REST channel (messages that it was made for), each question in "
    "a new conversation. Rounds alternate within the same minute. A reply is mixed up when it is not the one that the "
    "same conversation gets when it is held alone."
)


@dataclass
class Measured:
    """Everything measured of one bot; times in milliseconds."""

    one_by_one: list[float] = field(default_factory=list)
    processor: float = 0.0
    early: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    turns_at_once: int = 0
    seconds_at_once: float = 0.0
    errors: int = 0
    mixed_up: int = 0

    def time(self, share: float) -> float:
        return percentile(self.one_by_one, share)

    @property
    def spread(self) -> float:
        """How much longer the slowest in a hundred take than the usual one."""
        return self.time(0.99) / self.time(0.5)

    @property
    def rate(self) -> float:
        """Answers a second while all conversations go on at once."""
        return self.turns_at_once / self.seconds_at_once


@dataclass(frozen=True)
class Said:
    """One turn's answer; the essence is None for an error."""

    essence: object
    is_own: bool = True


def run(console: Console) -> Section:
    """Start both and measure. Raises BenchmarkError."""
    hub, bare = HubBot(), BareBot()
    hub.prepare(console)
    bare.prepare(console)
    with running(hub) as running_hub, running(bare) as running_bare:
        running_hub.wait_for_first_answer()
        running_bare.wait_for_first_answer()
        try:
            return _as_section(*asyncio.run(_measure(running_hub, running_bare, console)))
        except (OSError, ValueError) as error:
            raise BenchmarkError(f"A bot stopped answering: {error!r}") from error


async def _measure(hub: Running[HubBot], bare: Running[BareBot], console: Console) -> tuple[Measured, Measured]:
    pairs: list[tuple[Running[HubBot] | Running[BareBot], Measured]] = [(hub, Measured()), (bare, Measured())]
    for bot, _ in pairs:
        await _ask_one_by_one(bot, bot.server.questions(WARM_UP))
    for number in track(range(ROUNDS), "one at a time", console=console, transient=True):
        for bot, measured in pairs:
            questions = bot.server.questions(ROUNDS * QUESTIONS_A_ROUND)
            part = slice(number * QUESTIONS_A_ROUND, (number + 1) * QUESTIONS_A_ROUND)
            before = bot.processor_seconds()
            measured.one_by_one += await _ask_one_by_one(bot, questions[part])
            measured.processor += 1000 * (bot.processor_seconds() - before)
    alone = [await _hold_alone(bot) for bot, _ in pairs]
    for _ in track(range(ROUNDS_AT_ONCE), f"{CONVERSATIONS} at once", console=console, transient=True):
        for (bot, measured), expected in zip(pairs, alone, strict=True):
            await _hold_together(bot, expected, measured)
    for _ in track(range(LONG_CONVERSATIONS), "long conversations", console=console, transient=True):
        await _talk_long(hub, pairs[0][1])
    await _talk_long(bare, pairs[1][1])
    return pairs[0][1], pairs[1][1]


async def _ask_one_by_one(bot: Running[HubBot] | Running[BareBot], questions: list[str]) -> list[float]:
    async with connect(bot.port) as line:
        return [(await _ask(bot.server, line, question, bot.server.new_sender()))[0] for question in questions]


async def _ask(bot: Bot, line: Line, text: str, sender: str | None) -> tuple[float, str | None]:
    """Milliseconds, and the sender to go on with."""
    response = await line.post(bot.path, bot.body(text, sender))
    if response.status != 200 or not bot.essence(response.data):
        raise BenchmarkError(f"The {bot.name} had no answer (status {response.status}) to: {text}")
    return 1000 * response.seconds, bot.sender_of(response.data) or sender


async def _hold_alone(bot: Running[HubBot] | Running[BareBot]) -> list[list[Said]]:
    """The conversations one after the other: what each turn should bring."""
    async with connect(bot.port) as line:
        return [await _converse(bot.server, line, texts) for texts in bot.server.conversations(CONVERSATIONS, TURNS)]


async def _hold_together(
    bot: Running[HubBot] | Running[BareBot], expected: list[list[Said]], measured: Measured
) -> None:
    """All conversations at once, each over a connection of its own."""
    everyone = asyncio.Barrier(CONVERSATIONS + 1)

    async def hold(texts: list[str]) -> list[Said]:
        async with connect(bot.port) as line:
            await everyone.wait()
            return await _converse(bot.server, line, texts)

    tasks = [asyncio.create_task(hold(texts)) for texts in bot.server.conversations(CONVERSATIONS, TURNS)]
    await everyone.wait()
    begun = time.perf_counter()
    conversations = await asyncio.gather(*tasks)
    measured.seconds_at_once += time.perf_counter() - begun
    for turns, expected_turns in zip(conversations, expected, strict=True):
        for said, should_be in zip(turns, expected_turns, strict=True):
            measured.turns_at_once += 1
            measured.errors += not said.essence
            measured.mixed_up += bool(said.essence) and (not said.is_own or said.essence != should_be.essence)


async def _converse(bot: Bot, line: Line, texts: list[str]) -> list[Said]:
    sender = bot.new_sender()
    turns = []
    for text in texts:
        try:
            response = await line.post(bot.path, bot.body(text, sender))
            answers = response.status == 200 and bool(bot.essence(response.data))
        except (OSError, ValueError):
            answers = False
        if not answers:
            turns.append(Said(None))
            continue
        own = bot.sender_of(response.data) or sender
        turns.append(Said(bot.essence(response.data), sender in {None, own}))
        sender = own
    return turns


async def _talk_long(bot: Running[HubBot] | Running[BareBot], measured: Measured) -> None:
    """One conversation; its first and its last turns ask the same, so that only their place differs."""
    ends = bot.server.questions(COMPARED_TURNS)
    between = bot.server.questions(LONG_TURNS)[2 * COMPARED_TURNS :]
    times: list[float] = []
    sender = bot.server.new_sender()
    async with connect(bot.port) as line:
        for text in [*ends, *between, *ends]:
            milliseconds, sender = await _ask(bot.server, line, text, sender)
            times.append(milliseconds)
    measured.early += times[:COMPARED_TURNS]
    measured.late += times[-COMPARED_TURNS:]


def _as_section(hub: Measured, bare: Measured) -> Section:
    rows = []
    for share in (0.5, 0.95, 0.99):
        ours, theirs = hub.time(share), bare.time(share)
        target = at_most(ours / theirs, 0.35) if share == 0.5 else NO_TARGET
        cells = [f"one at a time, p{100 * share:.0f}", f"{ours:.1f} ms", f"{theirs:.1f} ms", f"{ours / theirs:.2f}"]
        rows.append([*cells, *target])
    work = [each.processor / len(each.one_by_one) for each in (hub, bare)]
    rows.append(["processor time of an answer", *(f"{each:.1f} ms" for each in work), f"{work[0] / work[1]:.2f}"])
    rows[-1] += NO_TARGET
    rows.append(["p99 by own p50", f"{hub.spread:.1f}", f"{bare.spread:.1f}", "", *at_most(hub.spread, 3)])
    ratio = hub.rate / bare.rate
    rows.append(["50 at once, answers", f"{hub.rate:.0f}/s", f"{bare.rate:.0f}/s", f"{ratio:.1f}", *at_least(ratio, 4)])
    rows.append(["50 at once, errors", str(hub.errors), str(bare.errors), "", *at_most(hub.errors, 0)])
    rows.append(["50 at once, mixed up", str(hub.mixed_up), str(bare.mixed_up), "", *at_most(hub.mixed_up, 0)])
    medians = [percentile(times, 0.5) for times in (hub.early, hub.late, bare.early, bare.late)]
    slower = medians[1] / medians[0]
    ours_late, theirs_late = (f"{medians[place]:.1f} and {medians[place + 1]:.1f} ms" for place in (0, 2))
    rows.append(["turns 1-10 and 141-150, p50", ours_late, theirs_late, "", *at_most(slower, 1.1)])
    notes = [
        f"{len(hub.one_by_one)} questions one at a time; {hub.turns_at_once} turns of {CONVERSATIONS} conversations.",
        f"A turn near the 150th takes {slower:.2f} times one near the first (bare bot: {medians[3] / medians[2]:.2f}).",
        "Processor time depends less on what else the machine does than the times of answers.",
    ]
    return Section("answers", EXPLANATION, [Table(["", "hub", "bare bot", "ratio", "target", ""], rows)], notes)
