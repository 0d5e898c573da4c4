"""Phrases that are heard by their words alone, in any language: rows of folded words, a star for any ending."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from core.normalise import fold, words

_PARTICLES = ("و", "ف", "ب", "ل", "ك")

Forms = list[frozenset[str]]
"""A text, each word as the set of its forms."""


class Phrases:
    """Phrases to be found in a text."""

    def __init__(self, said: Iterable[str]) -> None:
        self._by_first: dict[str, list[list[str]]] = {}
        self._by_beginning: list[list[str]] = []
        for one in said:
            phrase = re.findall(r"[^\W_]+\*?", fold(one))
            if phrase[0].endswith("*"):
                self._by_beginning.append(phrase)
            else:
                self._by_first.setdefault(phrase[0], []).append(phrase)
        self._beginnings = tuple({phrase[0].rstrip("*") for phrase in self._by_beginning})

    @property
    def first_words(self) -> set[str]:
        """How the phrases begin; with a star where any ending may follow."""
        return {*self._by_first, *(phrase[0] for phrase in self._by_beginning)}

    def stand_in(self, text: Forms) -> bool:
        """Whether any of them does."""
        return any(
            _begins(phrase, text[at : at + len(phrase)])
            for at, forms in enumerate(text)
            for phrase in self._list_possible(forms)
        )

    def are(self, text: Forms) -> bool:
        """Whether one of them is the whole text."""
        return bool(text) and any(_begins(phrase, text) for phrase in self._list_possible(text[0]))

    def _list_possible(self, forms: frozenset[str]) -> Iterator[list[str]]:
        """The phrases that may begin with a word."""
        for form in forms:
            yield from self._by_first.get(form, ())
            if form.startswith(self._beginnings):
                yield from self._by_beginning


def read_forms(text: str) -> Forms:
    """The words of a text with their forms."""
    return [_forms(word) for word in words(text)]


def _forms(word: str) -> frozenset[str]:
    """A word, and in Arabic also without what is written on to its beginning."""
    found = {word}
    if "\u0600" <= word[:1] <= "\u06ff":
        for particle in ("", *_PARTICLES):
            bare = word.removeprefix(particle)
            found |= {bare, bare.removeprefix("ال")}
            if particle == "ل" and bare.startswith("ل"):
                found.add(bare.removeprefix("ل"))
    return frozenset(form for form in found if len(form) > 1 or form == word)


def _begins(phrase: list[str], text: Forms) -> bool:
    return len(text) == len(phrase) and all(map(_fits, phrase, text))


def _fits(word: str, forms: frozenset[str]) -> bool:
    if word.endswith("*"):
        return any(form.startswith(word[:-1]) for form in forms)
    return word in forms
