"""Days and spans of time that people name: "until 1 September", "for two weeks", "till Monday"."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, timedelta

from conversation.wishes.lexicon import Span

LONGEST_PAUSE = timedelta(days=400)
_UNIT_DAYS = {"day": 1, "week": 7}


def find_day(spans: Sequence[Span], today: date) -> date | None:
    """The day on which messages come again: after a word for "until" the day there, else the last day or span of time.

    None where no day is named, or one that is past or more than a year away.
    """
    after = [number for number, span in enumerate(spans) if span.kind == "until"]
    for start in [number + 1 for number in after]:
        if (day := _day_at(_without_words(spans[start:]), 0, today)) is not None:
            return _within(day, today)
    rest = _without_words(spans)
    day, at = None, 0
    while at < len(rest):
        found = _day_at(rest, at, today)
        day = found or day
        # "two weeks" is one span of time, not also one week.
        at += 2 if found is not None and rest[at].kind in {"number", "end"} else 1
    return _within(day, today) if day else None


def _without_words(spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span.kind not in {"word", "message", "all", "on"}]


def _day_at(spans: Sequence[Span], at: int, today: date) -> date | None:
    kinds = [span.kind for span in spans[at : at + 3]]
    values = [span.value for span in spans[at : at + 3]]
    match kinds:
        case ["date", *_]:
            return _written(str(values[0]), today)
        case ["number", "month", "number", *_] if values[2] > 2000:
            return _date(values[2], values[1], values[0])
        case ["number", "month", *_]:
            return _next_date(values[1], values[0], today)
        case ["month", "number", *_] if values[1] <= 31:
            return _next_date(values[0], values[1], today)
        case ["end", "month", *_]:
            return _next_date(values[1] % 12 + 1, 1, today)
        case ["end", "unit", *_] if values[1] == "month":
            return _add_months(today.replace(day=1), 1)
        case ["month", *_] | ["unit", "month", *_]:
            return _next_date(values[kinds.index("month")], 1, today)
        case ["number", "unit", *_]:
            return _later(today, values[0], values[1])
        case ["duration", *_]:
            return _later(today, *values[0])
        case ["unit", *_] if values[0] != "day":
            return _later(today, 1, values[0])
        case ["weekday", *_]:
            return today + timedelta(days=(values[0] - today.isoweekday() - 1) % 7 + 1)
        case ["day_word", *_]:
            return _day_of_word(str(values[0]), today)
    return None


def _day_of_word(word: str, today: date) -> date:
    if word == "tomorrow":
        return today + timedelta(days=1)
    if word == "next_week":
        return today + timedelta(days=8 - today.isoweekday())
    if word == "next_month":
        return _add_months(today.replace(day=1), 1)
    return date(today.year + 1, 1, 1)


def _written(text: str, today: date) -> date | None:
    if "-" in text:
        return _date(*map(int, text.split("-")))
    day, month, *year = (int(part) for part in text.replace("/", ".").split("."))
    if not year:
        return _next_date(month, day, today)
    return _date(year[0] if year[0] > 99 else 2000 + year[0], month, day)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _next_date(month: int, day: int, today: date) -> date | None:
    found = _date(today.year, month, day)
    return _date(today.year + 1, month, day) if found is not None and found <= today else found


def _later(today: date, number: int, unit: str) -> date | None:
    if number > 400:
        return None
    return _add_months(today, number) if unit == "month" else today + timedelta(days=number * _UNIT_DAYS[unit])


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _within(day: date, today: date) -> date | None:
    return day if today < day <= today + LONGEST_PAUSE else None
