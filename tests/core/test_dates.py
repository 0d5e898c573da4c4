"""Dates are written one way, wherever they stand."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from core.languages import format_day, format_moment
from knowledge.dates import format_as_of


@pytest.mark.parametrize(
    ("language", "written"),
    [("en", "23 November 2026"), ("fr", "23 novembre 2026"), ("it", "23 novembre 2026"), ("ar", "23 نوفمبر 2026")],
)
def test_a_day_has_the_name_of_its_month_and_in_english_comes_first(language: str, written: str) -> None:
    assert format_day(date(2026, 11, 23), language) == written
    assert format_as_of("2026-11-23", language) == written


def test_a_moment_has_its_day_as_in_europe() -> None:
    assert format_moment(datetime(2026, 11, 23, 9, 5, tzinfo=UTC), "en") == "23 Nov 2026, 09:05"
