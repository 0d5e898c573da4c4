"""Says wishes and choices back in words: one line for each thing, from locales/<language>/preferences_talk.yml."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, time

from babel import Locale
from babel.dates import format_date, format_time, get_day_names
from babel.lists import format_list

from conversation.wishes.plan import Plan
from conversation.wishes.wish import Move, Note, TopicWish, Wish
from core.languages import LANGUAGES, locale_of
from core.texts import Texts, separate
from subscriptions.models import Frequency
from subscriptions.preferences import TopicState

_NOW = (Frequency.AT_ONCE, Frequency.DAILY, Frequency.WEEKLY)
BULLET = "• "


class Teller:
    """Words for wishes. ``url`` is the page where the same can be done."""

    def __init__(self, texts: Texts, url: str) -> None:
        self.texts = texts
        self.url = url

    def say(self, key: str, language: str, /, **values: object) -> str:
        """A sentence of this subject."""
        return self.texts.get(f"preferences_talk.{key}", language, **values)

    def wish(self, wish: Wish, language: str) -> list[str]:
        """What was understood, line by line."""
        lines: list[str] = []

        def add(key: str, **values: object) -> None:
            lines.append(self.say(f"line.{key}", language, **values))

        if wish.choice is not None:
            add(wish.choice)
        for topic, each in wish.topics.items():
            for key in _topic_keys(each, wish):
                add(key, topic=self.topic(topic, language))
        if wish.only:
            add("others_off")
        if wish.others is not None:
            add(f"others_{wish.others}")
        if wish.frequency is not None and not wish.only:
            add(f"frequency_{wish.frequency}")
        if wish.step:
            add("more" if wish.step > 0 else "less")
        if wish.channel is not None:
            add(f"channel_{wish.channel}")
        if wish.language is not None:
            add("language", language=LANGUAGES[wish.language].own_name)
        if wish.paused_until is not None:
            add("pause", date=self.day(wish.paused_until, language))
        if wish.resume:
            add("resume")
        if wish.quiet_from is not None and wish.quiet_to is not None:
            add("quiet_hours", begins=self.hour(wish.quiet_from, language), ends=self.hour(wish.quiet_to, language))
        if wish.quiet_days:
            add("quiet_days", days=self.weekdays(wish.quiet_days, language))
        if wish.digest_on is not None:
            add("digest_on", day=self.weekdays([wish.digest_on], language))
        if wish.undo:
            add("undo")
        return [BULLET + line for line in lines]

    def notes(self, wish: Wish, language: str) -> list[str]:
        """What was asked for and cannot be had here."""
        return [self.say(f"note.{note}", language, url=self.url) for note in wish.notes if isinstance(note, Note)]

    def remarks(self, plan: Plan, language: str) -> list[str]:
        """What cannot be done as it was said."""
        return [
            self.say(f"note.{remark}", language, url=self.url, topics=self.topics(topics, language))
            for remark, topics in plan.remarks.items()
        ]

    def now(self, states: Sequence[TopicState], paused_until: date | None, language: str) -> list[str]:
        """What comes at present, by how often."""
        lines = []
        for frequency in _NOW:
            found = [state.topic for state in states if state.frequency is frequency and not state.is_required]
            if found:
                lines.append(BULLET + self.say(f"now_{frequency}", language, topics=self.topics(found, language)))
        lines = [self.say("now", language), *lines] if lines else [self.say("now_nothing", language)]
        if paused_until is not None:
            lines.append(self.say("now_paused", language, date=self.day(paused_until, language)))
        return lines

    def topic(self, topic: str, language: str) -> str:
        return self.texts.get(f"topic.{topic}.title", language)

    def topics(self, topics: Iterable[str], language: str) -> str:
        """Their names; semicolons, since names have commas and words for "and" in them."""
        return separate((self.topic(topic, language) for topic in topics), language)

    def day(self, day: date, language: str) -> str:
        return format_date(day, "full", locale=locale_of(language))

    def hour(self, hour: time, language: str) -> str:
        # Twenty-four hours in every language: "8:00" alone is morning or evening in none of them.
        return format_time(hour, "HH:mm", locale=Locale.parse(language))

    def weekdays(self, days: Iterable[int], language: str) -> str:
        names = get_day_names("wide", "stand-alone", Locale.parse(language))
        return format_list([names[day - 1] for day in days], locale=Locale.parse(language))


def _topic_keys(each: TopicWish, wish: Wish) -> list[str]:
    if each.move is not Move.ON:
        return [f"topic_{each.move}"]
    frequency = each.frequency or (wish.frequency if wish.only else None)
    keys = [f"topic_{frequency}"] if frequency else []
    keys += [f"topic_{each.channel}"] if each.channel else []
    return keys or ["topic_on"]
