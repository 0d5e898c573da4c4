"""Keeps one process at what the team has published, without a restart: its answers, and the example questions."""

from __future__ import annotations

import asyncio

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from knowledge.base import Entry, KnowledgeBase
from knowledge.schema import AnswerFact, AnswerLink, AnswerText, Kind
from knowledge.watching import Watched
from knowledge.written.matching import Example, ExampleQuestions
from knowledge.written.models import AnswerStatus, WrittenExample
from knowledge.written.service import WholeAnswer, list_answers

TOPIC = "written-answers"


class LiveAnswers(Watched):
    """One process's knowledge base and example questions, as the database has them."""

    def __init__(self, base: KnowledgeBase, questions: ExampleQuestions) -> None:
        self._base = base
        self._questions = questions
        self._entries: list[Entry] = []
        self._examples: list[Example] = []
        self._reading = asyncio.Lock()

    async def refresh(self, session: AsyncSession) -> bool:
        """Take up what changed since the last time; whether anything did."""
        # Else what was read before a change could be taken up after it.
        async with self._reading:
            return await self._refresh(session)

    async def _refresh(self, session: AsyncSession) -> bool:
        entries = await list_given_entries(session)
        examples = await list_examples(session)
        if entries == self._entries and examples == self._examples:
            return False
        self._entries, self._examples = entries, examples
        self._base.set_answers(sorted(entries, key=lambda entry: entry.id))
        self._questions.replace(examples)
        return True


async def list_given_entries(session: AsyncSession) -> list[Entry]:
    """What the assistant gives now, as entries of the knowledge base."""
    return [_as_entry(whole) for whole in await list_answers(session) if is_given(whole)]


async def list_examples(session: AsyncSession) -> list[Example]:
    """The example questions that count: of published answers, and those added to other entries."""
    given = {whole.answer.entry for whole in await list_answers(session) if is_given(whole)}
    rows = await session.exec(select(WrittenExample).order_by(WrittenExample.entry, WrittenExample.language))
    return [
        Example(row.entry, row.language, row.text)
        for row in rows
        if row.entry in given or not row.entry.startswith(f"{Kind.ANSWER}/")
    ]


def is_given(whole: WholeAnswer) -> bool:
    """Whether the assistant gives the answer now."""
    return whole.answer.status == AnswerStatus.PUBLISHED and whole.answer.original in whole.texts


def _as_entry(whole: WholeAnswer) -> Entry:
    answer = whole.answer
    fact = AnswerFact(
        id=answer.id,
        facts=[answer.source],
        source=answer.source,
        source_url=answer.source_url,
        as_of=answer.as_of.isoformat() if answer.as_of else None,
        topic=TOPIC,
    )
    texts = {
        language: AnswerText(
            title=text.title,
            summary=text.text,
            links=[AnswerLink(**link) for link in text.links],
            machine_translated=text.is_machine_draft,
        )
        for language, text in whole.texts.items()
        if text.text.strip()
    }
    return Entry(answer.entry, Kind.ANSWER, fact, texts, answer.original)
