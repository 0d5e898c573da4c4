"""Preferences as screens of buttons, for a chat that is connected to a person (Telegram).

A screen is one message whose buttons lead to the next one. Each press is done at once and can be undone. Actions are
words with colons: ``topic:youth:0`` shows a topic that stands on the first page of topics, ``set:youth:weekly:0``
chooses weekly for it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import time, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import Button, IncomingMessage
from channels.telegram.contract import CHANNEL, Screen
from conversation.wishes.plan import Present
from conversation.wishes.talk import PreferencesTalk
from core.clock import today
from core.errors import HubError
from core.languages import LANGUAGES, RELEASED
from subscriptions.errors import LinkExpiredError, NothingToUndoError, TelegramOffError
from subscriptions.models import ChannelName, Choice, Frequency, Subscriber
from subscriptions.preferences import (
    Edit,
    TopicPreference,
    TopicState,
    change_preferences,
    measure_effect,
    undo_last,
)
from subscriptions.subscribers import find_by_address, lift_suppression, list_addresses, suppress, unlink_telegram
from subscriptions.telegram_linking import link_by_start

log = logging.getLogger(__name__)

PAGE = 8
"""Topics on one screen."""
_PAUSES = {"7": "press.week", "14": "press.two_weeks", "30": "press.month", "90": "screen.three_months"}
_HOURS = {"night": (time(20), time(8)), "evening": (time(18), time(8)), "any_hour": (None, None)}
STOPPED = "stopped"

type _Action = Callable[["_Turn", list[str]], Awaitable[Screen]]


class _Turn:
    """One press: the person, the language of the screen, and a line that says what was done."""

    def __init__(self, session: AsyncSession, person: Subscriber, present: Present, language: str) -> None:
        self.session = session
        self.person = person
        self.person_id = person.id
        self.present = present
        self.language = language
        self.done: list[str] = []

    def state(self, topic: str) -> TopicState:
        """What counts for a topic. Raises KeyError."""
        return {state.topic: state for state in self.present.states}[topic]


class TelegramPreferences:
    """The screens; implements what the Telegram channel asks for."""

    def __init__(self, talk: PreferencesTalk) -> None:
        self._talk = talk
        self._actions: dict[str, _Action] = {
            "home": self._home,
            "choice": self._choose,
            "topics": self._topics,
            "topic": self._topic,
            "set": self._set_topic,
            "by": self._set_way,
            "channel": self._channel,
            "pause": self._pause,
            "resume": self._resume,
            "quiet": self._quiet,
            "language": self._language,
            "undo": self._undo,
            "stop": self._stop,
        }

    async def link(self, chat_id: int, parameter: str, language: str) -> Screen:
        """Connect the chat by what followed /start, and say so."""
        talk = self._talk
        async with talk.database.session() as session:
            try:
                person = await link_by_start(session, parameter, chat_id, topics=talk.topics, clock=talk.clock)
                name = person.name
            except LinkExpiredError:
                return Screen(self._say("screen.link_expired", language, url=talk.teller.url), [])
            except TelegramOffError:
                return Screen(self._say("screen.city_says_no", language), [])
        screen = await self.show(chat_id, "home", language)
        hello = self._say("screen.linked", language, name=name)
        return Screen(f"{hello}\n\n{screen.text}", screen.rows, screen.chosen) if screen else Screen(hello, [])

    async def show(self, chat_id: int, action: str, language: str) -> Screen | None:
        """Do what a button says and show where that leads; None for a chat that nobody has connected."""
        verb, *arguments = action.split(":")
        async with self._talk.database.session() as session:
            turn = await self._begin(session, chat_id, language)
            if turn is None:
                return None
            try:
                return await self._actions.get(verb, self._home)(turn, arguments)
            except HubError as error:
                log.info("preference_refused code=%s", error.code)
                turn.done = [self._talk.teller.texts.get(error.text_key, language, **error.values)]
            except (KeyError, ValueError, IndexError):
                # A button of an older version of the hub: the first screen has the right ones.
                turn.done = []
            return await self._home(turn, [])

    async def tell_privacy(self, chat_id: int, language: str) -> Screen | None:
        """What is kept of a connected chat; None as for ``show``."""
        async with self._talk.database.session() as session:
            turn = await self._begin(session, chat_id, language)
        return Screen(self._say("screen.privacy", language), []) if turn is not None else None

    async def forget(self, chat_id: int) -> None:
        """Take the chat's number away from its person."""
        async with self._talk.database.session() as session:
            found = await find_by_address(session, ChannelName.TELEGRAM, str(chat_id))
            if found is not None:
                await unlink_telegram(session, found[0].id, clock=self._talk.clock)

    async def end(self, chat_id: int, language: str) -> Screen | None:
        """Send nothing to this chat any more, and say so; None as for ``show``."""
        async with self._talk.database.session() as session:
            turn = await self._begin(session, chat_id, language)
            return await self._stop(turn, []) if turn is not None else None

    async def _begin(self, session: AsyncSession, chat_id: int, language: str) -> _Turn | None:
        person = await self._talk.find_person(session, IncomingMessage(CHANNEL, str(chat_id), ""))
        if person is None:
            return None
        return _Turn(session, person, await self._talk.load_present(session, person), language)

    # The first screen

    async def _home(self, turn: _Turn, _: list[str]) -> Screen:
        teller, language, person = self._talk.teller, turn.language, turn.person
        paused = person.paused_until
        now = teller.now(turn.present.states, paused if paused and paused > today(self._talk.clock) else None, language)
        required = [state.topic for state in turn.present.states if state.is_required]
        way = self._say(f"screen.by.{turn.present.channel}", language)
        lines = [*turn.done, self._say("screen.home", language), "", *now]
        if required:
            lines.append(self._say("screen.required", language, topics=teller.topics(required, language)))
        lines += [self._say("screen.channel_now", language, channel=way)]
        lines += ["", self._say("screen.choose", language)]
        rows = [[self._button(turn, f"screen.{choice}", f"choice:{choice}")] for choice in Choice]
        rows += [
            [self._button(turn, "screen.topics", "topics:0")],
            [self._button(turn, "screen.channel", "channel"), self._button(turn, "screen.pause", "pause")],
            [self._button(turn, "screen.quiet", "quiet"), self._button(turn, "screen.language", "language")],
            [self._button(turn, "screen.undo", "undo"), self._button(turn, "screen.stop", "stop")],
        ]
        return Screen("\n".join(lines), rows, frozenset({f"choice:{person.choice}"}))

    async def _choose(self, turn: _Turn, arguments: list[str]) -> Screen:
        return await self._change(turn, {"choice": Choice(arguments[0])})

    async def _undo(self, turn: _Turn, _: list[str]) -> Screen:
        try:
            await undo_last(turn.session, turn.person_id, topics=self._talk.topics, clock=self._talk.clock)
            done = self._say("undone", turn.language)
        except NothingToUndoError:
            done = self._say("nothing_to_undo", turn.language)
        return await self._show_again(turn, self._home, [], done)

    async def _stop(self, turn: _Turn, _: list[str]) -> Screen:
        address = (await list_addresses(turn.session, turn.person_id))[ChannelName.TELEGRAM]
        await suppress(turn.session, address.id, STOPPED, clock=self._talk.clock)
        return Screen(self._say("screen.unlinked", turn.language, url=self._talk.teller.url), [])

    # Topics

    async def _topics(self, turn: _Turn, arguments: list[str]) -> Screen:
        states = [state for state in turn.present.states if not state.is_required]
        pages = [states[start : start + PAGE] for start in range(0, len(states), PAGE)]
        page = min(max(int(arguments[0]), 0), len(pages) - 1)
        rows = [[self._topic_button(turn, state, page)] for state in pages[page]]
        turning = []
        if page:
            turning.append(self._button(turn, "screen.previous", f"topics:{page - 1}"))
        if page + 1 < len(pages):
            turning.append(self._button(turn, "screen.next", f"topics:{page + 1}"))
        text = self._say("screen.page", turn.language, page=page + 1, pages=len(pages))
        return Screen("\n".join([*turn.done, text]), [*rows, turning, [self._back(turn, "home")]])

    def _topic_button(self, turn: _Turn, state: TopicState, page: int) -> Button:
        title = self._talk.teller.topic(state.topic, turn.language)
        if state.frequency is not Frequency.OFF:
            title += f" · {self._say(f'screen.frequency.{state.frequency}', turn.language)}"
        return Button(title=title, payload=f"topic:{state.topic}:{page}")

    async def _topic(self, turn: _Turn, arguments: list[str]) -> Screen:
        topic, page = arguments
        state = turn.state(topic)
        teller, language = self._talk.teller, turn.language
        text = [*turn.done, teller.topic(topic, language), teller.texts.get(f"topic.{topic}.description", language)]
        rows = [
            [self._button(turn, f"screen.frequency.{frequency}", f"set:{topic}:{frequency}:{page}")]
            for frequency in Frequency
        ]
        chosen = {f"set:{topic}:{state.frequency}:{page}"}
        if turn.present.has_telegram and state.frequency is not Frequency.OFF:
            ways = ("own", *ChannelName)
            rows.append([self._button(turn, f"screen.by.{way}", f"by:{topic}:{way}:{page}") for way in ways])
            own = state.channel is not turn.present.channel
            chosen.add(f"by:{topic}:{state.channel if own else 'own'}:{page}")
        text += ["", self._say("screen.topic", language)]
        return Screen("\n".join(text), [*rows, [self._back(turn, f"topics:{page}")]], frozenset(chosen))

    async def _set_topic(self, turn: _Turn, arguments: list[str]) -> Screen:
        topic, frequency, page = arguments
        state = turn.state(topic)
        way = state.channel if state.channel is not turn.present.channel and turn.present.has_telegram else None
        edit: Edit = {"topics": {topic: TopicPreference(Frequency(frequency), way)}}
        return await self._change(turn, edit, self._topic, [topic, page])

    async def _set_way(self, turn: _Turn, arguments: list[str]) -> Screen:
        topic, way, page = arguments
        state = turn.state(topic)
        preference = TopicPreference(state.frequency, None if way == "own" else ChannelName(way))
        return await self._change(turn, {"topics": {topic: preference}}, self._topic, [topic, page])

    # How and when

    async def _channel(self, turn: _Turn, arguments: list[str]) -> Screen:
        if arguments:
            if arguments[0] == ChannelName.TELEGRAM:
                await self._let_write_again(turn)
            return await self._change(turn, {"channel": ChannelName(arguments[0])}, self._channel, [])
        rows = [[self._button(turn, f"screen.by.{way}", f"channel:{way}")] for way in ChannelName]
        chosen = frozenset({f"channel:{turn.present.channel}"})
        return self._question(turn, "screen.channel_ask", rows, chosen)

    async def _let_write_again(self, turn: _Turn) -> None:
        """Who ended Telegram here may begin it again here."""
        address = (await list_addresses(turn.session, turn.person_id))[ChannelName.TELEGRAM]
        if address.suppression == STOPPED:
            await lift_suppression(turn.session, address.id)

    async def _pause(self, turn: _Turn, arguments: list[str]) -> Screen:
        if arguments:
            days = arguments[0] if arguments[0] in _PAUSES else ""
            until = today(self._talk.clock) + timedelta(days=int(days))
            return await self._change(turn, {"paused_until": until})
        rows = [[self._button(turn, name, f"pause:{days}")] for days, name in _PAUSES.items()]
        if turn.person.paused_until is not None:
            rows.append([self._button(turn, "screen.resume", "resume")])
        return self._question(turn, "screen.pause_ask", rows, on_page=True)

    async def _resume(self, turn: _Turn, _: list[str]) -> Screen:
        return await self._change(turn, {"paused_until": None})

    async def _quiet(self, turn: _Turn, arguments: list[str]) -> Screen:
        quiet = set(turn.person.quiet_days)
        match arguments:
            case ["day", day]:
                changed = sorted(quiet ^ {int(day)})
                return await self._change(turn, {"quiet_days": changed}, self._quiet, [])
            case ["hours", name]:
                begins, ends = _HOURS[name]
                return await self._change(turn, {"quiet_from": begins, "quiet_to": ends}, self._quiet, [])
        days = [
            Button(title=self._talk.teller.weekdays([day], turn.language), payload=f"quiet:day:{day}")
            for day in range(1, 8)
        ]
        rows = [days[:2], days[2:4], days[4:6], days[6:]]
        rows += [[self._button(turn, f"screen.{name}", f"quiet:hours:{name}")] for name in _HOURS]
        hours = (turn.person.quiet_from, turn.person.quiet_to)
        chosen = {f"quiet:day:{day}" for day in quiet}
        chosen |= {f"quiet:hours:{name}" for name, known in _HOURS.items() if known == hours}
        return self._question(turn, "screen.quiet_ask", rows, frozenset(chosen), on_page=True)

    async def _language(self, turn: _Turn, arguments: list[str]) -> Screen:
        if arguments:
            return await self._change(turn, {"language": arguments[0]}, self._language, [])
        rows = [[Button(title=LANGUAGES[code].own_name, payload=f"language:{code}")] for code in RELEASED]
        chosen = frozenset({f"language:{turn.person.language}"})
        return self._question(turn, "screen.language_ask", rows, chosen)

    # All of them

    async def _change(
        self, turn: _Turn, edit: Edit, then: _Action | None = None, arguments: list[str] | None = None
    ) -> Screen:
        talk = self._talk
        change = await change_preferences(
            turn.session, turn.person_id, edit, topics=talk.topics, origin=CHANNEL, clock=talk.clock
        )
        done = self._say("done" if change is not None else "already", turn.language)
        return await self._show_again(turn, then or self._home, arguments or [], done)

    async def _show_again(self, turn: _Turn, then: _Action, arguments: list[str], done: str) -> Screen:
        """The screen as it is after a change."""
        person = await turn.session.get_one(Subscriber, turn.person_id, populate_existing=True)
        fresh = _Turn(turn.session, person, await self._talk.load_present(turn.session, person), turn.language)
        effect = await measure_effect(turn.session, turn.person_id, topics=self._talk.topics, clock=self._talk.clock)
        fresh.done = [done]
        if effect.messages:
            fresh.done.append(self._say("effect", turn.language, count=effect.messages))
        fresh.done.append("")
        return await then(fresh, arguments)

    def _question(
        self,
        turn: _Turn,
        key: str,
        rows: list[list[Button]],
        chosen: frozenset[str] = frozenset(),
        *,
        on_page: bool = False,
    ) -> Screen:
        """``on_page``: there is more to choose than buttons can hold, and it says where."""
        lines = [*turn.done, self._say(key, turn.language)]
        if on_page:
            lines += ["", self._say("screen.on_page", turn.language, url=self._talk.teller.url)]
        return Screen("\n".join(lines), [*rows, [self._back(turn, "home")]], chosen)

    def _back(self, turn: _Turn, action: str) -> Button:
        return self._button(turn, "screen.back", action)

    def _button(self, turn: _Turn, key: str, action: str) -> Button:
        return Button(title=self._say(key, turn.language), payload=action)

    def _say(self, key: str, language: str, /, **values: Any) -> str:
        return self._talk.teller.say(key, language, **values)
