"""What this channel needs of the hub beside the answer to a message. app.py hands over somebody who can do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from channels.base import MessageHandler

CHANNEL = "telegram"
REPORT = "flow/report"
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

    async def forget_talk(self, channel: str, sender: str) -> None:
        """Forget what was said; language and questions to the team stay. Raises HubError where that did not go."""
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
