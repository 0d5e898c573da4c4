"""Tables of what the team writes: answers, their texts by language, example questions, questions that are settled."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, String, Text
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime
from knowledge.schema import Kind


class AnswerStatus(StrEnum):
    """Whether the assistant gives an answer."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class WrittenAnswer(SQLModel, table=True):
    """One answer, and where the team has it from. A draft may lack anything but a title."""

    __tablename__ = "written_answer"

    id: str = Field(primary_key=True, max_length=80)
    """The second part of the entry's id; it never changes."""
    status: str = Field(default=AnswerStatus.DRAFT, max_length=20)
    original: str = Field(max_length=12)
    """The language it was first written in."""
    source: str = Field(default="", max_length=300)
    source_url: str = Field(default="", max_length=500)
    as_of: date | None = None
    """The day at which the source says so."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    changed_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    changed_by: str = Field(max_length=32)

    @property
    def entry(self) -> str:
        """The entry's id."""
        return f"{Kind.ANSWER}/{self.id}"


def _of_answer() -> Any:
    return Column(String(80), ForeignKey("written_answer.id", ondelete="CASCADE"), primary_key=True)


class WrittenText(SQLModel, table=True):
    """What an answer says in one language. ``links`` are objects with ``title`` and ``url``."""

    __tablename__ = "written_text"

    answer_id: str = Field(sa_column=_of_answer())
    language: str = Field(primary_key=True, max_length=12)
    title: str = Field(max_length=160)
    text: str = Field(sa_column=Column(Text, nullable=False))
    links: list[dict[str, str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    is_machine_draft: bool = False
    """A machine translated it, and nobody has checked it yet."""


class WrittenExample(SQLModel, table=True):
    """A question that people ask, and the entry that answers it: one of the team's answers, or any other."""

    __tablename__ = "written_example"

    id: int | None = Field(default=None, primary_key=True)
    entry: str = Field(max_length=120, index=True)
    language: str = Field(max_length=12)
    text: str = Field(max_length=300)
    added_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))


class SettledQuestion(SQLModel, table=True):
    """An unanswered question that the team has dealt with, as a hash of its words. Without an entry: it needs none."""

    __tablename__ = "settled_question"

    language: str = Field(primary_key=True, max_length=12)
    words: str = Field(primary_key=True, max_length=64)
    entry: str | None = Field(default=None, max_length=120)
    settled_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))
