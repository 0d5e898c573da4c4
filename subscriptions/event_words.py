"""When and where an event is, in words of a language, also in a reader's own time; for mails, chats and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_location, get_timezone_name

from channels.letter import one_line
from core.languages import locale_of
from core.texts import Texts, listed
from subscriptions.models import Event


@dataclass(frozen=True, slots=True)
class EventWords:
    """Says what an event is."""

    texts: Texts

    def facts(
        self, event: Event, language: str, time_zone: str, *, shows_link: bool = True
    ) -> tuple[tuple[str, str], ...]:
        """When, where and how, also in the reader's own time where that is another. ``shows_link``: for guests."""
        when = self.span(event.starts_at, event.ends_at, event.time_zone, language)
        facts = [("when", when)]
        if _offset(event.starts_at, time_zone) != _offset(event.starts_at, event.time_zone):
            facts.append(("your_time", self.span(event.starts_at, event.ends_at, time_zone, language)))
        facts += [("where", one_line(event.place or "")), ("online", (event.online_url or "") if shows_link else "")]
        names = locale_of(language).languages
        spoken = [names.get(code, code) for code in event.languages]
        facts.append(("languages", listed(spoken, language)))
        facts.append(("who_pays", one_line(event.who_pays or "")))
        if event.registration_opens_at is not None and event.cancelled_at is None:
            opens_at = self.moment(event.registration_opens_at, event.time_zone, language)
            facts.append(("opens", opens_at))
        if event.registration_closes_at is not None and event.cancelled_at is None:
            facts.append(("closes", self.moment(event.registration_closes_at, event.time_zone, language)))
        own = {"opens": "event.fact.opens"}
        return tuple(
            (self.texts.get(own.get(name, f"mail.event.{name}"), language), value) for name, value in facts if value
        )

    def span(self, start: datetime, end: datetime, zone: str, language: str) -> str:
        """From when to when."""
        tz, locale = ZoneInfo(zone), locale_of(language)
        begins, ends = start.astimezone(tz), end.astimezone(tz)
        key = "one_day" if begins.date() == ends.date() else "more_days"
        return self._say(
            key,
            language,
            day=format_date(begins.date(), "full", locale),
            end_day=format_date(ends.date(), "full", locale),
            start=format_time(begins.timetz(), "short", locale=locale),
            end=format_time(ends.timetz(), "short", locale=locale),
            zone=_zone_name(begins, zone, locale),
        )

    def moment(self, at: datetime, zone: str, language: str) -> str:
        """A day and an hour, with the name of its zone."""
        local, locale = at.astimezone(ZoneInfo(zone)), locale_of(language)
        return self._say(
            "moment",
            language,
            day=format_date(local.date(), "full", locale),
            time=format_time(local.timetz(), "short", locale=locale),
            zone=_zone_name(local, zone, locale),
        )

    def _say(self, name: str, language: str, /, **values: Any) -> str:
        return self.texts.get(f"mail.event.{name}", language, **values)


def _zone_name(at: datetime, zone: str, locale: Locale) -> str:
    local = at.astimezone(ZoneInfo(zone))
    name = get_timezone_name(local, "long", locale=locale)
    # A zone without a name of its own would be told as an offset.
    return get_timezone_location(local, locale=locale) if any(map(str.isdigit, name)) else name


def _offset(at: datetime, zone: str) -> object:
    return at.astimezone(ZoneInfo(zone)).utcoffset()
