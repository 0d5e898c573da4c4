"""What every channel speaks: messages that come in, replies that go out. Knows no particular channel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

MOST_CHARACTERS = 2000
"""Longest message that is read (design: Conversation API)."""


class ContactKind(StrEnum):
    """A way to reach a service."""

    PHONE = "phone"
    EMAIL = "email"
    WEB = "web"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Link(_Part):
    """An address and what it is called; ``note`` says what it leads to when that is not the thing's own page."""

    title: str
    url: str
    note: str | None = None


class Button(_Part):
    """Something to choose; the payload is sent as the message."""

    title: str
    payload: str


class Contact(_Part):
    """One way to reach a service, with a name for screen readers."""

    kind: ContactKind
    label: str
    value: str
    href: str


class Reply(_Part):
    """One message of the hub. ``text`` is plain text with line breaks."""

    id: str = ""
    text: str
    answer: str | None = None
    covers: list[str] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)
    buttons: list[Button] = Field(default_factory=list)
    contacts: list[Contact] = Field(default_factory=list)
    language: str = ""
    machine_translated: bool = False


class Answer(BaseModel):
    """Everything that the hub says to one message."""

    language: str
    understood: bool = True
    confidence: float = Field(default=1.0, ge=0.0, le=1.0)
    replies: list[Reply]


@dataclass(frozen=True)
class IncomingMessage:
    """A message as a channel received it. ``sender`` is the channel's own name for the conversation."""

    channel: str
    sender: str
    text: str
    chosen_language: str | None = None
    stated_language: str | None = None
    city: str | None = None


class MessageHandler(Protocol):
    """What a channel is built with: it hands every message over and gets the answer."""

    async def handle(self, message: IncomingMessage) -> Answer: ...


class RecipientRefusedError(Exception):
    """Nobody is there any more: stop writing to this address."""


class ChannelUnavailableError(Exception):
    """The channel cannot deliver now; ``retry_after`` seconds, where it said so."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


type Json = dict[str, Any]
