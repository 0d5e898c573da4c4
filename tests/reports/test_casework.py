"""What officers do with a case reaches who should see it and nobody else."""

from __future__ import annotations

import json
import zipfile
from datetime import date, timedelta
from io import BytesIO

import pytest
from sqlmodel import select

from channels.forms import IncomingFile
from reports import casework
from reports.audit import Act
from reports.case_files import list_desk_files, open_file
from reports.case_keys import open_case_for
from reports.cases import CaseSummary, list_audit, list_cases, read_case
from reports.contents import DeskLabels, EntryKind
from reports.errors import CaseNotFoundError, KeptLongEnoughError, NobodyReadsError, SealBrokenError
from reports.evidence import check
from reports.exporting import export_case
from reports.files import read_file
from reports.models import Case, CaseSeal, CaseStatus
from reports.reporter import add_from_reporter, open_by_receipt
from tests.reports.samples_of_files import jpeg
from tests.reports.world import Sent, World

ANNA, BRUNO, CARLA = "anna@bologna", "bruno@bologna", "carla@bologna"


async def summary(world: World, login: str = ANNA) -> CaseSummary:
    async with world.database.session() as session:
        [case] = await list_cases(session, await world.signed_in(login), clock=world.clock)
    return case


async def return_with(world: World, sent: Sent) -> str:
    async with world.database.session() as session:
        return (await open_by_receipt(session, sent.keys, clock=world.clock)).token


async def reply(world: World, sent: Sent, text: str = "Come and see us.") -> casework.Replied:
    async with world.database.session() as session:
        return await casework.reply(
            session, await world.signed_in(ANNA), sent.case_id, text=text, language="it", clock=world.clock
        )


async def test_a_reply_reaches_the_reporter_and_a_note_does_not(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    await reply(world, sent)
    async with world.database.session() as session:
        await casework.add_note(
            session, await world.signed_in(BRUNO), sent.case_id, text="Ask the lawyer", clock=world.clock
        )
        returned = await open_by_receipt(session, sent.keys, clock=world.clock)
        assert [(entry.kind, entry.text.text) for entry in returned.entries] == [
            (EntryKind.FROM_DESK, "Come and see us.")
        ]
        opened = await read_case(session, await world.signed_in(ANNA), sent.case_id, clock=world.clock)
    assert [(entry.kind, entry.text.author) for entry in opened.entries] == [
        (EntryKind.FROM_DESK, "Anna"), (EntryKind.NOTE, "Bruno"),
    ]  # fmt: skip
    assert opened.summary.status is CaseStatus.IN_WORK
    assert opened.summary.is_answered
    assert opened.summary.answer_due_on is None


async def test_who_asked_for_notices_gets_one_with_a_reply_and_none_after_closing(world: World) -> None:
    await world.make_desk()
    sent, silent = await world.send(notice_chat="123456789"), await world.send()
    assert (await reply(world, sent)).notice_chat == "123456789"
    assert (await reply(world, sent)).notice_language == "ar"
    assert (await reply(world, silent)).notice_chat is None
    async with world.database.session() as session:
        await casework.set_status(
            session, await world.signed_in(ANNA), sent.case_id, CaseStatus.CLOSED, clock=world.clock
        )
    assert (await reply(world, sent)).notice_chat is None


async def test_writing_takes_a_closed_case_up_again(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    async with world.database.session() as session:
        await casework.set_status(
            session, await world.signed_in(ANNA), sent.case_id, CaseStatus.CLOSED, clock=world.clock
        )
    token = await return_with(world, sent)
    async with world.database.session() as session:
        await add_from_reporter(session, token, text="It happened again", language="ar", clock=world.clock)
    case = await summary(world)
    assert (case.status, case.reporter_waits) == (CaseStatus.IN_WORK, True)


async def write(world: World, sent: Sent, text: str) -> None:
    token = await return_with(world, sent)
    async with world.database.session() as session:
        await add_from_reporter(session, token, text=text, language="ar", clock=world.clock)


async def waits(world: World) -> tuple[bool, date | None]:
    case = await summary(world)
    return case.reporter_waits, case.answer_due_on


async def test_a_later_message_waits_until_it_is_answered_however_often_it_is_read(world: World) -> None:
    """The desk promises an answer within 14 days; it is 22 November."""
    await world.make_desk()
    sent = await world.send()
    await reply(world, sent)
    assert await waits(world) == (False, None)
    await write(world, sent, "And what about my child?")
    world.clock.at += timedelta(days=2)
    await write(world, sent, "Are you there?")
    await world.sign_in(ANNA)
    async with world.database.session() as session:
        opened = await read_case(session, await world.signed_in(ANNA), sent.case_id, clock=world.clock)
    assert (opened.summary.reporter_waits, opened.summary.answer_due_on) == (True, date(2026, 12, 6))
    assert await waits(world) == (True, date(2026, 12, 6))
    await reply(world, sent)
    assert await waits(world) == (False, None)


async def test_what_needs_no_answer_is_said_and_what_comes_after_it_waits_again(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    await reply(world, sent)
    await write(world, sent, "Thank you.")
    async with world.database.session() as session:
        opened = await read_case(session, await world.signed_in(ANNA), sent.case_id, clock=world.clock)
    world.clock.at += timedelta(days=1)
    await world.sign_in(ANNA)
    await write(world, sent, "One thing more: where do I go?")
    anna = await world.signed_in(ANNA)
    for until, expected in ((opened.entries[-1].id, (True, date(2026, 12, 7))), (10**9, (False, None))):
        async with world.database.session() as session:
            await casework.settle(session, anna, sent.case_id, until=until, clock=world.clock)
        assert await waits(world) == expected
    async with world.database.session() as session:
        await casework.set_labels(session, anna, sent.case_id, DeskLabels(labels=["ours"]), clock=world.clock)
        assert Act.NEEDS_NO_ANSWER in {entry.action for entry in await list_audit(session, anna)}
    world.clock.at += timedelta(days=1)
    await world.sign_in(ANNA)
    await write(world, sent, "It happened again.")
    assert await waits(world) == (True, date(2026, 12, 8))


async def test_closing_a_case_leaves_nothing_waiting_when_it_is_opened_again(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    await reply(world, sent)
    await write(world, sent, "Thank you, that is all.")
    for status in (CaseStatus.CLOSED, CaseStatus.IN_WORK):
        async with world.database.session() as session:
            await casework.set_status(session, await world.signed_in(ANNA), sent.case_id, status, clock=world.clock)
    assert await waits(world) == (False, None)


async def test_labels_and_assignment_are_sealed_and_shown(world: World) -> None:
    await world.make_desk()
    await world.make_desk("milano")
    sent = await world.send()
    bruno, stranger = await world.signed_in(BRUNO), await world.signed_in("anna@milano")
    labels = DeskLabels(labels=["urgent"], event="Stadium, 3 May", assigned_to=bruno.officer.id)
    async with world.database.session() as session:
        await casework.set_labels(session, await world.signed_in(ANNA), sent.case_id, labels, clock=world.clock)
        assert b"Stadium" not in ((await session.get_one(Case, sent.case_id)).labels or b"")
        with pytest.raises(CaseNotFoundError):
            await casework.set_labels(
                session,
                await world.signed_in(ANNA),
                sent.case_id,
                labels.model_copy(update={"assigned_to": stranger.officer.id}),
                clock=world.clock,
            )
    assert (await summary(world, BRUNO)).labels == labels


async def test_keeping_an_officer_out_gives_the_case_a_new_key(world: World) -> None:
    await world.make_desk("bologna", ANNA, BRUNO, CARLA)
    sent = await world.send()
    await reply(world, sent)
    bruno = await world.signed_in(BRUNO)
    async with world.database.session() as session:
        _, old_key = await open_case_for(session, bruno, sent.case_id)
        photo = await check(IncomingFile("photo.jpg", "image/jpeg", jpeg()))
    token = await return_with(world, sent)
    async with world.database.session() as session:
        await add_from_reporter(session, token, file=photo, language="ar", clock=world.clock)
        labels = DeskLabels(labels=["urgent"], assigned_to=bruno.officer.id)
        await casework.set_labels(session, await world.signed_in(ANNA), sent.case_id, labels, clock=world.clock)
        await casework.exclude_officer(
            session, await world.signed_in(ANNA), sent.case_id, bruno.officer.id, clock=world.clock
        )
    async with world.database.session() as session:
        with pytest.raises(CaseNotFoundError):
            await read_case(session, await world.signed_in(BRUNO), sent.case_id, clock=world.clock)
        opened = await read_case(session, await world.signed_in(CARLA), sent.case_id, clock=world.clock)
        assert [entry.text.text for entry in opened.entries] == ["Come and see us.", ""]
        assert opened.summary.labels == DeskLabels(labels=["urgent"])
        file_id = opened.entries[1].text.files[0].id
        _, key = await open_case_for(session, await world.signed_in(CARLA), sent.case_id)
        assert await read_file(session, file_id, key=key) == photo.cleaned
        # The key that the officer had opens nothing of the case any more.
        with pytest.raises(SealBrokenError):
            await read_file(session, file_id, key=old_key)
    async with world.database.session() as session:
        returned = await open_by_receipt(session, sent.keys, clock=world.clock)
        assert returned.report.story == sent.report.story
        assert returned.key != old_key


async def test_who_was_kept_out_is_never_shared_with_and_a_newcomer_may_be(world: World) -> None:
    await world.make_desk()
    bruno = (await world.signed_in(BRUNO)).officer.id
    sent = await world.send(kept_out=[bruno])
    await world.join("bologna", CARLA)
    await world.let_in(ANNA, CARLA)
    carla = (await world.signed_in(CARLA)).officer.id
    anna = await world.signed_in(ANNA)
    async with world.database.session() as session:
        with pytest.raises(CaseNotFoundError):
            await read_case(session, await world.signed_in(CARLA), sent.case_id, clock=world.clock)
    async with world.database.session() as session:
        with pytest.raises(CaseNotFoundError):
            await casework.share_with(session, anna, sent.case_id, bruno, clock=world.clock)
    async with world.database.session() as session:
        await casework.share_with(session, anna, sent.case_id, carla, clock=world.clock)
        await casework.share_with(session, anna, sent.case_id, carla, clock=world.clock)
        opened = await read_case(session, await world.signed_in(CARLA), sent.case_id, clock=world.clock)
        assert opened.summary.is_restricted
        assert len(list(await session.exec(select(CaseSeal)))) == 2


async def test_the_last_reader_is_never_kept_out(world: World) -> None:
    await world.make_desk()
    anna, bruno = await world.signed_in(ANNA), await world.signed_in(BRUNO)
    sent = await world.send(kept_out=[bruno.officer.id])
    async with world.database.session() as session:
        with pytest.raises(NobodyReadsError):
            await casework.exclude_officer(session, anna, sent.case_id, anna.officer.id, clock=world.clock)
    assert (await summary(world)).report.story == sent.report.story


async def test_another_desk_s_officer_can_do_nothing_with_a_case(world: World) -> None:
    await world.make_desk()
    await world.make_desk("milano")
    sent, clock = await world.send(), world.clock
    stranger = await world.signed_in("anna@milano")
    async with world.database.session() as session:
        for attempt in (
            casework.reply(session, stranger, sent.case_id, text="x", language="it", clock=clock),
            list_desk_files(session, stranger, sent.case_id),
            open_file(session, stranger, sent.case_id, "x", clock=clock),
            casework.add_note(session, stranger, sent.case_id, text="x", clock=clock),
            casework.set_status(session, stranger, sent.case_id, CaseStatus.CLOSED, clock=clock),
            casework.set_labels(session, stranger, sent.case_id, DeskLabels(), clock=clock),
            casework.set_apart(session, stranger, sent.case_id, is_apart=True, clock=clock),
            casework.keep_longer(session, stranger, sent.case_id, clock=clock),
            casework.settle(session, stranger, sent.case_id, until=1, clock=clock),
            casework.exclude_officer(session, stranger, sent.case_id, stranger.officer.id, clock=clock),
            casework.share_with(session, stranger, sent.case_id, stranger.officer.id, clock=clock),
            casework.ask_hand_over(
                session, stranger, sent.case_id, desk_id="milano", text="x", language="it", clock=clock
            ),
            export_case(session, stranger, sent.case_id, clock=clock),
            read_case(session, stranger, sent.case_id, clock=clock),
        ):
            with pytest.raises(CaseNotFoundError):
                await attempt
    assert (await summary(world)).status is CaseStatus.NEW


async def test_work_that_goes_on_keeps_a_case_longer_but_never_before_its_end_and_never_in_silence(
    world: World,
) -> None:
    """It would be deleted on 30 November 2027."""
    await world.make_desk()
    sent = await world.send(notice_chat="123456789")

    async def keep() -> casework.Replied:
        await world.sign_in(ANNA)
        async with world.database.session() as session:
            return await casework.keep_longer(session, await world.signed_in(ANNA), sent.case_id, clock=world.clock)

    world.clock.at += timedelta(days=342)
    with pytest.raises(KeptLongEnoughError) as refused:
        await keep()
    assert refused.value.values == {"day": "2027-10-31"}
    assert (await summary(world)).delete_on == date(2027, 11, 30)
    world.clock.at += timedelta(days=1)
    assert (await keep()).notice_chat == "123456789"
    assert (await summary(world)).delete_on == date(2028, 10, 31)
    with pytest.raises(KeptLongEnoughError):
        await keep()
    async with world.database.session() as session:
        returned = await open_by_receipt(session, sent.keys, clock=world.clock)
    [told] = returned.entries
    assert [(phrase.key, phrase.day) for phrase in told.text.phrases] == [("kept_longer", date(2028, 10, 31))]
    case = await summary(world)
    assert (case.is_answered, case.answer_due_on) == (False, date(2026, 12, 6))


async def test_junk_can_be_put_back(world: World) -> None:
    await world.make_desk()
    sent = await world.send()
    for is_apart in (True, False):
        async with world.database.session() as session:
            await casework.set_apart(
                session, await world.signed_in(ANNA), sent.case_id, is_apart=is_apart, clock=world.clock
            )
        assert (await summary(world)).set_apart is is_apart


async def test_an_export_holds_the_whole_case_in_memory(world: World) -> None:
    await world.make_desk()
    sent = await world.send(notice_chat="123456789")
    token = await return_with(world, sent)
    photo = await check(IncomingFile("../../photo.jpg", "image/jpeg", jpeg()))
    async with world.database.session() as session:
        await add_from_reporter(session, token, text="Here it is", file=photo, language="ar", clock=world.clock)
        packed = await export_case(session, await world.signed_in(ANNA), sent.case_id, clock=world.clock)
        trail = await list_audit(session, await world.signed_in(ANNA), case_id=sent.case_id)
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        told = json.loads(archive.read("case.json"))
        [name] = [name for name in archive.namelist() if name != "case.json"]
        assert archive.read(name) == photo.cleaned
    assert told["report"]["story"] == sent.report.story
    assert told["entries"][0]["text"] == "Here it is"
    assert told["report"]["notice_chat"] is None
    assert ".." not in name
    assert Act.EXPORTED in {entry.action for entry in trail}
