"""Answers of the team in a conversation: what they give way to, follow-ups, languages, and a second hub process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from channels.base import IncomingMessage, Reply
from conversation.replies import HANDOFF, REPORT, Wording
from conversation.written import WrittenAnswers
from core.settings import Settings
from knowledge.written.forms import AnswerForm
from knowledge.written.matching import Example, ExampleQuestions
from knowledge.written.service import publish_answer, save_answer
from tests.databases import copy_migrated_sqlite
from tests.fakes import FakeAssistant
from web.state import Hub

ENTRY = "answer/interpreters"
QUESTION = "Who pays the interpreters?"
TOLD = "my landlord refused me because of my interpreters"
FORM = AnswerForm(
    language="en",
    title="Interpreters",
    text="The Council of Europe pays them.",
    links=(("How to ask", "https://example.org/ask"),),
    source="Rules, section 4",
    source_url="https://example.org/rules",
    as_of="2026-05-04",
    examples=(QUESTION, "do we get interpreters for free", TOLD),
)


@dataclass
class Talk:
    """One person's conversation with a hub that has a published answer."""

    hub: Hub

    async def say(self, text: str, language: str = "en") -> list[Reply]:
        message = IncomingMessage("webchat", "somebody", text, language)
        return (await self.hub.conversations.handle(message)).replies


@pytest.fixture
async def talk(hub: Hub, settings: Settings, migrated_sqlite: Path) -> AsyncIterator[Talk]:
    copy_migrated_sqlite(migrated_sqlite, settings)
    assert hub.answers is not None
    async with hub.database.session() as session:
        whole = await save_answer(session, None, FORM, base=hub.wording.base, by="x", clock=hub.clock)
        await publish_answer(session, whole.answer.id, seen=whole.seen, by="x", clock=hub.clock)
        await session.commit()
        await hub.answers.refresh(session)
    yield Talk(hub)
    await hub.conversations.wait_for_background()
    await hub.database.close()
    # The knowledge base is shared by all tests.
    hub.wording.base.set_answers([])


@pytest.mark.parametrize("intent", ["unclear", "out_of_scope", "greet", "browse_entries", "find_service"])
async def test_a_question_of_the_team_is_answered_whatever_else_was_understood(
    talk: Talk, assistant: FakeAssistant, intent: str
) -> None:
    assistant.understand(QUESTION, intent)
    (reply,) = await talk.say(QUESTION)
    assert (reply.answer, reply.language) == (ENTRY, "en")


@pytest.mark.parametrize("intent", ["danger", "distress", "child", "report_discrimination"])
async def test_who_is_in_need_comes_before_any_answer(talk: Talk, assistant: FakeAssistant, intent: str) -> None:
    assistant.understand(TOLD, intent)
    replies = await talk.say(TOLD)
    assert ENTRY not in {reply.answer for reply in replies}
    if intent == "report_discrimination":
        assert REPORT in {reply.answer for reply in replies}


async def test_words_for_the_team_are_passed_on_and_not_answered(talk: Talk, assistant: FakeAssistant) -> None:
    assistant.understand("I want a person", "talk_to_person")
    await talk.say("I want a person")
    (reply,) = await talk.say(QUESTION)
    assert reply.answer == HANDOFF
    assert QUESTION in reply.text


async def test_follow_ups_keep_the_answer_as_their_subject(talk: Talk, assistant: FakeAssistant) -> None:
    assistant.understand("where does it say so?", "follow_up", aspect="source")
    assistant.understand("any more?", "follow_up", aspect="more")
    assistant.understand("how much work is it?", "follow_up", aspect="effort")
    await talk.say(QUESTION)
    (reply,) = await talk.say("where does it say so?")
    assert (reply.answer, reply.text) == (ENTRY, "Interpreters\nSource: Rules, section 4, 4 May 2026.")
    assert reply.links[-1].url == "https://example.org/rules"
    assert (await talk.say("how much work is it?"))[0].answer == ENTRY
    assert (await talk.say("any more?"))[0].answer is None


async def test_a_question_that_comes_close_is_offered_the_answer_first(talk: Talk, assistant: FakeAssistant) -> None:
    near = "who chooses the interpreters for us"
    assistant.rankings[near] = [("tool/icc-index", 0.04)]
    (reply,) = await talk.say(near)
    assert reply.answer is None
    assert [button.payload for button in reply.buttons][:2] == [f"/{ENTRY}", "/tool/icc-index"]


async def test_without_the_assistant_the_answer_is_there_too(talk: Talk, assistant: FakeAssistant) -> None:
    assistant.is_down = True
    assert ENTRY in {reply.answer for reply in await talk.say(QUESTION)}
    assert (await talk.say(f"/{ENTRY}"))[0].answer == ENTRY


async def test_the_question_is_counted_and_not_kept_as_unanswered(talk: Talk) -> None:
    from sqlmodel import select

    from conversation.models import QuestionCount, UnansweredQuestion

    await talk.say(QUESTION)
    await talk.hub.conversations.wait_for_background()
    async with talk.hub.database.session() as session:
        assert [row.entry for row in await session.exec(select(QuestionCount))] == [ENTRY]
        assert list(await session.exec(select(UnansweredQuestion))) == []


async def test_a_machine_brings_it_into_the_readers_language_and_it_says_so(talk: Talk, wording: Wording) -> None:
    asked: list[str] = []

    async def translate(text: str, *, source: str, target: str) -> str | None:
        asked.append(text)
        return f"({source}-{target}) {text}"

    told = WrittenAnswers(wording, ExampleQuestions(wording.base, wording.gazetteer), translate)
    original = await talk.say(f"/{ENTRY}", "ar")
    for _ in range(2):
        (reply,) = await told.tell(original[1:], "ar")
    assert (reply.answer, reply.language, reply.machine_translated) == (ENTRY, "ar", True)
    assert reply.text.startswith("(en-ar) Interpreters\n(en-ar) The Council of Europe pays them.")
    assert wording.texts.get("written_answers.chat.by_team", "ar") in reply.text
    assert [link.url for link in reply.links] == ["https://example.org/ask", "https://example.org/rules"]
    assert len(asked) == 2


async def test_a_machine_that_is_away_or_too_slow_leaves_the_original(
    talk: Talk, wording: Wording, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot(text: str, *, source: str, target: str) -> str | None:
        return None

    async def sleeps(text: str, *, source: str, target: str) -> str | None:
        await asyncio.sleep(60)
        return text

    monkeypatch.setattr("conversation.written.PATIENCE", 0.05)
    questions = ExampleQuestions(wording.base, wording.gazetteer)
    original = (await talk.say(f"/{ENTRY}", "fr"))[1:]
    for machine in (None, cannot, sleeps):
        note, reply = await WrittenAnswers(wording, questions, machine).tell(original, "fr")
        assert note.text == wording.texts.get("written_answers.chat.only_in", "fr", language="anglais")
        assert (note.answer, note.language, reply.answer, reply.language) == (None, "fr", ENTRY, "en")
        assert reply.machine_translated is False


async def test_an_added_question_gives_an_entry_of_the_files(wording: Wording) -> None:
    questions = ExampleQuestions(wording.base, wording.gazetteer)
    questions.replace([Example("tool/icc-index", "en", "the big test for cities")])
    assert WrittenAnswers(wording, questions).read("The BIG test for cities!", "en") == {"written": "tool/icc-index"}
    assert WrittenAnswers(wording, questions).read("hello there", "en") == {}
