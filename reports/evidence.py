"""Files that people send: recognised by content, refused clearly, and cleaned of what tells more than they show."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from channels.forms import IncomingFile
from reports.contents import Copy, FileNote
from reports.errors import FileRefusedError
from reports.evidence_cleaning import clean
from reports.evidence_kinds import Kind, find_kind, safe_name

MOST_BYTES = 20 * 1024 * 1024
MOST_FILES = 10
MOST_BYTES_TOGETHER = 60 * 1024 * 1024
_WORKERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="evidence")
"""A picture of some kilobytes can take hundreds of megabytes while it is drawn anew: never more than two at once."""


class Taken(Protocol):
    """A file that was taken before."""

    @property
    def size(self) -> int: ...


@dataclass(frozen=True)
class Evidence:
    """A file that was checked, as it came and cleaned."""

    name: str
    kind: Kind
    original: bytes = field(repr=False)
    cleaned: bytes = field(repr=False)
    sha256: str
    is_voice: bool = False

    @property
    def size(self) -> int:
        return len(self.original)

    async def store(self, store: Callable[[bytes], Awaitable[str]]) -> FileNote:
        """Keep both forms, since a draft's author may choose until the end; ``submit`` takes the chosen ones along."""
        original, cleaned = await store(self.original), await store(self.cleaned)
        return self._note(original, cleaned, Copy.CLEANED)

    async def store_chosen(self, store: Callable[[bytes], Awaitable[str]], copies: Copy = Copy.CLEANED) -> FileNote:
        """Keep only what was chosen, for a case that is there already."""
        cleaned = await store(self.cleaned) if copies is not Copy.ORIGINAL else None
        original = await store(self.original) if copies is not Copy.CLEANED else cleaned
        assert original is not None
        return self._note(original, cleaned, copies)

    def _note(self, original: str, cleaned: str | None, copies: Copy) -> FileNote:
        return FileNote(
            id=original,
            name=self.name,
            media_type=self.kind.media_type,
            size=self.size,
            sha256=self.sha256,
            copies=copies,
            cleaned_id=cleaned,
            is_voice=self.is_voice,
        )


async def check(file: IncomingFile, *, taken: Sequence[Taken] = ()) -> Evidence:
    """Recognise, check and clean a file, in one of two threads.

    Raises FileRefusedError with ``reason`` and, for limits, figures.

    ``taken``: what its sender gave already, for the limits of number and size.
    """
    if not file.content:
        raise FileRefusedError(reason="empty")
    if len(file.content) > MOST_BYTES:
        raise FileRefusedError(reason="too_large", megabytes=MOST_BYTES // 2**20)
    if len(taken) >= MOST_FILES:
        raise FileRefusedError(reason="too_many", count=MOST_FILES)
    if sum(one.size for one in taken) + len(file.content) > MOST_BYTES_TOGETHER:
        raise FileRefusedError(reason="too_large_together", megabytes=MOST_BYTES_TOGETHER // 2**20)
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, _check, file)


def _check(file: IncomingFile) -> Evidence:
    kind = find_kind(file.content)
    cleaned = clean(kind, file.content)
    sha256 = hashlib.sha256(file.content).hexdigest()
    return Evidence(safe_name(file.name, kind), kind, file.content, cleaned, sha256, is_voice=file.is_voice)
