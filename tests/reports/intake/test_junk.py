"""Telling junk apart: by what comes too often or says nothing, and never for longer than an hour."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import FixedClock
from reports.intake.junk import MOST_OF_ONE_SOURCE, MOST_OF_ONE_TEXT, JunkWatch


def test_a_few_reports_of_one_source_are_usual_and_more_are_suspect(clock: FixedClock) -> None:
    watch = JunkWatch()
    found = [watch.is_suspect(f"report {number}", source="one", now=clock.at) for number in range(6)]
    assert found == [False] * MOST_OF_ONE_SOURCE + [True] * (6 - MOST_OF_ONE_SOURCE)
    assert not watch.is_suspect("report of another", source="two", now=clock.at)


def test_after_an_hour_nothing_is_remembered(clock: FixedClock) -> None:
    watch = JunkWatch()
    for number in range(6):
        watch.is_suspect(f"report {number}", source="one", now=clock.at)
    clock.at += timedelta(hours=1)
    assert not watch.is_suspect("another report", source="one", now=clock.at)
    assert len(watch._seen) == 2


def test_the_same_text_from_everywhere_is_suspect(clock: FixedClock) -> None:
    watch = JunkWatch()
    found = [watch.is_suspect("Buy  THIS now", source=str(number), now=clock.at) for number in range(5)]
    assert found == [False] * MOST_OF_ONE_TEXT + [True] * (5 - MOST_OF_ONE_TEXT)


def test_neither_sources_nor_texts_are_remembered_in_clear(clock: FixedClock) -> None:
    watch = JunkWatch()
    watch.is_suspect("they refused me", source="192.0.2.7", now=clock.at)
    assert "192.0.2.7" not in repr(vars(watch))
    assert "refused" not in repr(vars(watch))


@pytest.mark.parametrize(
    ("story", "suspect"),
    [
        ("https://win.example http://more.example", True),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", True),
        ("!!!!! 12345 !!!!!", True),
        ("no", False),
        ("差別", False),
        ("See https://news.example, that is me.", False),
        ("الله", False),
        (None, False),
        ("", False),
    ],
)
def test_what_says_nothing_is_suspect_but_short_words_of_any_script_are_not(
    clock: FixedClock, story: str | None, suspect: bool
) -> None:
    assert JunkWatch().is_suspect(story, source=None, now=clock.at) is suspect
