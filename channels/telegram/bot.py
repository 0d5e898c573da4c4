"""The bot: requests to Telegram, with our limiter, and its refusals as the two errors that every channel raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputFile, LinkPreviewOptions, Message
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.ext import ExtBot
from telegram.request import HTTPXRequest

from channels.base import ChannelUnavailableError, File, RecipientRefusedError
from channels.telegram.formatting import Outgoing, Rows
from channels.telegram.limiter import Lane, TelegramLimiter, wanted_wait

API = "https://api.telegram.org"
TRIES = 3
PAUSE = 0.5
"""Seconds before a request that did not reach Telegram is tried again."""
TYPING_AFTER = 0.4
TYPING_AGAIN = 4.5
"""Telegram shows the typing for five seconds."""
DOWNLOAD_TIMEOUT = 60.0
MOST_AT_ONCE = 100
"""Messages that one request deletes."""
GONE = ("chat not found", "user is deactivated", "peer_id_invalid")
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class FileUnavailableError(Exception):
    """Telegram does not hand the file over: too large for a bot, or not kept any more."""


@dataclass(frozen=True)
class Delivered:
    """A message of ours as it stands in the chat: its number, and when it was shown so, by Telegram's clock."""

    number: int
    at: datetime


class TelegramBot(ExtBot[Lane]):
    """python-telegram-bot's bot, and what this channel asks of it."""

    def __init__(self, token: str, *, api_url: str | None, limiter: TelegramLimiter) -> None:
        # httpx logs the address of each request, and the token is in it; the library, if it may, what people write.
        for name in ("httpx", "httpcore", "telegram"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # A Bot API server of one's own is reached straight, whatever proxy leads to the outside.
        kwargs = {"trust_env": api_url is None}
        api = (api_url or API).rstrip("/")
        super().__init__(
            token,
            base_url=f"{api}/bot",
            base_file_url=f"{api}/file/bot",
            request=HTTPXRequest(connection_pool_size=64, httpx_kwargs=kwargs),
            get_updates_request=HTTPXRequest(connection_pool_size=1, httpx_kwargs=kwargs),
            rate_limiter=limiter,
        )

    async def fetch_updates(self, *, offset: int, wait: int, kinds: list[str]) -> list[dict[str, Any]]:
        """Updates as they came. The library would refuse a whole batch for one that it cannot read."""
        body = {"offset": offset, "timeout": wait, "limit": 100, "allowed_updates": kinds}
        found = await self._post("getUpdates", body, read_timeout=wait + 5.0)
        return found if isinstance(found, list) else []

    async def say(self, chat_id: int, message: Outgoing, *, lane: Lane = Lane.REPLY) -> Delivered:
        """Send one message. Raises RecipientRefusedError and ChannelUnavailableError."""
        keyboard = to_keyboard(message.rows) if message.rows else None

        async def send() -> Delivered:
            sent = await self.send_message(
                chat_id,
                message.html,
                parse_mode=ParseMode.HTML,
                link_preview_options=NO_PREVIEW,
                reply_markup=keyboard,
                rate_limit_args=lane,
            )
            return Delivered(sent.message_id, sent.date)

        return await _reach(send)

    async def say_file(self, chat_id: int, file: File, *, lane: Lane = Lane.REPLY) -> Delivered:
        """Send a file by itself. Raises RecipientRefusedError and ChannelUnavailableError."""

        async def send() -> Delivered:
            document = InputFile(file.content, filename=file.name)
            sent = await self.send_document(chat_id, document, rate_limit_args=lane)
            return Delivered(sent.message_id, sent.date)

        return await _reach(send)

    async def change(self, chat_id: int, message_id: int, message: Outgoing) -> Delivered | None:
        """Put other words and another keyboard in the place of a message; None when it is gone, or the same already."""
        keyboard = to_keyboard(message.rows) if message.rows else None

        async def edit() -> Delivered:
            edited = await self.edit_message_text(
                message.html,
                chat_id,
                message_id,
                parse_mode=ParseMode.HTML,
                link_preview_options=NO_PREVIEW,
                reply_markup=keyboard,
            )
            assert isinstance(edited, Message)
            return Delivered(message_id, edited.edit_date or edited.date)

        with suppress(BadRequest):
            return await _reach(edit)
        return None

    async def change_keyboard(self, chat_id: int, message_id: int, rows: Rows) -> None:
        """Put another keyboard under a message, or none; one that is gone or the same stays."""

        keyboard = to_keyboard(rows) if rows else None

        async def edit() -> None:
            await self.edit_message_reply_markup(chat_id, message_id, reply_markup=keyboard)

        with suppress(BadRequest):
            await _reach(edit)

    async def accept_press(self, press_id: str) -> None:
        """Tell Telegram that a press has arrived; too late is no harm."""
        with suppress(TelegramError):
            await self.answer_callback_query(press_id)

    async def delete(self, chat_id: int, numbers: Sequence[int]) -> list[int]:
        """Delete messages from the chat, the person's too; returns those that Telegram did not let us delete."""
        left: list[int] = []
        for start in range(0, len(numbers), MOST_AT_ONCE):
            batch = list(numbers[start : start + MOST_AT_ONCE])
            try:
                await self._delete_batch(chat_id, batch)
            except BadRequest:
                # One of them was the reason, and the refusal does not say which.
                left += [number for number in batch if not await self._delete_one(chat_id, number)]
        return left

    async def _delete_batch(self, chat_id: int, batch: list[int]) -> None:
        await _reach(lambda: self.delete_messages(chat_id, batch))

    async def _delete_one(self, chat_id: int, number: int) -> bool:
        try:
            await _reach(lambda: self.delete_message(chat_id, number))
        except BadRequest as error:
            return "not found" in error.message.lower()
        return True

    async def fetch_file(self, file_id: str) -> bytes:
        """A file that a person sent, into memory. Raises FileUnavailableError and ChannelUnavailableError."""

        async def fetch() -> bytes:
            file = await self.get_file(file_id)
            content = BytesIO()
            await file.download_to_memory(content, read_timeout=DOWNLOAD_TIMEOUT)
            return content.getvalue()

        try:
            return await _reach(fetch)
        except BadRequest as error:
            # Its words may quote the file; the kind is enough.
            raise FileUnavailableError(type(error).__name__) from None

    @asynccontextmanager
    async def typing(self, chat_id: int) -> AsyncIterator[None]:
        """Show that an answer is being written, once it takes more than a moment."""

        async def show() -> None:
            await asyncio.sleep(TYPING_AFTER)
            while True:
                with suppress(TelegramError):
                    await self.send_chat_action(chat_id, ChatAction.TYPING)
                await asyncio.sleep(TYPING_AGAIN)

        task = asyncio.create_task(show())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def to_keyboard(rows: Rows) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(key.title, callback_data=key.data) for key in row] for row in rows]
    )


async def _reach[T](request: Callable[[], Awaitable[T]]) -> T:
    """Do it, again where it did not reach Telegram. A time-out may have reached it, so it is not repeated."""
    for left in reversed(range(TRIES)):
        try:
            return await request()
        except Forbidden as error:
            raise RecipientRefusedError(type(error).__name__) from None
        except RetryAfter as error:
            raise ChannelUnavailableError("refused for now", retry_after=wanted_wait(error)) from None
        except BadRequest as error:
            if any(words in error.message.lower() for words in GONE):
                raise RecipientRefusedError(type(error).__name__) from None
            raise
        except TimedOut as error:
            raise ChannelUnavailableError("no answer in time") from error
        except NetworkError as error:
            if not left:
                raise ChannelUnavailableError("not reached", whole=True) from error
            await asyncio.sleep(PAUSE)
    raise AssertionError("the loop ends with a value or an error")
