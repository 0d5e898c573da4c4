"""What the understanding learns from messages: labels, the border of its subject, and what it keeps on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rasa_components.concepts import Concepts
from rasa_components.understanding import OUTSIDE_LEAD, Example, Understanding, weigh_refusal

WORDS = {"city": {"en": "city, cities, town*", "fr": "ville*"}, "course": {"en": "course*", "fr": "cours"}}
MESSAGES = {
    "tool/icc-index": ("how do we assess our city", "the index of our town", "city assessment"),
    "tool/icc-course": ("a course for our city", "which courses are there", "online course"),
    "find_service": ("who helps me in this city", "where do I find help", "help against racism"),
    "out_of_scope": ("will it rain tomorrow", "a recipe with lentils", "who won the match"),
}


FRENCH = {
    "tool/icc-index": "la ville évaluée",
    "tool/icc-course": "un cours en ville",
    "find_service": "qui peut m'aider",
    "out_of_scope": "va-t-il pleuvoir en ville",
}


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    english = [Example(text, label, "en") for label, texts in MESSAGES.items() for text in texts]
    return Understanding.train([*english, *(Example(text, label, "fr") for label, text in FRENCH.items())], words=WORDS)


def test_all_labels_are_ranked_and_their_shares_add_up(understanding: Understanding) -> None:
    ranking = understanding.rank("a course for a town", language="en")
    assert {ranked.label for ranked in ranking} == set(MESSAGES)
    assert ranking[0].label == "tool/icc-course"
    assert sum(ranked.confidence for ranked in ranking) == pytest.approx(1.0, abs=1e-4)
    assert understanding.rank("a course for a town", language="en", size=2) == ranking[:2]


def test_what_was_saved_understands_the_same(understanding: Understanding, tmp_path: Path) -> None:
    understanding.save(tmp_path)
    again = Understanding.load(tmp_path)
    for text in ("will it rain in our city", "help", ""):
        assert again.rank(text, language="en") == understanding.rank(text, language="en")


def test_without_messages_outside_the_subject_nothing_is_refused() -> None:
    inside = [Example(text, label, "en") for label, texts in MESSAGES.items() for text in texts if "/" in label]
    inside += [Example(text, "find_service", "en") for text in MESSAGES["find_service"]]
    ranking = Understanding.train(inside, words=WORDS).rank("a course", language="en")
    assert ranking[0].label == "tool/icc-course"


@pytest.mark.parametrize(("rival", "is_moved"), [("tool/icc-index", True), ("report_discrimination", False)])
def test_the_second_question_overrules_entries_but_never_who_needs_help(rival: str, is_moved: bool) -> None:
    margins = np.array([0.0, -0.1, 1.0 - OUTSIDE_LEAD])
    moved = weigh_refusal(margins, [rival, "out_of_scope"])
    assert bool(moved[1] > moved[0]) is is_moved


def test_the_shape_of_a_message_is_shared_by_all_languages() -> None:
    english, french = (Concepts(WORDS, language).features for language in ("en", "fr"))
    assert english("courses") == french("cours")
    assert set(english("the courses")) & set(english("tell me who won the match yesterday")) == set()
