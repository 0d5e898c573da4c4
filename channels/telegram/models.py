"""What Telegram needs to be remembered across restarts and processes. No text, no name; a chat's number only in
``TelegramWaiting``, while a question of that chat is with the team."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class TelegramUpdate(SQLModel, table=True):
    """An update that was taken, so that each is handled once. Kept for two days (Telegram redelivers for one)."""

    __tablename__ = "telegram_update"

    update_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    holder: str = Field(max_length=60)
    held_until: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    attempts: int = 1
    done: bool = False
    came_on: date = Field(index=True)


class TelegramChat(SQLModel, table=True):
    """What a chat chose, under the keyed hash of its number."""

    __tablename__ = "telegram_chat"

    chat_key: str = Field(primary_key=True, max_length=64)
    language: str | None = Field(default=None, max_length=12)
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    blocked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    pressed_message: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    used_on: date = Field(index=True)


class TelegramButton(SQLModel, table=True):
    """What a button carries when it has more than Telegram's 64 bytes."""

    __tablename__ = "telegram_button"

    code: str = Field(primary_key=True, max_length=32)
    data: str = Field(max_length=400)
    used_on: date = Field(index=True)


class TelegramWaiting(SQLModel, table=True):
    """Where an answer of the team goes. Deleted when it has been delivered."""

    __tablename__ = "telegram_waiting"

    chat_key: str = Field(primary_key=True, max_length=64)
    chat_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))
