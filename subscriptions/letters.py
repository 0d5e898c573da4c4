"""Turns material into letters: one function for each kind of message. What is each reader's own is left as a slot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from channels.letter import Letter, LinkLine, Section, isolated, one_line, slot
from core.languages import SOURCE_LANGUAGE, format_day
from core.markdown import escape
from core.texts import Texts, separate
from subscriptions.event_words import EventWords
from subscriptions.events import title_of
from subscriptions.material import Material, Reader, Reading
from subscriptions.models import Broadcast, BroadcastKind, ChannelName, Delivery, Event
from subscriptions.reasons import can_be_stopped, is_required, kind_of, tell_reason, topic_title
from subscriptions.rules import Rule, Said

ASKED_FOR = frozenset({"confirm", "preferences", "telegram", "handover"})
OPINION_KINDS = frozenset({BroadcastKind.NEWS, BroadcastKind.EVENT, BroadcastKind.MANDATORY, BroadcastKind.URGENT})
LONGEST_PREVIEW = 140

type PlaceName = Callable[[str, str], str]
"""A city's name by its id, in a language."""


@dataclass(frozen=True, slots=True)
class LetterWriter:
    """Writes letters in a reader's language, as far as the catalogue has it."""

    texts: Texts
    place_name: PlaceName
    team_address: str

    def write(self, row: Delivery, reader: Reader, material: Material, today: date) -> Letter | None:
        """The letter of a delivery; None when there are no words for it."""
        kind = kind_of(row.message)
        if row.broadcast_id is not None:
            return self._broadcast(row, reader, material)
        match kind:
            case "digest":
                return self._digest(row, material)
            case "missed":
                return self._missed(row, material)
            case "welcome":
                return self._welcome(row, reader, material)
            case "reminder":
                return self._reminder(row, reader, today)
            case "answer":
                return self._answer(row)
            case "place":
                return self._place(row, reader, material, "place", "place")
            case "noted":
                return self._place(row, reader, material, "noted", f"noted_{row.parts['became']}")
        return self._link(row, reader, kind) if kind in ASKED_FOR else None

    # Broadcasts

    def _broadcast(self, row: Delivery, reader: Reader, material: Material) -> Letter | None:
        broadcast = material.broadcasts.get(row.broadcast_id or "")
        reading = material.read(row.broadcast_id or "", row.language)
        if broadcast is None or reading is None:
            return None
        event = material.event_of(broadcast.id)
        language = self._spoken(row)
        sections = self._sections(reading, language)
        if event is not None:
            note = self._what_changed(broadcast, event, language)
            facts = self.event_facts(event, language, reader.time_zone)
            sections = [Section("", language, note=note, facts=facts), *sections]
        letter = self._frame(row, reading.words.subject, sections, title_language=reading.words.language, event=event)
        if event is not None and (broadcast.kind == BroadcastKind.EVENT or _may_still_answer(row, event)):
            letter = replace(letter, actions=self._answers(event, language, is_alone=True))
        if broadcast.kind in OPINION_KINDS:
            topic = str(row.because.get("topic") or "")
            return self._with_opinions(letter, {"": topic} if topic else {})
        return self._with_opinions(letter, {})

    def _sections(self, reading: Reading, language: str, *, heading: str = "", group: str = "") -> list[Section]:
        words, draft = reading.words, reading.draft
        note = self._say("text.original", language) if reading.is_foreign else ""
        sections = [Section(words.body, words.language, heading=heading, group=group, note=note)]
        if draft is not None:
            title = f"**{escape(draft.subject)}**\n\n" if draft.subject else ""
            sections.append(
                Section(title + draft.body, draft.language, note=self._say("text.draft", language), is_marked=True)
            )
        return sections

    def _what_changed(self, broadcast: Broadcast, event: Event, language: str) -> str:
        if event.cancelled_at is not None:
            return self._say("event.cancelled", language)
        return self._say("event.changed", language) if broadcast.kind == BroadcastKind.EVENT_CHANGE else ""

    def event_facts(self, event: Event, language: str, time_zone: str) -> tuple[tuple[str, str], ...]:
        """When, where and how, also in the reader's own time where that is another."""
        return EventWords(self.texts).facts(event, language, time_zone)

    def _answers(self, event: Event, language: str, *, is_alone: bool = False) -> tuple[LinkLine, ...]:
        """``is_alone``: the message is about nothing else, so that its buttons need no title."""
        return tuple(
            LinkLine(
                self._say(f"event.{word}", language),
                slot(f"answer_{word}_{event.id}"),
                payload=f"@{word}/{event.id}" if is_alone else "",
            )
            for word in ("yes", "maybe", "no")
        )

    # Collected messages

    def _digest(self, row: Delivery, material: Material) -> Letter | None:
        """``parts["items"]``: the broadcasts in their order, each with its ``topic``."""
        language = self._spoken(row)
        by_topic: dict[str, list[str]] = {}
        for item in row.parts.get("items", []):
            by_topic.setdefault(str(item.get("topic", "")), []).append(str(item["broadcast"]))
        sections, titles = self._collect(row, material, by_topic)
        if not titles:
            return None
        subject = self._say("digest.subject", language, count=len(titles))
        contents = "\n".join(f"- {escape(title)}" for title in titles)
        if len(titles) > 1:
            intro = f"{escape(self._say('digest.contents', language))}\n\n{contents}"
            sections.insert(0, Section(intro, language))
        letter = replace(self._frame(row, subject, sections), preview=_cut(" · ".join(titles)))
        return self._with_opinions(letter, {f"_{number}": topic for number, topic in enumerate(opinion_topics(row))})

    def _missed(self, row: Delivery, material: Material) -> Letter | None:
        sections, titles = self._collect(row, material, {"": [str(name) for name in row.parts.get("missed", [])]})
        if not titles:
            return None
        language = self._spoken(row)
        intro = Section(escape(self._say("missed.text", language)), language)
        letter = self._frame(row, self._say("missed.subject", language), [intro, *sections])
        return self._with_opinions(letter, {})

    def _collect(
        self, row: Delivery, material: Material, by_topic: Mapping[str, Iterable[str]]
    ) -> tuple[list[Section], list[str]]:
        language = self._spoken(row)
        sections: list[Section] = []
        titles: list[str] = []
        for topic, names in by_topic.items():
            group = topic_title(self.texts, topic, language) if topic else ""
            for name in names:
                reading = material.read(name, row.language)
                if reading is None:
                    continue
                some = self._sections(reading, language, heading=one_line(reading.words.subject), group=group)
                if event := material.event_of(name):
                    facts = self.event_facts(event, language, _zone_of(row, material) or event.time_zone)
                    some[0] = replace(some[0], facts=facts)
                    some[-1] = replace(some[-1], actions=self._answers(event, language))
                some[-1] = replace(some[-1], actions=(*some[-1].actions, *self._files(name, material, language)))
                sections += some
                titles.append(one_line(reading.words.subject))
                group = ""
        return sections, titles

    def _files(self, broadcast_id: str, material: Material, language: str) -> Iterable[LinkLine]:
        """Links to the files of a broadcast in a collected message, which would grow too large with all of them."""
        for attachment_id, name in material.linked_files.get(broadcast_id, ()):
            yield LinkLine(self._say("file", language, name=isolated(name)), slot(f"file_{attachment_id}"))

    # What the hub says by itself

    def _link(self, row: Delivery, reader: Reader, kind: str) -> Letter:
        language = self._spoken(row)
        city = self._city(reader, language)
        text = escape(self._say(f"{kind}.text", language, city=city))
        if topics := row.parts.get("topics"):
            titles = "\n".join(f"- {escape(topic_title(self.texts, topic, language))}" for topic in topics)
            text += f"\n\n{escape(self.texts.get('preferences.arrive.set', language))}\n\n{titles}"
            text += f"\n\n{escape(self._say('confirm.set_change', language))}"
        sections = [Section(text, language)]
        letter = self._frame(row, self._say(f"{kind}.subject", language, city=city), sections)
        return replace(letter, actions=(LinkLine(self._say(f"{kind}.action", language), slot("once")),))

    def _welcome(self, row: Delivery, reader: Reader, material: Material) -> Letter:
        language = self._spoken(row)
        city = self._city(reader, language)
        file = material.city_files.get(reader.city or "")
        facts: list[tuple[str, str]] = []
        if file is not None:
            for name, value in (
                ("joined", self._date(file.joined_on, language)),
                ("contribution", file.contribution),
                ("last_index", self._date(file.last_index_on, language)),
                ("follow_up", file.index_follow_up),
            ):
                facts += [(self._say(f"welcome.{name}", language), one_line(value))] if value else []
        dates = [
            self._say(
                "welcome.date",
                language,
                date=self._date(due.due_on, language),
                what=self._due(due.kind, due.words, language),
            )
            for due in material.due_dates.get(reader.city or "", [])[:5]
        ]
        if dates:
            facts.append((self._say("welcome.next", language), separate(dates, language)))
        sections = [Section(escape(self._say("welcome.text", language, city=city)), language)]
        if facts:
            sections.append(Section("", language, facts=tuple(facts)))
        if file is not None and file.statement_text:
            heading = self._say("welcome.statement", language)
            sections.append(Section(escape_lines(file.statement_text), language, heading=heading))
        steps = (escape(self._say(f"welcome.step_{name}", language)) for name in ("read", "choose", "meet"))
        numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
        sections.append(Section(numbered, language, heading=self._say("welcome.steps", language)))
        letter = self._frame(row, self._say("welcome.subject", language, city=city), sections)
        choose = LinkLine(self._say("link.change", language), slot("preferences"))
        return replace(letter, actions=(choose, LinkLine(self._say("opinion.question", language), slot("ask"))))

    def _reminder(self, row: Delivery, reader: Reader, today: date) -> Letter:
        """``parts``: ``kind`` and ``words`` of the due date, and ``due_on``."""
        language = self._spoken(row)
        due_on = date.fromisoformat(str(row.parts["due_on"]))
        what = self._due(str(row.parts.get("kind", "other")), row.parts.get("words"), language)
        days = (due_on - today).days
        subject = (
            self._say("reminder.subject", language, count=days, what=what)
            if days > 0
            else self._say("reminder.subject_today" if days == 0 else "reminder.subject_late", language, what=what)
        )
        city, day = self._city(reader, language), self._date(due_on, language)
        text = escape(self._say("reminder.text", language, city=city, what=what, date=day))
        section = Section(f"{text}\n\n{escape(self._say('reminder.done', language))}", language)
        letter = self._frame(row, subject, [section])
        return replace(letter, actions=(LinkLine(self._say("opinion.question", language), slot("ask")),))

    def _answer(self, row: Delivery) -> Letter:
        """``parts``: the ``question`` in its asker's words, and the ``answer`` as Markdown."""
        language = self._spoken(row)
        quoted = "\n".join(f"> {escape(line)}" for line in str(row.parts.get("question", "")).splitlines())
        sections = [
            Section(f"{escape(self._say('answer.you_asked', language))}\n\n{quoted}", language),
            Section(str(row.parts["answer"]), language, heading=self._say("answer.our_answer", language)),
        ]
        letter = self._frame(row, self._say("answer.subject", language), sections)
        return replace(letter, actions=(LinkLine(self._say("opinion.question", language), slot("ask")),))

    def _place(self, row: Delivery, reader: Reader, material: Material, title_key: str, key: str) -> Letter | None:
        """What became of a guest's wish: a place became free, or an answer is not what their calendar shows.

        ``parts["event"]``; the keys are below ``event.notice``.
        """
        event, language = material.events.get(str(row.parts["event"])), self._spoken(row)
        if event is None:
            return None
        title, _ = title_of(event, language)
        facts = self.event_facts(event, language, reader.time_zone)
        text = escape(self.texts.get(f"event.notice.{key}", language))
        sections = [Section("", language, facts=facts), Section(text, language)]
        subject = self.texts.get(f"event.notice.{title_key}_subject", language, title=isolated(title))
        return self._frame(row, subject, sections, event=event)

    # What all have in common

    def _frame(
        self,
        row: Delivery,
        title: str,
        sections: Iterable[Section],
        *,
        title_language: str | None = None,
        event: Event | None = None,
    ) -> Letter:
        kind, language = kind_of(row.message), self._spoken(row)
        return Letter(
            language=language,
            title=one_line(title),
            title_language=title_language or language,
            greeting=self._say("greeting", language, name=slot("name")),
            sections=tuple(sections),
            because=tell_reason(self.texts, kind, row.because, language),
            sender=self._say("sender", language),
            sender_address=self.team_address,
            links=self._links(kind, row.because, language, event),
        )

    def _links(
        self, kind: str, because: Mapping[str, Any], language: str, event: Event | None = None
    ) -> tuple[LinkLine, ...]:
        """What can be changed about such messages, each with one click and a confirmation."""
        if kind in ASKED_FOR:
            return ()
        links = []
        if is_required(kind, because):
            links.append(LinkLine(self._say("link.successor", language), slot("successor")))
        elif because.get("said") == Said.INVITATION:
            # Who has not answered has nothing to change: the buttons of the message are the way.
            pass
        elif because.get("rule") == Rule.GUEST and event is not None and event.cancelled_at is None:
            links.append(LinkLine(self._say("link.change_answer", language), slot(f"answer_any_{event.id}")))
        elif can_be_stopped(kind, because):
            title = topic_title(self.texts, str(because.get("topic") or ""), language)
            key = "stop_digest" if kind == "digest" else "stop_topic"
            links.append(LinkLine(self._say(f"link.{key}", language, topic=title), slot("unsubscribe")))
        links.append(LinkLine(self._say("link.change", language), slot("preferences")))
        return tuple(links)

    def _with_opinions(self, letter: Letter, topics: Mapping[str, str]) -> Letter:
        """What one thinks of it, counted by topic, and a question. ``topics``: by what follows the name of the slots.

        Where there is no topic, nothing can be counted, and a question can be asked all the same.
        """
        language = letter.language
        opinions = []
        for number, topic in topics.items():
            for name in ("useful", "not_for_us"):
                key = f"opinion.{name}_topic" if len(topics) > 1 else f"opinion.{name}"
                title = self._say(key, language, topic=topic_title(self.texts, topic, language))
                opinions.append(LinkLine(title, slot(f"{name}{number}")))
        question = LinkLine(self._say("opinion.question", language), slot("ask"))
        asked = self._say("opinion.ask", language) if opinions else ""
        return replace(letter, opinion=asked, opinions=(*opinions, question))

    def _spoken(self, row: Delivery) -> str:
        """The language of all but the team's own words: the reader's, once the catalogue has it."""
        return row.language if self.texts.has("mail.greeting", row.language) else SOURCE_LANGUAGE

    def _say(self, key: str, language: str, /, **values: Any) -> str:
        return self.texts.get(f"mail.{key}", language, **values)

    def _city(self, reader: Reader, language: str) -> str:
        return isolated(self.place_name(reader.city, language)) if reader.city else self._say("your_city", language)

    def _date(self, day: date | None, language: str) -> str:
        return format_day(day, language) if day else ""

    def _due(self, kind: str, words: object, language: str) -> str:
        if words:
            return one_line(str(words))
        known = f"mail.reminder.kind.{kind}"
        return self.texts.get(known if self.texts.has(known, SOURCE_LANGUAGE) else "mail.reminder.kind.other", language)


def opinion_topics(row: Delivery) -> list[str]:
    """The topics inside a collected message, in their order, for what is said of each."""
    return list(dict.fromkeys(str(item["topic"]) for item in row.parts.get("items", []) if item.get("topic")))


def opens_once(kind: str) -> bool:
    """Whether a message carries a link that works once."""
    return kind in ASKED_FOR


def slot_channel(row: Delivery) -> ChannelName:
    """The channel of a delivery."""
    return ChannelName(row.channel)


def escape_lines(text: str) -> str:
    """Plain text as Markdown, its paragraphs and lines kept."""
    return "\n\n".join("  \n".join(escape(line) for line in part.splitlines()) for part in text.split("\n\n"))


def _zone_of(row: Delivery, material: Material) -> str:
    """The reader's own time zone."""
    reader = material.readers.get(row.address_id)
    return reader.time_zone if reader is not None else ""


def _may_still_answer(row: Delivery, event: Event) -> bool:
    """Whether a change went to somebody who was invited and has said nothing."""
    return row.because.get("said") == Said.INVITATION and event.cancelled_at is None


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_PREVIEW else text[: LONGEST_PREVIEW - 1].rstrip() + "…"
