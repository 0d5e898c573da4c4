"""Deleting from a chat what belongs to a report. Telegram lets a bot do that for 48 hours; then only the person can."""

from __future__ import annotations

from channels.telegram.bot import Delivered, TelegramBot
from channels.telegram.form_state import FormState
from channels.telegram.formatting import Outgoing
from channels.telegram.speaking import Chat


class Tidying:
    """Knows which messages of a chat belong to a report."""

    def __init__(self, bot: TelegramBot, state: FormState) -> None:
        self._bot = bot
        self._state = state

    async def say(self, chat: Chat, message: Outgoing, *, is_kept: bool = False, of_return: bool = False) -> Delivered:
        """Write a message that will be deleted again."""
        sent = await self._bot.say(chat.id, message)
        await self._state.track(chat.form_key, sent.number, is_kept=is_kept, of_return=of_return)
        return sent

    async def delete_now(self, chat: Chat, number: int) -> bool:
        """Delete one message; whether that went."""
        left = await self._bot.delete(chat.id, [number])
        await self._state.untrack(chat.form_key, [number])
        return not left

    async def drop_receipt(self, chat: Chat) -> None:
        """Delete a code that was shown before: a newer one holds, or none at all."""
        tracked = await self._state.list_tracked(chat.form_key)
        numbers = [message.message_id for message in tracked if message.is_kept]
        if numbers:
            await self._bot.delete(chat.id, numbers)
            await self._state.untrack(chat.form_key, numbers)

    async def has_receipt(self, chat: Chat) -> bool:
        """Whether a code stands in the chat."""
        return any(message.is_kept for message in await self._state.list_tracked(chat.form_key))

    async def tidy(self, chat: Chat, *, of_return: bool, is_over: bool = True) -> int:
        """Delete all messages of a report that was told here, or of a return; how many only the person can delete.

        The receipt code stays: it is the person's, with a button of its own. Where the report ``is_over``, it is no
        business of ours any more.
        """
        tracked = [m for m in await self._state.list_tracked(chat.form_key) if m.of_return == of_return]
        ours = [message for message in tracked if not message.is_kept]
        numbers = [message.message_id for message in ours if self._state.is_deletable(message)]
        left = len(ours) - len(numbers) + len(await self._bot.delete(chat.id, numbers))
        await self._state.untrack(chat.form_key, [message.message_id for message in (tracked if is_over else ours)])
        return left
