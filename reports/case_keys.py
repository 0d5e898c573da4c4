"""The key of a case: who can open it, how a case gets another key, and the lock that keeps changes in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from reports.contents import DeskLabels, EntryText, Report
from reports.errors import CaseNotFoundError, DeskKeyMissingError, SealBrokenError, SessionEndedError
from reports.files import list_case_files, reseal_file
from reports.models import Case, CaseEntry, CaseSeal, Desk, Officer, ReturnSession
from reports.sealing import context, decrypt, decrypt_model, encrypt, encrypt_model, new_key, open_sealed, seal_to
from reports.signed_in import SignedIn


async def lock_case(session: AsyncSession, case_id: str) -> Case:
    """The case as it is now, and nobody else changes it until the transaction ends. Raises CaseNotFoundError."""
    # An update that changes nothing takes the lock on both databases; SQLite knows no SELECT FOR UPDATE.
    locked = await session.exec(update(Case).where(col(Case.id) == case_id).values(status=Case.status))
    case = await session.get(Case, case_id, populate_existing=True) if locked.rowcount else None
    if case is None:
        raise CaseNotFoundError
    return case


async def own_seals(session: AsyncSession, signed_in: SignedIn) -> dict[str, bytes]:
    """The keys that are sealed to this officer alone, by case."""
    query = select(CaseSeal).where(CaseSeal.officer_id == signed_in.officer.id)
    return {seal.case_id: seal.sealed_key for seal in await session.exec(query)}


def find_case_key(signed_in: SignedIn, case: Case, seals: Mapping[str, bytes]) -> bytes | None:
    """The case's key as this officer has it, or None when it is another desk's or closed to the officer."""
    if case.desk_id != signed_in.desk.id:
        return None
    bound = key_context(case.id)
    if case.desk_sealed_key is not None:
        return open_sealed(signed_in.require_desk_keys(), case.desk_sealed_key, bound)
    return open_sealed(signed_in.keys, seals[case.id], bound) if case.id in seals else None


async def open_case_for(session: AsyncSession, signed_in: SignedIn, case_id: str) -> tuple[Case, bytes]:
    """Lock the case and get its key. Raises CaseNotFoundError, the same for every reason; DeskKeyMissingError; and
    SessionEndedError when the desk got new keys since this request began."""
    case = await lock_case(session, case_id)
    try:
        key = find_case_key(signed_in, case, await own_seals(session, signed_in))
    except SealBrokenError:
        desk = await session.get_one(Desk, case.desk_id, populate_existing=True)
        if signed_in.desk_keys is not None and desk.public_key != signed_in.desk_keys.public:
            raise SessionEndedError from None
        raise
    if key is None:
        raise CaseNotFoundError
    return case, key


async def seal_for_readers(
    session: AsyncSession, case: Case, key: bytes, *, desk: Desk, readers: Iterable[Officer] | None
) -> None:
    """Seal the case's key for the whole desk, or, where officers are kept out, for each of ``readers``."""
    await session.exec(delete(CaseSeal).where(col(CaseSeal.case_id) == case.id))
    bound = key_context(case.id)
    if readers is None:
        if desk.public_key is None:
            raise DeskKeyMissingError
        case.desk_sealed_key = seal_to(desk.public_key, key, bound)
        return
    case.desk_sealed_key = None
    for officer in readers:
        assert officer.public_key is not None
        session.add(
            CaseSeal(case_id=case.id, officer_id=officer.id, sealed_key=seal_to(officer.public_key, key, bound))
        )


def seal_for_receipt(case: Case, key: bytes) -> None:
    """Seal the case's key for whoever has the receipt."""
    case.receipt_sealed_key = seal_to(case.receipt_public_key, key, key_context(case.id))


async def change_key(session: AsyncSession, case: Case, old: bytes) -> bytes:
    """Put everything of a locked case under a new key, for those who had the old one and must read no further.

    The caller seals the new key for the readers; the receipt's is done here. Does not commit.
    """
    new = new_key()
    case.body = encrypt_body(new, case.id, decrypt_body(old, case))
    if case.labels is not None:
        case.labels = encrypt_labels(new, case.id, decrypt_labels(old, case))
    for entry in await session.exec(select(CaseEntry).where(CaseEntry.case_id == case.id)):
        bound = entry_context(case.id, entry.kind)
        entry.body = encrypt(new, decrypt(old, entry.body, bound), bound)
        session.add(entry)
    for file_id in await list_case_files(session, case.id):
        await reseal_file(session, file_id, old_key=old, new_key=new)
    seal_for_receipt(case, new)
    session.add(case)
    await session.exec(delete(ReturnSession).where(col(ReturnSession.case_id) == case.id))
    return new


def key_context(case_id: str) -> bytes:
    return context("case-key", case_id)


def entry_context(case_id: str, kind: str) -> bytes:
    return context("case-entry", case_id, kind)


def encrypt_body(key: bytes, case_id: str, report: Report) -> bytes:
    return encrypt_model(key, report, context("case-body", case_id))


def decrypt_body(key: bytes, case: Case) -> Report:
    return decrypt_model(key, case.body, Report, context("case-body", case.id))


def encrypt_labels(key: bytes, case_id: str, labels: DeskLabels) -> bytes:
    return encrypt_model(key, labels, context("case-labels", case_id))


def decrypt_labels(key: bytes, case: Case) -> DeskLabels:
    if case.labels is None:
        return DeskLabels()
    return decrypt_model(key, case.labels, DeskLabels, context("case-labels", case.id))


def encrypt_entry(key: bytes, case_id: str, kind: str, text: EntryText) -> bytes:
    return encrypt_model(key, text, entry_context(case_id, kind))


def decrypt_entry(key: bytes, entry: CaseEntry) -> EntryText:
    return decrypt_model(key, entry.body, EntryText, entry_context(entry.case_id, entry.kind))


def opens(key: bytes, case: Case) -> bool:
    """Whether it is the case's present key."""
    try:
        decrypt_body(key, case)
    except SealBrokenError:
        return False
    return True
