"""What is due for one's own city: recognised by words alone, told to contacts of that city and to nobody else.

Who asks is never taken from what they say: a connected Telegram chat, or a link that was asked for and opened in this
browser, shows it. The question does not go to the assistant, which learns nothing of a city.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel.dates import format_date
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import IncomingMessage, Link, Reply
from core.clock import Clock
from core.database import Database
from core.languages import locale_of
from core.normalise import fold, words
from core.texts import Texts
from knowledge.base import FOLDER
from knowledge.places import Gazetteer
from subscriptions.errors import SubscriberNotFoundError
from subscriptions.membership import list_due_dates, may_know
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
_PARTICLES = ("و", "ف", "ب", "ل", "ك")


class _Phrases:
    """Phrases, each a row of folded words, to be found in a text."""

    def __init__(self, said: Iterable[str]) -> None:
        self._by_first: dict[str, list[list[str]]] = {}
        self._by_beginning: list[list[str]] = []
        for one in said:
            phrase = re.findall(r"[^\W_]+\*?", fold(one))
            if phrase[0].endswith("*"):
                self._by_beginning.append(phrase)
            else:
                self._by_first.setdefault(phrase[0], []).append(phrase)

    def stand_in(self, text: list[frozenset[str]]) -> bool:
        """Whether any of them does. Each word of the text is the set of its forms."""
        return any(
            _begins(phrase, text[at : at + len(phrase)])
            for at, forms in enumerate(text)
            for phrase in (*(one for form in forms for one in self._by_first.get(form, ())), *self._by_beginning)
        )


@dataclass(frozen=True)
class _Words:
    """What people say in one language."""

    city: _Phrases
    due: _Phrases
    whole: _Phrases
    other: _Phrases


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
        folder: Path = FOLDER,
    ) -> None:
        self._texts = texts
        self._gazetteer = gazetteer
        self._database = database
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._languages = [_read(path) for path in sorted((folder / "texts").glob("*/own_city.yaml"))]

    def recognises(self, text: str) -> bool:
        """Whether somebody asks what is due for their own city, in any of the languages."""
        said = [_forms(word) for word in words(text)]
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
            if who is None or who.city is None or not may_know(who):
                return []
            dates = await list_due_dates(session, who.city)
        return [self._tell(who, who.city, dates[:MOST_DATES], language)] if dates else []

    async def answer(self, message: IncomingMessage, language: str) -> list[Reply]:
        """What is due, or how one shows who one is."""
        async with self._database.session() as session:
            who = await self._find_asker(session, message)
            if who is None:
                return [self._ask_who(message, language)]
            if who.city is None or not may_know(who):
                return [self._say("not_contact", language)]
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
                date=format_date(due.due_on, "long", locale_of(language)),
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
    return _Words(**{name: _Phrases(phrases) for name, phrases in data.items()})


def _forms(word: str) -> frozenset[str]:
    """A word, and in Arabic also without what is written on to its beginning."""
    found = {word}
    if "\u0600" <= word[:1] <= "\u06ff":
        for particle in ("", *_PARTICLES):
            bare = word.removeprefix(particle)
            found |= {bare, bare.removeprefix("ال")}
            if particle == "ل" and bare.startswith("ل"):
                found.add(bare.removeprefix("ل"))
    return frozenset(form for form in found if len(form) > 1 or form == word)


def _begins(phrase: list[str], text: list[frozenset[str]]) -> bool:
    return len(text) == len(phrase) and all(map(_fits, phrase, text))


def _fits(word: str, forms: frozenset[str]) -> bool:
    if word.endswith("*"):
        return any(form.startswith(word[:-1]) for form in forms)
    return word in forms
