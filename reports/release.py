"""The release of a period: the only figures of a desk that are stored in clear and shown to anybody.

Each report is counted in at most one release, so no difference between releases, periods or levels tells anything:
there is nothing to subtract. A release is final. What must not be shown is decided in ``suppression``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

from reports.periods import Period
from reports.suppression import hidden_cells, is_small, rounded
from reports.tally import AREAS, GROUNDS, ONE_OF, ExactCounts, Tally, quarter_counts

DETAIL_FROM = 100
"""With fewer reports, a release has no two-way table and no table by time."""
REMAINDER = "rest"
"""In the two-way table: the areas together that the table by area does not show."""


class _Released(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Table(_Released):
    """Rounded counts; None is a cell that is not shown. Every possible cell is there, so that none tells by absence."""

    cells: dict[str, int | None]
    hidden: int | None = None
    """The cells that are not shown, together, where that is a number to be shown."""


class Release(_Released):
    """What is shown of the reports of some quarters of one desk."""

    version: int = 1
    quarters: list[str]
    """Which quarters' reports are counted here, and nowhere else."""
    total: int | None = None
    """Without the mass events. None: fewer than ten, and no tables."""
    tables: dict[str, Table] = Field(default_factory=dict)
    areas_by_ground: dict[str, Table] = Field(default_factory=dict)
    events: list[int] = Field(default_factory=list)
    """Reports of each mass event; they stand apart from everything else."""


def stands_alone(counts: ExactCounts) -> bool:
    """Whether a quarter has enough reports to be released before its year is over."""
    return counts.settled()[0].total >= DETAIL_FROM


def make_release(counts: ExactCounts, quarters: Iterable[Period], *, time_cells: Iterable[str] = ()) -> Release:
    """The release of what was counted in these quarters. ``time_cells``: the quarters (or, for one quarter, the months)
    in which the desk could receive reports at all."""
    covered = [str(quarter) for quarter in quarters]
    tally, masses = counts.settled()
    events = [rounded(size) for size in masses]
    if is_small(tally.total):
        return Release(quarters=covered, events=events)
    tables = {name: _table({cell: tally.tables[name][cell] for cell in cells}) for name, cells in ONE_OF.items()}
    tables["ground"] = _ground_table(tally)
    by_ground: dict[str, Table] = {}
    if tally.total >= DETAIL_FROM:
        by_ground = _areas_by_ground(tally, tables)
        tables |= _time_table(tally, list(time_cells))
    return Release(
        quarters=covered, total=rounded(tally.total), tables=tables, areas_by_ground=by_ground, events=events
    )


def _table(counts: Mapping[str, int], caps: Mapping[str, int] | None = None) -> Table:
    hidden = hidden_cells(counts, caps)
    together = sum(counts[name] for name in hidden)
    return Table(
        cells={name: None if name in hidden else rounded(count) for name, count in counts.items()},
        hidden=None if is_small(together) or len(hidden) == len(counts) else rounded(together),
    )


def _ground_table(tally: Tally) -> Table:
    """A report can name several grounds or none, and how many name none is not shown: so nothing about one ground
    follows from the others, and only small cells are left out."""
    counts = {ground: tally.grounds[ground] for ground in GROUNDS}
    return Table(cells={name: None if is_small(count) else rounded(count) for name, count in counts.items()})


def _areas_by_ground(tally: Tally, tables: Mapping[str, Table]) -> dict[str, Table]:
    """For each ground that is shown, its reports by area. Areas that are not shown are together here too, so that the
    two tables cannot be set against each other."""
    shown = [area for area in AREAS if tables["area"].cells[area] is not None]
    caps = {area: tally.tables["area"][area] for area in shown}
    if len(shown) < len(AREAS):
        caps[REMAINDER] = tally.total - sum(caps.values())
    rows = {}
    for ground in GROUNDS:
        if tables["ground"].cells[ground] is not None and shown:
            areas = tally.areas_by_ground[ground]
            counts = {area: areas[area] for area in shown}
            if REMAINDER in caps:
                counts[REMAINDER] = areas.total() - sum(counts.values())
            rows[ground] = _table(counts, caps)
    return rows


def _time_table(tally: Tally, cells: list[str]) -> dict[str, Table]:
    if len(cells) < 2:
        return {}
    name = "quarter" if "Q" in cells[0] else "month"
    found = quarter_counts(tally) if name == "quarter" else tally.months
    counts = {cell: found[cell] for cell in cells}
    # A report outside the cells (a clock that was wrong) would make the sum of the table smaller than the total.
    return {name: _table(counts)} if sum(counts.values()) == tally.total else {}
