"""What a training example stands for, and what a label means to the rules.

A label is finer than an intent: an entry's id (`tool/icc-index`), a follow-up with its aspect (`follow_up/edition`),
else the intent itself. Rasa would read a slash in an intent as a retrieval intent, so the finer part travels in the
metadata of the examples, and comes back as an entity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, METADATA, METADATA_INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

_FINER_PARTS = ("entry", "aspect")


@dataclass(frozen=True)
class Meaning:
    """What a label stands for: an intent that has a rule, and at most one entity."""

    intent: str
    entity: str | None = None
    value: str | None = None

    @property
    def label(self) -> str:
        """The name that the understanding learns."""
        if self.value is None:
            return self.intent
        return self.value if self.entity == "entry" else f"{self.intent}/{self.value}"


@dataclass(frozen=True)
class LabelledMessage:
    """A training example, with what it means and in which language it is written."""

    message: Message
    meaning: Meaning
    language: str


def read_labelled_messages(training_data: TrainingData) -> Iterator[LabelledMessage]:
    """The examples that carry an intent and a text."""
    for message in training_data.intent_examples:
        intent = message.get(INTENT)
        if not intent or not message.get(TEXT):
            continue
        metadata: dict[str, Any] = (message.get(METADATA) or {}).get(METADATA_INTENT) or {}
        finer = next(((part, str(metadata[part])) for part in _FINER_PARTS if part in metadata), (None, None))
        yield LabelledMessage(message, Meaning(intent, *finer), str(metadata.get("language", "")))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class LabelIntents(GraphComponent):
    """For the benchmark: lets Rasa's own classifiers learn the labels, by making each label an intent."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LabelIntents:
        return cls()

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        for labelled in read_labelled_messages(training_data):
            labelled.message.set(INTENT, labelled.meaning.label)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        return messages
