"""Which cells are left out: judged by turning every possible small table into what is shown of it, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.suppression import FEWEST, hidden_cells, is_small, rounded

NAMES = "abcd"

type Rule = Callable[[Mapping[str, int]], set[str]]


def tables(cells: int, most: int) -> Iterator[dict[str, int]]:
    """Every table with so many cells whose sum may be shown."""
    for counts in product(range(most + 1), repeat=cells):
        if FEWEST <= sum(counts) <= most:
            yield dict(zip(NAMES, counts, strict=False))


def possible_values(rule: Rule, cells: int, most: int) -> list[set[int]]:
    """For each hidden cell of each thing that can be shown: every number that it can be.

    The reader is assumed to know the sum and everything shown to the unit, and the rule itself.
    """
    found: dict[tuple[int, tuple[int | None, ...]], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for counts in tables(cells, most):
        hidden = rule(counts)
        shown = tuple(None if name in hidden else count for name, count in counts.items())
        for name in hidden:
            found[sum(counts.values()), shown][name].add(counts[name])
    return [values for cell in found.values() for values in cell.values()]


def smallest_first(counts: Mapping[str, int]) -> set[str]:
    """The usual way of leaving out cells, for comparison: beside a single small cell the smallest of the others."""
    hidden = {name for name, count in counts.items() if is_small(count)}
    others = sorted((name for name in counts if name not in hidden), key=lambda name: counts[name])
    return hidden | set(others[:1]) if len(hidden) == 1 else hidden


@pytest.mark.parametrize(("cells", "most"), [(2, 60), (3, 48), (4, 36)])
def test_who_knows_the_rule_and_everything_shown_still_cannot_tell_nine_numbers_apart(cells: int, most: int) -> None:
    for values in possible_values(hidden_cells, cells, most):
        assert len(values) >= FEWEST - 1
        # Either everybody can see that the cell is one of the large ones, or nothing from 0 to 8 is ruled out.
        assert min(values) >= FEWEST or values >= set(range(FEWEST - 1))


def test_the_usual_way_is_caught_by_the_same_judge() -> None:
    assert min(len(values) for values in possible_values(smallest_first, 3, 48)) == 1


@given(st.lists(st.integers(0, 200), min_size=1, max_size=14))
def test_small_cells_are_never_shown(counts: list[int]) -> None:
    table = {str(number): count for number, count in enumerate(counts)}
    assert {name for name, count in table.items() if count < 10} <= hidden_cells(table)


def test_a_table_without_small_cells_is_shown_whole() -> None:
    assert hidden_cells({"a": 10, "b": 200, "c": 11}) == set()


def test_a_single_small_cell_takes_the_last_of_the_others_with_it() -> None:
    assert hidden_cells({"a": 50, "b": 12, "c": 40, "d": 3}) == {"d", "c"}


def test_small_cells_that_hide_each_other_take_no_other_with_them() -> None:
    assert hidden_cells({"a": 50, "b": 6, "c": 5, "d": 4, "e": 40}) == {"b", "c", "d"}


def test_a_cell_that_others_cannot_hide_because_of_a_known_limit_takes_more_with_it() -> None:
    assert hidden_cells({"a": 60, "b": 40, "c": 3}, {"a": 90, "b": 90}) == {"c", "b"}
    assert hidden_cells({"a": 60, "b": 40, "c": 3}, {"a": 90, "b": 41}) == {"c", "b", "a"}


@given(st.integers(10, 100_000))
def test_what_is_shown_is_the_nearest_multiple_of_five(count: int) -> None:
    assert rounded(count) % 5 == 0
    assert abs(rounded(count) - count) <= 2
