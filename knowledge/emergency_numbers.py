"""Numbers of facts/emergency.yaml that somebody asks of, and the countries in which they can be called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from core.normalise import fold, words
from knowledge.base import FOLDER
from knowledge.places import Gazetteer
from knowledge.schema import EmergencyFact

NUMBERS = ("general", "police", "ambulance", "fire")
HELP_LINES = ("victim_helpline", "child_helpline", "domestic_violence", "crisis_line")
SHORTEST_ALONE = 3
"""Digits of a number that is asked of without a word that asks; of two, it may be an age or an amount."""

_NUMBER = re.compile(r"\+?\d[\d\s.()/-]*\d|\d+")


@dataclass(frozen=True)
class AskedNumber:
    """A number that is known, and the countries whose number it is."""

    digits: str
    countries: frozenset[str]


class EmergencyNumbers:
    """Finds the number of which a message asks, and nothing else."""

    def __init__(self, gazetteer: Gazetteer, folder: Path = FOLDER) -> None:
        self._gazetteer = gazetteer
        rows = yaml.safe_load((folder / "facts" / "number_words.yaml").read_text(encoding="utf-8"))
        self._asks = frozenset(map(fold, rows["asks"]))
        self._beside = self._asks | frozenset(map(fold, rows["beside"]))

    def find(self, text: str, language: str, known: Iterable[EmergencyFact]) -> AskedNumber | None:
        """The number, of those that are known, that the message asks of; None where it says anything else beside it."""
        if not any(char.isdigit() for char in text):
            return None
        folded = fold(text)
        asked = [re.sub(r"\D", "", match) for match in _NUMBER.findall(folded)]
        if len(asked) != 1:
            return None
        said = words(_NUMBER.sub(" ", folded))
        if len(asked[0]) < SHORTEST_ALONE and self._asks.isdisjoint(said):
            return None
        rest = [word for word in said if word not in self._beside]
        if rest and not self._gazetteer.is_only_place(" ".join(rest), language):
            return None
        countries = frozenset(fact.country for fact in known if asked[0] in _numbers(fact))
        return AskedNumber(asked[0], countries) if countries else None


def _numbers(fact: EmergencyFact) -> Iterator[str]:
    """The digits of every number of a country."""
    lines = (getattr(fact, name) for name in HELP_LINES)
    for spelled in (*(getattr(fact, name) for name in NUMBERS), *(line.phone for line in lines if line)):
        for part in re.split(r"[,;/]| or | and ", spelled or ""):
            digits = re.sub(r"\D", "", part)
            if len(digits) > 1:
                yield digits
