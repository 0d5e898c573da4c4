"""The code, and how a draft becomes a case exactly once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from channels.forms import Action, AnswerKind, FormInput
from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from core.languages import RELEASED
from reports.case_keys import key_context
from reports.contents import Copy, Origin
from reports.desks import close_desk, get_desk
from reports.errors import DraftGoneError
from reports.files import read_file
from reports.intake.drafts import Sheet
from reports.intake.sent import SentScreens
from reports.intake.service import Intake
from reports.intake.steps import Answer
from reports.models import Case, CaseSeal, Draft, Officer, SealedFile
from reports.receipts import derive, read_receipt
from reports.sealing import open_sealed
from tests.reports.intake.conftest import build_intake
from tests.reports.intake.teller import OpenDesk, Teller, Told, open_desk, read_report, read_reports
from tests.reports.intake.test_answers import picture

TOLD: Told = {"where": "Bologna", "desk": ("bologna",), "story": "They laughed at my name."}


async def cases(database: Database) -> list[Case]:
    async with database.session() as session:
        return list(await session.exec(select(Case)))


async def drafts(database: Database) -> list[Draft]:
    async with database.session() as session:
        return list(await session.exec(select(Draft)))


async def test_the_code_that_was_shown_opens_the_case_and_the_desk_reads_it(
    teller: Teller, desk: OpenDesk, database: Database
) -> None:
    await teller.open()
    await teller.walk("receipt", TOLD)
    code = teller.screen.receipt
    assert code is not None
    await teller.type(code[-5:])
    await teller.send()
    assert teller.screen.step == "done"
    (case,) = await cases(database)
    keys = await derive(read_receipt(code))
    assert case.receipt_id == keys.receipt_id
    own = open_sealed(keys.pair, case.receipt_sealed_key, key_context(case.id))
    assert own == open_sealed(desk.keys, case.desk_sealed_key or b"", key_context(case.id))
    assert read_report(case, desk.keys).story == "They laughed at my name."


async def test_each_time_the_code_is_shown_it_is_a_new_one_and_kept_nowhere(
    teller: Teller, desk: OpenDesk, database: Database
) -> None:
    await teller.open()
    await teller.walk("receipt", TOLD)
    first = teller.screen.receipt
    again = await teller.intake.show(teller.key)
    assert again is not None
    assert again.receipt not in {None, first}
    assert any("new code" in note for note in again.notes)
    (draft,) = await drafts(database)
    assert (again.receipt or "").replace(" ", "").encode() not in draft.body


async def test_having_kept_an_earlier_code_does_not_count(teller: Teller, desk: OpenDesk) -> None:
    await teller.open()
    await teller.walk("receipt", TOLD)
    old = teller.screen
    await teller.intake.show(teller.key)
    await teller.give(FormInput(Action.ANSWER, "receipt", old.version, ("kept",)))
    assert teller.screen.step == "receipt"
    assert teller.screen.error
    assert teller.screen.receipt not in {None, old.receipt}
    await teller.type((old.receipt or "")[-5:])
    assert teller.screen.error == (
        "These are not the last five digits of your code. Compare them with the code shown here. If the code is not "
        "here any more, ask for a new one."
    )


async def test_a_mistyped_end_leaves_the_code_as_it_is(teller: Teller, desk: OpenDesk) -> None:
    await teller.open()
    await teller.walk("receipt", TOLD)
    code = teller.screen.receipt or ""
    wrong = "00000" if not code.endswith("00000") else "11111"
    await teller.type(wrong)
    assert teller.screen.error
    assert teller.screen.receipt is None
    await teller.type(code[-5:].translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")))
    assert teller.screen.step == "send"


@pytest.mark.parametrize("typed", ["", "12"])
async def test_a_page_keeps_its_code_until_it_is_confirmed(teller: Teller, desk: OpenDesk, typed: str) -> None:
    await teller.open()
    await teller.walk("receipt", TOLD)
    before = teller.screen
    code = before.receipt or ""
    await teller.give(FormInput(Action.ANSWER, "receipt", before.version, text=typed, receipt=code))
    assert teller.screen.error
    assert (teller.screen.receipt, teller.screen.version) == (code, before.version)
    assert not any("new code" in note for note in teller.screen.notes)
    in_italian = await teller.intake.show(teller.key, language="it", receipt=code)
    assert in_italian is not None
    assert in_italian.receipt == code
    await teller.give(FormInput(Action.ANSWER, "receipt", text=code[-5:]))
    assert teller.screen.step == "send"


@pytest.mark.parametrize("brought", [None, "", "nothing", "1234567890123456789012345"])
async def test_a_page_without_the_code_of_this_report_gets_a_new_one_and_is_told(
    teller: Teller, desk: OpenDesk, brought: str | None
) -> None:
    await teller.open()
    await teller.walk("receipt", TOLD)
    before = teller.screen
    if brought and brought.isdecimal():
        brought = brought[:-5] + (before.receipt or "")[-5:]
    await teller.give(FormInput(Action.ANSWER, "receipt", before.version, text="12", receipt=brought))
    assert teller.screen.error
    assert teller.screen.receipt not in {None, before.receipt, brought}
    assert any("new code" in note for note in teller.screen.notes)


async def test_going_back_to_the_code_needs_the_new_one_to_be_kept(teller: Teller, desk: OpenDesk) -> None:
    await teller.open()
    await teller.walk("send", TOLD)
    await teller.act(Action.BACK)
    assert teller.screen.step == "receipt"
    assert teller.screen.receipt is not None
    await teller.act(Action.BACK)
    await teller.act(Action.NEXT)
    assert teller.screen.step == "receipt"


async def test_sending_before_the_code_is_kept_sends_nothing(
    teller: Teller, desk: OpenDesk, database: Database
) -> None:
    await teller.open()
    for step in ("safe", "story", "review", "receipt"):
        await teller.walk(step, TOLD)
        await teller.give(FormInput(Action.SEND))
        assert await cases(database) == []
        assert teller.screen.step != "done"


@pytest.mark.parametrize("at_once", [False, True])
async def test_sending_twice_makes_one_case_and_says_twice_that_it_is_sent(
    teller: Teller, desk: OpenDesk, database: Database, at_once: bool
) -> None:
    await teller.open()
    await teller.walk("send", TOLD)
    press = FormInput(Action.SEND, "send", teller.screen.version)
    if at_once:
        screens = await asyncio.gather(*(teller.intake.take(teller.key, press) for _ in range(4)))
    else:
        screens = [await teller.intake.take(teller.key, press) for _ in range(2)]
    assert {screen.step for screen in screens} == {"done"}
    assert len(await cases(database)) == 1
    assert await drafts(database) == []


async def test_sending_from_two_processes_at_once_makes_one_case(
    teller: Teller, desk: OpenDesk, database: Database, clock: FixedClock, wording: Wording
) -> None:
    await teller.open()
    await teller.walk("evidence", TOLD)
    await teller.attach(picture())
    await teller.walk("send")
    press = FormInput(Action.SEND, "send", teller.screen.version)
    processes = [teller.intake, *(build_intake(database, clock, wording) for _ in range(3))]
    results = await asyncio.gather(*(process.take(teller.key, press) for process in processes), return_exceptions=True)
    assert all(isinstance(result, DraftGoneError) or getattr(result, "step", "") == "done" for result in results)
    assert any(getattr(result, "step", "") == "done" for result in results)
    assert len(await cases(database)) == 1
    assert await drafts(database) == []


async def test_after_sending_the_draft_is_gone_and_a_new_report_begins_anew(
    teller: Teller, desk: OpenDesk, database: Database
) -> None:
    await teller.open()
    await teller.walk("send", TOLD)
    await teller.send()
    assert await drafts(database) == []
    assert await teller.intake.show(teller.key) is None
    with pytest.raises(DraftGoneError):
        await teller.type("and one more thing")
    await teller.open()
    assert (teller.screen.step, teller.screen.version) == ("safe", 1)


async def test_a_desk_that_closed_meanwhile_is_chosen_anew_and_nothing_is_lost(
    teller: Teller, desk: OpenDesk, database: Database, clock: FixedClock
) -> None:
    other = await open_desk(database, clock, "other")
    await teller.open()
    await teller.walk("send", TOLD)
    async with database.session() as session:
        await close_desk(session, await get_desk(session, "bologna"), clock=clock)
    await teller.send()
    assert (teller.screen.step, bool(teller.screen.error)) == ("desk", True)
    assert [choice.value for choice in teller.screen.choices] == ["other", "letter"]
    await teller.choose("other")
    await teller.walk("send", TOLD)
    await teller.send()
    (report,) = await read_reports(database, other)
    assert report.story == "They laughed at my name."


async def test_somebody_who_is_kept_out_gets_no_key(teller: Teller, desk: OpenDesk, database: Database) -> None:
    await teller.open()
    await teller.walk("keep_out", TOLD)
    officers = {choice.title: choice.value for choice in teller.screen.choices}
    assert set(officers) == {"Ada", "Bruno"}
    await teller.choose(officers["Ada"], officers["Bruno"])
    assert teller.screen.error == "Then nobody would be left there to read it. Go back and choose another reader."
    await teller.choose(officers["Bruno"])
    await teller.walk("send", TOLD)
    await teller.send()
    (case,) = await cases(database)
    async with database.session() as session:
        seals = {seal.officer_id: seal.sealed_key for seal in await session.exec(select(CaseSeal))}
        assert len(list(await session.exec(select(Officer)))) == 2
    assert case.desk_sealed_key is None
    assert set(seals) == {officers["Ada"]}
    assert read_report(case, desk.officers["Ada"], seals[officers["Ada"]]).story == "They laughed at my name."


@pytest.mark.parametrize("copies", list(Copy))
async def test_of_each_file_the_desk_gets_the_copies_that_were_chosen(
    teller: Teller, desk: OpenDesk, database: Database, copies: Copy
) -> None:
    await teller.open()
    await teller.walk("evidence", TOLD)
    await teller.attach(picture())
    await teller.walk("copies")
    await teller.choose(copies)
    await teller.walk("send")
    await teller.send()
    (case,) = await cases(database)
    key = open_sealed(desk.keys, case.desk_sealed_key or b"", key_context(case.id))
    (note,) = read_report(case, desk.keys).files
    async with database.session() as session:
        stored = set(await session.exec(select(SealedFile.id)))
        contents = {kind: await read_file(session, file_id, key=key) for kind, file_id in note.chosen.items()}
    assert stored == set(note.chosen.values())
    assert set(contents) == {Copy.ORIGINAL, Copy.CLEANED} if copies is Copy.BOTH else {copies}
    assert (b"Camera of Jane" in b"".join(contents.values())) == (copies is not Copy.CLEANED)


@pytest.mark.parametrize("wished", ["yes", "no"])
async def test_the_chat_is_kept_only_if_the_person_asks_to_be_told(
    intake: Intake, desk: OpenDesk, database: Database, wished: str
) -> None:
    teller = Teller(intake, "987654321", origin="telegram")
    await teller.open()
    await teller.walk("send", {**TOLD, "notice": (wished,)})
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert report.notice_chat == ("987654321" if wished == "yes" else None)


async def test_answers_that_do_not_count_any_more_are_not_sent(
    teller: Teller, desk: OpenDesk, database: Database
) -> None:
    await teller.open()
    await teller.walk("review", {**TOLD, "for_whom": ("organisation",), "organisation": "Open Door"})
    await teller.act(Action.CHANGE, values=("for_whom",))
    await teller.choose("self")
    await teller.walk("send")
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert (report.for_whom, report.organisation) == ("self", None)


async def test_many_reports_of_one_source_are_set_apart_and_none_is_refused(
    intake: Intake, desk: OpenDesk, database: Database
) -> None:
    for number in range(6):
        teller = Teller(intake, f"junk-{number}")
        await teller.open()
        await teller.walk("send", {**TOLD, "story": f"Message number {number} of the same sender."})
        await teller.send(source="192.0.2.7")
        assert teller.screen.kind is AnswerKind.DONE
    honest = Teller(intake, "honest")
    await honest.open()
    await honest.walk("send", TOLD)
    await honest.send(source="192.0.2.8")
    found = await cases(database)
    assert len(found) == 7
    assert sum(case.set_apart for case in found) == 3
    apart = {read_report(case, desk.keys).story for case in found if case.set_apart}
    assert apart == {f"Message number {number} of the same sender." for number in (3, 4, 5)}


async def test_everything_that_was_told_reaches_the_desk(teller: Teller, desk: OpenDesk, database: Database) -> None:
    await teller.open(city="Bologna")
    await teller.walk(
        "send",
        {
            **TOLD,
            "safe": ("yes",),
            "minor": ("no",),
            "about_city": ("no",),
            "when": "2026-05-31",
            "area": ("housing",),
            "grounds": ("origin", "language"),
            "who": ("landlord",),
            "witnesses": ("some",),
            "wishes": ("advice", "stop"),
            "for_whom": ("self",),
            "contact": ("phone",),
            "contact_value": "+39 051 123456",
        },
    )
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert report.model_dump(mode="json", exclude_defaults=True) == {
        "language": "en",
        "origin": "web",
        "arrived_at": "2026-11-22T09:00:00Z",
        "is_safe": "yes",
        "is_minor": False,
        "country": "IT",
        "city": "it-bologna",
        "place_words": "Bologna",
        "about_city": "no",
        "story": "They laughed at my name.",
        "story_language": "en",
        "when": {"day": "2026-05-31", "words": "2026-05-31"},
        "area": "housing",
        "grounds": ["origin", "language"],
        "who": {"kinds": ["landlord"]},
        "witnesses": "some",
        "wishes": ["advice", "stop"],
        "for_whom": "self",
        "contact": {"kind": "phone", "value": "+39 051 123456"},
    }


async def test_the_last_screen_is_told_in_any_language_by_any_process(
    teller: Teller, desk: OpenDesk, database: Database, clock: FixedClock, wording: Wording
) -> None:
    await teller.open()
    await teller.walk("send", TOLD | {"safe": ("no",), "minor": ("yes",), "who": "Rossi-by-name"})
    sent = await teller.send()
    assert sent.again is not None
    other = build_intake(database, clock, wording)
    for language in RELEASED:
        again = await other.show_again(sent.again, language=language)
        assert again.title == wording.texts.get("report.step.done.title", language)
        assert again.notes[0] == wording.texts.get("report.step.done.sent", language, desk="Desk bologna")
        assert [reply.language for reply in again.replies] == [language] * len(sent.replies)
        assert len(again.notes) == len(sent.notes)
        assert again.again == sent.again
    assert len(sent.replies) == 2
    assert (await other.show_again(sent.again, language="en")) == sent
    assert len(await cases(database)) == 1
    assert await drafts(database) == []


async def test_what_the_last_page_holds_opens_nothing_tells_no_word_and_ends_after_a_day(
    teller: Teller, desk: OpenDesk, clock: FixedClock
) -> None:
    await teller.open()
    await teller.walk("send", TOLD | {"who": "Rossi-by-name"})
    sheet = SentScreens("only-for-tests", clock).unpack((await teller.send()).again or "")
    held = sheet.model_dump_json()
    assert "laughed" not in held
    assert "Rossi" not in held
    assert sheet.receipt is None
    screens = SentScreens("only-for-tests", clock)
    answers = {"where": Answer(values=["it-bologna"], text="Zamboni 33"), "grounds": Answer(values=["religion"])}
    bare = screens.unpack(screens.pack(Sheet(origin=Origin.WEB, language="en", words="Rossi", answers=answers)))
    assert bare.answers == {"where": Answer(values=["it-bologna"])}
    assert bare.words is None
    kept = screens.pack(sheet)
    assert "bologna" not in kept
    for wrong in (kept[:-8], "x", "", "é", kept[:40] + "A" + kept[41:] if kept[40] != "A" else kept[1:]):
        with pytest.raises(DraftGoneError):
            screens.unpack(wrong)
    with pytest.raises(DraftGoneError):
        SentScreens("another", clock).unpack(kept)
    clock.at += timedelta(hours=24)
    with pytest.raises(DraftGoneError):
        screens.unpack(kept)
