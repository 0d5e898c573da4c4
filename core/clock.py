"""The time, as something that is passed in, so that tests can set it. All times carry a zone (UTC)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import Protocol
from zoneinfo import available_timezones


class Clock(Protocol):
    """Tells the present moment in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock for tests that moves only when told."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def today(clock: Clock) -> date:
    """The day in UTC; counters are kept by it."""
    return clock.now().date()


@cache
def time_zones() -> frozenset[str]:
    """The IANA names that this machine knows. Asking the system each time walks through hundreds of files."""
    return frozenset(available_timezones())
