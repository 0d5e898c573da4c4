"""Legal time limits by country and area, said so that they read in every language.

Telling a desk stops none of them. What is known comes from facts/deadlines.yaml; what is not known there is called
unknown, and whom to ask now is named. The English words of the facts (``limit``, ``starts``) are never shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Self

from babel import Locale
from babel.lists import format_list
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator, model_validator

from channels.base import Link
from core.texts import Texts, listed
from knowledge.base import FOLDER, KnowledgeBase
from knowledge.dates import format_as_of
from knowledge.errors import KnowledgeError
from knowledge.reading import Item, Problems, read_items
from knowledge.schema import CountryCode, Identifier, Line

FILE = FOLDER / "facts" / "deadlines.yaml"


class LimitArea(StrEnum):
    """What a limit is about."""

    EMPLOYMENT = "employment"
    GOODS_AND_SERVICES = "goods-and-services"
    HOUSING = "housing"
    EDUCATION = "education"
    PUBLIC_SERVICES = "public-services"
    CRIMINAL_COMPLAINT = "criminal-complaint"
    EQUALITY_BODY_COMPLAINT = "equality-body-complaint"


class LimitKind(StrEnum):
    """What the told amount is: the one limit, one day less than it, or the shortest of several."""

    EXACT = "exact"
    JUST_UNDER = "just-under"
    SHORTEST = "shortest"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Told(_Strict):
    """A limit as every language can say it."""

    amount: int = Field(ge=1, le=400)
    unit: str = Field(pattern=r"^(day|working-day|week|month|year)$")
    kind: LimitKind

    @property
    def is_just_under(self) -> bool:
        return self.kind is LimitKind.JUST_UNDER


class DeadlineFact(_Strict):
    """The limit of one area in one country, with its source. None: not evidenced, never "no limit"."""

    id: Identifier
    country: CountryCode
    area: LimitArea
    limit: Line | None
    told: Told | None
    starts: Line | None
    where: Line | None
    law: Line | None
    year: int | None
    meanwhile: list[Identifier]
    advice: Line
    facts: list[Line] = Field(min_length=1)
    reliability: str | None = Field(pattern=r"^(official|secondary|weak)$")
    source_url: str | None
    source_detail: str | None = None
    as_of: str | None

    @field_validator("source_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None:
            HttpUrl(value)
        return value

    @model_validator(mode="after")
    def _says_only_what_is_evidenced(self) -> DeadlineFact:
        if self.limit is None and self.told is not None:
            raise ValueError("tells a limit that is not evidenced")
        if self.limit is not None and (self.source_url is None or self.reliability is None):
            raise ValueError("names a limit without its source and reliability")
        if self.told is not None and str(self.told.amount) not in (self.limit or ""):
            raise ValueError(f"tells {self.told.amount}, which the limit does not name")
        return self


@dataclass(frozen=True)
class Said:
    """What to say of the limits, and where it was read."""

    lines: list[str]
    links: list[Link]


@cache
def _read(path: Path) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    problems = Problems(path.parent.parent.parent)
    return tuple(read_items(path, problems)), tuple(problems.found)


class Limits:
    """The limits of every country that we know something of."""

    def __init__(self, facts: Iterable[DeadlineFact], base: KnowledgeBase, texts: Texts) -> None:
        self._facts = {(fact.country, fact.area): fact for fact in facts}
        self._base = base
        self._texts = texts

    @classmethod
    def load(cls, base: KnowledgeBase, texts: Texts, path: Path = FILE) -> Self:
        """Read and check the facts. Raises KnowledgeError, which names every problem with file, line and reason."""
        items, unreadable = _read(path)
        problems = Problems(path.parent.parent.parent)
        problems.found.extend(unreadable)
        facts: dict[tuple[str, LimitArea], DeadlineFact] = {}
        for item in items:
            fact = problems.validate(DeadlineFact, item)
            if fact is None:
                continue
            if (fact.country, fact.area) in facts:
                problems.add(path, item.line, f"{fact.id}: {fact.country} has a second limit for {fact.area}")
            for service in fact.meanwhile:
                if f"service/{service}" not in base.entries:
                    problems.add(path, item.field_lines["meanwhile"], f"{fact.id}: names the unknown service {service}")
            facts[fact.country, fact.area] = fact
        if problems.found:
            raise KnowledgeError(problems.found)
        return cls(facts.values(), base, texts)

    def get(self, country: str, area: LimitArea) -> DeadlineFact | None:
        return self._facts.get((country, area))

    def before(self, country: str | None, language: str) -> Said:
        """Every limit that is known in the country, where the area is not known, as before anything is told."""
        lines = [self._texts.get("report.deadline.stops_nothing", language)]
        known = [fact for area in LimitArea if (fact := self._facts.get((country or "", area))) and fact.told]
        lines += self._lines(known, language)
        lines.append(self._rest_unknown(country, known, language))
        return Said(lines + self._whom_to_ask(country, language), self._sources(known, language))

    def _lines(self, facts: Sequence[DeadlineFact], language: str) -> list[str]:
        """One sentence for all areas with the same limit and the same reliability."""
        alike: dict[tuple[Told, bool], list[DeadlineFact]] = {}
        for fact in facts:
            assert fact.told is not None
            alike.setdefault((fact.told, fact.reliability == "official"), []).append(fact)
        return [self._line(told, is_official, members, language) for (told, is_official), members in alike.items()]

    def _line(self, told: Told, is_official: bool, members: Sequence[DeadlineFact], language: str) -> str:
        areas = [self._texts.get(f"report.deadline.area.{member.area}", language) for member in members]
        time = self._texts.get(f"report.time.{told.unit}", language, count=told.amount)
        key = f"report.deadline.{told.kind}" + ("" if is_official else "_unsure")
        return self._texts.get(key, language, areas=listed(areas, language), time=time)

    def _rest_unknown(self, country: str | None, known: Collection[DeadlineFact], language: str) -> str:
        if country is None:
            return self._texts.get("report.deadline.no_country", language)
        name = str(Locale.parse(language).territories.get(country, country))
        key = "report.deadline.rest_unknown" if known else "report.deadline.country_unknown"
        return self._texts.get(key, language, country=name)

    def _whom_to_ask(self, country: str | None, language: str) -> list[str]:
        ids: dict[str, None] = {}
        for area in LimitArea:
            fact = self._facts.get((country or "", area))
            ids.update(dict.fromkeys(fact.meanwhile if fact else ()))
        names = [self._base.get_entry(f"service/{one}").title(language) for one in ids]
        if not names:
            return [self._texts.get("report.deadline.ask_somebody", language)]
        return [self._texts.get("report.deadline.ask", language, names=format_list(names, style="or", locale=language))]

    def _sources(self, facts: Iterable[DeadlineFact], language: str) -> list[Link]:
        by_url = {fact.source_url: fact for fact in facts if fact.source_url}
        return [Link(title=self._source_title(fact, language), url=url) for url, fact in by_url.items() if url]

    def _source_title(self, fact: DeadlineFact, language: str) -> str:
        area = self._texts.get(f"report.deadline.area.{fact.area}", language)
        when = format_as_of(fact.as_of, language)
        if when is None:
            return self._texts.get("report.deadline.source_undated", language, area=area)
        return self._texts.get("report.deadline.source", language, area=area, date=when)
