"""Forms with files are read in memory, within bounds, whatever comes in, and never written to a disk."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from web import memory_form
from web.memory_form import (
    LARGEST_FILE,
    LARGEST_FILES_TOGETHER,
    MOST_PARTS,
    FormTooLargeError,
    FormUnreadableError,
    GivenForm,
    MemoryBudget,
    Refusal,
    read_form,
)

BOUNDARY = "----a-boundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"

_written: list[str] = []
_is_watching = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _is_watching:
        return
    if event.startswith("tempfile.") or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
        _written.append(f"{event} {arguments[0]}")


sys.addaudithook(_watch)


@contextmanager
def nothing_written() -> Iterator[None]:
    """Fails when anything opens a file for writing or makes a temporary one (PEP 578)."""
    global _is_watching  # noqa: PLW0603 -- an audit hook cannot be taken away again
    _written.clear()
    _is_watching = True
    try:
        yield
    finally:
        _is_watching = False
    assert _written == []


def part(name: str, content: bytes, *, file: str | None = None, kind: str = "") -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{file}"' if file is not None else "")
    head = f"Content-Disposition: {disposition}\r\n" + (f"Content-Type: {kind}\r\n" if kind else "")
    return f"--{BOUNDARY}\r\n{head}\r\n".encode() + content + b"\r\n"


def end() -> bytes:
    return f"--{BOUNDARY}--\r\n".encode()


def request(chunks: list[bytes], kind: str = MULTIPART) -> Request:
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    headers = [(b"content-type", kind.encode())]
    return Request({"type": "http", "method": "POST", "path": "/report", "headers": headers}, receive)


async def read(chunks: list[bytes], kind: str = MULTIPART, budget: MemoryBudget | None = None) -> GivenForm:
    async with read_form(request(chunks, kind), budget or MemoryBudget()) as form:
        return form


def in_pieces(body: bytes, size: int = 65_536) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)] or [b""]


async def test_a_file_of_20_megabytes_never_touches_the_disk() -> None:
    content = bytes(range(256)) * (LARGEST_FILE // 256)
    body = part("text", "كلمات\r\nb".encode()) + part("files", content, file="a.pdf", kind="application/pdf") + end()
    with nothing_written():
        form = await read(in_pieces(body))
    [file] = form.files
    assert (file.name, file.media_type, file.refusal) == ("a.pdf", "application/pdf", None)
    assert file.content == content
    assert form.get("text") == "كلمات\nb"


async def test_the_watch_on_the_disk_sees_what_starlette_does() -> None:
    """The test above can fail: the ordinary way of reading forms writes a file of this size."""
    body = part("files", b"x" * 2_000_000, file="a.pdf") + end()
    with pytest.raises(AssertionError, match="open"), nothing_written():
        async with request(in_pieces(body)).form():
            pass


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
async def test_where_the_network_cuts_makes_no_difference(size: int) -> None:
    body = part("a", b"1") + part("a", b"--" + BOUNDARY.encode()) + part("files", b"\r\n--x\r\n", file="x") + end()
    form = await read(in_pieces(body, size))
    assert form.all("a") == ("1", "--" + BOUNDARY)
    assert form.files[0].content == b"\r\n--x\r\n"


async def test_a_file_that_is_too_large_is_dropped_and_the_rest_stays() -> None:
    body = part("files", b"x" * (LARGEST_FILE + 1), file="big") + part("files", b"y", file="small")
    body += part("text", b"words") + end()
    budget = MemoryBudget()
    async with read_form(request(in_pieces(body)), budget) as form:
        assert [(file.name, file.refusal) for file in form.files] == [("big", Refusal.TOO_LARGE), ("small", None)]
        assert form.files[0].content == b""
        assert budget.used == 1
    assert budget.used == 0
    assert form.get("text") == "words"


async def test_all_files_together_have_a_bound() -> None:
    count = LARGEST_FILES_TOGETHER // LARGEST_FILE + 1
    chunk = b"x" * LARGEST_FILE
    chunks = [piece for number in range(count) for piece in (part("files", chunk, file=str(number)),)]
    form = await read([*chunks, end()])
    assert [file.refusal for file in form.files] == [None] * (count - 1) + [Refusal.TOGETHER_TOO_LARGE]


async def test_a_full_house_refuses_files_and_takes_words() -> None:
    budget = MemoryBudget(10)
    assert budget.take(5)
    body = part("files", b"123456", file="a") + part("files", b"12345", file="b") + part("text", b"words") + end()
    form = await read([body], budget=budget)
    assert [file.refusal for file in form.files] == [Refusal.BUSY, None]
    assert form.get("text") == "words"
    assert budget.used == 5


async def test_memory_is_given_back_when_the_sender_goes_away() -> None:
    budget = MemoryBudget()

    async def receive() -> dict[str, Any]:
        if not budget.used:
            return {"type": "http.request", "body": part("files", b"half", file="a")[:-2], "more_body": True}
        return {"type": "http.disconnect"}

    headers = [(b"content-type", MULTIPART.encode())]
    gone = Request({"type": "http", "method": "POST", "path": "/report", "headers": headers}, receive)
    with pytest.raises(ClientDisconnect):
        async with read_form(gone, budget):
            pass
    assert budget.used == 0


async def test_a_sender_who_says_nothing_does_not_hold_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_form, "IDLE_SECONDS", 0.05)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    headers = [(b"content-type", MULTIPART.encode())]
    silent = Request({"type": "http", "method": "POST", "path": "/report", "headers": headers}, receive)
    with pytest.raises(FormUnreadableError):
        async with read_form(silent, MemoryBudget()):
            pass


async def test_half_a_file_does_not_pass_for_a_whole_one() -> None:
    body = part("files", b"x" * 1000, file="a") + end()
    for cut in (10, 100, 900, len(body) - len(end())):
        with pytest.raises(FormUnreadableError):
            await read([body[:cut]])


async def test_bounds_of_what_is_no_file() -> None:
    with pytest.raises(FormTooLargeError):
        await read(in_pieces(part("text", b"x" * 2_000_000) + end()))
    with pytest.raises(FormTooLargeError):
        await read([part("a", b"") * (MOST_PARTS + 1) + end()])
    with pytest.raises(FormTooLargeError):
        await read([b"a=" + b"x" * 2_000_000], "application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("C:\\Users\\x\\photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("صورة.jpg", "صورة.jpg"),
        ("a" * 500 + ".jpg", ("a" * 500 + ".jpg")[-200:]),
    ],
)
async def test_a_name_is_only_a_name(sent: str, expected: str) -> None:
    form = await read([part("files", b"x", file=sent) + end()])
    assert form.files[0].name == expected


async def test_a_form_without_files_is_read_too() -> None:
    form = await read([b"text=a%0D%0Ab&values=x&values=y&empty="], "application/x-www-form-urlencoded")
    assert form.fields == {"text": ["a\nb"], "values": ["x", "y"], "empty": [""]}
    assert (await read([b"{}"], "application/json")).fields == {}


@given(st.binary(max_size=300), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_it(noise: bytes, size: int) -> None:
    async def try_it() -> None:
        for body in (noise, part("a", noise) + end(), part("files", noise, file="x") + noise + end()):
            try:
                await read(in_pieces(body, size))
            except (FormUnreadableError, FormTooLargeError):
                continue

    asyncio.run(try_it())


def test_nothing_else_reads_forms_of_reports() -> None:
    """FastAPI's own Form() and File() would spill to disk."""
    for path in (Path(memory_form.__file__).parent).glob("report*.py"):
        source = path.read_text(encoding="utf-8")
        assert " Form()" not in source
        assert "File()" not in source
        assert "UploadFile" not in source
