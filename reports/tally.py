"""Exact counts of the reports of one desk: what figures are made of, before anything is left out or rounded.

They add up, so that the counts of quarters make those of a year after the reports themselves are deleted. They are only
ever kept sealed to the desk. What is counted are answers to choices; words are never looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

from reports.contents import Origin, Report
from reports.periods import Period
from reports.suppression import is_small

NOT_SAID = "not_said"
"""A question that the person skipped."""
OTHER = "other"

AREAS = tuple(
    """housing employment education youth_opportunities information public_services goods_and_services health
    police_and_justice public_space online other not_said""".split()
)
GROUNDS = tuple(
    """origin skin_colour nationality language religion disability age gender sexual_orientation gender_identity health
    money other""".split()
)
"""What people name. How many name none, do not know or prefer not to say is never shown: without it, nothing about one
ground follows from the others."""
ONE_OF: Mapping[str, tuple[str, ...]] = {
    "area": AREAS,
    "for_whom": ("self", "other", "witness", "organisation", NOT_SAID),
    "place": ("city", "country", NOT_SAID),
    "origin": (Origin.WEB, Origin.TELEGRAM),
}
"""Tables in which each report stands exactly once, with all their cells; the last ones are the first to be left out."""


def _empty_tables() -> dict[str, Counter[str]]:
    return {name: Counter() for name in ONE_OF}


class Tally(BaseModel):
    """Counts of some reports of one desk."""

    model_config = ConfigDict(extra="forbid")

    total: int = 0
    tables: dict[str, Counter[str]] = Field(default_factory=_empty_tables)
    months: Counter[str] = Field(default_factory=Counter)
    grounds: Counter[str] = Field(default_factory=Counter)
    """A report counts for each ground that it names."""
    areas_by_ground: dict[str, Counter[str]] = Field(default_factory=dict)

    def count(self, report: Report) -> None:
        """Add one report."""
        area = _known(report.area, AREAS)
        self.total += 1
        self.tables["area"][area] += 1
        self.tables["for_whom"][_known(report.for_whom, ONE_OF["for_whom"])] += 1
        self.tables["place"][_place(report)] += 1
        self.tables["origin"][report.origin.value] += 1
        self.months[f"{report.arrived_at:%Y-%m}"] += 1
        for ground in set(report.grounds) & set(GROUNDS):
            self.grounds[ground] += 1
            self.areas_by_ground.setdefault(ground, Counter())[area] += 1

    def add(self, other: Tally) -> None:
        """Add what another tally counted."""
        self.total += other.total
        for name, counts in other.tables.items():
            self.tables[name].update(counts)
        self.months.update(other.months)
        self.grounds.update(other.grounds)
        for ground, counts in other.areas_by_ground.items():
            self.areas_by_ground.setdefault(ground, Counter()).update(counts)


class ExactCounts(BaseModel):
    """What one desk counted in a period: single reports, and those of each event that many people reported."""

    model_config = ConfigDict(extra="forbid")

    single: Tally = Field(default_factory=Tally)
    events: dict[str, Tally] = Field(default_factory=dict)
    """By the name that the desk gave the event."""

    @property
    def total(self) -> int:
        return self.single.total + sum(tally.total for tally in self.events.values())

    def count(self, report: Report, event: str | None) -> None:
        """Add one report, which the desk counts to an event or not."""
        (self.events.setdefault(event, Tally()) if event else self.single).count(report)

    def add(self, other: ExactCounts) -> None:
        """Add what another period counted."""
        self.single.add(other.single)
        for event, tally in other.events.items():
            self.events.setdefault(event, Tally()).add(tally)

    def settled(self) -> tuple[Tally, list[int]]:
        """The reports to make tables of, and the sizes of mass events. An event with few reports is none: they count
        like any others."""
        tally = self.single.model_copy(deep=True)
        masses = []
        for event in self.events.values():
            if is_small(event.total):
                tally.add(event)
            else:
                masses.append(event.total)
        return tally, sorted(masses, reverse=True)


def add_up(counts: Iterable[ExactCounts]) -> ExactCounts:
    """The counts of several periods together."""
    together = ExactCounts()
    for one in counts:
        together.add(one)
    return together


def quarter_counts(tally: Tally) -> Counter[str]:
    """Reports by quarter, from those by month."""
    by_quarter: Counter[str] = Counter()
    for month, count in tally.months.items():
        year, number = month.split("-")
        by_quarter[str(Period(int(year), (int(number) + 2) // 3))] += count
    return by_quarter


def _known(value: str | None, values: Iterable[str]) -> str:
    if value is None:
        return NOT_SAID
    return value if value in values else OTHER


def _place(report: Report) -> str:
    if report.city or report.place_words:
        return "city"
    return "country" if report.country else NOT_SAID
