"""Kept HTTP/1.1 connections to one server that we run ourselves, with as little work for each request as there can be.

Two requests make up a turn of a conversation, and a general client takes longer over one of them (2 ms) than the
assistant over understanding. This one posts and gets JSON, keeps connections, and leaves the rest to general clients.
"""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

KEPT_FOR = 3.0
"""Seconds for which a silent connection is used again: less than servers wait (Sanic and uvicorn: 5 s)."""
MOST_AT_ONCE = 64
MOST_HEADER_LINES = 100


class Connection:
    """One connection; made by `Connection.open`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self._stays = True
        self._last_used = time.monotonic()

    @classmethod
    async def open(cls, url: str) -> Connection:
        """Connect to the server of an address. Raises OSError."""
        parts = urlsplit(url)
        encrypted = parts.scheme == "https"
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port or (443 if encrypted else 80), ssl=encrypted or None
        )
        return cls(reader, writer, parts.netloc.rpartition("@")[2])

    async def request(self, method: str, path: str, content: bytes = b"") -> tuple[int, bytes]:
        """Status and body. Raises OSError when the connection breaks, ValueError when no HTTP comes back."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        self._writer.write(head.encode("ascii") + content)
        try:
            answer = await self._read()
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the server ended the connection") from error
        except asyncio.LimitOverrunError as error:
            raise ValueError("a line without end") from error
        self._last_used = time.monotonic()
        return answer

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent; the server may end a silent connection at any time."""
        recent = time.monotonic() - self._last_used < KEPT_FOR
        return recent and self._stays and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        self._writer.close()

    async def _read(self) -> tuple[int, bytes]:
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        protocol, _, status = first.partition(" ")
        if protocol != "HTTP/1.1" or len(lines) > MOST_HEADER_LINES:
            raise ValueError("not HTTP/1.1")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._stays = fields.get("connection", "").lower() != "close"
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return int(status[:3]), await self._read_chunks()
        if "content-length" not in fields:
            raise ValueError("an answer of unknown length")
        return int(status[:3]), await self._reader.readexactly(int(fields["content-length"]))

    async def _read_chunks(self) -> bytes:
        parts = []
        while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            parts.append((await self._reader.readexactly(size + 2))[:-2])
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return b"".join(parts)


class Connections:
    """Connections to one server, used again where they can be; the last one used first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._folder = urlsplit(url).path.rstrip("/")
        self._free: list[Connection] = []
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    async def request(self, method: str, path: str, content: bytes = b"", *, timeout: float) -> tuple[int, bytes]:
        """Status and body. Raises OSError (TimeoutError is one) or ValueError; nothing is sent twice."""
        async with asyncio.timeout(timeout), self._places:
            connection = await self._take()
            try:
                answer = await connection.request(method, self._folder + path, content)
            except BaseException:
                # Whatever is still to come over it belongs to nobody.
                connection.close()
                raise
            self._free.append(connection)
            return answer

    def close(self) -> None:
        while self._free:
            self._free.pop().close()

    async def _take(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return await Connection.open(self._url)
