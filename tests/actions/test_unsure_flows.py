"""A flow that was hardly understood is offered first, never begun: who asks on something else is not asked for their
address, nor told that they were right to speak."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bot.actions.registry import run_action
from bot.actions.turn import Result, Turn
from conversation.replies import PREFERENCES, REPORT, Wording

INVOICE = {
    "en": "The last invoice never got paid and now I am scared to open the letters",
    "fr": "La dernière facture est restée impayée et je n'ose plus ouvrir le courrier",
    "it": "L'ultima fattura non è stata pagata e non apro più le lettere",
    "ar": "لم تدفع الفاتورة الأخيرة ولم أعد أفتح الرسائل",
}


REPORTS, WISHES = ("action_open_report", "report_discrimination"), ("action_open_preferences", "change_preferences")


def turn(wording: Wording, intent: str, text: str, language: str, confidence: float) -> Turn:
    return Turn(
        wording=wording,
        today=date(2026, 11, 22),
        text=text,
        language=language,
        intent=intent,
        confidence=confidence,
        entities={},
        ranking=[(intent, confidence), ("membership/duty-leaving", confidence / 2)],
        slots={},
        metadata={"language": language},
    )


def hear(wording: Wording, meant: tuple[str, str], text: str, language: str, confidence: float) -> Result:
    action, intent = meant
    return run_action(action, turn(wording, intent, text, language, confidence))


def first_answer(result: Result) -> str | None:
    return result.replies[0].answer


def first_button(result: Result) -> str:
    return result.replies[0].buttons[0].payload


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
def test_a_guess_at_a_report_is_offered_before_what_else_is_close(wording: Wording, language: str) -> None:
    result = hear(wording, REPORTS, INVOICE[language], language, 0.25)
    assert first_answer(result) is None
    assert first_button(result) == f"/{REPORT}"
    assert "/membership/duty-leaving" in [button.payload for button in result.replies[0].buttons]


def test_what_may_be_a_report_is_never_kept_as_a_question_for_the_team(wording: Wording) -> None:
    heard = turn(wording, REPORTS[1], INVOICE["en"], "en", 0.25)
    said: dict[str, Any] = run_action(REPORTS[0], heard).as_rasa(heard)
    assert said["responses"][0]["custom"]["missed"] is None


def test_a_guess_at_a_report_is_one_where_no_entry_is_close(wording: Wording) -> None:
    heard = turn(wording, REPORTS[1], INVOICE["en"], "en", 0.25)
    heard.ranking = [(REPORTS[1], 0.25), ("out_of_scope", 0.2)]
    assert first_answer(run_action(REPORTS[0], heard)) == REPORT


def test_the_smallest_guess_at_a_report_is_one_where_the_words_tell_of_it(wording: Wording) -> None:
    told = "they refused me the flat because of my religion"
    result = hear(wording, REPORTS, told, "en", 0.12)
    assert first_answer(result) == REPORT


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("c'est pas moi c'est elle", 0.25),
        ("les bonnes pratiques sur le logement", 0.45),
        ("On part en mars en congé maternité et personne ne prend la suite", 0.2),
    ],
)
def test_a_guess_at_preferences_is_offered_before_what_else_is_close(
    wording: Wording, text: str, confidence: float
) -> None:
    result = hear(wording, WISHES, text, "fr", confidence)
    assert first_answer(result) is None
    assert first_button(result) == f"/{PREFERENCES}"


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("votre bip réveille toute la maison", 0.4),
        ("un seul mail par semaine", 0.35),
        ("plus rien sur la jeunesse", 0.4),
    ],
)
def test_a_likely_wish_about_messages_is_taken_as_one(wording: Wording, text: str, confidence: float) -> None:
    result = hear(wording, WISHES, text, "fr", confidence)
    assert first_answer(result) == PREFERENCES
