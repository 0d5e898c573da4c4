"""Who asks of a number is told what is called in the country."""

from __future__ import annotations

import pytest

from bot.actions.registry import run_action
from conversation.replies import Wording
from knowledge.schema import ServiceText
from tests.actions.test_follow_ups import turn


@pytest.mark.parametrize("action", ["action_find_services", "action_decline", "action_answer_entry"])
@pytest.mark.parametrize(
    ("text", "language", "numbers"),
    [
        ("does 112 work in Serbia", "en", {"192", "193", "194"}),
        ("il 112 funziona in Svizzera?", "it", {"117", "144", "118"}),
        ("le 112 marche en Norvège ?", "fr", {"113"}),
        ("هل يعمل 112 في صربيا", "ar", {"192", "193", "194"}),
    ],
)
def test_the_countrys_own_numbers_come_before_112(
    wording: Wording, action: str, text: str, language: str, numbers: set[str]
) -> None:
    now = turn(wording, text, language=language, entities={"entry": "service/eu-112"})
    replies = run_action(action, now).replies
    assert numbers <= {contact.value for contact in replies[0].contacts}
    assert replies[1].answer == "service/eu-112"


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
def test_no_text_says_that_112_is_for_all_of_europe(wording: Wording, language: str) -> None:
    text = wording.base.get_entry("service/eu-112").text(language)
    assert isinstance(text, ServiceText)
    assert wording.gazetteer.name(wording.gazetteer.places["RS"], language) in (text.caution or "")


@pytest.mark.parametrize("action", ["action_decline", "action_suggest", "action_find_services", "action_answer_entry"])
@pytest.mark.parametrize(
    ("text", "language", "slots", "number"),
    [
        ("what is 114 in italy", "en", {}, "114"),
        ("1522?", "it", {}, "1522"),
        ("le 17 marche en Suisse ?", "fr", {}, "117"),
        ("e il 117?", "it", {"place": "CH"}, "117"),
        ("ما هو 1522", "ar", {}, "1522"),
        ("does 911 work in Canada", "en", {"place": "IT"}, "911"),
    ],
)
def test_who_asks_of_a_number_gets_the_numbers_of_its_country(
    wording: Wording, action: str, text: str, language: str, slots: dict[str, str], number: str
) -> None:
    [reply] = run_action(action, turn(wording, text, language=language, slots=slots)).replies
    assert number in {contact.value for contact in reply.contacts}


def test_a_number_of_several_countries_asks_for_the_country(wording: Wording) -> None:
    result = run_action("action_decline", turn(wording, "does 113 work?"))
    assert result.slots["pending"] == "emergency"
    assert result.replies[0].buttons


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("i am 17", "en"),
        ("c'est 17 euros", "fr"),
        ("114 sindaci in italia", "it"),
        ("siamo 113 comuni, quanto si paga", "it"),
        ("e il 17?", "it"),
    ],
)
def test_an_amount_is_no_number_to_call(wording: Wording, text: str, language: str) -> None:
    result = run_action("action_decline", turn(wording, text, language=language))
    assert not any(reply.contacts for reply in result.replies)
