"""Saying which one of a list is meant picks it; anything else does not."""

from __future__ import annotations

from datetime import date

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result, Turn
from conversation.replies import Wording

LISTED = ["tool/icc-index", "tool/icc-welcome-pack", "tool/icc-intercultural-checklist"]


def say(wording: Wording, text: str, *, action: str = "action_suggest", listed: list[str] | None = None) -> Result:
    turn = Turn(
        wording=wording,
        today=date(2026, 11, 22),
        text=text,
        language="en",
        intent="",
        confidence=0.3,
        entities={},
        ranking=[],
        slots={"listed": LISTED if listed is None else listed},
        metadata={},
    )
    return run_action(action, turn)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("the second one", LISTED[1]),
        ("2", LISTED[1]),
        ("٢", LISTED[1]),
        ("la première", LISTED[0]),
        ("il terzo", LISTED[2]),
        ("والثاني؟", LISTED[1]),
        ("The last one!", LISTED[2]),
    ],
)
@pytest.mark.parametrize("action", ["action_suggest", "action_answer_entry", "action_small_talk", "action_decline"])
def test_saying_which_one_picks_it(wording: Wording, text: str, entry: str, action: str) -> None:
    assert say(wording, text, action=action).replies[0].answer == entry


@pytest.mark.parametrize("text", ["5", "the second manual on competence", "first of all thank you so much"])
def test_anything_else_picks_nothing(wording: Wording, text: str) -> None:
    assert say(wording, text).replies[0].answer is None


def test_without_a_list_nothing_is_picked(wording: Wording) -> None:
    assert say(wording, "2", listed=[]).replies[0].answer is None


def test_a_cry_for_help_is_never_a_pick(wording: Wording) -> None:
    assert say(wording, "1", action="action_give_emergency").replies[0].answer is None
