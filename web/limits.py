"""Bounds on what comes in: size of a body, messages a minute by conversation and by address.

A city hall is one address, so addresses get much more than conversations. Whoever connects from this machine without a
proxy's header has no limit; the header is believed only from the proxies that are named in the settings.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import timedelta
from functools import cache

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conversation.errors import TooManyMessagesError
from core.rate_limits import Rate, RateLimits, network_of

WINDOW = timedelta(minutes=1)
MESSAGES_PER_SENDER = Rate("messages-of-sender", 30, WINDOW)
MESSAGES_PER_ADDRESS = Rate("messages-of-address", 600, WINDOW)
FILES_PER_ADDRESS = Rate("files-of-address", 60, timedelta(hours=1))
LARGEST_BODY = 64 * 1024
"""Bytes of the largest request body that is read."""
LARGEST_OFFICE_BODY = 512 * 1024
"""The same for the back office: a form writes an Arabic letter in six bytes, and an event has 20,000 a language."""
LARGEST_INTERNAL_BODY = 4 * 1024 * 1024
"""The same for the assistant, which sends its whole tracker."""
UPLOAD_PATHS = frozenset({"/report", "/report/return"})
"""Where forms with files go. Their bodies are streamed to ``web.memory_form``, which has bounds of its own."""
DESK_UPLOADS = ("/desk/case/", "/reply")
"""How the address of an answer to a reporter begins and ends. Only officers' files are read there
(``web.desk.doorway``)."""
OFFICE_UPLOADS = ("/import", "/files")
"""How addresses of the back office end whose forms have files; only operators' bodies are read there."""
LARGEST_UPLOAD = 256 * 1024 * 1024
"""Bytes of such a body that are read. More than may be kept, since who is cut off in the middle sees no sentence."""


class MessageLimits:
    """Both limits for one message."""

    def __init__(self, trusted_proxies: frozenset[str], limits: RateLimits) -> None:
        self._trusted = trusted_proxies
        self._limits = limits

    async def check(self, connection: HTTPConnection, sender: str | None) -> None:
        """Count a message of this connection. Raises TooManyMessagesError."""
        address = client_address(connection, self._trusted)
        if address is None:
            return
        counted = [(MESSAGES_PER_ADDRESS, network_of(address))]
        if sender:
            counted.append((MESSAGES_PER_SENDER, sender))
        wait = await self._limits.take(*counted)
        if wait > 0:
            raise TooManyMessagesError(seconds=max(1, round(wait)))

    async def takes_file(self, connection: HTTPConnection) -> bool:
        """Count a file for a report; whether its address may send it now. Words are never refused for this."""
        address = client_address(connection, self._trusted)
        return address is None or await self._limits.take((FILES_PER_ADDRESS, network_of(address))) <= 0


def client_address(connection: HTTPConnection, trusted: frozenset[str]) -> str | None:
    """The address that limits count, or None for a peer on this machine that speaks for itself."""
    peer = connection.client.host if connection.client else "unknown"
    forwarded = connection.headers.getlist("x-forwarded-for")
    if forwarded and forwarded[-1] and _is_trusted(peer, trusted):
        # The last address is the one that the trusted proxy itself saw. It may have written it in a line of its own.
        return forwarded[-1].split(",")[-1].strip()[:64]
    if not forwarded and _is_loopback(peer):
        return None
    return peer


def _is_trusted(peer: str, trusted: frozenset[str]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in _networks(trusted))


@cache
def _networks(trusted: frozenset[str]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(one, strict=False) for one in trusted)


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


class WithoutNul:
    """ASGI middleware that finds nothing at a path with a NUL, since PostgreSQL refuses to look for one.

    In the query it counts as a space.
    """

    def __init__(self, app: ASGIApp, *, refuse: Callable[[Request], Response]) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if "\0" in scope["path"]:
                await self._refuse(Request(scope))(scope, receive, send)
                return
            scope["query_string"] = scope["query_string"].replace(b"%00", b"+")
        await self._app(scope, receive, send)


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
        body = await _read_body(scope, receive, _largest_body(scope["path"]))
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
    begins, ends = DESK_UPLOADS
    return (
        path in UPLOAD_PATHS
        or (path.startswith(begins) and path.endswith(ends))
        or (path.startswith("/office/") and path.endswith(OFFICE_UPLOADS))
    )


def _largest_body(path: str) -> int:
    if path.startswith("/internal/"):
        return LARGEST_INTERNAL_BODY
    return LARGEST_OFFICE_BODY if path.startswith("/office/") else LARGEST_BODY


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
