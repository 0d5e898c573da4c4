"""Dates of facts, which sources print in many ways, in words of the reader's language."""

from __future__ import annotations

import re
from datetime import date

from babel.dates import format_date, format_skeleton

from core.texts import Texts

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?(?!\d)")


def format_as_of(as_of: str | None, language: str, texts: Texts) -> str:
    """The latest date that ``as_of`` names ('about 2018-2019' is 2019), or the word for 'undated'."""
    found = [tuple(int(part or 0) for part in match.groups()) for match in _DATE.finditer(as_of or "")]
    if not found:
        return texts.get("chat.undated", language)
    year, month, day = max(found)
    if day:
        return str(format_date(date(year, month, day), "long", locale=language))
    if month:
        return str(format_skeleton("yMMMM", date(year, month, 1), locale=language))
    return str(year)
