"""Naming a time zone on a page, so that nobody takes one hour for another."""

from __future__ import annotations

from babel.dates import get_timezone_location

from core.languages import locale_of


def zone_name(zone: str, language: str) -> str:
    """By its place in the language, and as the settings call it: ``Rome (Europe/Rome)``."""
    place = str(get_timezone_location(zone, locale_of(language), return_city=True))
    return place if place == zone else f"{place} ({zone})"
