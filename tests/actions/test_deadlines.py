"""Who asks how long there is to complain gets the limits that are known, and is never told that one is stopped."""

from __future__ import annotations

from typing import Any

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result
from conversation.replies import Wording
from tests.actions.test_follow_ups import turn

ACTION = "action_tell_deadlines"


def ask(wording: Wording, text: str, action: str = ACTION, intent: str = "ask_deadline", **parts: Any) -> Result:
    return run_action(action, turn(wording, text, intent=intent, **parts))


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
def test_the_limits_of_the_country_come_with_source_and_date(wording: Wording, language: str) -> None:
    result = ask(wording, "FR", language=language, metadata={"payload": "FR"})
    [reply] = result.replies
    texts = wording.texts
    work = texts.get("report.deadline.area.employment", language)
    assert texts.get("report.deadline.stops_nothing", language) in reply.text
    assert any(line.startswith(work) for line in reply.text.splitlines())
    assert texts.get("report.time.year", language, count=5) in reply.text
    assert reply.links
    assert any(work in link.title for link in reply.links)
    assert result.slots["place"] == "FR"


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
def test_what_is_not_known_is_called_unknown(wording: Wording, language: str) -> None:
    [reply] = ask(wording, "SY", language=language, metadata={"payload": "SY"}).replies
    country = wording.gazetteer.name(wording.gazetteer.places["SY"], language)
    assert wording.texts.get("report.deadline.country_unknown", language, country=country) in reply.text
    assert wording.texts.get("report.deadline.stops_nothing", language) in reply.text
    assert reply.links == []


@pytest.mark.parametrize(
    ("text", "language", "parts", "place"),
    [
        ("how much time do i have to complain in France", "en", {}, "FR"),
        ("quel est le délai pour porter plainte à Lyon ?", "fr", {}, "fr-lyon"),
        ("how long do i have to complain", "en", {"slots": {"place": "pl-krakow"}}, "pl-krakow"),
        ("entro quando posso fare reclamo?", "it", {"metadata": {"city": "Torino"}}, "it-torino"),
        ("كم المهلة لتقديم شكوى تمييز في فرنسا", "ar", {}, "FR"),
    ],
)
def test_the_place_is_the_one_that_is_named_or_known(
    wording: Wording, text: str, language: str, parts: dict[str, Any], place: str
) -> None:
    result = ask(wording, text, language=language, **parts)
    assert result.slots["place"] == place
    assert wording.texts.get("report.deadline.stops_nothing", language) in result.replies[0].text


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
@pytest.mark.parametrize(
    ("action", "intent"),
    [
        ("action_find_services", "find_service"),
        ("action_decline", "out_of_scope"),
        ("action_answer_entry", "ask_entry"),
    ],
)
def test_without_a_place_it_asks_and_the_answer_is_for_the_question(
    wording: Wording, language: str, action: str, intent: str
) -> None:
    first = ask(wording, "x", language=language)
    assert first.replies[0].text == wording.texts.get("talk.deadlines_where", language)
    assert all(button.payload.startswith("/deadline/") for button in first.replies[0].buttons)
    then = ask(wording, "Bologna", action, intent, language=language, slots={"pending": first.slots["pending"]})
    assert wording.texts.get("report.deadline.stops_nothing", language) in then.replies[0].text
    assert then.slots["place"] == "it-bologna"


def test_who_was_asked_where_may_answer_where_they_are_from(wording: Wording) -> None:
    then = ask(wording, "I am from Italy", "action_find_services", "find_service", slots={"pending": "deadline"})
    assert then.slots["place"] == "IT"


def test_a_guess_is_no_question_for_a_deadline(wording: Wording) -> None:
    guess = turn(wording, "is the library open", intent="ask_deadline")
    guess.confidence = 0.1
    assert wording.texts.get("talk.deadlines_where", "en") not in run_action(ACTION, guess).replies[0].text
