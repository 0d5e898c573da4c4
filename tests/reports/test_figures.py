"""Closing periods on real cases: what is released, what stays sealed, and that each report is released once."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, text
from sqlmodel import select

from cli.backup import back_up, restore
from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from core.languages import RELEASED
from core.settings import Settings
from reports.cases import end_of_retention, submit
from reports.casework import set_apart, set_labels
from reports.contents import DeskLabels, Report
from reports.desks import Statement
from reports.errors import PeriodNotOverError, SealBrokenError
from reports.figures import SETTLES_AFTER, close_period, list_closable, read_exact
from reports.intake.steps import Steps
from reports.leaving import leave
from reports.models import Case, Desk, DeskKind, DeskPeriod
from reports.observatory import list_releases
from reports.periods import Period
from reports.release import Release
from reports.sealing import KeyPair
from reports.tally import AREAS, GROUNDS, NOT_SAID, ONE_OF
from tests.reports.world import World, make_report

YEAR = Period(2027)
Q1, Q2, Q3, Q4 = YEAR.quarters()
ANNA = "anna@bologna"
EVENT = "Speech on the square"


@pytest.fixture
async def world(database: Database) -> World:
    """A desk that opened at the end of 2026, with the clock at the beginning of 2027."""
    world = World(database, FixedClock(datetime(2026, 12, 28, tzinfo=UTC)))
    await world.make_desk()
    world.clock.at = datetime(2027, 1, 4, tzinfo=UTC)
    return world


async def send_many(
    world: World, number: int, *, quarter: Period, desk_id: str = "bologna", **values: object
) -> list[str]:
    """Reports that arrive in the quarter; half of them on housing, the others on work."""
    start = datetime(quarter.year, 3 * (quarter.quarter or 1) - 2, 2, tzinfo=UTC)
    ids = []
    async with world.database.session() as session:
        for position in range(number):
            arrived_at = start + timedelta(days=80 * position / number)
            area = ("housing", "employment")[position % 2]
            report: Report = make_report(world.clock, **({"arrived_at": arrived_at, "area": area} | values))
            ids.append(
                await submit(
                    session,
                    report,
                    desk_id=desk_id,
                    receipt_id=secrets.token_hex(32),
                    receipt_public_key=KeyPair.new().public,
                    submission=secrets.token_hex(16),
                    clock=world.clock,
                )
            )
    return ids


async def label(world: World, case_ids: Iterable[str], event: str) -> None:
    officer = await world.sign_in(ANNA)
    async with world.database.session() as session:
        for case_id in case_ids:
            await set_labels(session, officer, case_id, DeskLabels(event=event), clock=world.clock)


async def close(world: World, period: Period, login: str = ANNA) -> Release | None:
    """Close a period, after going to the year that follows it."""
    world.clock.at = max(world.clock.at, datetime(period.year + 1, 1, 3, tzinfo=UTC))
    officer = await world.sign_in(login)
    async with world.database.session() as session:
        row = await close_period(session, officer, period, clock=world.clock)
    return Release.model_validate(row.released) if row.released else None


async def test_a_period_cannot_be_closed_before_nothing_can_come_in_any_more(world: World) -> None:
    for too_early in (datetime(2027, 3, 31, 23, tzinfo=UTC), datetime(2027, 4, 1, 12, tzinfo=UTC)):
        world.clock.at = too_early
        officer = await world.sign_in(ANNA)
        async with world.database.session() as session:
            with pytest.raises(PeriodNotOverError):
                await close_period(session, officer, Q1, clock=world.clock)
            assert Q1 not in await list_closable(session, officer.desk, clock=world.clock)
    world.clock.at = datetime(2027, 4, 2, 1, tzinfo=UTC)
    officer = await world.sign_in(ANNA)
    async with world.database.session() as session:
        assert await list_closable(session, officer.desk, clock=world.clock) == [Period(2026, 4), Period(2026), Q1]
        await close_period(session, officer, Q1, clock=world.clock)
        assert Q1 not in await list_closable(session, officer.desk, clock=world.clock)


async def test_a_quarter_with_few_reports_waits_for_its_year(world: World) -> None:
    await send_many(world, 12, quarter=Q1)
    await send_many(world, 20, quarter=Q3)
    assert await close(world, Q1) is None
    year = await close(world, YEAR)
    assert year is not None
    assert year.quarters == [str(quarter) for quarter in YEAR.quarters()]
    assert year.total == 30
    assert year.tables["area"].cells["housing"] is None  # With nothing on other areas, it would tell what work has.
    assert not year.areas_by_ground


async def test_a_large_quarter_is_released_alone_and_never_again(world: World) -> None:
    await send_many(world, 104, quarter=Q1)
    await send_many(world, 40, quarter=Q4)
    first = await close(world, Q1)
    year = await close(world, YEAR)
    assert first is not None
    assert year is not None
    assert (first.quarters, first.total) == ([str(Q1)], 105)
    assert (year.quarters, year.total) == ([str(Q2), str(Q3), str(Q4)], 40)
    assert first.areas_by_ground["origin"].cells == {"housing": 50, "rest": 50}
    officer = await world.sign_in(ANNA)
    async with world.database.session() as session:
        assert (await read_exact(session, officer, YEAR, clock=world.clock)).total == 144


async def test_closing_again_changes_nothing_even_where_reports_are_gone(world: World) -> None:
    await send_many(world, 30, quarter=Q2)
    year = await close(world, YEAR)
    async with world.database.session() as session:
        await session.exec(delete(Case))
        await session.commit()
    assert await close(world, YEAR) == year
    assert await close(world, Q2) == year
    async with world.database.session() as session:
        assert len(list(await session.exec(select(DeskPeriod)))) == 1


async def test_figures_stay_when_the_reports_are_deleted(world: World) -> None:
    await send_many(world, 25, quarter=Q1)
    await close(world, Q1)
    async with world.database.session() as session:
        await session.exec(delete(Case))
        await session.commit()
    await send_many(world, 25, quarter=Q2)
    year = await close(world, YEAR)
    assert year is not None
    assert year.total == 50


async def test_two_closings_at_once_release_each_report_once(world: World) -> None:
    await send_many(world, 101, quarter=Q1)
    world.clock.at = datetime(YEAR.year + 1, 1, 3, tzinfo=UTC)
    officer = await world.sign_in(ANNA)

    async def close_it(period: Period) -> None:
        async with world.database.session() as session:
            await close_period(session, officer, period, clock=world.clock)

    await asyncio.gather(close_it(YEAR), close_it(Q1))
    async with world.database.session() as session:
        released = [quarter for item in await list_releases(session) for quarter in item.release.quarters]
    assert sorted(released) == [str(quarter) for quarter in YEAR.quarters()]


async def test_mass_events_stand_apart_and_small_ones_do_not(world: World) -> None:
    ids = await send_many(world, 40, quarter=Q1)
    await label(world, ids[:13], EVENT)
    await label(world, ids[13:17], "Quarrel in the tram")
    year = await close(world, YEAR)
    assert year is not None
    assert (year.total, year.events) == (25, [15])


async def test_junk_and_cases_that_an_officer_must_not_see_are_not_counted(world: World) -> None:
    ids = await send_many(world, 30, quarter=Q1)
    bruno = (await world.sign_in("bruno@bologna")).officer.id
    await send_many(world, 11, quarter=Q1, kept_out=[bruno])
    anna = await world.sign_in(ANNA)
    async with world.database.session() as session:
        for case_id in ids[:10]:
            await set_apart(session, anna, case_id, is_apart=True, clock=world.clock)
        assert (await read_exact(session, anna, Q1, clock=world.clock)).total == 20
    await close(world, YEAR)
    bruno_signed_in = await world.sign_in("bruno@bologna")
    async with world.database.session() as session:
        assert (await read_exact(session, bruno_signed_in, YEAR, clock=world.clock)).total == 20


async def test_exact_counts_and_names_of_events_are_sealed_to_the_desk(world: World) -> None:
    ids = await send_many(world, 17, quarter=Q1)
    await label(world, ids[:11], EVENT)
    await close(world, YEAR)
    async with world.database.session() as session:
        row = (await session.exec(text("SELECT * FROM desk_period"))).one()  # type: ignore[call-overload]
        stored = " ".join(str(value) for value in row)
        assert EVENT not in stored
        assert "17" not in str((await session.get_one(DeskPeriod, ("bologna", str(YEAR)))).released)
    await world.make_desk("modena")
    stranger = await world.sign_in("anna@modena")
    async with world.database.session() as session:
        stranger.desk.id = "bologna"
        with pytest.raises(SealBrokenError):
            await read_exact(session, stranger, YEAR, clock=world.clock)


async def test_those_who_stay_still_read_the_exact_counts_when_an_officer_has_left(world: World) -> None:
    await send_many(world, 12, quarter=Q1)
    await close(world, Q1)
    bruno, anna = await world.sign_in("bruno@bologna"), await world.sign_in(ANNA)
    async with world.database.session() as session:
        await leave(session, anna, bruno.officer.id, clock=world.clock)
    anna = await world.sign_in(ANNA)
    async with world.database.session() as session:
        assert (await read_exact(session, anna, Q1, clock=world.clock)).total == 12
    assert await close(world, YEAR) is not None


async def test_quarters_before_the_desk_opened_are_no_cells(world: World) -> None:
    async with world.database.session() as session:
        await session.exec(text("UPDATE desk_audit SET at = '2027-05-01 00:00:00+00:00'"))  # type: ignore[call-overload]
        await session.commit()
    await send_many(world, 60, quarter=Q2)
    await send_many(world, 50, quarter=Q4)
    year = await close(world, YEAR)
    assert year is not None
    assert year.tables["quarter"].cells == {str(Q2): 60, str(Q3): None, str(Q4): None}


async def test_a_restore_of_an_older_backup_does_not_release_the_same_reports_again(
    world: World, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if world.database.engine.dialect.name == "postgresql":
        url = SecretStr(request.getfixturevalue("migrated_postgresql_url"))
        settings = settings.model_copy(update={"database_url": url})
    await send_many(world, 30, quarter=Q1)
    await back_up(settings, tmp_path / "before.tar.gz")
    year = await close(world, YEAR)
    await restore(settings, tmp_path / "before.tar.gz", clock=world.clock)
    async with world.database.session() as session:
        (item,) = await list_releases(session)
    assert item.release == year


def test_every_choice_of_the_intake_is_a_cell() -> None:
    steps = Steps.load()
    assert set(AREAS) == {*steps.get("area").choices, NOT_SAID}
    assert set(ONE_OF["for_whom"]) == {*steps.get("for_whom").choices, NOT_SAID}
    assert set(GROUNDS) == {*steps.get("grounds").choices} - {"unknown", "prefer_not_to_say"}


async def test_the_desk_itself_is_told_apart_by_its_name_only(world: World) -> None:
    await send_many(world, 15, quarter=Q1)
    await close(world, YEAR)
    async with world.database.session() as session:
        (item,) = await list_releases(session)
        assert (await session.get_one(Desk, "bologna")).name == item.desk_name
        assert (item.desk, item.period, item.release.total) == ("bologna", YEAR, 15)


def _is_whole(days: int, quarter: Period) -> bool:
    """Whether the first report of the quarter is still there when the quarter can be closed."""
    first = datetime(quarter.year, 3 * (quarter.quarter or 1) - 2, 1, tzinfo=UTC)
    closable = first
    while not quarter.is_over(closable - SETTLES_AFTER):
        closable += timedelta(days=1)
    desk = Desk(
        id="bologna",
        name="Bologna",
        kind=DeskKind.CITY,
        statement=Statement(retention_days=days).model_dump(mode="json"),
        created_at=first,
    )
    return end_of_retention(desk, first.date()) >= closable.date()


@pytest.mark.parametrize("language", RELEASED)
def test_a_desk_is_told_from_which_retention_on_its_figures_are_whole(wording: Wording, language: str) -> None:
    quarters = [quarter for year in range(2026, 2034) for quarter in Period(year).quarters()]
    least = next(days for days in range(30, 366) if all(_is_whole(days, quarter) for quarter in quarters))
    hint = wording.texts.get("desk.statement.retention_days_hint", language)
    assert re.findall(r"\d+", re.sub(r"(?<=\d)[.,\s](?=\d)", "", hint)) == ["30", "3650", str(least)]
