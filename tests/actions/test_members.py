"""Whether a city is a member: told by what the sources say, with year and source, in every language."""

from __future__ import annotations

from typing import Any

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result
from conversation.replies import Wording
from tests.actions.test_follow_ups import turn


def ask(wording: Wording, text: str, language: str, *, action: str = "action_suggest", **parts: Any) -> Result:
    return run_action(action, turn(wording, text, language=language, intent="unclear", **parts))


@pytest.mark.parametrize(
    ("text", "language", "says", "answer"),
    [
        ("is Genoa a member", "en", "Genoa", "membership/network-it"),
        ("Is Reggio Emilia a member city", "en", "Reggio", "membership/network-it"),
        ("Do you know if Zurich is in the network?", "en", "", None),
        ("Has Bergen joined the network yet?", "en", "Bergen", "membership/network-no"),
        ("Bologna fait-elle partie du réseau ?", "fr", "Bologne", "membership/network-it"),
        ("Est-ce que Gênes est membre ?", "fr", "Gênes", "membership/network-it"),
        ("Zurich est-elle membre ?", "fr", "Zurich", "membership/number-members"),
        ("Genova fa parte della rete?", "it", "Genova", "membership/network-it"),
        ("Torino è membro?", "it", "Torino", "membership/network-it"),
        ("هل جنوة عضو؟", "ar", "جنوة", "membership/network-it"),
        ("هل تنتمي بولونيا إلى الشبكة؟", "ar", "بولونيا", "membership/network-it"),
    ],
)
def test_a_city_of_the_list_is_told_with_its_source(
    wording: Wording, text: str, language: str, says: str, answer: str | None
) -> None:
    [reply, *_] = ask(wording, text, language).replies
    if answer is None:
        return
    assert reply.answer == answer
    assert says in reply.text
    assert reply.links


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Is Atlantis a member?", "en"),
        ("is Marseille in the network", "en"),
        ("Marseille est-elle membre ?", "fr"),
        ("Atlantide fa parte della rete?", "it"),
        ("هل أطلنطس عضو؟", "ar"),
    ],
)
def test_a_city_that_is_not_on_the_list_is_not_called_a_stranger_to_the_network(
    wording: Wording, text: str, language: str
) -> None:
    result = ask(wording, text, language)

    [reply] = result.replies
    assert str(len(wording.base.cities)) in reply.text
    assert reply.answer == "membership/number-members"
    assert [button.payload for button in reply.buttons][-2:] == ["/membership/join-steps-fr", "/flow/handoff"]


@pytest.mark.parametrize(
    ("text", "language", "city"),
    [
        ("Which cities in Portugal are members?", "en", "Braga"),
        ("Quelles villes portugaises sont membres du réseau ?", "fr", "Braga"),
        ("Quali città in Portogallo fanno parte della rete?", "it", "Braga"),
        ("كم مدينة في البرتغال عضو؟", "ar", "براغا"),
    ],
)
def test_a_country_is_told_by_the_names_of_its_cities(wording: Wording, text: str, language: str, city: str) -> None:
    [reply] = ask(wording, text, language).replies

    assert city in reply.text
    assert reply.answer == "membership/network-pt"
    assert sum(one.country == "PT" for one in wording.base.cities.values()) == 18
    assert "18" in reply.text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("how can Genoa become a member", "en"),
        ("is Genoa's index public", "en"),
        ("is my city a member", "en"),
        ("what does Kraków pay as a member", "en"),
        ("is there a member of staff I can talk to", "en"),
        ("Comment Gênes peut-elle devenir membre ?", "fr"),
        ("Qu'est-ce qu'une ville interculturelle ?", "fr"),
        ("Come può Genova diventare membro?", "it"),
        ("cos'è una città interculturale?", "it"),
        ("كيف تصبح جنوة عضوا؟", "ar"),
        ("هل يُسمح لغير الأعضاء", "ar"),
    ],
)
def test_other_questions_with_the_same_words_go_their_own_way(wording: Wording, text: str, language: str) -> None:
    assert ask(wording, text, language, action="action_decline").understood is False


def test_danger_is_never_answered_with_membership(wording: Wording) -> None:
    result = ask(wording, "is Genoa a member", "en", action="action_give_emergency")

    assert result.private


@pytest.mark.parametrize(
    ("text", "language", "name"),
    [
        ("and in Xanadu?", "en", "Xanadu"),
        ("et à Xanadu ?", "fr", "Xanadu"),
        ("e a Xanadu?", "it", "Xanadu"),
        ("وفي زانادو؟", "ar", "زانادو"),
    ],
)
@pytest.mark.parametrize("action", ["action_find_services", "action_follow_up"])
def test_a_place_that_nobody_knows_is_not_answered_with_the_last_one(
    wording: Wording, text: str, language: str, name: str, action: str
) -> None:
    slots = {"place": "it-bologna", "subject": "service/it-unar"}
    result = ask(wording, text, language, action=action, slots=slots, entities={"aspect": "place"})

    [reply] = result.replies
    assert name in reply.text
    assert reply.answer is None
    assert any(button.payload == "/place/IT" for button in reply.buttons)
    assert result.slots["place"] is None


@pytest.mark.parametrize("text", ["and in French?", "and in Bologna?", "and in Italy?"])
def test_languages_and_known_places_are_no_unknown_places(wording: Wording, text: str) -> None:
    slots = {"place": "it-bologna", "subject": "service/it-unar"}
    result = ask(wording, text, "en", action="action_find_services", slots=slots)

    assert "French" not in result.replies[0].text
    assert all(reply.answer for reply in result.replies)
