"""Kills the hub at random instants of interleaved intakes, and compares what people were told with what is there.

The hub is a process of its own with an SQLite file. After each kill, before the next hub starts, the file is read: an
unfinished report must hold every answer that its person was told of; a finished one must be a case.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import SecretStr
from sqlmodel import col, select

from benchmarks.errors import BenchmarkError
from benchmarks.intakes.person import DESK, WRITTEN, Person
from benchmarks.servers import free_port
from core.clock import SystemClock
from core.database import Database
from core.settings import PROJECT_ROOT, Settings
from migrations.run import migrate
from reports.contents import Report
from reports.intake.drafts import Drafts
from reports.models import Case, Draft, SealedFile
from reports.receipts import derive
from tests.reports.intake.teller import OpenDesk, open_desk, read_report

SECRET = "only-for-this-run"
STEPS = 20
"""A report takes a few answers more than these; kills are spread over them."""
PATIENCE = 120.0


@dataclass
class Outcome:
    """What a run found."""

    people: int
    kills: int = 0
    unanswered: int = 0
    answers: int = 0
    looked_at: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(
        default_factory=lambda: Counter(
            dict.fromkeys(
                (
                    "answers lost", "steps asked twice", "reports lost", "reports doubled", "reports changed",
                    "receipts that do not open", "refusals", "drafts or files left behind",
                ),
                0,
            )
        )
    )  # fmt: skip
    details: list[str] = field(default_factory=list)

    def note(self, fault: str, detail: str) -> None:
        self.faults[fault] += 1
        self.details.append(f"{fault}: {detail}")


@dataclass
class Hubs:
    """One hub at a time; ``kill`` ends it by SIGKILL."""

    port: int
    process: asyncio.subprocess.Process
    child: int = 0

    async def start(self) -> None:
        """Returns when it answers. Raises BenchmarkError."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"start\n")
        await self.process.stdin.drain()
        self.child = int(await self._read())
        until = time.monotonic() + PATIENCE
        async with httpx.AsyncClient(trust_env=False) as http:
            while time.monotonic() < until:
                try:
                    await http.get(f"http://127.0.0.1:{self.port}/report")
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
                else:
                    return
        raise BenchmarkError("The hub did not start.")

    async def kill(self) -> None:
        os.kill(self.child, signal.SIGKILL)
        await self._read()
        self.child = 0

    async def _read(self) -> str:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        if not line:
            raise BenchmarkError("The process that starts hubs has ended.")
        return line.decode().strip()


async def run_with_kills(
    folder: Path, *, people: int, kills: int, seed: int | None = None, tell: Callable[[str], None] = lambda _: None
) -> Outcome:
    """So many reports told at the same time, with so many kills spread over them."""
    settings = Settings(_env_file=None, data_dir=folder, secret_key=SecretStr(SECRET))
    database, clock, dice = Database(settings.async_database_url), SystemClock(), random.Random(seed)
    outcome, begun = Outcome(people), time.monotonic()
    await migrate(database)
    desk = await open_desk(database, clock, DESK)
    instants = [(number + dice.random()) * people * STEPS / kills for number in range(kills)]
    async with hubs(folder) as running, tellers(people, running.port, dice) as (crowd, telling):
        while not telling.done():
            answers = sum(len(person.answered) for person in crowd)
            if instants and answers >= instants[0]:
                instants.pop(0)
                await asyncio.sleep(dice.random() * 0.05)
                await running.kill()
                outcome.kills += 1
                await look(database, clock, crowd, outcome)
                await running.start()
                tell(f"{outcome.kills} kills, {answers} answers")
                await _wait_for_an_answer(crowd, answers)
            await asyncio.sleep(0.005)
        await telling
        await running.kill()
    await compare(database, desk, crowd, outcome)
    await database.close()
    outcome.seconds = time.monotonic() - begun
    return outcome


async def look(database: Database, clock: SystemClock, crowd: list[Person], outcome: Outcome) -> None:
    """While no hub runs: is every answer that a person was told of in the file?"""
    drafts = Drafts(SECRET, clock)
    told = {person.number: dict(person.answered) for person in crowd}
    async with database.session() as session:
        receipts = set(await session.exec(select(Case.receipt_id)))
        for person in crowd:
            draft = await drafts.load(session, person.key)
            if draft is None:
                is_case = bool(person.receipt) and (await derive(person.receipt)).receipt_id in receipts
                if told[person.number] and not is_case:
                    outcome.note("reports lost", f"person {person.number}")
                continue
            for step, (values, text) in told[person.number].items():
                outcome.looked_at += 1
                answer = draft.sheet.answer(step)
                differs = step in (*WRITTEN, "story") and (answer.values, answer.text) != (values, text)
                if step not in draft.sheet.seen or differs:
                    outcome.note("answers lost", f"person {person.number} at {step}")


async def compare(database: Database, desk: OpenDesk, crowd: list[Person], outcome: Outcome) -> None:
    """At the end: one case for each person, with every answer, opened by the code that the person was shown."""
    async with database.session() as session:
        cases = list(await session.exec(select(Case)))
        loose = select(SealedFile.id).where(col(SealedFile.case_id).is_(None))
        leftovers = [*await session.exec(select(Draft.id)), *await session.exec(loose)]
    for left in leftovers:
        outcome.note("drafts or files left behind", left)
    reports = [(case, read_report(case, desk.keys)) for case in cases]
    for person in crowd:
        outcome.answers += len(person.answered)
        outcome.unanswered += person.unanswered
        for step in person.asked_twice:
            outcome.note("steps asked twice", f"person {person.number} at {step}")
        for refusal in person.refused:
            outcome.note("refusals", f"person {person.number}: {refusal}")
        own = [(case, report) for case, report in reports if report.story == person.story]
        for _ in own[1:]:
            outcome.note("reports doubled", f"person {person.number}")
        if not own:
            outcome.note("reports lost", f"person {person.number}")
            continue
        case, report = own[0]
        if (await derive(person.receipt)).receipt_id != case.receipt_id:
            outcome.note("receipts that do not open", f"person {person.number}")
        for what in _changed(person, report):
            outcome.note("reports changed", f"person {person.number}: {what}")


def _changed(person: Person, report: Report) -> list[str]:
    """Where a sealed report differs from what its person was told is kept."""
    sealed = {
        "when": [report.when.choice],
        "area": [report.area],
        "grounds": report.grounds,
        "who": report.who.kinds,
        "witnesses": [report.witnesses],
        "wishes": report.wishes,
        "for_whom": [report.for_whom],
    }
    # An answer that was taken for the next question would leave that one unasked.
    changed = [f"{step} was never asked" for step in WRITTEN if step not in person.answered]
    changed += [step for step in WRITTEN if step in person.answered and sealed[step] != person.answered[step][0]]
    if any((report.when.words, report.grounds_words, report.who.name, report.witnesses_words, report.wishes_words)):
        changed.append("words that nobody wrote there")
    if len(report.files) != int(person.brings_a_photo):
        changed.append(f"{len(report.files)} files")
    if report.city != "it-bologna":
        changed.append("where")
    if report.contact.value != f"person{person.number}@example.org":
        changed.append("contact")
    return changed


@asynccontextmanager
async def hubs(folder: Path) -> AsyncIterator[Hubs]:
    """A started hub, and an end to it whatever happens."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")} | {
        "HUB_DATA_DIR": str(folder),
        "HUB_SECRET_KEY": SECRET,
        # Nobody listens there: no step of a report needs the assistant.
        "HUB_ASSISTANT_URL": "http://127.0.0.1:9",
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    pipe = asyncio.subprocess.PIPE
    with (folder / "hubs.log").open("ab") as log:
        command = [sys.executable, "-m", "benchmarks.intakes.process", str(port)]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=PROJECT_ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=log
        )
    running = Hubs(port, process)
    try:
        await running.start()
        yield running
    finally:
        if running.child:
            os.kill(running.child, signal.SIGKILL)
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def tellers(
    people: int, port: int, dice: random.Random
) -> AsyncIterator[tuple[list[Person], asyncio.Task[None]]]:
    """People who tell at the same time, each with connections of their own."""
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60, limits=httpx.Limits(max_connections=people)
    ) as http:
        crowd = [Person(number, http, random.Random(dice.random())) for number in range(people)]

        async def all_tell() -> None:
            async with asyncio.TaskGroup() as group:
                for person in crowd:
                    group.create_task(person.tell())

        telling = asyncio.create_task(all_tell())
        try:
            yield crowd, telling
        finally:
            telling.cancel()
            await asyncio.wait({telling})


async def _wait_for_an_answer(crowd: list[Person], before: int) -> None:
    """Until people get answers again, so that the next instant is one of work."""
    until = time.monotonic() + PATIENCE
    while sum(len(person.answered) for person in crowd) == before and time.monotonic() < until:
        if all(person.is_over for person in crowd):
            return
        await asyncio.sleep(0.002)
