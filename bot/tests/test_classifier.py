"""How a ranking of labels becomes what the rules read."""

from __future__ import annotations

from typing import Any, cast

import pytest
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message

from rasa_components.classifier import LabelClassifier
from rasa_components.labels import Meaning
from rasa_components.understanding import Ranked, Understanding

UNCLEAR_BELOW = 0.1
LONG = "we would like to know how well our city does"
MEANINGS = [
    Meaning("ask_entry", "entry", "tool/icc-index"),
    Meaning("ask_entry", "entry", "membership/duty-index"),
    Meaning("greet"),
    Meaning("report_discrimination"),
]


class StubUnderstanding:
    """Gives the ranking that it was given, else the entries first with one confidence."""

    def __init__(self, confidence: float = 0.0, ranking: list[Ranked] | None = None) -> None:
        self.ranking = ranking or [
            Ranked(meaning.label, confidence / (place + 1)) for place, meaning in enumerate(MEANINGS)
        ]
        self.language: str | None = "unasked"

    def rank(self, text: str, *, language: str | None, size: int | None = None) -> list[Ranked]:
        self.language = language
        return self.ranking[:size]


def read(understanding: StubUnderstanding, metadata: Any = None, text: str = "the index") -> dict[str, Any]:
    classifier = LabelClassifier(
        {"unclear_below": UNCLEAR_BELOW, "ranking_size": 2},
        cast(ModelStorage, None),
        Resource("classifier"),
        cast(Understanding, understanding),
        {meaning.label: meaning for meaning in MEANINGS},
    )
    (message,) = classifier.process([Message({"text": text, "metadata": metadata})])
    output: dict[str, Any] = message.as_dict(only_output_properties=True)
    return output


def test_the_best_label_gives_intent_and_entity() -> None:
    output = read(StubUnderstanding(0.9))
    assert output["intent"] == {"name": "ask_entry", "confidence": 0.9}
    assert output["entities"] == [{"entity": "entry", "value": "tool/icc-index", "extractor": "LabelClassifier"}]
    assert [intent["name"] for intent in output["intent_ranking"]] == ["ask_entry"]


def test_below_the_threshold_it_is_unclear_and_the_ranking_stays() -> None:
    output = read(StubUnderstanding(0.09))
    assert output["intent"] == {"name": "unclear", "confidence": 0.09}
    assert output["entities"] == []
    assert [ranked["label"] for ranked in output["label_ranking"]] == [meaning.label for meaning in MEANINGS[:2]]


@pytest.mark.parametrize(
    ("metadata", "language"), [({"language": "it"}, "it"), ({}, None), (None, None), ("no mapping", None)]
)
def test_the_language_comes_from_the_metadata(metadata: Any, language: str | None) -> None:
    understanding = StubUnderstanding(0.9)
    read(understanding, metadata)
    assert understanding.language == language


def ranking(first: str, share: float) -> list[Ranked]:
    """A label with a share, then two entries that share the rest."""
    rest = (1 - share) / 2
    return [Ranked(first, share), Ranked("tool/icc-index", rest), Ranked("membership/duty-index", rest)]


@pytest.mark.parametrize(
    ("first", "share", "text", "intent"),
    [
        ("greet", 0.2, LONG, "ask_entry"),
        ("greet", 0.2, "hello there", "greet"),
        ("greet", 0.4, LONG, "greet"),
        ("greet", 0.9, LONG, "greet"),
        ("report_discrimination", 0.2, LONG, "report_discrimination"),
    ],
)
def test_a_long_message_is_no_greeting_where_all_entries_together_are_likelier(
    first: str, share: float, text: str, intent: str
) -> None:
    output = read(StubUnderstanding(ranking=ranking(first, share)), text=text)
    assert output["intent"]["name"] == intent
    assert output["label_ranking"][0]["label"] == first
