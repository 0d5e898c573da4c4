"""Whoever has the receipt sees the answer in their language, writes, consents, and takes the report back."""

from __future__ import annotations

import asyncio
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlmodel import select

from channels.forms import CaseReturn, IncomingFile, ReporterCase
from core.erasures import Erasure
from core.settings import PROJECT_ROOT
from core.texts import Texts
from reports import casework
from reports.attempts import FOR_ONE
from reports.case_files import open_file
from reports.cases import list_audit, list_cases, read_case
from reports.contents import DeskLabels, EntryKind, Phrase, Report, Translation
from reports.desks import update_statement
from reports.errors import (
    CaseNotFoundError,
    DeskNotFoundError,
    FileGoneError,
    FileRefusedError,
    HandOverChangedError,
    ReceiptIncompleteError,
    ReceiptUnknownError,
    ReturnClosedError,
    TextTooLongError,
    TooManyAttemptsError,
)
from reports.evidence import MOST_FILES, check
from reports.leaving import leave
from reports.models import Case, CaseEntry, CaseStatus, DeskNews, ReturnSession, SealedFile
from reports.phrases import PHRASES, is_whole, render_phrase
from reports.receipts import new_receipt, show_receipt
from reports.returning import LONGEST, CaseDoor
from tests.reports.samples_of_files import BYTES, SECRET, jpeg
from tests.reports.world import DUTY, STATEMENT, Sent, World

ANNA, BRUNO = "anna@bologna", "bruno@bologna"


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts.load(PROJECT_ROOT / "locales")


@pytest.fixture
def door(world: World, texts: Texts) -> CaseDoor:
    return CaseDoor(world.database, world.clock, texts)


async def come_back(door: CaseReturn, sent: Sent, language: str = "en") -> ReporterCase:
    return await door.open(show_receipt(sent.receipt), source="203.0.113.7", language=language)


async def reply(world: World, sent: Sent, text: str, language: str = "it", **values: Any) -> None:
    async with world.database.session() as session:
        await casework.reply(
            session,
            await world.signed_in(ANNA),
            sent.case_id,
            text=text,
            language=language,
            clock=world.clock,
            **values,
        )


async def test_messages_go_both_ways(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    sent = await world.send()
    case = await come_back(door, sent)
    assert [(message.from_desk, message.text) for message in case.messages] == [(False, sent.report.story)]
    assert case.status == "Your report was sent to Desk of bologna. Nobody has read it yet."
    await reply(world, sent, "Venga martedì.")
    await door.add(case.token, language="ar", text="شكرا")
    case = await door.show(case.token, language="en")
    assert [(message.from_desk, message.text, message.language) for message in case.messages[1:]] == [
        (True, "Venga martedì.", "it"), (False, "شكرا", "ar"),
    ]  # fmt: skip
    async with world.database.session() as session:
        opened = await read_case(session, await world.signed_in(BRUNO), sent.case_id, clock=world.clock)
    assert [entry.text.text for entry in opened.entries] == ["Venga martedì.", "شكرا"]
    assert opened.summary.reporter_returned


async def test_a_translation_by_a_machine_comes_with_what_was_written(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    sent = await world.send()
    translations = {
        "ar": Translation(text="تعال يوم الثلاثاء"),
        "fr": Translation(text="Venez mardi.", by_machine=False),
    }
    await reply(world, sent, "Venga martedì.", translations=translations)
    shown = {language: (await come_back(door, sent, language)).messages[1] for language in ("ar", "fr", "it", "en")}
    assert (shown["ar"].text, shown["ar"].language, shown["ar"].original) == (
        "تعال يوم الثلاثاء", "ar", "Venga martedì.",
    )  # fmt: skip
    assert (shown["fr"].text, shown["fr"].language, shown["fr"].original) == ("Venez mardi.", "fr", None)
    for language in ("it", "en"):
        assert (shown[language].text, shown[language].language) == ("Venga martedì.", "it")


async def test_dates_in_a_reply_come_from_sentences_and_not_from_a_machine(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    sent = await world.send()
    phrase = Phrase(key="appointment", day=date(2026, 12, 3), hour=time(14, 30), place="Via Roma 1")
    await reply(world, sent, "", phrases=[phrase, Phrase(key="deadline", day=date(2027, 1, 5))])
    case = await come_back(door, sent, "en")
    assert case.messages[1].text == (
        "We offer you an appointment on 3 December 2026 at 14:30. Place: Via Roma 1\n\n"
        "Important: there is a legal deadline. It ends on 5 January 2027."
    )
    assert case.messages[1].written_on == "22 November 2026"
    assert (await come_back(door, sent, "it")).messages[1].written_on == "22 novembre 2026"
    assert (await come_back(door, sent, "ar")).messages[1].written_on == "22 نوفمبر 2026"


def test_every_phrase_has_its_sentence_with_its_values(texts: Texts) -> None:
    values = {"day": date(2026, 12, 3), "hour": time(14, 30), "place": "Via Roma 1"}
    for key, needed in PHRASES.items():
        whole = Phrase(key=key, **{name: values[name] for name in needed})
        assert is_whole(whole)
        said = render_phrase(whole, texts, "en")
        assert "{" not in said
        for name in needed:
            assert not is_whole(whole.model_copy(update={name: None}))
    assert not is_whole(Phrase(key="unknown"))


async def test_a_wrong_an_expired_and_a_withdrawn_code_get_one_answer_after_the_same_work(
    world: World, door: CaseDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.make_desk()
    expired, withdrawn = await world.send(), await world.send()
    await door.withdraw((await come_back(door, withdrawn)).token)
    world.clock.at += timedelta(days=400)
    from identity import passwords

    worked: list[int] = []
    stretch = passwords._stretch

    def count(secret: bytes, salt: bytes, length: int) -> bytes:
        worked.append(length)
        return stretch(secret, salt, length)

    monkeypatch.setattr(passwords, "_stretch", count)
    answers = set()
    for receipt in (new_receipt(), expired.receipt, withdrawn.receipt):
        with pytest.raises(ReceiptUnknownError) as refused:
            await door.open(receipt, source="203.0.113.8", language="en")
        answers.add((type(refused.value), str(refused.value), refused.value.text_key))
    assert len(answers) == 1
    assert worked == [64, 64, 64]


async def test_wrong_codes_are_limited_and_right_ones_are_not(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    sent = await world.send()
    for _ in range(FOR_ONE + 2):
        await come_back(door, sent)
    for _ in range(30):
        with pytest.raises(ReceiptIncompleteError):
            await door.open("12345", source="203.0.113.7", language="en")
    for _ in range(FOR_ONE):
        with pytest.raises(ReceiptUnknownError):
            await door.open(new_receipt(), source="203.0.113.7", language="en")
    with pytest.raises(TooManyAttemptsError):
        await come_back(door, sent)
    await door.open(sent.receipt, source="203.0.113.9", language="en")


async def test_many_wrong_codes_at_once_are_limited_too(world: World, door: CaseDoor) -> None:
    tries = [door.open(new_receipt(), source="203.0.113.7", language="en") for _ in range(3 * FOR_ONE)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, ReceiptUnknownError) for result in results) == FOR_ONE
    assert sum(isinstance(result, TooManyAttemptsError) for result in results) == 2 * FOR_ONE


async def test_an_opened_case_closes_by_itself(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    sent = await world.send()
    case = await come_back(door, sent)
    for _ in range(3):
        world.clock.at += timedelta(minutes=29)
        await door.show(case.token, language="en")
    world.clock.at += timedelta(minutes=31)
    for attempt in (
        door.show(case.token, language="en"),
        door.add(case.token, language="en", text="x"),
        door.withdraw(case.token),
        door.show("made up", language="en"),
        door.answer(case.token, language="en", agrees=True, asked=""),
    ):
        with pytest.raises(ReturnClosedError):
            await attempt
    async with world.database.session() as session:
        [row] = list(await session.exec(select(ReturnSession)))
    assert case.token not in repr(row)


async def test_withdrawing_deletes_everything_at_once(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    sent, other = await world.send(), await world.send()
    await reply(world, sent, "Venga.")
    case = await come_back(door, sent)
    await door.add(case.token, language="ar", file=IncomingFile("photo.jpg", "image/jpeg", jpeg()))
    await door.withdraw(case.token)
    with pytest.raises(ReturnClosedError):
        await door.show(case.token, language="en")
    async with world.database.session() as session:
        assert list(await session.exec(select(Case.id))) == [other.case_id]
        assert list(await session.exec(select(CaseEntry.id))) == []
        assert list(await session.exec(select(SealedFile.id))) == []
        [erasure] = list(await session.exec(select(Erasure)))
        assert erasure.erased_on == world.clock.at.date()
        assert sent.case_id not in erasure.erased_hash


async def test_a_file_is_checked_cleaned_and_taken_once(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    sent = await world.send()
    case = await come_back(door, sent)
    photo = IncomingFile("Via-Zamboni.JPG", "text/plain", jpeg())
    for _ in range(2):
        case = await door.add(case.token, language="ar", file=photo)
    assert [message.file_names for message in case.messages[1:]] == [["Via-Zamboni.jpg"]]
    with pytest.raises(FileRefusedError):
        await door.add(case.token, language="ar", file=IncomingFile("x.zip", "", b"PK\x03\x04"))
    assert len((await door.show(case.token, language="ar")).messages) == 2
    async with world.database.session() as session:
        assert len(list(await session.exec(select(SealedFile.id)))) == 1


async def test_the_person_chooses_which_form_of_a_later_file_the_desk_gets(world: World, door: CaseDoor) -> None:
    """What was sent without its hidden data can still be sent as it is; the same again is taken once."""
    await world.make_desk()
    sent = await world.send()
    case = await come_back(door, sent)
    photo = IncomingFile("a.jpg", "image/jpeg", jpeg())
    for copies in ("anything", "cleaned", "original", "original", "both", "cleaned"):
        await door.add(case.token, language="ar", file=photo, copies=copies)
    async with world.database.session() as session:
        opened = await read_case(session, await world.signed_in(ANNA), sent.case_id, clock=world.clock)
    notes = [note for entry in opened.entries for note in entry.text.files]
    assert [sorted(note.chosen) for note in notes] == [["cleaned"], ["original"], ["cleaned", "original"]]
    [original] = notes[1].chosen.values()
    async with world.database.session() as session:
        anna = await world.signed_in(ANNA)
        assert (await open_file(session, anna, sent.case_id, original, clock=world.clock)).content == photo.content


async def test_a_file_from_the_desk_is_handed_to_its_reporter_alone(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    sent, other = await world.send(), await world.send()
    anna = await world.signed_in("anna@bologna")
    letter = await check(IncomingFile("Rossi-complaint.JPG", "text/html", jpeg()))
    async with world.database.session() as session:
        await casework.add_note(session, anna, sent.case_id, text="only for us", clock=world.clock)
        await casework.reply(
            session, anna, sent.case_id, text="Sign it.", language="it", files=[letter], clock=world.clock
        )
    case = await come_back(door, sent)
    [shown] = case.messages[-1].files
    assert (shown.name, case.messages[-1].file_names) == ("Rossi-complaint.jpg", [])
    file = await door.read_file(case.token, shown.id)
    assert (file.name, file.media_type) == ("document-1.jpg", "image/jpeg")
    assert file.content == letter.cleaned
    assert BYTES not in file.content
    assert SECRET not in repr(file)
    elsewhere = await come_back(door, other)
    for token, file_id in ((elsewhere.token, shown.id), (case.token, "0" * 32)):
        with pytest.raises(FileGoneError):
            await door.read_file(token, file_id)
    world.clock.at += timedelta(minutes=31)
    with pytest.raises(ReturnClosedError):
        await door.read_file(case.token, shown.id)


async def test_own_files_are_not_handed_out_again(world: World, door: CaseDoor) -> None:
    """Whoever finds the page open on a shared computer gets no more than what stands on it."""
    await world.make_desk()
    sent = await world.send()
    case = await come_back(door, sent)
    case = await door.add(case.token, language="ar", file=IncomingFile("a.jpg", "", jpeg()))
    assert case.messages[-1].files == []
    async with world.database.session() as session:
        [file_id] = await session.exec(select(SealedFile.id))
    with pytest.raises(FileGoneError):
        await door.read_file(case.token, file_id)


async def test_a_file_of_one_side_takes_nothing_from_the_other_s_room(world: World, door: CaseDoor) -> None:
    """Neither the number of files, nor a file that is sent back unchanged with an answer to it."""
    await world.make_desk()
    sent = await world.send()
    anna = await world.signed_in("anna@bologna")
    letters = [await check(IncomingFile(f"{n}.jpg", "", jpeg(size=(20 + n, 20)))) for n in range(MOST_FILES)]
    async with world.database.session() as session:
        await casework.reply(session, anna, sent.case_id, text="", language="it", files=letters, clock=world.clock)
    case = await come_back(door, sent)
    case = await door.add(case.token, language="ar", text="I sign", file=IncomingFile("a.jpg", "", letters[0].original))
    assert (case.messages[-1].text, case.messages[-1].file_names) == ("I sign", ["a.jpg"])


async def test_words_are_never_lost_because_their_file_was_sent_before(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    case = await come_back(door, await world.send())
    photo = IncomingFile("a.jpg", "", jpeg())
    for text in ("Look at this.", "Look at this.", "And the door is still closed."):
        case = await door.add(case.token, language="ar", text=text, file=photo)
    assert [(message.text, message.file_names) for message in case.messages[1:]] == [
        ("Look at this.", ["a.jpg"]),
        ("And the door is still closed.", []),
    ]


async def test_the_page_tells_the_promise_the_deadline_and_the_day_of_deletion(world: World, texts: Texts) -> None:
    await world.make_desk()
    sent = await world.send()

    def deadlines(report: Report, language: str) -> list[str]:
        return [f"{report.country} {report.area} {language}"]

    door = CaseDoor(world.database, world.clock, texts, deadlines=deadlines)
    assert (await come_back(door, sent)).notes == [
        "Desk of bologna promises a first answer within 14 days.",
        "IT housing en",
        "Your report and all messages will be deleted on 30 November 2027.",
    ]
    await reply(world, sent, "Venga.")
    world.clock.at += timedelta(days=8)
    assert (await come_back(door, sent)).notes[0] == texts.get("case.note.away", "en", desk="Desk of bologna")


async def test_who_is_kept_longer_reads_it_in_their_language_as_a_message(
    world: World, door: CaseDoor, texts: Texts
) -> None:
    await world.make_desk()
    sent = await world.send()
    world.clock.at += timedelta(days=370)
    await world.sign_in(ANNA)
    async with world.database.session() as session:
        await casework.keep_longer(session, await world.signed_in(ANNA), sent.case_id, clock=world.clock)
    message = (await come_back(door, sent, "ar")).messages[-1]
    assert message.from_desk
    assert message.text == texts.get("case.phrase.kept_longer", "ar", day="30 نوفمبر 2028")


async def test_what_others_told_and_what_changed_stands_behind_every_receipt(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    await world.make_desk("milano")
    sent, other = await world.send(), await world.send("milano")
    async with world.database.session() as session:
        for number, period in enumerate(("2026-Q1", "2026-Q2", "2026-Q3")):
            told = {"en": f"We changed {period}", "it": f"Abbiamo cambiato {period}"}
            at = world.clock.now() + timedelta(days=number)
            session.add(DeskNews(desk_id="bologna", period=period, texts=told, published_at=at))
        await session.commit()
    case = await come_back(door, sent, "it")
    assert [(news.period, news.text) for news in case.news] == [
        ("Da luglio a settembre 2026", "Abbiamo cambiato 2026-Q3"),
        ("Da aprile a giugno 2026", "Abbiamo cambiato 2026-Q2"),
        ("Da gennaio a marzo 2026", "Abbiamo cambiato 2026-Q1"),
    ]
    assert not any("cambiato" in note for note in case.notes)
    newest = (await come_back(door, sent, "ar")).news[0]
    assert (newest.text, newest.language) == ("We changed 2026-Q3", "en")
    assert (await come_back(door, other)).news == []


async def test_the_reporter_learns_when_nobody_can_read_any_more(world: World, door: CaseDoor, texts: Texts) -> None:
    await world.make_desk()
    anna, bruno = await world.signed_in(ANNA), await world.signed_in(BRUNO)
    sent = await world.send(kept_out=[anna.officer.id])
    async with world.database.session() as session:
        await leave(session, anna, bruno.officer.id, clock=world.clock)
    case = await come_back(door, sent)
    assert texts.get("case.note.nobody_reads", "en", desk="Desk of bologna") in case.notes
    assert case.messages[0].text == sent.report.story


async def ask_hand_over(world: World, sent: Sent, desk_id: str = "milano") -> None:
    async with world.database.session() as session:
        await casework.ask_hand_over(
            session,
            await world.signed_in(ANNA),
            sent.case_id,
            desk_id=desk_id,
            text="Milano knows more of this.",
            language="en",
            clock=world.clock,
        )


async def desk_of(world: World, sent: Sent) -> str:
    async with world.database.session() as session:
        return (await session.get_one(Case, sent.case_id)).desk_id


async def test_a_case_goes_to_another_desk_only_when_its_reporter_agrees(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    await world.make_desk("milano")
    sent = await world.send()
    case = await come_back(door, sent)
    assert case.asked is None
    with pytest.raises(CaseNotFoundError):
        await door.answer(case.token, language="en", agrees=True, asked="")
    await ask_hand_over(world, sent)
    case = await door.show(case.token, language="en")
    assert case.asked is not None
    assert "Desk of milano" in case.asked
    assert await desk_of(world, sent) == "bologna"

    case = await door.answer(case.token, language="en", agrees=False, asked=case.asked_mark)
    assert (case.asked, case.messages[-1].from_desk) == (None, False)
    assert case.messages[-1].text == "No, please do not pass my report on."
    assert await desk_of(world, sent) == "bologna"
    with pytest.raises(CaseNotFoundError):
        await door.answer(case.token, language="en", agrees=True, asked="")


async def test_after_a_hand_over_the_new_desk_reads_and_the_old_one_does_not(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    await world.make_desk("milano")
    sent = await world.send()
    anna, milano = await world.signed_in(ANNA), await world.signed_in("anna@milano")
    case = await come_back(door, sent)
    await door.add(case.token, language="en", file=IncomingFile("photo.jpg", "image/jpeg", jpeg()))
    async with world.database.session() as session:
        await casework.add_note(session, anna, sent.case_id, text="Our own thoughts", clock=world.clock)
        await casework.set_labels(session, anna, sent.case_id, DeskLabels(labels=["ours"]), clock=world.clock)
    await ask_hand_over(world, sent)
    asked = (await door.show(case.token, language="en")).asked_mark
    agreed = await door.answer(case.token, language="en", agrees=True, asked=asked)
    assert agreed.desk == "Desk of milano"
    assert agreed.messages[-1].text == "Yes, you may pass my report on."
    with pytest.raises(ReturnClosedError):
        await door.show(case.token, language="en")
    async with world.database.session() as session:
        with pytest.raises(CaseNotFoundError):
            await read_case(session, anna, sent.case_id, clock=world.clock)
        assert await list_cases(session, anna, clock=world.clock) == []
        [summary] = await list_cases(session, milano, clock=world.clock)
        assert summary.status is CaseStatus.NEW
        opened = await read_case(session, milano, sent.case_id, clock=world.clock)
        assert opened.summary.labels == DeskLabels()
        assert [entry.kind for entry in opened.entries] == [
            EntryKind.FROM_REPORTER, EntryKind.FROM_DESK, EntryKind.FROM_REPORTER,
        ]  # fmt: skip
        assert opened.entries[-1].text.agrees is True
        trails = {
            desk: {entry.action for entry in await list_audit(session, officer, case_id=sent.case_id)}
            for desk, officer in (("bologna", anna), ("milano", milano))
        }
    assert "handed_over" in trails["bologna"]
    assert "received" in trails["milano"]
    await door.add(agreed.token, language="en", text="Thank you")
    assert (await come_back(door, sent)).messages[-1].text == "Thank you"


async def test_a_hand_over_says_beforehand_all_that_is_said_where_a_reader_is_chosen(
    world: World, door: CaseDoor, texts: Texts
) -> None:
    await world.make_desk()
    given: dict[str, Any] = {"no_duty": False, "passes_on": [DUTY], "retention_days": 730}
    statement = STATEMENT.model_copy(update=given | {"controller": "City of Milano, Piazza della Scala 2"})
    await world.make_desk("milano", statement=statement, languages=["it"])
    sent = await world.send(about_city="unsure")
    case = await come_back(door, sent)
    assert (case.asked_notes, case.asked_mark) == ([], "")
    await ask_hand_over(world, sent)
    notes = "\n".join((await door.show(case.token, language="en")).asked_notes)
    said: dict[str, dict[str, Any]] = {
        "report.desk.kind.city": {},
        "case.asked_accused": {},
        "report.desk.answers": {"count": 14},
        "report.desk.languages": {"languages": "Italian"},
        "report.desk.duty": {"text": "a crime", "law": DUTY.law},
        "report.consent.data": {
            "controller": "City of Milano, Piazza della Scala 2",
            "contact": STATEMENT.data_protection_contact,
            "basis": STATEMENT.legal_basis,
        },
        "report.consent.private": {},
        "case.asked_kept": {"day": "30 November 2028"},
        "report.consent.longer": {},
    }
    for key, values in said.items():
        assert texts.get(key, "en", **values) in notes, key
    assert "جريمة" in "\n".join((await door.show(case.token, language="ar")).asked_notes)
    world.clock.at += timedelta(days=8)
    notes = "\n".join((await come_back(door, sent)).asked_notes)
    assert texts.get("report.desk.away", "en") in notes


async def test_a_consent_holds_only_for_the_desk_that_was_read_about(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    for other in ("milano", "torino"):
        await world.make_desk(other)
    sent = await world.send()
    await ask_hand_over(world, sent, "milano")
    milano = await come_back(door, sent)
    await ask_hand_over(world, sent, "torino")
    for agrees in (True, False):
        with pytest.raises(HandOverChangedError):
            await door.answer(milano.token, language="en", agrees=agrees, asked=milano.asked_mark)
    assert await desk_of(world, sent) == "bologna"
    torino = await door.show(milano.token, language="en")
    assert (torino.asked or "").count("Desk of torino") == 2
    async with world.database.session() as session:
        boss = await world.signed_in("anna@torino")
        changed = STATEMENT.model_copy(update={"no_duty": False, "passes_on": [DUTY]})
        await update_statement(session, boss, changed, clock=world.clock)
    with pytest.raises(HandOverChangedError):
        await door.answer(milano.token, language="en", agrees=True, asked=torino.asked_mark)
    assert await desk_of(world, sent) == "bologna"
    torino = await door.show(milano.token, language="en")
    await door.answer(milano.token, language="en", agrees=True, asked=torino.asked_mark)
    assert await desk_of(world, sent) == "torino"


async def test_a_desk_that_takes_no_reports_gets_none_handed_over(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    await world.make_desk("milano", is_open=False)
    sent = await world.send()
    with pytest.raises(DeskNotFoundError):
        await ask_hand_over(world, sent)
    assert await desk_of(world, sent) == "bologna"


async def test_what_was_closed_opens_nothing_any_more(world: World, door: CaseDoor) -> None:
    await world.make_desk()
    sent = await world.send()
    case, other = await come_back(door, sent), await come_back(door, sent)
    for _ in range(2):
        await door.close(case.token)
    await door.close("made up")
    with pytest.raises(ReturnClosedError):
        await door.show(case.token, language="en")
    await door.show(other.token, language="en")


async def test_a_message_longer_than_anybody_writes_is_refused_with_both_figures(
    world: World, door: CaseDoor, texts: Texts
) -> None:
    await world.make_desk()
    case = await come_back(door, await world.send())
    case = await door.add(case.token, language="en", text="x" * LONGEST)
    with pytest.raises(TextTooLongError) as refused:
        await door.add(case.token, language="en", text="x" * (LONGEST + 1))
    assert "{" not in texts.get(refused.value.text_key, "ar", **refused.value.values)
