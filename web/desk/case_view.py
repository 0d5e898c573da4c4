"""A case in words: the report in sections, messages with their translation beside them, files, and who reads what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from core.languages import format_day, format_moment
from reports.cases import CaseSummary, OpenCase, ShownEntry
from reports.contents import Copy, EntryKind, FileNote, Report
from reports.phrases import render_phrase
from web.desk.doorway import Visit
from web.pages import direction


@dataclass(frozen=True)
class Said:
    """Words in the language that they were written in, with a translation beside them where there is one."""

    text: str = field(repr=False)
    language: str
    language_name: str
    direction: str
    translation: str | None = field(default=None, repr=False)
    by_machine: bool = False


@dataclass(frozen=True)
class Fact:
    """One question with its answer: chosen words of ours, and the person's own."""

    name: str
    chosen: list[str]
    own: Said | None = None


@dataclass(frozen=True)
class ShownFile:
    """A file with the copies that can be opened."""

    name: str
    kind: str
    kilobytes: int
    sha256: str
    is_voice: bool
    copies: list[tuple[str, str]]
    """Which copy, and its id."""


@dataclass(frozen=True)
class Post:
    """A message or a note."""

    kind: EntryKind
    author: str
    written: str
    said: Said | None
    phrases: list[str]
    files: list[ShownFile]
    answer: str | None
    """The reporter's answer to a hand-over."""
    asks: str | None
    """The desk that a hand-over was asked for."""


async def show_story(visit: Visit, report: Report) -> Said | None:
    """What happened, in the person's words."""
    if not report.story:
        return None
    return await say(visit, report.story, report.story_language or report.language)


async def show_posts(visit: Visit, case: OpenCase) -> list[Post]:
    """Messages and notes in order."""
    return [await _post(visit, entry, case.summary) for entry in case.entries]


async def show_facts(visit: Visit, report: Report) -> list[Fact]:
    """Everything else that the person answered; what was skipped is left out, but for the contact."""
    asked: list[tuple[str, list[str], str | None]] = [
        ("safe", _choices(visit, "safe", report.is_safe), None),
        ("minor", [visit.t("desk.yes")] if report.is_minor else [], None),
        ("place", _place(visit, report), report.place_words),
        ("about_city", _choices(visit, "about_city", report.about_city), None),
        ("when", _when(visit, report), report.when.words if report.when.day is None else None),
        ("area", _choices(visit, "area", report.area), None),
        ("grounds", _choices(visit, "grounds", *report.grounds), report.grounds_words),
        ("who", _choices(visit, "who", *report.who.kinds), report.who.name),
        ("witnesses", _choices(visit, "witnesses", report.witnesses), report.witnesses_words),
        ("wishes", _choices(visit, "wishes", *report.wishes), report.wishes_words),
        ("for_whom", _choices(visit, "for_whom", report.for_whom), report.organisation),
        ("same_event", _event(visit, report), report.same_event if _is_named(report.same_event) else None),
        ("contact", _contact(visit, report), report.contact.value),
    ]
    return [
        Fact(visit.t(f"desk.fact.{name}"), chosen, await say(visit, own, report.language) if own else None)
        for name, chosen, own in asked
        if chosen or own
    ]


def show_files(visit: Visit, notes: list[FileNote]) -> list[ShownFile]:
    """Files with the copies that the person gave."""
    return [
        ShownFile(
            name=note.name,
            kind=note.media_type,
            kilobytes=max(1, note.size // 1024),
            sha256=note.sha256,
            is_voice=note.is_voice,
            copies=[(visit.t(f"desk.file.{Copy(copy)}"), file_id) for copy, file_id in note.chosen.items()],
        )
        for note in notes
    ]


def interpreter_for(visit: Visit, summary: CaseSummary) -> str | None:
    """The language that needs an interpreter: neither the desk nor this officer says that they read it."""
    spoken = summary.report.story_language or summary.report.language
    known = {*visit.signed_in.desk.languages, visit.signed_in.officer.language, visit.page.language}
    return None if spoken in known else visit.page.language_name(spoken)


def show_moment(visit: Visit, moment: datetime) -> str:
    """A day and an hour in the desk's time zone, which the page names once."""
    here = moment.astimezone(ZoneInfo(visit.time_zone))
    return format_moment(here, visit.page.language)


async def say(visit: Visit, text: str, language: str) -> Said:
    """Words with a translation by machine beside them, where one is installed and they need it."""
    translation = None
    translator = visit.page.hub.translator
    if translator is not None and language != visit.page.language:
        translation = await translator(text, source=language, target=visit.page.language)
    name = visit.page.language_name(language)
    return Said(text, language, name, direction(language), translation, by_machine=translation is not None)


async def _post(visit: Visit, entry: ShownEntry, summary: CaseSummary) -> Post:
    written = entry.text
    said = await _own_words(visit, entry, summary.report.language) if written.text else None
    answer = None
    if written.agrees is not None:
        answer = visit.t(f"case.answer.{'agreed' if written.agrees else 'refused'}")
    texts = visit.page.hub.wording.texts
    return Post(
        kind=entry.kind,
        author=written.author or visit.t("desk.case.reporter"),
        written=show_moment(visit, written.written_at),
        said=said,
        phrases=[render_phrase(phrase, texts, visit.page.language) for phrase in written.phrases],
        files=show_files(visit, written.files),
        answer=answer,
        asks=written.hand_over.desk_name if written.hand_over else None,
    )


async def _own_words(visit: Visit, entry: ShownEntry, reporter_language: str) -> Said:
    """A message to the reporter stands beside what the reporter reads of it."""
    written = entry.text
    given = written.translations.get(reporter_language)
    if given is None:
        return await say(visit, written.text, written.language)
    name = visit.page.language_name(written.language)
    return Said(written.text, written.language, name, direction(written.language), given.text, given.by_machine)


def _choices(visit: Visit, step: str, *values: str | None) -> list[str]:
    texts = visit.page.hub.wording.texts
    keys = [f"report.choice.{step}.{value}" for value in values if value]
    return [texts.get(key, visit.page.language) for key in keys if texts.has(key, "en")]


def _place(visit: Visit, report: Report) -> list[str]:
    match [visit.page.place_name(place) for place in (report.city, report.country) if place]:
        case [city, country]:
            return [f"{city} ({country})"]
        case names:
            return names


def _when(visit: Visit, report: Report) -> list[str]:
    day = [format_day(report.when.day, visit.page.language)] if report.when.day else []
    return [*_choices(visit, "when", report.when.choice), *day]


def _contact(visit: Visit, report: Report) -> list[str]:
    """Said also where it was not answered: who reads it must not take silence for a wish."""
    return _choices(visit, "contact", report.contact.kind) or [visit.t("report.review.nothing")]


def _is_named(event: str | None) -> bool:
    return event not in {None, "no", "unknown"}


def _event(visit: Visit, report: Report) -> list[str]:
    return [] if _is_named(report.same_event) else _choices(visit, "same_event", report.same_event)
