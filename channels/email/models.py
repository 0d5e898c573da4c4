"""Tables of the mail channel."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class OutboxMail(SQLModel, table=True):
    """A mail that would have been sent if there were a mail server; the back office shows it. Kept for 30 days."""

    __tablename__ = "outbox_mail"

    id: str = Field(primary_key=True, max_length=120)
    """The mail's Message-ID, so that a mail written twice is one row."""
    recipient: str = Field(max_length=320)
    subject: str = Field(max_length=300)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """The whole mail."""
    written_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))
