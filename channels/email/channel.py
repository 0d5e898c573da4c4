"""Mail as a channel: writes each mail, signs it when there are keys, and hands it to the mail server."""

from __future__ import annotations

from typing import Protocol

from channels.base import ReadyMail
from channels.email.message import MailSender, plain_address, write_mail
from core.clock import Clock


class MailCarrier(Protocol):
    """What takes finished mails: the connections to the server, or the outbox."""

    async def deliver(self, sender: str, recipient: str, content: bytes) -> None: ...

    async def close(self) -> None: ...


class MailSigner(Protocol):
    """What signs finished mails."""

    def sign(self, content: bytes) -> bytes: ...


class EmailChannel:
    """A ``DeliveryChannel`` for mail."""

    def __init__(
        self, *, sender: MailSender, carrier: MailCarrier, clock: Clock, signer: MailSigner | None = None
    ) -> None:
        self._sender = sender
        self._carrier = carrier
        self._clock = clock
        self._signer = signer

    async def send(self, message: ReadyMail) -> None:
        """Raises RecipientRefusedError and ChannelUnavailableError."""
        content = write_mail(message, sender=self._sender, written_at=self._clock.now())
        if self._signer is not None:
            content = self._signer.sign(content)
        await self._carrier.deliver(self._sender.address, plain_address(message.to), content)

    async def close(self) -> None:
        await self._carrier.close()
