"""Messages to subscribers, as a ``DeliveryChannel``: through the channel's limiter, behind all replies."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from telegram.error import BadRequest, InvalidToken, TelegramError

from channels.base import ChannelUnavailableError, File, ReadyChat, RecipientRefusedError
from channels.telegram.bot import TelegramBot
from channels.telegram.formatting import Key, Outgoing
from channels.telegram.limiter import Lane
from channels.telegram.markup import render_chat
from channels.telegram.state import TelegramState

MOST_REMEMBERED = 2000
"""Messages of several parts that were broken off, so that the next try goes on where they stopped."""


class TelegramDelivery:
    """One for each process. ``owns_bot``: nobody else starts and ends this bot."""

    def __init__(self, bot: TelegramBot, state: TelegramState, *, public_url: str | None, owns_bot: bool) -> None:
        self._bot = bot
        self._state = state
        self._public_url = public_url
        self._owns_bot = owns_bot
        self._is_ready = False
        self._starting = asyncio.Lock()
        self._sent_parts: OrderedDict[str, int] = OrderedDict()

    async def send(self, message: ReadyChat) -> None:
        """Raises RecipientRefusedError and ChannelUnavailableError."""
        try:
            await self._start()
            await self._send_parts(message)
        except InvalidToken:
            raise ChannelUnavailableError("token refused", whole=True) from None
        except BadRequest as error:
            # Telegram's words may quote the message; the kind is enough.
            raise RecipientRefusedError(f"{type(error).__name__} telegram", lasting=False) from None
        except TelegramError as error:
            raise ChannelUnavailableError(f"{type(error).__name__} telegram") from None

    async def close(self) -> None:
        """Let go of the bot, if it is ours."""
        if self._owns_bot and self._is_ready:
            await self._bot.shutdown()

    async def _start(self) -> None:
        async with self._starting:
            if not self._is_ready:
                await self._bot.initialize()
                self._is_ready = True

    async def _send_parts(self, message: ReadyChat) -> None:
        chat_id, done = int(message.to), self._sent_parts.pop(message.id, 0)
        parts: list[Outgoing | File] = [*render_chat(message, public_url=self._public_url), *message.files]
        for number, part in enumerate(parts):
            if number < done:
                continue
            try:
                if isinstance(part, Outgoing):
                    rows = [[Key(key.title, await self._state.shorten(key.data)) for key in row] for row in part.rows]
                    await self._bot.say(chat_id, Outgoing(part.html, rows), lane=Lane.BULK)
                else:
                    await self._bot.say_file(chat_id, part, lane=Lane.BULK)
            except ChannelUnavailableError:
                self._remember(message.id, number)
                raise

    def _remember(self, message_id: str, parts: int) -> None:
        self._sent_parts[message_id] = parts
        while len(self._sent_parts) > MOST_REMEMBERED:
            self._sent_parts.popitem(last=False)
