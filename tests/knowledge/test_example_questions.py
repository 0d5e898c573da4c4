"""Which questions count as the same as one that the team has answered, and which do not."""

from __future__ import annotations

import json

import pytest

from conversation.replies import Wording
from core.settings import PROJECT_ROOT
from knowledge.written.matching import Example, ExampleQuestions

FEE, INDEX = "membership/fee-5000-portugal", "tool/icc-index"

EXAMPLES = [
    Example(FEE, "en", "Who pays the interpreters at the annual meeting?"),
    Example(INDEX, "en", "Can a city with 4000 people take part in the Index?"),
    Example(INDEX, "en", "What was decided on mobility funds at the annual meeting of coordinators in 2024?"),
    Example(FEE, "fr", "Qui paie les interprètes de la réunion annuelle ?"),
    Example(FEE, "it", "Chi paga gli interpreti della riunione annuale?"),
    Example(FEE, "ar", "من يدفع أجرة المترجمين في الاجتماع السنوي؟"),
]


@pytest.fixture(scope="module")
def questions(wording: Wording) -> ExampleQuestions:
    questions = ExampleQuestions(wording.base, wording.gazetteer)
    questions.replace(EXAMPLES)
    return questions


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "who pays the interpreters at the annual meeting"),
        ("en", "  WHO pays the interpreters, at the annual meeting??"),
        ("en", "who pays the interpretors at the annual meeting"),
        ("en", "Who pays interpreters at the annual meeting?"),
        ("en", "and who pays for the interpreters at the annual meeting"),
        ("fr", "qui paie les interpretes de la reunion annuelle"),
        ("fr", "Qui paie l'interprète de la réunion annuelle"),
        ("it", "chi paga gli interpreti alla riunione annuale"),
        ("ar", "من يدفع أجره المترجمين في الإجتماع السنوي"),
        # Written in another language than the conversation's.
        ("it", "Who pays the interpreters at the annual meeting?"),
    ],
)
def test_the_same_question_is_recognised(questions: ExampleQuestions, language: str, text: str) -> None:
    assert questions.find(text, language) == FEE


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Who chooses the interpreters at the annual meeting?"),
        ("en", "When are the interpreters at the annual meeting paid?"),
        ("en", "Who does not pay the interpreters at the annual meeting?"),
        ("en", "Who pays the hotel at the annual meeting?"),
        ("en", "Who pays the interpreters at the annual meeting in Bologna?"),
        ("en", "Can a city with 40000 people take part in the Index?"),
        ("en", "What was decided on mobility funds at the annual meeting of coordinators in 2025?"),
        ("en", "Who pays?"),
        ("en", "interpreters"),
        ("en", ""),
        ("fr", "Qui choisit les interprètes de la réunion annuelle ?"),
        ("fr", "Quand est la réunion annuelle ?"),
        ("it", "Chi non paga gli interpreti della riunione annuale?"),
        ("ar", "متى يدفع أجرة المترجمين في الاجتماع السنوي؟"),
        ("en", "pays " * 100),
    ],
)
def test_another_question_is_not_taken_for_it(questions: ExampleQuestions, language: str, text: str) -> None:
    assert questions.find(text, language) is None


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
def test_of_hundreds_of_real_questions_none_is_nearly_the_same_as_one_of_another_entry(
    wording: Wording, language: str
) -> None:
    """Half of them are examples; the other half must not be taken for one with another meaning."""
    lines = (PROJECT_ROOT / "nlu_data" / "evaluation" / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    asked: list[tuple[str, list[str]]] = [(line["text"], line["expect"]) for line in map(json.loads, lines)]
    known = [(text, expected[0]) for text, expected in asked[::2] if expected[0] in wording.base.entries]
    questions = ExampleQuestions(wording.base, wording.gazetteer)
    questions.replace(Example(entry, language, text) for text, entry in known)
    assert len(known) > 50
    assert all(questions.find(text, language) for text, _ in known)
    found = [(text, expected, questions.find(text, language)) for text, expected in asked[1::2]]
    assert [each for each in found if each[2] is not None and each[2] not in each[1]] == []


def test_what_comes_close_is_offered(questions: ExampleQuestions) -> None:
    assert questions.list_close("who chooses the interpreters for the meeting", "en") == [FEE]
    assert questions.list_close("what is a twin city", "en") == []


def test_an_entry_that_is_gone_answers_nothing(wording: Wording) -> None:
    questions = ExampleQuestions(wording.base, wording.gazetteer)
    questions.replace([Example("answer/gone", "en", "who pays the interpreters")])
    assert questions.find("Who pays the interpreters?", "en") is None
    assert questions.list_close("Who pays the interpreters?", "en") == []
