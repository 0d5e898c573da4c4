"""Cases as their desk sees them: how a report becomes one, the list, and one case read whole.

Everything that a person wrote is decrypted in memory for the request and never kept. What a desk does with a case is
in ``casework``, what its reporter does in ``reporter``.
"""

from __future__ import annotations

import asyncio
import secrets
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from reports.audit import Act, list_entries, record, record_listing
from reports.case_keys import (
    decrypt_body,
    decrypt_entry,
    decrypt_labels,
    encrypt_body,
    find_case_key,
    key_context,
    open_case_for,
    own_seals,
    seal_for_readers,
)
from reports.contents import DeskLabels, EntryKind, EntryText, Report
from reports.desks import get_desk, list_officers, refresh_open_desk, statement_of
from reports.errors import NobodyReadsError
from reports.files import move_to_case
from reports.models import AuditEntry, Case, CaseEntry, CaseStatus, Desk, Draft, Officer
from reports.sealing import new_key, seal_to
from reports.shredding import shred_deleted
from reports.signed_in import SignedIn


@dataclass(frozen=True)
class CaseSummary:
    """One line of a desk's list."""

    id: str
    status: CaseStatus
    set_apart: bool
    report: Report = field(repr=False)
    labels: DeskLabels = field(repr=False)
    is_answered: bool
    answer_due_on: date | None
    """The last day of what the desk promised for its first answer; and as many days for each later message, counted
    from the first one that waits."""
    delete_on: date
    reporter_waits: bool
    reporter_returned: bool
    is_restricted: bool
    """Officers are kept out of it."""
    wants_notice: bool
    """The reporter asked to be told of replies."""


@dataclass(frozen=True)
class ShownEntry:
    """One message or note."""

    id: int
    kind: EntryKind
    text: EntryText = field(repr=False)


@dataclass(frozen=True)
class OpenCase:
    """One case, read whole."""

    summary: CaseSummary
    entries: list[ShownEntry]


async def submit(
    session: AsyncSession,
    report: Report,
    *,
    desk_id: str,
    receipt_id: str,
    receipt_public_key: bytes,
    submission: str,
    clock: Clock,
    draft_id: str | None = None,
    draft_key: bytes | None = None,
    set_apart: bool = False,
) -> str:
    """Seal a report for its desk and its receipt; returns the case's id. Sending the same submission twice makes one.

    The case, its files and the end of the draft are one transaction, which this commits. Of each file only the copies
    that the person chose go along. ``report.kept_out`` names officers who never get the key. Raises DeskNotFoundError
    when the desk takes no reports, and NobodyReadsError when it has nobody else.
    """
    existing = (await session.exec(select(Case.id).where(Case.submission == submission))).first()
    if existing is not None:
        await _end_draft(session, draft_id)
        return existing
    desk = await get_desk(session, desk_id, open_only=True)
    key = new_key()
    case = Case(
        id=secrets.token_hex(16),
        desk_id=desk_id,
        submission=submission,
        set_apart=set_apart,
        receipt_id=receipt_id,
        receipt_public_key=receipt_public_key,
        receipt_sealed_key=b"",
        body=b"",
        delete_on=end_of_retention(desk, clock.now().date()),
    )
    case.receipt_sealed_key = seal_to(receipt_public_key, key, key_context(case.id))
    case.body = encrypt_body(key, case.id, report)
    session.add(case)
    try:
        await session.flush()
        desk = await refresh_open_desk(session, desk_id)
        await seal_for_readers(session, case, key, desk=desk, readers=await _readers(session, desk, report.kept_out))
        for file_id in [file_id for note in report.files for file_id in note.chosen.values()]:
            assert draft_key is not None
            await move_to_case(session, file_id, draft_key=draft_key, case_id=case.id, case_key=key)
        await _end_draft(session, draft_id)
    except IntegrityError:
        # The same submission was sent twice at once, and the other one was faster.
        await session.rollback()
        return (await session.exec(select(Case.id).where(Case.submission == submission))).one()
    return case.id


async def list_cases(
    session: AsyncSession, signed_in: SignedIn, *, clock: Clock, set_apart: bool | None = None
) -> list[CaseSummary]:
    """Every case of the desk that this officer may read, the newest first; ``set_apart`` chooses either pile.

    Commits that the list was read, once an hour. Raises DeskKeyMissingError.
    """
    await record_listing(session, desk_id=signed_in.desk.id, officer_id=signed_in.officer.id, clock=clock)
    return await collect_cases(session, signed_in, set_apart=set_apart)


async def collect_cases(
    session: AsyncSession, signed_in: SignedIn, *, set_apart: bool | None = None
) -> list[CaseSummary]:
    """As ``list_cases``, for who records the reading otherwise: writes nothing. Raises DeskKeyMissingError."""
    signed_in.require_desk_keys()
    query = select(Case).where(Case.desk_id == signed_in.desk.id)
    if set_apart is not None:
        query = query.where(col(Case.set_apart).is_(set_apart))
    cases = list(await session.exec(query))
    seals = await own_seals(session, signed_in)
    answered = await _answered(session, signed_in.desk.id)
    written = await _written_by_waiting(session, signed_in.desk.id)
    summaries = await asyncio.to_thread(_summarise_all, signed_in, cases, seals, answered, written)
    return sorted(summaries, key=lambda summary: summary.report.arrived_at, reverse=True)


async def read_case(session: AsyncSession, signed_in: SignedIn, case_id: str, *, clock: Clock) -> OpenCase:
    """One case with its messages and notes; commits that it was read, and a new one counts as read from now on. A
    message goes on waiting: it is an answer that somebody waits for.

    Raises CaseNotFoundError, DeskKeyMissingError.
    """
    case, key = await open_case_for(session, signed_in, case_id)
    if case.status == CaseStatus.NEW:
        case.status = CaseStatus.READ
    session.add(case)
    record(session, Act.READ, desk_id=case.desk_id, officer_id=signed_in.officer.id, case_id=case_id, clock=clock)
    entries = await list_case_entries(session, case_id, key=key)
    await session.commit()
    answered = max((entry.id for entry in entries if entry.kind is EntryKind.FROM_DESK), default=None)
    written = [(entry.id, entry.text) for entry in entries if entry.kind is EntryKind.FROM_REPORTER]
    return OpenCase(_summarise(signed_in.desk, case, key, answered=answered, written=written), entries)


async def list_case_entries(session: AsyncSession, case_id: str, *, key: bytes) -> list[ShownEntry]:
    """Everything said about a case, in order."""
    query = select(CaseEntry).where(CaseEntry.case_id == case_id).order_by(col(CaseEntry.id))
    return [
        ShownEntry(entry.id or 0, EntryKind(entry.kind), decrypt_entry(key, entry))
        for entry in await session.exec(query)
    ]


async def list_audit(session: AsyncSession, signed_in: SignedIn, *, case_id: str | None = None) -> list[AuditEntry]:
    """Who did what at this desk, the newest first, without the cases that this officer is kept out of."""
    seals = await own_seals(session, signed_in)
    restricted = select(Case.id).where(Case.desk_id == signed_in.desk.id, col(Case.desk_sealed_key).is_(None))
    hidden = set(await session.exec(restricted)) - set(seals)
    entries = await list_entries(session, signed_in.desk.id, case_id=case_id)
    return [entry for entry in entries if entry.case_id not in hidden]


async def share_of_returns(session: AsyncSession, desk_id: str) -> tuple[int, int]:
    """How many reporters came back with their receipt, of how many."""
    returned = list(await session.exec(select(Case.reporter_returned).where(Case.desk_id == desk_id)))
    return sum(returned), len(returned)


def end_of_retention(desk: Desk, start: date) -> date:
    """The last day of the month in which the desk's retention ends."""
    last = start + timedelta(days=statement_of(desk).retention_days or 0)
    return last.replace(day=monthrange(last.year, last.month)[1])


async def _readers(session: AsyncSession, desk: Desk, kept_out: Sequence[str]) -> list[Officer] | None:
    """The officers who may read, or None for the whole desk."""
    if not kept_out:
        return None
    officers = await list_officers(session, desk.id)
    readers = [officer for officer in officers if officer.id not in kept_out and officer.sealed_desk_key is not None]
    if not readers:
        raise NobodyReadsError
    return readers


async def _end_draft(session: AsyncSession, draft_id: str | None) -> None:
    if draft_id is not None:
        await session.exec(delete(Draft).where(col(Draft.id) == draft_id))
    await session.commit()
    await shred_deleted(session)


async def _answered(session: AsyncSession, desk_id: str) -> dict[str, int]:
    """The last answer in each case that has one."""
    query = (
        select(CaseEntry.case_id, func.max(CaseEntry.id))
        .join(Case, col(Case.id) == col(CaseEntry.case_id))
        .where(Case.desk_id == desk_id, CaseEntry.kind == EntryKind.FROM_DESK)
        .group_by(col(CaseEntry.case_id))
    )
    return {case_id: number for case_id, number in await session.exec(query) if number is not None}


async def _written_by_waiting(session: AsyncSession, desk_id: str) -> dict[str, list[CaseEntry]]:
    """What those wrote who wait, by case, in order; still sealed."""
    query = (
        select(CaseEntry)
        .join(Case, col(Case.id) == col(CaseEntry.case_id))
        .where(Case.desk_id == desk_id, CaseEntry.kind == EntryKind.FROM_REPORTER, col(Case.reporter_waits))
        .order_by(col(CaseEntry.id))
    )
    written: dict[str, list[CaseEntry]] = {}
    for entry in await session.exec(query):
        written.setdefault(entry.case_id, []).append(entry)
    return written


def _summarise_all(
    signed_in: SignedIn,
    cases: list[Case],
    seals: dict[str, bytes],
    answered: dict[str, int],
    written: dict[str, list[CaseEntry]],
) -> list[CaseSummary]:
    summaries = []
    for case in cases:
        key = find_case_key(signed_in, case, seals)
        if key is not None:
            last = answered.get(case.id)
            # Of a long exchange, only what came after the last answer is opened.
            later = [entry for entry in written.get(case.id, []) if last is not None and (entry.id or 0) > last]
            texts = [(entry.id or 0, decrypt_entry(key, entry)) for entry in later]
            summaries.append(_summarise(signed_in.desk, case, key, answered=last, written=texts))
    return summaries


def _summarise(
    desk: Desk, case: Case, key: bytes, *, answered: int | None, written: list[tuple[int, EntryText]]
) -> CaseSummary:
    """``answered`` is the last answer, ``written`` what the reporter wrote, with the numbers of their entries."""
    report, labels = decrypt_body(key, case), decrypt_labels(key, case)
    days = statement_of(desk).answer_within_days
    since: datetime | None = report.arrived_at
    if answered is not None:
        heard = max(answered, labels.settled)
        waiting = [text.written_at for number, text in written if number > heard]
        since = waiting[0] if waiting and case.reporter_waits else None
    due = since.date() + timedelta(days=days) if days and since is not None else None
    return CaseSummary(
        id=case.id,
        status=CaseStatus(case.status),
        set_apart=case.set_apart,
        # The chat is opened only to send a notice (casework.reply).
        report=report.model_copy(update={"notice_chat": None}),
        labels=labels,
        is_answered=answered is not None,
        answer_due_on=due,
        delete_on=case.delete_on,
        reporter_waits=case.reporter_waits,
        reporter_returned=case.reporter_returned,
        is_restricted=case.desk_sealed_key is None,
        wants_notice=report.notice_chat is not None,
    )
