"""The figures that the public sees: sums of releases over desks and periods. Nothing else is known here.

Since a sum uses only what is released already, no filter, level or difference between sums tells more than the releases
do. What a desk did not show is missing in the sum too: the cell then says "at least".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from reports.models import Desk, DeskPeriod
from reports.periods import Period
from reports.release import REMAINDER, Release, Table
from reports.tally import AREAS, GROUNDS, ONE_OF

TABLES = ("ground", "area", "for_whom", "place", "origin", "quarter", "month")
"""In the order in which they are shown."""
TIMES = frozenset({"quarter", "month"})


@dataclass(frozen=True)
class DeskRelease:
    """A release with the desk that made it."""

    desk: str
    desk_name: str
    desk_kind: str
    places: list[str]
    period: Period
    release: Release


@dataclass(frozen=True)
class Figure:
    """One number as it is shown. ``count`` None: not shown; ``at_least``: some of its parts are not shown."""

    count: int | None
    at_least: bool = False


@dataclass(frozen=True)
class ShownTable:
    """One table; every cell that it can have."""

    name: str
    cells: dict[str, Figure]
    hidden: Figure
    """What the cells that are not shown have together."""

    @property
    def is_empty(self) -> bool:
        """Whether no cell of it is shown."""
        return all(figure.count is None for figure in self.cells.values())


@dataclass(frozen=True)
class Sheet:
    """All figures for some desks and some periods."""

    desks: list[str]
    total: Figure
    tables: dict[str, ShownTable] = field(default_factory=dict)
    areas_by_ground: dict[str, ShownTable] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)
    """Mass events, the largest first; never part of the other figures."""
    releases: int = 0


async def list_releases(session: AsyncSession) -> list[DeskRelease]:
    """Everything that was released, by desk and period."""
    query = (
        select(DeskPeriod, Desk)
        .join(Desk, col(Desk.id) == col(DeskPeriod.desk_id))
        .order_by(Desk.name, DeskPeriod.period)
    )
    found = []
    for row, desk in await session.exec(query):
        period = Period.read(row.period)
        if row.released and period is not None:
            release = Release.model_validate(row.released)
            found.append(DeskRelease(desk.id, desk.name, desk.kind, desk.places, period, release))
    return found


def add_up_releases(releases: Sequence[DeskRelease]) -> Sheet:
    """The sums over these releases."""
    told = [item.release for item in releases]
    tables = {name: _sum_tables(name, told) for name in TABLES}
    by_ground = {
        ground: _sum_cells(ground, [*AREAS, REMAINDER], [release.areas_by_ground.get(ground) for release in told])
        for ground in GROUNDS
        if any(ground in release.areas_by_ground for release in told)
    }
    return Sheet(
        desks=sorted({item.desk for item in releases}),
        total=_sum([release.total for release in told]),
        tables={name: table for name, table in tables.items() if table is not None},
        areas_by_ground=by_ground,
        events=sorted((size for release in told for size in release.events), reverse=True),
        releases=len(told),
    )


def list_years(releases: Iterable[DeskRelease]) -> list[int]:
    """The years that have figures, the latest first."""
    return sorted({item.period.year for item in releases}, reverse=True)


def _sum_tables(name: str, releases: Sequence[Release]) -> ShownTable | None:
    """One table over all releases, or None where no release has it."""
    tables = [_time_table(release, name) if name in TIMES else release.tables.get(name) for release in releases]
    if not any(tables):
        return None
    known = GROUNDS if name == "ground" else ONE_OF.get(name, ())
    cells = _sum_times(releases, tables) if name in TIMES else _sum_cells(name, known, tables).cells
    if name == "ground":
        return ShownTable(name, cells, Figure(None))
    parts = [_not_in_cells(release, table) for release, table in zip(releases, tables, strict=True)]
    return ShownTable(name, cells, _sum(parts))


def _sum_times(releases: Sequence[Release], tables: Sequence[Table | None]) -> dict[str, Figure]:
    """Each quarter or month over the releases that have reports of it, shown or not."""
    times = sorted({cell for table in tables if table for cell in table.cells})
    return {
        time: _sum(
            [
                table.cells.get(time) if table else None
                for release, table in zip(releases, tables, strict=True)
                if _covers(release, time)
            ]
        )
        for time in times
    }


def _covers(release: Release, time: str) -> bool:
    quarters = [period for quarter in release.quarters if (period := Period.read(quarter))]
    return any(time == str(quarter) or time in quarter.months() for quarter in quarters)


def _sum_cells(name: str, known: Sequence[str], tables: Sequence[Table | None]) -> ShownTable:
    names = dict.fromkeys(known)
    for table in tables:
        names |= dict.fromkeys(table.cells if table else ())
    cells = {cell: _sum([table.cells.get(cell) if table else None for table in tables]) for cell in names}
    return ShownTable(name, cells, _sum([table.hidden if table else None for table in tables]))


def _time_table(release: Release, name: str) -> Table | None:
    """A release of one quarter is itself a line of the table by quarter."""
    if name == "quarter" and len(release.quarters) == 1 and release.total is not None:
        return Table(cells={release.quarters[0]: release.total})
    return release.tables.get(name)


def _not_in_cells(release: Release, table: Table | None) -> int | None:
    """How many reports the release has that no shown cell of the table counts; None where that is not shown."""
    if table is None or all(count is None for count in table.cells.values()):
        return release.total
    return 0 if None not in table.cells.values() else table.hidden


def _sum(parts: Sequence[int | None]) -> Figure:
    shown = [part for part in parts if part is not None]
    if not shown:
        return Figure(None)
    return Figure(sum(shown), at_least=len(shown) < len(parts))
