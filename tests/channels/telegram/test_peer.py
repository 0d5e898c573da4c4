"""The main journeys against somebody else's stand-in for Telegram (npm: telegram-test-api), where npm can fetch it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from core.settings import PROJECT_ROOT, Settings
from tests.channels.telegram.conftest import reporting_runner
from tests.channels.telegram.fakes import FakeCases, FakeForm
from tests.services import missing
from tests.telegram_server.server import TOKEN
from web.state import Hub

FOLDER = PROJECT_ROOT / "tests" / "telegram_peer"
PATIENCE = 15.0
CODE = "12345 67890 12345 67890 99999"


@pytest.fixture(scope="module")
def peer() -> Iterator[str]:
    """The address of the running peer."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("npm")
    if not (FOLDER / "node_modules").is_dir():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, timeout=180)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            missing("telegram-test-api")
    with subprocess.Popen([node, "peer.js"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        # It ends with its input.
        process.stdin.close()
        process.wait(10)


@pytest.fixture
def settings(settings: Settings, peer: str) -> Settings:
    return settings.model_copy(update={"telegram_api_url": peer})


@pytest.fixture
async def person(
    hub: Hub, peer: str, form: FakeForm, cases: FakeCases, request: pytest.FixtureRequest
) -> AsyncIterator[Somebody]:
    runner = reporting_runner(hub, form=form, cases=cases)
    runner.start()
    async with httpx.AsyncClient(base_url=peer, trust_env=False) as http:
        # The peer lives for the whole module, so everybody has a chat of their own.
        yield Somebody(http, 7_000_000_000 + abs(hash(request.node.name)) % 10**6)
    await runner.stop()


class Somebody:
    """A person at the peer."""

    def __init__(self, http: httpx.AsyncClient, chat_id: int) -> None:
        self.id = chat_id
        self._http = http
        self._chat = {"id": chat_id, "type": "private", "first_name": "Person"}
        self._from = {"id": chat_id, "is_bot": False, "first_name": "Person", "language_code": "en"}

    async def types(self, text: str) -> None:
        body = {"botToken": TOKEN, "from": self._from, "chat": self._chat, "date": 1_795_000_000, "text": text}
        (await self._http.post("/sendMessage", json=body)).raise_for_status()

    async def presses(self, title: str) -> None:
        """The newest button with this title."""

        def is_there(items: list[dict[str, Any]]) -> bool:
            return any(title in words for item in items for words, _ in buttons(item))

        items = await self.sees(is_there)
        item, data = next((item, data) for item in reversed(items) for words, data in buttons(item) if title in words)
        message = {"message_id": item["messageId"], "date": 1_795_000_000, "chat": self._chat, "text": "x"}
        message["reply_markup"] = item["message"]["reply_markup"]
        body = {"botToken": TOKEN, "from": self._from, "message": message, "data": data}
        (await self._http.post("/sendCallback", json=body)).raise_for_status()

    async def chat(self) -> list[dict[str, Any]]:
        """What stands in the chat: the bot's messages and the person's."""
        answer = await self._http.post("/getUpdatesHistory", json={"token": TOKEN})
        return [item for item in answer.json()["result"] if self._is_mine(item)]

    async def sees(self, condition: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Until the bot's messages are so."""
        async with asyncio.timeout(PATIENCE):
            while not condition(items := [item for item in await self.chat() if "chat_id" in item.get("message", {})]):
                await asyncio.sleep(0.05)
        return items

    async def reads(self, words: str) -> None:
        await self.sees(lambda items: any(words in item["message"]["text"] for item in items))

    def _is_mine(self, item: dict[str, Any]) -> bool:
        message = item.get("message") or item["callbackQuery"]["message"]
        return str(message.get("chat_id") or message["chat"]["id"]) == str(self.id)


def buttons(item: dict[str, Any]) -> list[tuple[str, str]]:
    rows = (item["message"].get("reply_markup") or {}).get("inline_keyboard", [])
    return [(button["text"], button["callback_data"]) for row in rows for button in row]


async def test_a_question_is_answered_and_a_thumb_ticked_in_its_place(person: Somebody) -> None:
    await person.types("/tool/icc-index")
    await person.presses("👍")
    await person.sees(lambda items: any("✓ 👍 Helpful" in words for item in items for words, _ in buttons(item)))
    assert len(await person.sees(bool)) == 1


async def test_a_language_is_chosen_with_a_button(person: Somebody, hub: Hub) -> None:
    await person.types("/language")
    await person.presses("Italiano")
    await person.reads(hub.wording.texts.get("language.switched", "it"))
    await person.types("/privacy")
    await person.reads(hub.wording.texts.get("telegram.privacy", "it")[:40])


async def test_a_report_is_told_sent_and_deleted_from_the_chat(person: Somebody, form: FakeForm) -> None:
    await person.types("/report")
    await person.presses("Safe")
    await person.presses("The association")
    await person.reads("The question story?")
    await person.types("A landlord refused me.")
    await person.reads("A landlord refused me.")
    for title, shown in (
        ("Go on", "question grounds?"),
        ("Origin", ""),
        ("✓ Origin", ""),
        ("Skip", "question evidence?"),
        ("Skip", "question contact?"),
        ("None", "question review?"),
        ("Go on", "question receipt?"),
        ("I have it", "question send?"),
        ("Send it now", ""),
    ):
        await person.presses(title)
        await person.reads(shown)
    await person.reads("The end: done.")
    await person.reads("deleted your answers")
    assert [draft.answers["story"] for draft in form.sent] == ["A landlord refused me."]
    assert "A landlord refused me." not in json.dumps(
        [item["message"]["text"] for item in await person.chat() if "message" in item]
    )


async def test_a_report_is_opened_with_its_code(person: Somebody, cases: FakeCases) -> None:
    await person.types("/reply")
    await person.reads("25 digits")
    await person.types(CODE)
    await person.reads("Please call us.")
    assert CODE not in json.dumps([item["message"]["text"] for item in await person.chat() if "message" in item])
    await person.presses("Write something")
    await person.reads("It goes to Desk of Bologna")
    await person.types("Yes, on Monday.")
    await person.reads("Passed on")
    assert cases.messages[-1].text == "Yes, on Monday."
