"""When a person may be written to: quiet hours and days, digests and pauses, in their own time zone.

Pure functions over ``Rhythm``; all moments that go in and come out carry a zone, and come out in UTC. Days on which
clocks change are right: an hour that does not exist is the moment after it, one that exists twice is the first of the
two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from subscriptions.models import Frequency

DAY = timedelta(days=1)
SATURDAY = 6


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A person's hours. ``quiet_days`` and ``digest_on`` are ISO days of the week, 1 for Monday."""

    time_zone: str = "Europe/Brussels"
    quiet_from: time | None = None
    quiet_to: time | None = None
    quiet_days: tuple[int, ...] = ()
    digest_at: time = time(8, 0)
    digest_on: int = 2
    paused_until: date | None = None


@cache
def zone_of(name: str) -> ZoneInfo:
    """The time zone; names were checked when they were set."""
    return ZoneInfo(name)


@lru_cache(maxsize=4096)
def is_paused(rhythm: Rhythm, at: datetime) -> bool:
    """Whether the pause holds; on the day of ``paused_until`` messages come again."""
    return rhythm.paused_until is not None and _local(rhythm, at).date() < rhythm.paused_until


@lru_cache(maxsize=4096)
def end_of_quiet(rhythm: Rhythm, at: datetime) -> datetime:
    """The first moment from ``at`` on that is neither in quiet hours nor on a quiet day."""
    while True:
        local = _local(rhythm, at)
        if _is_quiet_day(rhythm, local.date()):
            at = _moment(rhythm, local.date() + DAY, time(0), after=at)
        elif (ends := _end_of_quiet_hours(rhythm, local)) is not None:
            at = _moment(rhythm, ends, rhythm.quiet_to or time(0), after=at)
        else:
            return at


@lru_cache(maxsize=4096)
def next_digest(rhythm: Rhythm, frequency: Frequency, after: datetime) -> datetime:
    """When the next daily or weekly digest after a moment goes.

    On a quiet day it moves to the next day that is not one, at the same hour; in quiet hours, to their end.
    """
    day = _local(rhythm, after).date() - 8 * DAY
    while True:
        if frequency is Frequency.DAILY or day.isoweekday() == rhythm.digest_on:
            moved = day
            while _is_quiet_day(rhythm, moved):
                moved += DAY
            at = end_of_quiet(rhythm, _moment(rhythm, moved, rhythm.digest_at))
            if at > after:
                return at
        day += DAY


@lru_cache(maxsize=4096)
def add_working_days(rhythm: Rhythm, at: datetime, count: int) -> datetime:
    """The same hour, so many days from Monday to Friday later."""
    local = _local(rhythm, at)
    day = local.date()
    while count:
        day += DAY
        count -= day.isoweekday() < SATURDAY
    return _moment(rhythm, day, local.time())


def start_of_day(rhythm: Rhythm, day_of: datetime) -> datetime:
    """The beginning of the person's day that holds a moment."""
    return _moment(rhythm, _local(rhythm, day_of).date(), time(0))


def day_of(rhythm: Rhythm, at: datetime) -> date:
    """The person's date at a moment."""
    return _local(rhythm, at).date()


def _local(rhythm: Rhythm, at: datetime) -> datetime:
    return at.astimezone(zone_of(rhythm.time_zone))


def _moment(rhythm: Rhythm, day: date, at: time, *, after: datetime | None = None) -> datetime:
    local = datetime.combine(day, at.replace(fold=0), zone_of(rhythm.time_zone))
    moment = local.astimezone(UTC)
    if after is not None and moment <= after:
        # The hour exists twice, and the first of the two is over.
        moment = local.replace(fold=1).astimezone(UTC)
    return moment


def _is_quiet_day(rhythm: Rhythm, day: date) -> bool:
    # A person whose every day is quiet would never get what is owed.
    return day.isoweekday() in rhythm.quiet_days and len(set(rhythm.quiet_days)) < 7


def _end_of_quiet_hours(rhythm: Rhythm, local: datetime) -> date | None:
    """The day on which the quiet hours end that hold a moment; None when none do."""
    begins, ends, now = rhythm.quiet_from, rhythm.quiet_to, local.time()
    if begins is None or ends is None or begins == ends:
        return None
    if begins < ends:
        return local.date() if begins <= now < ends else None
    if now >= begins:
        return local.date() + DAY
    return local.date() if now < ends else None
