"""What the one with the receipt can do: open the case, write, answer a question for consent, withdraw.

A receipt opens the case once; after that a token that this process does not keep opens it for half an hour.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock, today
from reports.audit import Act, record
from reports.case_keys import (
    change_key,
    decrypt_body,
    encrypt_body,
    encrypt_entry,
    key_context,
    lock_case,
    opens,
    seal_for_readers,
)
from reports.cases import ShownEntry, end_of_retention, list_case_entries
from reports.casework import add_file
from reports.contents import Copy, EntryKind, EntryText, FileNote, HandOverAsk, Report
from reports.desks import refresh_open_desk
from reports.erasing import erase_case
from reports.errors import (
    CaseNotFoundError,
    FileGoneError,
    HandOverChangedError,
    ReceiptUnknownError,
    ReturnClosedError,
    SealBrokenError,
)
from reports.evidence import Evidence
from reports.files import read_file
from reports.models import Case, CaseEntry, CaseSeal, CaseStatus, Desk, ReturnSession
from reports.receipts import ReceiptKeys
from reports.sealing import Token, context, decrypt, encrypt, open_sealed
from reports.shredding import shred_deleted

STAYS_OPEN = timedelta(minutes=30)


@dataclass(frozen=True)
class ReturnedCase:
    """A case that its reporter has open. ``key`` is the case's, for this request."""

    case: Case
    desk: Desk
    key: bytes = field(repr=False)
    token: str = field(repr=False)
    report: Report = field(repr=False)
    entries: list[ShownEntry] = field(repr=False)
    """Without the desk's notes."""
    is_readable: bool
    """False when nobody of the desk can read it any more."""
    asked_desk: Desk | None = None
    """Who would get it, where ``asked``."""

    @property
    def asked(self) -> HandOverAsk | None:
        """The hand-over that waits for the reporter's answer."""
        return _find_asked(self.entries)


async def open_by_receipt(session: AsyncSession, receipt: ReceiptKeys, *, clock: Clock) -> ReturnedCase:
    """Open the case of a receipt; commits that its reporter came back. Raises ReceiptUnknownError."""
    query = select(Case).where(Case.receipt_id == receipt.receipt_id)
    case = (await session.exec(query)).first()
    if case is None or is_expired(case, clock):
        raise ReceiptUnknownError
    key = open_sealed(receipt.pair, case.receipt_sealed_key, key_context(case.id))
    token = _open_for_reporter(session, case, key, clock)
    case.reporter_returned = True
    session.add(case)
    await session.commit()
    return await _returned(session, case, key, token)


async def open_by_token(session: AsyncSession, token: str, *, clock: Clock) -> ReturnedCase:
    """Open it again, and keep it open for another while; commits. Raises ReturnClosedError."""
    case, key = await _open(session, token, clock)
    await session.commit()
    return await _returned(session, case, key, token)


async def add_from_reporter(
    session: AsyncSession,
    token: str,
    *,
    language: str,
    clock: Clock,
    text: str | None = None,
    file: Evidence | None = None,
    copies: Copy = Copy.CLEANED,
) -> ReturnedCase:
    """Write to the desk or send a file; commits. A closed case is taken up again. Raises ReturnClosedError."""
    case, key = await _open(session, token, clock)
    returned = await _returned(session, case, key, token)
    if file is not None and (twin := _find_sent(returned, file, copies)) is not None:
        if not text or text == twin.text:
            # A page that was sent twice.
            await session.commit()
            return returned
        file = None
    files = [await add_file(session, case, key, file, copies)] if file else []
    message = EntryText(text=text or "", language=language, written_at=clock.now(), files=files)
    _add(session, case, key, message)
    case.reporter_waits = True
    if case.status in {CaseStatus.CLOSED, CaseStatus.WAITING}:
        case.status = CaseStatus.IN_WORK
    session.add(case)
    await session.commit()
    return await _returned(session, case, key, token)


async def read_desk_file(
    session: AsyncSession, token: str, file_id: str, *, clock: Clock
) -> tuple[int, FileNote, bytes]:
    """A file that the desk sent, and the how manyth it is; commits. Raises ReturnClosedError, FileGoneError."""
    case, key = await _open(session, token, clock)
    # Without the lock: a large file takes its time.
    await session.commit()
    try:
        entries = await list_case_entries(session, case.id, key=key)
        notes = [note for entry in entries if entry.kind is EntryKind.FROM_DESK for note in entry.text.files]
        for number, note in enumerate(notes, start=1):
            if file_id in note.chosen.values():
                return number, note, await read_file(session, file_id, key=key)
    except SealBrokenError:
        # The case got another key, or was withdrawn, at this moment.
        raise ReturnClosedError from None
    raise FileGoneError


async def answer_hand_over(
    session: AsyncSession, token: str, *, agrees: bool, asked: str, language: str, clock: Clock
) -> ReturnedCase:
    """Let another desk have the case, or not; commits. The answer stands in the case as the reporter's message.

    ``asked`` is the ``mark_of`` what the person read: a consent holds for that and for nothing else.

    When the reporter agrees, the case gets a key that the first desk never has, its notes and labels are deleted, the
    receipt goes on opening it, and what comes back has another token.

    Raises ReturnClosedError, DeskNotFoundError, HandOverChangedError, and CaseNotFoundError when nothing was asked.
    """
    case, key = await _open(session, token, clock)
    returned = await _returned(session, case, key, token)
    if returned.asked is None:
        raise CaseNotFoundError
    desk = await refresh_open_desk(session, returned.asked.desk_id) if agrees else returned.asked_desk
    if desk is None or asked != mark_of(desk):
        raise HandOverChangedError
    answer = EntryText(text="", language=language, written_at=clock.now(), agrees=agrees)
    _add(session, case, key, answer)
    case.reporter_waits = True
    if agrees:
        key = await _hand_over(session, case, key, desk, clock)
        token = _open_for_reporter(session, case, key, clock)
    session.add(case)
    await session.commit()
    if agrees:
        await shred_deleted(session)
    return await _returned(session, case, key, token)


async def close(session: AsyncSession, token: str) -> None:
    """End a session before its time; commits. One that ended already is no error."""
    await session.exec(delete(ReturnSession).where(col(ReturnSession.id) == Token(token).id))
    await session.commit()


async def withdraw(session: AsyncSession, token: str, *, clock: Clock) -> None:
    """Delete the case and everything about it, now; commits. Raises ReturnClosedError."""
    case, _ = await _open(session, token, clock)
    await erase_case(session, case.id, erased_on=today(clock))
    await session.commit()
    await shred_deleted(session)


def mark_of(desk: Desk) -> str:
    """Tells one desk with what it says of itself from every other; short enough for a button."""
    said = json.dumps([desk.id, desk.statement], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def is_expired(case: Case, clock: Clock) -> bool:
    """Past its retention, though the job has not deleted it yet."""
    return case.delete_on < today(clock)


async def _open(session: AsyncSession, text: str, clock: Clock) -> tuple[Case, bytes]:
    token = Token(text)
    row = await session.get(ReturnSession, token.id)
    if row is None or row.expires_at <= clock.now():
        raise ReturnClosedError
    case = await lock_case(session, row.case_id)
    # Under the lock: the case may have got another key since.
    row = await session.get(ReturnSession, token.id, populate_existing=True)
    if row is None or is_expired(case, clock):
        raise ReturnClosedError
    try:
        key = decrypt(token.key, row.sealed_key, _session_context(case.id))
    except SealBrokenError:
        raise ReturnClosedError from None
    if not opens(key, case):
        raise ReturnClosedError
    row.expires_at = clock.now() + STAYS_OPEN
    session.add(row)
    return case, key


def _open_for_reporter(session: AsyncSession, case: Case, key: bytes, clock: Clock) -> str:
    token = Token.new()
    sealed = encrypt(token.key, key, _session_context(case.id))
    expires_at = clock.now() + STAYS_OPEN
    session.add(ReturnSession(id=token.id, case_id=case.id, sealed_key=sealed, expires_at=expires_at))
    return token.text


async def _returned(session: AsyncSession, case: Case, key: bytes, token: str) -> ReturnedCase:
    entries = [
        entry for entry in await list_case_entries(session, case.id, key=key) if entry.kind is not EntryKind.NOTE
    ]
    is_readable = case.desk_sealed_key is not None
    if not is_readable:
        seals = select(CaseSeal.officer_id).where(CaseSeal.case_id == case.id).limit(1)
        is_readable = (await session.exec(seals)).first() is not None
    desk = await session.get_one(Desk, case.desk_id)
    asked = _find_asked(entries)
    asked_desk = await session.get(Desk, asked.desk_id) if asked is not None else None
    return ReturnedCase(case, desk, key, token, decrypt_body(key, case), entries, is_readable, asked_desk)


def _find_asked(entries: list[ShownEntry]) -> HandOverAsk | None:
    for entry in reversed(entries):
        if entry.text.agrees is not None:
            return None
        if entry.text.hand_over is not None:
            return entry.text.hand_over
    return None


async def _hand_over(session: AsyncSession, case: Case, key: bytes, desk: Desk, clock: Clock) -> bytes:
    notes = delete(CaseEntry).where(col(CaseEntry.case_id) == case.id, col(CaseEntry.kind) == EntryKind.NOTE)
    await session.exec(notes)
    case.labels = None
    report = decrypt_body(key, case)
    case.body = encrypt_body(key, case.id, report.model_copy(update={"kept_out": []}))
    new = await change_key(session, case, key)
    await seal_for_readers(session, case, new, desk=desk, readers=None)
    record(session, Act.HANDED_OVER, desk_id=case.desk_id, case_id=case.id, clock=clock)
    record(session, Act.RECEIVED, desk_id=desk.id, case_id=case.id, clock=clock)
    case.desk_id, case.status = desk.id, CaseStatus.NEW
    case.delete_on = end_of_retention(desk, today(clock))
    return new


def _add(session: AsyncSession, case: Case, key: bytes, message: EntryText) -> None:
    kind = EntryKind.FROM_REPORTER
    session.add(CaseEntry(case_id=case.id, kind=kind, body=encrypt_entry(key, case.id, kind, message)))


def _find_sent(returned: ReturnedCase, file: Evidence, copies: Copy) -> EntryText | None:
    """The message with which the reporter sent this very file before, in no less than these copies."""
    wanted = {Copy.ORIGINAL, Copy.CLEANED} if copies is Copy.BOTH else {copies}
    own = [entry.text for entry in returned.entries if entry.kind is EntryKind.FROM_REPORTER]
    same = ((text, note) for text in own for note in text.files if note.sha256 == file.sha256)
    return next((text for text, note in same if wanted <= set(note.chosen)), None)


def _session_context(case_id: str) -> bytes:
    return context("return-session", case_id)
