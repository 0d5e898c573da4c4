"""What the team says of services' contacts: confirmed, corrected or hidden. The facts stay; this stands above them."""

from __future__ import annotations

import re
from datetime import date, datetime

from email_validator import EmailNotValidError, validate_email
from pydantic import HttpUrl, ValidationError
from sqlalchemy import Column
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.database import UtcDateTime
from knowledge.base import KnowledgeBase
from knowledge.errors import ContactInvalidError
from knowledge.service_search import ServiceSearch
from knowledge.watching import Watched


class ServiceContactOverride(SQLModel, table=True):
    """The team's word on the contacts of one service."""

    __tablename__ = "service_contact_override"

    entry: str = Field(primary_key=True, max_length=120)
    """``service/<id>``."""
    is_hidden: bool = False
    """The service is not shown to anybody."""
    phone: str | None = Field(default=None, max_length=200)
    """In place of the number in the facts; None: as there. Empty: none."""
    email: str | None = Field(default=None, max_length=320)
    url: str | None = Field(default=None, max_length=500)
    confirmed_on: date | None = None
    """The day on which the service said that this is right."""
    changed_by: str | None = Field(default=None, max_length=32)
    changed_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))


_PHONE = re.compile(r"[+\d(][\d\s()+./,;-]{1,190}")


class LiveCorrections(Watched):
    """Keeps one process's knowledge base as the team's corrections say, without a restart."""

    def __init__(self, base: KnowledgeBase, services: ServiceSearch) -> None:
        self._base = base
        self._services = services
        self._seen: tuple[object, ...] = ()
        self._applied: set[str] = set()

    async def refresh(self, session: AsyncSession) -> bool:
        """Take up what changed since the last time; whether anything did."""
        rows = list(await session.exec(select(ServiceContactOverride).order_by(ServiceContactOverride.entry)))
        seen = tuple((row.entry, row.changed_at) for row in rows)
        if seen == self._seen:
            return False
        named = {row.entry for row in rows}
        for entry in self._applied - named:
            self._base.correct_service(entry, None)
        for row in rows:
            self._base.correct_service(row.entry, _changes(row))
        self._seen, self._applied = seen, named
        self._services.refresh()
        return True


async def correct_contact(
    session: AsyncSession,
    base: KnowledgeBase,
    entry_id: str,
    *,
    phone: str,
    email: str,
    url: str,
    is_hidden: bool,
    is_confirmed: bool,
    by: str,
    clock: Clock,
) -> None:
    """Keep the team's word on a service's contacts; what equals the facts is not kept beside them. Commits.

    ``is_confirmed``: the service said today that this is right. Raises ContactInvalidError, which names the field, and
    EntryNotFoundError.
    """
    fact = base.original_service(entry_id)
    given = {"phone": phone.strip(), "email": email.strip(), "url": url.strip()}
    _check(given)
    known = {"phone": fact.phone or "", "email": fact.email or "", "url": str(fact.url or "")}
    row = await session.get(ServiceContactOverride, entry_id)
    row = row or ServiceContactOverride(entry=entry_id, changed_at=clock.now())
    for name, value in given.items():
        setattr(row, name, None if value == known[name] else value)
    row.is_hidden = is_hidden
    row.confirmed_on = clock.now().date() if is_confirmed else row.confirmed_on
    row.changed_by, row.changed_at = by, clock.now()
    session.add(row)
    await session.commit()


async def drop_correction(session: AsyncSession, entry_id: str) -> None:
    """Back to the facts; twice is no error. Commits."""
    row = await session.get(ServiceContactOverride, entry_id)
    if row is not None:
        await session.delete(row)
        await session.commit()


def _changes(row: ServiceContactOverride) -> dict[str, object]:
    changes: dict[str, object] = {"is_hidden": row.is_hidden}
    for name in ("phone", "email"):
        if (value := getattr(row, name)) is not None:
            changes[name] = value or None
    if row.url is not None:
        changes["url"] = HttpUrl(row.url) if row.url else None
    if row.confirmed_on is not None:
        changes["confirmed_on"] = changes["as_of"] = row.confirmed_on.isoformat()
    return changes


def _check(given: dict[str, str]) -> None:
    if given["phone"] and not _PHONE.fullmatch(given["phone"]):
        raise ContactInvalidError(field="phone")
    if given["email"]:
        try:
            validate_email(given["email"], check_deliverability=False)
        except EmailNotValidError:
            raise ContactInvalidError(field="email") from None
    if given["url"]:
        try:
            is_fit = len(given["url"]) <= 500 and HttpUrl(given["url"]).scheme in {"http", "https"}
        except ValidationError:
            is_fit = False
        if not is_fit:
            raise ContactInvalidError(field="url")
