"""The conversation as a channel sees it that can write by itself (Telegram): handling, languages, late answers, leases.

A channel knows no package but core, so app.py hands it this; the protocol stands in the channel's folder.
"""

from __future__ import annotations

from datetime import timedelta

from channels.base import Answer, IncomingMessage, Reply
from channels.telegram.contract import LateAnswer
from conversation.handoffs import drop_late_reply, has_open_handoff, list_late_replies
from conversation.service import Conversations
from core.clock import Clock
from core.database import Database
from core.leases import take_lease


class HubForChannels:
    """Hands each call on to the part of the conversation that does it."""

    def __init__(self, conversations: Conversations, database: Database, clock: Clock) -> None:
        self._conversations = conversations
        self._database = database
        self._clock = clock

    async def handle(self, message: IncomingMessage) -> Answer:
        return await self._conversations.handle(message)

    def sender_key(self, channel: str, sender: str) -> str:
        return self._conversations.sender_key(channel, sender)

    async def give_feedback(self, channel: str, sender: str, reply_id: str, *, helpful: bool) -> None:
        await self._conversations.give_feedback(channel, sender, reply_id, helpful=helpful)

    async def spoken_language(self, channel: str, sender: str) -> tuple[str | None, bool]:
        """The language of the conversation now, and whether the person chose it."""
        return await self._conversations.spoken_language(channel, sender)

    async def forget(self, channel: str, sender: str) -> None:
        await self._conversations.forget(channel, sender)

    async def help_at_once(self, message: IncomingMessage) -> list[Reply]:
        return await self._conversations.help_at_once(message)

    async def waits_for_team(self, sender_key: str) -> bool:
        async with self._database.session() as session:
            return await has_open_handoff(session, sender_key)

    async def list_late_answers(self, sender_key: str) -> list[LateAnswer]:
        async with self._database.session() as session:
            found = await list_late_replies(session, sender_key, after=0)
        return [LateAnswer(late.id or 0, late.language, late.text) for late in found]

    async def drop_late_answer(self, late_id: int) -> None:
        async with self._database.session() as session:
            await drop_late_reply(session, late_id)

    async def take_lease(self, name: str, *, holder: str, lasting: timedelta) -> bool:
        now = self._clock.now()
        async with self._database.session() as session:
            return await take_lease(session, name, holder=holder, until=now + lasting, now=now)
