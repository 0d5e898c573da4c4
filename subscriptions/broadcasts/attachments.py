"""Files of a broadcast. Each hangs on every one of its mails, so they are few and small; others are better linked.

Collected messages link to them instead: with the files of a week they would be too large to arrive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.broadcasts.authors import Author
from subscriptions.broadcasts.drafts import get_for_change, unrelease
from subscriptions.broadcasts.errors import FileRefusedError
from subscriptions.errors import LinkExpiredError
from subscriptions.models import Attachment
from subscriptions.subscribers import new_id

LARGEST = 5 * 1024 * 1024
LARGEST_TOGETHER = 8 * 1024 * 1024
MOST = 5
LONGEST_NAME = 120
_OFFICE = "application/vnd.openxmlformats-officedocument."
_ZIP, _ANY = (b"PK\x03\x04",), (b"",)
KINDS = {
    "pdf": ("application/pdf", (b"%PDF-",)),
    "docx": (_OFFICE + "wordprocessingml.document", _ZIP),
    "xlsx": (_OFFICE + "spreadsheetml.sheet", _ZIP),
    "pptx": (_OFFICE + "presentationml.presentation", _ZIP),
    "odt": ("application/vnd.oasis.opendocument.text", _ZIP),
    "ods": ("application/vnd.oasis.opendocument.spreadsheet", _ZIP),
    "png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "csv": ("text/csv", _ANY),
    "txt": ("text/plain", _ANY),
}
"""By ending: the media type, and how such a file begins."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file without its content."""

    id: str
    name: str
    size: int


async def attach(session: AsyncSession, author: Author, broadcast_id: str, *, name: str, content: bytes) -> None:
    """Attach a file. Raises FileRefusedError."""
    broadcast = await get_for_change(session, author, broadcast_id)
    name = _clean(name)
    media_type, beginnings = KINDS.get(name.rpartition(".")[2].lower(), ("", ()))
    if not content:
        raise FileRefusedError(reason="empty", name=name)
    if not _begins(content, beginnings):
        raise FileRefusedError(reason="kind", name=name)
    there = await list_files(session, broadcast_id)
    if len(there) >= MOST:
        raise FileRefusedError(reason="too_many", name=name)
    if len(content) > LARGEST:
        raise FileRefusedError(reason="too_large", name=name)
    if len(content) + sum(file.size for file in there) > LARGEST_TOGETHER:
        raise FileRefusedError(reason="together", name=name)
    session.add(Attachment(id=new_id(), broadcast_id=broadcast_id, name=name, media_type=media_type, content=content))
    unrelease(broadcast)
    session.add(broadcast)
    await session.commit()


async def detach(session: AsyncSession, author: Author, broadcast_id: str, attachment_id: str) -> None:
    """Take a file away; one that is not there is no error."""
    broadcast = await get_for_change(session, author, broadcast_id)
    file = await session.get(Attachment, attachment_id)
    if file is not None and file.broadcast_id == broadcast_id:
        await session.delete(file)
        unrelease(broadcast)
        session.add(broadcast)
    await session.commit()


async def list_files(session: AsyncSession, broadcast_id: str) -> list[FileInfo]:
    """The files of a broadcast, without reading them."""
    size = func.length(col(Attachment.content))
    query = select(Attachment.id, Attachment.name, size).where(Attachment.broadcast_id == broadcast_id)
    return [FileInfo(*row) for row in await session.exec(query.order_by(col(Attachment.id)))]


async def open_file(session: AsyncSession, attachment_id: str) -> Attachment:
    """A file as a collected message links to it. Raises LinkExpiredError when it is gone with its broadcast."""
    file = await session.get(Attachment, attachment_id)
    if file is None:
        raise LinkExpiredError
    return file


def _clean(name: str) -> str:
    """The last part of a path, without what a mail program or a disk could take amiss."""
    name = PurePosixPath(name.replace("\\", "/")).name
    name = " ".join(re.sub(r"[\x00-\x1f\x7f\"<>:|?*]+", " ", name).split()).strip(" .") or "file"
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:LONGEST_NAME]}{dot}{ending}" if dot else name[:LONGEST_NAME]


def _begins(content: bytes, beginnings: Sequence[bytes]) -> bool:
    """Text is what has no null in it."""
    if tuple(beginnings) == _ANY:
        return b"\0" not in content
    return bool(beginnings) and content.startswith(tuple(beginnings))
