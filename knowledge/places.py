"""Finding cities, regions and countries in what people write, in every language, case form and common misspelling.

Names come from data: cities from facts/cities.yaml and texts/<language>/places.yaml, countries and capitals from
Babel's locale data (Unicode CLDR), country_forms.yaml and towns.yaml. Nothing here knows a particular place.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import yaml
from babel import Locale
from babel.core import get_global

from core.languages import LANGUAGES, SOURCE_LANGUAGE
from core.normalise import fold, words
from knowledge.base import FOLDER, KnowledgeBase
from knowledge.near_names import NearNames
from knowledge.place_words import PlaceWords, Reading
from knowledge.spoken import JOINING, drop_languages

MINIMUM_STEM = 5
"""A name is recognised with another ending ('Krakowie', 'Genovese') only when this many letters stay the same."""
MINIMUM_ARABIC_STEM = 4
CAPITAL = "capital"
"""In the list of an ambiguous name: a capital letter inside a sentence makes it the place."""
LED = "led:"
"""The same, before a language: a word before it does ("in cork")."""
NAME_ALONE = 1
"""A message of that many words is a place's name even where the word means something else."""
LONGEST_ENDING = 3
BEFORE_A_BODY, AFTER_A_BODY = 3, 5
"""Words beside one for a body among which its nationality stands ('مؤسسة حقوق الإنسان والمساواة التركية')."""
LONGEST_TOWN = 4
"""Words of a name in facts/towns_by_name.tsv."""
MINIMUM_TYPO_LENGTH = 6
LONGEST_NAME_ALONE, LONGEST_NATION_ALONE = 2, 3
"""Words of a message in which a misspelt town, or a nation, is the place without a word before it ("and krakowie")."""
TYPO_SIMILARITY = 88
"""Percent of rapidfuzz's ratio that a misspelt word must reach; measured on the cities' names against each other."""

_ZONES = ("Africa/", "America/", "Asia/", "Australia/", "Europe/", "Pacific/")
_WORD = re.compile(r"\w+")
_HEADING = re.compile(r"\s*(\w+)\s*[,،:]")
_ARABIC_JOINED = re.compile(r"^[وفبل](?=\w{4})")
_ARABIC_PREFIX = re.compile(r"^(?:و|ف)?(?:(?:ب|ل|ك)?(?:ال)|لل|ب|ل)(?=\w{3})")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class PlaceKind(IntEnum):
    """The narrower, the larger."""

    COUNTRY = 1
    REGION = 2
    CITY = 3


@dataclass(frozen=True)
class Place:
    """A country (id = its code), a region or a city."""

    id: str
    kind: PlaceKind
    country: str
    region: str | None = None


@dataclass(frozen=True)
class _Near:
    """A place of which a word is nearly the name."""

    place: Place
    name: str
    is_nation: bool
    """Whether the name is a country's own."""
    is_joined: bool = False
    """Whether the word is the very name, written together with 'in' or 'and' ('فتونس')."""


class Gazetteer:
    """All places that the hub can recognise."""

    def __init__(
        self,
        base: KnowledgeBase,
        *,
        country_forms: dict[str, list[str]] | None = None,
        towns: dict[str, list[list[str]]] | None = None,
        unnamed: frozenset[str] = frozenset(),
        ambiguous: dict[str, list[str]] | None = None,
        before_a_place: dict[str, list[str]] | None = None,
        said_alone: frozenset[str] = frozenset(),
        towns_by_name: dict[str, str] | None = None,
        bodies: tuple[str, ...] = (),
        nationalities: dict[str, tuple[str, ...]] | None = None,
        place_words: PlaceWords | None = None,
    ) -> None:
        self._base = base
        self._place_words = place_words or PlaceWords.load()
        self._towns_by_name = towns_by_name or {}
        self._bodies = bodies
        self._nationalities = nationalities or {}
        self._ambiguous = ambiguous or {}
        self._before = before_a_place or {}
        self._said_alone = said_alone
        self._unnamed = unnamed | {"EU", "UN", "EZ", "ZZ"}
        self.places: dict[str, Place] = {}
        self._by_words: dict[tuple[str, ...], Place] = {}
        self._by_first: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        self._nations: set[tuple[str, ...]] = set()
        """Names of countries, and what else stands for one in any language, but no towns."""
        self._own_names: set[tuple[str, ...]] = set()
        """Of these, what Unicode CLDR calls the country: no adjectives."""
        self._glyphs: dict[str, Place] = {}
        self._longest = 1
        self._add_countries(country_forms or {})
        self._add_towns(towns or {})
        self._add_cities()
        self._nations = {name for name in self._nations if self._by_words[name].kind is PlaceKind.COUNTRY}
        self._single = {name[0]: place for name, place in self._by_words.items() if len(name) == 1}
        long = (name for name in self._single if len(name) >= MINIMUM_TYPO_LENGTH and name not in self._ambiguous)
        self._long_names = NearNames(long, similarity=TYPO_SIMILARITY)

    @classmethod
    def load(cls, base: KnowledgeBase, folder: Path = FOLDER) -> Gazetteer:
        """Build it from the knowledge base and the case forms of country names."""
        forms = yaml.safe_load((folder / "facts" / "country_forms.yaml").read_text(encoding="utf-8"))
        towns = yaml.safe_load((folder / "facts" / "towns.yaml").read_text(encoding="utf-8"))
        said = yaml.safe_load((folder / "facts" / "country_bodies.yaml").read_text(encoding="utf-8"))
        groups = yaml.safe_load((folder / "facts" / "country_groups.yaml").read_text(encoding="utf-8"))
        return cls(
            base,
            country_forms=forms,
            towns=towns,
            unnamed=frozenset(groups["unnamed"]),
            ambiguous=groups["ambiguous"],
            before_a_place=groups["before_a_place"],
            said_alone=frozenset(groups["said_alone"]),
            towns_by_name=_read_towns(folder / "facts" / "towns_by_name.tsv"),
            bodies=tuple(map(fold, said["bodies"])),
            nationalities={code: tuple(map(fold, spelled)) for code, spelled in said["countries"].items()},
            place_words=PlaceWords.load(folder),
        )

    def find(self, text: str, language: str = "", reading: Reading = Reading.NAMED) -> list[Place]:
        """Places named in the text, narrowest first, then in the order of the text.

        A name that is an ordinary word elsewhere ('Roma') counts only in the languages where it is the place. Without a
        language the text is what somebody gave as a place, and every name counts. ``reading``: what they are for.
        """
        found: dict[str, tuple[int, Place]] = {}
        tokens = words(text)
        if language and (len(tokens) > NAME_ALONE or self._said_alone.issuperset(tokens)):
            capital = {token for token in tokens if self._may_be_meant(token) and _has_capital(token, text)}
            before = ["", *tokens]
            tokens = [
                token
                for token, previous in zip(tokens, before, strict=False)
                if token in capital or self._is_meant(token, previous, language)
            ]
            tokens = drop_languages(tokens, language, names=capital)
        origins: set[str] = set()
        after_origin = -1
        for position, size, place in self._exact(tokens):
            is_more = 0 <= after_origin <= position <= after_origin + 1 and JOINING.issuperset(
                tokens[after_origin:position]
            )
            if is_more or self._is_left_out(tokens, position, size, place, reading):
                origins.add(place.id)
                after_origin = position + size
            else:
                found.setdefault(place.id, (position, place))
        for glyphs, place in self._glyphs.items():
            if glyphs in text:
                found.setdefault(place.id, (text.index(glyphs), place))
        if not found and reading is not Reading.TOLD:
            found = {place.id: (position, place) for position, place in self._with_bodies(words(text))}
        if not found:
            for position, near in self._nearly(tokens, text, language, reading):
                if near.id not in origins and not (position == after_origin and tokens[position].startswith("و")):
                    found.setdefault(near.id, (position, near))
        return [place for _, place in sorted(found.values(), key=lambda pair: (-pair[1].kind, pair[0]))]

    @property
    def ambiguous(self) -> frozenset[str]:
        """Folded names that are ordinary words somewhere."""
        return frozenset(self._ambiguous)

    def _may_be_meant(self, token: str) -> bool:
        """Whether a capital letter makes the place of a word, or of a language's name ('Beja')."""
        place = self._by_words.get((token,))
        allowed = self._ambiguous.get(token)
        return place is not None and (place.kind is PlaceKind.CITY if allowed is None else CAPITAL in allowed)

    def _is_meant(self, token: str, previous: str, language: str) -> bool:
        """Whether a name that may be an ordinary word is the place here, by language or by the word before it."""
        allowed = self._ambiguous.get(token)
        if allowed is None or language in allowed:
            return True
        return LED + language in allowed and previous in self._before.get(language, ())

    def find_one(self, text: str, language: str = "", reading: Reading = Reading.NAMED) -> Place | None:
        """The narrowest place named in the text."""
        return next(iter(self.find(text, language, reading)), None)

    def is_place(self, tokens: tuple[str, ...]) -> bool:
        """Whether folded words are exactly a place's name."""
        return tokens in self._by_words

    def is_only_place(self, text: str, language: str) -> bool:
        """Whether the text is one place's name and nothing beside it, by words that mean nothing else there."""
        tokens = words(text)
        if len(tokens) > max(self._longest, LONGEST_TOWN):
            return False
        named = list(self._exact(tokens))
        if len(named) != 1 or named[0][1] < len(tokens) or self._is_nationality(tuple(tokens), named[0][2]):
            return False
        return all(self._is_meant(token, "", language) for token in tokens)

    def is_town(self, tokens: tuple[str, ...]) -> bool:
        """As ``is_place``, for towns that stand for their country too."""
        return self.is_place(tokens) or " ".join(tokens) in self._towns_by_name

    def get(self, place_id: str | None) -> Place | None:
        return self.places.get(place_id) if place_id else None

    def name(self, place: Place, language: str) -> str:
        """The place's name in the language, else its own name."""
        if place.kind is PlaceKind.COUNTRY:
            return str(Locale.parse(language).territories.get(place.id, place.id))
        for code in (language, SOURCE_LANGUAGE):
            names = self._base.place_names.get(code, {}).get(place.id)
            if names:
                return names[0]
        city = self._base.cities.get(place.id)
        return city.name if city else place.id

    def _add_countries(self, forms: dict[str, list[str]]) -> None:
        codes = [str(code) for code in Locale.parse(SOURCE_LANGUAGE).territories]
        codes = [code for code in codes if re.fullmatch(r"[A-Z]{2}", code)]
        for code in codes:
            if code in self._unnamed:
                continue
            place = self.places[code] = Place(code, PlaceKind.COUNTRY, code)
            for language in LANGUAGES:
                name = str(Locale.parse(language).territories.get(code, ""))
                self._add_name(name, place)
                self._own_names.add(_tokens_of(name))
            for name in forms.get(code, []):
                self._add_name(name, place)
        self._nations = set(self._by_words)

    def _add_towns(self, towns: dict[str, list[list[str]]]) -> None:
        """Towns outside the network stand for their country: CLDR's cities of time zones, and facts/towns.yaml."""
        for zone, code in get_global("zone_territories").items():
            place = self.places.get(code)
            if place is None or not zone.startswith(_ZONES):
                continue
            self._add_name(zone.rpartition("/")[2].replace("_", " "), place)
            for language in LANGUAGES:
                self._add_name(str(Locale.parse(language).time_zones.get(zone, {}).get("city", "")), place)
        for code, named in towns.items():
            for names in named:
                for name in names:
                    self._add_name(name, self.places[code])

    def _add_cities(self) -> None:
        for city in self._base.cities.values():
            place = self.places[city.id] = Place(city.id, PlaceKind.CITY, city.country, city.region)
            self._add_name(city.name, place)
            for part in city.name.split("/"):
                self._add_name(part, place)
            if city.region and city.region not in self.places:
                self.places[city.region] = Place(city.region, PlaceKind.REGION, city.country, city.region)
        for names in self._base.place_names.values():
            for place_id, spellings in names.items():
                for spelling in spellings:
                    if place_id in self.places:
                        self._add_name(spelling, self.places[place_id])

    def _add_name(self, name: str, place: Place) -> None:
        tokens = _tokens_of(name)
        if not tokens or len("".join(tokens)) < 2:
            return
        if _CJK.search(name):
            self._glyphs.setdefault(name, place)
            return
        known = self._by_words.get(tokens)
        if known is not None and known.kind >= place.kind:
            return
        if known is None:
            self._by_first[tokens[0]].append(tokens)
        self._by_words[tokens] = place
        self._longest = max(self._longest, len(tokens))
        if len(tokens) == 1 and tokens[0] not in self._ambiguous:
            stem = tokens[0].rstrip("aeiouyаеиоуыіїяью")
            if len(stem) >= _minimum_stem(stem):
                self._stems[stem].append(tokens[0])

    def _exact(self, tokens: list[str]) -> Iterator[tuple[int, int, Place]]:
        """Where names stand, of how many words, and the places."""
        position = 0
        bare = [_without_prefix(token) for token in tokens]
        while position < len(tokens):
            match = self._longest_match(tokens, position) or self._longest_match(bare, position)
            if match is not None:
                yield position, len(match), self._by_words[match]
                position += len(match)
                continue
            size, country = self._town_at(tokens, position) or self._town_at(bare, position) or (1, None)
            if country is not None:
                yield position, size, self.places[country]
            position += size

    def _is_left_out(self, tokens: list[str], position: int, size: int, place: Place, reading: Reading) -> bool:
        """Whether a place that is named does not count for what the places are read for."""
        if reading is Reading.NAMED:
            return False
        name = tuple(map(_without_prefix, tokens[position : position + size]))
        is_nation = name in self._nations or tuple(tokens[position : position + size]) in self._nations
        if self._place_words.is_origin(tokens[:position]):
            return reading is Reading.TOLD or is_nation
        return reading is Reading.TOLD and is_nation and self._is_nationality(name, place)

    def _is_nationality(self, name: tuple[str, ...], place: Place) -> bool:
        """Whether it is said of people ('italiano'), not of a country."""
        adjectives = self._nationalities.get(place.id, ())
        return len(name) == 1 and name not in self._own_names and name[0].startswith(adjectives)

    def _nearly(self, tokens: list[str], text: str, language: str, reading: Reading) -> Iterator[tuple[int, Place]]:
        """Places whose names stand in the text with another ending, or misspelt."""
        capitals = _capitals_inside(text)
        for position, token in enumerate(tokens):
            near = self._near(token)
            if near is None:
                continue
            if not language or self._is_meant_nearly(near, position, tokens, language, capitals, reading):
                yield position, near.place

    def _is_meant_nearly(
        self, near: _Near, position: int, tokens: list[str], language: str, capitals: frozenset[str], reading: Reading
    ) -> bool:
        """Whether a word that is nearly a name stands where a place would."""
        before = tokens[:position]
        if reading is not Reading.NAMED and self._place_words.is_origin(before):
            return reading is Reading.LIVING and not near.is_nation
        if reading is Reading.TOLD and self._nation_of(tokens[position]) == near.place.id:
            return False
        if near.is_joined or self._place_words.is_led(before, language, to_town=not near.is_nation):
            return True
        if near.is_nation:
            return reading is Reading.NAMED or (reading is Reading.LIVING and len(tokens) <= LONGEST_NATION_ALONE)
        if len(tokens) <= LONGEST_NAME_ALONE or tokens[position] in capitals:
            return True
        beside = tokens[max(position - BEFORE_A_BODY, 0) : position]
        return _has_joined(tokens[position], near.name) or any(word.startswith(self._bodies) for word in beside)

    def _near(self, token: str) -> _Near | None:
        if self._place_words.is_everyday(token) or self._place_words.is_everyday(_without_prefix(token)):
            return None
        joined = _ARABIC_JOINED.sub("", token) if "\u0600" <= token[:1] <= "\u06ff" else token
        name = self._inflected(token)
        if joined in self._single:
            return _Near(self._single[joined], joined, (joined,) in self._nations, is_joined=joined != token)
        nation = self._nation_of(token) if name else None
        if nation is not None:
            return _Near(self.places[nation], name or "", is_nation=True)
        name = name or self._misspelt(token)
        return _Near(self._single[name], name, (name,) in self._nations) if name else None

    def _nation_of(self, token: str) -> str | None:
        """The country whose nationality the word is ('روماني', which is no Roman)."""
        bare = _without_prefix(token)
        return next((code for code, said in self._nationalities.items() if bare.startswith(said)), None)

    def _with_bodies(self, tokens: list[str]) -> Iterator[tuple[int, Place]]:
        """Countries whose adjective stands beside a word for a body ('organisme belge')."""
        bare = [_without_prefix(token) for token in tokens]
        for position, token in enumerate(bare):
            if token.startswith(self._bodies):
                beside = (
                    bare[max(position - BEFORE_A_BODY, 0) : position] + bare[position + 1 : position + 1 + AFTER_A_BODY]
                )
                for country, adjectives in self._nationalities.items():
                    if any(word.startswith(adjectives) for word in beside):
                        yield position, self.places[country]

    def _town_at(self, tokens: list[str], position: int) -> tuple[int, str] | None:
        """How many words a town of the long list has here, and its country."""
        for size in range(min(LONGEST_TOWN, len(tokens) - position), 0, -1):
            country = self._towns_by_name.get(" ".join(tokens[position : position + size]))
            if country is not None:
                return size, country
        return None

    def _longest_match(self, tokens: list[str], position: int) -> tuple[str, ...] | None:
        candidates: Iterable[tuple[str, ...]] = self._by_first.get(tokens[position], ())
        matching = [name for name in candidates if tuple(tokens[position : position + len(name)]) == name]
        return max(matching, key=len, default=None)

    def _inflected(self, token: str) -> str | None:
        """The name that the word is, with another ending."""
        token = _without_prefix(token)
        for cut in range(LONGEST_ENDING + 1):
            stem = token[: len(token) - cut]
            if len(stem) < _minimum_stem(stem):
                return None
            if stem in self._stems:
                # "Nigerian" begins like Niger, and like Nigeria with more letters.
                return max(self._stems[stem], key=lambda name: len(name) if token.startswith(name) else 0)
        return None

    def _misspelt(self, token: str) -> str | None:
        if len(token) < MINIMUM_TYPO_LENGTH:
            return None
        return self._long_names.find_best(token)


def _read_towns(path: Path) -> dict[str, str]:
    """Folded names of towns, and the country that each means."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines if not line.startswith("#"))


def _has_capital(name: str, text: str) -> bool:
    """Whether the folded name has a capital letter for another reason than being the first word of a sentence."""
    return re.search(rf"(?:[\w,،)][ \t\u00a0]+|[(/,'’-]){name.capitalize()}\b", text) is not None


def _capitals_inside(text: str) -> frozenset[str]:
    """Folded words with a capital letter for another reason than being the first of a sentence; a heading too."""
    found = {fold(heading[1])} if (heading := _HEADING.match(text)) else set()
    for match in _WORD.finditer(text):
        word, before = match[0], text[: match.start()].rstrip(" \t\u00a0(/'’-")
        if word[0].isupper() and not word.isupper() and before and (before[-1].isalnum() or before[-1] in ",،)"):
            found.add(fold(word))
    return frozenset(found)


def _has_joined(token: str, name: str) -> bool:
    """Whether an Arabic word is written together with 'in' or 'and' ('بمالمو', 'وتورينو'), which the name is not."""
    return token[:1] in set("وفب") and not name.startswith(token[0])


def _tokens_of(name: str) -> tuple[str, ...]:
    return tuple(_without_article(token) for token in words(name))


def _without_article(token: str) -> str:
    """An Arabic name without its article; only texts are stripped of particles ('لودي' is Lodi, not 'to Odi')."""
    return re.sub("^ال(?=\\w{3})", "", token)


def _minimum_stem(stem: str) -> int:
    """Arabic writes no short vowels, so its names say as much in fewer letters ('قبرص', 'القبرصية')."""
    return MINIMUM_ARABIC_STEM if "\u0600" <= stem[:1] <= "\u06ff" else MINIMUM_STEM


def _without_prefix(token: str) -> str:
    """An Arabic word without the article and the particles that are written together with it ('ببولونيا')."""
    return _ARABIC_PREFIX.sub("", token) if "\u0600" <= token[:1] <= "\u06ff" else token


def place_from_input(gazetteer: Gazetteer, value: str | None) -> Place | None:
    """A place that a client states, by name in any language or by id; None when it is not recognised."""
    if not value:
        return None
    return gazetteer.get(value) or gazetteer.get(value.upper()) or gazetteer.find_one(fold(value))
