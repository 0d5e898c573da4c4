"""What officers do with a case: answer, note, label, set apart, keep a colleague out, ask for another desk, export.

Each function opens the case for this officer, changes it under its lock, writes the audit trail and commits. All raise
CaseNotFoundError for a case that is not this officer's, and DeskKeyMissingError.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock, today
from reports.audit import Act, record
from reports.case_keys import (
    change_key,
    decrypt_body,
    decrypt_labels,
    encrypt_body,
    encrypt_entry,
    encrypt_labels,
    key_context,
    open_case_for,
    seal_for_readers,
)
from reports.cases import end_of_retention
from reports.contents import Copy, DeskLabels, EntryKind, EntryText, FileNote, HandOverAsk, Phrase, Translation
from reports.desks import get_desk, list_officers
from reports.errors import CaseNotFoundError, KeptLongEnoughError, NobodyReadsError
from reports.evidence import Evidence
from reports.files import store_in_case
from reports.models import Case, CaseEntry, CaseSeal, CaseStatus, Officer
from reports.officers import get_colleague
from reports.phrases import KEPT_LONGER
from reports.sealing import seal_to
from reports.signed_in import SignedIn

KEPT_LONGER_WITHIN = timedelta(days=30)
"""Before its end. Earlier, nobody knows yet whether work will go on, and pressing often would keep a case for ever."""


@dataclass(frozen=True)
class Replied:
    """``notice_chat``: the Telegram chat that asked to be told 'you have a message', to be used now and not kept."""

    notice_chat: str | None = field(repr=False)
    notice_language: str


async def reply(
    session: AsyncSession,
    signed_in: SignedIn,
    case_id: str,
    *,
    text: str,
    language: str,
    clock: Clock,
    phrases: list[Phrase] | None = None,
    translations: dict[str, Translation] | None = None,
    files: list[Evidence] | None = None,
    asks: HandOverAsk | None = None,
) -> Replied:
    """Write to the reporter, who sees it with the receipt."""
    case, key = await open_case_for(session, signed_in, case_id)
    message = EntryText(
        text=text,
        language=language,
        written_at=clock.now(),
        author=signed_in.officer.name,
        files=[await add_file(session, case, key, file) for file in files or []],
        phrases=phrases or [],
        translations=translations or {},
        hand_over=asks,
    )
    _add_entry(session, case, key, EntryKind.FROM_DESK, message)
    case.reporter_waits = False
    if case.status in {CaseStatus.NEW, CaseStatus.READ}:
        case.status = CaseStatus.IN_WORK
    session.add(case)
    await _finish(session, signed_in, case, Act.HAND_OVER_ASKED if asks else Act.REPLIED, clock)
    report = decrypt_body(key, case)
    return Replied(report.notice_chat, report.language)


async def forget_chat(session: AsyncSession, signed_in: SignedIn, case_id: str) -> None:
    """Delete the Telegram chat that asked for notices: nobody reads there any more. Nobody did it, so no trail."""
    case, key = await open_case_for(session, signed_in, case_id)
    report = decrypt_body(key, case)
    if report.notice_chat is not None:
        case.body = encrypt_body(key, case.id, report.model_copy(update={"notice_chat": None}))
        session.add(case)
    await session.commit()


async def add_note(session: AsyncSession, signed_in: SignedIn, case_id: str, *, text: str, clock: Clock) -> None:
    """Write something for colleagues; the reporter never sees it."""
    case, key = await open_case_for(session, signed_in, case_id)
    note = EntryText(
        text=text, language=signed_in.officer.language, written_at=clock.now(), author=signed_in.officer.name
    )
    _add_entry(session, case, key, EntryKind.NOTE, note)
    await _finish(session, signed_in, case, Act.NOTED, clock)


async def set_status(
    session: AsyncSession, signed_in: SignedIn, case_id: str, status: CaseStatus, *, clock: Clock
) -> None:
    """Say where the case stands. Closing it deletes the Telegram chat that asked for notices, and nothing in it waits
    for an answer any more."""
    case, key = await open_case_for(session, signed_in, case_id)
    case.status = status
    if status is CaseStatus.CLOSED:
        report = decrypt_body(key, case)
        case.body = encrypt_body(key, case.id, report.model_copy(update={"notice_chat": None}))
        await _settle(session, case, key)
    session.add(case)
    await _finish(session, signed_in, case, Act.STATUS_CHANGED, clock)


async def settle(session: AsyncSession, signed_in: SignedIn, case_id: str, *, until: int, clock: Clock) -> None:
    """Say that what the reporter wrote, up to an entry, needs no answer. What came after it goes on waiting."""
    case, key = await open_case_for(session, signed_in, case_id)
    await _settle(session, case, key, until)
    session.add(case)
    await _finish(session, signed_in, case, Act.NEEDS_NO_ANSWER, clock)


async def set_labels(
    session: AsyncSession, signed_in: SignedIn, case_id: str, labels: DeskLabels, *, clock: Clock
) -> None:
    """Set the desk's marks, the mass event and who works on it."""
    if labels.assigned_to is not None:
        await get_colleague(session, signed_in, labels.assigned_to)
    case, key = await open_case_for(session, signed_in, case_id)
    settled = decrypt_labels(key, case).settled
    case.labels = encrypt_labels(key, case.id, labels.model_copy(update={"settled": settled}))
    session.add(case)
    await _finish(session, signed_in, case, Act.LABELS_CHANGED, clock)


async def set_apart(session: AsyncSession, signed_in: SignedIn, case_id: str, *, is_apart: bool, clock: Clock) -> None:
    """Move it to or from the pile of suspected junk."""
    case, _ = await open_case_for(session, signed_in, case_id)
    case.set_apart = is_apart
    session.add(case)
    await _finish(session, signed_in, case, Act.SET_APART if is_apart else Act.PUT_BACK, clock)


async def keep_longer(session: AsyncSession, signed_in: SignedIn, case_id: str, *, clock: Clock) -> Replied:
    """Count the desk's retention anew from today, where work on the case goes on. The reporter gets a message with the
    new day. Raises KeptLongEnoughError before the last days of the time that the reporter agreed to."""
    case, key = await open_case_for(session, signed_in, case_id)
    on = today(clock)
    if on < (first := first_day_to_keep_longer(case.delete_on)):
        raise KeptLongEnoughError(day=first.isoformat())
    report = decrypt_body(key, case)
    delete_on = end_of_retention(signed_in.desk, on)
    is_longer = delete_on > case.delete_on
    if is_longer:
        case.delete_on = delete_on
        told = EntryText(
            text="",
            language=signed_in.officer.language,
            written_at=clock.now(),
            author=signed_in.officer.name,
            phrases=[Phrase(key=KEPT_LONGER, day=delete_on)],
        )
        _add_entry(session, case, key, EntryKind.AUTOMATIC, told)
    session.add(case)
    await _finish(session, signed_in, case, Act.KEPT_LONGER, clock)
    return Replied(report.notice_chat if is_longer else None, report.language)


def first_day_to_keep_longer(delete_on: date) -> date:
    """From when on a desk may say that it keeps a case longer than its reporter was told."""
    return delete_on - KEPT_LONGER_WITHIN


async def exclude_officer(
    session: AsyncSession, signed_in: SignedIn, case_id: str, officer_id: str, *, clock: Clock
) -> None:
    """Keep a colleague out from now on: the case gets a new key, which is sealed for each of the others.

    Raises NobodyReadsError when nobody would be left.
    """
    case, key = await open_case_for(session, signed_in, case_id)
    report = decrypt_body(key, case)
    kept_out = sorted({*report.kept_out, officer_id})
    readers = [officer for officer in await _readers(session, case, signed_in) if officer.id not in kept_out]
    if not readers:
        raise NobodyReadsError
    case.body = encrypt_body(key, case.id, report.model_copy(update={"kept_out": kept_out}))
    labels = decrypt_labels(key, case)
    if labels.assigned_to == officer_id:
        case.labels = encrypt_labels(key, case.id, labels.model_copy(update={"assigned_to": None}))
    new = await change_key(session, case, key)
    await seal_for_readers(session, case, new, desk=signed_in.desk, readers=readers)
    await _finish(session, signed_in, case, Act.OFFICER_KEPT_OUT, clock)


async def share_with(
    session: AsyncSession, signed_in: SignedIn, case_id: str, officer_id: str, *, clock: Clock
) -> None:
    """Let a colleague who joined later into a case that is not open to the whole desk; never one who is kept out.

    Raises CaseNotFoundError also for those.
    """
    colleague = await get_colleague(session, signed_in, officer_id)
    case, key = await open_case_for(session, signed_in, case_id)
    if colleague.public_key is None or officer_id in decrypt_body(key, case).kept_out:
        raise CaseNotFoundError
    if case.desk_sealed_key is None:
        sealed = seal_to(colleague.public_key, key, key_context(case.id))
        await session.merge(CaseSeal(case_id=case.id, officer_id=officer_id, sealed_key=sealed))
    await _finish(session, signed_in, case, Act.OFFICER_SHARED_WITH, clock)


async def ask_hand_over(
    session: AsyncSession,
    signed_in: SignedIn,
    case_id: str,
    *,
    desk_id: str,
    text: str,
    language: str,
    clock: Clock,
    translations: dict[str, Translation] | None = None,
) -> Replied:
    """Ask the reporter whether another desk may have the case; ``text`` says why. It goes only when the reporter agrees
    (``reporter.answer_hand_over``). Raises DeskNotFoundError when that desk takes no reports."""
    desk = await get_desk(session, desk_id, open_only=True)
    asks = HandOverAsk(desk_id=desk.id, desk_name=desk.name)
    return await reply(
        session,
        signed_in,
        case_id,
        text=text,
        language=language,
        translations=translations,
        clock=clock,
        asks=asks,
    )


async def add_file(
    session: AsyncSession, case: Case, key: bytes, file: Evidence, copies: Copy = Copy.CLEANED
) -> FileNote:
    """Seal a checked file into a case, in the chosen copies. Does not commit."""

    async def store(content: bytes) -> str:
        return await store_in_case(session, case_id=case.id, key=key, content=content)

    return await file.store_chosen(store, copies)


async def _readers(session: AsyncSession, case: Case, signed_in: SignedIn) -> list[Officer]:
    officers = await list_officers(session, signed_in.desk.id)
    if case.desk_sealed_key is not None:
        return [officer for officer in officers if officer.sealed_desk_key is not None]
    sealed = set(await session.exec(select(CaseSeal.officer_id).where(col(CaseSeal.case_id) == case.id)))
    return [officer for officer in officers if officer.id in sealed]


async def _settle(session: AsyncSession, case: Case, key: bytes, until: int | None = None) -> None:
    """Without ``until``: everything that was written so far."""
    query = select(CaseEntry.id).where(CaseEntry.case_id == case.id, CaseEntry.kind == EntryKind.FROM_REPORTER)
    numbers = [number or 0 for number in await session.exec(query)]
    settled = [number for number in numbers if until is None or number <= until]
    case.reporter_waits = case.reporter_waits and len(settled) < len(numbers)
    if settled:
        labels = decrypt_labels(key, case)
        changed = labels.model_copy(update={"settled": max(labels.settled, *settled)})
        case.labels = encrypt_labels(key, case.id, changed)


def _add_entry(session: AsyncSession, case: Case, key: bytes, kind: EntryKind, text: EntryText) -> None:
    session.add(CaseEntry(case_id=case.id, kind=kind, body=encrypt_entry(key, case.id, kind, text)))


async def _finish(session: AsyncSession, signed_in: SignedIn, case: Case, act: Act, clock: Clock) -> None:
    record(session, act, desk_id=case.desk_id, officer_id=signed_in.officer.id, case_id=case.id, clock=clock)
    await session.commit()
