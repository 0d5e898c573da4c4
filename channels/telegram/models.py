"""What Telegram needs to be remembered across restarts and processes. No text, no name; a chat's number only in
``TelegramWaiting``, while a question of that chat is with the team. What belongs to reports stands under a key of its
own (``form_key``), so that without the hub's secret key no row of it can be laid beside the other rows of the chat."""

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


class TelegramForm(SQLModel, table=True):
    """Where a chat stands in a report or a return: numbers of messages and versions, never an answer or a step."""

    __tablename__ = "telegram_form"

    form_key: str = Field(primary_key=True, max_length=64)
    version: int | None = None
    """Of the screen that waits for an answer; None while no form is open."""
    since: int = 0
    """The version with which that step was first shown: several choices on one screen raise the version."""
    screen_id: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    screen_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    """When it was shown, by Telegram's clock. What a person sent before that is no answer to it."""
    is_single: bool = True
    """It is one message, and so can be edited in place."""
    is_last: bool = True
    """Nothing was written below it."""
    turn: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """The update whose answer was taken and shown last; it may come again."""
    asks: str | None = Field(default=None, max_length=10)
    """What a return waits for: see ``channels.telegram.form_state.Asks``."""
    expires_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))


class TelegramFormMessage(SQLModel, table=True):
    """A message of a chat that belongs to a report, so that it can be deleted there. Kept while Telegram lets bots
    delete it."""

    __tablename__ = "telegram_form_message"

    form_key: str = Field(primary_key=True, max_length=64)
    message_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    is_kept: bool = False
    """The receipt code: deleted only when a newer one takes its place, or when the report is withdrawn."""
    of_return: bool = False
    """Of a case that was opened with its code, which ends apart from a report that is being told."""
    sent_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))
