"""A cry for help in a text that belongs to a report or to a desk: numbers at once, and nobody else sees the text."""

from __future__ import annotations

import pytest

from channels.base import IncomingMessage
from tests.conversation.test_turns import Chat, chat  # noqa: F401
from tests.fakes import FakeAssistant


async def say(chat: Chat, text: str, *, language: str | None = None, city: str | None = None) -> list[str]:  # noqa: F811
    message = IncomingMessage("telegram", "5", text, language, None, city)
    replies = await chat.hub.conversations.help_at_once(message)
    assert all(reply.language for reply in replies)
    return [reply.text for reply in replies]


async def test_the_country_is_the_one_in_the_text_then_the_one_that_is_known(
    chat: Chat,  # noqa: F811
    assistant: FakeAssistant,
) -> None:
    [known] = await say(chat, "help, he has a knife", city="FR")
    assert "France" in known
    [named] = await say(chat, "help, he has a knife, I am in Bologna", city="FR")
    assert "Italy" in named
    assert assistant.asked == []
    assert await chat.hub.conversations.spoken_language("telegram", "5") == (None, False)


@pytest.mark.parametrize(("chosen", "expected"), [(None, "ar"), ("fr", "fr")])
async def test_it_is_said_in_the_chosen_language_or_in_that_of_the_cry(
    chat: Chat,  # noqa: F811
    chosen: str | None,
    expected: str,
) -> None:
    said = await say(chat, "النجدة", language=chosen)
    assert said[0].splitlines()[0] in chat.hub.wording.texts.get("safety.call_where_you_are", expected)


async def test_whoever_wants_to_die_is_comforted_first(chat: Chat) -> None:  # noqa: F811
    comfort, *numbers = await say(chat, "je veux mourir", city="FR")
    assert comfort == chat.hub.wording.texts.get("talk.distress", "fr")
    assert any("112" in text for text in numbers)


@pytest.mark.parametrize("text", ["The landlord said no foreigners.", "/flow/report", "", "knife " * 41])
async def test_any_other_text_gets_nothing(chat: Chat, text: str) -> None:  # noqa: F811
    assert await say(chat, text) == []
