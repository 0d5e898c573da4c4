"""Forms with files, read in memory and within bounds: what a resident sends never touches a disk in clear.

Starlette's own parser writes every file above 1 MB into a temporary file. This one keeps to memory. A file that is too
large is read to its end and dropped, so that the page can say so and keep everything else that came with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from core.errors import HubError
from reports.evidence import MOST_BYTES, MOST_BYTES_TOGETHER
from web.forms import as_typed

LARGEST_FILE = MOST_BYTES
LARGEST_FILES_TOGETHER = MOST_BYTES_TOGETHER
LARGEST_TEXTS = 1024 * 1024
"""Bytes of all fields that are not files."""
MOST_PARTS = 400
MOST_IN_MEMORY = 512 * 1024 * 1024
"""Bytes of files that one process holds at once, over all requests."""
LONGEST_NAME = 200
IDLE_SECONDS = 60.0
"""How long a sender may say nothing in the middle of a form; slow networks such as Tor send slowly, but they send."""


class Refusal(StrEnum):
    """Why a file was not taken; each has a sentence ``report_page.file.<value>``."""

    TOO_LARGE = "too_large"
    TOGETHER_TOO_LARGE = "together_too_large"
    BUSY = "busy"


class FormUnreadableError(HubError):
    """What came in is no form, or broke off."""

    code = "form_unreadable"
    status = 400
    sentence = "report_page.problem.unreadable"


class FormTooLargeError(HubError):
    """The fields of the form hold more than anybody types."""

    code = "form_too_large"
    status = 413
    sentence = "report_page.problem.too_large"


@dataclass(frozen=True)
class GivenFile:
    """A file as it came in. ``content`` is empty where it was refused; name and kind are not to be trusted."""

    name: str
    media_type: str
    content: bytes
    refusal: Refusal | None = None


@dataclass
class GivenForm:
    """The fields of a form, in order, and its files."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: list[GivenFile] = field(default_factory=list)

    def get(self, name: str) -> str:
        """The first value of a field, or nothing. Line breaks are one character, as the person typed them."""
        return next(iter(self.fields.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self.fields.get(name, ()))

    def add(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(as_typed(value))


class MemoryBudget:
    """Counts the bytes of files that are in memory. Never waits: who comes when all is taken is told to try again."""

    def __init__(self, most: int = MOST_IN_MEMORY) -> None:
        self._most = most
        self.used = 0

    def take(self, size: int) -> bool:
        """Whether there was room."""
        if self.used + size > self._most:
            return False
        self.used += size
        return True

    def give_back(self, size: int) -> None:
        self.used -= size


@asynccontextmanager
async def read_form(request: Request, budget: MemoryBudget) -> AsyncIterator[GivenForm]:
    """The form of a request; its files are counted in the budget until the block ends.

    Raises FormUnreadableError, FormTooLargeError, and starlette's ClientDisconnect when the sender went away.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        reader = _MultipartReader(options.get(b"boundary", b""), budget)
        try:
            async for chunk in _chunks(request):
                reader.write(chunk)
            reader.finish()
            yield reader.form
        finally:
            reader.release()
    else:
        yield await _read_fields(request, is_form=kind == b"application/x-www-form-urlencoded")


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise FormUnreadableError from error
        yield chunk


async def _read_fields(request: Request, *, is_form: bool) -> GivenForm:
    body = bytearray()
    async for chunk in _chunks(request):
        body += chunk
        if len(body) > LARGEST_TEXTS:
            raise FormTooLargeError
    form = GivenForm()
    if is_form:
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_PARTS, errors="replace")
        except ValueError as error:
            raise FormUnreadableError from error
        for name, value in pairs:
            form.add(name, value)
    return form


class _MultipartReader:
    """One multipart form (RFC 7578) on its way in."""

    def __init__(self, boundary: bytes, budget: MemoryBudget) -> None:
        self.form = GivenForm()
        self._budget = budget
        self._taken = 0
        self._texts = 0
        self._parts = 0
        self._complete = False
        self._part = _Part()
        self._header = (bytearray(), bytearray())
        if not boundary:
            raise FormUnreadableError
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_part_data": self._take_data,
                    "on_part_end": self._end_part,
                    "on_header_begin": self._begin_header,
                    "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                    "on_header_end": self._end_header,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise FormUnreadableError from error

    def write(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise FormUnreadableError from error

    def finish(self) -> None:
        """A form without its last line was cut off on the way; half a file must not pass for a whole one."""
        if not self._complete:
            raise FormUnreadableError

    def release(self) -> None:
        self._budget.give_back(self._taken)
        self._taken = 0

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise FormTooLargeError
        self._part = _Part()

    def _begin_header(self) -> None:
        self._header = (bytearray(), bytearray())

    def _end_header(self) -> None:
        name, value = (bytes(part) for part in self._header)
        if name.lower() == b"content-disposition":
            _, options = parse_options_header(value)
            self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
            if b"filename" in options:
                self._part.file_name = options[b"filename"].decode("utf-8", "replace")
        elif name.lower() == b"content-type":
            self._part.media_type = value.decode("latin-1").partition(";")[0].strip().lower()

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        part, size = self._part, end - start
        if part.file_name is None:
            self._texts += size
            if self._texts > LARGEST_TEXTS:
                raise FormTooLargeError
        elif part.refusal is None:
            part.refusal = self._refusal(part, size)
            if part.refusal is not None:
                self._drop(part)
        if part.refusal is None:
            part.chunks.append(data[start:end])
            part.size += size

    def _refusal(self, part: _Part, size: int) -> Refusal | None:
        if part.size + size > LARGEST_FILE:
            return Refusal.TOO_LARGE
        if self._taken + size > LARGEST_FILES_TOGETHER:
            return Refusal.TOGETHER_TOO_LARGE
        if not self._budget.take(size):
            return Refusal.BUSY
        self._taken += size
        return None

    def _drop(self, part: _Part) -> None:
        self._budget.give_back(part.size)
        self._taken -= part.size
        part.chunks, part.size = [], 0

    def _end_part(self) -> None:
        part = self._part
        if part.file_name is None:
            self.form.add(part.name, b"".join(part.chunks).decode("utf-8", "replace"))
        elif part.file_name or part.size or part.refusal:
            # A browser sends a nameless, empty file where none was chosen.
            name = part.file_name.replace("\\", "/").rpartition("/")[2][-LONGEST_NAME:]
            self.form.files.append(GivenFile(name, part.media_type, b"".join(part.chunks), part.refusal))
        part.chunks = []

    def _end(self) -> None:
        self._complete = True


@dataclass
class _Part:
    name: str = ""
    file_name: str | None = None
    media_type: str = ""
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    refusal: Refusal | None = None
