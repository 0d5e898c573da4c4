"""One case as a file for an officer to take along: everything said, and the files. Made in memory, kept nowhere."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile

from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from reports.audit import Act, record
from reports.case_keys import decrypt_body, decrypt_labels, open_case_for
from reports.cases import list_case_entries
from reports.contents import FileNote
from reports.files import read_file
from reports.models import CaseStatus
from reports.signed_in import SignedIn


async def export_case(session: AsyncSession, signed_in: SignedIn, case_id: str, *, clock: Clock) -> bytes:
    """A zip with ``case.json`` and the files; commits that it was exported.

    Raises CaseNotFoundError, DeskKeyMissingError.
    """
    case, key = await open_case_for(session, signed_in, case_id)
    report = decrypt_body(key, case).model_copy(update={"notice_chat": None})
    entries = await list_case_entries(session, case_id, key=key)
    notes = [*report.files, *(note for entry in entries for note in entry.text.files)]
    files = [
        (_file_name(number, note, copy), await read_file(session, file_id, key=key))
        for number, note in enumerate(notes, 1)
        for copy, file_id in note.chosen.items()
    ]
    told: dict[str, object] = {
        "case": case.id,
        "desk": signed_in.desk.name,
        "status": CaseStatus(case.status),
        "delete_on": case.delete_on.isoformat(),
        "report": report.model_dump(mode="json"),
        "labels": decrypt_labels(key, case).model_dump(mode="json"),
        "entries": [{"kind": entry.kind, **entry.text.model_dump(mode="json")} for entry in entries],
    }
    record(session, Act.EXPORTED, desk_id=case.desk_id, officer_id=signed_in.officer.id, case_id=case_id, clock=clock)
    await session.commit()
    return await asyncio.to_thread(_pack, told, files)


def _file_name(number: int, note: FileNote, copy: str) -> str:
    return f"files/{number:02}-{copy}-{note.name}"


def _pack(told: dict[str, object], files: list[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("case.json", json.dumps(told, ensure_ascii=False, indent=2))
        for name, content in files:
            archive.writestr(name, content, compress_type=zipfile.ZIP_STORED)
    return packed.getvalue()
