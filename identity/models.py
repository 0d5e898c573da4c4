"""Attempts to sign in, counted so that passwords and codes cannot be tried through."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class SignInAttempt(SQLModel, table=True):
    """Wrong attempts for one name or from one source. The key is a keyed hash of either, never the thing itself."""

    __tablename__ = "sign_in_attempt"

    key: str = Field(primary_key=True, max_length=64)
    failures: int = 0
    last_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))
    blocked_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
