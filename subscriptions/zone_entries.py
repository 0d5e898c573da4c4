"""Time zones for calendar entries: the zone's rules around one year, in the form that Outlook reads too.

Outlook and Exchange take one observance for summer and one for winter with a yearly rule; long lists of dates, as
libraries write them, they pass over, and the event is an hour off. So the rule is found from the zone's own dates;
where there is none (Morocco, whose dates follow the moon), the dates around the event stand there one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
YEARS_OF_A_RULE = 4
"""For so many years in a row a rule has to hold to be one."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A moment at which clocks change. ``local``: what they showed then, before the change."""

    local: datetime
    before: timedelta
    after: timedelta
    is_summer: bool
    name: str


@lru_cache(maxsize=256)
def zone_entry(name: str, year: int) -> Timezone:
    """The entry for a zone, for events of one year."""
    entry = Timezone()
    entry.add("tzid", name)
    shifts = find_shifts(name, year - 1, year + YEARS_OF_A_RULE)
    if not shifts:
        at = datetime(year, 1, 1, tzinfo=ZoneInfo(name))
        offset = at.utcoffset() or timedelta(0)
        shifts = [Shift(datetime(1970, 1, 1), offset, offset, is_summer=False, name=at.tzname() or name)]  # noqa: DTZ001
    by_season = {season: [shift for shift in shifts if shift.is_summer is season] for season in (False, True)}
    rules = {season: find_rule(some, year) for season, some in by_season.items() if some}
    if len(shifts) > 1 and None in rules.values():
        for shift in shifts:
            if shift.local.year <= year + 1:
                entry.add_component(_observance(shift))
        return entry
    for season, rule in rules.items():
        entry.add_component(_observance(by_season[season][0], rule))
    return entry


def find_shifts(name: str, first_year: int, last_year: int) -> list[Shift]:
    """All changes of the clock from the beginning of one year to the end of another."""
    zone = ZoneInfo(name)
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    found = []
    while at < end:
        following = at + timedelta(days=1)
        if _offset(following, zone) != _offset(at, zone):
            found.append(_shift_between(at, following, zone))
        at = following
    return found


def find_rule(shifts: list[Shift], year: int) -> str | None:
    """The yearly rule (RFC 5545) of one season's changes, else None."""
    by_year = {shift.local.year: shift for shift in shifts}
    first = shifts[0].local
    if len(by_year) != len(shifts) or any(shift.local.month != first.month for shift in shifts):
        return None
    if any(shift.local.time() != first.time() or shift.local.weekday() != first.weekday() for shift in shifts):
        return None
    if not set(range(year - 1, year + YEARS_OF_A_RULE + 1)) <= set(by_year):
        return None
    day = WEEKDAYS[first.weekday()]
    if all((shift.local + timedelta(days=7)).month != first.month for shift in shifts):
        return f"FREQ=YEARLY;BYDAY=-1{day};BYMONTH={first.month}"
    weeks = {(shift.local.day - 1) // 7 + 1 for shift in shifts}
    return f"FREQ=YEARLY;BYDAY={weeks.pop()}{day};BYMONTH={first.month}" if len(weeks) == 1 else None


def _shift_between(start: datetime, end: datetime, zone: ZoneInfo) -> Shift:
    before = _offset(start, zone)
    while end - start > timedelta(seconds=1):
        middle = start + (end - start) / 2
        start, end = (start, middle) if _offset(middle, zone) != before else (middle, end)
    at = end.replace(microsecond=0)
    local = at.astimezone(zone)
    after, name = _offset(at, zone), local.tzname() or ""
    # By its length, since a zone may call its winter the exception (Dublin).
    return Shift((at + before).replace(tzinfo=None), before, after, is_summer=after > before, name=name)


def _observance(shift: Shift, rule: str | None = None) -> TimezoneDaylight | TimezoneStandard:
    observance = TimezoneDaylight() if shift.is_summer else TimezoneStandard()
    observance.add("dtstart", shift.local)
    observance.add("tzoffsetfrom", shift.before)
    observance.add("tzoffsetto", shift.after)
    observance.add("tzname", shift.name)
    if rule is not None:
        observance.add("rrule", vRecur.from_ical(rule))
    return observance


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)
