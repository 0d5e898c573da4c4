"""Short messages that go on from what was said last, whatever was understood of them."""

from __future__ import annotations

from typing import Any

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result
from conversation.replies import Wording
from core.languages import RELEASED
from tests.actions.test_follow_ups import turn

HANDBOOK, LOGO = "tool/icc-anti-rumours-handbook", "membership/duty-logo"


def say(wording: Wording, action: str, text: str, *, language: str = "en", sure: float = 0.3, **parts: Any) -> Result:
    told = turn(wording, text, language=language, **parts)
    told.confidence = sure
    return run_action(action, told)


def payloads(result: Result) -> list[str]:
    return [button.payload for reply in result.replies for button in reply.buttons]


@pytest.mark.parametrize(
    ("text", "language", "first"),
    [
        ("et en France?", "fr", "service/fr-defenseur-des-droits"),
        ("and norway", "en", "service/no-ldo"),
        ("e in Norvegia?", "it", "service/no-ldo"),
        ("وفرنسا؟", "ar", "service/fr-defenseur-des-droits"),
        ("et Marseille ?", "fr", "service/fr-defenseur-des-droits"),
    ],
)
@pytest.mark.parametrize("action", ["action_follow_up", "action_answer_entry"])
def test_after_a_service_another_place_means_its_services(
    wording: Wording, action: str, text: str, language: str, first: str
) -> None:
    entities = {"aspect": "edition", "entry": "membership/network-no"}
    slots = {"subject": "service/ch-neuchatel-cosm", "place": "CH"}
    result = say(wording, action, text, language=language, slots=slots, entities=entities)
    assert result.replies[0].answer == first


def test_a_number_of_many_countries_is_told_for_the_next_one(wording: Wording) -> None:
    slots = {"subject": "service/eu-116006", "place": "CH"}
    replies = say(wording, "action_follow_up", "et en France?", language="fr", slots=slots).replies
    assert [reply.answer for reply in replies[:2]] == ["service/eu-116006", "service/fr-defenseur-des-droits"]
    assert wording.texts.get("chat.service_works_there", "fr", country="France") in replies[0].text


@pytest.mark.parametrize(
    ("first", "text", "language", "name"),
    [
        ("is Leeds a member", "and Manchester", "en", "Manchester"),
        ("is Leeds a member", "what about Bradford", "en", "Bradford"),
        ("Reggio Emilia è membro?", "e Bologna?", "it", "Bologna"),
        ("Lyon est membre ?", "et Marseille ?", "fr", "Marseille"),
        ("هل ليدز عضو", "وبرادفورد؟", "ar", "برادفورد"),
    ],
)
def test_after_membership_another_place_means_its_membership(
    wording: Wording, first: str, text: str, language: str, name: str
) -> None:
    slots = say(wording, "action_decline", first, language=language).slots
    [reply] = say(wording, "action_answer_entry", text, language=language, slots=slots).replies
    assert name in reply.text.splitlines()[0]
    assert payloads(Result([reply]))[-2:] == ["/membership/join-steps-fr", "/flow/handoff"]


@pytest.mark.parametrize("text", ["thanks", "and the fee?", "ok", "and in Norwegian", "for mayors"])
def test_after_membership_other_words_are_no_place(wording: Wording, text: str) -> None:
    slots = say(wording, "action_decline", "is Leeds a member").slots
    result = say(wording, "action_small_talk", text, sure=0.9, slots=slots, intent="thank")
    assert result.replies[0].text == wording.texts.get("talk.thank", "en")


@pytest.mark.parametrize("action", ["action_switch_language", "action_answer_entry"])
@pytest.mark.parametrize(
    ("text", "language"), [("en espagnol ?", "fr"), ("بالاسباني؟", "ar"), ("in spagnolo?", "it"), ("بالعربي", "ar")]
)
def test_a_language_named_after_a_tool_asks_for_its_edition(
    wording: Wording, action: str, text: str, language: str
) -> None:
    parts: dict[str, Any] = {"slots": {"subject": HANDBOOK}, "entities": {"entry": "membership/network-es"}}
    result = say(wording, action, text, language=language, **parts)
    [reply] = result.replies
    assert reply.answer == HANDBOOK
    name = wording.language_name("ar" if text == "بالعربي" else "es", language)
    assert reply.text.splitlines()[1] == wording.texts.get("chat.edition_yes", language, name=name)
    assert result.chosen_language is None


def test_a_language_of_the_hub_after_a_tool_is_still_switched_to(wording: Wording) -> None:
    slots = {"subject": HANDBOOK}
    assert say(wording, "action_switch_language", "en français svp", slots=slots).chosen_language == "fr"


def test_a_follow_up_to_a_list_asks_which_one_and_not_about_what_came_before_it(wording: Wording) -> None:
    listed = say(wording, "action_list_entries", "something about rumours", slots={"subject": LOGO})
    slots = {"subject": LOGO} | listed.slots
    result = say(wording, "action_follow_up", "in spanish?", slots=slots, entities={"aspect": "edition"})
    assert payloads(result) == payloads(listed)
    assert not result.slots.get("misses")


def test_the_buttons_of_an_answer_can_be_picked_by_their_number(wording: Wording) -> None:
    answered = say(wording, "action_answer_entry", "the handbook", sure=0.9, entities={"entry": HANDBOOK})
    third = payloads(answered)[2]
    picked = say(wording, "action_follow_up", "the third one", slots=answered.slots)
    assert f"/{picked.replies[0].answer}" == third


def test_an_answer_that_came_from_a_button_keeps_the_list_that_it_was_picked_from(wording: Wording) -> None:
    parts: dict[str, Any] = {"entities": {"entry": HANDBOOK}, "metadata": {"payload": HANDBOOK}}
    assert "listed" not in say(wording, "action_answer_entry", "", **parts).slots


@pytest.mark.parametrize(
    ("text", "language", "entry"),
    [
        ("the policy one", "en", "tool/icc-policy-brief-housing"),
        ("quello sulla gentrificazione", "it", "tool/icc-gentrification"),
        ("celui sur la gentrification", "fr", "tool/icc-gentrification"),
    ],
)
def test_one_of_a_list_is_picked_by_a_word_of_its_name(wording: Wording, text: str, language: str, entry: str) -> None:
    listed = [
        "tool/icc-policy-brief-housing",
        next(each for each in wording.base.entries if "gentrif" in each),
        HANDBOOK,
    ]
    [reply] = say(wording, "action_follow_up", text, language=language, slots={"listed": listed}).replies
    assert reply.answer == (listed[0] if "policy" in text else listed[1])


def test_a_place_is_heard_where_another_language_was_hardly_understood(wording: Wording) -> None:
    [reply] = say(wording, "action_switch_language", "Somalia", sure=0.11, slots={"pending": "place"}).replies
    assert "Somalia" in reply.text


def test_no_language_is_asked_for_where_none_was_meant(wording: Wording) -> None:
    ranking = [("switch_language", 0.09), ("tool/icc-intercity-grants", 0.06)]
    result = say(wording, "action_switch_language", "possiamo farlo con una città greca", sure=0.09, ranking=ranking)
    assert payloads(result)[0] == "/tool/icc-intercity-grants"


@pytest.mark.parametrize(("text", "is_no"), [("date limite", False), ("who wins the world cup this year", True)])
def test_a_few_words_after_an_answer_are_rather_about_it_than_outside_the_subject(
    wording: Wording, text: str, is_no: bool
) -> None:
    result = say(wording, "action_decline", text, sure=0.8, slots={"subject": "tool/icc-intercity-grants"})
    assert not result.understood
    assert (result.replies[0].text == wording.texts.get("chat.out_of_scope", "en")) is is_no
    assert is_no or payloads(result)[0] == "/tool/icc-intercity-grants"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("صاحب البيت ما بأجر للعرب", "ar"),
        ("i need help, my landlord", "en"),
        ("j'ai un problème avec mon proprio", "fr"),
    ],
)
def test_who_may_ask_for_help_is_not_told_no(wording: Wording, text: str, language: str) -> None:
    parts: dict[str, Any] = {"metadata": {"language": language}, "ranking": [("find_service", 0.18)]}
    result = say(wording, "action_decline", text, language=language, sure=0.77, **parts)
    assert result.replies[0].text == wording.texts.get("chat.ask_place", language)
    parts["ranking"] = [("find_service", 0.01)]
    assert not say(wording, "action_decline", text, language=language, sure=0.77, **parts).understood


@pytest.mark.parametrize("language", RELEASED)
def test_a_theme_that_nothing_is_about_is_not_said_to_fit(wording: Wording, language: str) -> None:
    parts: dict[str, Any] = {"language": language, "ranking": [("tool/icc-annual-survey", 0.01)]}
    result = say(wording, "action_list_entries", "qualcosa sui rom", sure=0.99, **parts)
    assert result.replies[0].text == wording.texts.get("chat.choose_closest", language)
    assert result.replies[0].links, "the whole catalogue stays one tap away"
    assert not result.slots.get("misses")


def test_thanks_before_a_question_do_not_swallow_it(wording: Wording) -> None:
    ranking = [("thank", 0.09), ("tool/icc-intercity-grants", 0.06)]
    parts: dict[str, Any] = {"intent": "thank", "language": "ar", "ranking": ranking}
    result = say(wording, "action_small_talk", "شكرا والموعد النهائي؟", sure=0.09, **parts)
    assert payloads(result)[0] == "/tool/icc-intercity-grants"
    thanked = say(wording, "action_small_talk", "شكرا", sure=0.09, **parts)
    assert thanked.replies[0].text == wording.texts.get("talk.thank", "ar")


def test_older_children_after_a_tool_are_no_question_of_a_place(wording: Wording) -> None:
    result = say(wording, "action_find_services", "and for older kids?", slots={"subject": HANDBOOK})
    assert result.replies[0].text == wording.texts.get("chat.choose", "en")
    asked = say(wording, "action_find_services", "who can help me", sure=0.94, slots={"subject": HANDBOOK})
    assert asked.replies[0].text == wording.texts.get("chat.ask_place", "en")


def test_whom_to_tell_after_a_rule_of_membership_is_the_team_and_help_stays_near(wording: Wording) -> None:
    result = say(wording, "action_find_services", "who do i tell", slots={"subject": LOGO})
    assert result.replies[0].answer == "membership/contact-team"
    assert "/services" in payloads(result)


@pytest.mark.parametrize("language", RELEASED)
def test_that_it_was_not_understood_twice_is_said_once(wording: Wording, language: str) -> None:
    offers = [
        say(wording, "action_suggest", "blabla", language=language, slots={"misses": misses}).replies[-1]
        for misses in (1, 2, 3)
    ]
    once = wording.texts.get("chat.offer_person", language)
    assert [offer.text == once for offer in offers] == [True, False, False]
    assert all(offer.buttons[0].payload == "/flow/handoff" for offer in offers)
