"""Tables of a conversation: questions handed to a person, answers that come back, and counts that name nobody."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class HandoffStatus(StrEnum):
    """Where a question for the team stands."""

    OPEN = "open"
    ANSWERED = "answered"


class Handoff(SQLModel, table=True):
    """A question that somebody chose to pass on, with the exact words they were shown, and where the answer goes."""

    __tablename__ = "handoff"

    id: int | None = Field(default=None, primary_key=True)
    channel: str = Field(max_length=20)
    sender_key: str = Field(max_length=64, index=True)
    language: str = Field(max_length=12)
    question: str = Field(sa_column=Column(Text, nullable=False))
    subject: str | None = Field(default=None, max_length=120)
    status: str = Field(default=HandoffStatus.OPEN, max_length=20, index=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    answer: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    answered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))


class LateReply(SQLModel, table=True):
    """A reply that came after the turn was over, waiting to be fetched by the sender's page."""

    __tablename__ = "late_reply"

    id: int | None = Field(default=None, primary_key=True)
    sender_key: str = Field(max_length=64, index=True)
    language: str = Field(max_length=12)
    text: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))


class QuestionCount(SQLModel, table=True):
    """How often an entry was given, by language and day."""

    __tablename__ = "question_count"

    entry: str = Field(primary_key=True, max_length=120)
    language: str = Field(primary_key=True, max_length=12)
    asked_on: date = Field(primary_key=True)
    count: int = 0


class UnansweredQuestion(SQLModel, table=True):
    """A question without an answer, with names, addresses and numbers removed, for the team to write the answer."""

    __tablename__ = "unanswered_question"

    id: int | None = Field(default=None, primary_key=True)
    language: str = Field(max_length=12)
    text: str = Field(sa_column=Column(Text, nullable=False))
    asked_on: date = Field(index=True)


class Feedback(SQLModel, table=True):
    """Thumbs up or down on one reply; the last one counts."""

    __tablename__ = "feedback"

    reply: str = Field(primary_key=True, max_length=64)
    entry: str = Field(max_length=120, index=True)
    language: str = Field(max_length=12)
    helpful: bool
    given_on: date


class ContactDoubt(SQLModel, table=True):
    """Somebody says that a service's contact is wrong; counted by service, field and day."""

    __tablename__ = "contact_doubt"

    entry: str = Field(primary_key=True, max_length=120)
    field: str = Field(primary_key=True, max_length=20)
    doubted_on: date = Field(primary_key=True)
    count: int = 0
