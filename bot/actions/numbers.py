"""Questions about a number: in which country it is called, and what is called there."""

from __future__ import annotations

from functools import cache

from bot.actions.turn import WHERE_FOR_NUMBERS, Result, Turn
from channels.base import Reply
from knowledge.base import Entry
from knowledge.emergency_numbers import AskedNumber, EmergencyNumbers
from knowledge.places import Gazetteer, Place

EMERGENCY = "emergency"
"""The need of a service that is an emergency number itself."""


def find_asked(turn: Turn) -> AskedNumber | None:
    """The country's number of which somebody asks, unless a service of that number tells of itself."""
    known = turn.wording.base.emergency.values()
    asked = _numbers_in(turn.wording.gazetteer).find(turn.text, turn.language, known)
    if asked is None or any(match.by == "number" for match in turn.wording.services.find_named(turn.text)):
        return None
    return asked


def answer_number(turn: Turn, asked: AskedNumber) -> Result:
    """The numbers of the country that was named, else of one in which this number is called."""
    wording, language = turn.wording, turn.language
    place = turn.find_named_place()
    known = turn.find_place()
    country = place.country if place else known.country if known and known.country in asked.countries else None
    if country is None and len(asked.countries) == 1:
        [country] = asked.countries
    if country is None:
        return Result([wording.emergency_anywhere(language)], slots={"pending": WHERE_FOR_NUMBERS})
    reply = wording.emergency(country, language) or wording.emergency_unknown(
        wording.gazetteer.places[country], language
    )
    slots = {"subject": turn.subject, "place": place.id if place else turn.slots.get("place")}
    return Result([reply], confidence=1.0, slots=slots)


def before_service(turn: Turn, entry: Entry, place: Place | None) -> list[Reply]:
    """The country's own numbers, to come before a service that is an emergency number: it may not work there."""
    if place is None or EMERGENCY not in entry.service.needs:
        return []
    reply = turn.wording.emergency(place.country, turn.language)
    return [reply or turn.wording.emergency_unknown(place, turn.language)]


@cache
def _numbers_in(gazetteer: Gazetteer) -> EmergencyNumbers:
    return EmergencyNumbers(gazetteer)
