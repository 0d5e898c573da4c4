"""The trained assistant and a hub: a message goes in, one action is called, its answer comes out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from rasa.core.agent import Agent, load_agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.utils import AvailableEndpoints

BOT = Path(__file__).parents[1]

EXAMPLES = """
version: "3.1"
nlu:
- intent: ask_entry
  metadata: {entry: tool/icc-index, language: en}
  examples: |
    - Where is the Index questionnaire?
    - We want to be assessed [urgently] by (the) {Index} team
    - index questionnaire for our city
- intent: ask_entry
  metadata: {entry: tool/icc-welcome-pack, language: en}
  examples: |
    - I am the new coordinator, where do I begin?
    - welcome pack
    - what should a new coordinator read first
- intent: follow_up
  metadata: {aspect: edition, language: en}
  examples: |
    - is there a French one?
    - and in Italian?
    - which languages is it in
- intent: out_of_scope
  metadata: {language: en}
  examples: |
    - will it rain tomorrow
    - a recipe with lentils please
    - who won the match
"""


@dataclass
class Hub:
    """Answers every action, and remembers what it was asked; `away` makes it fail."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    away: bool = False

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers["X-Hub-Internal"] == "token"
        self.calls.append(await request.json())
        if self.away:
            return web.Response(status=503)
        reply = {"custom": {"action": self.calls[-1]["next_action"]}}
        return web.json_response({"events": self.events, "responses": [reply]})


@dataclass
class Conversation:
    """One sender who talks to the assistant."""

    agent: Agent
    hub: Hub
    sender: str = "test:1"

    async def say(self, text: str) -> list[str]:
        message = UserMessage(text, CollectingOutputChannel(), self.sender, metadata={"language": "en"})
        replies = await self.agent.handle_message(message)
        return [reply["custom"]["action"] for reply in replies or []]

    @property
    def latest(self) -> dict[str, Any]:
        latest: dict[str, Any] = self.hub.calls[-1]["tracker"]["latest_message"]
        return latest


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "examples.yml").write_text(EXAMPLES, encoding="utf-8")
    command = [sys.executable, "-m", "rasa_components", "train", "--skip-validation", "--fixed-model-name", "test"]
    paths = ["--data", "rules", str(folder), "--domain", "domain", "--config", "config/config.yml"]
    subprocess.run([*command, *paths, "--out", str(folder)], cwd=BOT, check=True, capture_output=True)
    return folder / "test.tar.gz"


@pytest_asyncio.fixture
async def conversation(
    model: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Conversation]:
    hub = Hub()
    app = web.Application()
    app.router.add_post("/internal/rasa/actions", hub.answer)
    async with TestServer(app) as server:
        monkeypatch.setitem(os.environ, "HUB_INTERNAL_URL", str(server.make_url("")).rstrip("/"))
        monkeypatch.setitem(os.environ, "HUB_INTERNAL_TOKEN", "token")
        monkeypatch.setitem(os.environ, "HUB_REDIS_URL", "")
        endpoints = AvailableEndpoints.read_endpoints(str(BOT / "endpoints.yml"))
        agent = await load_agent(model_path=str(model), endpoints=endpoints)
        yield Conversation(agent, hub, sender=f"test:{request.node.name}")


async def test_a_question_reaches_the_hub_with_its_entry_and_the_ranking(conversation: Conversation) -> None:
    assert await conversation.say("where do I find the index questionnaire") == ["action_answer_entry"]
    assert conversation.latest["intent"]["name"] == "ask_entry"
    assert [(e["entity"], e["value"]) for e in conversation.latest["entities"]] == [("entry", "tool/icc-index")]
    ranking = conversation.latest["label_ranking"]
    assert ranking[0]["label"] == "tool/icc-index"
    shares = [ranked["confidence"] for ranked in ranking]
    assert len({ranked["label"] for ranked in ranking}) == 5
    assert shares == sorted(shares, reverse=True)
    assert conversation.latest["metadata"]["language"] == "en"


async def test_a_follow_up_names_its_aspect(conversation: Conversation) -> None:
    assert await conversation.say("is there an Italian one?") == ["action_follow_up"]
    assert [(e["entity"], e["value"]) for e in conversation.latest["entities"]] == [("aspect", "edition")]


async def test_a_payload_needs_no_understanding(conversation: Conversation) -> None:
    assert await conversation.say('/ask_entry{"entry": "membership/join-who"}') == ["action_answer_entry"]
    assert [(e["entity"], e["value"]) for e in conversation.latest["entities"]] == [("entry", "membership/join-who")]


@pytest.mark.parametrize("text", ["qqq zzz xxx", "", " ", "\u0000", "😀" * 1000, "؟", "x" * 2000])
async def test_every_text_gets_an_answer(conversation: Conversation, text: str) -> None:
    assert len(await conversation.say(text)) == 1


async def test_slots_stay_and_the_history_does_not_grow(conversation: Conversation) -> None:
    for number in range(30):
        conversation.hub.events = [{"event": "slot", "name": "misses", "value": number}]
        assert await conversation.say("where do I find the index questionnaire") == ["action_answer_entry"]
    tracker = conversation.hub.calls[-1]["tracker"]
    assert tracker["slots"]["misses"] == 28
    assert len(tracker["events"]) < 30


async def test_a_hub_that_was_away_can_answer_the_next_message(conversation: Conversation) -> None:
    conversation.hub.away = True
    assert await conversation.say("welcome pack") == []
    assert await conversation.say("/nothing_known") == []
    conversation.hub.away = False
    assert await conversation.say("welcome pack") == ["action_answer_entry"]


async def test_a_restart_forgets_the_slots_and_still_answers(conversation: Conversation) -> None:
    conversation.hub.events = [{"event": "slot", "name": "subject", "value": "tool/icc-index"}]
    await conversation.say("welcome pack")
    conversation.hub.events = [{"event": "restart"}]
    assert await conversation.say("welcome pack") == ["action_answer_entry"]
    assert await conversation.say("welcome pack") == ["action_answer_entry"]
    assert conversation.hub.calls[-1]["tracker"]["slots"]["subject"] is None
    assert sum(event["event"] == "user" for event in conversation.hub.calls[-1]["tracker"]["events"]) == 1


async def test_after_a_restart_only_what_the_hub_sets_anew_is_remembered(conversation: Conversation) -> None:
    place = {"event": "slot", "name": "place", "value": "it-bologna"}
    conversation.hub.events = [{"event": "restart"}, place]
    assert await conversation.say("the landlord said something that stays nowhere") != []
    conversation.hub.events = []
    assert await conversation.say("welcome pack") == ["action_answer_entry"]
    tracker = conversation.hub.calls[-1]["tracker"]
    assert tracker["slots"]["place"] == "it-bologna"
    assert "stays nowhere" not in str(tracker["events"])
