"""A plain cry for help is heard in any language, whatever the conversation and the assistant make of it."""

from __future__ import annotations

import pytest

from conversation.safety import hear_cry
from core.languages import detect_language
from tests.conversation.test_turns import Chat, chat  # noqa: F401
from tests.fakes import FakeAssistant


@pytest.mark.parametrize(
    ("text", "intent", "language"),
    [
        ("I am in danger in Paris", "danger", "en"),
        ("I'm in danger, Leeds", "danger", "en"),
        ("my husband beats me", "danger", "en"),
        ("what is the number of police in France", "danger", "en"),
        ("on me frappe", "danger", "fr"),
        ("numéro de la police", "danger", "fr"),
        ("je veux mourir", "distress", "fr"),
        ("mio marito mi picchia", "danger", "it"),
        ("أنا في خطر في باريس", "danger", "ar"),
        ("النجدة", "danger", "ar"),
        ("رقم الشرطة", "danger", "ar"),
        ("أريد أن أموت", "distress", "ar"),
        ("ich will sterben", "distress", "de"),
        ("chcę umrzeć", "distress", "pl"),
        ("me quiero morir", "distress", "es"),
        ("мене б'є чоловік", "danger", "uk"),
        ("my husband beats me after every football game", "danger", "en"),
        ("my husband beats me because of my heritage", "danger", "en"),
        ("mio marito mi picchia quando guarda un film", "danger", "it"),
        ("زوجي ضربني بسبب الفيلم", "danger", "ar"),
        ("my dad hits me", "danger", "en"),
        ("help me please", "danger", "en"),
        ("Aiuto!", "danger", "it"),
        ("au secours", "danger", "fr"),
        ("je vais me tuer", "distress", "fr"),
        ("mi voglio uccidere", "distress", "it"),
    ],
)
def test_a_plain_cry_is_heard(text: str, intent: str, language: str) -> None:
    cry = hear_cry(text, first=detect_language(text).code)
    assert cry is not None
    assert (cry.intent, cry.language) == (intent, language)


@pytest.mark.parametrize(
    "text",
    [
        "UNESCO list of world heritage in danger",
        "java NullPointerException au secours",
        "SOS Racismo à Donostia",
        "a film where a man is going to kill me with boredom",
        "mourir de rire avec vos vidéos",
        "je veux mourir de rire",
        "which guide is there for community policing",
        "can you help me please find the guide",
        "a film about suicide",
        "a game where he has a knife",
        "",
    ],
)
def test_words_that_only_sound_like_it_are_no_cry(text: str) -> None:
    assert hear_cry(text, first="en") is None


async def test_a_cry_that_the_assistant_refuses_gets_the_numbers(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    assistant.understand("I am in danger in Paris", "out_of_scope")
    answer = await chat.say("I am in danger in Paris")
    assert answer.understood
    assert "112" in answer.replies[0].text
    assert "17" in answer.replies[0].text, "the police of France"


async def test_a_cry_in_another_language_is_answered_in_it(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    assistant.understand("where is the handbook", "unclear")
    await chat.say("where is the handbook", stated="en")
    answer = await chat.say("النجدة", stated="en")
    assert answer.language == "ar"
    assert answer.replies[0].answer is None
    assert answer.understood


async def test_a_cry_keeps_the_language_that_somebody_chose(chat: Chat) -> None:  # noqa: F811
    answer = await chat.say("أنا في خطر", language="fr")
    assert answer.language == "fr"


async def test_a_cry_is_heard_while_the_assistant_is_away(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    assistant.is_down = True
    answer = await chat.say("mio marito mi picchia, sono a Bologna")
    assert "112" in answer.replies[0].text


async def test_what_the_assistant_heard_itself_is_left_alone(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    assistant.understand("mio papà mi picchia", "child")
    answer = await chat.say("mio papà mi picchia")
    assert len(assistant.asked) == 1
    assert answer.language == "it"


async def test_services_that_were_found_come_after_the_numbers(chat: Chat, assistant: FakeAssistant) -> None:  # noqa: F811
    text = "numero della polizia, sono a Bologna"
    assistant.understand(text, "find_service")
    answer = await chat.say(text)
    answers = [reply.answer for reply in answer.replies]
    assert answers[0] is None
    assert "112" in answer.replies[0].text
    assert answers[1:]
    assert all(str(each).startswith("service/") for each in answers[1:])


@pytest.mark.parametrize(
    ("text", "language"),
    [("ich will sterben", "de"), ("chcę umrzeć", "pl"), ("хочу померти", "uk"), ("quiero morir", "es")],
)
@pytest.mark.parametrize("is_down", [False, True])
async def test_despair_in_a_language_that_the_hub_lacks_is_comforted_before_anything_else(
    chat: Chat,  # noqa: F811
    assistant: FakeAssistant,
    text: str,
    language: str,
    is_down: bool,
) -> None:
    assistant.is_down = is_down
    texts = chat.hub.wording.texts
    answer = await chat.say(text)
    assert texts.has("language.distress", language)
    assert [reply.text for reply in answer.replies] == [
        texts.get(f"language.{key}", language) for key in ("distress", "emergency", "not_yet")
    ]


async def test_danger_in_a_language_that_the_hub_lacks_gets_the_numbers_first_and_no_offices(chat: Chat) -> None:  # noqa: F811
    answer = await chat.say("Hilfe, mein Mann schlägt mich, ich bin in Berlin")
    texts = chat.hub.wording.texts
    assert "tel:112" in {contact.href for contact in answer.replies[0].contacts}
    assert [reply.text for reply in answer.replies[1:]] == [texts.get("language.not_yet", "de")]


@pytest.mark.parametrize("is_down", [False, True])
async def test_a_child_that_is_hit_gets_the_numbers(chat: Chat, assistant: FakeAssistant, is_down: bool) -> None:  # noqa: F811
    assistant.is_down = is_down
    answer = await chat.say("help me please, my dad hits me")
    assert "112" in answer.replies[0].text
