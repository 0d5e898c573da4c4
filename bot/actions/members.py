"""Whether a city is a member, which cities of a country are, and places that nobody knows.

Cities are told with their sources and in the order of the alphabet; none is compared with another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

from bot.actions.turn import IS_MEMBER, Result, Turn
from channels.base import Link, Reply
from conversation.replies import HANDOFF, find_language_name
from core.normalise import fold
from core.texts import listed
from knowledge.asked_places import AskedPlace, AskedPlaces
from knowledge.base import Entry
from knowledge.dates import latest_date
from knowledge.places import Gazetteer, Place, PlaceKind
from knowledge.schema import CityFact, Kind

NUMBERS = "membership/number-members"
JOINING = "membership/join-steps-fr"
OF_PLACE = {
    "KR": "membership/number-korea",
    "ca-montreal": "membership/network-qc",
    "ca-sherbrooke": "membership/network-qc",
    "pl-krakow": "membership/number-members-krakow",
    "pl-wroclaw": "membership/join-what-happens-after-2022",
}
"""Entries that tell of a place in other words than as its country's network."""
TOLD_TOGETHER = {
    "country_member": ("member", "survey-respondent"),
    "country_network": ("network-member",),
    "country_other": ("pilot-city", "index-only", "mentioned-as-member"),
}
MOST_SOURCES = 3


def find_question(turn: Turn) -> AskedPlace | None:
    """The place of whose membership somebody asks."""
    return _asked(turn.wording.gazetteer).find_membership(turn.text, turn.language) if turn.text else None


def find_next_place(turn: Turn) -> AskedPlace | None:
    """The place to which a message goes on that names nothing else ("and Norway?")."""
    return _asked(turn.wording.gazetteer).find_next(turn.text, turn.language) if turn.text else None


def answer_membership(turn: Turn, asked: AskedPlace) -> Result:
    """What the sources say of the place."""
    place = asked.place
    if place is None:
        reply = _unknown(turn, asked.name)
    elif place.kind is PlaceKind.COUNTRY:
        reply = _country(turn, place)
    else:
        reply = _city(turn, turn.wording.base.cities[place.id], place)
    reply.buttons = [
        *([turn.wording.entry_button(entry, turn.language)] if (entry := _own_entry(turn, reply)) else []),
        turn.wording.entry_button(turn.wording.base.get_entry(JOINING), turn.language),
        turn.wording.button("button.ask_team", turn.language, f"/{HANDOFF}"),
    ]
    slots = {"subject": reply.answer, "pending": IS_MEMBER} | ({"place": place.id} if place else {})
    return Result([reply], confidence=1.0, slots=slots)


def find_unknown_place(turn: Turn) -> str | None:
    """The name of a place that nobody knows, where a message goes on from help or membership to another place."""
    subject = turn.wording.base.entries.get(turn.subject or "")
    goes_on = turn.slots.get("place") is not None or (subject is not None and subject.kind is not Kind.TOOL)
    if not turn.text or not goes_on or find_language_name(turn.text) is not None:
        return None
    return _asked(turn.wording.gazetteer).find_unknown(turn.text, turn.language)


def ask_country(turn: Turn, name: str) -> Result:
    """Say that the place is not known, and ask for its country, instead of repeating what was said of the last one."""
    reply = turn.wording.say("asked_places.place_unknown", turn.language, name=name)
    reply.buttons = turn.wording.country_buttons("place", turn.language)
    return Result([reply], slots={"subject": turn.subject, "place": None})


def _city(turn: Turn, city: CityFact, place: Place) -> Reply:
    wording, language = turn.wording, turn.language
    name = wording.gazetteer.name(place, language)
    said = wording.texts.get(f"asked_places.{city.status}", language, city=name, network=city.national_network or "")
    source = "chat.source_seed" if city.source_url == "seed" else "chat.source_page"
    lines = [
        said,
        wording.dated(source, city.as_of, language),
        wording.texts.get("asked_places.no_full_list", language),
    ]
    return Reply(text="\n".join(lines), answer=_entry_of(turn, place), links=_sources(turn, [city]), language=language)


def _country(turn: Turn, place: Place) -> Reply:
    wording, language = turn.wording, turn.language
    country = wording.gazetteer.name(place, language)
    known = [city for city in wording.base.cities.values() if city.country == place.country]
    told = {key: [city for city in known if city.status in statuses] for key, statuses in TOLD_TOGETHER.items()}
    cities = [city for group in told.values() for city in group]
    if not cities:
        text = wording.texts.get("asked_places.country_none", language, country=country)
        return Reply(text=text, answer=_entry_of(turn, place), language=language)
    lines = [wording.texts.get("asked_places.country", language, country=country, count=len(cities))]
    lines += [
        wording.texts.get(f"asked_places.{key}", language, cities=_names(turn, group))
        for key, group in told.items()
        if group
    ]
    lines.append(wording.texts.get("asked_places.sources", language, year=_latest_year(cities)))
    if any(city.source_url == "seed" for city in cities):
        lines.append(wording.texts.get("chat.source_seed_undated", language))
    return Reply(text="\n".join(lines), answer=_entry_of(turn, place), links=_sources(turn, cities), language=language)


def _unknown(turn: Turn, name: str) -> Reply:
    wording, language = turn.wording, turn.language
    cities = list(wording.base.cities.values())
    values = {"name": name, "count": len(cities), "year": _latest_year(cities)}
    # A town outside the list is still in a country, whose network is the entry to name.
    country = wording.gazetteer.find_one(name, language)
    near = [city for city in cities if country is not None and city.country == country.country]
    return Reply(
        text=wording.texts.get("asked_places.unknown", language, **values),
        answer=_entry_of(turn, country) if country else NUMBERS,
        links=_sources(turn, near or cities),
        language=language,
    )


def _names(turn: Turn, cities: Sequence[CityFact]) -> str:
    gazetteer, language = turn.wording.gazetteer, turn.language
    names = sorted((gazetteer.name(gazetteer.places[city.id], language) for city in cities), key=fold)
    return listed(names, language)


def _latest_year(cities: Iterable[CityFact]) -> str:
    dates = [found for city in cities if (found := latest_date(city.as_of))]
    # Digits as people write them; a year takes no separator.
    return str(max(dates)[0]) if dates else ""


def _sources(turn: Turn, cities: Iterable[CityFact]) -> list[Link]:
    """The pages that name most of the cities."""
    urls = Counter(city.source_url for city in cities if city.source_url != "seed")
    return turn.wording.numbered_links([url for url, _ in urls.most_common(MOST_SOURCES)], turn.language)


def _entry_of(turn: Turn, place: Place) -> str:
    known = (OF_PLACE.get(place.id), OF_PLACE.get(place.country), f"membership/network-{place.country.lower()}")
    return next((found for found in known if found and found in turn.wording.base.entries), NUMBERS)


def _own_entry(turn: Turn, reply: Reply) -> Entry | None:
    """The entry to offer beside the answer."""
    return turn.wording.base.entries.get(reply.answer or "")


@cache
def _asked(gazetteer: Gazetteer) -> AskedPlaces:
    return AskedPlaces(gazetteer)
