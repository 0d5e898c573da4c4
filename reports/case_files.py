"""A file of a case, opened for an officer of its desk."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from reports.audit import Act, record
from reports.case_keys import decrypt_body, open_case_for
from reports.cases import list_case_entries
from reports.contents import Copy, EntryKind, FileNote
from reports.errors import CaseNotFoundError
from reports.files import read_file
from reports.signed_in import SignedIn


@dataclass(frozen=True)
class OpenedFile:
    """One copy of a file, in memory for the request."""

    note: FileNote
    copy: Copy
    content: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """The file's name, which says when its hidden data was removed."""
        return f"{self.copy}-{self.note.name}"


async def list_desk_files(session: AsyncSession, signed_in: SignedIn, case_id: str) -> list[FileNote]:
    """What the desk has sent to the reporter. Ends the transaction, so that nothing waits while more are looked at.

    Raises CaseNotFoundError, DeskKeyMissingError.
    """
    _, key = await open_case_for(session, signed_in, case_id)
    entries = await list_case_entries(session, case_id, key=key)
    await session.commit()
    return [note for entry in entries if entry.kind is EntryKind.FROM_DESK for note in entry.text.files]


async def open_file(
    session: AsyncSession, signed_in: SignedIn, case_id: str, file_id: str, *, clock: Clock
) -> OpenedFile:
    """A copy that the reporter chose to give, or what the desk sent; commits that it was read.

    Raises CaseNotFoundError also for a file of another case, DeskKeyMissingError.
    """
    case, key = await open_case_for(session, signed_in, case_id)
    entries = await list_case_entries(session, case_id, key=key)
    notes = [*decrypt_body(key, case).files, *(note for entry in entries for note in entry.text.files)]
    found = [(note, copy) for note in notes for copy, stored in note.chosen.items() if stored == file_id]
    if not found:
        raise CaseNotFoundError
    content = await read_file(session, file_id, key=key)
    officer_id = signed_in.officer.id
    record(session, Act.FILE_READ, desk_id=case.desk_id, officer_id=officer_id, case_id=case_id, clock=clock)
    await session.commit()
    return OpenedFile(*found[0], content)
