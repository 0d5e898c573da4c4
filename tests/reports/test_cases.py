"""A report becomes one sealed case, which its desk's officers read and nobody else."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from sqlmodel import select

from reports.audit import Act
from reports.case_files import open_file
from reports.case_keys import open_case_for
from reports.cases import list_audit, list_cases, read_case, share_of_returns, submit
from reports.contents import Copy, FileNote
from reports.errors import CaseNotFoundError, DeskNotFoundError, NobodyReadsError, SealBrokenError
from reports.files import list_case_files, read_file, store_in_draft
from reports.models import Case, CaseSeal, CaseStatus, Draft, SealedChunk, SealedFile
from reports.receipts import derive, new_receipt
from reports.sealing import new_key
from tests.reports.world import Sent, World, make_report

ANNA, BRUNO, CARLA = "anna@bologna", "bruno@bologna", "carla@bologna"


async def listed(world: World, login: str, *, set_apart: bool | None = None) -> list[str]:
    async with world.database.session() as session:
        cases = await list_cases(session, await world.signed_in(login), clock=world.clock, set_apart=set_apart)
    return [case.id for case in cases]


async def can_read(world: World, login: str, sent: Sent) -> bool:
    async with world.database.session() as session:
        try:
            opened = await read_case(session, await world.signed_in(login), sent.case_id, clock=world.clock)
        except CaseNotFoundError:
            return False
    assert opened.summary.report.story == sent.report.story
    return True


async def test_a_report_is_read_by_its_desk_s_officers_as_it_was_told(world: World) -> None:
    await world.make_desk()
    await world.make_desk("milano")
    sent = await world.send(story="قال صاحب البيت: لا أجانب\u200f. 🏠", kept_out=[], wishes=["apology"])
    for login in (ANNA, BRUNO):
        async with world.database.session() as session:
            opened = await read_case(session, await world.signed_in(login), sent.case_id, clock=world.clock)
        assert opened.summary.report == sent.report
        assert await listed(world, login) == [sent.case_id]
    assert await listed(world, "anna@milano") == []
    assert not await can_read(world, "anna@milano", sent)


async def test_sending_twice_makes_one_case(world: World) -> None:
    await world.make_desk()
    first = await world.send(submission="one")
    again = await world.send(submission="one", story="Something else")
    assert first.case_id == again.case_id
    async with world.database.session() as session:
        [case] = await list_cases(session, await world.signed_in(ANNA), clock=world.clock)
        assert case.report == first.report


async def test_sending_twice_at_once_makes_one_case(world: World) -> None:
    await world.make_desk()
    keys = await derive(new_receipt())

    async def send() -> str:
        async with world.database.session() as session:
            return await submit(
                session,
                make_report(world.clock),
                desk_id="bologna",
                receipt_id=keys.receipt_id,
                receipt_public_key=keys.public_key,
                submission="one",
                clock=world.clock,
            )

    ids = await asyncio.gather(*(send() for _ in range(5)))
    assert len(set(ids)) == 1
    assert await listed(world, ANNA) == [ids[0]]


async def make_draft(world: World, draft_id: str, key: bytes, contents: list[bytes]) -> list[str]:
    async with world.database.session() as session:
        expires_at = world.clock.now() + timedelta(hours=24)
        session.add(Draft(id=draft_id, salt=b"s" * 16, body=b"sealed", expires_at=expires_at))
        await session.flush()
        ids = [await store_in_draft(session, draft_id=draft_id, key=key, content=content) for content in contents]
        await session.commit()
    return ids


async def send_draft(world: World, draft_id: str, key: bytes, files: list[FileNote], desk_id: str = "bologna") -> str:
    keys = await derive(new_receipt())
    async with world.database.session() as session:
        return await submit(
            session,
            make_report(world.clock, files=files),
            desk_id=desk_id,
            receipt_id=keys.receipt_id,
            receipt_public_key=keys.public_key,
            submission=draft_id,
            clock=world.clock,
            draft_id=draft_id,
            draft_key=key,
        )


def note(original: str, cleaned: str, copies: Copy) -> FileNote:
    return FileNote(
        id=original,
        name="photo.jpg",
        media_type="image/jpeg",
        size=3,
        sha256="0" * 64,
        copies=copies,
        cleaned_id=cleaned,
    )


@pytest.mark.parametrize("copies", list(Copy))
async def test_of_each_file_the_chosen_copies_go_along_and_the_draft_ends(world: World, copies: Copy) -> None:
    await world.make_desk()
    key = new_key()
    original, cleaned = await make_draft(world, "draft", key, [b"original" * 200_000, b"cleaned"])
    case_id = await send_draft(world, "draft", key, [note(original, cleaned, copies)])
    wanted = {
        Copy.ORIGINAL: {original: b"original" * 200_000},
        Copy.CLEANED: {cleaned: b"cleaned"},
        Copy.BOTH: {original: b"original" * 200_000, cleaned: b"cleaned"},
    }[copies]
    async with world.database.session() as session:
        assert list(await session.exec(select(Draft))) == []
        assert set(await list_case_files(session, case_id)) == set(wanted)
        assert {file.id for file in await session.exec(select(SealedFile))} == set(wanted)
        assert {chunk.file_id for chunk in await session.exec(select(SealedChunk))} == set(wanted)
        opened = await read_case(session, await world.signed_in(ANNA), case_id, clock=world.clock)
        assert set(opened.summary.report.files[0].chosen.values()) == set(wanted)


async def test_a_moved_file_opens_with_the_case_s_key_and_not_with_the_draft_s(world: World) -> None:
    await world.make_desk()
    key = new_key()
    original, cleaned = await make_draft(world, "draft", key, [b"original", b"cleaned"])
    case_id = await send_draft(world, "draft", key, [note(original, cleaned, Copy.CLEANED)])
    async with world.database.session() as session:
        _, case_key = await open_case_for(session, await world.signed_in(ANNA), case_id)
        assert await read_file(session, cleaned, key=case_key) == b"cleaned"
        with pytest.raises(SealBrokenError):
            await read_file(session, cleaned, key=key)


async def test_when_sending_fails_the_draft_is_still_there(world: World) -> None:
    await world.make_desk(is_open=False)
    key = new_key()
    original, cleaned = await make_draft(world, "draft", key, [b"original", b"cleaned"])
    with pytest.raises(DeskNotFoundError):
        await send_draft(world, "draft", key, [note(original, cleaned, Copy.BOTH)])
    async with world.database.session() as session:
        assert [draft.id for draft in await session.exec(select(Draft))] == ["draft"]
        assert await read_file(session, original, key=key) == b"original"
        assert list(await session.exec(select(Case))) == []


async def test_a_failure_in_the_middle_leaves_no_half_of_a_case(world: World) -> None:
    await world.make_desk()
    key = new_key()
    original, cleaned = await make_draft(world, "draft", key, [b"original", b"cleaned"])
    async with world.database.session() as session:
        chunk = await session.get_one(SealedChunk, (cleaned, 0))
        chunk.data = b"broken" * 20
        session.add(chunk)
        await session.commit()
    with pytest.raises(SealBrokenError):
        await send_draft(world, "draft", key, [note(original, cleaned, Copy.BOTH)])
    async with world.database.session() as session:
        assert list(await session.exec(select(Case))) == []
        assert (await session.get_one(SealedFile, original)).draft_id == "draft"
        assert await read_file(session, original, key=key) == b"original"


async def test_an_officer_who_is_kept_out_never_gets_the_key(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    bruno = (await world.signed_in(BRUNO)).officer.id
    sent = await world.send(kept_out=[bruno])
    assert await can_read(world, ANNA, sent)
    assert await can_read(world, CARLA, sent)
    assert not await can_read(world, BRUNO, sent)
    assert await listed(world, BRUNO) == []
    async with world.database.session() as session:
        case = await session.get_one(Case, sent.case_id)
        assert case.desk_sealed_key is None
        seals = set(await session.exec(select(CaseSeal.officer_id)))
        hidden = [entry for entry in await list_audit(session, await world.signed_in(BRUNO)) if entry.case_id]
        seen = [entry for entry in await list_audit(session, await world.signed_in(ANNA)) if entry.case_id]
    assert bruno not in seals
    assert len(seals) == 2
    assert hidden == []
    assert {entry.action for entry in seen} == {Act.READ}


async def test_a_report_that_nobody_could_read_is_not_taken(world: World) -> None:
    await world.make_desk()
    everybody = [(await world.signed_in(login)).officer.id for login in (ANNA, BRUNO)]
    with pytest.raises(NobodyReadsError):
        await world.send(kept_out=everybody)
    async with world.database.session() as session:
        assert list(await session.exec(select(Case))) == []


async def test_the_list_shows_what_is_due(world: World) -> None:
    await world.make_desk()
    sent = await world.send(notice_chat="123456789")
    async with world.database.session() as session:
        [case] = await list_cases(session, await world.signed_in(ANNA), clock=world.clock)
    assert case.status is CaseStatus.NEW
    assert case.answer_due_on == date(2026, 12, 6)
    assert case.delete_on == date(2027, 11, 30)
    assert (case.is_answered, case.is_restricted, case.reporter_returned) == (False, False, False)
    assert case.wants_notice
    assert case.report == sent.report.model_copy(update={"notice_chat": None})
    assert await can_read(world, ANNA, sent)
    async with world.database.session() as session:
        [case] = await list_cases(session, await world.signed_in(BRUNO), clock=world.clock)
    assert case.status is CaseStatus.READ


async def test_suspected_junk_lies_apart(world: World) -> None:
    await world.make_desk()
    real = await world.send()
    keys = await derive(new_receipt())
    async with world.database.session() as session:
        junk = await submit(
            session,
            make_report(world.clock, story="buy now"),
            desk_id="bologna",
            receipt_id=keys.receipt_id,
            receipt_public_key=keys.public_key,
            submission="junk",
            clock=world.clock,
            set_apart=True,
        )
    assert await listed(world, ANNA, set_apart=False) == [real.case_id]
    assert await listed(world, ANNA, set_apart=True) == [junk]
    assert set(await listed(world, ANNA)) == {real.case_id, junk}


async def test_every_reading_is_in_the_trail(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    for login in (ANNA, BRUNO, ANNA):
        assert await can_read(world, login, sent)
    names = {(await world.signed_in(login)).officer.id: login for login in (ANNA, BRUNO)}
    async with world.database.session() as session:
        trail = await list_audit(session, await world.signed_in(ANNA), case_id=sent.case_id)
    assert [(entry.action, names[entry.officer_id or ""]) for entry in trail] == [
        (Act.READ, ANNA), (Act.READ, BRUNO), (Act.READ, ANNA),
    ]  # fmt: skip


async def test_a_look_at_the_list_is_in_the_trail_once_an_hour(world: World) -> None:
    await world.make_desk()
    for minutes in (0, 10, 25, 29):
        world.clock.at += timedelta(minutes=minutes)
        await listed(world, ANNA)
    async with world.database.session() as session:
        trail = await list_audit(session, await world.signed_in(ANNA))
    assert [entry.action for entry in trail].count(Act.LISTED) == 2


async def test_a_file_is_read_by_its_id_and_only_from_its_case(world: World) -> None:
    await world.make_desk()
    key = new_key()
    original, cleaned = await make_draft(world, "draft", key, [b"original", b"cleaned"])
    case_id = await send_draft(world, "draft", key, [note(original, cleaned, Copy.CLEANED)])
    other = await world.send()
    async with world.database.session() as session:
        anna = await world.signed_in(ANNA)
        opened = await open_file(session, anna, case_id, cleaned, clock=world.clock)
        assert (opened.note.name, opened.content) == ("photo.jpg", b"cleaned")
        trail = await list_audit(session, anna, case_id=case_id)
        assert [entry.action for entry in trail] == [Act.FILE_READ]
        for wrong_case, wrong_file in ((other.case_id, cleaned), (case_id, original), (case_id, "x")):
            with pytest.raises(CaseNotFoundError):
                await open_file(session, anna, wrong_case, wrong_file, clock=world.clock)


async def test_the_share_of_reporters_who_came_back(world: World) -> None:
    await world.make_desk()
    sent = [await world.send() for _ in range(3)]
    async with world.database.session() as session:
        assert await share_of_returns(session, "bologna") == (0, 3)
        case = await session.get_one(Case, sent[0].case_id)
        case.reporter_returned = True
        session.add(case)
        await session.commit()
        assert await share_of_returns(session, "bologna") == (1, 3)
