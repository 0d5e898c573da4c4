"""Who asks what is kept can have the conversation forgotten by a button or a yes, and it really is."""

from __future__ import annotations

import pytest

from conversation.handoffs import list_handoffs
from conversation.replies import FORGET
from tests.conversation.test_turns import Chat, chat  # noqa: F401
from tests.fakes import FakeAssistant

YES = "yes delete"


async def prepare(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    assistant.understand("what do you keep", "ask_privacy")
    assistant.understand(YES, "affirm")
    await chat.say("/flow/handoff")
    await chat.say("When does the notice period end for us?")
    await chat.say("/confirm")


@pytest.mark.parametrize("answer", [YES, f"/{FORGET}"])
async def test_it_is_deleted(chat: Chat, assistant: FakeAssistant, answer: str) -> None:  # noqa: F811
    await prepare(chat, assistant)
    kept = await chat.say("what do you keep")
    assert f"/{FORGET}" in {button.payload for button in kept.replies[0].buttons}

    said = await chat.say(answer)

    assert said.replies[0].answer == FORGET
    assert assistant.slots == {}
    assert await chat.hub.conversations.spoken_language("webchat", chat.sender) == (None, False)
    async with chat.hub.database.session() as session:
        assert await list_handoffs(session, open_only=False) == []


async def test_a_no_deletes_nothing(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    await prepare(chat, assistant)
    await chat.say("what do you keep")
    await chat.say("/cancel")
    await chat.say(YES)
    async with chat.hub.database.session() as session:
        assert len(await list_handoffs(session, open_only=False)) == 1


async def test_what_the_assistant_may_still_remember_is_said(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    async def fail(sender: str) -> None:
        await FakeAssistant.ask(assistant, sender, "x", {})

    await prepare(chat, assistant)
    assistant.is_down = True
    assistant.forget = fail  # type: ignore[method-assign]
    said = await chat.say(f"/{FORGET}")
    assert said.replies[0].text == chat.hub.wording.texts.get("talk.forgotten_later", "en")
    async with chat.hub.database.session() as session:
        assert await list_handoffs(session, open_only=False) == []
