"""What the desk's pages add to reports: opening a file, news behind every receipt, a preview that keeps its word."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from core.languages import RELEASED
from reports.case_files import open_file
from reports.desks import list_open_desks
from reports.errors import CaseNotFoundError, NewsIncompleteError
from reports.figures import close_period, preview_release
from reports.models import AuditEntry, DeskPeriod
from reports.news import find_news, list_news, publish_news, withdraw_news
from reports.periods import Period
from reports.release import Release
from tests.reports.world import World

PERIOD = Period(2026, 3)
TEXTS = {language: f"News in {language}" for language in RELEASED}


async def test_news_lacking_a_language_is_refused_and_names_it(world: World) -> None:
    await world.make_desk()
    signed_in = await world.signed_in("anna@bologna")
    async with world.database.session() as session:
        with pytest.raises(NewsIncompleteError) as caught:
            await publish_news(session, signed_in, PERIOD, TEXTS | {"ar": "  "}, clock=world.clock)
        assert caught.value.values["languages"] == ["ar"]
        assert await list_news(session, "bologna") == []


async def test_news_of_a_period_are_replaced_not_doubled_and_can_be_taken_back(world: World) -> None:
    await world.make_desk()
    signed_in = await world.signed_in("anna@bologna")
    async with world.database.session() as session:
        await publish_news(session, signed_in, PERIOD, TEXTS, clock=world.clock)
        await publish_news(session, signed_in, PERIOD, TEXTS | {"en": "Better"}, clock=world.clock)
        [news] = await list_news(session, "bologna")
        assert (news.texts["en"], news.texts["fr"]) == ("Better", "News in fr")
        for _ in range(2):
            await withdraw_news(session, signed_in, PERIOD, clock=world.clock)
        assert await find_news(session, "bologna", PERIOD) is None


async def test_a_file_of_another_case_or_desk_is_no_file(world: World) -> None:
    await world.make_desk()
    await world.make_desk("milan", "carla@milan", "dario@milan")
    own, foreign = await world.send(), await world.send("milan")
    signed_in = await world.signed_in("anna@bologna")
    for case_id in (own.case_id, foreign.case_id, "none"):
        async with world.database.session() as session:
            with pytest.raises(CaseNotFoundError):
                await open_file(session, signed_in, case_id, "0" * 32, clock=world.clock)


async def test_closing_releases_what_the_preview_showed_and_the_preview_keeps_nothing(world: World) -> None:
    await world.make_desk()
    for number in range(12):
        await world.send(area="housing" if number else "health")
    world.clock.at += timedelta(days=60)
    signed_in = await world.sign_in("anna@bologna")
    async with world.database.session() as session:
        assert await preview_release(session, signed_in, Period(2026, 4), clock=world.clock) is None
        shown = await preview_release(session, signed_in, Period(2026), clock=world.clock)
        assert list(await session.exec(select(DeskPeriod))) == []
        row = await close_period(session, signed_in, Period(2026), clock=world.clock)
        assert shown is not None
        assert shown.total == 10
        assert Release.model_validate(row.released) == shown


async def test_only_desks_that_take_reports_can_be_handed_a_case(world: World) -> None:
    await world.make_desk()
    await world.make_desk("milan", "carla@milan", "dario@milan", is_open=False)
    async with world.database.session() as session:
        assert [desk.id for desk in await list_open_desks(session)] == ["bologna"]
        assert (await session.exec(select(AuditEntry))).first() is not None
