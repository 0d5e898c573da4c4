"""Reads and writes of what a report or a return leaves in this channel's tables. Every function commits.

Numbers of messages and versions only: no text, no code, no name of a step, and the chat as a keyed hash that no other
table has.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import delete
from sqlmodel import col, select

from channels.telegram.models import TelegramForm, TelegramFormMessage
from core.clock import Clock
from core.database import Database

KEEP = timedelta(hours=48)
"""For so long Telegram lets a bot delete a message."""


class Asks(StrEnum):
    """What a text in the chat is for, once a return has begun."""

    CODE = "code"
    CASE = "case"


class FormState:
    """Where chats stand in reports and returns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, form_key: str) -> TelegramForm | None:
        async with self._database.session() as session:
            row = await session.get(TelegramForm, form_key)
        return row if row is not None and row.expires_at > self._clock.now() else None

    async def get(self, form_key: str) -> TelegramForm:
        """The row, or a fresh one that is not saved yet."""
        return await self.find(form_key) or TelegramForm(form_key=form_key, expires_at=self._clock.now() + KEEP)

    async def save(self, row: TelegramForm) -> None:
        """Keep the row for another while; one that says nothing any more is deleted."""
        if row.version is None and row.asks is None:
            await self.drop(row.form_key)
            return
        row.expires_at = self._clock.now() + KEEP
        async with self._database.session() as session:
            await session.merge(row)
            await session.commit()

    def silent_for(self, row: TelegramForm) -> timedelta:
        """How long ago it was saved, in whichever process."""
        return self._clock.now() - (row.expires_at - KEEP)

    async def drop(self, form_key: str) -> None:
        async with self._database.engine.begin() as connection:
            await connection.execute(delete(TelegramForm).where(col(TelegramForm.form_key) == form_key))

    async def track(self, form_key: str, number: int, *, is_kept: bool = False, of_return: bool = False) -> bool:
        """Note a message that is to be deleted from the chat; False when it was noted before, which changes nothing."""
        async with self._database.session() as session:
            if await session.get(TelegramFormMessage, (form_key, number)) is not None:
                return False
            message = TelegramFormMessage(form_key=form_key, message_id=number, sent_at=self._clock.now())
            message.is_kept, message.of_return = is_kept, of_return
            await session.merge(message)
            await session.commit()
        return True

    async def untrack(self, form_key: str, numbers: Iterable[int]) -> None:
        async with self._database.engine.begin() as connection:
            await connection.execute(
                delete(TelegramFormMessage)
                .where(col(TelegramFormMessage.form_key) == form_key)
                .where(col(TelegramFormMessage.message_id).in_(list(numbers)))
            )

    async def list_tracked(self, form_key: str) -> list[TelegramFormMessage]:
        """All messages of a chat that belong to a report or to a return, oldest first."""
        async with self._database.session() as session:
            statement = (
                select(TelegramFormMessage)
                .where(TelegramFormMessage.form_key == form_key)
                .order_by(col(TelegramFormMessage.message_id))
            )
            return list(await session.exec(statement))

    def is_deletable(self, message: TelegramFormMessage) -> bool:
        """Whether Telegram still lets a bot delete it."""
        return message.sent_at > self._clock.now() - KEEP

    async def expire(self) -> dict[str, int]:
        """Delete what is past its time; returns counts."""
        now = self._clock.now()
        statements = {
            "form": delete(TelegramForm).where(col(TelegramForm.expires_at) <= now),
            "form_message": delete(TelegramFormMessage).where(col(TelegramFormMessage.sent_at) <= now - KEEP),
        }
        async with self._database.engine.begin() as connection:
            return {name: (await connection.execute(statement)).rowcount for name, statement in statements.items()}
