"""A mail server that keeps nothing but the Message-ID of each mail that it said yes to, and how often it came."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^>]+)>", re.MULTILINE | re.IGNORECASE)
_END = b"\r\n.\r\n"


@dataclass
class Counted:
    """What came, from any number of connections."""

    port: int = 0
    mails: Counter[str] = field(default_factory=Counter)

    @property
    def doubled(self) -> int:
        """Mails that came more often than once."""
        return self.mails.total() - len(self.mails)


class _Session(asyncio.Protocol):
    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._buffer = bytearray()
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._in_data or b"\n" in self._buffer:
            if self._in_data:
                end = self._buffer.find(_END)
                if end < 0:
                    return
                mail, self._in_data = bytes(self._buffer[:end]), False
                del self._buffer[: end + len(_END)]
                found = _MESSAGE_ID.search(mail)
                self._counted.mails[found[1].decode() if found else ""] += 1
                self._transport.write(b"250 taken\r\n")
                continue
            line, _, rest = bytes(self._buffer).partition(b"\n")
            self._buffer[:] = rest
            self._answer(line.strip().upper())

    def _answer(self, line: bytes) -> None:
        if line.startswith(b"EHLO"):
            self._transport.write(b"250-sink\r\n250 8BITMIME\r\n")
        elif line == b"DATA":
            self._in_data = True
            self._transport.write(b"354 go on\r\n")
        elif line == b"QUIT":
            self._transport.write(b"221 bye\r\n")
            self._transport.close()
        else:
            self._transport.write(b"250 ok\r\n")


@contextmanager
def counting_sink() -> Iterator[Counted]:
    """A running one, in a thread of its own."""
    counted, ready, loop = Counted(), threading.Event(), asyncio.new_event_loop()
    ending = asyncio.Event()

    async def serve() -> None:
        sessions: list[_Session] = []

        def session() -> _Session:
            sessions.append(_Session(counted))
            return sessions[-1]

        server = await loop.create_server(session, "127.0.0.1", 0, backlog=200)
        counted.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ending.wait()
        server.close()
        for one in sessions:
            one.close()
        await asyncio.sleep(0.05)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield counted
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(5)
