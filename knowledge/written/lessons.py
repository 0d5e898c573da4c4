"""What the team's examples teach the assistant, in the shape of Rasa's training files.

Whoever trains asks for them: the command line reads the database, a container asks the hub over HTTP.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import yaml
from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from knowledge.written.live import is_given, list_examples
from knowledge.written.matching import Example
from knowledge.written.models import WrittenAnswer, WrittenExample
from knowledge.written.service import list_answers

_MARKS_OF_RASA = re.compile(r"[\[\](){}<>|]")
"""Rasa would read entities into them (https://rasa.com/docs/rasa/training-data-format)."""


@dataclass(frozen=True)
class Lessons:
    """Everything that is to be learnt now."""

    examples: tuple[Example, ...]
    changed_at: datetime | None
    """When the team last changed anything of it; nothing was ever written without."""

    @property
    def mark(self) -> str:
        """A short fingerprint; empty when there is nothing to learn."""
        lines = sorted(f"{each.entry}\0{each.language}\0{each.text}" for each in self.examples)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12] if lines else ""

    def as_training_data(self) -> str:
        """A file of examples as nlu_data/ has them; Rasa knows it by ``nlu:`` at the beginning of a line."""
        by_label: dict[tuple[str, str], list[str]] = {}
        for example in self.examples:
            text = " ".join(_MARKS_OF_RASA.sub(" ", example.text).split())
            if text:
                by_label.setdefault((example.entry, example.language), []).append(f"- {text}\n")
        blocks = [
            {"intent": "ask_entry", "metadata": {"entry": entry, "language": language}, "examples": "".join(lines)}
            for (entry, language), lines in sorted(by_label.items())
        ]
        data = {"version": "3.1", "nlu": blocks}
        return str(yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=10_000))


async def read_lessons(session: AsyncSession) -> Lessons:
    """Example questions, and what published answers say of themselves."""
    examples = [*await list_examples(session), *await _list_told(session)]
    moments = [
        (await session.exec(select(func.max(column)))).one()
        for column in (WrittenAnswer.changed_at, WrittenExample.added_at)
    ]
    return Lessons(tuple(_once(examples)), max((moment for moment in moments if moment), default=None))


async def _list_told(session: AsyncSession) -> list[Example]:
    """Titles and texts of published answers, as more that may be asked for; no machine's words."""
    return [
        Example(whole.answer.entry, language, said)
        for whole in await list_answers(session)
        if is_given(whole)
        for language, text in whole.texts.items()
        if not text.is_machine_draft
        for said in (text.title, " ".join(text.text.split()))
        if said
    ]


def _once(examples: Iterable[Example]) -> list[Example]:
    return sorted(set(examples), key=lambda each: (each.entry, each.language, each.text))
