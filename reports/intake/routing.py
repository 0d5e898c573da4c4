"""Where a report can go: the desks that take it, and the bodies that a letter of one's own can go to."""

from __future__ import annotations

from collections.abc import Mapping

from babel import Locale
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock, today
from knowledge.base import Entry, KnowledgeBase
from knowledge.place_words import Reading
from knowledge.places import Gazetteer, Place, PlaceKind
from knowledge.service_search import PERSONAL_NEEDS, Nearness, ServiceQuery, ServiceSearch
from reports.desks import NOT_ASKED_YET, DeskChoice, get_desk, list_desks_for, may_accuse
from reports.errors import DeskNotFoundError
from reports.intake.drafts import Sheet

MOST_BODIES = 4
MOST_COUNTRIES = 12

GROUNDS: Mapping[str, tuple[str, ...]] = {
    "origin": ("ethnic-origin", "race"),
    "skin_colour": ("race",),
    "nationality": ("nationality",),
    "language": ("language",),
    "religion": ("religion",),
    "disability": ("disability",),
    "age": ("age",),
    "gender": ("gender",),
    "sexual_orientation": ("sexual-orientation",),
    "gender_identity": ("gender-identity",),
}
"""Grounds of a report (steps.yaml) as the facts on services name them."""

NEEDS: Mapping[str, str] = {
    "employment": "employment",
    "housing": "housing",
    "public_services": "public-services",
    "information": "public-services",
}


class Routing:
    """Finds places, desks and bodies for what somebody said."""

    def __init__(self, base: KnowledgeBase, gazetteer: Gazetteer, services: ServiceSearch, clock: Clock) -> None:
        self._base = base
        self._gazetteer = gazetteer
        self._services = services
        self._clock = clock

    def find_place(self, text: str, language: str) -> Place | None:
        """The place that somebody wrote, by name in any language or by id."""
        return (
            self._gazetteer.get(text) or self._gazetteer.get(text.upper()) or self._gazetteer.find_one(text, language)
        )

    def find_place_told(self, words: str, language: str) -> Place | None:
        """The place where something happened, as the words for it name one: not where somebody comes from."""
        return self._gazetteer.find_one(words, language, Reading.TOLD)

    def get_place(self, place_id: str | None) -> Place | None:
        return self._gazetteer.get(place_id)

    def place_name(self, place: Place, language: str) -> str:
        """The place with its country, unless it is one."""
        name = self._gazetteer.name(place, language)
        if place.kind is PlaceKind.COUNTRY:
            return name
        return f"{name} ({self.country_name(place.country, language)})"

    def country_name(self, country: str, language: str) -> str:
        return str(Locale.parse(language).territories.get(country, country))

    def countries(self, language: str) -> list[tuple[str, str]]:
        """Code and name of the countries with the most cities of the network; any other can be written."""
        counts: dict[str, int] = {}
        for city in self._base.cities.values():
            counts[city.country] = counts.get(city.country, 0) + 1
        most = sorted(counts, key=lambda code: (-counts[code], code))[:MOST_COUNTRIES]
        return sorted(((code, self.country_name(code, language)) for code in most), key=lambda pair: pair[1])

    def place(self, sheet: Sheet) -> Place | None:
        """Where it happened: the place, or the country that was named for a place we do not know."""
        return self._gazetteer.get(sheet.value("where")) or self._gazetteer.get(sheet.value("where_country"))

    def country(self, sheet: Sheet) -> str | None:
        """In which country it happened."""
        place = self.place(sheet)
        return place.country if place else None

    def country_here(self, sheet: Sheet) -> str | None:
        """In which country the person is, as far as we know: emergency numbers go by it."""
        for said in (sheet.value("danger_where"), sheet.value("minor_where"), sheet.city):
            place = self._gazetteer.get(said)
            if place is not None:
                return place.country
        return self.country(sheet)

    async def list_desks(self, session: AsyncSession, sheet: Sheet) -> list[DeskChoice]:
        """The desks to choose from; the one whose QR code was read comes first, unless it is the accused's."""
        about_city = sheet.value("about_city")
        desks = await list_desks_for(session, place=self.place(sheet), about_city=about_city, clock=self._clock)
        if sheet.desk is None:
            return desks
        read = next((desk for desk in desks if desk.id == sheet.desk), None)
        if read is None:
            read = await self._find_desk(session, sheet.desk, about_city)
        if read is None:
            return desks
        others = [desk for desk in desks if desk.id != read.id]
        return [*others, read] if read.is_of_the_accused else [read, *others]

    async def find_desk(self, session: AsyncSession, sheet: Sheet) -> DeskChoice | None:
        """The desk that was chosen, if it still takes reports from there."""
        chosen = sheet.value("desk")
        return next((desk for desk in await self.list_desks(session, sheet) if desk.id == chosen), None)

    async def find_desk_of_code(self, session: AsyncSession, sheet: Sheet) -> DeskChoice | None:
        """The desk whose QR code was read, as it is before anything is asked."""
        return await self._find_desk(session, sheet.desk, NOT_ASKED_YET) if sheet.desk else None

    async def _find_desk(self, session: AsyncSession, desk_id: str, about_city: str | None) -> DeskChoice | None:
        """An open desk for which the person need not be at a place that it serves."""
        try:
            desk = await get_desk(session, desk_id, open_only=True)
        except DeskNotFoundError:
            return None
        served = self._gazetteer.get(desk.places[0]) if desk.places else None
        found = await list_desks_for(session, place=served, about_city=about_city, clock=self._clock)
        return next((choice for choice in found if choice.id == desk_id), None)

    def list_bodies(self, sheet: Sheet) -> list[Entry]:
        """Bodies competent for it, the best first; the city's own come last where the city is or may be accused."""
        place = self.place(sheet)
        grounds = {name for ground in sheet.answer("grounds").values for name in GROUNDS.get(ground, ())}
        need = NEEDS.get(sheet.value("area") or "")
        needs = frozenset({"complaint", need} if need else {"complaint"})
        query = ServiceQuery("", place, frozenset(grounds), needs)
        near = [
            (nearness, entry)
            for nearness, entry in self._services.list_near(query, today=today(self._clock))
            if PERSONAL_NEEDS & set(entry.service.needs) and not entry.service.superseded_by
        ]
        near = [pair for pair in near if pair[0] is not Nearness.EUROPE] or near
        if may_accuse(sheet.value("about_city")):
            near.sort(key=lambda pair: pair[0] is Nearness.CITY)
        return [entry for _, entry in near[:MOST_BODIES]]

    def find_body(self, sheet: Sheet) -> Entry | None:
        """The body that was chosen for the letter."""
        return self._base.entries.get(sheet.value("body") or "")

    def languages_of(self, body: Entry) -> list[str]:
        """Languages that a body reads, its own first."""
        if body.service.languages:
            return list(body.service.languages)
        for city in self._base.cities.values():
            if city.country == body.service.country and city.languages:
                return list(city.languages)
        return []
