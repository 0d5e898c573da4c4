"""Quiet hours, digests and pauses in a person's own time zone, also where clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from subscriptions.models import Frequency
from subscriptions.rhythm import Rhythm, add_working_days, end_of_quiet, is_paused, next_digest

BRUSSELS = ZoneInfo("Europe/Brussels")


def at(text: str, zone: str = "Europe/Brussels") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


NIGHT = Rhythm(quiet_from=time(20), quiet_to=time(8))
WEEKEND = Rhythm(quiet_from=time(20), quiet_to=time(8), quiet_days=(6, 7))


@pytest.mark.parametrize(
    ("rhythm", "now", "expected"),
    [
        (NIGHT, "2026-11-23T19:59", "2026-11-23T19:59"),
        (NIGHT, "2026-11-23T20:00", "2026-11-24T08:00"),
        (NIGHT, "2026-11-24T07:59", "2026-11-24T08:00"),
        (NIGHT, "2026-11-24T08:00", "2026-11-24T08:00"),
        (Rhythm(quiet_from=time(12), quiet_to=time(14)), "2026-11-23T12:30", "2026-11-23T14:00"),
        (Rhythm(quiet_from=time(9), quiet_to=time(9)), "2026-11-23T09:00", "2026-11-23T09:00"),
        (WEEKEND, "2026-11-27T21:00", "2026-11-30T08:00"),
        (WEEKEND, "2026-11-28T12:00", "2026-11-30T08:00"),
        (Rhythm(quiet_days=(6, 7)), "2026-11-28T12:00", "2026-11-30T00:00"),
        (Rhythm(quiet_days=(1, 2, 3, 4, 5, 6, 7)), "2026-11-28T12:00", "2026-11-28T12:00"),
        # Clocks go forward at 02:00 on 29 March: 02:30 does not exist, and the moment after it is 03:30.
        (Rhythm(quiet_from=time(22), quiet_to=time(2, 30)), "2026-03-28T23:00", "2026-03-29T03:30"),
        # Clocks go back at 03:00 on 25 October.
        (NIGHT, "2026-10-24T21:00", "2026-10-25T08:00"),
    ],
)
def test_quiet_time_ends_where_the_person_said(rhythm: Rhythm, now: str, expected: str) -> None:
    assert end_of_quiet(rhythm, at(now)) == at(expected)


def test_quiet_hours_within_the_hour_that_exists_twice_end_and_never_before_they_began() -> None:
    rhythm = Rhythm(quiet_from=time(2), quiet_to=time(2, 30))
    second = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=BRUSSELS).astimezone(UTC)
    assert end_of_quiet(rhythm, second) == second + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("rhythm", "frequency", "now", "expected"),
    [
        (Rhythm(), Frequency.DAILY, "2026-11-23T07:59", "2026-11-23T08:00"),
        (Rhythm(), Frequency.DAILY, "2026-11-23T08:00", "2026-11-24T08:00"),
        (Rhythm(), Frequency.WEEKLY, "2026-11-23T12:00", "2026-11-24T08:00"),
        (Rhythm(), Frequency.WEEKLY, "2026-11-24T08:00", "2026-12-01T08:00"),
        # Its day is a quiet one: the day after, at the same hour.
        (Rhythm(quiet_days=(2,)), Frequency.WEEKLY, "2026-11-23T12:00", "2026-11-25T08:00"),
        (Rhythm(quiet_days=(2,)), Frequency.WEEKLY, "2026-11-24T12:00", "2026-11-25T08:00"),
        # Its hour is a quiet one: the end of them.
        (Rhythm(quiet_from=time(20), quiet_to=time(9)), Frequency.DAILY, "2026-11-23T12:00", "2026-11-24T09:00"),
        (Rhythm(quiet_from=time(20), quiet_to=time(9)), Frequency.DAILY, "2026-11-24T08:30", "2026-11-24T09:00"),
        (Rhythm(digest_at=time(2, 30)), Frequency.DAILY, "2026-03-28T12:00", "2026-03-29T03:30"),
    ],
)
def test_the_next_digest_is_the_first_one_that_may_be_sent(
    rhythm: Rhythm, frequency: Frequency, now: str, expected: str
) -> None:
    assert next_digest(rhythm, frequency, at(now)) == at(expected)


def test_a_digest_stays_at_its_hour_when_clocks_change() -> None:
    moment = at("2026-10-20T12:00")
    for _ in range(10):
        moment = next_digest(Rhythm(), Frequency.DAILY, moment)
        assert moment.astimezone(BRUSSELS).time() == time(8)


def test_one_daily_digest_comes_each_day_and_one_weekly_digest_each_week() -> None:
    for rhythm in (Rhythm(), WEEKEND, Rhythm(time_zone="America/New_York", quiet_days=(1,))):
        moment, weekly = at("2026-01-01T00:00"), []
        while moment < at("2027-01-01T00:00"):
            moment = next_digest(rhythm, Frequency.WEEKLY, moment)
            weekly.append(moment)
        assert len(weekly) in {52, 53}


def test_the_weekly_digest_keeps_its_own_zone() -> None:
    assert next_digest(Rhythm(time_zone="Asia/Tokyo"), Frequency.WEEKLY, at("2026-11-23T12:00")) == at(
        "2026-11-24T08:00", "Asia/Tokyo"
    )


def test_working_days_leave_out_the_weekend() -> None:
    assert add_working_days(Rhythm(), at("2026-11-24T08:00"), 3) == at("2026-11-27T08:00")
    assert add_working_days(Rhythm(), at("2026-11-26T08:00"), 3) == at("2026-12-01T08:00")


def test_a_pause_ends_on_its_day_in_the_persons_zone() -> None:
    rhythm = Rhythm(time_zone="America/New_York", paused_until=date(2026, 11, 24))
    assert is_paused(rhythm, at("2026-11-23T23:59", "America/New_York"))
    assert not is_paused(rhythm, at("2026-11-24T00:00", "America/New_York"))
    assert not is_paused(Rhythm(), at("2026-11-24T00:00"))
