"""The periods that figures are made for: a year (``2026``) and its quarters (``2026-Q3``), by the calendar in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

_WRITTEN = re.compile(r"(20\d\d)(?:-Q([1-4]))?", re.ASCII)


@dataclass(frozen=True, order=True)
class Period:
    """A year, or one of its quarters."""

    year: int
    quarter: int | None = None

    @classmethod
    def read(cls, text: str) -> Period | None:
        """The period that is written so, or None."""
        found = _WRITTEN.fullmatch(text)
        return cls(int(found[1]), int(found[2]) if found[2] else None) if found else None

    @classmethod
    def quarter_of(cls, moment: datetime | date) -> Period:
        """The quarter that a moment falls into."""
        return cls(moment.year, (moment.month + 2) // 3)

    def __str__(self) -> str:
        return f"{self.year}-Q{self.quarter}" if self.quarter else str(self.year)

    @property
    def whole_year(self) -> Period:
        return Period(self.year)

    def quarters(self) -> list[Period]:
        """Its quarters; a quarter is its own only one."""
        return [self] if self.quarter else [Period(self.year, number) for number in (1, 2, 3, 4)]

    def months(self) -> list[str]:
        """Its months, as ``2026-07``."""
        first, last = (3 * self.quarter - 2, 3 * self.quarter) if self.quarter else (1, 12)
        return [f"{self.year}-{month:02}" for month in range(first, last + 1)]

    def is_over(self, moment: datetime) -> bool:
        """Whether no report can arrive in it any more."""
        last = 3 * self.quarter if self.quarter else 12
        return (moment.year, moment.month) > (self.year, last)


def first_day(month: str) -> date:
    """The first day of a month that is written ``2026-07``."""
    return date.fromisoformat(f"{month}-01")
