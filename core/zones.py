"""Time zones to choose from: one name for each, in the reader's language, by country and continent.

The names of the IANA that are kept for old files (``Africa/Timbuktu``) are understood, and not offered. Names of places
come from CLDR.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from babel.core import get_global

from core.clock import time_zones
from core.languages import locale_of

type ZoneGroups = list[tuple[str, list[tuple[str, str]]]]
"""The name of a group, and its zones with their names."""

UNIVERSAL = "UTC"
_CONTINENTS = {"Africa": "002", "America": "019", "Asia": "142", "Australia": "009", "Europe": "150", "Pacific": "009"}
"""The areas of UN M49 that zones are named after; islands of other oceans go with the world."""
_WORLD = "001"
_NOWHERE = ("Antarctica/", "Etc/")
_KNOWN_BEST = {"America/Toronto", "America/Winnipeg", "America/Edmonton", "America/Vancouver", "Asia/Nicosia"}
_WINTER, _SUMMER = datetime(2026, 1, 15), datetime(2026, 7, 15)  # noqa: DTZ001  (read on each zone's own clock)


def canonical_zone(zone: str) -> str:
    """The name that is offered for a zone; an unknown one stays as it is."""
    renamed = str(get_global("zone_aliases").get(zone, zone))
    return UNIVERSAL if renamed == "Etc/UTC" else renamed


def zone_groups(language: str, *, first: Iterable[str] = (), first_name: str = "", present: str = "") -> ZoneGroups:
    """The zones of some countries first, under a name of the caller's, then the others by continent.

    ``present`` is there in any case, so that a page never changes what somebody chose before.
    """
    return _groups(language, frozenset(first), first_name, canonical_zone(present) if present else "")


@cache
def _groups(language: str, first: frozenset[str], first_name: str, present: str) -> ZoneGroups:
    locale = locale_of(language)
    offered = _offered()
    if present and present != UNIVERSAL and present not in offered:
        offered |= {present: str(get_global("zone_territories").get(present, ""))}
    areas = [*dict.fromkeys(_CONTINENTS.values()), _WORLD]
    found: dict[str, list[tuple[str, str]]] = {area: [] for area in ("", *areas)}
    for zone, country in offered.items():
        area = "" if country in first else _CONTINENTS.get(zone.partition("/")[0], _WORLD)
        found[area].append((zone, _name(language, zone, country)))
    names = {"": first_name} | {area: str(locale.territories[area]) for area in areas}
    found[_WORLD].insert(0, (UNIVERSAL, UNIVERSAL))
    ordered = {area: sorted(zones, key=lambda pair: pair[1].casefold()) for area, zones in found.items()}
    return [(names[area], zones) for area, zones in ordered.items() if zones]


@cache
def _offered() -> dict[str, str]:
    """Zones by country. Of those of one country that agree all year, only the one that people know best."""
    countries = get_global("zone_territories")
    known_best = {canonical_zone(str(zone)) for zone in get_global("windows_zone_mapping").values()} | _KNOWN_BEST

    def rank(zone: str) -> tuple[bool, bool, int, str]:
        return zone not in known_best, not zone.startswith("Europe/"), zone.count("/"), zone

    offered: dict[tuple[str, object, object], str] = {}
    for zone in sorted(time_zones(), key=rank):
        if zone in countries and not zone.startswith(_NOWHERE) and canonical_zone(zone) == zone:
            clock, country = ZoneInfo(zone), str(countries[zone])
            offered.setdefault((country, clock.utcoffset(_WINTER), clock.utcoffset(_SUMMER)), zone)
    return {zone: country for (country, _, _), zone in offered.items()}


def _name(language: str, zone: str, country: str) -> str:
    locale = locale_of(language)
    city = locale.time_zones.get(zone, {}).get("city") or zone.rpartition("/")[2].replace("_", " ")
    return f"{locale.territories[country]} – {city}" if country in locale.territories else str(city)
