"""What the bot does with an update: each once, in the order of its chat, with a clear sentence when that fails.

The chat's number is the sender of the conversation; the hub stores only a keyed hash of it. Texts go to the handler and
nowhere else: not into tables, not into logs.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from telegram import CallbackQuery, ChatMemberUpdated, Message, Update, User
from telegram.constants import ChatMemberStatus, ChatType

from channels.base import (
    MOST_CHARACTERS,
    Answer,
    ChannelUnavailableError,
    IncomingMessage,
    RecipientRefusedError,
    Reply,
)
from channels.telegram.bot import TelegramBot
from channels.telegram.contract import CHANNEL, HubSide
from channels.telegram.flood import Flood
from channels.telegram.formatting import NOTHING, Key, Outgoing, Rows, render, tick
from channels.telegram.models import TelegramChat
from channels.telegram.state import Claim, TelegramState
from core.clock import Clock
from core.languages import LANGUAGES, RELEASED, SOURCE_LANGUAGE, match_language
from core.texts import Texts

log = logging.getLogger(__name__)

COMMANDS = ("start", "help", "report", "reply", "services", "language", "preferences", "privacy", "delete", "stop")
KINDS = ("message", "edited_message", "callback_query", "my_chat_member")
"""The updates that we ask Telegram for."""
DELETE, KEEP = "!delete", "!keep"
ONCE = frozenset({"/confirm", "/cancel"})
"""Payloads that mean something only the first time."""

_COMMAND = re.compile(r"/([a-z_]{1,32})(?:@(\w+))?(?:\s+(.*))?$", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Chat:
    """A private chat in one turn: where to write, and in which language."""

    id: int
    key: str
    language: str
    chosen: str | None = None
    stated: str | None = None
    row: TelegramChat | None = None


class TelegramChannel:
    """Takes updates, hands messages to the hub, shows the answers."""

    def __init__(
        self,
        *,
        bot: TelegramBot,
        hub: HubSide,
        texts: Texts,
        state: TelegramState,
        clock: Clock,
        public_url: str | None,
    ) -> None:
        self._bot = bot
        self._hub = hub
        self._texts = texts
        self._state = state
        self._clock = clock
        self._public_url = public_url
        self._flood = Flood()
        self._turns: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()
        self._commands = {
            "start": self._start,
            "help": self._help,
            "report": self._report,
            "reply": self._reply,
            "services": self._services,
            "language": self._language,
            "preferences": self._preferences,
            "privacy": self._privacy,
            "delete": self._delete,
            "stop": self._stop,
        }

    async def take(self, raw: Any, *, holder: str, alone: bool) -> bool:
        """Handle an update as Telegram sent it; False when it should come again. Never raises but when cancelled."""
        update_id = raw.get("update_id") if isinstance(raw, dict) else None
        if not isinstance(update_id, int) or isinstance(update_id, bool) or not 0 <= update_id < 2**63:
            log.warning("telegram_update_unreadable")
            return True
        lock = self._turns.setdefault(_chat_of(raw) or update_id, asyncio.Lock())
        async with lock:
            try:
                claim = await self._state.claim(update_id, holder=holder, alone=alone)
                if claim is not Claim.OURS:
                    return claim is Claim.DONE
                if not await self._handle(update_id, raw):
                    await self._state.release(update_id)
                    return False
                await self._state.finish(update_id)
            except Exception as error:
                # The database is away. Its errors quote rows, so only the kind is logged.
                log.error("telegram_state_failed update=%s error=%s", update_id, type(error).__name__)
                return False
        return True

    async def _handle(self, update_id: int, raw: dict[str, Any]) -> bool:
        try:
            update = Update.de_json(raw, self._bot)
        except Exception as error:
            log.warning("telegram_update_unreadable update=%s error=%s", update_id, type(error).__name__)
            return True
        try:
            await self._dispatch(update)
        except RecipientRefusedError:
            log.info("telegram_chat_refused update=%s", update_id)
            if update.effective_chat is not None:
                await self.note_blocked(self._key(update.effective_chat.id))
        except ChannelUnavailableError as error:
            log.warning("telegram_unavailable update=%s reason=%s", update_id, error)
            return False
        except Exception as error:
            log.error("telegram_update_failed update=%s error=%s", update_id, type(error).__name__)
            await self._apologise(update)
        return True

    async def _dispatch(self, update: Update) -> None:
        if update.my_chat_member is not None:
            await self._notice_membership(update.my_chat_member)
        elif update.callback_query is not None:
            await self._take_press(update.callback_query)
        elif update.message is not None:
            await self._take_message(update.message)
        elif update.edited_message is not None:
            await self._take_edit(update.edited_message)

    # What comes in

    async def _take_message(self, message: Message) -> None:
        text = (message.text or message.caption or "").strip()
        command = _COMMAND.match(text)
        if message.chat.type != ChatType.PRIVATE:
            if command and (command[2] or "").lower() == self._bot.username.lower():
                chat = await self._meet(message.chat.id, message.from_user)
                await self._say(chat, "telegram.private_only")
            return
        chat = await self._meet(message.chat.id, message.from_user)
        if not await self._lets_in(chat):
            return
        if message.text is None and message.effective_attachment is not None:
            await self._say(chat, "telegram.only_text")
        if command and command[1].lower() in self._commands:
            await self._commands[command[1].lower()](chat, (command[3] or "").strip())
        elif text:
            await self._converse(chat, text)

    async def _take_edit(self, message: Message) -> None:
        # A moving location arrives as edits too.
        if message.chat.type == ChatType.PRIVATE and (message.text or message.caption):
            await self._say(await self._meet(message.chat.id, message.from_user), "telegram.edited")

    async def _take_press(self, press: CallbackQuery) -> None:
        await self._bot.accept_press(press.id)
        if press.message is None or press.message.chat.type != ChatType.PRIVATE or press.data in {None, NOTHING}:
            return
        chat = await self._meet(press.message.chat.id, press.from_user)
        data = await self._state.lengthen(str(press.data))
        if not await self._lets_in(chat):
            return
        rows = _rows_of(press.message) if isinstance(press.message, Message) else []
        match (data or "")[:1]:
            case "/" if data is not None:
                await self._choose(chat, press.message.message_id, rows, str(press.data), data)
            case "+" | "-" if data is not None:
                await self._hub.give_feedback(CHANNEL, str(chat.id), data[1:], helpful=data.startswith("+"))
                await self._tick(chat, press.message.message_id, rows, str(press.data))
            case "!" if data in {DELETE, KEEP}:
                await self._decide_deletion(chat, press.message.message_id, delete=data == DELETE)
            case _:
                await self._say(chat, "telegram.old_button")

    async def _choose(self, chat: Chat, message_id: int, rows: Rows, pressed: str, payload: str) -> None:
        """A button with a payload: its message shows the choice, and the payload is the person's message."""
        if payload in ONCE:
            if chat.row is not None and chat.row.pressed_message == message_id:
                return
            answer = await self._ask(chat, payload)
            await self._state.update_chat(chat.key, pressed_message=message_id)
            await self._tick(chat, message_id, rows, pressed, finished=True)
            await self._show(chat, answer)
        elif payload.startswith("/language/"):
            answer = await self._ask(chat, payload)
            await self._replace(chat, message_id, tick(rows, pressed, finished=False), answer)
        else:
            await self._tick(chat, message_id, rows, pressed)
            await self._converse(chat, payload)

    async def _notice_membership(self, change: ChatMemberUpdated) -> None:
        """Blocked, or let in again."""
        if change.chat.type != ChatType.PRIVATE:
            return
        key = self._key(change.chat.id)
        if change.new_chat_member.status in {ChatMemberStatus.BANNED, ChatMemberStatus.LEFT}:
            await self.note_blocked(key)
        elif await self._state.find_chat(key):
            await self._state.update_chat(key, blocked_at=None)

    async def note_blocked(self, key: str) -> None:
        await self._state.update_chat(key, blocked_at=self._clock.now())
        await self._state.stop_waiting(key)

    # A turn

    async def _meet(self, chat_id: int, user: User | None) -> Chat:
        """Who writes, and the language for our own sentences."""
        key = self._key(chat_id)
        row = await self._state.find_chat(key)
        await self._state.touch_chat(row)
        if row is not None and row.blocked_at is not None:
            await self._state.update_chat(key, blocked_at=None)
        stated = _stated_language(user)
        spoken, _ = await self._hub.spoken_language(CHANNEL, str(chat_id))
        chosen = row.language if row else None
        language = next(
            (code for code in (chosen, spoken, stated) if code in LANGUAGES and LANGUAGES[code].released),
            SOURCE_LANGUAGE,
        )
        return Chat(chat_id, key, language, chosen, stated, row)

    async def _lets_in(self, chat: Chat) -> bool:
        """Whether this message is within the minute's number; the first beyond it is told so."""
        seconds, is_first = self._flood.count(chat.id)
        if seconds and is_first:
            await self._say(chat, "error.too_many_messages", seconds=seconds)
        return not seconds

    async def _converse(self, chat: Chat, text: str) -> None:
        if len(text) > MOST_CHARACTERS:
            await self._say(chat, "error.message_too_long")
            return
        await self._show(chat, await self._ask(chat, text))

    async def _ask(self, chat: Chat, text: str) -> Answer:
        """The hub's answer. What must survive is stored before it is shown."""
        if chat.row is not None and chat.row.stopped_at is not None:
            await self._state.update_chat(chat.key, stopped_at=None)
        message = IncomingMessage(
            channel=CHANNEL,
            sender=str(chat.id),
            text=text,
            chosen_language=chat.chosen,
            stated_language=chat.stated,
        )
        async with self._bot.typing(chat.id):
            answer = await self._hub.handle(message)
        spoken, is_chosen = await self._hub.spoken_language(CHANNEL, str(chat.id))
        if is_chosen and spoken in RELEASED and spoken != chat.chosen:
            await self._state.update_chat(chat.key, language=spoken)
        if await self._hub.waits_for_team(chat.key):
            await self._state.wait_for_team(chat.key, chat.id)
        return answer

    async def _show(self, chat: Chat, answer: Answer) -> None:
        for reply in answer.replies:
            for message in self._render(reply):
                await self._send(chat, message)

    async def _replace(self, chat: Chat, message_id: int, rows: Rows, answer: Answer) -> None:
        """The first reply takes the place of the message whose button was pressed; others follow it."""
        first, *others = answer.replies
        messages = self._render(first)
        await self._bot.change(chat.id, message_id, Outgoing(messages[0].html, rows))
        for message in messages[1:]:
            await self._send(chat, message)
        await self._show(chat, answer.model_copy(update={"replies": others}))

    def _render(self, reply: Reply) -> list[Outgoing]:
        return render(reply, self._texts, public_url=self._public_url, thumbs=True)

    async def _send(self, chat: Chat, message: Outgoing) -> None:
        rows = [[Key(key.title, await self._state.shorten(key.data)) for key in row] for row in message.rows]
        await self._bot.say(chat.id, Outgoing(message.html, rows))

    async def _say(self, chat: Chat, key: str, rows: Rows | None = None, /, **values: object) -> None:
        """A sentence of the catalogue."""
        for message in self._sentence(chat, key, rows, **values):
            await self._send(chat, message)

    def _sentence(self, chat: Chat, key: str, rows: Rows | None = None, /, **values: object) -> list[Outgoing]:
        reply = Reply(text=self._texts.get(key, chat.language, **values), language=chat.language)
        messages = self._render(reply)
        messages[-1].rows = rows or []
        return messages

    async def _tick(self, chat: Chat, message_id: int, rows: Rows, pressed: str, *, finished: bool = False) -> None:
        changed = tick(rows, pressed, finished=finished)
        if changed and changed != rows:
            await self._bot.change_keyboard(chat.id, message_id, changed)

    async def _apologise(self, update: Update) -> None:
        if update.effective_chat is None or update.effective_chat.type != ChatType.PRIVATE:
            return
        try:
            chat = await self._meet(update.effective_chat.id, update.effective_user)
            await self._say(chat, "error.unexpected")
        except Exception as error:
            log.error("telegram_apology_failed update=%s error=%s", update.update_id, type(error).__name__)

    def _key(self, chat_id: int) -> str:
        return self._hub.sender_key(CHANNEL, str(chat_id))

    # Commands

    async def _start(self, chat: Chat, _: str) -> None:
        if chat.row is not None and chat.row.stopped_at is not None:
            await self._state.update_chat(chat.key, stopped_at=None)
        await self._say(chat, "telegram.start", [*self._ways_on(chat), *self._language_rows()])

    async def _help(self, chat: Chat, _: str) -> None:
        await self._say(chat, "telegram.help", self._ways_on(chat))

    async def _report(self, chat: Chat, _: str) -> None:
        await self._say(chat, "telegram.report_first")
        await self._converse(chat, "/flow/report")

    async def _reply(self, chat: Chat, _: str) -> None:
        await self._say(chat, "telegram.reply")

    async def _services(self, chat: Chat, place: str) -> None:
        await self._converse(chat, place or "/services")

    async def _language(self, chat: Chat, code: str) -> None:
        if code.lower() in LANGUAGES:
            await self._converse(chat, f"/language/{code.lower()}")
        else:
            await self._say(chat, "language.which", self._language_rows())

    async def _preferences(self, chat: Chat, _: str) -> None:
        await self._converse(chat, "/flow/preferences")

    async def _privacy(self, chat: Chat, _: str) -> None:
        await self._say(chat, "telegram.privacy")

    async def _delete(self, chat: Chat, _: str) -> None:
        yes = Key(self._texts.get("telegram.delete_yes", chat.language), DELETE)
        no = Key(self._texts.get("telegram.delete_no", chat.language), KEEP)
        await self._say(chat, "telegram.delete_ask", [[yes], [no]])

    async def _decide_deletion(self, chat: Chat, message_id: int, *, delete: bool) -> None:
        if delete:
            await self._hub.forget(CHANNEL, str(chat.id))
            await self._state.forget_chat(chat.key)
        [message] = self._sentence(chat, "telegram.deleted" if delete else "telegram.delete_kept")
        await self._bot.change(chat.id, message_id, message)

    async def _stop(self, chat: Chat, _: str) -> None:
        await self._state.update_chat(chat.key, stopped_at=self._clock.now())
        await self._state.stop_waiting(chat.key)
        await self._say(chat, "telegram.stopped")

    def _ways_on(self, chat: Chat) -> Rows:
        ways = {"find_help": "/services", "browse_tools": "/tools", "membership": "/membership"}
        return [[Key(self._texts.get(f"button.{name}", chat.language), payload)] for name, payload in ways.items()]

    def _language_rows(self) -> Rows:
        keys = [Key(LANGUAGES[code].own_name, f"/language/{code}") for code in RELEASED]
        return [keys[start : start + 2] for start in range(0, len(keys), 2)]


def _chat_of(raw: dict[str, Any]) -> int | None:
    """The number of the chat that an update belongs to, before the update is known to be sound."""
    for kind in KINDS:
        part = raw.get(kind)
        if kind == "callback_query" and isinstance(part, dict):
            part = part.get("message")
        chat = part.get("chat") if isinstance(part, dict) else None
        if isinstance(chat, dict) and isinstance(chat.get("id"), int):
            return int(chat["id"])
    return None


def _stated_language(user: User | None) -> str | None:
    """The released language of the person's Telegram app."""
    try:
        code = match_language(user.language_code) if user and user.language_code else None
    except ValueError:
        return None
    return code if code and LANGUAGES[code].released else None


def _rows_of(message: Message) -> Rows:
    if message.reply_markup is None:
        return []
    return [
        [Key(button.text, button.callback_data) for button in row if isinstance(button.callback_data, str)]
        for row in message.reply_markup.inline_keyboard
    ]
