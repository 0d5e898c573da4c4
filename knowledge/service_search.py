"""Finding the services for a person: by name, by number, by place, by ground and by need.

Nearest first: the city's desks, then the region's, then the country's bodies, then what is Europe-wide. Within one step
the better fit to ground and need comes first, and a fresh contact before one that is undated or two years old. Where
the city is accused, what it runs itself comes after all others. Who does not take the matter comes after all who do: a
body for cases against the administration, when the accused is an employer or a landlord; an information desk, when
somebody wants to complain about one of those.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from pathlib import Path

import yaml

from core.normalise import fold, words
from knowledge.base import FOLDER, Entry, KnowledgeBase
from knowledge.dates import is_stale
from knowledge.keywords import Keywords
from knowledge.near_names import NearNames
from knowledge.place_words import Reading
from knowledge.places import Gazetteer, Place, PlaceKind
from knowledge.schema import Kind, ServiceFact
from knowledge.spoken import SpokenLanguages

MOST_SERVICES = 3
NEEDS_OF_EVERYWHERE = frozenset({"court", "emergency"})
URGENT_NEEDS = frozenset({"emergency", "police", "hate-crime"})
PERSONAL_NEEDS = frozenset({"information", "legal-advice", "complaint", "decision", "mediation", "migrant-advice"})
"""What somebody gets for themselves; a body that only watches the whole comes later."""
PRIVATE_MATTERS = frozenset({"employment", "housing"})
COMPLAINT_NEEDS = frozenset({"complaint", "decision"})
NEEDS_OF_A_COMPLAINT = COMPLAINT_NEEDS | {"mediation", "legal-advice", "court"}
"""A service that gives none of these cannot take a complaint further."""
IN_THEIR_LANGUAGE = 2.0
"""What a language that somebody asked for weighs, beside 1.5 for a need."""
WHOM, LANGUAGE, OF_THE_CITY = "whom", "language", "of-the-city"
"""Values of the keywords' group `asking`: for somebody to turn to; for somebody who speaks a language; and of the
city's own offices."""
NEAR_A_REPORT = COMPLAINT_NEEDS | URGENT_NEEDS
"""Needs of somebody to whom something was done."""
LONGEST_ABBREVIATION = 3
GENERIC_FROM = 3
"""A word in the names of so many services names none of them alone."""
MINIMUM_NAME_SIMILARITY = 90
"""Percent of rapidfuzz's ratio at which a run of words counts as a service's name."""
SAME_NAME = 1.0
"""Strength from which a name was written as it is."""
SHORTEST_MISSPELT = 7
"""Letters of the shortest name that counts although it is misspelt."""
LONG_NAME = 3
"""Words from which on a misspelt name must have one word that is spelt as it should be."""

_NUMBER = re.compile(r"\+?\d[\d\s()./-]{1,}\d|\d{2,}")


class Nearness(IntEnum):
    """How near a service is to the place asked for; the higher, the nearer."""

    EUROPE = 1
    COUNTRY = 2
    REGION = 3
    CITY = 4


@dataclass(frozen=True)
class ServiceQuery:
    """What somebody looks for."""

    text: str
    place: Place | None = None
    grounds: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    """In which somebody wants to be understood."""
    asks_whom: bool = False
    """Whether the text asks for somebody to turn to ('who do I call?')."""
    accuses_city: bool = False
    """Whether it was the city's own people who did it."""

    @property
    def is_near_a_report(self) -> bool:
        """Whether the words may tell of discrimination or violence: such a text is never kept for the team."""
        return bool(self.grounds or self.needs & NEAR_A_REPORT)


@dataclass(frozen=True)
class NameMatch:
    """A service that the text names, and how (``number`` or ``name``)."""

    entry: Entry
    by: str
    strength: float


class ServiceSearch:
    """The services of the knowledge base, ready to be searched."""

    def __init__(self, base: KnowledgeBase, gazetteer: Gazetteer, keywords: Keywords, groups: Mapping[str, list[str]]):
        self._base = base
        self._gazetteer = gazetteer
        self._keywords = keywords
        self._groups = {name: frozenset(countries) for name, countries in groups.items()}
        self.refresh()

    def refresh(self) -> None:
        """Read the services again, since some were corrected or hidden."""
        self._services = self._base.list_entries(Kind.SERVICE)
        self._uses = Counter(
            word for entry in self._services for word in {w for name in _spellings(entry) for w in name}
        )
        self._owners: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
        for entry in self._services:
            for name in self._names_of(entry):
                self._owners[name].append(entry)
        self._names = _Names(self._owners)
        self._spoken = SpokenLanguages(code for entry in self._services for code in entry.service.languages)
        self._numbers = {entry.id: _numbers(entry.service) for entry in self._services}

    @classmethod
    def load(
        cls, base: KnowledgeBase, gazetteer: Gazetteer, keywords: Keywords, folder: Path = FOLDER
    ) -> ServiceSearch:
        groups = yaml.safe_load((folder / "facts" / "country_groups.yaml").read_text(encoding="utf-8"))
        return cls(base, gazetteer, keywords, groups)

    def read_query(
        self, text: str, *, place: Place | None = None, language: str, reading: Reading = Reading.LIVING
    ) -> ServiceQuery:
        """What a message asks for; a place in the text beats the ``place`` that is known from before."""
        asking = self._keywords.find("asking", text, language)
        return ServiceQuery(
            text,
            self._gazetteer.find_one(text, language, reading) or place,
            self._keywords.find("ground", text, language),
            self._keywords.find("need", text, language),
            self._spoken.find(text, language) if LANGUAGE in asking else frozenset(),
            WHOM in asking,
        )

    def find(self, query: ServiceQuery, *, today: date) -> list[Entry]:
        """The services to show, at most three, nearest first; empty when neither a place nor a service was named."""
        named = self.find_named(query.text)
        found = [match.entry for match in named[:1] if self._fits(match, query)]
        ranked = [(step, entry) for step, entry in self.list_near(query, today=today) if entry not in found]
        near = [entry for step, entry in ranked if step is not Nearness.EUROPE]
        found += near or [entry for _, entry in ranked]
        if not found and query.place is None:
            found = self._of_everywhere(query)
        return found[:MOST_SERVICES]

    def names_city_office(self, text: str, language: str) -> bool:
        """Whether a text speaks of the city's own offices or people."""
        return OF_THE_CITY in self._keywords.find("asking", text, language)

    def is_changed_by_accusing(self, query: ServiceQuery, *, today: date) -> bool:
        """Whether other services come first because the city is accused."""
        plain = replace(query, accuses_city=False)
        return query.accuses_city and self.find(query, today=today) != self.find(plain, today=today)

    def _of_everywhere(self, query: ServiceQuery) -> list[Entry]:
        """Europe-wide services for a need that does not depend on the place, such as a court above all states."""
        wanted = query.needs & NEEDS_OF_EVERYWHERE
        wide = [entry for entry in self._services if entry.service.country in {None, "EU"}]
        return [entry for entry in wide if wanted & set(entry.service.needs)]

    def list_near(self, query: ServiceQuery, *, today: date) -> list[tuple[Nearness, Entry]]:
        """Every service that reaches the place asked for, nearest first; empty without a place."""
        if query.place is None:
            return []
        near = ((self._nearness(entry.service, query.place), entry) for entry in self._services)
        reaching = [(step, entry) for step, entry in near if step is not None]
        return sorted(reaching, key=lambda pair: self._rank(pair[1], query, today), reverse=True)

    def find_named(self, text: str) -> list[NameMatch]:
        """Services that the text names or whose number it holds, best first."""
        matches = []
        numbers = {re.sub(r"\D", "", match) for match in _NUMBER.findall(fold(text))}
        tokens = words(text)
        strengths: dict[str, float] = {}
        for name, strength in self._names.find(tokens):
            for entry in self._owners[name] if _is_said(name, text) else ():
                strengths[entry.id] = max(strength, strengths.get(entry.id, 0.0))
        for entry in self._services:
            if numbers & self._numbers[entry.id]:
                matches.append(NameMatch(entry, "number", 2.0))
            elif entry.id in strengths:
                matches.append(NameMatch(entry, "name", strengths[entry.id] / 100))
        return sorted(matches, key=lambda match: match.strength, reverse=True)

    def _names_of(self, entry: Entry) -> frozenset[tuple[str, ...]]:
        """The service's names, but not what only says where it is ('Austria') or what many are ('ombudsman')."""
        return frozenset(
            name
            for name in _spellings(entry)
            if not self._gazetteer.is_place(name) and (len(name) > 1 or self._uses[name[0]] < GENERIC_FROM)
        )

    def _fits(self, match: NameMatch, query: ServiceQuery) -> bool:
        """A number names a service everywhere; a name that two countries share needs the country."""
        country = match.entry.service.country
        if query.place is None or match.by == "number" or country in {None, "EU"}:
            return True
        return country == query.place.country

    def _nearness(self, service: ServiceFact, place: Place) -> Nearness | None:
        if place.kind is PlaceKind.CITY and place.id in service.covers:
            return Nearness.CITY
        if place.region and place.region in service.covers:
            return Nearness.REGION
        if service.covers:
            return None
        if service.country == place.country:
            return Nearness.COUNTRY
        group = {"EU": "EU", None: "COE"}.get(service.country, "")
        if place.country in self._groups.get(group, ()) and place.country not in service.excluded_countries:
            return Nearness.EUROPE
        return None

    def _rank(self, entry: Entry, query: ServiceQuery, today: date) -> tuple[float, ...]:
        service = entry.service
        assert query.place is not None
        grounds, needs = frozenset(service.grounds), frozenset(service.needs)
        fit = 2.0 * bool(query.grounds & grounds) + 1.0 * ("any" in grounds) + 1.5 * len(query.needs & needs)
        if query.grounds and not query.grounds & grounds and "any" not in grounds:
            fit -= 2.0
        reachable = 0.5 * bool(service.phone) + 0.3 * bool(service.url or service.email)
        specialised = -1.5 * ("migrant-advice" in needs and not query.needs & {"migrant-advice", "information"})
        specialised -= 1.5 * bool(needs & {"emergency", "police"} and not query.needs & URGENT_NEEDS)
        specialised -= 1.0 * ("public-services" in needs and "public-services" not in query.needs)
        specialised -= 0.8 * (not needs & PERSONAL_NEEDS)
        spoken = IN_THEIR_LANGUAGE * bool(query.languages & set(service.languages))
        fresh = 0.4 * (not is_stale(service.as_of, today))
        return (
            float(_takes_the_matter(service, query)),
            float(not (query.accuses_city and service.run_by_city)),
            self._nearness(service, query.place) or 0,
            0.0 if service.superseded_by else 1.0,
            fit + reachable + specialised + spoken + fresh,
        )


def _takes_the_matter(service: ServiceFact, query: ServiceQuery) -> bool:
    """Whether a service is there for a case against an employer or landlord, where that is what somebody has."""
    if not query.needs & PRIVATE_MATTERS:
        return True
    wants_to_complain = bool(query.needs & COMPLAINT_NEEDS)
    is_able = bool(NEEDS_OF_A_COMPLAINT & set(service.needs)) or not wants_to_complain
    is_accused_private = "public-services" not in query.needs
    return is_able and not (service.public_bodies_only and is_accused_private)


def _is_said(name: tuple[str, ...], text: str) -> bool:
    """An abbreviation of three letters is often a word ('cet'): in a sentence it counts only in capitals."""
    if len(name) > 1 or len(name[0]) > LONGEST_ABBREVIATION or not name[0].isascii() or name[0].isdigit():
        return True
    return name[0].upper() in text or len(text.split()) <= LONGEST_ABBREVIATION


def _spellings(entry: Entry) -> frozenset[tuple[str, ...]]:
    service = entry.service
    spelled = [service.name_local, service.name_en, re.sub(r"\(.*?\)", "", service.name_local)]
    spelled += re.findall(r"\(([^)]+)\)", service.name_local)
    for text in entry.texts.values():
        spelled += [text.title, re.sub(r"\(.*?\)", "", text.title), *text.aliases]
        spelled += re.findall(r"\(([^)]+)\)", text.title)
    names = (tuple(words(name)) for name in spelled)
    return frozenset(name for name in names if name and len("".join(name)) >= 3)


def _numbers(service: ServiceFact) -> frozenset[str]:
    digits = {re.sub(r"\D", "", part) for part in re.split(r"[/,;]| or ", service.phone or "")}
    digits |= {re.sub(r"\D", "", number) for number in _NUMBER.findall(service.name_local)}
    return frozenset(number for number in digits if len(number) >= 3)


class _Names:
    """Names sorted by how many words they have, so that a run of as many words is held against all of them at once."""

    def __init__(self, names: Iterable[tuple[str, ...]]) -> None:
        by_size: dict[int, list[tuple[str, ...]]] = defaultdict(list)
        for name in names:
            by_size[len(name)].append(name)
        self._by_size = {size: _NamesOfASize(found) for size, found in by_size.items()}

    def find(self, tokens: list[str]) -> Iterator[tuple[tuple[str, ...], float]]:
        """Names that a run of the words equals, or nearly, with how well (from 90). Short ones must be equal."""
        for size, names in self._by_size.items():
            for run in {tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)}:
                yield from names.find(run)


class _NamesOfASize:
    """Names of as many words."""

    def __init__(self, names: list[tuple[str, ...]]) -> None:
        self._spelled = {" ".join(name): name for name in names}
        long = (spelled for spelled in self._spelled if len(spelled) >= SHORTEST_MISSPELT)
        self._near = NearNames(long, similarity=MINIMUM_NAME_SIMILARITY)
        self._words = {word for name in names for word in name}

    def find(self, run: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
        # Of a long name that is near enough, some word is as it should be.
        if len(run) >= LONG_NAME and self._words.isdisjoint(run):
            return
        said = " ".join(run)
        if said in self._spelled:
            yield self._spelled[said], 100.0 + min(len(said), 40) / 10
        yield from ((self._spelled[name], similarity) for name, similarity in self._near.find(said))
