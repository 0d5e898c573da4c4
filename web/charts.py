"""Bar charts as drawings inside the page: no script, no image, and mirrored for languages from right to left.

A chart repeats what the table beside it says, so it is hidden from screen readers. Lengths are in units of a drawing
that is ``WIDTH`` wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 320
ROW = 54
BAR = 16
LABEL_AT = 18
BAR_AT = 26
ROOM_FOR_VALUE = 125
LEAST_BAR = 3
GAP = 8


@dataclass(frozen=True)
class Row:
    """One line of a table, and of its chart unless ``count`` is None: then the number is not shown."""

    label: str
    value: str
    count: int | None


@dataclass(frozen=True)
class Bar:
    """One drawn line: the label above, the bar, and the value behind its end."""

    label: str
    value: str
    label_x: int
    label_y: int
    x: int
    y: int
    length: int
    value_x: int
    value_y: int


@dataclass(frozen=True)
class Chart:
    """A drawing with all its positions."""

    bars: list[Bar]
    height: int
    width: int = WIDTH
    thickness: int = BAR


def draw_bars(rows: Sequence[Row], *, direction: str = "ltr") -> Chart:
    """Place the bars; the longest takes the whole width but for its value."""
    most = max((row.count or 0 for row in rows), default=0) or 1
    bars = []
    for number, row in enumerate(rows):
        length = max(LEAST_BAR, round((WIDTH - ROOM_FOR_VALUE) * (row.count or 0) / most))
        top, end = number * ROW, length + GAP
        mirrored = direction == "rtl"
        bars.append(
            Bar(
                label=row.label,
                value=row.value,
                label_x=WIDTH if mirrored else 0,
                label_y=top + LABEL_AT,
                x=WIDTH - length if mirrored else 0,
                y=top + BAR_AT,
                length=length,
                value_x=WIDTH - end if mirrored else end,
                value_y=top + BAR_AT + BAR - 3,
            )
        )
    return Chart(bars, len(rows) * ROW)
