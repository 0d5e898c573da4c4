"""Which cells of a table must not be shown, so that what is shown gives none of them back.

A cell below ten is not shown (primary). Where the other cells or the total would give it back, further cells are left
out too (secondary), in an order that is fixed beforehand and does not look at the numbers, since "the smallest of the
others" would itself tell something. The yardstick is an attacker who knows everything shown to the unit, not to the
nearest five, and who was told which cells are primary: even then each cell that is not shown could still be any of ten
numbers. Rounding comes on top and is not relied on. docs/decisions/0006-figures.md has the argument.
"""

from __future__ import annotations

from collections.abc import Mapping

FEWEST = 10
"""A smaller number is not shown."""
BASE = 5
"""What is shown is rounded to its nearest multiple."""
WIDTH = FEWEST - 1
"""Between the least and the most that a cell could be."""


def is_small(count: int) -> bool:
    """Whether a number must not be shown."""
    return count < FEWEST


def rounded(count: int) -> int:
    """To the nearest five, as it is shown."""
    return (count + BASE // 2) // BASE * BASE


def hidden_cells(counts: Mapping[str, int], caps: Mapping[str, int] | None = None) -> set[str]:
    """The cells of a table that must not be shown when everybody knows their sum.

    Each unit counted is in exactly one cell. ``caps`` are numbers that the attacker knows a cell not to exceed. Cells
    at the end of the table are the first to be left out beside the small ones. All of them may have to be.
    """
    caps = caps or {}
    hidden = {name for name, count in counts.items() if is_small(count)}
    spare = [name for name in counts if name not in hidden]
    while hidden and spare and not _keep_each_other(counts, hidden, caps):
        hidden.add(spare.pop())
    return hidden


def _keep_each_other(counts: Mapping[str, int], hidden: set[str], caps: Mapping[str, int]) -> bool:
    """Whether each hidden cell could be any of ten numbers, though their sum is known and which of them are small.

    One cell can rise only as far as the others can fall, and fall only as far as the others can rise.
    """
    total = sum(counts[name] for name in hidden)
    lowest = {name: 0 if is_small(counts[name]) else FEWEST for name in hidden}
    highest = {name: min(FEWEST - 1 if is_small(counts[name]) else total, caps.get(name, total)) for name in hidden}
    fall, rise = sum(lowest.values()), sum(highest.values())
    for name in hidden:
        least = max(lowest[name], total - (rise - highest[name]))
        most = min(highest[name], total - (fall - lowest[name]))
        if most - least < WIDTH:
            return False
    return True
