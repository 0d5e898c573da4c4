"""A mail server of our own on loopback, in the test's own loop, that misbehaves as a test tells it to."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import Enum
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Fault(Enum):
    """What a server does instead of answering."""

    DROP = "drop"
    HANG = "hang"


type Answer = str | Fault | float | None
"""A reply line; a fault; seconds after which all is well; None when all is well at once."""

type Script = Callable[[str, str, int], Answer]
"""Called with the step (mail, rcpt, data, taken), the recipient and how often that was asked before. ``taken``: after
the mail was kept, before the server says so."""


@dataclass(frozen=True)
class Received:
    """A mail as it arrived."""

    sender: str
    recipient: str
    content: bytes
    secure: bool
    user: str | None

    @property
    def mail(self) -> EmailMessage:
        return email.message_from_bytes(self.content, policy=email.policy.default)

    @property
    def message_id(self) -> str:
        return str(self.mail["Message-ID"])


@dataclass
class MailServer:
    """What it got, and what it does."""

    port: int = 0
    script: Script = field(default=lambda *_: None)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    greeting: str | None = None
    """Said instead of the greeting, and the connection closed."""
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def recipients(self) -> Counter[str]:
        return Counter(mail.recipient for mail in self.received)

    async def until_asked(self, step: str, times: int = 1) -> None:
        """Wait until a step came so often."""
        while sum(count for (asked, _), count in self._asked.items() if asked == step) < times:
            await asyncio.sleep(0.005)

    async def answer(self, step: str, recipient: str, server: SMTP) -> str | None:
        """Do as the script says; the reply line, where there is one."""
        count = self._asked[step, recipient]
        self._asked[step, recipient] += 1
        said = self.script(step, recipient, count)
        if said is Fault.DROP:
            _abort(server)
            raise ConnectionResetError
        if said is Fault.HANG:
            await asyncio.sleep(3600)
        if isinstance(said, float):
            await asyncio.sleep(said)
        if isinstance(said, str) and said.startswith("421"):
            assert server.transport is not None
            asyncio.get_running_loop().call_later(0.01, server.transport.close)
        return said if isinstance(said, str) else None


class _Handler:
    """aiosmtpd's hooks."""

    def __init__(self, stand: MailServer) -> None:
        self._stand = stand

    async def handle_MAIL(self, server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        said = await self._stand.answer("mail", address, server)
        if said is None:
            envelope.mail_from = address
        return said or "250 OK"

    async def handle_RCPT(self, server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        said = await self._stand.answer("rcpt", address, server)
        if said is None:
            envelope.rcpt_tos.append(address)
        return said or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        [recipient] = envelope.rcpt_tos
        said = await self._stand.answer("data", recipient, server)
        if said is None:
            user = session.auth_data.login.decode() if session.auth_data else None
            secure = session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None
            self._stand.received.append(Received(envelope.mail_from, recipient, envelope.content, secure, user))
            said = await self._stand.answer("taken", recipient, server)
        return said or "250 OK"


def _abort(server: SMTP) -> None:
    if server.transport is not None:
        assert isinstance(server.transport, asyncio.WriteTransport)
        server.transport.abort()


@asynccontextmanager
async def mail_server(
    *,
    tls: ssl.SSLContext | None = None,
    implicit_tls: bool = False,
    password: str | None = None,
    script: Script | None = None,
) -> AsyncIterator[MailServer]:
    """A running server; with a password, it wants a login (any user), over TLS only."""
    stand = MailServer()
    if script is not None:
        stand.script = script
    sessions: list[SMTP] = []

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        good = isinstance(given, LoginPassword) and given.password.decode() == password
        return AuthResult(success=good, handled=False, auth_data=given)

    class Session(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            if self.transport is None:
                stand.connections += 1
            if stand.greeting is not None:
                assert isinstance(transport, asyncio.WriteTransport)
                transport.write(stand.greeting.encode() + b"\r\n")
                transport.close()
                return
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            if stand.greeting is None:
                super().connection_lost(error)

    def session() -> SMTP:
        with warnings.catch_warnings():
            # aiosmtpd does not see that the whole connection is encrypted.
            warnings.simplefilter("ignore")
            made = Session(
                _Handler(stand),
                hostname="mail.test",
                loop=asyncio.get_running_loop(),
                tls_context=None if implicit_tls else tls,
                auth_required=password is not None,
                auth_require_tls=not implicit_tls,
                authenticator=check if password is not None else None,
            )
        sessions.append(made)
        return made

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls if implicit_tls else None)
    stand.port = server.sockets[0].getsockname()[1]
    try:
        yield stand
    finally:
        server.close()
        for one in sessions:
            _abort(one)
        await asyncio.sleep(0.01)
