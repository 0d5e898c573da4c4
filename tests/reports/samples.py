"""Random reports for tests of figures: skewed, as real ones are, so that tables have large and small cells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from core.database import Database
from reports.contents import Origin, Report
from reports.models import Desk, DeskPeriod
from reports.periods import Period
from reports.release import Release, make_release, stands_alone
from reports.tally import AREAS, GROUNDS, NOT_SAID, ExactCounts, Tally, add_up


def some_report(random: Random, *, at: datetime, skew: float = 1.0) -> Report:
    """One report. ``skew`` says how much the first answers are chosen more often than the last."""
    grounds = [ground for number, ground in enumerate(GROUNDS) if random.random() < 0.5 / (1 + number) ** skew]
    areas = sorted(AREAS, key=lambda area: (area == NOT_SAID, Random(skew).random()))
    area = random.choices(areas, [1 / (1 + number) ** (2 * skew) for number in range(len(areas))])[0]
    return Report(
        language="en",
        origin=random.choices([Origin.WEB, Origin.TELEGRAM], [4, 1])[0],
        arrived_at=at,
        area=None if area == NOT_SAID else area,
        grounds=random.choice([grounds, [*grounds, "prefer_not_to_say"], grounds]),
        for_whom=random.choices(["self", "other", "witness", "organisation", None], [20, 5, 5, 1, 1])[0],
        city=random.choice(["city/it-bologna", None]),
        country=random.choices(["IT", None], [9, 1])[0],
    )


def some_counts(random: Random, size: int, *, year: int = 2026, quarter: int | None = None) -> ExactCounts:
    """Exact counts of that many reports, somewhere in a year or one of its quarters."""
    counts, skew = ExactCounts(), random.uniform(0.3, 1.5)
    start = datetime(year, 3 * (quarter or 1) - 2, 1, tzinfo=UTC)
    for _ in range(size):
        at = start + timedelta(days=random.uniform(0, 89 if quarter else 364))
        counts.count(some_report(random, at=at, skew=skew), None)
    return counts


def some_tally(random: Random, size: int) -> Tally:
    """The same, without events."""
    return some_counts(random, size).single


def some_releases(seed: int = 1) -> list[DeskPeriod]:
    """Three desks (``some_desks``) over two years: a large one, a middle one, and one that has too few to show."""
    random, rows = Random(seed), []
    for desk_id, year, sizes in (
        ("alpha", 2025, (60, 50, 70, 40)),
        ("alpha", 2026, (130, 80, 60, 90)),
        ("beta", 2026, (20, 25, 12, 9)),
        ("gamma", 2026, (1, 2, 0, 3)),
    ):
        waiting = dict.fromkeys(Period(year).quarters(), ExactCounts())
        for quarter, size in zip(Period(year).quarters(), sizes, strict=True):
            waiting[quarter] = counts = some_counts(random, size, year=year, quarter=quarter.quarter)
            if stands_alone(counts):
                rows.append(_row(desk_id, quarter, make_release(waiting.pop(quarter), [quarter])))
        rest = add_up(waiting.values())
        if desk_id == "beta":
            rest.events["A speech"] = some_tally(random, 43)
        cells = [str(quarter) for quarter in waiting]
        rows.append(_row(desk_id, Period(year), make_release(rest, waiting, time_cells=cells)))
    return rows


def some_desks() -> list[Desk]:
    """The desks of ``some_releases``."""
    at = datetime(2025, 1, 1, tzinfo=UTC)
    return [
        Desk(id="alpha", name="Alpha desk", kind="city", places=["city/it-bologna"], created_at=at),
        Desk(id="beta", name="=Beta", kind="association", places=["city/it-bologna", "FR"], created_at=at),
        Desk(id="gamma", name="Gamma desk", kind="independent", created_at=at),
    ]


async def fill_observatory(database: Database) -> None:
    """Put the desks and what they released into a database."""
    async with database.session() as session:
        session.add_all(some_desks())
        await session.flush()
        session.add_all(some_releases())
        await session.commit()


def _row(desk_id: str, period: Period, release: Release) -> DeskPeriod:
    return DeskPeriod(
        desk_id=desk_id,
        period=str(period),
        sealed_counts=b"sealed",
        released=release.model_dump(mode="json"),
        closed_at=datetime(period.year + 1, 1, 3, tzinfo=UTC),
    )
