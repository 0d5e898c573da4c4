"""The day on which a legal time limit may end, for the order of a desk's list. A guess to the safe side, not advice.

Only reports that say well enough when it happened have one; for the others no day is made up.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Protocol

from reports.contents import When

CLOSE = {"today": timedelta(days=1), "yesterday": timedelta(days=2), "this_week": timedelta(days=7)}
"""Choices that name a day closely enough, and how long before the report the earliest such day can be."""
MONTHS = {"month": 1, "year": 12}


class Limit(Protocol):
    """So much time, as a deadline's facts tell it."""

    @property
    def amount(self) -> int: ...

    @property
    def unit(self) -> str: ...

    @property
    def is_just_under(self) -> bool: ...


def first_day(when: When, *, arrived_on: date) -> date | None:
    """The earliest day on which it can have happened; None where the report does not say."""
    if when.day is not None:
        return min(when.day, arrived_on)
    return arrived_on - CLOSE[when.choice] if when.choice in CLOSE else None


def last_day(limit: Limit, start: date) -> date:
    """Where the limit ends that began on this day."""
    less = timedelta(days=1 if limit.is_just_under else 0)
    match limit.unit:
        case "day":
            return start + timedelta(days=limit.amount) - less
        case "week":
            return start + timedelta(weeks=limit.amount) - less
        case "working-day":
            return _after_working_days(start, limit.amount) - less
        case unit:
            return _after_months(start, limit.amount * MONTHS[unit]) - less


def _after_months(start: date, count: int) -> date:
    """The same day of a later month, or its last one."""
    year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def _after_working_days(start: date, count: int) -> date:
    """Weekends are left out; holidays are not, which makes the day earlier than it may be."""
    day = start
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day
