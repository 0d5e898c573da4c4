"""Keeps the channel running: sets the bot up, fetches updates (or waits for the webhook), brings answers of the team.

Every process can run this; a lease in the database decides which one does the duties, so a second one takes over within
seconds when the first dies. Telegram counts an update as delivered once a later one is asked for, so none is passed
over before it was handled: a crash loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from telegram import BotCommand
from telegram.error import InvalidToken, RetryAfter, TelegramError

from channels.base import ChannelUnavailableError, RecipientRefusedError, Reply
from channels.telegram.bot import TelegramBot
from channels.telegram.channel import COMMANDS, KINDS, TelegramChannel
from channels.telegram.contract import CHANNEL, HubSide
from channels.telegram.delivery import TelegramDelivery
from channels.telegram.form_state import FormState
from channels.telegram.formatting import render
from channels.telegram.limiter import Lane, wanted_wait
from channels.telegram.state import TelegramState
from core.languages import RELEASED, SOURCE_LANGUAGE
from core.texts import Texts

log = logging.getLogger(__name__)

LEASE_NAME = "telegram"
WEBHOOK_PATIENCE = 25.0
"""Seconds that Telegram's request is held; then it is to come again, and finds the update done."""
MOST_BACKOFF = 60.0


@dataclass(frozen=True)
class Timing:
    """Seconds; tests make them shorter."""

    lease: float = 15.0
    poll: int = 20
    look: float = 3.0
    expire: float = 3600.0
    tidy: float = 30.0
    backoff: float = 1.0


class TelegramRunner:
    """The channel's work in the background of one hub process."""

    def __init__(
        self,
        *,
        bot: TelegramBot,
        channel: TelegramChannel,
        hub: HubSide,
        state: TelegramState,
        form_state: FormState,
        texts: Texts,
        webhook_url: str | None = None,
        webhook_secret: str = "",
        timing: Timing | None = None,
    ) -> None:
        self._bot = bot
        self._channel = channel
        self._hub = hub
        self._state = state
        self._form_state = form_state
        self._texts = texts
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret
        self._timing = timing or Timing()
        self._holder = secrets.token_hex(8)
        self._task: asyncio.Task[None] | None = None
        self._tidying: asyncio.Task[None] | None = None
        self._received: set[asyncio.Task[bool]] = set()

    def start(self) -> None:
        """Begin; returns at once."""
        self._task = asyncio.create_task(self._run())
        # Each process forgets what it alone remembers, elected or not.
        self._tidying = asyncio.create_task(self._tidy())

    async def stop(self) -> None:
        """End, and let another process take over at once."""
        for task in (self._task, self._tidying):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._received:
            await asyncio.wait(self._received, timeout=1.0)
        with contextlib.suppress(Exception):
            await self._hub.take_lease(LEASE_NAME, holder=self._holder, lasting=timedelta(0))
        with contextlib.suppress(TelegramError, RuntimeError):
            await self._bot.shutdown()

    def find_name(self) -> str | None:
        """What the bot is called in its address, t.me/<name>; None until Telegram has told."""
        try:
            return self._bot.username or None
        except RuntimeError:
            return None

    async def receive(self, raw: Any) -> bool:
        """An update that came through the webhook; False when Telegram should send it again."""
        task = asyncio.create_task(self._channel.take(raw, holder=self._holder, alone=False))
        self._received.add(task)
        task.add_done_callback(self._received.discard)
        done, _ = await asyncio.wait({task}, timeout=WEBHOOK_PATIENCE)
        return bool(done) and task.result()

    async def notify(self, chat_id: int, key: str, language: str) -> bool:
        """Write one sentence of the catalogue to a chat that asked for it ("telegram.notice": you have a message).

        It says nothing of what it is about. False: nobody is there any more, or they stopped the bot, so forget the
        chat. Raises ChannelUnavailableError when it should be tried later.
        """
        chat_key = self._hub.sender_key(CHANNEL, str(chat_id))
        chat = await self._state.find_chat(chat_key)
        if chat is not None and (chat.stopped_at or chat.blocked_at):
            return False
        reply = Reply(text=self._texts.get(key, language), language=language)
        try:
            for message in render(reply, self._texts, public_url=None, thumbs=False):
                await self._bot.say(chat_id, message, lane=Lane.BULK)
        except RecipientRefusedError:
            log.info("telegram_notice_refused")
            await self._channel.note_blocked(chat_key)
            return False
        return True

    def deliver_through(self, *, public_url: str | None) -> TelegramDelivery:
        """What sends messages to subscribers at this process's pace, behind its replies."""
        return TelegramDelivery(self._bot, self._state, public_url=public_url, owns_bot=False)

    async def _run(self) -> None:
        backoff = self._timing.backoff
        while True:
            try:
                await self._bot.initialize()
                while not await self._is_elected():
                    await asyncio.sleep(self._timing.lease / 3)
                await self._set_up()
                backoff = self._timing.backoff
                await self._do_duties()
            except InvalidToken:
                log.error("telegram_token_refused")
                return
            except TelegramError as error:
                backoff = max(backoff, wanted_wait(error)) if isinstance(error, RetryAfter) else backoff
                log.warning("telegram_away error=%s", type(error).__name__)
            except Exception as error:
                # The one place that keeps the channel up; database errors quote rows, so only the kind is logged.
                log.error("telegram_runner_failed error=%s", type(error).__name__)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, MOST_BACKOFF)

    async def _is_elected(self) -> bool:
        lasting = timedelta(seconds=self._timing.lease)
        return await self._hub.take_lease(LEASE_NAME, holder=self._holder, lasting=lasting)

    async def _do_duties(self) -> None:
        """Until the lease is lost or something fails; then all of them end together."""
        duties = [self._stay_elected(), self._bring_late_answers(), self._expire()]
        if self._webhook_url is None:
            duties.append(self._poll())
        tasks = [asyncio.create_task(duty) for duty in duties]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _stay_elected(self) -> None:
        while await self._is_elected():
            await asyncio.sleep(self._timing.lease / 3)
        log.warning("telegram_lease_lost")

    async def _set_up(self) -> None:
        """Where updates go, and the menu and the description in every language."""
        if self._webhook_url is None:
            await self._bot.delete_webhook()
        else:
            await self._bot.set_webhook(
                self._webhook_url, secret_token=self._webhook_secret, allowed_updates=KINDS, max_connections=40
            )
        for code in (None, *RELEASED):
            language = code or SOURCE_LANGUAGE
            commands = [BotCommand(name, self._texts.get(f"telegram.command.{name}", language)) for name in COMMANDS]
            await self._bot.set_my_commands(commands, language_code=code)
            await self._bot.set_my_description(self._texts.get("telegram.description", language), language_code=code)
            await self._bot.set_my_short_description(self._texts.get("telegram.about", language), language_code=code)

    async def _poll(self) -> None:
        offset = 0
        works: dict[int, asyncio.Task[None]] = {}
        try:
            while True:
                # Asking from the oldest unfinished update on keeps it, and all after it, with Telegram.
                first = min(works, default=offset)
                raws = await self._bot.fetch_updates(
                    offset=first, wait=0 if works else self._timing.poll, kinds=list(KINDS)
                )
                fresh = [raw for raw in raws if (update_id := _id_of(raw)) >= offset and update_id not in works]
                for raw in sorted(fresh, key=_id_of):
                    offset = max(offset, _id_of(raw) + 1)
                    works[_id_of(raw)] = asyncio.create_task(self._finish(raw))
                if works:
                    await asyncio.wait(
                        works.values(), timeout=0.05 if fresh else 0.3, return_when=asyncio.FIRST_COMPLETED
                    )
                works = {update_id: work for update_id, work in works.items() if not work.done()}
        finally:
            for work in works.values():
                work.cancel()
            await asyncio.gather(*works.values(), return_exceptions=True)

    async def _finish(self, raw: dict[str, Any]) -> None:
        """Handle one update, again where Telegram or the database was away; the state counts the attempts."""
        pause = self._timing.backoff
        while not await self._channel.take(raw, holder=self._holder, alone=True):
            await asyncio.sleep(pause)
            pause = min(pause * 2, MOST_BACKOFF)

    async def _bring_late_answers(self) -> None:
        while True:
            for waiting in await self._state.list_waiting():
                await self._bring_to(waiting.chat_key, waiting.chat_id)
            await asyncio.sleep(self._timing.look)

    async def _bring_to(self, chat_key: str, chat_id: int) -> None:
        # Looked up first: an answer that comes in between is found in the next round.
        goes_on = await self._hub.waits_for_team(chat_key)
        try:
            for late in await self._hub.list_late_answers(chat_key):
                text = self._texts.get("flow.handoff_answer", late.language, text=late.text)
                reply = Reply(text=text, language=late.language)
                for message in render(reply, self._texts, public_url=None, thumbs=False):
                    await self._bot.say(chat_id, message)
                await self._hub.drop_late_answer(late.id)
        except RecipientRefusedError:
            log.info("telegram_late_answer_refused")
            await self._channel.note_blocked(chat_key)
            return
        except ChannelUnavailableError as error:
            log.warning("telegram_late_answer_waits reason=%s", error)
            return
        if not goes_on:
            await self._state.stop_waiting(chat_key)

    async def _expire(self) -> None:
        while True:
            counts = await self._state.expire() | await self._form_state.expire()
            log.info("telegram_expired %s", counts)
            await asyncio.sleep(self._timing.expire)

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(self._timing.tidy)
            try:
                await self._channel.tidy()
            except Exception as error:
                log.warning("telegram_tidying_failed error=%s", type(error).__name__)


def _id_of(raw: Any) -> int:
    update_id = raw.get("update_id") if isinstance(raw, dict) else None
    return update_id if isinstance(update_id, int) else -1
