"""Telling junk apart: by what comes too often or says nothing, and never for longer than an hour."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.clock import FixedClock
from core.rate_limits import RateLimitsInProcess
from reports.intake.junk import MOST_OF_ONE_SOURCE, MOST_OF_ONE_TEXT, MOST_WITH_OWN_WORDS, JunkWatch


async def test_a_few_reports_of_one_source_are_usual_and_more_are_suspect(clock: FixedClock) -> None:
    watch = JunkWatch(RateLimitsInProcess(clock))
    found = [await watch.is_suspect(f"report {number}", source="one") for number in range(6)]
    assert found == [False] * MOST_OF_ONE_SOURCE + [True] * (6 - MOST_OF_ONE_SOURCE)
    assert not await watch.is_suspect("report of another", source="two")


async def test_people_who_share_an_address_are_not_junk_while_each_tells_something_else(clock: FixedClock) -> None:
    """Residents whom one advice desk helps."""
    watch = JunkWatch(RateLimitsInProcess(clock))

    def tell(number: int) -> str:
        return f"At office {number} they sent me away, because of my headscarf and my name."

    found = [await watch.is_suspect(tell(number), source="one") for number in range(MOST_WITH_OWN_WORDS + 2)]
    assert found == [False] * MOST_WITH_OWN_WORDS + [True, True]
    clock.at += timedelta(hours=1)
    again = [await watch.is_suspect(tell(number % 2), source="one") for number in range(6)]
    assert again == [False] * MOST_OF_ONE_SOURCE + [True] * (6 - MOST_OF_ONE_SOURCE)


async def test_after_an_hour_nothing_is_remembered(clock: FixedClock) -> None:
    watch = JunkWatch(RateLimitsInProcess(clock))
    for number in range(6):
        await watch.is_suspect(f"report {number}", source="one")
    clock.at += timedelta(hours=1)
    assert not await watch.is_suspect("another report", source="one")


async def test_the_same_text_from_everywhere_is_suspect(clock: FixedClock) -> None:
    watch = JunkWatch(RateLimitsInProcess(clock))
    found = [await watch.is_suspect("Buy  THIS now", source=str(number)) for number in range(5)]
    assert found == [False] * MOST_OF_ONE_TEXT + [True] * (5 - MOST_OF_ONE_TEXT)


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
async def test_what_says_nothing_is_suspect_but_short_words_of_any_script_are_not(
    clock: FixedClock, story: str | None, suspect: bool
) -> None:
    assert await JunkWatch(RateLimitsInProcess(clock)).is_suspect(story, source=None) is suspect
