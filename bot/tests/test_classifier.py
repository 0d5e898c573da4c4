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

MEANINGS = [
    Meaning("ask_entry", "entry", "tool/icc-index"),
    Meaning("ask_entry", "entry", "membership/duty-index"),
    Meaning("greet"),
]


class StubUnderstanding:
    """Ranks the entries first, with the confidence that it was given."""

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence
        self.language: str | None = "unasked"

    def rank(self, text: str, *, language: str | None, size: int = 5) -> list[Ranked]:
        self.language = language
        return [Ranked(meaning.label, self.confidence / (place + 1)) for place, meaning in enumerate(MEANINGS)]


def read(understanding: StubUnderstanding, metadata: Any = None) -> dict[str, Any]:
    classifier = LabelClassifier(
        {"unclear_below": 0.3, "ranking_size": 5},
        cast(ModelStorage, None),
        Resource("classifier"),
        cast(Understanding, understanding),
        {meaning.label: meaning for meaning in MEANINGS},
    )
    (message,) = classifier.process([Message({"text": "the index", "metadata": metadata})])
    output: dict[str, Any] = message.as_dict(only_output_properties=True)
    return output


def test_the_best_label_gives_intent_and_entity() -> None:
    output = read(StubUnderstanding(0.9))
    assert output["intent"] == {"name": "ask_entry", "confidence": 0.9}
    assert output["entities"] == [{"entity": "entry", "value": "tool/icc-index", "extractor": "LabelClassifier"}]
    assert [intent["name"] for intent in output["intent_ranking"]] == ["ask_entry", "greet"]


def test_below_the_threshold_it_is_unclear_and_the_ranking_stays() -> None:
    output = read(StubUnderstanding(0.29))
    assert output["intent"] == {"name": "unclear", "confidence": 0.29}
    assert output["entities"] == []
    assert [ranked["label"] for ranked in output["label_ranking"]] == [meaning.label for meaning in MEANINGS]


@pytest.mark.parametrize(
    ("metadata", "language"), [({"language": "it"}, "it"), ({}, None), (None, None), ("no mapping", None)]
)
def test_the_language_comes_from_the_metadata(metadata: Any, language: str | None) -> None:
    understanding = StubUnderstanding(0.9)
    read(understanding, metadata)
    assert understanding.language == language
