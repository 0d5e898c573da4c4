"""Coming back with a receipt, as a channel shows it (``channels.forms.CaseReturn``)."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.forms import CaseFile, CaseMessage, CaseNews, IncomingFile, ReporterCase, ShownFile
from core.clock import Clock, today
from core.database import Database
from core.languages import SOURCE_LANGUAGE, format_day
from core.rate_limits import RateLimits, RateLimitsInProcess
from core.texts import Texts
from reports import reporter
from reports.attempts import Attempts
from reports.cases import ShownEntry, end_of_retention
from reports.contents import Copy, EntryKind, FileNote, Report
from reports.desk_words import DeskWords
from reports.desks import describe_desk, is_away, statement_of
from reports.errors import TextTooLongError
from reports.evidence import check
from reports.models import CaseStatus
from reports.news import list_news
from reports.periods import Period
from reports.phrases import render_phrase
from reports.receipts import derive, read_receipt
from reports.reporter import ReturnedCase

MOST_NEWS = 12
"""Three years of quarters; a channel shows the newest first and the others behind them."""
LONGEST = 20_000
"""Characters of one message; several times what anybody writes."""

type DeadlineNotes = Callable[[Report, str], list[str]]
"""What to say of legal deadlines for a report, in a language (reports/intake/deadlines.py)."""


class CaseDoor:
    """Opens cases for their reporters. Wrong codes are counted over all channels together."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        texts: Texts,
        *,
        limits: RateLimits | None = None,
        deadlines: DeadlineNotes | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._texts = texts
        self._attempts = Attempts(limits or RateLimitsInProcess(clock))
        self._deadlines = deadlines
        self._desk_words = DeskWords(texts)

    async def open(self, receipt: str, *, source: str, language: str) -> ReporterCase:
        """Open a case with its code. A wrong, an expired and a withdrawn one cost the same work and get one answer.

        Raises ReceiptIncompleteError, ReceiptUnknownError, TooManyAttemptsError.
        """
        digits = read_receipt(receipt)
        await self._attempts.begin(source)
        keys = await derive(digits)
        async with self._database.session() as session:
            returned = await reporter.open_by_receipt(session, keys, clock=self._clock)
            await self._attempts.succeed(source)
            return await self._show(session, returned, language)

    async def show(self, token: str, *, language: str) -> ReporterCase:
        """The case as it is now. Raises ReturnClosedError."""
        async with self._database.session() as session:
            returned = await reporter.open_by_token(session, token, clock=self._clock)
            return await self._show(session, returned, language)

    async def add(
        self,
        token: str,
        *,
        language: str,
        text: str | None = None,
        file: IncomingFile | None = None,
        copies: str = Copy.CLEANED,
    ) -> ReporterCase:
        """Write, or send a file, of which the desk gets the chosen copies. Raises ReturnClosedError, FileRefusedError,
        TextTooLongError."""
        chosen = Copy(copies) if copies in list(Copy) else Copy.CLEANED
        if len(text or "") > LONGEST:
            raise TextTooLongError(length=len(text or ""), count=LONGEST)
        async with self._database.session() as session:
            before = await reporter.open_by_token(session, token, clock=self._clock)
        own = [entry.text for entry in before.entries if entry.kind is EntryKind.FROM_REPORTER]
        taken = [*before.report.files, *(note for text in own for note in text.files)]
        evidence = await check(file, taken=taken) if file is not None else None
        async with self._database.session() as session:
            returned = await reporter.add_from_reporter(
                session, token, language=language, text=text, file=evidence, copies=chosen, clock=self._clock
            )
            return await self._show(session, returned, language)

    async def read_file(self, token: str, file_id: str) -> CaseFile:
        """A file that the desk sent. Raises ReturnClosedError, FileGoneError."""
        async with self._database.session() as session:
            number, note, content = await reporter.read_desk_file(session, token, file_id, clock=self._clock)
        extension = note.name.rpartition(".")[2]
        return CaseFile(f"document-{number}.{extension}", note.media_type, content)

    async def answer(self, token: str, *, language: str, agrees: bool, asked: str) -> ReporterCase:
        """Agree to a hand-over, or not. Raises ReturnClosedError, HandOverChangedError when something else is asked
        by now, CaseNotFoundError when nothing is."""
        async with self._database.session() as session:
            returned = await reporter.answer_hand_over(
                session, token, agrees=agrees, asked=asked, language=language, clock=self._clock
            )
            return await self._show(session, returned, language)

    async def close(self, token: str) -> None:
        """The token opens nothing any more."""
        async with self._database.session() as session:
            await reporter.close(session, token)

    async def withdraw(self, token: str) -> None:
        """Delete the report and everything about it, at once. Raises ReturnClosedError."""
        async with self._database.session() as session:
            await reporter.withdraw(session, token, clock=self._clock)

    async def _show(self, session: AsyncSession, returned: ReturnedCase, language: str) -> ReporterCase:
        report, desk = returned.report, returned.desk
        messages = [self._message(entry, language) for entry in returned.entries]
        if report.story is not None or report.files:
            messages.insert(0, self._first_message(report, language))
        return ReporterCase(
            desk=desk.name,
            status=self._texts.get(f"case.status.{CaseStatus(returned.case.status)}", language, desk=desk.name),
            messages=messages,
            notes=self._notes(returned, language),
            token=returned.token,
            asked=self._asks(returned, language),
            asked_notes=await self._ask_notes(session, returned, language),
            asked_mark=reporter.mark_of(returned.asked_desk) if returned.asked_desk else "",
            news=await self._news(session, desk.id, language),
        )

    def _asks(self, returned: ReturnedCase, language: str) -> str | None:
        asked = returned.asked
        if asked is None:
            return None
        return self._texts.get("case.asked", language, desk=returned.desk.name, other=asked.desk_name)

    async def _ask_notes(self, session: AsyncSession, returned: ReturnedCase, language: str) -> list[str]:
        """What the person would agree to, as it is said where a reader is chosen."""
        desk = returned.asked_desk
        if desk is None:
            return []
        shown = await describe_desk(session, desk, about_city=returned.report.about_city, clock=self._clock)
        delete_on = end_of_retention(desk, today(self._clock))
        return self._desk_words.before_hand_over(shown, language, delete_on=delete_on)

    def _first_message(self, report: Report, language: str) -> CaseMessage:
        return CaseMessage(
            from_desk=False,
            text=report.story or "",
            language=report.story_language or report.language,
            written_on=format_day(report.arrived_at.date(), language),
            file_names=[note.name for note in report.files],
        )

    def _message(self, entry: ShownEntry, language: str) -> CaseMessage:
        written = entry.text
        text, original, spoken = written.text, None, written.language
        translation = written.translations.get(language)
        if translation is not None and written.language != language:
            text, spoken = translation.text, language
            original = written.text if translation.by_machine else None
        if written.agrees is not None:
            answer = "agreed" if written.agrees else "refused"
            text, spoken = self._texts.get(f"case.answer.{answer}", language), language
        phrases = [render_phrase(phrase, self._texts, language) for phrase in written.phrases]
        from_desk = entry.kind is not EntryKind.FROM_REPORTER
        return CaseMessage(
            from_desk=from_desk,
            text="\n\n".join(part for part in (text, *phrases) if part),
            language=spoken,
            written_on=format_day(written.written_at.date(), language),
            original=original,
            file_names=[] if from_desk else [note.name for note in written.files],
            files=[_shown(note) for note in written.files] if from_desk else [],
        )

    def _notes(self, returned: ReturnedCase, language: str) -> list[str]:
        desk, case = returned.desk, returned.case
        notes = []
        if not returned.is_readable:
            notes.append(self._texts.get("case.note.nobody_reads", language, desk=desk.name))
        elif is_away(desk, self._clock):
            notes.append(self._texts.get("case.note.away", language, desk=desk.name))
        days = statement_of(desk).answer_within_days
        is_answered = any(entry.kind is EntryKind.FROM_DESK for entry in returned.entries)
        if days and not is_answered:
            notes.append(self._texts.get("case.note.promise", language, desk=desk.name, count=days))
        if self._deadlines is not None:
            notes += self._deadlines(returned.report, language)
        day = format_day(case.delete_on, language)
        return [*notes, self._texts.get("case.note.deleted_on", language, day=day)]

    async def _news(self, session: AsyncSession, desk_id: str, language: str) -> list[CaseNews]:
        """What people told this desk and what it changed, by period, the newest first."""
        found = []
        for news in (await list_news(session, desk_id))[:MOST_NEWS]:
            spoken = language if news.texts.get(language) else SOURCE_LANGUAGE
            if text := news.texts.get(spoken):
                found.append(CaseNews(self._period(news.period, language), text, spoken))
        return found

    def _period(self, written: str, language: str) -> str:
        period = Period.read(written)
        if period is None or period.quarter is None:
            return written
        return self._texts.get(f"observatory.quarter.q{period.quarter}", language, year=period.year)


def _shown(note: FileNote) -> ShownFile:
    return ShownFile(next(iter(note.chosen.values())), note.name, note.size)
