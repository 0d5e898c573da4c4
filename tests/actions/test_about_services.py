"""A question about the services just shown gets its own answer from the facts, or that the source does not tell."""

from __future__ import annotations

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result
from conversation.replies import Wording
from core.languages import RELEASED
from knowledge.schema import Kind, ServiceText
from knowledge.service_questions import MATTERS, find_matter, find_sentence
from tests.actions.test_follow_ups import turn

UNAR, LDO, RPO, TRIBUNAL = "service/it-unar", "service/no-ldo", "service/pl-rpo", "service/no-diskrimineringsnemnda"

ASKED = {
    "cost": ["is it free", "and how much does it cost?", "c'est gratuit ?", "è gratis?", "quanto costa", "هل هو مجاني"],
    "lawyer": ["do i need a lawyer", "il faut un avocat ?", "serve un avvocato?", "هل احتاج محامي", "بدون محامي"],
    "anonymous": [
        "anonymous possible?",
        "je peux rester anonyme ?",
        "in forma anonima?",
        "بدون اسم ممكن؟",
        "can i stay anonymous",
    ],
    "language": [
        "is there somebody who speaks my language",
        "quelqu'un parle ma langue ?",
        "c'è qualcuno che parla la mia lingua?",
        "في حدا بيحكي لغتي",
    ],
}


def ask(
    wording: Wording, text: str, shown: list[str], *, action: str = "action_find_services", language: str = "en"
) -> Result:
    slots = {"subject": shown[0], "listed": shown, "place": "NO"}
    return run_action(action, turn(wording, text, slots=slots, language=language))


@pytest.mark.parametrize("action", ["action_follow_up", "action_tell_what_is_kept", "action_offer_handoff"])
@pytest.mark.parametrize(("matter", "text"), [(matter, text) for matter, said in ASKED.items() for text in said])
def test_what_was_asked_of_the_services_is_answered_for_each_in_one_line(
    wording: Wording, matter: str, text: str, action: str
) -> None:
    assert find_matter(text) == matter
    [reply] = ask(wording, text, [LDO, TRIBUNAL], action=action).replies
    lines = reply.text.splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == [
        wording.base.get_entry(each).title("en") for each in (LDO, TRIBUNAL)
    ]
    assert [button.payload for button in reply.buttons] == [f"/{LDO}", f"/{TRIBUNAL}"]
    assert not reply.contacts


@pytest.mark.parametrize("language", RELEASED)
def test_names_and_languages_are_told_as_the_facts_have_them(wording: Wording, language: str) -> None:
    said = {
        each: ask(wording, "can i stay anonymous", [each], language=language).replies[0].text
        for each in (LDO, RPO, UNAR)
    }
    assert wording.texts.get("page.entry.anonymous_yes", language) in said[LDO]
    assert wording.texts.get("page.entry.anonymous_no", language) in said[RPO]
    assert wording.texts.get("chat.service_anonymous_unsaid", language) in said[UNAR]
    spoken = ask(wording, "in my language?", [UNAR], language=language).replies[0].text
    assert wording.language_name("sq", language) in spoken


def test_what_our_source_does_not_tell_is_not_made_up(wording: Wording) -> None:
    [reply] = ask(wording, "do i need a lawyer", ["service/gb-ehrc"]).replies
    assert wording.texts.get("chat.service_lawyer_unsaid", "en") in reply.text


@pytest.mark.parametrize("matter", ["cost", "lawyer"])
def test_what_it_costs_is_told_of_the_same_services_in_every_language(wording: Wording, matter: str) -> None:
    told: dict[str, set[str]] = {language: set() for language in RELEASED}
    for entry in wording.base.list_entries(Kind.SERVICE):
        for language in RELEASED:
            text = entry.text(language)
            assert isinstance(text, ServiceText)
            if find_sentence(text, matter, language):
                told[language].add(entry.id)
    if matter == "cost":
        assert all(told[language] == told["en"] for language in RELEASED), told
    assert all(len(told[language]) > 10 for language in RELEASED)


@pytest.mark.parametrize(
    "text",
    [
        "they do not pay me because i am black",
        "is there a free lawyer in Oslo",
        "who speaks Arabic in Oslo",
        "how much is the membership fee",
    ],
)
def test_other_sentences_with_such_words_ask_something_else(wording: Wording, text: str) -> None:
    assert find_matter(text) is None


def test_without_services_it_is_no_question_about_them(wording: Wording) -> None:
    slots = {"subject": "tool/icc-index", "listed": [UNAR]}
    [reply] = run_action(
        "action_follow_up", turn(wording, "is it free", entities={"aspect": "cost"}, slots=slots)
    ).replies
    assert wording.texts.get("chat.tool_cost", "en") in reply.text


def test_every_matter_can_be_asked_in_every_language(wording: Wording) -> None:
    assert set(ASKED) == set(MATTERS)
