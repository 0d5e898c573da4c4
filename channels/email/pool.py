"""A few long-lived connections to the mail server, used in turn.

A connection that has rested is asked whether it still lives; one that is lost before the mail itself went out is
replaced and the mail sent at once, which no reader can notice. What happens after that moment is never repeated here,
since the server may have taken the mail: the caller decides, and counts it.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from channels.base import ChannelUnavailableError
from channels.email.server import SmtpServer, Tls, refusal

RESTED = 10.0
"""Seconds after which a connection is asked before it is used."""
CLOSE_AFTER = 45.0
"""Seconds without mail after which connections are given back; servers end silent ones by themselves."""


class _LostEarlyError(Exception):
    """The connection was gone before the mail itself was sent."""

    def __init__(self, what: str, step: str) -> None:
        super().__init__(f"{what} {step}")
        self.step = step

    def as_unavailable(self) -> ChannelUnavailableError:
        # A server that hangs up on one recipient may well take others.
        return ChannelUnavailableError(str(self), whole=self.step == "mail")


@dataclass(slots=True)
class Connection:
    """One of them; ``used_at`` is of the loop's clock."""

    client: SMTP
    used_at: float
    is_fresh: bool = True


class Pace:
    """At most so many a second, evenly."""

    def __init__(self, rate: float) -> None:
        self._gap = 1.0 / rate
        self._next = 0.0

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        mine = max(now, self._next)
        self._next = mine + self._gap
        if mine > now:
            await asyncio.sleep(mine - now)


class SmtpPool:
    """Sends one mail after the other on each of its connections."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._slots = asyncio.Semaphore(server.connections)
        self._pace = Pace(server.rate) if server.rate else None
        self._idle: list[Connection] = []
        self._closing: asyncio.TimerHandle | None = None
        self._farewells: set[asyncio.Task[None]] = set()

    async def deliver(self, sender: str, recipient: str, content: bytes) -> None:
        """Hand a mail to the server. Raises RecipientRefusedError and ChannelUnavailableError."""
        async with self._slots:
            if self._pace is not None:
                await self._pace.wait()
            connection = await self._fetch()
            try:
                await self._transmit(connection, sender, recipient, content)
            except _LostEarlyError as lost:
                if connection.is_fresh:
                    raise lost.as_unavailable() from None
                connection = await self._open()
                try:
                    await self._transmit(connection, sender, recipient, content)
                except _LostEarlyError as lost_again:
                    raise lost_again.as_unavailable() from None

    async def check(self) -> None:
        """Open a connection and log in, to see that it can be done. Raises ChannelUnavailableError."""
        await _say_goodbye((await self._open()).client)

    async def close(self) -> None:
        """Say goodbye on every idle connection; the pool can be used again afterwards."""
        if self._closing is not None:
            self._closing.cancel()
        self._close_idle()
        if self._farewells:
            await asyncio.wait(self._farewells)

    async def _transmit(self, connection: Connection, sender: str, recipient: str, content: bytes) -> None:
        """One mail; the connection goes back into the pool if it is still good."""
        client, step, is_good = connection.client, "mail", False
        try:
            # One clock for all steps: a timer for each answer costs as much as the answer.
            async with asyncio.timeout(self._server.patience) as clock:
                await _command(client, b"MAIL", b"FROM:<" + sender.encode("ascii") + b">")
                step = "rcpt"
                _restart(clock, self._server.patience)
                await _command(client, b"RCPT", b"TO:<" + recipient.encode("ascii") + b">")
                step = "data"
                _restart(clock, self._server.patience_for_data)
                await client.data(content, timeout=None)
            is_good = True
        except SMTPResponseException as error:
            if error.code == 421 and step != "data":
                raise _LostEarlyError("421", step) from None
            # After 421 the server closes the connection, at a moment of its own.
            is_good = error.code != 421 and await _start_over(client)
            raise refusal(error.code, error.message, step) from None
        except TimeoutError:
            raise ChannelUnavailableError(f"timeout {step}") from None
        except (SMTPServerDisconnected, OSError):
            if step == "data":
                raise ChannelUnavailableError("disconnected data") from None
            raise _LostEarlyError("disconnected", step) from None
        except (SMTPException, ValueError):
            raise ChannelUnavailableError(f"protocol {step}") from None
        finally:
            # Also when this is cancelled in the middle: then nobody may go on with it.
            self._give_back(connection, is_good=is_good)

    async def _fetch(self) -> Connection:
        """A connection that lives: an idle one, or a new one."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            connection.is_fresh = False
            if not connection.client.is_connected:
                continue
            if now - connection.used_at < RESTED:
                return connection
            with suppress(SMTPException, OSError):
                await connection.client.noop()
                return connection
            connection.client.close()
        return await self._open()

    async def _open(self) -> Connection:
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls is Tls.IMPLICIT,
            start_tls={Tls.REQUIRED: True, Tls.OFFERED: None}.get(server.tls, False),
            timeout=server.patience,
            local_hostname=_own_name(),
        )
        try:
            async with asyncio.timeout(server.patience_to_connect):
                await client.connect()
                if client.is_ehlo_or_helo_needed:
                    await client.ehlo()
        except SMTPResponseException as error:
            client.close()
            raise ChannelUnavailableError(f"{error.code} connect", whole=True) from None
        except (SMTPException, OSError, ValueError) as error:
            client.close()
            raise ChannelUnavailableError(f"{type(error).__name__} connect", whole=True) from None
        except BaseException:
            client.close()
            raise
        return Connection(client, asyncio.get_running_loop().time())

    def _give_back(self, connection: Connection, *, is_good: bool) -> None:
        if not is_good or not connection.client.is_connected:
            connection.client.close()
            return
        loop = asyncio.get_running_loop()
        connection.used_at = loop.time()
        self._idle.append(connection)
        if self._closing is None:
            self._closing = loop.call_later(CLOSE_AFTER, self._close_rested)

    def _close_rested(self) -> None:
        """End the connections that were not used for long; look again later when there are others."""
        loop = asyncio.get_running_loop()
        self._closing = None
        newest = max((connection.used_at for connection in self._idle), default=0.0)
        if loop.time() - newest >= CLOSE_AFTER:
            self._close_idle()
        else:
            self._closing = loop.call_at(newest + CLOSE_AFTER, self._close_rested)

    def _close_idle(self) -> None:
        for connection in self._idle:
            task = asyncio.get_running_loop().create_task(_say_goodbye(connection.client))
            self._farewells.add(task)
            task.add_done_callback(self._farewells.discard)
        self._idle.clear()


async def _command(client: SMTP, *words: bytes) -> None:
    """One that is answered with yes. The library's own would parse addresses that were checked before."""
    answer = await client.execute_command(*words, timeout=None)
    if answer.code not in {250, 251}:
        raise SMTPResponseException(answer.code, answer.message)


def _restart(clock: asyncio.Timeout, patience: float) -> None:
    clock.reschedule(asyncio.get_running_loop().time() + patience)


async def _start_over(client: SMTP) -> bool:
    """Forget the refused mail's sender and recipient; whether the connection is still good."""
    if not client.is_connected:
        return False
    try:
        await client.rset()
    except (SMTPException, OSError):
        return False
    return True


async def _say_goodbye(client: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await client.quit(timeout=2.0)
    client.close()


def _own_name() -> str:
    name = socket.gethostname()
    return name if name.replace("-", "").replace(".", "").isalnum() and name.isascii() else "localhost"
