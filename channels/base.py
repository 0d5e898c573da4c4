"""What every channel speaks: messages that come in, replies that go out. Knows no particular channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
    place: str | None = None
    """What the way to a report understood as the place of it, so that the report need not ask anew."""


class Answer(BaseModel):
    """Everything that the hub says to one message."""

    language: str
    understood: bool = True
    confidence: float = Field(default=1.0, ge=0.0, le=1.0)
    replies: list[Reply]
    passed_on: bool = False
    """Whether words went to the team in this turn, so that an answer of a person will come."""


@dataclass(frozen=True)
class IncomingMessage:
    """A message as a channel received it. ``sender`` is the channel's own name for the conversation."""

    channel: str
    sender: str
    text: str
    chosen_language: str | None = None
    stated_language: str | None = None
    city: str | None = None
    subscriber: str | None = None
    """Who writes, where a session of the channel proves it; Telegram's chats are known by their number instead."""
    is_proven: bool = False
    """Whether that session began with a link that was asked for, and not with one that may have been passed on."""


class MessageHandler(Protocol):
    """What a channel is built with: it hands every message over and gets the answer."""

    async def handle(self, message: IncomingMessage) -> Answer: ...


class RecipientRefusedError(Exception):
    """This message will not be taken. ``lasting``: nobody is there any more, so stop writing to this address; else the
    address may be sound and the refusal is about the message or the sender."""

    def __init__(self, message: str, *, lasting: bool = True) -> None:
        super().__init__(message)
        self.lasting = lasting


class ChannelUnavailableError(Exception):
    """The channel cannot deliver now; ``retry_after`` seconds, where it said so. ``whole``: it delivers to nobody now,
    so this message was no worse than others."""

    def __init__(self, message: str, *, retry_after: float | None = None, whole: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.whole = whole


@dataclass(frozen=True, slots=True)
class File:
    """Something attached. The same object may hang on many messages; it is encoded once."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Calendar:
    """An iCalendar object and its method (REQUEST, CANCEL), which the mail part has to name too."""

    method: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyMail:
    """One mail to one address, ready to go. ``id`` is the delivery's, so that a repeated mail is known as the same."""

    id: str
    to: str
    name: str = ""
    language: str
    subject: str
    text: str
    html: str | None = None
    list_id: str | None = None
    """The topic, as one word; with it go the headers of a list."""
    list_name: str = ""
    unsubscribe_url: str | None = None
    """Takes a POST without a cookie (RFC 8058)."""
    reply_to: str | None = None
    follows: str | None = None
    """Id of the delivery that this one goes on from, such as an invitation before its change."""
    calendar: Calendar | None = None
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyChat:
    """One message to one chat, ready to go; ``to`` is the number of the chat.

    ``markdown`` are the words with their marks (core/markdown.py); ``reply`` stands below them: why it came, and links.
    """

    id: str
    to: str
    reply: Reply
    markdown: str = ""
    files: tuple[File, ...] = ()


class BounceKind(StrEnum):
    """Why a message came back."""

    GONE = "gone"
    """Nobody is there: stop writing to this address."""
    UNDELIVERED = "undelivered"
    """It was not delivered, for a reason that says nothing against the address."""
    COMPLAINT = "complaint"
    """The reader called it spam: stop writing to this address."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A message that came back after it was taken. ``delivery_id`` is the ``id`` of the ready message."""

    delivery_id: str
    kind: BounceKind
    reason: str
    """Codes, no address."""
    uid: str = ""
    """Where it was found."""


class BounceSource(Protocol):
    """Where messages come back to. ``finish`` marks those that were noted, so that they are not found again."""

    async def fetch(self) -> list[Bounce]: ...

    async def finish(self, bounces: Sequence[Bounce]) -> None: ...


@dataclass(frozen=True, slots=True)
class CalendarAnswer:
    """What somebody's calendar answered to an invitation. Nothing of it is proved."""

    token: str
    """Behind the plus of the address that it came to."""
    event_uid: str
    sender: str = field(repr=False)
    """The mail's own sender, in lower case."""
    guest: str = field(repr=False)
    """Whose answer the calendar says it is, in lower case."""
    standing: str
    """ACCEPTED, TENTATIVE, DECLINED, or something else (RFC 5545, PARTSTAT)."""
    sequence: int = 0
    """The version of the entry that was answered."""
    uid: str = ""
    """Where it was found."""


class CalendarAnswerSource(Protocol):
    """Where calendars answer to. ``finish`` marks what was read, so that it is not found again."""

    async def fetch(self) -> list[CalendarAnswer]: ...

    async def finish(self, answers: Sequence[CalendarAnswer]) -> None: ...


type ReadyMessage = ReadyMail | ReadyChat


class DeliveryChannel[Message: (ReadyMail, ReadyChat)](Protocol):
    """What delivers ready messages of its kind. Raises RecipientRefusedError and ChannelUnavailableError only; their
    texts name the step and the code, never an address."""

    async def send(self, message: Message) -> None: ...

    async def close(self) -> None: ...


type Json = dict[str, Any]
