"""Dates, places and deadlines in a desk's messages: sentences written by people in every language, filled in.

A machine must not translate "before 3 May". Who writes chooses a phrase and gives its values; every reader gets the
sentence in their own language, with the day written as that language writes it.
"""

from __future__ import annotations

from babel.dates import format_time

from core.languages import format_day, locale_of
from core.texts import Texts
from reports.contents import Phrase

PHRASES = {
    "appointment": ("day", "hour", "place"),
    "call": ("day", "hour"),
    "deadline": ("day",),
    "documents": ("day",),
    "answer_until": ("day",),
    "office": ("place",),
    "no_deadline_known": (),
    "next_message": ("day",),
    "interpreter": (),
}
"""What each phrase (``case.phrase.<key>``) needs."""
KEPT_LONGER = "kept_longer"
"""Written by the hub itself when a desk keeps a case longer; no officer chooses it."""


def is_whole(phrase: Phrase) -> bool:
    """Whether it is known and has every value that its sentence names."""
    return phrase.key in PHRASES and all(getattr(phrase, name) is not None for name in PHRASES[phrase.key])


def render_phrase(phrase: Phrase, texts: Texts, language: str) -> str:
    """The sentence in the reader's language."""
    values: dict[str, str] = {}
    if phrase.day is not None:
        values["day"] = format_day(phrase.day, language)
    if phrase.hour is not None:
        values["hour"] = str(format_time(phrase.hour, "short", locale=locale_of(language)))
    if phrase.place is not None:
        values["place"] = phrase.place
    return texts.get(f"case.phrase.{phrase.key}", language, **values)
