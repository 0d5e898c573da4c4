"""How long a person on Telegram waits for an answer while 2,000 queued messages go out through the same limiter."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from rich.console import Console

from app import build_hub, build_telegram, build_wording
from benchmarks.errors import BenchmarkError
from benchmarks.figures import NO_TARGET, Section, Table, at_most, percentile
from channels.telegram.runner import TelegramRunner
from core.languages import warm_up
from core.settings import Settings
from migrations.run import migrate
from tests.fakes import FakeAssistant
from tests.telegram_server.server import TOKEN, BotApi, Person, running_bot_api

QUEUED = 2000
PEOPLE = 40
PAUSE = 0.5
"""Seconds between two questions."""
ALONE = 80
"""Questions without a broadcast."""
PATIENCE = 30.0
QUESTION = "/tool/icc-index"
FIRST_CHAT = 6_000_000_000

EXPLANATION = (
    "Seconds from a person's message to its answer, at a Bot API server on loopback that keeps everything in memory: "
    f"a question every {PAUSE:g} s from one of {PEOPLE} chats, alone, and while {QUEUED:,} queued messages go out in "
    "the bulk lane of the same limiter at its real figures. Half of those who ask wait for a queued message too. The "
    "hub is whole but for the assistant, whose place a stand-in takes: how long understanding takes is in `answers`."
)


@dataclass
class Waits:
    """How long people waited, and what else was seen."""

    seconds: list[float] = field(default_factory=list)
    most_in_a_second: int = 0
    took: float = 0.0

    def row(self, name: str, *, target: bool) -> list[str]:
        p50, p95 = percentile(self.seconds, 0.5), percentile(self.seconds, 0.95)
        cells = at_most(p95, 1.0) if target else NO_TARGET
        return [name, str(len(self.seconds)), f"{p50:.3f} s", f"{p95:.3f} s", f"{max(self.seconds):.3f} s", *cells]


def run(console: Console) -> Section:
    """Measure both, one after the other. Raises BenchmarkError."""
    with TemporaryDirectory(prefix="icchub-bench-") as folder, console.status("People write on Telegram ..."):
        alone, busy = asyncio.run(_measure(Path(folder)))
    rows = [alone.row("alone", target=False), busy.row(f"beside {QUEUED:,} queued messages", target=True)]
    notes = [
        f"The queued messages were out after {busy.took:.0f} s. At most {busy.most_in_a_second} messages of all kinds "
        "arrived within one second; 30 at most are sent, and a busy machine may deliver one late."
    ]
    return Section(
        "telegram", EXPLANATION, [Table(["", "answers", "p50", "p95", "slowest", "target", ""], rows)], notes
    )


async def _measure(folder: Path) -> tuple[Waits, Waits]:
    warm_up()
    async with running_bot_api() as api:
        settings = Settings(_env_file=None, data_dir=folder, telegram_token=SecretStr(TOKEN), telegram_api_url=api.url)
        wording = build_wording(settings)
        hub = build_hub(settings, assistant=FakeAssistant(wording), wording=wording)
        await migrate(hub.database)
        runner = build_telegram(hub)
        assert runner is not None
        runner.start()
        try:
            people = [Person(api, chat_id=FIRST_CHAT + number, language="en") for number in range(PEOPLE)]
            for person in people:
                # The first turn of a chat makes its rows.
                await _ask(api, person)
            alone = await _ask_in_turn(api, people, asyncio.create_task(asyncio.sleep(ALONE * PAUSE)))
            begun = time.monotonic()
            queue = asyncio.create_task(_send_all(runner))
            busy = await _ask_in_turn(api, people, queue)
            busy.took = time.monotonic() - begun
            busy.most_in_a_second = _most_in_a_second([sent.at for sent in api.sent.values() if sent.at >= begun])
        finally:
            await runner.stop()
            await hub.conversations.close()
            await hub.database.close()
    return alone, busy


async def _send_all(runner: TelegramRunner) -> None:
    """All at once, as a broadcast's deliveries do; half of the people who ask are among them."""
    first = FIRST_CHAT + PEOPLE // 2
    sent = await asyncio.gather(*(runner.notify(first + number, "telegram.notice", "en") for number in range(QUEUED)))
    if not all(sent):
        raise BenchmarkError("A queued message was refused.")


async def _ask_in_turn(api: BotApi, people: list[Person], until: asyncio.Task[None]) -> Waits:
    """A question at every beat until the task is over."""
    asked: list[asyncio.Task[float]] = []
    while not until.done():
        asked.append(asyncio.create_task(_ask(api, people[len(asked) % len(people)])))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(until), PAUSE)
    await until
    return Waits(list(await asyncio.gather(*asked)))


async def _ask(api: BotApi, person: Person) -> float:
    """Seconds until the answer had arrived at the server."""
    known = {sent.message_id for sent in api.messages_to(person.id)}
    begun = time.monotonic()
    await api.put(message=person.message(text=QUESTION))
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                new = [sent for sent in api.messages_to(person.id) if sent.message_id not in known]
                answer = next((sent for sent in new if len(sent.titles) > 1), None)
                if answer is not None:
                    return answer.at - begun
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise BenchmarkError(f"No answer on Telegram within {PATIENCE:.0f} s.") from error


def _most_in_a_second(moments: list[float]) -> int:
    moments = sorted(moments)
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most
