"""An attacker on released figures: takes all of them together, and asks a solver how far each hidden cell can be told.

The attacker knows how tables are made (sums, several grounds a report, rounding to five, nothing below ten), and every
number that was ever shown, of all desks, periods and levels. The solver (scipy, HiGHS) finds the least and the most
that each hidden cell can be. ``told=True`` is an attacker who cannot exist: everything shown is known to the unit, and
so is which hidden cells are small.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from reports.release import REMAINDER, Release
from reports.suppression import BASE, FEWEST, is_small
from reports.tally import AREAS, GROUNDS, ONE_OF, Tally, quarter_counts

SLACK = BASE // 2
MOST = 5_000

type Cell = tuple[str, ...]
"""A count that exists, shown or not: ``(desk, quarters, "area", "housing")``."""


@dataclass(frozen=True)
class Reached:
    """What the attacker knows about one hidden cell, and what it really is."""

    cell: Cell
    least: int
    most: int
    truth: int

    @property
    def width(self) -> int:
        return self.most - self.least


class Attacker:
    """Collects linear constraints over whole numbers and narrows cells."""

    def __init__(self, *, told: bool = False) -> None:
        self.told = told
        self._index: dict[Cell, int] = {}
        self._low: list[float] = []
        self._high: list[float] = []
        self._rows: list[tuple[dict[int, int], float, float]] = []
        self._hidden: dict[Cell, int] = {}

    def cell(self, name: Cell) -> int:
        """The variable of a count."""
        if name not in self._index:
            self._index[name] = len(self._index)
            self._low.append(0)
            self._high.append(MOST)
        return self._index[name]

    def is_sum(self, total: Cell, parts: Iterable[Cell]) -> None:
        """The parts make the total."""
        self._rows.append(({self.cell(total): -1} | {self.cell(part): 1 for part in parts}, 0, 0))

    def is_part(self, part: Cell, whole: Cell) -> None:
        """The part is no larger than the whole."""
        self._rows.append(({self.cell(part): -1, self.cell(whole): 1}, 0, MOST))

    def see(self, cells: Iterable[Cell], shown: int, truth: int) -> None:
        """The cells together were shown as this number, rounded."""
        low, high = (truth, truth) if self.told else (max(FEWEST, shown - SLACK), shown + SLACK)
        self._rows.append(({self.cell(cell): 1 for cell in cells}, low, high))

    def see_at_least(self, cells: Iterable[Cell], least: int) -> None:
        """The cells together were shown as at least this."""
        self._rows.append(({self.cell(cell): 1 for cell in cells}, least, np.inf))

    def miss(self, cell: Cell, truth: int, *, is_told: bool = True) -> None:
        """The cell was not shown; it is what the attack is after."""
        index = self.cell(cell)
        self._hidden[cell] = truth
        if self.told and is_told:
            self._low[index], self._high[index] = (0, FEWEST - 1) if is_small(truth) else (FEWEST, MOST)

    def look_at(self, desk: str, release: Release, truth: Tally) -> None:
        """Learn one release of one desk; ``truth`` is used to judge, and by the attacker who was told."""
        at = (desk, "+".join(release.quarters))
        whole: Cell = (*at, "total")
        self._rules(at, whole, release)
        if release.total is None:
            self.miss(whole, truth.total)
            return
        self.see([whole], release.total, truth.total)
        for name, table in release.tables.items():
            counts = exact_table(truth, name)
            self._learn((*at, name), table.cells, table.hidden, counts, is_partition=name != "ground")
        for ground, row in release.areas_by_ground.items():
            counts = exact_row(truth, ground, row.cells)
            self._learn((*at, "areas", ground), row.cells, row.hidden, counts, is_partition=True)

    def _rules(self, at: Cell, whole: Cell, release: Release) -> None:
        for name in ONE_OF:
            self.is_sum(whole, [(*at, name, cell) for cell in ONE_OF[name]])
        for name in {"quarter", "month"} & set(release.tables):
            self.is_sum(whole, [(*at, name, cell) for cell in release.tables[name].cells])
        for ground in GROUNDS:
            self.is_part((*at, "ground", ground), whole)
        for ground, row in release.areas_by_ground.items():
            cells = list(row.cells)
            self.is_sum((*at, "ground", ground), [(*at, "areas", ground, cell) for cell in cells])
            for cell in cells:
                if cell != REMAINDER:
                    self.is_part((*at, "areas", ground, cell), (*at, "area", cell))
            if REMAINDER in cells:
                pooled: Cell = (*at, "area", REMAINDER)
                self.is_sum(pooled, [(*at, "area", area) for area in AREAS if area not in cells])
                self.is_part((*at, "areas", ground, REMAINDER), pooled)

    def _learn(
        self,
        at: Cell,
        cells: Mapping[str, int | None],
        together: int | None,
        truth: Mapping[str, int],
        *,
        is_partition: bool,
    ) -> None:
        hidden = [cell for cell, shown in cells.items() if shown is None]
        for cell, shown in cells.items():
            if shown is not None:
                self.see([(*at, cell)], shown, truth[cell])
            else:
                # Where a whole table is left out, nothing says which of its cells are small.
                self.miss((*at, cell), truth[cell], is_told=len(hidden) < len(cells))
        if together is not None and is_partition:
            self.see([(*at, cell) for cell in hidden], together, sum(truth[cell] for cell in hidden))

    def attack(self, *, most: int = 1_000_000) -> list[Reached]:
        """The range of every hidden cell, or of so many, evenly chosen."""
        size = len(self._index)
        rows, columns, values = [], [], []
        for number, (row, _, _) in enumerate(self._rows):
            for index, value in row.items():
                rows.append(number)
                columns.append(index)
                values.append(value)
        matrix = csr_array((values, (rows, columns)), shape=(len(self._rows), size))
        limits = LinearConstraint(matrix, [row[1] for row in self._rows], [row[2] for row in self._rows])
        found = []
        step = -(-len(self._hidden) // most) or 1
        for cell in list(self._hidden)[::step]:
            ends = []
            for sign in (1, -1):
                aim = np.zeros(size)
                aim[self._index[cell]] = sign
                answer = milp(aim, integrality=np.ones(size), bounds=Bounds(self._low, self._high), constraints=limits)
                assert answer.x is not None, f"the releases contradict each other: {answer.message}"
                ends.append(round(answer.x[self._index[cell]]))
            found.append(Reached(cell, ends[0], ends[1], self._hidden[cell]))
        return found


def exact_table(tally: Tally, name: str) -> Mapping[str, int]:
    """The true counts of one table."""
    if name == "ground":
        return tally.grounds
    if name == "quarter":
        return quarter_counts(tally)
    return tally.months if name == "month" else tally.tables[name]


def exact_row(tally: Tally, ground: str, cells: Iterable[str]) -> dict[str, int]:
    """The true counts of one ground by area."""
    areas: Mapping[str, int] = tally.areas_by_ground.get(ground, {})
    named = {cell: areas.get(cell, 0) for cell in cells if cell != REMAINDER}
    return named | {REMAINDER: sum(areas.values()) - sum(named.values())}


def betrayed(reached: Iterable[Reached]) -> list[Reached]:
    """Hidden cells of which too much is known: a small one must be able to be anything from 0 to 9, and any hidden cell
    any of at least ten numbers."""
    return [
        cell
        for cell in reached
        if cell.width < FEWEST - 1 or (is_small(cell.truth) and (cell.least > 0 or cell.most < FEWEST - 1))
    ]
