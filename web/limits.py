"""Bounds on what comes in: size of a body, messages a minute by conversation and by address.

A city hall is one address, so addresses get much more than conversations. Whoever connects from this machine without a
proxy's header has no limit; the header is believed only from the proxies that are named in the settings.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conversation.errors import TooManyMessagesError

MESSAGES_PER_SENDER = 30
MESSAGES_PER_ADDRESS = 600
WINDOW = 60.0
"""Seconds in which the messages are counted."""
LARGEST_BODY = 64 * 1024
"""Bytes of the largest request body that is read."""
LARGEST_INTERNAL_BODY = 4 * 1024 * 1024
"""The same for the assistant, which sends its whole tracker."""
UPLOAD_PATHS = frozenset({"/report", "/report/return"})
"""Where forms with files go. Their bodies are streamed to ``web.memory_form``, which has bounds of its own."""
OFFICE_UPLOADS = ("/import", "/files")
"""How addresses of the back office end whose forms have files; only operators' bodies are read there."""
LARGEST_UPLOAD = 256 * 1024 * 1024
"""Bytes of such a body that are read. More than may be kept, since who is cut off in the middle sees no sentence."""
MOST_KEYS = 100_000


@dataclass
class SlidingWindow:
    """Counts events of a key in the last minute. In memory only, under a salted hash."""

    most: int
    _events: OrderedDict[bytes, list[float]] = field(default_factory=OrderedDict)
    _salt: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def take(self, key: str, *, now: float | None = None) -> None:
        """Count one event. Raises TooManyMessagesError when the minute is full."""
        now = time.monotonic() if now is None else now
        name = hashlib.blake2b(key.encode(), digest_size=16, salt=self._salt).digest()
        recent = [moment for moment in self._events.get(name, []) if moment > now - WINDOW]
        if len(recent) >= self.most:
            self._events[name] = recent
            raise TooManyMessagesError(seconds=max(1, round(recent[0] + WINDOW - now)))
        recent.append(now)
        self._events[name] = recent
        self._events.move_to_end(name)
        while len(self._events) > MOST_KEYS or next(iter(self._events.values()))[-1] <= now - WINDOW:
            self._events.popitem(last=False)


class MessageLimits:
    """Both limits for one message."""

    def __init__(self, trusted_proxies: frozenset[str]) -> None:
        self._trusted = trusted_proxies
        self._senders = SlidingWindow(MESSAGES_PER_SENDER)
        self._addresses = SlidingWindow(MESSAGES_PER_ADDRESS)

    def check(self, connection: HTTPConnection, sender: str | None) -> None:
        """Count a message of this connection. Raises TooManyMessagesError."""
        address = client_address(connection, self._trusted)
        if address is None:
            return
        self._addresses.take(address)
        if sender:
            self._senders.take(sender)


def client_address(connection: HTTPConnection, trusted: frozenset[str]) -> str | None:
    """The address that limits count, or None for a peer on this machine that speaks for itself."""
    peer = connection.client.host if connection.client else "unknown"
    forwarded = connection.headers.get("x-forwarded-for")
    if forwarded and peer in trusted:
        # The last address is the one that the trusted proxy itself saw.
        return forwarded.split(",")[-1].strip()[:64]
    if forwarded is None and _is_loopback(peer):
        return None
    return peer


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


class BodyLimit:
    """ASGI middleware that reads a body up to the bound and answers 413 beyond it, announced or not."""

    def __init__(self, app: ASGIApp, *, refuse: Callable[[Request], Response]) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        if _takes_files(scope["path"]):
            await self._stream(scope, receive, send)
            return
        most = LARGEST_INTERNAL_BODY if scope["path"].startswith("/internal/") else LARGEST_BODY
        body = await _read_body(scope, receive, most)
        if body is None:
            await self._refuse(Request(scope))(scope, receive, send)
            return
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the body on as it comes; beyond the bound the sender counts as gone."""
        if _announced(scope) > LARGEST_UPLOAD:
            await self._refuse(Request(scope))(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return {"type": "http.disconnect"} if size > LARGEST_UPLOAD else message

        await self._app(scope, counted, send)


def _takes_files(path: str) -> bool:
    return path in UPLOAD_PATHS or (path.startswith("/office/") and path.endswith(OFFICE_UPLOADS))


def _announced(scope: Scope) -> int:
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    return int(announced) if announced.isdigit() else 0


async def _read_body(scope: Scope, receive: Receive, most: int) -> bytes | None:
    if _announced(scope) > most:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)
