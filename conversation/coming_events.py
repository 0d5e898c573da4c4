"""The hub's own events: recognised by words alone, listed with their dates, beside what is known of such events.

The assistant cannot know them, since the team plans them while it runs. Only public events are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from channels.base import Link, Reply
from conversation.phrases import Phrases, read_forms
from conversation.replies import PREFERENCES, Wording
from core.clock import Clock
from core.database import Database
from knowledge.base import FOLDER
from subscriptions.event_words import EventWords
from subscriptions.events import list_events, title_of

WEBINARS = "tool/icc-webinars"
ANNUAL_MEETING = "tool/icc-coordinators-meeting"
STUDY_VISITS = "tool/icc-study-visits"
MOST_WORDS = 14
"""A longer text tells of something else too, and goes to the assistant."""
MOST_EVENTS = 5


@dataclass(frozen=True)
class _Words:
    """What people say in one language."""

    event: Phrases
    next: Phrases
    annual: Phrases
    visit: Phrases
    other: Phrases


class ComingEvents:
    """Recognises the question for the next event, and answers it."""

    def __init__(
        self, *, wording: Wording, database: Database, clock: Clock, public_url: str, folder: Path = FOLDER
    ) -> None:
        self._wording = wording
        self._database = database
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._languages = [_read(path) for path in sorted((folder / "texts").glob("*/coming_events.yaml"))]

    def recognises(self, text: str) -> bool:
        """Whether somebody asks for the next event, in any of the languages."""
        said = read_forms(text)
        if not 2 <= len(said) <= MOST_WORDS:
            return False
        is_asked = any(words.event.stand_in(said) and words.next.stand_in(said) for words in self._languages)
        return is_asked and not any(words.other.stand_in(said) for words in self._languages)

    async def answer(self, text: str, language: str) -> list[Reply]:
        """What is planned, or that nothing is, and how to be told; then what is known of such events."""
        now = self._clock.now()
        async with self._database.session() as session:
            events = [event for event in await list_events(session, now=now) if event.cancelled_at is None]
        wording, words = self._wording, EventWords(self._wording.texts)
        lines = [wording.texts.get("coming_events.planned" if events else "coming_events.none", language)]
        links = []
        for event in events[:MOST_EVENTS]:
            title = title_of(event, language)[0]
            when = words.span(event.starts_at, event.ends_at, event.time_zone, language)
            lines.append(wording.texts.get("coming_events.line", language, title=title, when=when))
            links.append(Link(title=title, url=f"{self._public_url}/events/{event.id}"))
        lines.append(wording.texts.get("coming_events.tell_me", language))
        links.append(Link(title=wording.texts.get("coming_events.all", language), url=f"{self._public_url}/events"))
        listed = Reply(
            text="\n".join(lines),
            links=links,
            buttons=[wording.button("coming_events.preferences", language, f"/{PREFERENCES}")],
            language=language,
        )
        known = wording.base.get_entry(self._find_entry(text))
        return [listed, wording.entry(known, language, today=now.date())]

    def _find_entry(self, text: str) -> str:
        said = read_forms(text)
        if any(words.annual.stand_in(said) for words in self._languages):
            return ANNUAL_MEETING
        return STUDY_VISITS if any(words.visit.stand_in(said) for words in self._languages) else WEBINARS


@cache
def _read(path: Path) -> _Words:
    data: Mapping[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return _Words(**{name: Phrases(phrases) for name, phrases in data.items()})
