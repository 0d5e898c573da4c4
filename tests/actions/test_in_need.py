"""Children and people in despair get the line of their country; what was hardly heard takes nothing away."""

from __future__ import annotations

from typing import Any

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import WHERE, Turn
from channels.base import Reply
from conversation.replies import REPORT, Wording
from tests.actions.test_follow_ups import turn

LINES = {"action_help_child": "child_helpline", "action_comfort": "crisis_line"}


class Talk:
    """Turns of one conversation, with the slots that each leaves for the next."""

    def __init__(self, wording: Wording, language: str = "en") -> None:
        self.wording, self.language = wording, language
        self.slots: dict[str, Any] = {}

    def say(self, action: str, text: str, **parts: Any) -> list[Reply]:
        now: Turn = turn(self.wording, text, language=self.language, slots=dict(self.slots), **parts)
        if "confidence" in parts:
            now.confidence = parts["confidence"]
        result = run_action(action, now)
        events = result.as_rasa(now)["events"]
        if any(event["event"] == "restart" for event in events):
            self.slots = {}
        self.slots |= {event["name"]: event["value"] for event in events if event["event"] == "slot"}
        return result.replies

    def starts_with(self, reply: Reply, line: str) -> bool:
        return reply.text.startswith(self.wording.texts.get(f"talk.{line}", self.language))


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
@pytest.mark.parametrize("action", LINES)
@pytest.mark.parametrize(
    ("later", "text"), [("action_find_services", "Oslo"), ("action_open_report", "Oslo"), ("action_decline", "Oslo")]
)
def test_the_line_comes_when_the_place_is_named_however_that_is_understood(
    wording: Wording, language: str, action: str, later: str, text: str
) -> None:
    talk = Talk(wording, language)
    first = talk.say(action, "x")
    assert not any(reply.contacts for reply in first)
    assert not first[0].text.endswith((":", "：")), "nothing is announced that does not come"

    line, numbers, *_ = talk.say(later, text)

    assert talk.starts_with(line, LINES[action])
    assert line.contacts
    assert any(contact.href == "tel:112" for contact in numbers.contacts)


@pytest.mark.parametrize("action", LINES)
def test_the_line_is_kept_over_what_is_said_before_the_place(wording: Wording, action: str) -> None:
    talk = Talk(wording, "it")
    talk.say(action, "x")
    talk.say("action_open_report", "non dirlo ai miei")
    talk.say("action_small_talk", "grazie")
    talk.say("action_give_emergency", "x")

    line, *_ = talk.say("action_find_services", "sono a Oslo")

    assert talk.starts_with(line, LINES[action])


def test_where_no_line_is_known_that_is_said_before_the_numbers(wording: Wording) -> None:
    talk = Talk(wording)
    talk.say("action_comfort", "x")
    said, numbers = talk.say("action_find_services", "Paris")
    assert said.text == wording.texts.get("talk.no_line", "en")
    assert numbers.contacts


def test_the_button_of_a_country_brings_the_line(wording: Wording) -> None:
    talk = Talk(wording)
    talk.say("action_help_child", "x")
    line, numbers, *more = talk.say("action_give_emergency", "", metadata={"payload": "IT"})
    assert talk.starts_with(line, "child_helpline")
    assert numbers.contacts
    assert more == []


def test_after_the_numbers_another_city_of_the_country_means_its_services(wording: Wording) -> None:
    talk = Talk(wording)
    talk.say("action_comfort", "x", metadata={"city": "Oslo"})
    [*_, last] = talk.say("action_find_services", "Bergen")
    assert str(last.answer).startswith("service/")
    talk = Talk(wording)
    talk.say("action_comfort", "x", metadata={"city": "Oslo"})
    line, numbers = talk.say("action_find_services", "Dublin")
    assert talk.starts_with(line, "crisis_line")
    assert "Ireland" in numbers.text


@pytest.mark.parametrize("action", ["action_give_emergency", *LINES])
def test_need_that_was_hardly_heard_leaves_the_conversation_and_tells_how_to_call(
    wording: Wording, action: str
) -> None:
    talk = Talk(wording)
    talk.slots = {"listed": ["tool/icc-index"], "subject": "tool/icc-index", "place": "IT"}
    replies = talk.say(action, "i dont want the city to read it", confidence=0.12)

    assert talk.slots["place"] == "IT"
    assert wording.texts.get("talk.distress", "en") not in [reply.text for reply in replies]
    assert replies[-1].text == wording.texts.get("language.emergency", "en")
    assert {button.payload for button in replies[-1].buttons} >= {"/emergency/IT"}


def test_a_place_that_was_asked_for_is_no_danger_that_was_hardly_heard(wording: Wording) -> None:
    talk = Talk(wording)
    talk.say("action_open_report", "they mocked me because I am black")
    replies = talk.say("action_give_emergency", "Barcelona", confidence=0.21)
    assert all(str(reply.answer).startswith("service/") for reply in replies)


def test_such_words_are_never_kept_for_the_team(wording: Wording) -> None:
    now = turn(wording, "everything is grey today")
    now.confidence = 0.1
    said = run_action("action_comfort", now).as_rasa(now)["responses"][0]["custom"]
    assert said["missed"] is None


def test_a_plain_cry_is_heard_however_unsure_the_assistant_is(wording: Wording) -> None:
    talk = Talk(wording)
    [comfort, *_] = talk.say("action_comfort", "I want to die", confidence=0.05)
    assert comfort.text == wording.texts.get("talk.distress", "en")


@pytest.mark.parametrize(
    "text",
    ["number 3", "number 3 please", "numéro 3", "numéro 3 s'il vous plaît", "numero 3 per favore", "رقم 3 من فضلك"],
)
def test_the_third_of_a_list_is_picked_whatever_else_the_number_could_mean(wording: Wording, text: str) -> None:
    talk = Talk(wording)
    talk.slots = {"listed": ["tool/icc-index", "tool/icc-anti-rumours-handbook", "membership/number-members"]}
    [reply] = talk.say("action_give_emergency", text, confidence=0.17)
    assert reply.answer == "membership/number-members"


def test_a_place_without_services_is_asked_anew_and_promises_none(wording: Wording) -> None:
    talk = Talk(wording)
    [report] = talk.say("action_open_report", "my neighbour says go back to Nicaragua because I am black")
    assert report.answer == REPORT
    assert report.text.startswith(wording.texts.get("flow.report", "en", address="").splitlines()[0])
    assert wording.texts.get("flow.report_here", "en", address="").splitlines()[2] not in report.text
    assert {button.payload for button in report.buttons} >= {"/report/IT"}
    assert report.place is None
    assert talk.slots["pending"] == WHERE


def test_a_city_after_a_report_means_services_there_even_if_another_was_named(wording: Wording) -> None:
    talk = Talk(wording)
    talk.say("action_open_report", "they insulted me on the bus in Bologna because I am black")
    assert talk.slots["subject"] == "service/it-bologna-spad"
    replies = talk.say("action_decline", "i am in Leeds")
    assert all(str(reply.answer).startswith("service/") for reply in replies)
    assert talk.slots["place"] == "gb-leeds"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a clerk at the town hall insulted me because I am black", "en"),
        ("un agent de la mairie m'a insulté parce que je suis noir", "fr"),
        ("un impiegato del comune mi ha insultato perché sono nero", "it"),
        ("موظف في البلدية شتمني لأنني أسود", "ar"),
    ],
)
@pytest.mark.parametrize("place_comes_later", [False, True])
def test_who_was_wronged_by_the_city_is_shown_others_before_its_own_desks(
    wording: Wording, text: str, language: str, place_comes_later: bool
) -> None:
    talk = Talk(wording, language)
    metadata = {} if place_comes_later else {"city": "Reggio Emilia"}
    replies = talk.say("action_open_report", text, metadata=metadata)
    if place_comes_later:
        replies = talk.say("action_find_services", "Reggio Emilia")

    services = [str(reply.answer) for reply in replies if str(reply.answer).startswith("service/")]
    assert services[0] == "service/it-unar"
    assert wording.texts.get("chat.city_accused", language) in [reply.text for reply in replies]


def test_who_was_wronged_by_somebody_else_gets_the_desk_of_the_city_first(wording: Wording) -> None:
    replies = Talk(wording).say(
        "action_open_report", "a neighbour insulted me because I am black", metadata={"city": "Reggio Emilia"}
    )
    services = [str(reply.answer) for reply in replies if str(reply.answer).startswith("service/")]
    assert services[0] == "service/it-reggio-emilia-sportello-antirazzista"
    assert wording.texts.get("chat.city_accused", "en") not in [reply.text for reply in replies]
