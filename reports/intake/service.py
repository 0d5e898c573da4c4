"""The intake: the guided report as a channel uses it (channels.forms.GuidedForm), the same for Telegram and the web.

Every answer is committed before the next screen is shown, so that a crash loses none. Nothing is logged: what happens
here is nobody's business but the person's and the desk's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.forms import Action, AnswerKind, FormInput, Screen
from core.clock import Clock
from core.database import Database
from core.errors import HubError
from core.languages import RELEASED, SOURCE_LANGUAGE
from core.rate_limits import RateLimits, RateLimitsInProcess
from core.texts import Texts
from knowledge.base import KnowledgeBase
from knowledge.places import Gazetteer
from knowledge.service_search import ServiceSearch
from reports.cases import submit
from reports.contents import Origin
from reports.errors import (
    DeskNotFoundError,
    DraftGoneError,
    FileRefusedError,
    NobodyReadsError,
    ReceiptIncompleteError,
)
from reports.intake.changing import Changes
from reports.intake.choices import Choices
from reports.intake.deadlines import Deadlines
from reports.intake.drafts import Drafts, OpenDraft, ReceiptParts, Sheet
from reports.intake.errors import AnswerRefusedError
from reports.intake.finished import build_report
from reports.intake.junk import JunkWatch
from reports.intake.letter import Letters
from reports.intake.routing import Routing
from reports.intake.screens import DELETE, WITHDRAW, Screens, ServiceWords
from reports.intake.sent import SentScreens
from reports.intake.steps import Steps
from reports.intake.taking import tidy
from reports.receipts import GROUP, derive, is_end_of, new_receipt, read_receipt, show_receipt
from reports.shredding import shred_deleted

MOST_TRIES = 8
"""How often an answer is taken anew when another process changed the draft meanwhile."""
REMEMBER_SENT = timedelta(minutes=10)


@dataclass(frozen=True)
class _Sent:
    """What to show again when somebody presses "send" twice. It holds no answer."""

    screen: Screen
    until: datetime


class Intake:
    """The guided report."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        secret_key: str,
        texts: Texts,
        base: KnowledgeBase,
        gazetteer: Gazetteer,
        service_search: ServiceSearch,
        service_words: ServiceWords,
        deadlines: Deadlines | None = None,
        web_form: str | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        """``web_form``: the address of the web door, offered on Telegram. Raises KnowledgeError for broken files."""
        self._database = database
        self._clock = clock
        self._texts = texts
        self._steps = Steps.load()
        self._drafts = Drafts(secret_key, clock)
        self._routing = Routing(base, gazetteer, service_search, clock)
        self._choices = Choices(texts, self._routing)
        self._screens = Screens(
            steps=self._steps,
            texts=texts,
            routing=self._routing,
            choices=self._choices,
            deadlines=deadlines or Deadlines.load(base, texts),
            letters=Letters(texts, self._routing, self._steps),
            services=service_words,
            clock=clock,
            web_form=web_form,
        )
        self._changes = Changes(self._steps, self._choices, self._routing, clock)
        self._junk = JunkWatch(limits or RateLimitsInProcess(clock))
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._sent_screens = SentScreens(secret_key, clock)
        self._sent: dict[str, _Sent] = {}

    async def open(
        self,
        key: str,
        *,
        origin: str,
        language: str,
        words: str | None = None,
        city: str | None = None,
        place: str | None = None,
        desk: str | None = None,
    ) -> Screen:
        """Begin, or go on where it was left; see ``channels.forms.GuidedForm``."""
        async with self._alone(key) as session:
            draft = await self._drafts.load(session, key)
            if draft is None:
                here = self._routing.find_place(city, language) if city else None
                sheet = Sheet(origin=Origin(origin), language=_spoken(language), city=here.id if here else None)
                draft = await self._drafts.create(session, key, sheet) or await self._get(session, key)
            before = draft.sheet.model_dump_json()
            draft.sheet.language = _spoken(language)
            draft.sheet.desk = desk or draft.sheet.desk
            draft.sheet.words = draft.sheet.words or tidy(words or "")[: self._steps.get("story").text] or None
            told = self._routing.find_place_told(words or "", language)
            named = self._routing.find_place(place or "", language) or told
            draft.sheet.place = draft.sheet.place or (named.id if named else None)
            if draft.sheet.model_dump_json() != before:
                await self._drafts.save(session, draft)
            return await self._present(session, key, draft)

    async def show(self, key: str, *, language: str | None = None, receipt: str | None = None) -> Screen | None:
        """The screen that waits; None when nothing is begun. ``receipt``: the code that the page showed, if any."""
        async with self._alone(key) as session:
            draft = await self._drafts.load(session, key)
            if draft is None:
                return None
            if language is not None and draft.sheet.language != _spoken(language):
                draft.sheet.language = _spoken(language)
                await self._drafts.save(session, draft)
            return await self._present(session, key, draft, shown=receipt)

    async def find_country(self, key: str) -> str | None:
        """The country where the person is, as far as we know."""
        async with self._alone(key) as session:
            draft = await self._drafts.load(session, key)
            return self._routing.country_here(draft.sheet) if draft is not None else None

    async def show_again(self, kept: str, *, language: str) -> Screen:
        """The last screen of a report that was sent, in another language. Raises DraftGoneError."""
        sheet = self._sent_screens.unpack(kept)
        sheet.language = _spoken(language)
        async with self._database.session() as session:
            desk = await self._routing.find_desk(session, sheet)
        if desk is None:
            raise DraftGoneError
        return replace(self._screens.sent(sheet, desk), again=kept)

    async def take(self, key: str, given: FormInput) -> Screen:
        """Take an answer; it is committed when this returns. Raises DraftGoneError."""
        async with self._alone(key) as session:
            for _ in range(MOST_TRIES):
                draft = await self._drafts.load(session, key)
                if draft is None:
                    return self._after_the_end(key, given)
                screen = await self._turn(session, key, draft, given)
                if screen is not None:
                    return screen
                # Another process was faster. Its answer stands; this one is judged against it.
                session.expire_all()
            fresh = await self._get(session, key)
            return await self._present(session, key, fresh, error=AnswerRefusedError("stale"), shown=given.receipt)

    @asynccontextmanager
    async def _alone(self, key: str) -> AsyncIterator[AsyncSession]:
        """One input of a conversation at a time in this process; between processes the version decides."""
        draft_id = self._drafts.id_of(key)
        lock = self._locks.get(draft_id)
        if lock is None:
            lock = self._locks[draft_id] = asyncio.Lock()
        async with lock, self._database.session() as session:
            yield session

    async def _get(self, session: AsyncSession, key: str) -> OpenDraft:
        draft = await self._drafts.load(session, key)
        if draft is None:
            raise DraftGoneError
        return draft

    async def _turn(self, session: AsyncSession, key: str, draft: OpenDraft, given: FormInput) -> Screen | None:
        """What an input leads to; None when the draft moved on meanwhile."""
        if given.action is Action.WITHDRAW or given.step == WITHDRAW:
            return await self._withdraw(session, key, draft, given)
        step = self._steps.current(draft.sheet, draft.sheet.facts)
        if given.version not in {None, draft.version} or given.step not in {None, step.id}:
            return await self._present(session, key, draft, error=AnswerRefusedError("stale"), shown=given.receipt)
        try:
            if given.action is Action.PAUSE:
                is_more = await self._changes.keep_typed(session, draft.sheet, step, given)
                if is_more and not await self._drafts.save(session, draft):
                    return None
                return self._screens.paused(draft)
            if given.action is Action.SEND and step.kind is AnswerKind.SEND:
                return await self._send(session, key, draft, given)
            await self._changes.apply(session, draft, step, given)
        except (AnswerRefusedError, FileRefusedError) as refused:
            await session.rollback()
            fresh = await self._get(session, key)
            if step.kind is AnswerKind.RECEIPT and given.version is not None:
                return await self._present(session, key, fresh, error=refused, shown=given.receipt)
            return await self._screens.draw(session, fresh, error=self._sentence(refused, fresh), typed=given)
        return await self._next(session, draft)

    async def _next(self, session: AsyncSession, draft: OpenDraft) -> Screen | None:
        """Commit the changes and show what comes now; None when the draft moved on meanwhile."""
        code = await self._new_code(draft)
        if not await self._drafts.save(session, draft):
            return None
        return await self._screens.draw(session, draft, receipt=code)

    async def _present(
        self,
        session: AsyncSession,
        key: str,
        draft: OpenDraft,
        *,
        error: HubError | None = None,
        shown: str | None = None,
    ) -> Screen:
        """The screen that waits. Where the code is shown, it is the one that the page brought back, or else a new one,
        since the old one is kept nowhere."""
        code = await self._same_code(draft, shown)
        if code is None:
            code = await self._new_code(draft)
            if code is not None and not await self._drafts.save(session, draft):
                draft, code = await self._get(session, key), None
        sentence = self._sentence(error, draft) if error else None
        return await self._screens.draw(session, draft, error=sentence, receipt=code)

    async def _same_code(self, draft: OpenDraft, shown: str | None) -> str | None:
        """The code that a page showed, where it is this draft's, still to be confirmed."""
        sheet = draft.sheet
        if shown is None or sheet.receipt is None:
            return None
        if self._steps.current(sheet, sheet.facts).kind is not AnswerKind.RECEIPT:
            return None
        with suppress(ReceiptIncompleteError):
            receipt = read_receipt(shown)
            if (
                is_end_of(receipt, sheet.receipt.last_five)
                and (await derive(receipt)).receipt_id == sheet.receipt.receipt_id
            ):
                return show_receipt(receipt)
        return None

    async def _new_code(self, draft: OpenDraft) -> str | None:
        """A receipt, where the step is its; only what cannot open anything goes to the draft."""
        sheet = draft.sheet
        step = self._steps.current(sheet, sheet.facts)
        if step.kind is not AnswerKind.RECEIPT:
            return None
        # The code before it opens nothing any more, so having kept that one counts for nothing.
        sheet.seen = [seen for seen in sheet.seen if seen != step.id]
        receipt = new_receipt()
        keys = await derive(receipt)
        sheet.receipt = ReceiptParts(
            receipt_id=keys.receipt_id,
            public_key=keys.public_key.hex(),
            last_five=receipt[-GROUP:],
            is_first=sheet.receipt is None,
        )
        return show_receipt(receipt)

    async def _withdraw(self, session: AsyncSession, key: str, draft: OpenDraft, given: FormInput) -> Screen:
        """Ask once, then shred everything."""
        if given.step != WITHDRAW:
            return self._screens.asks_to_withdraw(draft)
        if given.action is not Action.WITHDRAW and given.values != (DELETE,):
            return await self._present(session, key, draft)
        await self._drafts.delete(session, draft.id)
        await session.commit()
        await shred_deleted(session)
        return self._screens.withdrawn(draft)

    async def _send(self, session: AsyncSession, key: str, draft: OpenDraft, given: FormInput) -> Screen:
        """Seal the report for its desk; the draft ends in the same transaction."""
        sheet, now = draft.sheet, self._clock.now()
        desk = await self._routing.find_desk(session, sheet)
        report = build_report(self._steps.said(sheet, sheet.facts), sheet, self._routing, now=now, key=key)
        if desk is None or sheet.receipt is None:
            return await self._desk_is_gone(session, draft)
        suspect = await self._junk.is_suspect(report.story, source=given.source)
        try:
            await submit(
                session,
                report,
                desk_id=desk.id,
                receipt_id=sheet.receipt.receipt_id,
                receipt_public_key=bytes.fromhex(sheet.receipt.public_key),
                submission=sheet.submission,
                clock=self._clock,
                draft_id=draft.id,
                draft_key=draft.key,
                set_apart=suspect,
            )
        except (DeskNotFoundError, NobodyReadsError):
            await session.rollback()
            return await self._desk_is_gone(session, draft)
        screen = replace(self._screens.sent(sheet, desk), again=self._sent_screens.pack(sheet))
        self._sent = {name: sent for name, sent in self._sent.items() if sent.until > now}
        self._sent[draft.id] = _Sent(screen, now + REMEMBER_SENT)
        return screen

    async def _desk_is_gone(self, session: AsyncSession, draft: OpenDraft) -> Screen:
        """The desk closed, or nobody there may read it: somebody else must be chosen."""
        self._steps.ask_again(draft.sheet, "desk")
        await self._drafts.save(session, draft)
        error = self._sentence(AnswerRefusedError("desk_gone"), draft)
        return await self._screens.draw(session, draft, error=error)

    def _after_the_end(self, key: str, given: FormInput) -> Screen:
        """No draft: "send" pressed twice gets the same answer; everything else is over."""
        sent = self._sent.get(self._drafts.id_of(key))
        if given.action is Action.SEND and sent is not None and sent.until > self._clock.now():
            return sent.screen
        raise DraftGoneError

    def _sentence(self, error: HubError, draft: OpenDraft) -> str:
        return self._texts.get(error.text_key, draft.sheet.language, **error.values)


def _spoken(language: str) -> str:
    return language if language in RELEASED else SOURCE_LANGUAGE
