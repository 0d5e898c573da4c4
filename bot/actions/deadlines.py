"""How long somebody has to complain: the limits that are known in a country, each with its source and date."""

from __future__ import annotations

from babel import Locale

from bot.actions.flows import is_a_guess
from bot.actions.knowledge import suggest
from bot.actions.turn import WHERE_FOR_DEADLINES, Result, Turn
from knowledge.deadlines import Limits
from knowledge.places import Place


def tell_deadlines(turn: Turn) -> Result:
    """The limits of the country that was named, or that the conversation is about; else the question where."""
    if is_a_guess(turn) and not turn.has_words_of_a_report:
        return suggest(turn)
    place = turn.find_place()
    return _ask_where(turn) if place is None else _of_country(turn, place)


def _of_country(turn: Turn, place: Place) -> Result:
    wording, language = turn.wording, turn.language
    said = Limits.load(wording.base, wording.texts).before(place.country, language)
    name = str(Locale.parse(language).territories.get(place.country, place.country))
    reply = wording.say("talk.deadlines", language, country=name)
    reply.text = "\n".join([reply.text, *said.lines])
    reply.links = said.links
    reply.buttons = [wording.button("button.find_help", language, f"/place/{place.id}")]
    return Result([reply], slots={"place": place.id, "subject": turn.subject})


def _ask_where(turn: Turn) -> Result:
    """What holds everywhere, and the question; it stays until a place is named."""
    wording, language = turn.wording, turn.language
    reply = wording.say("talk.deadlines_where", language)
    reply.buttons = wording.country_buttons("deadline", language)
    return Result([reply], slots={"pending": WHERE_FOR_DEADLINES, "subject": turn.subject})
