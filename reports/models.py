"""Tables of desks and reports. Whatever a resident wrote is in ``LargeBinary`` columns, sealed (reports/sealing.py).

In clear stand only: which desk, a case's status, the month in which it will be deleted, who of the desk did what when.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, LargeBinary, String
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class DeskKind(StrEnum):
    """Who a desk is."""

    CITY = "city"
    ASSOCIATION = "association"
    INDEPENDENT = "independent"


class CaseStatus(StrEnum):
    """Where a case stands; each has a sentence that the reporter sees."""

    NEW = "new"
    READ = "read"
    IN_WORK = "in_work"
    WAITING = "waiting"
    """For the reporter."""
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Desk(SQLModel, table=True):
    """Who receives reports, with its key pair and what it promises."""

    __tablename__ = "desk"

    id: str = Field(primary_key=True, max_length=60)
    """A short name in addresses: ``bologna-antidiscriminazioni``."""
    name: str = Field(max_length=200)
    kind: str = Field(max_length=20)
    places: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Ids of the gazetteer that it serves; empty: everywhere."""
    service: str | None = Field(default=None, max_length=120)
    """The entry of the knowledge base that it is, if any."""
    languages: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    statement: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """See ``reports.desks.Statement``."""
    public_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    recovery_public_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    recovery_sealed_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    created_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    opened_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    last_sign_in_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))


class Officer(SQLModel, table=True):
    """A person of a desk. The private key opens only with the password; the secret of the codes only with that key."""

    __tablename__ = "officer"

    id: str = Field(primary_key=True, max_length=32)
    desk_id: str = Field(sa_column=Column(ForeignKey("desk.id"), nullable=False, index=True))
    login: str = Field(max_length=200, unique=True)
    name: str = Field(max_length=200)
    language: str = Field(default="en", max_length=12)
    invitation_hash: str | None = Field(default=None, max_length=64, index=True)
    invited_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    salt: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    public_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    wrapped_private_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    sealed_totp: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    sealed_desk_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """The desk's private key, sealed to this officer; None until a colleague lets the officer in."""
    last_totp_step: int = 0
    joined_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    left_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))


class OfficerSession(SQLModel, table=True):
    """Somebody signed in. The keys are sealed under the cookie's token, which is not kept here."""

    __tablename__ = "officer_session"

    id: str = Field(primary_key=True, max_length=64)
    officer_id: str = Field(sa_column=Column(ForeignKey("officer.id"), nullable=False, index=True))
    sealed_keys: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    used_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))


class Case(SQLModel, table=True):
    """The record of one report. Its content is sealed under a key of its own, which the desk and the receipt open."""

    __tablename__ = "report_case"

    id: str = Field(primary_key=True, max_length=32)
    desk_id: str = Field(sa_column=Column(ForeignKey("desk.id"), nullable=False, index=True))
    submission: str = Field(max_length=64, unique=True)
    """Of the draft that became this case, so that sending twice makes one case."""
    status: str = Field(default=CaseStatus.NEW, max_length=20)
    set_apart: bool = False
    """Suspected junk, to be looked at; never refused, never deleted for that."""
    receipt_id: str = Field(max_length=64, unique=True)
    receipt_public_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    receipt_sealed_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    desk_sealed_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """None where officers are kept out; then each of the others has a ``CaseSeal``."""
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    labels: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    delete_on: date = Field(index=True)
    """The end of the month in which retention ends, so that the row does not tell the day of the report."""
    reporter_returned: bool = False
    reporter_waits: bool = False
    """The reporter wrote something that was neither answered nor said to need no answer. Reading it is no answer."""


class CaseSeal(SQLModel, table=True):
    """The case key for one officer, where others of the desk are kept out."""

    __tablename__ = "report_case_seal"

    case_id: str = Field(sa_column=Column(ForeignKey("report_case.id", ondelete="CASCADE"), primary_key=True))
    officer_id: str = Field(sa_column=Column(ForeignKey("officer.id"), primary_key=True))
    sealed_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CaseEntry(SQLModel, table=True):
    """A message or note of a case, sealed under the case's key. The order is the number's."""

    __tablename__ = "report_case_entry"

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(sa_column=Column(ForeignKey("report_case.id", ondelete="CASCADE"), nullable=False, index=True))
    kind: str = Field(max_length=20)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SealedFile(SQLModel, table=True):
    """A file of a draft or of a case; its name and kind are inside the seal of what it belongs to."""

    __tablename__ = "report_file"

    id: str = Field(primary_key=True, max_length=32)
    case_id: str | None = Field(
        default=None, sa_column=Column(ForeignKey("report_case.id", ondelete="CASCADE"), nullable=True, index=True)
    )
    draft_id: str | None = Field(
        default=None, sa_column=Column(ForeignKey("report_draft.id", ondelete="CASCADE"), nullable=True, index=True)
    )
    chunks: int


class SealedChunk(SQLModel, table=True):
    """A piece of a file; its number and its file are bound into the seal."""

    __tablename__ = "report_file_chunk"

    file_id: str = Field(sa_column=Column(ForeignKey("report_file.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Draft(SQLModel, table=True):
    """An unfinished report, encrypted under a server key for at most 24 hours, then shredded."""

    __tablename__ = "report_draft"

    id: str = Field(primary_key=True, max_length=64)
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    version: int = 1
    expires_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))


class ReturnSession(SQLModel, table=True):
    """A case that its reporter has open; the case's key is sealed under a token that is not kept here."""

    __tablename__ = "report_return_session"

    id: str = Field(primary_key=True, max_length=64)
    case_id: str = Field(sa_column=Column(ForeignKey("report_case.id", ondelete="CASCADE"), nullable=False, index=True))
    sealed_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))


class AuditEntry(SQLModel, table=True):
    """Who of a desk did what, when. No word of a report."""

    __tablename__ = "desk_audit"
    __table_args__ = (Index("ix_desk_audit_desk_id_at", "desk_id", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    desk_id: str = Field(sa_column=Column(ForeignKey("desk.id"), nullable=False))
    officer_id: str | None = Field(default=None, sa_column=Column(String(32), nullable=True))
    action: str = Field(max_length=40)
    case_id: str | None = Field(default=None, max_length=32)
    at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))


class DeskPeriod(SQLModel, table=True):
    """A closed period: the exact counts sealed to the desk, the suppressed tables in clear once released."""

    __tablename__ = "desk_period"

    desk_id: str = Field(sa_column=Column(ForeignKey("desk.id"), primary_key=True))
    period: str = Field(primary_key=True, max_length=12)
    """``2026`` or ``2026-Q3``."""
    sealed_counts: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    released: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    closed_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))


class DeskNews(SQLModel, table=True):
    """What the desk was told and what it changed, by period, in every language that it wrote."""

    __tablename__ = "desk_news"

    id: int | None = Field(default=None, primary_key=True)
    desk_id: str = Field(sa_column=Column(ForeignKey("desk.id"), nullable=False, index=True))
    period: str = Field(max_length=12)
    texts: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    published_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
