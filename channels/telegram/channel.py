"""What the bot does with an update: each once, in the order of its chat, with a clear sentence when that fails.

The chat's number is the sender of the conversation; the hub stores only a keyed hash of it. Texts go to the handler and
nowhere else: not into tables, not into logs.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial
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
)
from channels.telegram.bot import TelegramBot
from channels.telegram.case import ReturnFlow
from channels.telegram.case_drawing import MARK as CASE
from channels.telegram.contract import CHANNEL, FORGET, REPORT, HubSide
from channels.telegram.events import EventFlow
from channels.telegram.flood import FORM_PRESSES, MESSAGES, Flood
from channels.telegram.form import FormFlow
from channels.telegram.formatting import NOTHING, Key, Rows, tick
from channels.telegram.preferences import LINK, PreferencesFlow
from channels.telegram.preferences import MARK as PREFERENCES
from channels.telegram.screens import MARK as FORM
from channels.telegram.speaking import Chat, Speaker
from channels.telegram.state import Claim, TelegramState
from core.clock import Clock
from core.errors import HubError
from core.languages import LANGUAGES, RELEASED, SOURCE_LANGUAGE, match_language
from core.rate_limits import RateLimits
from core.texts import Texts

log = logging.getLogger(__name__)

COMMANDS = ("start", "help", "report", "reply", "services", "language", "preferences", "privacy", "delete", "stop")
KINDS = ("message", "edited_message", "callback_query", "my_chat_member")
"""The updates that we ask Telegram for."""
DELETE, KEEP = "!delete", "!keep"
DESK = "desk_"
ENDS_OR_SHOWS_THE_FORM = frozenset({"report", "delete"})
ONCE = frozenset({"/confirm", "/cancel", "/wish/yes", "/wish/no", "/wish/undo"})
"""Payloads that mean something only the first time."""

_COMMAND = re.compile(r"/([a-z_]{1,32})(?:@(\w+))?(?:\s+(.*))?$", re.DOTALL | re.IGNORECASE)


class TelegramChannel:
    """Takes updates, hands messages to the hub, shows the answers."""

    def __init__(
        self,
        *,
        bot: TelegramBot,
        hub: HubSide,
        texts: Texts,
        state: TelegramState,
        speaker: Speaker,
        clock: Clock,
        rates: RateLimits,
        form: FormFlow | None = None,
        returns: ReturnFlow | None = None,
        events: EventFlow | None = None,
        preferences: PreferencesFlow | None = None,
    ) -> None:
        self._bot = bot
        self._hub = hub
        self._texts = texts
        self._state = state
        self._speaker = speaker
        self._clock = clock
        self._form = form
        self._returns = returns
        self._events = events
        self._own_preferences = preferences
        self._flood = Flood(rates, MESSAGES)
        # Ticking choices is quick and reaches no assistant; whoever tells what happened must not be stopped for it.
        self._form_flood = Flood(rates, FORM_PRESSES)
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
        except HubError as error:
            log.info("telegram_update_refused update=%s code=%s", update_id, error.code)
            await self._apologise(update, error)
        except Exception as error:
            log.error("telegram_update_failed update=%s error=%s", update_id, type(error).__name__)
            await self._apologise(update)
        return True

    async def _dispatch(self, update: Update) -> None:
        if update.my_chat_member is not None:
            await self._notice_membership(update.my_chat_member)
        elif update.callback_query is not None:
            await self._take_press(update.callback_query, update.update_id)
        elif update.message is not None:
            await self._take_message(update.message, update.update_id)
        elif update.edited_message is not None:
            await self._take_edit(update.edited_message)

    # What comes in

    async def _take_message(self, message: Message, turn: int) -> None:
        text = (message.text or message.caption or "").strip()
        command = _COMMAND.match(text)
        if message.chat.type != ChatType.PRIVATE:
            if command and (command[2] or "").lower() == self._bot.username.lower():
                chat = await self._meet(message.chat.id, message.from_user)
                await self._speaker.say(chat, "telegram.private_only")
            return
        chat = await self._meet(message.chat.id, message.from_user, turn)
        name = command[1].lower() if command else ""
        told_to = await self._find_listener(chat) if name not in self._commands else None
        if not await self._lets_in(chat, self._flood if told_to is None else self._form_flood):
            if told_to is not None:
                await told_to.note_unread(chat, message.message_id)
            return
        if name == "reply" and self._returns is not None:
            await self._returns.begin(chat, ((command and command[3]) or "").strip(), message.message_id)
            return
        if name not in self._commands:
            if told_to is not None:
                await self._help_at_once(told_to, chat, text)
            if self._returns is not None and await self._returns.take_message(chat, message):
                return
            if self._form is not None and await self._form.take_message(chat, message):
                return
        if message.text is None and message.effective_attachment is not None:
            if self._form is None:
                await self._speaker.say(chat, "telegram.only_text")
            else:
                await self._speaker.say(chat, "telegram.only_text_here", self._form.offer(chat))
        if command and name in self._commands:
            parameter = (command[3] or "").strip()
            await self._commands[name](chat, parameter)
            if self._form is not None and name not in ENDS_OR_SHOWS_THE_FORM and not parameter.startswith(DESK):
                await self._form.remind(chat)
        elif text:
            await self._converse(chat, text, message.message_id)

    async def _take_edit(self, message: Message) -> None:
        # A moving location arrives as edits too.
        if message.chat.type == ChatType.PRIVATE and (message.text or message.caption):
            chat = await self._meet(message.chat.id, message.from_user)
            tells = self._form is not None and await self._form.is_open(chat)
            await self._speaker.say(chat, "telegram.form.edited" if tells else "telegram.edited")

    async def _take_press(self, press: CallbackQuery, turn: int) -> None:
        await self._bot.accept_press(press.id)
        if press.message is None or press.message.chat.type != ChatType.PRIVATE or press.data in {None, NOTHING}:
            return
        chat = await self._meet(press.message.chat.id, press.from_user, turn)
        data = await self._state.lengthen(str(press.data))
        is_form = str(press.data).lstrip("#")[:1] in {FORM, PREFERENCES}
        if not await self._lets_in(chat, self._form_flood if is_form else self._flood):
            return
        rows = _rows_of(press.message) if isinstance(press.message, Message) else []
        match (data or "")[:1]:
            case "/" if data is not None:
                await self._choose(chat, press.message.message_id, rows, str(press.data), data)
            case "+" | "-" if data is not None:
                await self._hub.give_feedback(CHANNEL, str(chat.id), data[1:], helpful=data.startswith("+"))
                await self._speaker.tick(chat, press.message.message_id, rows, str(press.data))
            case "@" if data is not None and self._events is not None:
                await self._events.take_press(chat, press.message.message_id, rows, data)
            case "~" if data is not None and self._own_preferences is not None:
                if not await self._own_preferences.take_press(chat, press.message.message_id, data):
                    await self._converse(chat, "/flow/preferences")
            case "!" if data in {DELETE, KEEP}:
                await self._decide_deletion(chat, press.message.message_id, delete=data == DELETE)
            case ":" if data is not None and data.startswith(CASE) and self._returns is not None:
                await self._returns.take_press(chat, press.message.message_id, data)
            case ":" if data is not None and self._form is not None:
                await self._form.take_press(chat, press.message.message_id, rows, data)
                return
            case _:
                await self._speaker.say(chat, "telegram.old_button")
        if self._form is not None:
            await self._form.note_other(chat)

    async def _choose(self, chat: Chat, message_id: int, rows: Rows, pressed: str, payload: str) -> None:
        """A button with a payload: its message shows the choice, and the payload is the person's message."""
        if payload in ONCE:
            if chat.row is not None and chat.row.pressed_message == message_id:
                return
            answer = await self._ask(chat, payload)
            await self._state.update_chat(chat.key, pressed_message=message_id)
            await self._speaker.tick(chat, message_id, rows, pressed, finished=True)
            await self._speaker.show(chat, answer)
        elif payload == f"/{FORGET}":
            await self._delete(chat, "")
        elif payload.startswith("/language/"):
            answer = await self._ask(chat, payload)
            await self._speaker.replace(chat, message_id, tick(rows, pressed, finished=False), answer)
        else:
            await self._speaker.tick(chat, message_id, rows, pressed)
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

    async def _meet(self, chat_id: int, user: User | None, turn: int = 0) -> Chat:
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
        # Everywhere else a chat stands under its other key.
        form_key = self._hub.sender_key(f"{CHANNEL}-form", str(chat_id))
        return Chat(chat_id, key, form_key, language, chosen, stated, row, turn)

    async def _find_listener(self, chat: Chat) -> FormFlow | ReturnFlow | None:
        """What gets a message that is no command, besides the assistant: a case that is open, or a report."""
        if self._returns is not None and await self._returns.is_open(chat):
            return self._returns
        return self._form if self._form is not None and await self._form.is_open(chat) else None

    async def _help_at_once(self, told_to: FormFlow | ReturnFlow, chat: Chat, text: str) -> None:
        """Numbers first, where what is told to a report or a desk cries for help. It goes there all the same."""
        country = await self._form.find_country(chat) if self._form is not None else None
        message = _message(chat, text, city=country)
        for reply in await self._hub.help_at_once(message):
            for rendered in self._speaker.render(reply):
                await told_to.say_beside(chat, rendered)

    async def _lets_in(self, chat: Chat, flood: Flood) -> bool:
        """Whether this message is within the minute's number; the first beyond it is told so."""
        seconds, is_first = await flood.count(chat.id)
        if seconds and is_first:
            await self._speaker.say(chat, "error.too_many_messages", seconds=seconds)
        return not seconds

    async def _converse(self, chat: Chat, text: str, number: int | None = None) -> None:
        # Whoever tells at length is not sent away: the beginning says what it is about, and the report gets all of it.
        beginning = _beginning(text)
        answer = await self._ask(chat, beginning)
        if any(reply.answer == FORGET for reply in answer.replies):
            await self._speaker.say(chat, await self._forget_chat(chat))
        elif self._form is not None and any(reply.answer == REPORT for reply in answer.replies):
            place = next((reply.place for reply in answer.replies if reply.answer == REPORT), None)
            if number is not None and not text.startswith("/"):
                self._form.remember(chat, text, number, place)
            elif place is not None:
                self._form.remember_place(chat, place)
            await self._offer_report(self._form, chat, answer)
        else:
            await self._speaker.show(chat, answer)
            if beginning != text:
                await self._speaker.say(chat, "telegram.only_beginning")

    async def _offer_report(self, form: FormFlow, chat: Chat, answer: Answer) -> None:
        """Somebody tells of discrimination. The sentence waits in this process's memory; the assistant has forgotten
        it, and remembers only that it asked where they are."""
        for reply in answer.replies:
            messages = self._speaker.render(reply)
            if reply.answer == REPORT:
                messages[-1].rows = form.offer(chat) + messages[-1].rows
            for message in messages:
                await self._speaker.send(chat, message)

    async def _ask(self, chat: Chat, text: str) -> Answer:
        """The hub's answer. What must survive is stored before it is shown."""
        if chat.row is not None and chat.row.stopped_at is not None:
            await self._state.update_chat(chat.key, stopped_at=None)
        message = _message(chat, text)
        async with self._bot.typing(chat.id):
            answer = await self._hub.handle(message)
        spoken, is_chosen = await self._hub.spoken_language(CHANNEL, str(chat.id))
        if is_chosen and spoken in RELEASED and spoken != chat.chosen:
            await self._state.update_chat(chat.key, language=spoken)
        if await self._hub.waits_for_team(chat.key):
            await self._state.wait_for_team(chat.key, chat.id)
        return answer

    async def _apologise(self, update: Update, error: HubError | None = None) -> None:
        if update.effective_chat is None or update.effective_chat.type != ChatType.PRIVATE:
            return
        try:
            chat = await self._meet(update.effective_chat.id, update.effective_user)
            if error is not None and self._texts.has(error.text_key, SOURCE_LANGUAGE):
                await self._speaker.say(chat, error.text_key, **error.values)
            else:
                await self._speaker.say(chat, "error.unexpected")
        except Exception as failure:
            log.error("telegram_apology_failed update=%s error=%s", update.update_id, type(failure).__name__)

    def _key(self, chat_id: int) -> str:
        return self._hub.sender_key(CHANNEL, str(chat_id))

    # Commands

    async def _start(self, chat: Chat, parameter: str) -> None:
        if chat.row is not None and chat.row.stopped_at is not None:
            await self._state.update_chat(chat.key, stopped_at=None)
        if self._own_preferences is not None and parameter.startswith(LINK):
            await self._own_preferences.link(chat, parameter)
            return
        await self._speaker.say(chat, "telegram.start", [*self._ways_on(chat), *self._language_rows()])
        if self._form is not None and parameter.startswith(DESK):
            # From a code on a desk's door: t.me/<bot>?start=desk_<id>.
            await self._form.open(chat, desk=parameter.removeprefix(DESK))

    async def _help(self, chat: Chat, _: str) -> None:
        await self._speaker.say(chat, "telegram.help", self._ways_on(chat))

    async def _report(self, chat: Chat, _: str) -> None:
        if self._form is not None:
            await self._form.open(chat)
            return
        await self._speaker.say(chat, "telegram.report_first")
        await self._converse(chat, "/flow/report")

    async def _reply(self, chat: Chat, _: str) -> None:
        await self._speaker.say(chat, "telegram.reply")

    async def _services(self, chat: Chat, place: str) -> None:
        await self._converse(chat, place or "/services")

    async def _language(self, chat: Chat, code: str) -> None:
        if code.lower() in LANGUAGES:
            await self._converse(chat, f"/language/{code.lower()}")
        else:
            await self._speaker.say(chat, "language.which", self._language_rows())

    async def _preferences(self, chat: Chat, _: str) -> None:
        if self._own_preferences is not None and await self._own_preferences.open(chat):
            return
        await self._converse(chat, "/flow/preferences")

    async def _privacy(self, chat: Chat, _: str) -> None:
        await self._speaker.say(chat, "telegram.privacy")
        if self._own_preferences is not None:
            await self._own_preferences.tell_privacy(chat)

    async def _delete(self, chat: Chat, _: str) -> None:
        yes = Key(self._texts.get("telegram.delete_yes", chat.language), DELETE)
        no = Key(self._texts.get("telegram.delete_no", chat.language), KEEP)
        await self._speaker.say(chat, "telegram.delete_ask", [[yes], [no]])

    async def _decide_deletion(self, chat: Chat, message_id: int, *, delete: bool) -> None:
        key = await self._forget_chat(chat) if delete else "telegram.delete_kept"
        for message in self._speaker.sentence(chat, key):
            await self._bot.change(chat.id, message_id, message)

    async def _forget_chat(self, chat: Chat) -> str:
        """Delete everything of a chat; the key of the sentence that says what was deleted."""
        if self._returns is not None:
            await self._returns.forget(chat)
        if self._form is not None:
            await self._form.forget(chat)
        if self._own_preferences is not None:
            await self._own_preferences.forget(chat)
        await self._state.forget_chat(chat.key)
        try:
            await self._hub.forget(CHANNEL, str(chat.id))
        except HubError as error:
            log.warning("telegram_chat_not_forgotten code=%s", error.code)
            return "telegram.deleted_partly"
        return "telegram.deleted"

    async def tidy(self) -> None:
        """Let go of what this process remembers of reports, where its time is over."""
        if self._form is not None:
            self._form.sweep()
            for chat in self._form.list_silent():
                await self._look_after(chat, partial(self._form.clear, chat))
        if self._returns is not None:
            for case in self._returns.list_left_alone():
                await self._look_after(case.chat, partial(self._returns.close_left_alone, case))

    async def _look_after(self, chat: Chat, work: Callable[[], Awaitable[None]]) -> None:
        """Do something in a chat between its turns; where it fails, the other chats do not wait for it."""
        async with self._turns.setdefault(chat.id, asyncio.Lock()):
            try:
                await work()
            except Exception as error:
                log.warning("telegram_tidying_failed error=%s", type(error).__name__)

    async def _stop(self, chat: Chat, _: str) -> None:
        await self._state.update_chat(chat.key, stopped_at=self._clock.now())
        await self._state.stop_waiting(chat.key)
        if self._own_preferences is None or not await self._own_preferences.end(chat):
            await self._speaker.say(chat, "telegram.stopped")

    def _ways_on(self, chat: Chat) -> Rows:
        ways = {"find_help": "/services", "browse_tools": "/tools", "membership": "/membership"}
        return [[Key(self._texts.get(f"button.{name}", chat.language), payload)] for name, payload in ways.items()]

    def _language_rows(self) -> Rows:
        keys = [Key(LANGUAGES[code].own_name, f"/language/{code}") for code in RELEASED]
        return [keys[start : start + 2] for start in range(0, len(keys), 2)]


def _beginning(text: str) -> str:
    """As much of a text as the assistant reads, in whole words."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return text[: MOST_CHARACTERS + 1].rpartition(" ")[0] or text[:MOST_CHARACTERS]


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


def _message(chat: Chat, text: str, *, city: str | None = None) -> IncomingMessage:
    return IncomingMessage(
        channel=CHANNEL,
        sender=str(chat.id),
        text=text,
        chosen_language=chat.chosen,
        stated_language=chat.stated,
        city=city,
    )
