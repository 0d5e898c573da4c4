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


def test_danger_is_heard_while_words_for_the_team_wait(wording: Wording) -> None:
    assert run_action("action_give_emergency", turn(wording, "help!", slots=shown())).private
