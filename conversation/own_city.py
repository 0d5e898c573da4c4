"""What is due for one's own city: recognised by words alone, told to contacts of that city and to nobody else.

Who asks is never taken from what they say: a connected Telegram chat, or a link that was asked for and opened in this
browser, shows it. The question does not go to the assistant, which learns nothing of a city.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import IncomingMessage, Link, Reply
from conversation.coming_events import ComingEvents
from conversation.phrases import Phrases, read_forms
from core.clock import Clock
from core.database import Database
from core.languages import format_day
from core.texts import Texts
from knowledge.base import FOLDER
from knowledge.places import Gazetteer
from subscriptions.errors import SubscriberNotFoundError
from subscriptions.membership import is_checked, list_due_dates, may_know
from subscriptions.models import ChannelName, DueDate, Subscriber
from subscriptions.pages import OWN_CITY
from subscriptions.rhythm import zone_of
from subscriptions.subscribers import find_by_address, get_subscriber

ANSWER = "flow/own-city"
DUTIES = "membership/duty-"
"""How the ids of the entries begin that say what members owe."""
MOST_WORDS = 25
"""A longer text tells of something else too, and goes to the assistant."""
MOST_DATES = 10


@dataclass(frozen=True)
class _Words:
    """What people say in one language."""

    city: Phrases
    due: Phrases
    whole: Phrases
    other: Phrases


class OwnCity:
    """Recognises the question, and answers it."""

    def __init__(
        self,
        *,
        texts: Texts,
        gazetteer: Gazetteer,
        database: Database,
        clock: Clock,
        public_url: str,
        events: ComingEvents | None = None,
        folder: Path = FOLDER,
    ) -> None:
        self._texts = texts
        self._gazetteer = gazetteer
        self._database = database
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._events = events
        self._languages = [_read(path) for path in sorted((folder / "texts").glob("*/own_city.yaml"))]

    def recognises(self, text: str) -> bool:
        """Whether somebody asks what is due for their own city, or for the next event, in any of the languages."""
        return self._asks_for_dues(text) or (self._events is not None and self._events.recognises(text))

    def _asks_for_dues(self, text: str) -> bool:
        said = read_forms(text)
        if not 2 <= len(said) <= MOST_WORDS:
            return False
        return any(
            language.whole.stand_in(said) or (language.city.stand_in(said) and language.due.stand_in(said))
            for language in self._languages
        ) and not any(language.other.stand_in(said) for language in self._languages)

    async def add_to(
        self, replies: Iterable[Mapping[str, Any]], message: IncomingMessage, language: str
    ) -> list[Reply]:
        """Beside an answer about the duties of members: what is due, for a contact of a city. Else nothing."""
        if not any(str(reply.get("answer") or "").startswith(DUTIES) for reply in replies):
            return []
        async with self._database.session() as session:
            who = await self._find_asker(session, message)
            if who is None or who.city is None or not may_know(who) or not await is_checked(session, who):
                return []
            dates = await list_due_dates(session, who.city)
        return [self._tell(who, who.city, dates[:MOST_DATES], language)] if dates else []

    async def answer(self, message: IncomingMessage, language: str) -> list[Reply]:
        """What is due, or how one shows who one is; for whoever asks for events, those to come."""
        if self._events is not None and not self._asks_for_dues(message.text):
            return await self._events.answer(message.text, language)
        async with self._database.session() as session:
            who = await self._find_asker(session, message)
            if who is None:
                return [self._ask_who(message, language)]
            if who.city is None or not may_know(who):
                return [self._say("not_contact", language)]
            if not await is_checked(session, who):
                return [Reply(text=self._texts.get("error.successor_unchecked", language), language=language)]
            dates = await list_due_dates(session, who.city)
        return [self._tell(who, who.city, dates[:MOST_DATES], language)]

    async def _find_asker(self, session: AsyncSession, message: IncomingMessage) -> Subscriber | None:
        """Whoever this conversation was shown to belong to; None too for who has left."""
        if message.channel == ChannelName.TELEGRAM:
            found = await find_by_address(session, ChannelName.TELEGRAM, message.sender)
            who = found[0] if found is not None and found[1].suppressed_at is None else None
        elif message.subscriber is not None and message.is_proven:
            try:
                who = await get_subscriber(session, message.subscriber)
            except SubscriberNotFoundError:
                who = None
        else:
            who = None
        return who if who is not None and who.left_at is None else None

    def _tell(self, who: Subscriber, city: str, dates: Iterable[DueDate], language: str) -> Reply:
        place = self._gazetteer.get(city)
        name = self._gazetteer.name(place, language) if place else city
        today = self._clock.now().astimezone(zone_of(who.time_zone)).date()
        lines = [
            self._texts.get(
                "membership.chat.line_late" if due.due_on < today else "membership.chat.line",
                language,
                date=format_day(due.due_on, language),
                what=due.words or self._texts.get(f"mail.reminder.kind.{due.kind}", language),
            )
            for due in dates
        ]
        if not lines:
            return self._say("nothing", language, city=name)
        opening = self._texts.get("membership.chat.due", language, city=name)
        closing = self._texts.get("membership.chat.mistake", language)
        return Reply(text="\n".join([opening, *lines, "", closing]), answer=ANSWER, language=language)

    def _ask_who(self, message: IncomingMessage, language: str) -> Reply:
        key = "sign_in_telegram" if message.channel == ChannelName.TELEGRAM else "sign_in"
        reply = self._say(key, language)
        address = f"{self._public_url}{OWN_CITY}?lang={language}"
        reply.links = [Link(title=self._texts.get("membership.chat.open", language), url=address)]
        return reply

    def _say(self, key: str, language: str, /, **values: str) -> Reply:
        return Reply(
            text=self._texts.get(f"membership.chat.{key}", language, **values), answer=ANSWER, language=language
        )


@cache
def _read(path: Path) -> _Words:
    data: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return _Words(**{name: Phrases(phrases) for name, phrases in data.items()})
