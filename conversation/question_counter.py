"""Counts what is asked, and keeps what was not answered, behind the answers: nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from channels.base import Reply
from conversation.counting import count_questions, is_worth_reading
from conversation.redaction import Redaction
from conversation.replies import Wording
from core.clock import Clock
from core.database import Database
from core.failures import describe_failure

log = logging.getLogger(__name__)

COUNTED_TOGETHER = 1.0
"""Seconds of questions that are counted in one transaction; the most that a crash can lose."""


class QuestionCounter:
    """Writes the counts of a second at once: one transaction for each answer cost more than a third of it."""

    def __init__(self, wording: Wording, redaction: Redaction, database: Database, clock: Clock) -> None:
        self._wording = wording
        self._redaction = redaction
        self._database = database
        self._clock = clock
        self._asked: Counter[tuple[str, str]] = Counter()
        self._unanswered: list[tuple[str, str]] = []
        self._hurry = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def count(self, replies: Sequence[Reply], language: str, missed: str | None) -> None:
        """Note the entries that were told, and the words of a question that was not answered. Returns at once."""
        self._asked.update((entry, language) for entry in {reply.answer for reply in replies if reply.answer})
        if missed and is_worth_reading(missed, names_something=self._names_something(missed, language)):
            self._unanswered.append((missed, language))
        if self._writing is None or self._writing.done():
            self._hurry.clear()
            self._writing = asyncio.create_task(self._write())

    async def finish(self) -> None:
        """Until everything is written."""
        self._hurry.set()
        if self._writing is not None:
            await self._writing

    def _names_something(self, text: str, language: str) -> bool:
        wording = self._wording
        return bool(wording.gazetteer.find_one(text, language) or wording.services.find_named(text))

    async def _write(self) -> None:
        while self._asked or self._unanswered:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), COUNTED_TOGETHER)
            asked, unanswered = self._asked, self._unanswered
            self._asked, self._unanswered = Counter(), []
            try:
                # In a thread: the first one reads all words of its language.
                redacted = await asyncio.to_thread(self._redact, unanswered)
                async with self._database.session() as session:
                    await count_questions(session, asked, redacted, self._clock)
            except Exception as error:
                # Counting must never cost anybody an answer; the log names the kind of error, not the text.
                log.error("counting_failed %s", describe_failure(error))

    def _redact(self, unanswered: list[tuple[str, str]]) -> list[tuple[str, str]]:
        redacted = [(self._redaction.redact(text, language), language) for text, language in unanswered]
        return [(text, language) for text, language in redacted if text]
