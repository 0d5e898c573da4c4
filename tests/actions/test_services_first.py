"""When somebody who was understood otherwise, or hardly at all, is given services first."""

from __future__ import annotations

from datetime import date

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result, Turn
from conversation.replies import Wording

REPORTS, PROJECT = "report_discrimination", "tool/it-cities-project"


def act(wording: Wording, action: str, text: str, language: str, ranking: list[tuple[str, float]]) -> list[str | None]:
    label, confidence = ranking[0]
    turn = Turn(
        wording=wording,
        today=date(2026, 11, 22),
        text=text,
        language=language,
        intent="",
        confidence=confidence,
        entities={"entry": label},
        ranking=ranking,
        slots={},
        metadata={"city": "Torino"},
    )
    result: Result = run_action(action, turn)
    return [reply.answer for reply in result.replies]


@pytest.mark.parametrize(
    ("text", "language", "services_first"),
    [
        ("the estate agent laughed at my accent, who do I call?", "en", True),
        ("the estate agent laughed at my accent", "en", False),
        ("le videur m'a laissé dehors, je m'adresse à qui ? qui contacter ?", "fr", True),
        ("le videur m'a laissé dehors à cause de ma peau", "fr", False),
        ("la padrona ha riso del mio cognome, a chi mi rivolgo?", "it", True),
        ("la padrona ha riso del mio cognome", "it", False),
        ("السمسار ضحك على لهجتي، لمن أشتكي؟", "ar", True),
        ("السمسار ضحك على لهجتي", "ar", False),
    ],
)
def test_who_asks_whom_to_turn_to_gets_the_services_before_the_report(
    wording: Wording, text: str, language: str, services_first: bool
) -> None:
    answers = act(wording, "action_open_report", text, language, [(REPORTS, 0.98)])
    assert "flow/report" in answers
    assert (answers[0] == "service/it-torino-nodo") is services_first


def test_a_report_that_names_a_service_gets_that_service_first(wording: Wording) -> None:
    answers = act(wording, "action_open_report", "tell UNAR about my boss", "en", [(REPORTS, 0.98)])
    assert answers[0] == "service/it-unar"


@pytest.mark.parametrize(("confidence", "is_service"), [(0.7, True), (0.95, False)])
def test_a_near_thing_that_names_a_service_is_about_the_service(
    wording: Wording, confidence: float, is_service: bool
) -> None:
    answers = act(wording, "action_answer_entry", "who works at UNAR", "en", [(PROJECT, confidence)])
    assert (answers[0] == "service/it-unar") is is_service


@pytest.mark.parametrize(
    ("text", "is_service"),
    [
        ("they mock my turban at the pool in Bologna because I am a Sikh, who can I talk to", True),
        ("they mock my turban at the pool in Bologna because I am a Sikh", False),
        ("who can I talk to about sports and faith", False),
    ],
)
def test_a_guess_that_asks_whom_to_turn_to_in_a_place_finds_services(
    wording: Wording, text: str, is_service: bool
) -> None:
    answers = act(wording, "action_answer_entry", text, "en", [("tool/icc-policy-brief-faith", 0.1)])
    assert (answers[0] == "service/it-bologna-spad") is is_service
