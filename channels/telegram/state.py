"""Reads and writes of this channel's tables. Every function commits what it changed."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from enum import Enum

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from channels.telegram.models import TelegramButton, TelegramChat, TelegramUpdate, TelegramWaiting
from core.clock import Clock, today
from core.database import Database
from core.erasures import note_erasures, of_sender

HOLD = timedelta(seconds=90)
"""How long an update may be in work before another process may take it."""
MOST_ATTEMPTS = 3
KEEP_UPDATES = timedelta(days=2)
KEEP_CHATS = timedelta(days=180)
KEEP_BUTTONS = timedelta(days=180)
KEEP_WAITING = timedelta(days=60)
MOST_BYTES = 64
"""Of a button's data."""
LONG = "#"


class Claim(Enum):
    """Who may handle an update."""

    OURS = "ours"
    BUSY = "busy"
    DONE = "done"


class TelegramState:
    """The channel's memory."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def claim(self, update_id: int, *, holder: str, alone: bool) -> Claim:
        """Take an update. ``alone``: this process is the elected one, so another's unfinished work is a dead one's."""
        now = self._clock.now()
        async with self._database.session() as session:
            row = await session.get(TelegramUpdate, update_id, with_for_update=True)
            if row is None:
                session.add(
                    TelegramUpdate(
                        update_id=update_id, holder=holder, held_until=now + HOLD, came_on=today(self._clock)
                    )
                )
                try:
                    await session.commit()
                except IntegrityError:
                    await session.rollback()
                    return Claim.BUSY
                return Claim.OURS
            if row.done:
                return Claim.DONE
            if row.held_until > now and not alone:
                return Claim.BUSY
            row.done = row.attempts >= MOST_ATTEMPTS
            row.attempts, row.holder, row.held_until = row.attempts + 1, holder, now + HOLD
            gave_up = row.done
            session.add(row)
            await session.commit()
            return Claim.DONE if gave_up else Claim.OURS

    async def finish(self, update_id: int) -> None:
        """Never handle this update again."""
        async with self._database.session() as session:
            row = await session.get(TelegramUpdate, update_id)
            if row is not None:
                row.done = True
                session.add(row)
                await session.commit()

    async def release(self, update_id: int) -> None:
        """Handle it again soon: it could not be finished now."""
        async with self._database.session() as session:
            row = await session.get(TelegramUpdate, update_id)
            if row is not None:
                row.held_until = self._clock.now()
                session.add(row)
                await session.commit()

    async def find_chat(self, chat_key: str) -> TelegramChat | None:
        async with self._database.session() as session:
            return await session.get(TelegramChat, chat_key)

    async def update_chat(self, chat_key: str, **values: object) -> None:
        """Change what is kept of a chat; the day of the last use runs along."""
        async with self._database.session() as session:
            chat = await session.get(TelegramChat, chat_key)
            chat = chat or TelegramChat(chat_key=chat_key, used_on=today(self._clock))
            for name, value in values.items():
                setattr(chat, name, value)
            chat.used_on = today(self._clock)
            session.add(chat)
            try:
                await session.commit()
            except IntegrityError:
                # Another process made the row in this moment; its values and ours do not meet in practice.
                await session.rollback()

    async def touch_chat(self, chat: TelegramChat | None) -> None:
        """Keep the chat's row from expiring."""
        if chat is not None and chat.used_on != today(self._clock):
            await self.update_chat(chat.chat_key)

    async def forget_chat(self, chat_key: str) -> None:
        """Delete what is kept of a chat; that it has stopped the bot stays respected only until it writes again."""
        async with self._database.engine.begin() as connection:
            await connection.execute(delete(TelegramChat).where(col(TelegramChat.chat_key) == chat_key))
            await connection.execute(delete(TelegramWaiting).where(col(TelegramWaiting.chat_key) == chat_key))
            await note_erasures(connection, [of_sender(chat_key)], erased_on=today(self._clock))

    async def shorten(self, data: str) -> str:
        """What a button can carry for the data: itself, or a code for it behind the data's first character."""
        if len(data.encode()) <= MOST_BYTES:
            return data
        code = hashlib.sha256(data.encode()).hexdigest()[:24]
        async with self._database.session() as session:
            row = await session.get(TelegramButton, code) or TelegramButton(
                code=code, data=data, used_on=today(self._clock)
            )
            row.used_on = today(self._clock)
            session.add(row)
            try:
                await session.commit()
            except IntegrityError:
                await session.rollback()
        return LONG + data[0] + code

    async def lengthen(self, data: str) -> str | None:
        """The whole data of a button, or None when it is too old."""
        if not data.startswith(LONG):
            return data
        async with self._database.session() as session:
            row = await session.get(TelegramButton, data[2:])
        return row.data if row else None

    async def wait_for_team(self, chat_key: str, chat_id: int) -> None:
        """Keep where the team's answer goes."""
        async with self._database.session() as session:
            if await session.get(TelegramWaiting, chat_key) is None:
                session.add(TelegramWaiting(chat_key=chat_key, chat_id=chat_id, created_at=self._clock.now()))
                try:
                    await session.commit()
                except IntegrityError:
                    await session.rollback()

    async def stop_waiting(self, chat_key: str) -> None:
        """Forget the chat's number; a second time is no error."""
        async with self._database.engine.begin() as connection:
            await connection.execute(delete(TelegramWaiting).where(col(TelegramWaiting.chat_key) == chat_key))

    async def list_waiting(self) -> list[TelegramWaiting]:
        """Chats that wait for the team, longest first."""
        async with self._database.session() as session:
            return list(await session.exec(select(TelegramWaiting).order_by(col(TelegramWaiting.created_at))))

    async def expire(self) -> dict[str, int]:
        """Delete what is past its time; returns counts."""
        day = today(self._clock)
        statements = {
            "update": delete(TelegramUpdate).where(col(TelegramUpdate.came_on) < day - KEEP_UPDATES),
            "chat": delete(TelegramChat).where(col(TelegramChat.used_on) < day - KEEP_CHATS),
            "button": delete(TelegramButton).where(col(TelegramButton.used_on) < day - KEEP_BUTTONS),
            "waiting": delete(TelegramWaiting).where(
                col(TelegramWaiting.created_at) < self._clock.now() - KEEP_WAITING
            ),
        }
        async with self._database.engine.begin() as connection:
            return {name: (await connection.execute(statement)).rowcount for name, statement in statements.items()}
