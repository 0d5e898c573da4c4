"""What this channel needs of the hub beside the answer to a message. app.py hands over somebody who can do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from channels.base import Button, IncomingMessage, MessageHandler, Reply

CHANNEL = "telegram"
REPORT = "flow/report"
FORGET = "flow/forget"
"""What the hub answers with when somebody wants to tell of discrimination."""


@dataclass(frozen=True)
class LateAnswer:
    """An answer of the ICC team that came after the turn was over."""

    id: int
    language: str
    text: str


class HubSide(MessageHandler, Protocol):
    """The hub as this channel sees it. ``sender_key`` is the keyed hash under which a conversation is stored."""

    def sender_key(self, channel: str, sender: str) -> str: ...

    async def give_feedback(self, channel: str, sender: str, reply_id: str, *, helpful: bool) -> None: ...

    async def spoken_language(self, channel: str, sender: str) -> tuple[str | None, bool]:
        """The language of the conversation now, and whether the person chose it."""
        ...

    async def forget(self, channel: str, sender: str) -> None:
        """Delete everything that is kept of this conversation. Raises HubError where a part of it could not be."""
        ...

    async def help_at_once(self, message: IncomingMessage) -> list[Reply]:
        """What answers a cry for help, heard by its words alone; nothing for other texts. Nobody else sees the text."""
        ...

    async def waits_for_team(self, sender_key: str) -> bool:
        """Whether a question of this conversation is with the team."""
        ...

    async def list_late_answers(self, sender_key: str) -> list[LateAnswer]: ...

    async def drop_late_answer(self, late_id: int) -> None:
        """It has been delivered."""
        ...

    async def take_lease(self, name: str, *, holder: str, lasting: timedelta) -> bool:
        """Become or stay the one process for a duty; a lease of zero lets go of it."""
        ...


@dataclass(frozen=True)
class Screen:
    """A message with buttons that is edited in place. A button's payload is what to do, without this channel's mark;
    ``chosen`` are the payloads that hold now."""

    text: str
    rows: list[list[Button]]
    chosen: frozenset[str] = frozenset()


class PreferenceScreens(Protocol):
    """What somebody gets from us, as screens. Who they are follows from the chat's number alone."""

    async def link(self, chat_id: int, parameter: str, language: str) -> Screen:
        """Connect the chat by what followed /start, and say so."""
        ...

    async def show(self, chat_id: int, action: str, language: str) -> Screen | None:
        """Do what a button says and show where that leads; None for a chat that nobody has connected."""
        ...

    async def tell_privacy(self, chat_id: int, language: str) -> Screen | None:
        """What is kept of a connected chat; None as for ``show``."""
        ...

    async def forget(self, chat_id: int) -> None:
        """Keep nothing of this chat any more."""
        ...

    async def end(self, chat_id: int, language: str) -> Screen | None:
        """Send nothing to this chat any more, and say so; None as for ``show``."""
        ...
