"""Everything past its time is deleted by itself, wholly, and nothing before."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import select

from reports.desks import get_desk
from reports.errors import ReceiptUnknownError
from reports.files import store_in_draft
from reports.jobs import delete_expired
from reports.models import Case, CaseEntry, Draft, Erasure, Officer, OfficerSession, ReturnSession, SealedChunk
from reports.officers import create_officer
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
