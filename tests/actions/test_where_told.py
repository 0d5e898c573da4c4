"""Who tells what happened is not sent to the country that they come from."""

from __future__ import annotations

import pytest

from bot.actions.registry import run_action
from conversation.replies import Wording
from tests.actions.test_follow_ups import turn

TELLING = {
    "action_give_emergency": "danger",
    "action_comfort": "distress",
    "action_help_child": "child",
    "action_open_report": "report_discrimination",
}


@pytest.mark.parametrize("action", TELLING)
@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("they are beating me because i am moroccan help", "en"),
        ("they did not hire me because i am from Ukraine", "en"),
        ("my manager hits me and says go back to Poland", "en"),
        ("mi picchiano perché sono albanese, vengo da Durazzo", "it"),
        ("on me frappe car je viens du Maroc", "fr"),
        ("ضربوني لاني من المغرب", "ar"),
    ],
)
def test_an_origin_is_no_place_and_the_country_is_asked(
    wording: Wording, action: str, text: str, language: str
) -> None:
    result = run_action(action, turn(wording, text, intent=TELLING[action], language=language))
    assert result.slots["place"] is None
    assert result.slots["pending"]
    assert any(button.payload.count("/") == 2 for reply in result.replies for button in reply.buttons)
    assert not any(reply.contacts for reply in result.replies)


@pytest.mark.parametrize("action", TELLING)
def test_the_place_of_the_client_counts_beside_an_origin(wording: Wording, action: str) -> None:
    now = turn(wording, "they hit me because i am from Syria", intent=TELLING[action], metadata={"city": "Torino"})
    assert run_action(action, now).slots["place"] == "it-torino"


@pytest.mark.parametrize("action", TELLING)
def test_where_it_happens_counts(wording: Wording, action: str) -> None:
    now = turn(wording, "i am from Syria and they hit me in Turin", intent=TELLING[action])
    assert run_action(action, now).slots["place"] == "it-torino"


def test_who_asks_for_help_may_live_where_they_are_from(wording: Wording) -> None:
    now = turn(wording, "I am from Bologna, who can help me", intent="find_service")
    assert run_action("action_find_services", now).slots["place"] == "it-bologna"


def test_who_asks_for_help_does_not_live_in_the_country_they_come_from(wording: Wording) -> None:
    result = run_action(
        "action_find_services", turn(wording, "vengo dal Marocco, chi mi aiuta?", intent="find_service")
    )
    assert result.slots["pending"] == "place"
    assert not any(reply.contacts for reply in result.replies)
