"""Answers that fit a telephone, buttons that say what people ask for, and a question for the team that is not lost."""

from __future__ import annotations

from typing import Any

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result
from channels.base import Button, Reply
from conversation.replies import Wording
from core.languages import RELEASED
from tests.actions.test_follow_ups import TODAY, turn

FITS_A_TELEPHONE = 800
"""Characters; the longest of the answers that several entries tell together is a little shorter in every language."""


@pytest.mark.parametrize("language", RELEASED)
def test_what_several_sources_say_is_short_and_every_source_is_one_line(wording: Wording, language: str) -> None:
    for group in wording.base.groups.values():
        for member in group.members:
            reply = wording.entry(wording.base.get_entry(member), language, today=TODAY)

            numbered = [line for line in reply.text.splitlines() if line[:2] in {"1.", "2.", "3.", "4."}]
            assert len(numbered) == len(group.members)
            assert len(reply.text) <= FITS_A_TELEPHONE
            assert reply.links[-1].url == f"/entry/{member}"


@pytest.mark.parametrize(
    ("language", "titles"),
    [
        ("en", ["How to join", "What it costs"]),
        ("fr", ["Comment adhérer", "Ce que cela coûte"]),
        ("it", ["Come aderire", "Quanto costa"]),
        ("ar", ["كيف تنضم مدينة", "كم تكلف العضوية"]),
    ],
)
def test_membership_opens_with_what_people_ask_for(wording: Wording, language: str, titles: list[str]) -> None:
    result = run_action("action_list_entries", turn(wording, "", language=language, metadata={"payload": "membership"}))

    [reply] = result.replies
    assert [button.title for button in reply.buttons][:2] == titles


def test_no_answer_has_the_same_button_twice(wording: Wording) -> None:
    joining = [Button(title="How to join", payload="/a"), Button(title="How to join", payload="/b")]
    again = [Button(title="Another", payload="/a"), Button(title="New", payload="/c")]
    result = Result([Reply(text="one", buttons=joining), Reply(text="two", buttons=again)])

    said = result.as_rasa(turn(wording, "x"))["responses"][0]["custom"]["replies"]

    assert [[button["payload"] for button in reply["buttons"]] for reply in said] == [["/a"], ["/c"]]


def shown(**more: Any) -> dict[str, Any]:
    return {"pending": "handoff", "pending_text": "Who pays?"} | more


def test_words_for_the_team_wait_while_something_else_is_written(wording: Wording) -> None:
    result = run_action("action_answer_entry", turn(wording, "anna@example.org", slots=shown()))

    [reply] = result.replies
    assert "Who pays?" in reply.text
    assert "anna" not in reply.text
    assert reply.answer == "flow/handoff"
    assert [button.payload for button in reply.buttons] == ["/confirm", "/cancel"]
    after = shown() | result.slots
    sent = run_action("action_confirm", turn(wording, "yes", slots=after))
    assert sent.passed_on == {"question": "Who pays?", "subject": ""}


def test_the_words_are_shown_again_only_once(wording: Wording) -> None:
    slots = shown() | run_action("action_decline", turn(wording, "anna@example.org", slots=shown())).slots

    result = run_action("action_decline", turn(wording, "what else", slots=slots))

    assert result.replies[0].answer is None
    assert result.passed_on is None


@pytest.mark.parametrize(
    ("request_", "language"),
    [
        ("ok can I please speak to a real person now", "en"),
        ("who do I talk to about it, a person please", "en"),
        ("je voudrais parler à un responsable svp merci", "fr"),
        ("per favore posso parlare con una persona vera grazie", "it"),
        ("من فضلكم هل يمكن أن أتحدث مع موظف من الفريق", "ar"),
    ],
)
def test_a_request_for_a_person_is_no_question_itself(wording: Wording, request_: str, language: str) -> None:
    asked = run_action("action_offer_handoff", turn(wording, request_, language=language))
    assert asked.replies[0].text == wording.texts.get("flow.handoff_ask", language)
    waiting = {"last_question": "When do buses run?"}
    passed = run_action("action_offer_handoff", turn(wording, request_, language=language, slots=waiting))
    assert passed.slots["pending_text"] == "When do buses run?"
    whole = f"{request_} 2027"
    held = run_action("action_offer_handoff", turn(wording, whole, language=language, slots=waiting))
    assert held.slots["pending_text"] == whole


def test_a_question_that_follows_takes_the_place_of_the_words_that_waited(wording: Wording) -> None:
    text = "the grant, when will it be paid?"
    result = run_action("action_answer_entry", turn(wording, text, slots=shown()))
    first, *_ = result.replies[0].text.splitlines()
    assert "Who pays?" in first
    sent = run_action("action_confirm", turn(wording, "yes", slots=shown() | result.slots))
    assert sent.passed_on == {"question": text, "subject": ""}


def test_a_second_yes_is_told_that_it_was_sent(wording: Wording) -> None:
    sent = run_action("action_confirm", turn(wording, "yes please", slots=shown()))
    again = run_action("action_confirm", turn(wording, "Send it", slots=sent.slots))
    assert again.replies[0].text == wording.texts.get("flow.handoff_sent_already", "en")
    assert again.passed_on is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("my boss is a racist, what are my rights", "en"),
        ("on m'insulte parce que je suis noir, mes droits ?", "fr"),
        ("mi chiamano negra a lavoro", "it"),
        ("يشتمونني لأنني مسلم", "ar"),
    ],
)
def test_who_may_tell_of_discrimination_without_a_place_gets_a_warm_word_and_the_report(
    wording: Wording, text: str, language: str
) -> None:
    ranking = [("find_service", 0.6), ("report_discrimination", 0.3)]
    result = run_action("action_find_services", turn(wording, text, language=language, ranking=ranking))
    warm, where = result.replies
    assert warm.text == wording.texts.get("chat.may_tell", language)
    assert [button.payload for button in warm.buttons] == ["/flow/report"]
    assert where.text == wording.texts.get("chat.ask_place", language)


def test_who_only_looks_for_a_desk_is_only_asked_where(wording: Wording) -> None:
    result = run_action("action_find_services", turn(wording, "where is the nearest desk"))
    assert len(result.replies) == 1


def test_danger_is_heard_while_words_for_the_team_wait(wording: Wording) -> None:
    assert run_action("action_give_emergency", turn(wording, "help!", slots=shown())).private
