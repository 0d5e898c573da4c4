"""Yes, maybe and no under an invitation: a press is the answer of whoever connected this chat.

A button works as long as the event does, however old its message is. Pressing the same one again says nothing more.
"""

from __future__ import annotations

from typing import Protocol

from channels.base import Reply
from channels.telegram.formatting import Rows, render
from channels.telegram.speaking import Chat, Speaker

MARK = "@"
"""Begins the data of such a button: ``@yes/<event>``."""


class EventAnswers(Protocol):
    """Notes answers."""

    async def answer(self, chat_id: int, event_id: str, said: str, *, language: str) -> Reply | None:
        """What became of it, in words; None where it stood so already. Raises HubError."""
        ...


class EventFlow:
    """Takes presses."""

    def __init__(self, *, answers: EventAnswers, speaker: Speaker) -> None:
        self._answers = answers
        self._speaker = speaker

    async def take_press(self, chat: Chat, message_id: int, rows: Rows, data: str) -> None:
        """One press. The answer is noted before anything is shown."""
        said, _, event_id = data.removeprefix(MARK).partition("/")
        reply = await self._answers.answer(chat.id, event_id, said, language=chat.language)
        await self._speaker.tick(chat, message_id, rows, data)
        if reply is not None:
            for message in render(reply, self._speaker.texts, public_url=self._speaker.public_url, thumbs=False):
                await self._speaker.send(chat, message)
