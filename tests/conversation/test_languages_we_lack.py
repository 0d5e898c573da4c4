"""Who writes in a language that the hub lacks names a place next, and gets the help there."""

from __future__ import annotations

import pytest

from tests.conversation.test_turns import Chat, chat  # noqa: F401
from tests.fakes import FakeAssistant


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Gdzie mogę zgłosić dyskryminację?", "Kraków"),
        ("Merhaba, ev sahibi yabancı diye ev vermiyor", "Paris"),
        ("Waan la takooray shaqada", "Helsinki"),
    ],
)
async def test_the_place_that_comes_next_means_help_there(
    chat: Chat,  # noqa: F811
    assistant: FakeAssistant,
    text: str,
    place: str,
) -> None:
    for said in (text, place):
        assistant.understand(said, "out_of_scope")
    first = await chat.say(text)
    assert first.replies[-1].buttons

    answer = await chat.say(place)

    assert answer.understood
    assert any(str(reply.answer).startswith("service/") for reply in answer.replies)


async def test_after_despair_the_place_brings_the_line_of_the_country(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    assistant.understand("Warszawa", "out_of_scope")
    await chat.say("chcę umrzeć")
    answer = await chat.say("Warszawa")
    line, numbers = answer.replies
    assert "tel:116123" in {contact.href for contact in line.contacts}
    assert numbers.contacts
    assert not any("umrze" in str(slots) for slots in assistant.slots.values())


async def test_a_language_that_nobody_here_knows_gets_languages_numbers_and_countries(
    chat: Chat,  # noqa: F811
    assistant: FakeAssistant,
) -> None:
    text = "Waan la takooray shaqada"
    assistant.understand(text, "out_of_scope")
    answer = await chat.say(text)
    texts = chat.hub.wording.texts
    assert [reply.text for reply in answer.replies] == [
        texts.get(key, "en") for key in ("language.not_yet", "language.emergency")
    ]
    assert {button.payload for button in answer.replies[0].buttons} >= {"/language/fr", "/language/ar"}


@pytest.mark.parametrize(
    "text", ["will it rain in Limassol?", "che tempo fa domani", "كيف اطبخ الكسكس اليوم", "pizza kebab?"]
)
async def test_what_is_only_outside_the_subject_is_refused_as_before(
    chat: Chat,  # noqa: F811
    assistant: FakeAssistant,
    text: str,
) -> None:
    assistant.understand(text, "out_of_scope")
    answer = await chat.say(text)
    assert answer.replies[0].text == chat.hub.wording.texts.get("chat.out_of_scope", answer.language)


@pytest.mark.parametrize("text", ["convert 350 Fahrenheit to Celsius", "bghit nhjez tyara l istanbul rkhisa"])
async def test_what_has_few_known_words_in_a_known_language_is_only_outside_the_subject(
    chat: Chat,  # noqa: F811
    assistant: FakeAssistant,
    text: str,
) -> None:
    assistant.understand(text, "out_of_scope")
    answer = await chat.say(text)
    not_yet = chat.hub.wording.texts.get("language.not_yet", "en")
    assert not_yet not in [reply.text for reply in answer.replies]
