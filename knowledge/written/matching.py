"""Recognises a question that the team has already answered, without any training: the same words, or nearly the same.

Nearly the same is careful, since a wrong answer is worse than the closest three: rare words must be there on both
sides, a typing error is forgiven, and another number, place, question word or "not" makes another question.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from rapidfuzz import fuzz

from core.normalise import words
from knowledge.base import KnowledgeBase
from knowledge.places import Gazetteer

NEARLY_THE_SAME = 0.8
"""Share of the words of both, rare ones counting more, that a question and an example must have in common."""
CLOSE = 0.3
"""Share from which an entry is worth offering."""
TYPING_ERROR = 0.9
"""What a word with a typing error counts beside the word itself."""
ALIKE, SHORTEST_MISTYPED = 88, 5
"""How alike (0..100) two words must be for one to be a typing error of the other, and from which length on."""
MAY_BE_MISTYPED = 0.3
"""Share from which it is worth looking for typing errors in the rest."""
RAREST = 4
"""Words of a message by which examples are looked up."""
LONGEST = 60
"""Words; longer messages are no questions of a list."""


@dataclass(frozen=True)
class Example:
    """A question that an entry answers."""

    entry: str
    language: str
    text: str


@dataclass(frozen=True)
class _Known:
    entry: str
    text: str
    tokens: frozenset[str]
    turning: frozenset[str]


class ExampleQuestions:
    """The example questions that count now; ``replace`` exchanges them all at once."""

    def __init__(self, base: KnowledgeBase, gazetteer: Gazetteer) -> None:
        self._base = base
        self._gazetteer = gazetteer
        self._whole: dict[tuple[str, ...], dict[str, str]] = {}
        self._known: dict[str, dict[str, list[_Known]]] = {}
        """Language, then a word, then the examples that hold it."""
        self._weights: dict[str, _Weights] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be found."""
        return not self._known

    def replace(self, examples: Iterable[Example]) -> None:
        """These, and no others, count from now on."""
        whole: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
        known: dict[str, dict[str, list[_Known]]] = defaultdict(lambda: defaultdict(list))
        for example in examples:
            tokens = words(example.text)
            whole[tuple(tokens)][example.language] = example.entry
            turning = frozenset(tokens) & turning_words(example.language)
            each = _Known(example.entry, example.text, frozenset(tokens), turning)
            for token in each.tokens:
                known[example.language][token].append(each)
        self._whole = dict(whole)
        self._known = {language: dict(by_word) for language, by_word in known.items()}

    def find(self, text: str, language: str) -> str | None:
        """The entry that answers this very question; None when that is not sure."""
        tokens = words(text)
        if not tokens or len(tokens) > LONGEST or not self._known:
            return None
        same = self._whole.get(tuple(tokens), {})
        # Somebody may write in another language than the conversation's.
        entry = same.get(language) or (next(iter(same.values())) if len(set(same.values())) == 1 else None)
        if entry is not None and entry in self._base.entries:
            return entry
        return self._find_near(text, frozenset(tokens), language)

    def list_close(self, text: str, language: str, *, most: int = 1) -> list[str]:
        """Entries whose examples have much in common with the text, the closest first."""
        tokens = frozenset(words(text))
        best: dict[str, float] = {}
        for known in self._list_sharing(tokens, language):
            if known.entry in self._base.entries:
                best[known.entry] = max(best.get(known.entry, 0.0), self._share(tokens, known.tokens, language))
        close = sorted((-share, entry) for entry, share in best.items() if share >= CLOSE)
        return [entry for _, entry in close[:most]]

    def _find_near(self, text: str, tokens: frozenset[str], language: str) -> str | None:
        best: tuple[float, str] | None = None
        turning = tokens & turning_words(language)
        for known in self._list_sharing(tokens, language):
            if turning != known.turning or known.entry not in self._base.entries:
                continue
            share = self._share(tokens, known.tokens, language)
            if share < NEARLY_THE_SAME or (best is not None and share <= best[0]):
                continue
            if _numbers(tokens) == _numbers(known.tokens) and self._places(text, language) == self._places(
                known.text, language
            ):
                best = share, known.entry
        return best[1] if best else None

    def _list_sharing(self, tokens: frozenset[str], language: str) -> set[_Known]:
        """Examples that hold one of the rarest words of the message."""
        by_word, weights = self._known.get(language, {}), self._weights_of(language)
        rarest = sorted((token for token in tokens if token in by_word), key=weights.get, reverse=True)[:RAREST]
        return {known for token in rarest for known in by_word[token]}

    def _weights_of(self, language: str) -> _Weights:
        return self._weights.get(language) or self._weights.setdefault(language, _Weights(self._base, language))

    def _share(self, some: frozenset[str], others: frozenset[str], language: str) -> float:
        """What both have in common, of all that they have (Jaccard), weighed by how rare each word is."""
        weights = self._weights_of(language)
        common = some & others
        shared = sum(map(weights.get, common))
        mine, theirs = some - common, others - common
        left = sum(map(weights.get, mine)) + sum(map(weights.get, theirs))
        for word in mine if shared >= MAY_BE_MISTYPED * (shared + left) else ():
            other = max(theirs, key=lambda each, word=word: fuzz.ratio(word, each), default="")  # type: ignore[misc]
            if _is_mistyped(word, other):
                theirs -= {other}
                left -= weights.get(word) + weights.get(other)
                weight = min(weights.get(word), weights.get(other))
                shared += TYPING_ERROR * weight
                left += (1 - TYPING_ERROR) * weight
        return shared / (shared + left) if shared + left else 0.0

    def _places(self, text: str, language: str) -> set[str]:
        return {place.id for place in self._gazetteer.find(text, language)}


class _Weights:
    """How much a word says in one language: little where many entries use it, most where none does."""

    def __init__(self, base: KnowledgeBase, language: str) -> None:
        texts = [entry.texts[language] for entry in base.entries.values() if language in entry.texts]
        told = (" ".join([text.title, text.summary, *text.aliases]) for text in texts)
        self._counts = Counter(word for text in told for word in set(words(text)))
        self._entries = len(texts)

    def get(self, word: str) -> float:
        return math.log((1 + self._entries) / (1 + self._counts.get(word, 0))) + 0.1


@cache
def turning_words(language: str) -> frozenset[str]:
    """Words that make another question; none for a language without a list."""
    path = Path(__file__).with_name("turning_words.yaml")
    lines: Mapping[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return frozenset(words(lines.get(language, "")))


def _is_mistyped(word: str, other: str) -> bool:
    long_enough = min(len(word), len(other)) >= SHORTEST_MISTYPED
    return long_enough and word[0] == other[0] and not word.isdigit() and fuzz.ratio(word, other) >= ALIKE


def _numbers(tokens: frozenset[str]) -> set[str]:
    return {token for token in tokens if any(char.isdigit() for char in token)}
