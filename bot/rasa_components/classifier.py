"""The component that lets Rasa ask the understanding what a message means.

It always names an intent that has a rule, since Rasa's own fallback would rewind the turn: below a threshold that is
`unclear`. The best labels travel along in `label_ranking`, for the hub to offer them.

A long message that looks like small talk or a follow-up, but only a little, is taken for the closest entry when all
entries together are likelier: the share of a question about the knowledge base spreads over its neighbours.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    EXTRACTOR,
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    METADATA,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_components.labels import Meaning, read_labelled_messages
from rasa_components.lessons import gather
from rasa_components.normalise import WORD
from rasa_components.understanding import Example, Ranked, Understanding

LABEL_RANKING = "label_ranking"
UNCLEAR = "unclear"
ASK_ENTRY = "ask_entry"
LIGHT = frozenset(
    "follow_up greet say_goodbye thank ask_capabilities ask_identity insult affirm deny switch_language".split()
)
"""Intents that a question about an entry is taken for by mistake; none of them is about help or safety."""
LONG_MESSAGE = 7
"""Words from which on a light intent is doubted."""
SURE, TIMES_LIKELIER = 0.5, 3.0
_MEANINGS_FILE = "meanings.json"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LabelClassifier(IntentClassifier, GraphComponent):
    """Sets the intent, the entry or aspect, and the ranking of labels."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"unclear_below": 0.05, "ranking_size": 5}

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        understanding: Understanding | None = None,
        meanings: dict[str, Meaning] | None = None,
    ) -> None:
        self._unclear_below = float(config["unclear_below"])
        self._ranking_size = int(config["ranking_size"])
        self._model_storage = model_storage
        self._resource = resource
        self._understanding = understanding
        self._meanings = meanings or {}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LabelClassifier:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LabelClassifier:
        with model_storage.read_from(resource) as folder:
            understanding = Understanding.load(folder)
            stored = json.loads((folder / _MEANINGS_FILE).read_text(encoding="utf-8"))
        meanings = {label: Meaning(**meaning) for label, meaning in stored.items()}
        return cls(config, model_storage, resource, understanding, meanings)

    def train(self, training_data: TrainingData) -> Resource:
        """Learns the labels, and keeps what each of them means."""
        labelled = list(read_labelled_messages(training_data))
        self._meanings = {each.meaning.label: each.meaning for each in labelled}
        messages = [
            Example(text=each.message.get(TEXT), label=each.meaning.label, language=each.language) for each in labelled
        ]
        self._understanding = Understanding.train(gather(messages))
        with self._model_storage.write_to(self._resource) as folder:
            self._understanding.save(folder)
            stored = {label: asdict(meaning) for label, meaning in self._meanings.items()}
            (folder / _MEANINGS_FILE).write_text(json.dumps(stored), encoding="utf-8")
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Reads each message; a payload (`/intent{...}`) already says what it means, and Rasa reads it itself."""
        for message in messages:
            text = message.get(TEXT) or ""
            if not text.startswith(INTENT_MESSAGE_PREFIX):
                self._read(message, text)
        return messages

    def _read(self, message: Message, text: str) -> None:
        if self._understanding is None:
            raise RuntimeError("The classifier was asked before it was trained or loaded.")
        metadata = message.get(METADATA)
        language = metadata.get("language") if isinstance(metadata, dict) else None
        ranking = self._understanding.rank(text, language=language)
        best = self._choose(ranking, len(WORD.findall(text)))
        confidence = best.confidence if best else 0.0
        understood = best is not None and confidence >= self._unclear_below
        meaning = self._meaning_of(best.label) if best is not None and understood else Meaning(UNCLEAR)
        closest = ranking[: self._ranking_size]
        message.set(INTENT, _as_intent(meaning.intent, confidence), add_to_output=True)
        message.set(INTENT_RANKING_KEY, self._rank_intents(closest), add_to_output=True)
        message.set(ENTITIES, _as_entities(meaning), add_to_output=True)
        message.set(LABEL_RANKING, [ranked._asdict() for ranked in closest], add_to_output=True)

    def _choose(self, ranking: list[Ranked], words: int) -> Ranked | None:
        """The first of the ranking, or the closest entry where the first is light and all entries are likelier."""
        if not ranking:
            return None
        first = ranking[0]
        is_doubtful = words >= LONG_MESSAGE and first.confidence < SURE
        if is_doubtful and self._meaning_of(first.label).intent in LIGHT:
            entries = [ranked for ranked in ranking if self._meaning_of(ranked.label).intent == ASK_ENTRY]
            if sum(ranked.confidence for ranked in entries) > TIMES_LIKELIER * first.confidence:
                return entries[0]
        return first

    def _meaning_of(self, label: str) -> Meaning:
        return self._meanings.get(label) or Meaning(label)

    def _rank_intents(self, ranking: list[Ranked]) -> list[dict[str, Any]]:
        best: dict[str, float] = {}
        for ranked in ranking:
            best.setdefault(self._meaning_of(ranked.label).intent, ranked.confidence)
        return [_as_intent(intent, confidence) for intent, confidence in best.items()]


def _as_intent(name: str, confidence: float) -> dict[str, Any]:
    return {INTENT_NAME_KEY: name, PREDICTED_CONFIDENCE_KEY: confidence}


def _as_entities(meaning: Meaning) -> list[dict[str, Any]]:
    if meaning.value is None:
        return []
    return [
        {
            ENTITY_ATTRIBUTE_TYPE: meaning.entity,
            ENTITY_ATTRIBUTE_VALUE: meaning.value,
            EXTRACTOR: LabelClassifier.__name__,
        }
    ]
