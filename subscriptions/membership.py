"""What the team knows of each city's membership: what was signed, the contribution, the Index, and what is due when.

Used by the team's pages, by the chat for a city's own people, and by the reminders. Every function that writes commits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, defer
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.normalise import clean
from knowledge.schema import CityFact
from subscriptions.alerts import select_unchecked_successors
from subscriptions.audience import list_member_cities
from subscriptions.errors import MembershipInvalidError, MembershipNotFoundError
from subscriptions.models import Address, ChannelName, CityFile, DueDate, Subscriber

KINDS = ("contribution", "index", "coordinator", "survey", "other")
"""What can be due; ``mail.reminder.kind.<kind>`` says it."""

LARGEST_COPY = 10 * 1024 * 1024
LONGEST_STATEMENT = 50_000
LONGEST = {"contribution": 200, "index_follow_up": 400}
LONGEST_WORDS = 300
EARLIEST = date(1990, 1, 1)
LATEST = date(2100, 1, 1)

_COPY: InstrumentedAttribute[Any] = CityFile.statement_copy  # type: ignore[assignment]
WITHOUT_COPY = defer(_COPY)
"""For queries of many cities: a signed copy has megabytes."""

_FORMS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


@dataclass(frozen=True, slots=True)
class Membership:
    """What the file of a city says. Empty texts are None."""

    joined_on: date | None = None
    contribution: str | None = None
    last_index_on: date | None = None
    index_follow_up: str | None = None
    statement_text: str | None = None

    def checked(self) -> Membership:
        """Without control characters and empty texts. Raises MembershipInvalidError."""
        texts = {name: clean(getattr(self, name) or "") or None for name in ("statement_text", *LONGEST)}
        for name, most in {**LONGEST, "statement_text": LONGEST_STATEMENT}.items():
            if len(texts[name] or "") > most:
                raise MembershipInvalidError(problem="too_long", most=most)
        for day in (self.joined_on, self.last_index_on):
            if day is not None and not EARLIEST <= day < LATEST:
                raise MembershipInvalidError(problem="date_wrong", value=day.isoformat())
        return replace(self, **texts)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody whom a city named, and whether mail can reach them."""

    subscriber_id: str
    name: str
    is_reachable: bool


@dataclass(frozen=True, slots=True)
class CityState:
    """One line of the list of cities."""

    city: str
    has_file: bool
    has_copy: bool
    next_due: DueDate | None
    contacts: int
    """Named people whom mail can reach."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A signed Statement of Intent, as it was uploaded."""

    name: str
    media_type: str
    content: bytes


async def find_city_file(session: AsyncSession, city: str) -> CityFile | None:
    """The file of a city, without the signed copy."""
    query = select(CityFile).where(CityFile.city == city).options(WITHOUT_COPY)
    return (await session.exec(query)).first()


async def save_city_file(
    session: AsyncSession, city: str, membership: Membership, *, by: str, cities: Collection[str], clock: Clock
) -> CityFile:
    """Write what a city's file says. Raises MembershipNotFoundError for no city, MembershipInvalidError."""
    values = membership.checked()
    file = await _get_or_begin(session, city, by=by, cities=cities, clock=clock)
    for name in Membership.__dataclass_fields__:
        setattr(file, name, getattr(values, name))
    session.add(file)
    await session.commit()
    return file


async def save_copy(
    session: AsyncSession, city: str, name: str, content: bytes, *, by: str, cities: Collection[str], clock: Clock
) -> None:
    """Keep the signed copy: a PDF or a picture, by what it is and not by its name. Raises MembershipInvalidError."""
    form = _form_of(content)
    if form is None:
        raise MembershipInvalidError(problem="copy_kind")
    if len(content) > LARGEST_COPY:
        raise MembershipInvalidError(problem="copy_too_large", megabytes=LARGEST_COPY // 2**20)
    stem = re.sub(r"[^\w.-]+", "-", clean(name).rpartition(".")[0] or "statement").strip("-.")[:120]
    file = await _get_or_begin(session, city, by=by, cities=cities, clock=clock)
    file.statement_name, file.statement_copy = f"{stem or 'statement'}.{_ENDINGS[form]}", content
    session.add(file)
    await session.commit()


async def get_copy(session: AsyncSession, city: str) -> Copy:
    """The signed copy. Raises MembershipNotFoundError."""
    query = select(CityFile.statement_name, CityFile.statement_copy).where(CityFile.city == city)
    name, content = (await session.exec(query)).first() or (None, None)
    if content is None:
        raise MembershipNotFoundError(what="copy")
    return Copy(name or "statement.pdf", _form_of(content) or "application/octet-stream", content)


async def delete_copy(session: AsyncSession, city: str, *, by: str, clock: Clock) -> None:
    """Forget the signed copy. Twice is no error."""
    file = await find_city_file(session, city)
    if file is not None:
        file.statement_name = file.statement_copy = None
        file.changed_by, file.changed_at = by, clock.now()
        session.add(file)
        await session.commit()


async def list_due_dates(session: AsyncSession, city: str, *, with_done: bool = False) -> Sequence[DueDate]:
    """What a city owes, the next first; ``with_done``: what is done too, below it and the last first."""
    query = select(DueDate).where(DueDate.city == city)
    open_ones = await session.exec(query.where(col(DueDate.done_on).is_(None)).order_by(col(DueDate.due_on)))
    found = list(open_ones)
    if with_done:
        done = query.where(col(DueDate.done_on).is_not(None)).order_by(col(DueDate.due_on).desc()).limit(50)
        found += await session.exec(done)
    return found


async def add_due_date(
    session: AsyncSession, city: str, kind: str, due_on: date, words: str | None, *, cities: Collection[str]
) -> DueDate:
    """A day at which a city owes something. Raises MembershipNotFoundError, MembershipInvalidError."""
    words = check_due(kind, due_on, words)
    if city not in cities:
        raise MembershipNotFoundError(what="city")
    same = select(DueDate.id).where(DueDate.city == city, DueDate.kind == kind, DueDate.due_on == due_on)
    if (await session.exec(same)).first() is not None:
        raise MembershipInvalidError(problem="date_twice")
    due = DueDate(city=city, kind=kind, due_on=due_on, words=words)
    session.add(due)
    try:
        await session.commit()
    except IntegrityError:
        # Somebody wrote it at the same moment.
        await session.rollback()
        raise MembershipInvalidError(problem="date_twice") from None
    return due


def check_due(kind: str, due_on: date, words: str | None) -> str | None:
    """The words as they are kept. Raises MembershipInvalidError."""
    words = " ".join(clean(words or "").split()) or None
    if kind not in KINDS:
        raise MembershipInvalidError(problem="kind_unknown", value=kind)
    if not EARLIEST <= due_on < LATEST:
        raise MembershipInvalidError(problem="date_wrong", value=due_on.isoformat())
    if len(words or "") > LONGEST_WORDS:
        raise MembershipInvalidError(problem="too_long", most=LONGEST_WORDS)
    if kind == "other" and words is None:
        raise MembershipInvalidError(problem="words_missing")
    return words


async def finish_due_date(session: AsyncSession, due_id: int, *, on: date | None, again: bool = False) -> DueDate:
    """It is done, so that nobody is reminded any more; ``on`` None: it is not. ``again``: it is due next year too."""
    due = await get_due_date(session, due_id)
    due.done_on = on
    session.add(due)
    if again and on is not None:
        next_on = _a_year_later(due.due_on)
        same = select(DueDate.id).where(DueDate.city == due.city, DueDate.kind == due.kind, DueDate.due_on == next_on)
        if (await session.exec(same)).first() is None:
            session.add(DueDate(city=due.city, kind=due.kind, due_on=next_on, words=due.words))
    await session.commit()
    return due


async def delete_due_date(session: AsyncSession, due_id: int) -> DueDate:
    """It was written by mistake. Raises MembershipNotFoundError."""
    due = await get_due_date(session, due_id)
    await session.delete(due)
    await session.commit()
    return due


async def get_due_date(session: AsyncSession, due_id: int) -> DueDate:
    """Raises MembershipNotFoundError."""
    due = await session.get(DueDate, due_id)
    if due is None:
        raise MembershipNotFoundError(what="date")
    return due


def may_know(subscriber: Subscriber) -> bool:
    """Whether somebody may see the file of their city: named by it or by the team, and still there.

    What people say of themselves when they join does not count.
    """
    is_named = subscriber.is_mandatory_contact or subscriber.may_set_city_defaults
    return is_named and subscriber.city is not None and subscriber.left_at is None


async def is_checked(session: AsyncSession, subscriber: Subscriber) -> bool:
    """Whether nobody named this person as successor since the team last looked."""
    waiting = select_unchecked_successors().where(col(Subscriber.succeeded_by) == subscriber.id)
    return (await (await session.connection()).execute(waiting)).first() is None


async def list_contacts(session: AsyncSession, city: str) -> list[Contact]:
    """Who was named for a city."""
    query = (
        select(Subscriber.id, Subscriber.name, Address.id, Address.suppressed_at)
        .join(
            Address,
            (col(Address.subscriber_id) == col(Subscriber.id)) & (col(Address.channel) == ChannelName.EMAIL),
            isouter=True,
        )
        .where(Subscriber.city == city, *_NAMED)
        .order_by(col(Subscriber.name))
    )
    rows = await session.exec(query)
    return [Contact(key, name, address is not None and gone is None) for key, name, address, gone in rows]


async def list_cities(session: AsyncSession, cities: Mapping[str, CityFact]) -> list[CityState]:
    """Every member city, with what is next and whether anybody would hear of it."""
    files = {row[0]: row[1] for row in await session.exec(select(CityFile.city, CityFile.statement_name))}
    upcoming: dict[str, DueDate] = {}
    for due in await session.exec(
        select(DueDate).where(col(DueDate.done_on).is_(None)).order_by(col(DueDate.due_on), col(DueDate.id))
    ):
        upcoming.setdefault(due.city, due)
    reachable = (
        select(Subscriber.city, func.count())
        .join(Address, col(Address.subscriber_id) == col(Subscriber.id))
        .where(*_NAMED, Address.channel == ChannelName.EMAIL, col(Address.suppressed_at).is_(None))
        .group_by(col(Subscriber.city))
    )
    contacts = dict((await session.exec(reachable)).all())
    members = sorted({*await list_member_cities(session, cities), *upcoming})
    return [
        CityState(city, city in files, files.get(city) is not None, upcoming.get(city), contacts.get(city, 0))
        for city in members
    ]


_NAMED = (col(Subscriber.is_mandatory_contact).is_(True), col(Subscriber.left_at).is_(None))


async def _get_or_begin(
    session: AsyncSession, city: str, *, by: str, cities: Collection[str], clock: Clock
) -> CityFile:
    if city not in cities:
        raise MembershipNotFoundError(what="city")
    file = await find_city_file(session, city) or CityFile(city=city, changed_at=clock.now())
    file.changed_by, file.changed_at = by, clock.now()
    return file


def _form_of(content: bytes) -> str | None:
    return next((form for mark, form in _FORMS.items() if content.startswith(mark)), None)


def _a_year_later(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28)
