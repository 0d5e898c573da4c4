"""Cities, countries and networks as choices of a form, in the reader's language."""

from __future__ import annotations

from babel import Locale

from web.pages import Page

type Options = list[tuple[str, str]]


def city_options(page: Page) -> Options:
    """All cities that the facts name, by name."""
    named = [(city, page.place_name(city)) for city in page.hub.wording.base.cities]
    return sorted(named, key=lambda pair: pair[1].casefold())


def country_options(page: Page) -> Options:
    """The countries of those cities."""
    territories = Locale.parse(page.language).territories
    codes = {city.country for city in page.hub.wording.base.cities.values()}
    return sorted(((code, str(territories.get(code, code))) for code in codes), key=lambda pair: pair[1].casefold())


def network_options(page: Page) -> Options:
    """The national networks that the facts name."""
    names = {city.national_network for city in page.hub.wording.base.cities.values() if city.national_network}
    return [(name, name) for name in sorted(names, key=str.casefold)]
