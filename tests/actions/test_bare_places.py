"""A message that is nothing but a place's name gets who helps there."""

from __future__ import annotations

import pytest

from bot.actions.registry import run_action
from conversation.replies import Wording
from tests.actions.test_follow_ups import turn

TAKEN_FOR = ["action_answer_entry", "action_list_entries", "action_decline", "action_suggest", "action_small_talk"]


@pytest.mark.parametrize("action", TAKEN_FOR)
@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("Helsinki", "en", "FI"),
        ("Kraków", "en", "pl-krakow"),
        ("reggio emilia", "it", "it-reggio-emilia"),
        ("Bruxelles", "fr", "BE"),
        ("Montréal", "fr", "ca-montreal"),
        ("بولونيا", "ar", "it-bologna"),
    ],
)
def test_a_bare_place_gets_the_services_there(
    wording: Wording, action: str, text: str, language: str, place: str
) -> None:
    now = turn(wording, text, language=language, entities={"entry": "membership/number-members"})
    result = run_action(action, now)
    assert (result.replies[0].answer or "").startswith("service/")
    assert result.slots["place"] == place


def test_a_way_to_the_network_of_the_country_is_beside_them(wording: Wording) -> None:
    replies = run_action("action_decline", turn(wording, "Oslo")).replies
    assert "/membership/network-no" in [button.payload for button in replies[-1].buttons]


@pytest.mark.parametrize(
    ("text", "language", "slots"),
    [
        ("italiano", "it", {}),
        ("nice", "en", {}),
        ("Nice!", "en", {}),
        ("الروما", "ar", {}),
        ("krakow lublin wroclaw", "en", {}),
        ("Helsinki", "en", {"subject": "tool/icc-index"}),
        ("Norway", "en", {"subject": "membership/network-ma"}),
    ],
)
def test_a_word_a_list_and_a_follow_up_are_no_bare_place(
    wording: Wording, text: str, language: str, slots: dict[str, str]
) -> None:
    now = turn(wording, text, language=language, slots=slots, entities={"entry": "membership/network-it"})
    [reply] = run_action("action_answer_entry", now).replies
    assert reply.answer == "membership/network-it"
