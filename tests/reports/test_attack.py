"""The attack on released figures: all releases of all desks, periods and levels at once, with a solver as the judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from reports import release as release_module
from reports.observatory import DeskRelease, add_up_releases
from reports.periods import Period
from reports.release import Release, make_release, stands_alone
from reports.suppression import is_small, rounded
from reports.tally import ONE_OF, ExactCounts, Tally, add_up
from tests.reports.attack import Attacker, Cell, Reached, betrayed
from tests.reports.samples import some_counts

YEAR = Period(2026)
SIZES = {"small": (3, 5, 1, 4), "middle": (14, 20, 11, 17), "large": (40, 110, 35, 60), "largest": (150, 120, 210, 8)}
"""Reports by quarter of each desk."""


@dataclass
class Published:
    """What a network of desks released, and what is true."""

    told: list[tuple[str, Release, Tally]] = field(default_factory=list)

    def of_desks(self) -> list[DeskRelease]:
        return [DeskRelease(desk, desk, "city", [], YEAR, release) for desk, release, _ in self.told]


def publish(seed: int, sizes: Mapping[str, Sequence[int]] = SIZES) -> Published:
    """A year of desks, released as ``figures.close_period`` does: large quarters alone, the others with the year."""
    published, random = Published(), Random(seed)
    for desk, by_quarter in sizes.items():
        waiting: dict[Period, ExactCounts] = {}
        for quarter, size in zip(YEAR.quarters(), by_quarter, strict=True):
            counts = some_counts(random, size, quarter=quarter.quarter)
            if stands_alone(counts):
                release = make_release(counts, [quarter], time_cells=quarter.months())
                published.told.append((desk, release, counts.settled()[0]))
            else:
                waiting[quarter] = counts
        rest = add_up(waiting.values())
        release = make_release(rest, waiting, time_cells=[str(quarter) for quarter in waiting])
        published.told.append((desk, release, rest.settled()[0]))
    return published


def see_everything(attacker: Attacker, published: Published) -> None:
    """All releases, and what the public page makes of them for the network and for each table and cell."""
    for desk, release, truth in published.told:
        attacker.look_at(desk, release, truth)
    sheet = add_up_releases(published.of_desks())
    places: list[Cell] = [(desk, "+".join(release.quarters)) for desk, release, _ in published.told]
    for name in ("ground", *ONE_OF):
        for cell, figure in sheet.tables[name].cells.items():
            if figure.count is not None:
                attacker.see_at_least([(*at, name, cell) for at in places], figure.count - 2 * len(places))


def attack(published: Published, *, told: bool, most: int = 120) -> list[Reached]:
    """The ranges of hidden cells, of a sample where there are many."""
    attacker = Attacker(told=told)
    see_everything(attacker, published)
    return attacker.attack(most=most)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_no_hidden_cell_can_be_told_from_all_releases_together(seed: int, told: bool) -> None:
    assert betrayed(attack(publish(seed), told=told)) == []


@pytest.mark.parametrize("seed", range(20))
def test_every_cell_of_one_release_withstands_who_was_told_everything_else(seed: int) -> None:
    random = Random(seed)
    published = publish(seed, {"desk": [random.choice((0, 8, 12, 30, 60, 130)) for _ in range(4)]})
    assert betrayed(attack(published, told=True, most=60)) == []


@pytest.mark.parametrize("seed", [1, 3, 7])
def test_areas_by_ground_withstand_who_knows_the_sizes_of_the_areas(seed: int) -> None:
    """In these, a ground makes up nearly all of an area, so that its cell has no room to hide another."""
    assert betrayed(attack(publish(seed, {"desk": (0, 0, 130, 150)}), told=True, most=400)) == []


@pytest.fixture
def without_secondary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out small cells only."""

    def only_small(counts: Mapping[str, int], caps: Mapping[str, int] | None = None) -> set[str]:
        return {name for name, count in counts.items() if is_small(count)}

    monkeypatch.setattr(release_module, "hidden_cells", only_small)


@pytest.mark.usefixtures("without_secondary")
@pytest.mark.parametrize("told", [False, True])
def test_the_attack_finds_cells_where_only_small_ones_are_left_out(told: bool) -> None:
    assert betrayed(attack(publish(0), told=told))


def test_the_attack_finds_cells_where_the_network_is_made_of_exact_counts() -> None:
    published, attacker = publish(0, {"one": (20, 20, 20, 20), "other": (10, 12, 14, 9)}), Attacker()
    see_everything(attacker, published)
    truths: dict[Cell, Tally] = {(desk, "+".join(release.quarters)): truth for desk, release, truth in published.told}
    for name, cells in ONE_OF.items():
        for cell in cells:
            total = sum(truth.tables[name][cell] for truth in truths.values())
            if not is_small(total):
                attacker.see([(*at, name, cell) for at in truths], rounded(total), total)
    assert betrayed(attacker.attack())


def test_the_attack_finds_cells_where_quarters_are_released_and_their_year_too() -> None:
    random, attacker = Random(0), Attacker()
    by_quarter = {quarter: some_counts(random, 60, quarter=quarter.quarter) for quarter in YEAR.quarters()[:2]}
    for quarter, counts in by_quarter.items():
        attacker.look_at("desk", make_release(counts, [quarter]), counts.single)
    so_far = add_up(by_quarter.values())
    release = make_release(so_far, by_quarter)
    attacker.look_at("desk", release, so_far.single)
    for name, cells in ONE_OF.items():
        for cell in cells:
            parts: list[Cell] = [("desk", str(quarter), name, cell) for quarter in by_quarter]
            attacker.is_sum(("desk", "+".join(release.quarters), name, cell), parts)
    assert betrayed(attacker.attack())


def everything_shown(release: Release) -> Iterator[int]:
    """Every number of a release."""
    for table in (*release.tables.values(), *release.areas_by_ground.values()):
        yield from (count for count in (*table.cells.values(), table.hidden) if count is not None)
    yield from ([] if release.total is None else [release.total])
    yield from release.events


@pytest.mark.parametrize("seed", range(5))
def test_a_release_shows_nothing_below_ten_and_only_multiples_of_five(seed: int) -> None:
    for _, release, _ in publish(seed).told:
        assert all(number >= 10 and number % 5 == 0 for number in everything_shown(release))
