"""A process that dies at any instant of a report, and the next one that gets the same update again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels.forms import Action
from channels.telegram.runner import TelegramRunner
from tests.channels.telegram.conftest import MakePerson, reporting_runner
from tests.channels.telegram.fakes import FakeCases, FakeForm
from tests.telegram_server.server import BotApi, Person
from web.state import Hub

STORY = "A landlord in Bologna refused me the flat."
MOST_DEATHS = 2
"""Of one update: the third time it is given up, since it may be what kills."""
LONGEST = 0.06
"""Seconds; a turn takes about half of it."""


@pytest.fixture
async def channel(hub: Hub, form: FakeForm, cases: FakeCases) -> AsyncIterator[TelegramRunner]:
    """A channel that is handed updates by the test."""
    runner = reporting_runner(hub, form=form, cases=cases)
    await runner._bot.initialize()
    yield runner
    await runner.stop()


class Fate:
    """Hands over each update until it is done, through processes that die."""

    def __init__(self, channel: TelegramRunner, api: BotApi, seed: int) -> None:
        self.deaths = 0
        self._channel = channel._channel
        self._api = api
        self._random = random.Random(seed)

    async def deliver(self, **update: Any) -> None:
        raw = {"update_id": self._api.next_number(), **update}
        for _ in range(self._random.randint(0, MOST_DEATHS)):
            turn = asyncio.create_task(self._channel.take(raw, holder="a", alone=True))
            await asyncio.wait({turn}, timeout=self._random.uniform(0, LONGEST))
            self.deaths += not turn.done()
            turn.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await turn
        assert await self._channel.take(raw, holder="b", alone=True)


def next_press(person: Person, *wanted: str) -> dict[str, Any]:
    """The newest button of the form that does one of these."""
    for message in reversed(person.screen):
        for button in (button for row in message.keyboard for button in row):
            if any(part in button["callback_data"] for part in wanted):
                return person.press_data(button["callback_data"], on=message)
    raise LookupError(wanted)


@pytest.mark.parametrize("seed", range(12))
async def test_every_answer_is_taken_once_wherever_a_process_dies(
    channel: TelegramRunner, make_person: MakePerson, api: BotApi, form: FakeForm, seed: int
) -> None:
    person, fate = make_person(), Fate(channel, api, seed)
    await fate.deliver(message=person.message(text="/report"))
    await fate.deliver(callback_query=next_press(person, ":a:safe:yes"))
    await fate.deliver(callback_query=next_press(person, ":a:desk:city"))
    await fate.deliver(message=person.message(text=STORY))
    await fate.deliver(message=person.file("voice", b"voice"))
    await fate.deliver(callback_query=next_press(person, ":n:story:"))
    await fate.deliver(callback_query=next_press(person, ":t:grounds:origin"))
    await fate.deliver(callback_query=next_press(person, ":n:grounds:"))
    await fate.deliver(callback_query=next_press(person, ":n:evidence:", ":s:evidence:"))
    await fate.deliver(message=person.message(text="write to a@example.org"))
    await fate.deliver(callback_query=next_press(person, ":n:review:"))
    await fate.deliver(callback_query=next_press(person, ":a:receipt:kept"))
    await fate.deliver(callback_query=next_press(person, ":d:send:"))
    [sent] = form.sent
    assert sent.answers == {"safe": "yes", "desk": "city", "story": STORY, "contact": "write to a@example.org"}
    assert sent.grounds == {"origin"}
    assert [file.content for file in sent.files] == [b"voice"]
    assert person.words == {min(person.words)}, "all but the command is deleted"
    assert sum(given.action is Action.SEND for given in form.inputs) >= 1
