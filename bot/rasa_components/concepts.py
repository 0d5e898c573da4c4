"""What a message speaks of, whatever its language: words of the same meaning count as one concept.

Concepts are the only thing that messages of different languages share, so a model that learns over them learns from all
languages at once. The words are data (nlu_data/concepts.yaml). How long a message is and how dense its concepts are is
shared in the same way: what lies outside the subject holds few, and a wish for a list is short.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import yaml

from rasa_components.normalise import WORD, fold

LONGEST_PHRASE = 4
"""Words in a row that are looked up together."""
SHORTEST_BEGINNING = 2
SIZES = (2, 4, 8, 16)
"""Words up to which a message belongs to each size."""
DENSITIES = (0.0, 0.1, 0.2, 0.35, 0.6)
"""Concepts a word, up to which a message belongs to each density."""

_ARABIC_PREFIXES = ("وال", "بال", "فال", "كال", "لل", "ال", "و", "ب", "ل", "ف", "ك")

Phrase = tuple[str, ...]
Words = Mapping[str, Mapping[str, str]]
"""Concept, then language, then its words, separated by commas."""


def read_words(path: Path) -> Words:
    """The concepts of a file."""
    words: Words = yaml.safe_load(path.read_text(encoding="utf-8"))
    return words


class Concepts:
    """Finds the concepts of messages in one language."""

    def __init__(self, words: Words, language: str) -> None:
        self._language = language
        self._whole: dict[Phrase, set[str]] = defaultdict(set)
        self._beginnings: dict[Phrase, set[str]] = defaultdict(set)
        for concept, by_language in words.items():
            for spelled in by_language.get(language, "").split(","):
                phrase = tuple(WORD.findall(fold(spelled.replace("*", ""))))
                if not phrase:
                    continue
                is_beginning = spelled.strip().endswith("*")
                if not is_beginning or len(phrase) > 1:
                    self._whole[phrase].add(concept)
                if is_beginning:
                    self._beginnings[phrase].add(concept)
        self._starts = {phrase[:-1] for phrase in (*self._whole, *self._beginnings) if len(phrase) > 1}

    def find(self, text: str) -> list[str]:
        """The concepts in the text, each once, in alphabetical order."""
        return self._find(WORD.findall(fold(text)))

    def _find(self, words: list[str]) -> list[str]:
        found: set[str] = set()
        for position, word in enumerate(words):
            for variant in self._variants(word):
                self._look_up((variant,), found)
            for size in range(2, min(LONGEST_PHRASE, len(words) - position) + 1):
                phrase = tuple(words[position : position + size])
                if phrase[:-1] in self._starts:
                    self._look_up(phrase, found)
        return sorted(found)

    def features(self, text: str) -> list[str]:
        """The concepts, the message's size and density, and pairs: two together say more than each alone."""
        return self.features_of(fold(text))

    def features_of(self, folded: str) -> list[str]:
        """The same of a text that is folded already."""
        words = WORD.findall(folded)
        concepts = self._find(words)
        size = f"~size{_step(len(words), SIZES)}"
        density = f"~density{_step(len(concepts) / max(len(words), 1), DENSITIES)}"
        found = [*concepts, size]
        pairs = [f"{first}+{second}" for place, first in enumerate(found) for second in found[place + 1 :]]
        return [*found, *pairs, density, f"{density}+{size}"]

    def _variants(self, word: str) -> set[str]:
        if self._language != "ar":
            return {word}
        bare = (word[len(prefix) :] for prefix in _ARABIC_PREFIXES if word.startswith(prefix))
        return {word} | {rest for rest in bare if len(rest) >= 3}

    def _look_up(self, phrase: Phrase, found: set[str]) -> None:
        found.update(self._whole.get(phrase, ()))
        *first, last = phrase
        for size in range(SHORTEST_BEGINNING, len(last) + 1):
            begun = self._beginnings.get((*first, last[:size]))
            if begun is not None:
                found |= begun


def _step(value: float, steps: tuple[float, ...]) -> int:
    """How many of the steps the value exceeds."""
    return sum(value > step for step in steps)
