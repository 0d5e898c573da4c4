"""Drawing: what the person sees at a step, in their language. Nothing here changes a draft."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import Button, Link, Reply
from channels.forms import AnswerKind, Choice, FormInput, Letter, ReviewLine, Screen, ShownFile
from core.clock import Clock, today
from core.texts import Texts
from knowledge.base import Entry
from knowledge.deadlines import Said
from knowledge.places import Place
from reports.contents import Origin
from reports.desk_words import DeskWords
from reports.desks import DeskChoice
from reports.intake.choices import Choices
from reports.intake.deadlines import Deadlines
from reports.intake.drafts import LETTER, OpenDraft, Sheet
from reports.intake.letter import Letters
from reports.intake.routing import Routing
from reports.intake.saying import AnswerWords
from reports.intake.steps import Step, Steps

UNSAFE = frozenset({"no", "unsure"})
MOST_BODIES_SHOWN = 3
PAUSED, WITHDRAW, WITHDRAWN, SENT = "paused", "withdraw", "withdrawn", "done"
"""Names of screens that are no steps."""
STAY, DELETE = "stay", "delete"


class ServiceWords(Protocol):
    """How the chat says emergency numbers and services; the form says them the same."""

    def emergency(self, country: str, language: str) -> Reply | None: ...

    def country_buttons(self, payload: str, language: str) -> list[Button]: ...

    def help_line(self, name: str, country: str | None, language: str) -> Reply | None: ...

    def service(self, entry: Entry, language: str, *, today: date, asked_from: Place | None = None) -> Reply: ...


@dataclass
class _Parts:
    """What a step's screen has besides its question."""

    title: str | None = None
    first: list[str] = field(default_factory=list)
    """Paragraphs that come before the step's own."""
    notes: list[str] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    review: list[ReviewLine] = field(default_factory=list)
    letter: Letter | None = None


AFTER_THE_END = 0
"""The version of a screen that nothing can be pressed on any more."""


class Screens:
    """Draws the screens of the form."""

    def __init__(
        self,
        *,
        steps: Steps,
        texts: Texts,
        routing: Routing,
        choices: Choices,
        deadlines: Deadlines,
        letters: Letters,
        services: ServiceWords,
        clock: Clock,
        web_form: str | None,
    ) -> None:
        self._steps = steps
        self._texts = texts
        self._routing = routing
        self._choices = choices
        self._deadlines = deadlines
        self._letters = letters
        self._services = services
        self._clock = clock
        self._web_form = web_form
        self._words = AnswerWords(texts, routing)
        self._desk_words = DeskWords(texts)
        self._parts: dict[str, Callable[[AsyncSession, Sheet], Awaitable[_Parts]]] = {
            "safe": self._safe,
            "danger_where": self._danger_where,
            "danger": self._danger,
            "minor_help": self._minor_help,
            "where_country": self._where_country,
            "about_city": self._about_city,
            "desk": self._desk,
            "keep_out": self._keep_out,
            "consent": self._consent,
            "story": self._story,
            "review": self._review,
            "receipt": self._receipt,
            "send": self._send,
            "letter": self._letter,
        }

    async def draw(
        self,
        session: AsyncSession,
        draft: OpenDraft,
        *,
        error: str | None = None,
        typed: FormInput | None = None,
        receipt: str | None = None,
    ) -> Screen:
        """The step that waits. After an error, ``typed`` is shown again so that nothing written is lost."""
        sheet = draft.sheet
        step = self._steps.current(sheet, sheet.facts)
        asked = self._steps.asked(sheet, sheet.facts)
        parts = await self._parts[step.id](session, sheet) if step.id in self._parts else _Parts()
        answer = sheet.answer(step.id)
        text = answer.text or (sheet.words if step.id == "story" and step.id not in sheet.seen else None) or ""
        choices = await self._choices.of(session, step, sheet)
        if error is not None and typed is not None and typed.version is not None:
            text = typed.text or "" if step.text else text
            choices = [replace(choice, is_chosen=choice.value in typed.values) for choice in choices]
        with_files = step.files and sheet.facts["route"] != LETTER
        files = sheet.files if with_files else sheet.spoken(step.id)
        return Screen(
            step=step.id,
            version=draft.version,
            language=sheet.language,
            kind=step.kind,
            title=parts.title or self._say(f"step.{step.id}.title", sheet),
            notes=[*parts.first, *self._lines(f"step.{step.id}.note", sheet), *parts.notes],
            replies=parts.replies,
            links=parts.links,
            choices=choices,
            takes_text=bool(step.text) or step.kind is AnswerKind.RECEIPT,
            takes_files=with_files,
            takes_voice=step.voice and sheet.facts["route"] != LETTER,
            text=text,
            hint=self._say(f"step.{step.id}.hint", sheet) if self._has(f"step.{step.id}.hint") else None,
            can_skip=not step.required and not (step.kind is AnswerKind.FILES and files),
            can_go_back=self._steps.previous(sheet, sheet.facts) is not None,
            number=asked.index(step) + 1,
            total=len(asked),
            progress=self._progress(sheet, step, asked),
            error=error,
            files=[ShownFile(note.id, note.name, note.size) for note in files],
            review=parts.review,
            receipt=receipt,
            letter=parts.letter,
        )

    def _progress(self, sheet: Sheet, step: Step, asked: list[Step]) -> str:
        """Where somebody stands, and how little is asked of them: most questions can be skipped."""
        position = asked.index(step)
        left = asked[position:]
        needed = sum(one.required for one in left)
        key, count = ("rest", len(left)) if needed == len(left) else ("some", needed)
        return self._texts.get(f"report.progress.{key}", sheet.language, number=position + 1, count=count)

    def paused(self, draft: OpenDraft) -> Screen:
        """Left for now; says for how long it is kept."""
        left = draft.expires_at - self._clock.now()
        hours = max(1, math.floor(left.total_seconds() / 3600))
        notes = [self._texts.get("report.step.paused.kept", draft.sheet.language, count=hours)]
        return self._ending(PAUSED, draft.sheet, draft.version, notes)

    def asks_to_withdraw(self, draft: OpenDraft) -> Screen:
        """Before everything is deleted; changes nothing yet."""
        sheet = draft.sheet
        choices = [Choice(value, self._say(f"choice.{WITHDRAW}.{value}", sheet)) for value in (STAY, DELETE)]
        return Screen(
            step=WITHDRAW,
            version=draft.version,
            language=sheet.language,
            kind=AnswerKind.ONE,
            title=self._say(f"step.{WITHDRAW}.title", sheet),
            notes=self._lines(f"step.{WITHDRAW}.note", sheet),
            choices=choices,
            can_go_back=True,
            is_private=False,
        )

    def withdrawn(self, draft: OpenDraft) -> Screen:
        """Everything is gone."""
        return self._ending(WITHDRAWN, draft.sheet, draft.version, [])

    def sent(self, sheet: Sheet, desk: DeskChoice) -> Screen:
        """Where it went, what happens next, and the legal limits again."""
        notes = [self._texts.get("report.step.done.sent", sheet.language, desk=desk.name)]
        if desk.statement.answer_within_days:
            days = desk.statement.answer_within_days
            notes.append(self._texts.get("report.step.done.answer", sheet.language, count=days))
        limits = self._limits(sheet)
        screen = self._ending(SENT, sheet, AFTER_THE_END, notes)
        help_now = self._emergency(sheet) if sheet.value("safe") in UNSAFE else []
        help_now += self._child_help(sheet) if sheet.value("minor") == "yes" else []
        return replace(
            screen, notes=[*notes, *screen.notes[len(notes) :], *limits.lines], links=limits.links, replies=help_now
        )

    def _ending(self, name: str, sheet: Sheet, version: int, notes: list[str]) -> Screen:
        return Screen(
            step=name,
            version=version,
            language=sheet.language,
            kind=AnswerKind.DONE,
            title=self._say(f"step.{name}.title", sheet),
            notes=[*notes, *self._lines(f"step.{name}.note", sheet)],
            is_private=False,
        )

    async def _safe(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        parts = _Parts(replies=self._emergency(sheet))
        if not parts.replies and self._routing.country_here(sheet) is None:
            parts.replies = [self._anywhere(sheet)]
        elif not parts.replies:
            parts.first.append(self._say("danger.call_where_you_are", sheet))
        if sheet.origin is Origin.TELEGRAM:
            parts.first += self._lines("telegram.note", sheet)
            desk = await self._routing.find_desk_of_code(session, sheet)
            if desk is not None:
                # On the web, the page behind the code has said it already (web/report_desk.py).
                parts.notes.append(self._texts.get("report.desk.of_code", sheet.language, desk=desk.name))
                parts.notes += self._desk_words.at_its_door(desk, sheet.language)
            if self._web_form:
                parts.first.append(self._say("telegram.web_safer", sheet))
                parts.links.append(Link(title=self._say("telegram.web_form", sheet), url=self._web_form))
        return parts

    async def _danger_where(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        return _Parts(notes=[self._say("danger.call_where_you_are", sheet)])

    async def _danger(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        replies = self._emergency(sheet)
        return _Parts(first=[] if replies else [self._say("danger.call_where_you_are", sheet)], replies=replies)

    async def _minor_help(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        replies = self._child_help(sheet)
        return _Parts(notes=[] if replies else [self._say("minor.no_number", sheet)], replies=replies)

    async def _where_country(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        place = sheet.answer("where").text or ""
        return _Parts(notes=[self._texts.get("report.where.unknown", sheet.language, place=place)])

    async def _about_city(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        place = self._routing.place(sheet)
        if place is None:
            return _Parts()
        name = self._routing.place_name(place, sheet.language)
        return _Parts(notes=[self._texts.get("report.where.understood", sheet.language, place=name)])

    async def _desk(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        desks, bodies = await self._routing.list_desks(session, sheet), self._bodies(sheet)
        if desks:
            bodies = bodies if all(desk.is_doubtful for desk in desks) else []
            others = self._lines("desk.none_services", sheet) if bodies else []
            return _Parts(notes=[*self._lines("desk.choose", sheet), *others], replies=bodies)
        where = sheet.answer("where")
        is_known = not where.is_empty or self._routing.place(sheet) is not None
        return _Parts(
            title=self._say("desk.none_title" if is_known else "desk.no_place_title", sheet),
            notes=[
                *self._lines("desk.none" if is_known else "desk.no_place", sheet),
                *(self._lines("desk.none_services", sheet) if bodies else []),
            ],
            replies=bodies,
        )

    async def _keep_out(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        desk = await self._routing.find_desk(session, sheet)
        name = desk.name if desk else ""
        return _Parts(title=self._texts.get("report.step.keep_out.title", sheet.language, desk=name))

    async def _consent(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        limits = self._deadlines.before(self._routing.country(sheet), sheet.language)
        if sheet.facts["route"] == LETTER:
            title, notes = self._say("consent.letter_title", sheet), self._lines("consent.letter", sheet)
        else:
            desk = await self._routing.find_desk(session, sheet)
            title, notes = self._say("step.consent.title", sheet), []
            if desk is not None:
                title = self._texts.get("report.consent.title", sheet.language, desk=desk.name)
                notes = self._desk_words.promises(desk, sheet.language)
        return _Parts(title=title, notes=[*notes, *limits.lines], links=limits.links)

    async def _story(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        notes = [] if sheet.facts["route"] == LETTER else [self._say("story.voice", sheet)]
        if sheet.words and "story" not in sheet.seen:
            notes.append(self._say("story.words", sheet))
        return _Parts(notes=notes)

    async def _review(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        desk = await self._routing.find_desk(session, sheet)
        names = {LETTER: self._say(f"choice.desk.{LETTER}", sheet)}
        if desk is not None:
            names |= {desk.id: desk.name, **dict(desk.officers)}
        told = [step for step in self._steps.asked(sheet, sheet.facts) if step.told and step.id in sheet.seen]
        return _Parts(review=[self._review_line(step, sheet, desk, names) for step in told])

    async def _receipt(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        replaced = sheet.receipt is not None and not sheet.receipt.is_first
        return _Parts(notes=[self._say("receipt.replaced", sheet)] if replaced else [])

    async def _send(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        desk = await self._routing.find_desk(session, sheet)
        if desk is None:
            return _Parts(title=self._say("step.send.title", sheet))
        consent = self._texts.get("report.send.consent", sheet.language, desk=desk.name)
        notes = [consent, *self._desk_words.duties(desk, sheet.language)]
        if not sheet.answer("story").text and not sheet.files:
            notes.append(self._say("send.no_story", sheet))
        return _Parts(title=self._texts.get("report.send.title", sheet.language, desk=desk.name), notes=notes)

    async def _letter(self, session: AsyncSession, sheet: Sheet) -> _Parts:
        body = self._routing.find_body(sheet)
        said = self._steps.said(sheet, sheet.facts)
        limits = self._limits(sheet)
        parts = _Parts(letter=self._letters.write(sheet, said, body, today=today(self._clock)), links=limits.links)
        if body is not None:
            if self._letters.lacks_language_of(body):
                parts.notes.append(self._say("letter.other_language", sheet))
            parts.replies = [self._service(body, sheet)]
        parts.notes += limits.lines
        return parts

    def _review_line(self, step: Step, sheet: Sheet, desk: DeskChoice | None, names: dict[str, str]) -> ReviewLine:
        answer = self._words.whole(step, sheet.answer(step.id), sheet.language, names=names)
        files = sheet.files if step.kind is AnswerKind.FILES else sheet.spoken(step.id)
        answer = "\n".join([*([answer] if answer else []), *(note.name for note in files)])
        question = self._texts.get(f"report.step.{step.id}.title", sheet.language, desk=desk.name if desk else "")
        return ReviewLine(step.id, question, answer or self._say("review.nothing", sheet))

    def _limits(self, sheet: Sheet) -> Said:
        return self._deadlines.after(self._routing.country(sheet), sheet.value("area"), sheet.language)

    def _emergency(self, sheet: Sheet) -> list[Reply]:
        country = self._routing.country_here(sheet)
        reply = self._services.emergency(country, sheet.language) if country else None
        return [reply] if reply else []

    def _anywhere(self, sheet: Sheet) -> Reply:
        """Where the country is not known: to call where one is, and each country's numbers one press away."""
        buttons = self._services.country_buttons("emergency", sheet.language)
        return Reply(text=self._say("danger.call_where_you_are", sheet), buttons=buttons, language=sheet.language)

    def _child_help(self, sheet: Sheet) -> list[Reply]:
        reply = self._services.help_line("child_helpline", self._routing.country_here(sheet), sheet.language)
        return [reply] if reply else []

    def _bodies(self, sheet: Sheet) -> list[Reply]:
        return [self._service(body, sheet) for body in self._routing.list_bodies(sheet)[:MOST_BODIES_SHOWN]]

    def _service(self, body: Entry, sheet: Sheet) -> Reply:
        place = self._routing.place(sheet)
        return self._services.service(body, sheet.language, today=today(self._clock), asked_from=place)

    def _say(self, key: str, sheet: Sheet) -> str:
        return self._texts.get(f"report.{key}", sheet.language)

    def _has(self, key: str) -> bool:
        return self._texts.has(f"report.{key}", "en")

    def _lines(self, key: str, sheet: Sheet) -> list[str]:
        """The paragraphs of a text; none where there is no such text."""
        return self._say(key, sheet).splitlines() if self._has(key) else []
