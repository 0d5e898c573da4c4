"""Answers that the team wrote, in the conversation: which message asks for one, and in which language it is told.

A question that the team has answered is recognised here by its words, so that it is answered at once; what it means
goes along to the assistant, which still hears every sentence first. An answer that lacks the reader's language comes
in a machine's words where a machine is there, marked; else as it was written, with a line before it that says so.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, Protocol

from babel import Locale

from channels.base import Reply
from conversation.replies import Wording
from knowledge.base import Entry
from knowledge.schema import AnswerLink, AnswerText, Kind
from knowledge.written.matching import ExampleQuestions

PATIENCE = 8.0
"""Seconds that a machine may take; the original comes after that."""
REMEMBERED = 200
"""Translations that are kept, since many ask the same."""


class Translate(Protocol):
    """A machine that translates, or None where it cannot between these two languages."""

    async def __call__(self, text: str, *, source: str, target: str) -> str | None: ...


class WrittenAnswers:
    """Recognises questions that the team has answered, and tells those answers in the reader's language."""

    def __init__(self, wording: Wording, questions: ExampleQuestions, translate: Translate | None = None) -> None:
        self._wording = wording
        self._questions = questions
        self._translate = translate
        self._translated: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    def read(self, text: str, language: str) -> dict[str, Any]:
        """What the team says of this message, for the action: the entry that answers it, or those that come close."""
        if self._questions.is_empty:
            return {}
        entry = self._questions.find(text, language)
        if entry is not None:
            return {"written": entry}
        close = self._questions.list_close(text, language)
        return {"written_close": close} if close else {}

    async def tell(self, replies: list[Reply], language: str) -> list[Reply]:
        """The replies, with answers of the team brought into the language as far as it goes."""
        told: list[Reply] = []
        for reply in replies:
            entry = self._wording.base.entries.get(reply.answer or "")
            if entry is None or entry.kind is not Kind.ANSWER or reply.language == language:
                told.append(reply)
            else:
                told += await self._tell(entry, reply, language)
        return told

    async def _tell(self, entry: Entry, reply: Reply, language: str) -> list[Reply]:
        text = entry.text(language)
        assert isinstance(text, AnswerText)
        try:
            async with asyncio.timeout(PATIENCE):
                title = await self._say(text.title, entry.original, language)
                summary = await self._say(text.summary, entry.original, language)
        except TimeoutError:
            title = summary = None
        if title and summary:
            links = [AnswerLink(title=link.title, url=link.url) for link in text.links]
            said = AnswerText(title=title, summary=summary, links=links, machine_translated=True)
            return [self._wording.written(entry, language, said=said)]
        name = str(Locale.parse(entry.original).get_display_name(language) or entry.original)
        return [self._wording.say("written_answers.chat.only_in", language, language=name), reply]

    async def _say(self, text: str, source: str, target: str) -> str | None:
        if self._translate is None:
            return None
        key = (source, target, text)
        known = self._translated.get(key)
        if known is None:
            known = await self._translate(text, source=source, target=target)
            if known is not None:
                self._translated[key] = known
                if len(self._translated) > REMEMBERED:
                    self._translated.popitem(last=False)
        return known
