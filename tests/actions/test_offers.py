"""What is offered beside an answer, a list or a refusal when something else was nearly understood."""

from __future__ import annotations

from datetime import date

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result, Turn
from conversation.replies import Wording

INDEX, BRIEF, GUIDE = "tool/icc-index", "tool/icc-policy-brief-housing", "tool/icc-step-by-step-guide"


def act(wording: Wording, action: str, text: str, ranking: list[tuple[str, float]]) -> Result:
    label, confidence = ranking[0]
    turn = Turn(
        wording=wording,
        today=date(2026, 11, 22),
        text=text,
        language="en",
        intent="",
        confidence=confidence,
        entities={"entry": label},
        ranking=ranking,
        slots={},
        metadata={},
    )
    return run_action(action, turn)


def offered(result: Result) -> list[str]:
    return [button.payload[1:] for button in result.replies[0].buttons]


@pytest.mark.parametrize(("confidence", "is_offered"), [(0.7, True), (0.9, False)])
def test_a_near_thing_offers_the_next_closest(wording: Wording, confidence: float, is_offered: bool) -> None:
    result = act(wording, "action_answer_entry", "the index", [(INDEX, confidence), (GUIDE, 0.1)])
    assert result.replies[0].answer == INDEX
    assert (GUIDE in offered(result)) is is_offered


def test_a_refusal_offers_an_entry_that_came_close(wording: Wording) -> None:
    ranking = [("out_of_scope", 0.6), (BRIEF, 0.3), (GUIDE, 0.04)]
    result = act(wording, "action_decline", "where do I find a flat", ranking)
    assert not result.understood
    assert offered(result)[:2] == [BRIEF, "help"]


def test_a_sure_refusal_offers_no_entry(wording: Wording) -> None:
    result = act(wording, "action_decline", "will it rain", [("out_of_scope", 0.95), (BRIEF, 0.02)])
    assert offered(result) == ["help", "services"]


def test_a_list_begins_with_an_entry_that_came_close(wording: Wording) -> None:
    plain = offered(act(wording, "action_list_entries", "tools on housing", [("browse_entries", 0.9)]))
    likely = next(entry for entry in (GUIDE, INDEX) if entry not in plain)
    ranking = [("browse_entries", 0.6), (likely, 0.3)]
    assert offered(act(wording, "action_list_entries", "tools on housing", ranking)) == [likely, *plain][:5]
