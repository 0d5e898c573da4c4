"""Whether a name in a message is meant as a place: everyday words that only look like one, and words before a name.

The words are data (facts/place_words.yaml); months and days of the week come from Babel (Unicode CLDR).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

import yaml
from babel import Locale

from core.languages import LANGUAGES
from core.normalise import fold, words
from knowledge.base import FOLDER

EVERY_LANGUAGE = "any"
"""The row of words before a place that are read whatever the language is."""


class Reading(IntEnum):
    """What the places of a message are wanted for; the higher, the less counts as one."""

    NAMED = 1
    """Every place that is named."""
    LIVING = 2
    """Where somebody looks for help: no country that they only come from, and no nationality."""
    TOLD = 3
    """Where something happened, or happens now: nothing at all that they come from."""


@dataclass(frozen=True)
class _Word:
    """A folded word, or the beginning of one."""

    text: str
    is_beginning: bool

    def fits(self, token: str) -> bool:
        return token.startswith(self.text) if self.is_beginning else token == self.text


class PlaceWords:
    """The rows of facts/place_words.yaml, ready to be held against folded words."""

    def __init__(
        self,
        *,
        everyday: Sequence[str],
        before_misspelt: dict[str, list[str]],
        before_misspelt_town: dict[str, list[str]],
        origin: Sequence[str],
        not_origin: Sequence[str],
        articles: Sequence[str],
    ) -> None:
        listed = [word for row in everyday for word in row.split()]
        self._everyday = frozenset(fold(word) for word in listed if not word.endswith("*")) | _dates()
        self._beginnings = tuple(fold(word[:-1]) for word in listed if word.endswith("*"))
        self._before = {language: frozenset(map(fold, row)) for language, row in before_misspelt.items()}
        self._before_town = {language: frozenset(map(fold, row)) for language, row in before_misspelt_town.items()}
        self._origin = [[_alternatives(part) for part in row.split()] for row in origin]
        self._not_origin = frozenset(map(fold, not_origin))
        self._articles = frozenset(map(fold, articles))

    @classmethod
    def load(cls, folder: Path = FOLDER) -> PlaceWords:
        return cls(**yaml.safe_load((folder / "facts" / "place_words.yaml").read_text(encoding="utf-8")))

    def is_everyday(self, token: str) -> bool:
        """Whether a folded word only looks like a place's name."""
        return token in self._everyday or (bool(self._beginnings) and token.startswith(self._beginnings))

    def is_led(self, before: Sequence[str], language: str, *, to_town: bool) -> bool:
        """Whether the last of these words is one that stands before a place, or before a town, in the language."""
        if not before:
            return False
        rows = [self._before.get(language), self._before.get(EVERY_LANGUAGE)]
        rows += [self._before_town.get(language)] if to_town else []
        return any(before[-1] in row for row in rows if row)

    def is_origin(self, before: Sequence[str]) -> bool:
        """Whether the place after these words is where somebody comes from."""
        while True:
            if any(self._ends_with(before, row) for row in self._origin):
                return True
            if not before or before[-1] not in self._articles:
                return False
            before = before[:-1]

    def _ends_with(self, before: Sequence[str], row: Sequence[tuple[_Word, ...]]) -> bool:
        start = len(before) - len(row)
        if start < 0:
            return False
        if start > 0 and (before[start - 1] in self._not_origin or before[start - 1].isdigit()):
            return False
        return all(any(word.fits(token) for word in part) for part, token in zip(row, before[start:], strict=True))


def _alternatives(part: str) -> tuple[_Word, ...]:
    return tuple(_Word(fold(word.rstrip("*")), word.endswith("*")) for word in part.split("/"))


@cache
def _dates() -> frozenset[str]:
    """Folded names of months and days of the week, in every language of the hub."""
    found: set[str] = set()
    for language in LANGUAGES:
        locale = Locale.parse(language)
        for named in (*locale.months.values(), *locale.days.values()):
            found.update(word for name in named["wide"].values() for word in words(name) if not word.isdigit())
    return frozenset(found)
