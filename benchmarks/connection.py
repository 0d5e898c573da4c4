"""A small HTTP client for measuring: one kept connection, so little work of its own that it does not show.

A full client takes a millisecond of the very processor that the measured servers share.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

PATIENCE = 30.0
"""Seconds after which an answer counts as missing."""


@dataclass(frozen=True)
class Response:
    """A JSON answer, and how long it took to arrive in full."""

    status: int
    data: Any
    seconds: float


class Connection:
    """One HTTP/1.1 connection to this machine; made by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def post(self, path: str, body: object) -> Response:
        """Post JSON. Raises OSError (TimeoutError is one) when no answer comes, ValueError when it is no JSON."""
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        begun = time.perf_counter()
        self._writer.write(head.encode() + content)
        async with asyncio.timeout(PATIENCE):
            status, answer = await self._read()
        seconds = time.perf_counter() - begun
        return Response(status, json.loads(answer), seconds)

    async def _read(self) -> tuple[int, bytes]:
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            return int(first.split()[1]), await self._reader.readexactly(int(fields["content-length"]))
        except (asyncio.IncompleteReadError, KeyError) as error:
            raise ConnectionError("the connection ended, or gave no length") from error


@asynccontextmanager
async def connect(port: int) -> AsyncIterator[Connection]:
    """A connection for many questions; servers close one that is silent for five seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
