"""Everything past its time is deleted by itself, wholly, and nothing before."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import select

from core.erasures import Erasure
from reports.audit import expire_trail
from reports.cases import read_case
from reports.desks import get_desk
from reports.errors import ReceiptUnknownError
from reports.figures import list_closable
from reports.files import store_in_draft
from reports.jobs import delete_expired
from reports.leaving import leave
from reports.models import (
    AuditEntry,
    Case,
    CaseEntry,
    Draft,
    Officer,
    OfficerSession,
    ReturnSession,
    SealedChunk,
)
from reports.officers import create_officer
from reports.periods import Period
from reports.reporter import add_from_reporter, open_by_receipt
from reports.sealing import new_key
from tests.reports.world import World


async def run(world: World) -> dict[str, int]:
    async with world.database.session() as session:
        return await delete_expired(session, world.clock, throttle=world.throttle)


async def test_a_case_is_deleted_at_the_end_of_the_month_in_which_its_retention_ends(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    async with world.database.session() as session:
        token = (await open_by_receipt(session, sent.keys, clock=world.clock)).token
        await add_from_reporter(session, token, text="x", language="en", clock=world.clock)
    world.clock.at = world.clock.at.replace(year=2027, month=11, day=30)
    assert (await run(world))["cases"] == 0
    world.clock.at += timedelta(days=1)
    async with world.database.session() as session:
        # Even before the job comes by, the code opens nothing.
        with pytest.raises(ReceiptUnknownError):
            await open_by_receipt(session, sent.keys, clock=world.clock)
    assert (await run(world))["cases"] == 1
    assert (await run(world))["cases"] == 0
    async with world.database.session() as session:
        for table in (Case, CaseEntry, ReturnSession):
            assert list(await session.exec(select(table))) == []
        [erasure] = list(await session.exec(select(Erasure)))
        assert erasure.erased_on == date(2027, 12, 1)


async def test_many_cases_are_deleted_in_batches(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    async with world.database.session() as session:
        template = (await session.get_one(Case, sent.case_id)).model_dump()
        for number in range(250):
            name = f"{number:032}"
            session.add(Case(**(template | {"id": name, "submission": name, "receipt_id": name})))
        await session.commit()
    world.clock.at += timedelta(days=400)
    assert (await run(world))["cases"] == 251


async def test_drafts_end_after_24_hours_with_their_files(world: World) -> None:
    async with world.database.session() as session:
        for draft_id, hours in (("old", 24), ("young", 25)):
            expires_at = world.clock.now() + timedelta(hours=hours)
            session.add(Draft(id=draft_id, salt=b"s", body=b"b", expires_at=expires_at))
            await session.flush()
            await store_in_draft(session, draft_id=draft_id, key=new_key(), content=b"photo")
        await session.commit()
    world.clock.at += timedelta(hours=24)
    assert (await run(world))["drafts"] == 1
    async with world.database.session() as session:
        assert list(await session.exec(select(Draft.id))) == ["young"]
        assert len(list(await session.exec(select(SealedChunk)))) == 1


async def test_sessions_invitations_and_attempts_end(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    async with world.database.session() as session:
        await open_by_receipt(session, sent.keys, clock=world.clock)
        await create_officer(session, "bologna", login="never", name="Never came", clock=world.clock)
        await world.throttle.begin(session, login="anna", source="10.0.0.1")
    counts = await run(world)
    assert not any(counts.values())
    world.clock.at += timedelta(days=60)
    counts = await run(world)
    assert counts == {
        "cases": 0, "drafts": 0, "return_sessions": 1, "officer_sessions": 2, "invitations": 1, "sign_in_attempts": 2,
    }  # fmt: skip
    async with world.database.session() as session:
        assert list(await session.exec(select(OfficerSession))) == []
        assert len(list(await session.exec(select(Officer)))) == 2
        assert await get_desk(session, "bologna", open_only=True)


async def trail(world: World) -> list[tuple[str, str | None]]:
    async with world.database.session() as session:
        await expire_trail(session, world.clock)
        return [(entry.action, entry.case_id) for entry in await session.exec(select(AuditEntry))]


async def test_what_was_done_with_a_case_is_kept_two_years_after_the_case(world: World) -> None:
    await world.make_desk()
    gone, kept = await world.send(), await world.send()
    anna = await world.signed_in("anna@bologna")
    async with world.database.session() as session:
        for sent in (gone, kept):
            await read_case(session, anna, sent.case_id, clock=world.clock)
    world.clock.at += timedelta(days=700)
    async with world.database.session() as session:
        case = await session.get_one(Case, kept.case_id)
        case.delete_on = date(2040, 1, 1)
        session.add(case)
        await session.commit()
    assert (await run(world))["cases"] == 1
    # Its last entry is old enough soon, but the case was deleted only now.
    world.clock.at += timedelta(days=729)
    assert ("read", gone.case_id) in await trail(world)
    world.clock.at += timedelta(days=2)
    left = await trail(world)
    assert ("read", gone.case_id) not in left
    assert ("read", kept.case_id) in left


async def test_visits_end_after_two_years_and_what_happened_to_a_desk_after_ten(world: World) -> None:
    await world.make_desk()
    await world.sign_in("anna@bologna")
    world.clock.at += timedelta(days=731)
    acts = {action for action, _ in await trail(world)}
    assert "signed_in" not in acts
    assert {"desk_created", "desk_opened", "officer_joined"} <= acts
    world.clock.at += timedelta(days=3650 - 731 + 1)
    assert await trail(world) == [("desk_opened", None)]
    async with world.database.session() as session:
        assert list(await session.exec(select(AuditEntry.officer_id))) == [None]
        # Which cells a release has depends on it.
        desk = await get_desk(session, "bologna")
        assert (await list_closable(session, desk, clock=world.clock))[0] == Period(2026, 4)


async def test_the_name_of_an_officer_who_left_ends_with_the_trail_that_names_them(world: World) -> None:
    await world.make_desk("bologna", "anna@bologna", "bruno@bologna", "carla@bologna")
    anna, carla = await world.signed_in("anna@bologna"), await world.signed_in("carla@bologna")
    async with world.database.session() as session:
        await leave(session, anna, carla.officer.id, clock=world.clock)

    async def names() -> set[str]:
        await trail(world)
        async with world.database.session() as session:
            return set(await session.exec(select(Officer.name)))

    assert await names() == {"Anna", "Bruno", "Carla"}
    world.clock.at += timedelta(days=3651)
    assert await names() == {"Anna", "Bruno"}
