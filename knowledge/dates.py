"""Dates of facts, which sources print in many ways: the latest one, its age, and its words in the reader's language."""

from __future__ import annotations

import re
from datetime import date

from babel.dates import format_skeleton

from core.languages import format_day, locale_of

STALE_AFTER_MONTHS = 24

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:-(0[1-9]|1[0-2])(?!\d)(?:-(0[1-9]|[12]\d|3[01])(?!\d))?)?(?!\d)")


def latest_date(as_of: str | None) -> tuple[int, int, int] | None:
    """Year, month and day of the latest date that is named ('about 2018-2019' is 2019); 0 for what is not said."""
    found = [tuple(int(part or 0) for part in match.groups()) for match in _DATE.finditer(as_of or "")]
    if not found:
        return None
    year, month, day = max(found)
    return year, month, day


def is_stale(as_of: str | None, today: date) -> bool:
    """Whether a date is missing or more than two years ago; a year alone counts to its end."""
    latest = latest_date(as_of)
    if latest is None:
        return True
    year, month, _ = latest
    return (today.year - year) * 12 + today.month - (month or 12) > STALE_AFTER_MONTHS


def format_as_of(as_of: str | None, language: str) -> str | None:
    """The latest date in words of the language, as exact as it is known; None when undated."""
    latest = latest_date(as_of)
    if latest is None:
        return None
    year, month, day = latest
    if day:
        return format_day(date(year, month, day), language)
    if month:
        return str(format_skeleton("yMMMM", date(year, month, 1), locale=locale_of(language)))
    return str(year)
