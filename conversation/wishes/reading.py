"""Reads a wish out of a sentence, by words alone: the same sentence always means the same.

A sentence falls into parts at commas, full stops and words for "and" or "but". A part says "yes", "no" or "only" of
the topics in it, and what was said goes on in the next part that is joined by a comma or "and" and says neither. How
often and by which channel belongs to the topics of its part, else to those just before it, else to everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from conversation.wishes.days import find_day
from conversation.wishes.lexicon import Lexicon, Span
from conversation.wishes.wish import Doubt, Move, Note, TopicWish, Wish
from core.normalise import fold
from subscriptions.models import ChannelName, Choice, Frequency

_FREQUENCIES = {
    "at_once": Frequency.AT_ONCE,
    "daily": Frequency.DAILY,
    "weekly": Frequency.WEEKLY,
    "slower": Frequency.WEEKLY,
}
_CHANNELS = {"email": ChannelName.EMAIL, "telegram": ChannelName.TELEGRAM}
MOST_WORDS_OF_UNDO = 6
"""In a longer sentence, "as before" speaks of something else."""
_MORNING = time(8)
_WEEKEND = [6, 7]


_PLUS = {"de": "doubtful", "d": "doubtful", "des": "doubtful", "souvent": "more", "sur": "more"}
"""What the French "plus" says before another word, where no "ne" stands before it."""


@dataclass
class _Part:
    """A stretch between two separators."""

    before: str
    """The separator: stop, comma, and, but; empty at the beginning."""
    spans: list[Span] = field(default_factory=list)
    mode: str | None = None
    own: bool = False
    topics: list[str] = field(default_factory=list)
    is_timed: bool = False
    """It speaks of days or hours on which nothing shall come."""

    def has(self, *kinds: str) -> bool:
        return any(span.kind in kinds for span in self.spans)

    def values(self, kind: str) -> list[Any]:
        return [span.value for span in self.spans if span.kind == kind]


class WishReader:
    """Reads wishes in every language that has the words."""

    def __init__(self, lexicons: Mapping[str, Lexicon]) -> None:
        self._lexicons = lexicons

    def read(self, text: str, language: str, *, today: date) -> Wish:
        """What the text wants, by the language's words; where these find nothing, by those of the other languages."""
        order = [language, *(code for code in self._lexicons if code != language)]
        for code in order:
            if code in self._lexicons:
                wish = _Reading(self._lexicons[code], text, today).wish()
                if code != language and wish == Wish(digest_on=wish.digest_on):
                    # The English "mon" is no Monday in French.
                    continue
                if wish.is_change or wish.doubts or wish.notes or (wish.show and code == language):
                    return wish
        return Wish()

    def read_until(self, text: str, language: str, *, today: date) -> Wish:
        """The text as an answer to "until when?"."""
        for code in dict.fromkeys((language, *self._lexicons)):
            lexicon = self._lexicons.get(code)
            day = find_day(_negate(_as_time(lexicon, fold(text)), code), today) if lexicon is not None else None
            if day is not None:
                return Wish(paused_until=day)
        return Wish()

    def answer(self, text: str, language: str) -> str | None:
        """``confirm``, ``refuse`` or ``change``, where the text says nothing else."""
        for code in dict.fromkeys((language, *self._lexicons)):
            lexicon = self._lexicons.get(code)
            for name in ("confirm", "refuse", "change"):
                if lexicon is not None and lexicon.is_answer(name, text):
                    return name
        return None


class _Reading:
    """One sentence while it is read."""

    def __init__(self, lexicon: Lexicon, text: str, today: date) -> None:
        self._today = today
        self._values: dict[str, Any] = {}
        self._topics: dict[str, TopicWish] = {}
        self._notes: list[Note] = []
        self._doubts: list[Doubt] = []
        self._denied: ChannelName | None = None
        quiet, text = _take_hours(fold(text), lexicon)
        self._spans = _negate(lexicon.annotate(text), lexicon.language)
        if quiet and self._has("not", "drop", "quiet", "message"):
            self._values["quiet_from"], self._values["quiet_to"] = quiet
        self._timed = _negate(_as_time(lexicon, text), lexicon.language)
        self._parts = _split(self._spans)

    def _has(self, *kinds: str) -> bool:
        return any(span.kind in kinds for span in self._spans)

    def _has_channel(self) -> bool:
        return "channel" in self._values or any(wish.channel for wish in self._topics.values())

    def wish(self) -> Wish:
        if self._has("undo") and not self._has("topic") and len(self._spans) <= MOST_WORDS_OF_UNDO:
            return Wish(undo=True)
        if self._has("erase"):
            return Wish(notes=[Note.ERASE])
        paused = self._read_pause()
        before: _Part | None = None
        for part in self._parts:
            _set_mode(part, before)
            if not paused:
                self._read_days(part)
            self._read_topics(part, before)
            self._read_rhythm(part)
            self._read_ways(part)
            if not paused:
                self._read_whole(part)
            before = part
        self._read_required()
        if self._denied is not None and not self._has_channel():
            # There are two ways only: "not by Telegram" is by mail.
            others = [channel for channel in ChannelName if channel is not self._denied]
            self._values["channel"] = others[0]
        if self._has("address") and not self._values and not self._topics:
            self._notes.append(Note.ADDRESS)
        at_once = self._values.get("frequency") == Frequency.AT_ONCE
        if self._values.get("choice") == Choice.EVERYTHING_AT_ONCE and at_once:
            self._values.pop("frequency")
        if "choice" in self._values:
            self._values.pop("step", None)
        wanted = [topic for topic, wish in self._topics.items() if wish.move is not Move.OFF]
        only = bool(self._values.get("only")) and bool(wanted)
        if self._values.get("choice") == Choice.REQUIRED_ONLY and wanted:
            # "Stop everything but the grants" leaves the grants.
            self._values.pop("choice")
            only = True
        self._values["only"] = only
        if not self._values.keys() - {"only"} and not only and not self._topics and self._has("show"):
            self._values["show"] = True
        notes = list(dict.fromkeys(self._notes))
        return Wish(topics=self._topics, notes=notes, doubts=list(dict.fromkeys(self._doubts)), **self._values)

    # Pauses

    def _read_pause(self) -> bool:
        silent = self._has("not", "drop", "nothing", "nothing_else", "leave")
        if self._has("pause") or (silent and any(span.kind == "until" for span in self._timed)):
            day = find_day(self._timed, self._today)
            if day is not None:
                self._values["paused_until"] = day
                return True
            if self._has("pause") and not self._has("resume", "topic"):
                self._doubts.append(Doubt.UNTIL_WHEN)
                return True
            if not self._has("pause"):
                return False
        if self._has("resume") and not self._has("topic"):
            self._values["resume"] = True
            return True
        return False

    # Quiet days, and the day of the digest

    def _read_days(self, part: _Part) -> None:
        days = sorted({*part.values("weekday"), *(_WEEKEND if part.has("weekend") else [])})
        if not days:
            return
        if part.mode == "off" or part.has("quiet") or part.has("weekend"):
            self._values["quiet_days"] = sorted({*self._values.get("quiet_days", []), *days})
            part.is_timed = True
        elif len(days) == 1:
            self._values["digest_on"] = days[0]

    # Topics

    def _read_topics(self, part: _Part, before: _Part | None) -> None:
        if part.has("doubtful") and part.topics:
            self._doubts.append(Doubt.MORE_OR_NONE)
            self._topics |= {topic: TopicWish(move=Move.OFF) for topic in part.topics}
            return
        everything = part.has("all", "nothing") or (part.has("leave") and part.has("except"))
        for topic in part.topics:
            mode = part.mode
            if part.has("except") and (everything or (before and before.has("all", "nothing", "leave"))):
                was_off = part.mode == "off" or part.has("leave") or bool(before and before.mode == "off")
                mode = "only" if was_off else "off"
                if not was_off:
                    self._values["choice"] = Choice.EVERYTHING_AT_ONCE
            if mode == "off":
                self._topics[topic] = TopicWish(move=Move.OFF)
                continue
            if mode == "only":
                self._values["only"] = True
            move = Move.ON
            if mode != "only" and part.has("less", "more") and not _frequency_of(part):
                move = Move.LESS if part.has("less") else Move.MORE
            known = self._topics.get(topic)
            self._topics[topic] = known if known and known.move is move else TopicWish(move=move)
        if part.has("nothing_else") or (part.has("rest") and part.mode == "off" and part.own):
            self._values["only"] = True
            if not any(wish.move is not Move.OFF for wish in self._topics.values()):
                self._values["only"] = False

    # How often, and by which channel

    def _read_rhythm(self, part: _Part) -> None:
        span = _frequency_of(part)
        if span is None:
            # "I do not want more" and, in Italian, "non voglio più" ask for no more often.
            more = part.has("more") and not (part.mode == "off" and part.own)
            if (more or part.has("less")) and not part.topics and not part.has("rest"):
                self._set_step(-1 if part.has("less") else 1)
            return
        if part.has("less") and part.mode != "only":
            self._set_step(-1)
            return
        if span.kind == "slower":
            self._notes.append(Note.SLOWER)
        frequency = _FREQUENCIES[span.kind]
        if part.has("rest"):
            self._values["others"] = frequency
        elif targets := self._targets(part, "frequency"):
            self._set(targets, "frequency", frequency)
        elif part.topics and part.mode == "off":
            # "No more daily mails on youth" is about youth.
            return
        else:
            self._values["frequency"] = frequency
            self._values.pop("step", None)

    def _set_step(self, step: int) -> None:
        """What was said last counts: "your daily mails are too many" sets no frequency."""
        self._values["step"] = step
        self._values.pop("frequency", None)

    def _targets(self, part: _Part, what: str) -> list[str]:
        """The topics that a frequency or channel in a part is about."""
        at = self._parts.index(part)
        names = list(part.topics)
        for earlier in reversed(self._parts[:at]):
            if self._parts[self._parts.index(earlier) + 1].before not in {"comma", "and"}:
                break
            names += earlier.topics
        return [
            topic
            for topic in names
            if (wish := self._topics.get(topic)) and wish.move is not Move.OFF and getattr(wish, what) is None
        ]

    def _set(self, topics: Sequence[str], what: str, value: object) -> None:
        for topic in topics:
            self._topics[topic] = self._topics[topic].model_copy(update={what: value, "move": Move.ON})

    def _read_ways(self, part: _Part) -> None:
        for number, span in enumerate(part.spans):
            previous = [earlier.kind for earlier in part.spans[max(0, number - 2) : number]]
            instead = "instead" in previous
            if span.kind in _CHANNELS:
                channel = _CHANNELS[span.kind]
                if instead or (part.mode == "off" and part.own and not part.topics):
                    self._denied = channel
                    continue
                targets = self._targets(part, "channel")
                if targets and not self._values.get("only"):
                    self._set(targets, "channel", channel)
                else:
                    self._values["channel"] = channel
            elif span.kind == "speak" and not instead:
                if part.mode == "off" and part.own:
                    if "language" not in self._values:
                        self._doubts.append(Doubt.WHICH_LANGUAGE)
                    continue
                self._values["language"] = span.value
            elif span.kind == "language_name" and self._has("language", "instead") and not instead:
                self._values.setdefault("language", span.value)
            elif span.kind == "elsewhere" and part.mode != "off" and not instead:
                self._notes.append(Note.ELSEWHERE)
        if "language" in self._values and Doubt.WHICH_LANGUAGE in self._doubts:
            self._doubts.remove(Doubt.WHICH_LANGUAGE)

    # Everything at once

    def _read_whole(self, part: _Part) -> None:
        if part.has("recommended"):
            self._values["choice"] = Choice.RECOMMENDED_WEEKLY
            return
        if part.is_timed or "quiet_from" in self._values:
            return
        if part.topics or part.has("weekday", "weekend", "speak", "elsewhere", "unit", "hours", "month", *_CHANNELS):
            return
        if part.has("leave") and not part.has("except"):
            if part.before not in {"comma", "and"} or not self._topics:
                self._values["choice"] = Choice.REQUIRED_ONLY
            return
        if part.has("except", "rest", "nothing_else", "daily", "weekly", "slower"):
            return
        if part.has("nothing") or _stops_messages(part) or self._is_bare_stop(part):
            self._values["choice"] = Choice.REQUIRED_ONLY
        elif self._topics or part.mode == "off" or part.has("less", "more", "required"):
            return
        elif part.has("all") and (part.own or part.has("at_once")):
            self._values["choice"] = Choice.EVERYTHING_AT_ONCE

    def _is_bare_stop(self, part: _Part) -> bool:
        """Nothing but "stop"."""
        only = all(span.kind in {"drop", "word", "stop", "and"} for span in self._spans)
        return part.has("drop") and part.mode == "off" and len(self._parts) == 1 and only

    def _read_required(self) -> None:
        if self._has("required") and not self._topics:
            self._values["choice"] = Choice.REQUIRED_ONLY
            self._values.pop("step", None)


def _split(spans: Sequence[Span]) -> list[_Part]:
    parts = [_Part("")]
    for span in spans:
        if span.kind in {"stop", "comma", "and", "but"}:
            if parts[-1].spans:
                parts.append(_Part(span.kind))
            elif span.kind in {"stop", "but"} or not parts[-1].before:
                parts[-1].before = span.kind
        else:
            parts[-1].spans.append(span)
    parts = [part for part in parts if part.spans] or [_Part("")]
    if len(parts) > 1 and [span.kind for span in parts[0].spans] in (["not"], ["on"]):
        # "No, youth every day" answers what was asked before, and then says something else.
        del parts[0]
        parts[0].before = ""
    for part in parts:
        part.topics = [str(value) for value in part.values("topic")]
    return parts


def _set_mode(part: _Part, before: _Part | None) -> None:
    """Whether a part says yes, no or only; where it says neither, what the part before it said goes on."""
    inherited = before.mode if before is not None and part.before in {"comma", "and"} else None
    said: list[str] = []
    for span in part.spans:
        if span.kind in {"not", "drop", "nothing", "on", "only", "leave"}:
            said.append(span.kind)
    part.own = bool(said)
    if "only" in said and (part.topics or not part.has(*_FREQUENCIES, *_CHANNELS, "speak")):
        part.mode = "only" if "not" not in said[: said.index("only")] or not part.topics else "on"
    elif "not" in said and "drop" in said and "nothing" not in said and part.topics:
        # "Do not stop the grants".
        part.mode = "on"
    elif any(kind in {"not", "drop", "nothing", "leave"} for kind in said):
        part.mode = "off"
        if said == ["not"] and part.before == "but" and before is not None and part.topics:
            # "All of it gone, but not the newsletter".
            part.mode = "on" if before.mode == "off" else "off"
    elif "on" in said:
        # "youth, please send" goes on with a yes; "only youth and send ..." is still only that.
        part.mode = "only" if inherited == "only" and part.topics else "on"
    else:
        part.mode = inherited


def _stops_messages(part: _Part) -> bool:
    """ "Stop the mails", "do not send me any messages": a "no" stands just before them, and none says "so many"."""
    if part.mode != "off" or not part.own or part.has("less"):
        return False
    if part.has("drop") and part.has("all", "message"):
        return True
    kinds = [span.kind for span in part.spans]
    return any(
        kind == "not" and {"message", "all"} & set(kinds[at + 1 : at + 5]) and "number" not in kinds[at + 1 : at + 5]
        for at, kind in enumerate(kinds)
    )


def _frequency_of(part: _Part) -> Span | None:
    """How often, as the part says it: the last, but for one that is named to be left ("weekly instead of daily")."""
    found = None
    for number, span in enumerate(part.spans):
        if span.kind not in _FREQUENCIES:
            continue
        previous = [earlier.kind for earlier in part.spans[max(0, number - 2) : number]]
        if "instead" in previous or previous[-1:] == ["not"]:
            continue
        found = span
    return found


def _negate(spans: list[Span], language: str) -> list[Span]:
    """French says no in two words, and "plus" alone says either more or no more."""
    if language != "fr":
        return spans
    result: list[Span] = []
    ne = False
    for number, span in enumerate(spans):
        kind = span.kind
        if kind in {"stop", "but"}:
            ne = False
        elif kind == "ne":
            ne = True
            continue
        elif kind == "plus":
            following = spans[number + 1].text if number + 1 < len(spans) else ""
            kind = "not" if ne else _PLUS.get(following.split(" ")[0], "word")
        elif kind == "only" and span.text == "que" and not (ne or not result or result[-1].kind == "comma"):
            kind = "word"
        result.append(Span(kind, span.value, span.text))
    return result


def _as_time(lexicon: Lexicon, text: str) -> list[Span]:
    """The spans with "a week" as a span of time, not as how often."""
    spans: list[Span] = []
    for span in lexicon.annotate(text):
        if span.kind in {"daily", "weekly", "slower"}:
            alone = [part for word in span.text.split() for part in lexicon.annotate(word)]
            spans += alone if any(part.kind == "unit" for part in alone) else [span]
        else:
            spans.append(span)
    return spans


def _take_hours(text: str, lexicon: Lexicon) -> tuple[tuple[time, time] | None, str]:
    """Hours such as "between 18 and 8", and the text without them."""
    hour = r"(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm)?\s*" + lexicon.hours["clock"]
    between = re.compile(rf"\b{lexicon.hours['between']}\s+{hour}\s*{lexicon.hours['and']}\s*{hour}(?![\d/.])\b")
    after = re.compile(rf"\b{lexicon.hours['after']}\s+{hour}(?![\d/.])")
    for pattern in (between, after):
        match = pattern.search(text)
        if match is None:
            continue
        groups = match.groups()
        begins = _time(*groups[:3])
        ends = _time(*groups[3:6]) if len(groups) > 3 else _MORNING
        following = text[match.end() :].split()[:1]
        is_day = bool(following) and any(span.kind in {"month", "unit"} for span in lexicon.annotate(following[0]))
        if begins is not None and ends is not None and begins != ends and not is_day:
            return (begins, ends), text[: match.start()] + " " + text[match.end() :]
    return None, text


def _time(hour: str, minute: str | None, half: str | None) -> time | None:
    number = int(hour) % 12 + 12 if half == "pm" else int(hour)
    return time(number % 24, int(minute or 0)) if number <= 24 and int(minute or 0) < 60 else None
