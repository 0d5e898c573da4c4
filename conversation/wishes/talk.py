"""The talk about what somebody gets: reads it, says it back, asks where it is not clear, and does it after a yes.

Who somebody is comes from a linked Telegram chat or from the preference page's session in the same browser, never from
the conversation itself. Somebody unknown is asked for a mail address and gets a link there, known or not; what they
wanted waits in memory until they come back.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import Button, IncomingMessage, Reply
from conversation.replies import PREFERENCES
from conversation.wishes.memory import Asked, Pending, PendingMemory
from conversation.wishes.plan import Present, plan_wish
from conversation.wishes.reading import WishReader
from conversation.wishes.telling import Teller
from conversation.wishes.wish import Doubt, Move, TopicWish, Wish
from core.clock import Clock, today
from core.database import Database
from core.errors import HubError
from core.languages import LANGUAGES, RELEASED
from subscriptions.asking import send_preferences_link
from subscriptions.city_defaults import is_telegram_off
from subscriptions.errors import AddressInvalidError, NothingToUndoError, SubscriberNotFoundError
from subscriptions.links import Links
from subscriptions.models import ChannelName, Subscriber
from subscriptions.preferences import (
    Effect,
    change_preferences,
    list_topic_states,
    measure_effect,
    undo_last,
)
from subscriptions.subscribers import find_by_address, get_subscriber, list_addresses, read_email
from subscriptions.topics import Topics

log = logging.getLogger(__name__)

PREFIX = "wish"
"""How payloads of this talk begin."""
VERBS = frozenset({"yes", "no", "change", "undo", "opened", "more", "none", "pause", "speak"})
_EMAIL = re.compile(r"[^\s<>,;:()]+@[^\s<>,;:()]+\.[^\s<>,;:()]+")
_PAUSES = {"7": "week", "14": "two_weeks", "30": "month"}


@dataclass(frozen=True)
class Said:
    """One message of the talk: who sent it, what it says, and in which language to answer."""

    message: IncomingMessage
    key: str
    """The conversation, as the memory knows it."""
    text: str
    written_in: str
    language: str


@dataclass
class PreferencesTalk:
    """Handles this talk on every channel."""

    reader: WishReader
    teller: Teller
    memory: PendingMemory
    database: Database
    clock: Clock
    topics: Topics
    links: Links
    _background: set[asyncio.Task[None]] = field(default_factory=set)

    def is_payload(self, value: str) -> bool:
        """Whether a button's value ("wish/yes") is one of ours."""
        prefix, _, rest = value.partition("/")
        verb, _, argument = rest.partition("/")
        if prefix != PREFIX or verb not in VERBS:
            return False
        known = {"pause": argument in _PAUSES, "speak": argument in RELEASED}
        return known.get(verb, not argument)

    async def open(self, said: Said) -> list[Reply]:
        """Somebody began to speak of their messages, with a sentence or by a button."""
        wish = self.reader.read(said.text, said.written_in, today=today(self.clock)) if said.text else Wish()
        before = await self.memory.get(said.key)
        if before is not None and before.is_current and wish.is_change:
            wish = before.wish.joined(wish)
        return await self._propose(said, wish)

    async def follow(self, said: Said, *, is_answered: bool) -> list[Reply] | None:
        """What a later message of the same talk comes to, or None when it is about something else.

        ``is_answered``: the assistant found an answer for it, so only a clear wish goes before that.
        """
        pending = await self.memory.get(said.key)
        if pending is None or not pending.is_current:
            return None
        if pending.asked is Asked.YES:
            answer = self.reader.answer(said.text, said.written_in)
            if answer is not None:
                return await self.press(said, {"confirm": "yes", "refuse": "no", "change": "change"}[answer])
        wish = self.reader.read(said.text, said.written_in, today=today(self.clock))
        if pending.wish.doubts and not wish.is_change and Doubt.UNTIL_WHEN in pending.wish.doubts:
            # "Two weeks", after the question until when.
            wish = self.reader.read_until(said.text, said.written_in, today=today(self.clock))
        if not wish.is_change or (is_answered and wish.is_only_named):
            await self.leave(said.key)
            return None
        return await self._propose(said, pending.wish.joined(wish))

    async def take_address(self, said: Said) -> list[Reply] | None:
        """The mail address that was asked for, or None when the message holds none."""
        pending = await self.memory.get(said.key)
        if pending is None or pending.asked is not Asked.ADDRESS or not pending.is_current:
            return None
        found = _EMAIL.search(said.text)
        if found is None:
            return None
        try:
            email = read_email(found[0].rstrip(".!?"))
        except AddressInvalidError as error:
            return [self._reply(said, [self.teller.texts.get(error.text_key, said.language)])]
        self._in_background(self._send_link(email))
        await self.memory.put(said.key, pending)
        lines = [self._say(said, "sent")]
        if said.message.channel == ChannelName.TELEGRAM:
            return [self._reply(said, lines)]
        return [self._reply(said, [*lines, self._say(said, "sent_go_on")], [self._button(said, "opened")])]

    async def press(self, said: Said, action: str) -> list[Reply]:
        """A button of ours, or the same in words; ``action`` is what follows the prefix."""
        verb, _, argument = action.partition("/")
        pending = await self.memory.get(said.key) or Pending()
        if verb == "undo":
            return await self._undo(said)
        if verb == "opened":
            return await self._propose(said, pending.wish, came_back=True)
        if not pending.wish.is_anything:
            return [self._reply(said, [self._say(said, "settled")])]
        if verb == "no":
            await self.memory.drop(said.key)
            return [self._reply(said, [self._say(said, "kept")])]
        if verb == "change":
            await self.memory.put(said.key, pending.model_copy(update={"is_current": True}))
            return [self._reply(said, [self._say(said, "change", url=self.teller.url)])]
        if verb == "yes":
            return await self._do(said, pending)
        return await self._propose(said, pending.wish.joined(self._chosen(verb, argument, pending.wish)))

    async def leave(self, key: str) -> None:
        """The conversation went on to something else: from now on, only the buttons mean this talk."""
        pending = await self.memory.get(key)
        if pending is not None and pending.is_current:
            await self.memory.put(key, pending.model_copy(update={"is_current": False}))

    async def forget(self, key: str) -> None:
        await self.memory.drop(key)

    async def close(self) -> None:
        """Finish what goes on behind the answers."""
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.memory.close()

    async def find_person(self, session: AsyncSession, message: IncomingMessage) -> Subscriber | None:
        """Who writes, where that is known."""
        found: Subscriber | None = None
        if message.subscriber is not None:
            try:
                found = await get_subscriber(session, message.subscriber)
            except SubscriberNotFoundError:
                return None
        elif message.channel == ChannelName.TELEGRAM:
            known = await find_by_address(session, ChannelName.TELEGRAM, message.sender)
            found = known[0] if known is not None and known[1].confirmed_at is not None else None
        return found if found is not None and found.left_at is None else None

    # Saying it back

    async def _propose(self, said: Said, wish: Wish, *, came_back: bool = False) -> list[Reply]:
        async with self.database.session() as session:
            person = await self.find_person(session, said.message)
            if person is None:
                return await self._ask_who(said, wish, came_back=came_back)
            present = await self.load_present(session, person)
            paused_until = person.paused_until
        notes = self.teller.notes(wish, said.language)
        if wish.doubts:
            return await self._ask_about(said, wish, notes)
        plan = plan_wish(wish, present, self.topics)
        notes += self.teller.remarks(plan, said.language)
        if not plan.edit and not wish.undo:
            if paused_until is not None and paused_until <= today(self.clock):
                paused_until = None
            await self.memory.put(said.key, Pending())
            if notes and not wish.show:
                return [self._reply(said, notes)]
            lines = [self._say(said, "already")] if wish.is_change else []
            lines += self.teller.now(present.states, paused_until, said.language)
            return [self._reply(said, [*lines, *notes, self._say(said, "open", url=self.teller.url)])]
        await self.memory.put(said.key, Pending(wish=wish, asked=Asked.YES))
        lines = [self._say(said, "understood"), *self.teller.wish(wish, said.language), *notes, self._say(said, "ask")]
        return [self._reply(said, lines, [self._button(said, name) for name in ("yes", "change", "no")])]

    async def _ask_about(self, said: Said, wish: Wish, notes: list[str]) -> list[Reply]:
        """The first thing that is not clear; the rest of the wish waits."""
        await self.memory.put(said.key, Pending(wish=wish))
        doubt = wish.doubts[0]
        named = [topic for topic, each in wish.topics.items() if each.move is Move.OFF]
        question = self._say(said, f"doubt.{doubt}", topics=self.teller.topics(named, said.language))
        return [self._reply(said, [*notes, question], self._choices(said, doubt))]

    def _choices(self, said: Said, doubt: Doubt) -> list[Button]:
        match doubt:
            case Doubt.UNTIL_WHEN:
                return [self._button(said, name, f"pause/{days}") for days, name in _PAUSES.items()]
            case Doubt.MORE_OR_NONE:
                return [self._button(said, name) for name in ("more", "none")]
            case Doubt.WHICH_LANGUAGE:
                return [Button(title=LANGUAGES[code].own_name, payload=f"/{PREFIX}/speak/{code}") for code in RELEASED]
        return []

    def _chosen(self, verb: str, argument: str, wish: Wish) -> Wish:
        """What a button that answers a question adds to the wish."""
        if verb == "pause":
            return Wish(paused_until=today(self.clock) + timedelta(days=int(argument)))
        if verb == "speak":
            return Wish(language=argument)
        move = Move.MORE if verb == "more" else Move.OFF
        named = {topic: TopicWish(move=move) for topic, each in wish.topics.items() if each.move is Move.OFF}
        return Wish(topics=named)

    async def _ask_who(self, said: Said, wish: Wish, *, came_back: bool) -> list[Reply]:
        await self.memory.put(said.key, Pending(wish=wish, asked=Asked.ADDRESS))
        understood = self.teller.wish(wish, said.language)
        lines = [self._say(said, "understood"), *understood] if understood else []
        lines += self.teller.notes(wish, said.language)
        place = "telegram" if said.message.channel == ChannelName.TELEGRAM else "web"
        if came_back:
            return [self._reply(said, [self._say(said, "still_unknown")], [self._button(said, "opened")])]
        return [self._reply(said, [*lines, self._say(said, f"unknown.{place}", url=self.teller.url)])]

    # Doing it

    async def _do(self, said: Said, pending: Pending) -> list[Reply]:
        if pending.wish.doubts or not pending.wish.is_change:
            return await self._propose(said, pending.wish)
        if pending.wish.undo:
            return await self._undo(said)
        origin = "telegram" if said.message.channel == ChannelName.TELEGRAM else "chat"
        async with self.database.session() as session:
            person = await self.find_person(session, said.message)
            if person is None:
                return await self._ask_who(said, pending.wish, came_back=False)
            subscriber_id = person.id
            plan = plan_wish(pending.wish, await self.load_present(session, person), self.topics)
            try:
                change = await change_preferences(
                    session, subscriber_id, plan.edit, topics=self.topics, origin=origin, clock=self.clock
                )
            except HubError as error:
                log.info("wish_refused code=%s", error.code)
                return [self._reply(said, [self.teller.texts.get(error.text_key, said.language, **error.values)])]
            effect = await measure_effect(session, subscriber_id, topics=self.topics, clock=self.clock)
        await self.memory.put(said.key, Pending())
        if change is None:
            return [self._reply(said, [self._say(said, "already"), *self.teller.remarks(plan, said.language)])]
        lines = [self._say(said, "done"), *self._effect(said, effect), *self.teller.remarks(plan, said.language)]
        return [self._reply(said, lines, [self._button(said, "undo")])]

    async def _undo(self, said: Said) -> list[Reply]:
        async with self.database.session() as session:
            person = await self.find_person(session, said.message)
            if person is None:
                return await self._ask_who(said, Wish(undo=True), came_back=False)
            try:
                await undo_last(session, person.id, topics=self.topics, clock=self.clock)
            except NothingToUndoError:
                return [self._reply(said, [self._say(said, "nothing_to_undo")])]
        await self.memory.put(said.key, Pending())
        return [self._reply(said, [self._say(said, "undone")])]

    async def load_present(self, session: AsyncSession, person: Subscriber) -> Present:
        """What stands now for a person."""
        telegram = (await list_addresses(session, person.id)).get(ChannelName.TELEGRAM)
        is_off = person.city is not None and await is_telegram_off(session, person.city)
        works = telegram is not None and telegram.confirmed_at is not None and telegram.suppressed_at is None
        return Present(
            states=await list_topic_states(session, person.id, topics=self.topics),
            channel=ChannelName(person.channel),
            quiet_days=list(person.quiet_days),
            has_telegram=works and not is_off,
            is_telegram_off=is_off,
        )

    async def _send_link(self, email: str) -> None:
        try:
            async with self.database.session() as session:
                await send_preferences_link(session, email, links=self.links, clock=self.clock)
        except Exception as error:
            # Behind the answer nobody can be told; errors of a database quote rows, so only the kind is logged.
            log.error("preferences_link_failed error=%s", type(error).__name__)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # Words

    def _effect(self, said: Said, effect: Effect) -> list[str]:
        return [self._say(said, "effect", count=effect.messages)] if effect.messages else []

    def _say(self, said: Said, key: str, /, **values: object) -> str:
        return self.teller.say(key, said.language, **values)

    def _button(self, said: Said, name: str, action: str | None = None) -> Button:
        return Button(title=self._say(said, f"press.{name}"), payload=f"/{PREFIX}/{action or name}")

    def _reply(self, said: Said, lines: Iterable[str], buttons: list[Button] | None = None) -> Reply:
        return Reply(text="\n".join(lines), answer=PREFERENCES, buttons=buttons or [], language=said.language)
