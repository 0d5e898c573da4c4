"""What a message asks of a place by its words alone: whether it is a member, or the same as before in another place.

Rows of words (texts/<language>/asked_places.yaml) must be the whole message, so that "how can Genoa become a member" is
no such question. The name in a row may be one that the hub does not know; then it is said back as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from babel import Locale

from core.languages import LANGUAGES
from core.normalise import fold, words
from knowledge.base import FOLDER
from knowledge.places import Gazetteer, Place, PlaceKind

LONGEST_NAME = 5
"""Words of a name, with 'the city of' before it."""
LONGEST_UNKNOWN_NAME = 2
MOST_WORDS = 20
AND, SHORTEST_AFTER_AND = "و", 4
"""What Arabic writes together with the name after it, and letters of a message in which it is taken for that."""
_NAME = rf"(\w+(?: \w+){{0,{LONGEST_NAME - 1}}}?)"
_WRITTEN_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class AskedPlace:
    """The place that a message names: one that the hub knows, or only the words for it."""

    name: str
    place: Place | None


@dataclass(frozen=True)
class _Row:
    pattern: re.Pattern[str]
    may_be_unknown: bool
    """Whether it is so plainly about a place that the name may be one that nobody knows."""


@dataclass(frozen=True)
class _Rows:
    members: tuple[_Row, ...]
    follow: tuple[_Row, ...]
    next: tuple[_Row, ...]
    before_name: tuple[tuple[str, ...], ...]
    not_place: frozenset[str]


class AskedPlaces:
    """Reads such questions in every language that has rows."""

    def __init__(self, gazetteer: Gazetteer, folder: Path = FOLDER) -> None:
        self._gazetteer = gazetteer
        self._rows = [_read(path) for path in sorted((folder / "texts").glob("*/asked_places.yaml"))]
        self._countries = _countries(folder)

    def find_membership(self, text: str, language: str) -> AskedPlace | None:
        """The place of which somebody asks whether it is a member, or whose members they ask for."""
        return self._find(text, language, "members")

    def find_unknown(self, text: str, language: str) -> str | None:
        """The name of a place that the hub does not know, where a message only goes on to another place."""
        if self._gazetteer.find_one(text, language) is not None:
            return None
        asked = self._find(text, language, "follow")
        return asked.name if asked else None

    def find_next(self, text: str, language: str) -> AskedPlace | None:
        """The place that a message is all about, where it goes on to it ("and Norway?"): one that the hub knows, or a
        town outside the network."""
        found = self._find(text, language, "next")
        if found is None and text.startswith(AND) and len(text) > SHORTEST_AFTER_AND:
            found = self._find(text.removeprefix(AND), language, "next")
        if found is None or found.place is None or found.place.kind is not PlaceKind.COUNTRY:
            return found
        # "In French" names a language, and "in France" a country.
        name = tuple(words(found.name))
        is_country = " ".join(name) in self._countries[found.place.id][0] or self._gazetteer.is_place(name)
        return found if is_country else None

    def _find(self, text: str, language: str, which: Literal["members", "follow", "next"]) -> AskedPlace | None:
        said = words(text)
        if len(said) > MOST_WORDS:
            return None
        unknown = None
        for rows in self._rows:
            for row in getattr(rows, which):
                match = row.pattern.fullmatch(" " + " ".join(said))
                if match is None:
                    continue
                name = _without(match[1].split(), rows.before_name)
                place = self._find_place(name, text, language, rows.before_name)
                if place is not None:
                    return AskedPlace(" ".join(name), place)
                is_town = which != "next" or self._gazetteer.is_town(tuple(name))
                if row.may_be_unknown and is_town and _may_be_name(name, rows.not_place):
                    # Elsewhere a town outside the network stands for its country; here that would be a wrong answer.
                    unknown = unknown or AskedPlace(_as_written(name, text), None)
        return unknown

    def _find_place(self, name: list[str], text: str, language: str, before: Iterable[tuple[str, ...]]) -> Place | None:
        """The city or country that the words name, and nothing beside it."""
        spelled = (
            [_as_written(name, text)] if len(name) == 1 or self._gazetteer.is_place(tuple(map(_bare, name))) else []
        )
        # "Gênes" is an ordinary word too, and so a place only with words around it.
        spelled += [" ".join((*said, *name)) for said in before if self._gazetteer.is_place((*said, *name))]
        for one in spelled:
            found = self._gazetteer.find_one(one, language)
            if found is not None and found.kind is PlaceKind.CITY:
                return found
        return self._find_country(name)

    def _find_country(self, name: list[str]) -> Place | None:
        """The country that the words name as such, by its name or by its adjective."""
        spelled = {" ".join(name), " ".join(map(_bare, name))}
        for code, (names, adjectives) in self._countries.items():
            if spelled & names or (len(name) == 1 and any(one.startswith(adjectives) for one in spelled)):
                return self._gazetteer.get(code)
        return None


def _may_be_name(name: list[str], not_place: frozenset[str]) -> bool:
    plain = not not_place.intersection(name) and not any(token.isdigit() for token in name)
    return plain and 0 < len(name) <= LONGEST_UNKNOWN_NAME


def _without(name: list[str], before: Iterable[tuple[str, ...]]) -> list[str]:
    """The words without 'the city of' before them."""
    for said in before:
        if tuple(name[: len(said)]) == said:
            return name[len(said) :]
    return name


def _bare(token: str) -> str:
    """An Arabic word without its article."""
    return token.removeprefix("ال")


def _as_written(wanted: list[str], text: str) -> str:
    """The folded words as they stand in the text."""
    written = _WRITTEN_WORD.findall(text)
    folded = [" ".join(words(word)) for word in written]
    for at in range(len(written) - len(wanted) + 1):
        if folded[at : at + len(wanted)] == wanted:
            return " ".join(written[at : at + len(wanted)])
    return " ".join(wanted)


@cache
def _read(path: Path) -> _Rows:
    data: Mapping[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    opening = f"(?:{any_of(data['opening'])})*"
    of_us, end = any_of(data["of_us"]), any_of(data["ending"])
    free, bound = f"(?:{of_us}|{end})*", f"(?:{end})*(?:{of_us})(?:{of_us}|{end})*"

    def read(key: str, ending: str, *, may_be_unknown: bool) -> list[_Row]:
        return [_Row(re.compile(opening + _pattern(row) + ending), may_be_unknown) for row in data[key]]

    return _Rows(
        members=(
            *read("city", free, may_be_unknown=True),
            *read("city_of_us", bound, may_be_unknown=True),
            *read("short", free, may_be_unknown=False),
            *read("country", free, may_be_unknown=False),
        ),
        follow=tuple(read("follow", free, may_be_unknown=True)),
        next=tuple(read("next", free, may_be_unknown=True)),
        before_name=tuple(sorted((tuple(words(row)) for row in data["before_name"]), key=len, reverse=True)),
        not_place=frozenset(word for row in data["not_place"] for word in words(str(row))),
    )


def any_of(rows: Iterable[str]) -> str:
    """Any of some rows."""
    return "|".join(map(_pattern, rows))


def _pattern(row: str) -> str:
    """A row as a pattern over folded words, each with a space before it."""
    found = ""
    for part in row.split():
        if part == "_":
            found += f" {_NAME}"
            continue
        spelled = (
            fold(word.rstrip("?*")) + (r"\w*" if word.rstrip("?").endswith("*") else "") for word in part.split("/")
        )
        found += f"(?: (?:{'|'.join(spelled)}))" + ("?" if part.endswith("?") else "")
    return found


@cache
def _countries(folder: Path) -> Mapping[str, tuple[frozenset[str], tuple[str, ...]]]:
    """By country: its folded names in every language, and how its adjectives begin."""
    facts = folder / "facts"
    forms = yaml.safe_load((facts / "country_forms.yaml").read_text(encoding="utf-8"))
    adjectives = yaml.safe_load((facts / "country_bodies.yaml").read_text(encoding="utf-8"))["countries"]
    territories = {language: Locale.parse(language).territories for language in LANGUAGES}
    found = {}
    for code in map(str, territories["en"]):
        if re.fullmatch(r"[A-Z]{2}", code):
            spelled = {str(names[code]) for names in territories.values() if code in names} | set(forms.get(code, ()))
            names = {" ".join(words(name)) for name in spelled}
            names |= {_bare(name) for name in names}
            found[code] = (frozenset(names), tuple(map(fold, adjectives.get(code, ()))))
    return found
