"""How the parts of this channel write to a chat: sentences of the catalogue, replies of the hub, keyboards."""

from __future__ import annotations

from dataclasses import dataclass

from channels.base import Answer, Reply
from channels.telegram.bot import Delivered, TelegramBot
from channels.telegram.formatting import Key, Outgoing, Rows, render, tick
from channels.telegram.models import TelegramChat
from channels.telegram.state import TelegramState
from core.texts import Texts


@dataclass(frozen=True)
class Chat:
    """A private chat in one turn: where to write, and in which language."""

    id: int
    key: str
    form_key: str
    """The chat in the tables of reports: another keyed hash, so that no row there can be laid beside the others."""
    language: str
    chosen: str | None = None
    stated: str | None = None
    row: TelegramChat | None = None
    turn: int = 0
    """The number of the update."""


class Speaker:
    """Writes to chats."""

    def __init__(self, *, bot: TelegramBot, texts: Texts, state: TelegramState, public_url: str | None) -> None:
        self.texts = texts
        self.public_url = public_url
        self._bot = bot
        self._state = state

    async def show(self, chat: Chat, answer: Answer) -> None:
        """All replies of an answer, one below the other."""
        for reply in answer.replies:
            for message in self.render(reply):
                await self.send(chat, message)

    async def replace(self, chat: Chat, message_id: int, rows: Rows, answer: Answer) -> None:
        """The first reply takes the place of the message whose button was pressed; others follow it."""
        first, *others = answer.replies
        messages = self.render(first)
        await self._bot.change(chat.id, message_id, Outgoing(messages[0].html, rows))
        for message in messages[1:]:
            await self.send(chat, message)
        await self.show(chat, answer.model_copy(update={"replies": others}))

    def render(self, reply: Reply) -> list[Outgoing]:
        return render(reply, self.texts, public_url=self.public_url, thumbs=True)

    async def send(self, chat: Chat, message: Outgoing) -> Delivered:
        rows = [[Key(key.title, await self._state.shorten(key.data)) for key in row] for row in message.rows]
        return await self._bot.say(chat.id, Outgoing(message.html, rows))

    async def say(self, chat: Chat, key: str, rows: Rows | None = None, /, **values: object) -> list[Delivered]:
        """A sentence of the catalogue."""
        return [await self.send(chat, message) for message in self.sentence(chat, key, rows, **values)]

    def sentence(self, chat: Chat, key: str, rows: Rows | None = None, /, **values: object) -> list[Outgoing]:
        reply = Reply(text=self.texts.get(key, chat.language, **values), language=chat.language)
        messages = self.render(reply)
        messages[-1].rows = rows or []
        return messages

    def plain(self, chat: Chat, text: str) -> str:
        """Plain words as the one message that they are edited into."""
        return self.render(Reply(text=text, language=chat.language))[0].html

    def button(self, chat: Chat, key: str, data: str) -> Key:
        return Key(self.texts.get(key, chat.language), data)

    async def tick(self, chat: Chat, message_id: int, rows: Rows, pressed: str, *, finished: bool = False) -> None:
        """Show under a message which of its buttons was pressed."""
        changed = tick(rows, pressed, finished=finished)
        if changed and changed != rows:
            await self._bot.change_keyboard(chat.id, message_id, changed)
