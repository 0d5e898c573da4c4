"""Desks open only when they are ready, and fit the place and the accused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conversation.replies import Wording
from reports.desks import (
    Statement,
    close_desk,
    create_desk,
    get_desk,
    list_desks_for,
    list_missing,
    open_desk,
    update_statement,
)
from reports.errors import DeskKeyMissingError, DeskNotFoundError, DeskNotReadyError, NameTakenError
from reports.models import DeskKind
from reports.recovery import keep_recovery_key
from tests.reports.world import DUTY, STATEMENT, World


async def test_a_desk_opens_only_with_two_officers_a_recovery_key_and_its_whole_statement(world: World) -> None:
    clock = world.clock
    async with world.database.session() as session:
        await create_desk(session, "bologna", "Bologna", kind=DeskKind.CITY, clock=clock)
    anna = await world.join("bologna", "anna")

    async def missing() -> list[str]:
        async with world.database.session() as session:
            with pytest.raises(DeskNotReadyError) as refused:
                await open_desk(session, await world.signed_in("anna"), clock=clock)
        return list(refused.value.values["missing"])

    assert {"officers", "recovery_key", "controller", "passes_on", "legal_basis"} <= set(await missing())
    async with world.database.session() as session:
        await update_statement(session, await world.signed_in("anna"), STATEMENT, clock=clock)
    assert await missing() == ["officers", "recovery_key"]
    await world.join("bologna", "bruno")
    # Who has joined but was not let in cannot read, and does not count.
    assert await missing() == ["officers", "recovery_key"]
    await world.let_in("anna", "bruno")
    assert await missing() == ["recovery_key"]
    async with world.database.session() as session:
        await keep_recovery_key(session, await world.signed_in("anna"), anna.recovery_key or "", clock=clock)
        await open_desk(session, await world.signed_in("anna"), clock=clock)
        assert await list_missing(session, await get_desk(session, "bologna", open_only=True)) == []


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"controller": None}, "controller"),
        ({"data_protection_contact": ""}, "data_protection_contact"),
        ({"legal_basis": None}, "legal_basis"),
        ({"retention_days": None}, "retention_days"),
        ({"answer_within_days": None}, "answer_within_days"),
        ({"no_duty": False}, "passes_on"),
        ({"no_duty": True, "passes_on": [DUTY]}, "passes_on"),
        ({"no_duty": False, "passes_on": [DUTY.model_copy(update={"texts": {"en": "a crime"}})]}, "passes_on_texts"),
    ],
)
def test_a_statement_says_what_it_lacks(change: dict[str, object], lacks: str) -> None:
    assert STATEMENT.missing() == []
    assert STATEMENT.model_copy(update=change).missing() == [lacks]
    assert STATEMENT.model_copy(update={"no_duty": False, "passes_on": [DUTY]}).missing() == []


async def test_an_open_desk_s_statement_stays_whole(world: World) -> None:
    await world.make_desk()
    async with world.database.session() as session:
        with pytest.raises(DeskNotReadyError):
            await update_statement(session, await world.signed_in("anna@bologna"), Statement(), clock=world.clock)


async def test_who_was_not_let_in_cannot_open_a_desk(world: World) -> None:
    await world.make_desk()
    await world.join("bologna", "carla")
    async with world.database.session() as session:
        with pytest.raises(DeskKeyMissingError):
            await open_desk(session, await world.signed_in("carla"), clock=world.clock)


async def test_a_closed_desk_takes_no_reports(world: World) -> None:
    await world.make_desk()
    await world.send()
    async with world.database.session() as session:
        await close_desk(session, await get_desk(session, "bologna"), clock=world.clock)
    with pytest.raises(DeskNotFoundError):
        await world.send()


async def test_a_short_name_is_one_desk_s(world: World) -> None:
    async with world.database.session() as session:
        await create_desk(session, "bologna", "Bologna", kind=DeskKind.CITY, clock=world.clock)
        with pytest.raises(NameTakenError):
            await create_desk(session, "bologna", "Another", kind=DeskKind.CITY, clock=world.clock)


@pytest.fixture
async def desks(world: World) -> World:
    """Desks of a city, its region, its country, of everywhere, of another city, and one that is not open."""
    everywhere: dict[str, tuple[DeskKind, list[str]]] = {
        "turin": (DeskKind.CITY, ["it-torino"]),
        "association": (DeskKind.ASSOCIATION, ["it-torino", "it-milano"]),
        "region": (DeskKind.INDEPENDENT, ["turin-metropolitan"]),
        "italy": (DeskKind.INDEPENDENT, ["IT"]),
        "europe": (DeskKind.ASSOCIATION, []),
        "paris": (DeskKind.CITY, ["fr-paris"]),
    }
    for desk_id, (kind, places) in everywhere.items():
        await world.make_desk(desk_id, kind=kind, places=places)
    await world.make_desk("not-open", is_open=False)
    return world


async def offered(world: World, wording: Wording, place: str | None, about_city: str | None) -> list[str]:
    async with world.database.session() as session:
        found = await list_desks_for(
            session, place=wording.gazetteer.get(place), about_city=about_city, clock=world.clock
        )
    return [choice.id + ("!" if choice.is_of_the_accused else "") for choice in found]


async def test_desks_fit_the_place_and_the_accused(desks: World, wording: Wording) -> None:
    near = ["association", "turin", "region", "italy", "europe"]
    assert await offered(desks, wording, "it-torino", "no") == near
    for accused in ("yes", "unsure"):
        assert await offered(desks, wording, "it-torino", accused) == [
            "association", "region", "italy", "europe", "turin!",
        ]  # fmt: skip
    assert await offered(desks, wording, "IT", "no") == ["italy", "europe"]
    assert await offered(desks, wording, None, None) == ["europe"]
    assert await offered(desks, wording, "FR", "no") == ["europe"]


async def test_a_desk_where_nobody_looks_says_so_and_comes_later(desks: World, wording: Wording) -> None:
    desks.clock.at += timedelta(days=6)
    await desks.sign_in("anna@turin")
    desks.clock.at += timedelta(days=2)
    async with desks.database.session() as session:
        found = await list_desks_for(
            session, place=wording.gazetteer.get("it-torino"), about_city="no", clock=desks.clock
        )
    assert {choice.id for choice in found if choice.is_away} == {"association", "region", "italy", "europe"}
    assert found[0].id == "turin"


async def test_a_choice_names_its_officers_and_its_duties(world: World, wording: Wording) -> None:
    await world.make_desk(statement=STATEMENT.model_copy(update={"no_duty": False, "passes_on": [DUTY]}))
    await world.make_desk("free", places=[])
    async with world.database.session() as session:
        bologna, free = await list_desks_for(
            session, place=wording.gazetteer.get("it-bologna"), about_city="no", clock=world.clock
        )
    assert [name for _, name in bologna.officers] == ["Anna", "Bruno"]
    assert not bologna.has_no_duty
    assert bologna.statement.passes_on[0].texts["it"] == "un reato"
    assert free.has_no_duty
