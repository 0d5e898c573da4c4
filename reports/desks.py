"""Desks: who receives reports, what each promises, when it may open, and which of them fit a reporter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.languages import RELEASED
from knowledge.places import Place
from reports.audit import Act, record
from reports.errors import DeskNotFoundError, DeskNotReadyError, NameTakenError
from reports.models import Desk, DeskKind, Officer
from reports.signed_in import SignedIn

AWAY_AFTER = timedelta(days=7)
"""A desk where nobody signed in for so long says so, and other ways are offered."""
FEWEST_OFFICERS = 2
NOT_ASKED_YET = "no"
"""Before anybody was asked whom it is about, no desk is called the accused's; what it is, city or not, is said."""


class Duty(StrEnum):
    """On what ground a law can make a desk pass something on without the reporter's consent."""

    CRIME = "crime"
    IMMIGRATION = "immigration"
    CHILD_PROTECTION = "child_protection"
    OTHER = "other"


class PassesOn(BaseModel):
    """One such duty, with its law and the same in plain words for each language."""

    model_config = ConfigDict(extra="forbid")

    what: Duty
    law: str = Field(min_length=3, max_length=300)
    texts: dict[str, str]


class Statement(BaseModel):
    """What a desk says of itself before anybody tells it something. None: not said yet."""

    model_config = ConfigDict(extra="forbid")

    controller: str | None = Field(default=None, max_length=500)
    """Who answers for the data (GDPR article 4(7)), with an address."""
    data_protection_contact: str | None = Field(default=None, max_length=500)
    legal_basis: str | None = Field(default=None, max_length=500)
    retention_days: int | None = Field(default=None, ge=30, le=3650)
    answer_within_days: int | None = Field(default=None, ge=1, le=90)
    passes_on: list[PassesOn] = Field(default_factory=list)
    no_duty: bool = False
    """Said, not assumed: no law makes this desk pass anything on."""

    def missing(self) -> list[str]:
        """What is not said yet, by field."""
        named = ("controller", "data_protection_contact", "legal_basis", "retention_days", "answer_within_days")
        lacks = [name for name in named if not getattr(self, name)]
        if self.no_duty == bool(self.passes_on):
            lacks.append("passes_on")
        if any(not duty.texts.get(code, "").strip() for duty in self.passes_on for code in RELEASED):
            lacks.append("passes_on_texts")
        return lacks


@dataclass(frozen=True)
class DeskChoice:
    """A desk as a reporter may choose it."""

    id: str
    name: str
    kind: DeskKind
    statement: Statement
    languages: list[str]
    service: str | None
    officers: list[tuple[str, str]]
    """Id and name of each, so that the reporter can keep one out."""
    is_away: bool
    """Nobody signed in for seven days."""
    is_of_the_accused: bool
    """The report is about the city or its staff, and this is the city's own desk."""

    @property
    def has_no_duty(self) -> bool:
        return self.statement.no_duty

    @property
    def is_doubtful(self) -> bool:
        """Whether other ways should be offered beside it."""
        return self.is_of_the_accused or self.is_away


def statement_of(desk: Desk) -> Statement:
    """What the desk has said so far."""
    return Statement.model_validate(desk.statement)


async def create_desk(
    session: AsyncSession,
    desk_id: str,
    name: str,
    *,
    kind: DeskKind,
    clock: Clock,
    places: list[str] | None = None,
    languages: list[str] | None = None,
    service: str | None = None,
) -> Desk:
    """A desk that takes no reports yet; commits. Raises NameTakenError."""
    if await session.get(Desk, desk_id) is not None:
        raise NameTakenError(name=desk_id)
    desk = Desk(
        id=desk_id,
        name=name,
        kind=kind,
        places=places or [],
        languages=languages or [],
        service=service,
        statement=Statement().model_dump(mode="json"),
        created_at=clock.now(),
    )
    session.add(desk)
    await session.flush()
    record(session, Act.DESK_CREATED, desk_id=desk_id, clock=clock)
    await session.commit()
    return desk


async def get_desk(session: AsyncSession, desk_id: str, *, open_only: bool = False) -> Desk:
    """The desk. Raises DeskNotFoundError."""
    desk = await session.get(Desk, desk_id)
    if desk is None or (open_only and not is_open(desk)):
        raise DeskNotFoundError(id=desk_id)
    return desk


async def lock_desk(session: AsyncSession, desk_id: str) -> Desk:
    """The desk as it is now, and nobody else changes it or its keys until the transaction ends."""
    # An update that changes nothing takes the lock on both databases; SQLite knows no SELECT FOR UPDATE.
    await session.exec(update(Desk).where(col(Desk.id) == desk_id).values(name=Desk.name))
    return await session.get_one(Desk, desk_id, populate_existing=True)


async def refresh_open_desk(session: AsyncSession, desk_id: str) -> Desk:
    """The desk with its present key, in a transaction that has written already: the key stays until it ends, so that
    nothing is sealed for a key that is being replaced. Raises DeskNotFoundError."""
    desk = await session.get(Desk, desk_id, populate_existing=True, with_for_update={"read": True})
    if desk is None or not is_open(desk):
        raise DeskNotFoundError(id=desk_id)
    return desk


def is_open(desk: Desk) -> bool:
    """Whether it takes new reports."""
    return desk.opened_at is not None and desk.closed_at is None


async def update_statement(session: AsyncSession, signed_in: SignedIn, statement: Statement, *, clock: Clock) -> None:
    """Say what the desk promises; commits. An open desk's must stay whole: raises DeskNotReadyError."""
    lacks = statement.missing()
    if lacks and is_open(signed_in.desk):
        raise DeskNotReadyError(missing=lacks)
    signed_in.desk.statement = statement.model_dump(mode="json")
    session.add(signed_in.desk)
    record(session, Act.STATEMENT_CHANGED, desk_id=signed_in.desk.id, officer_id=signed_in.officer.id, clock=clock)
    await session.commit()


async def list_missing(session: AsyncSession, desk: Desk) -> list[str]:
    """What the desk still needs before it may open: ``officers``, ``recovery_key``, and fields of its statement."""
    readers = [officer for officer in await list_officers(session, desk.id) if officer.sealed_desk_key is not None]
    lacks = [] if len(readers) >= FEWEST_OFFICERS else ["officers"]
    if desk.recovery_sealed_key is None:
        lacks.append("recovery_key")
    return [*lacks, *statement_of(desk).missing()]


async def open_desk(session: AsyncSession, signed_in: SignedIn, *, clock: Clock) -> None:
    """Take reports from now on; commits. Raises DeskNotReadyError, DeskKeyMissingError."""
    signed_in.require_desk_keys()
    lacks = await list_missing(session, signed_in.desk)
    if lacks:
        raise DeskNotReadyError(missing=lacks)
    signed_in.desk.opened_at, signed_in.desk.closed_at = clock.now(), None
    session.add(signed_in.desk)
    record(session, Act.DESK_OPENED, desk_id=signed_in.desk.id, officer_id=signed_in.officer.id, clock=clock)
    await session.commit()


async def close_desk(
    session: AsyncSession, desk: Desk, *, clock: Clock, officer_id: str | None = None, commit: bool = True
) -> None:
    """Take no new reports. The cases stay, and their reporters still get answers."""
    desk.closed_at = clock.now()
    session.add(desk)
    record(session, Act.DESK_CLOSED, desk_id=desk.id, officer_id=officer_id, clock=clock)
    if commit:
        await session.commit()


async def list_officers(session: AsyncSession, desk_id: str) -> list[Officer]:
    """Who works at the desk: joined, and not left."""
    query = select(Officer).where(
        Officer.desk_id == desk_id, col(Officer.joined_at).is_not(None), col(Officer.left_at).is_(None)
    )
    return sorted(await session.exec(query), key=lambda officer: officer.name.casefold())


async def list_open_desks(session: AsyncSession) -> list[Desk]:
    """Every desk that takes reports, by name."""
    opened = select(Desk).where(col(Desk.opened_at).is_not(None), col(Desk.closed_at).is_(None))
    return sorted(await session.exec(opened), key=lambda desk: desk.name.casefold())


async def list_desks_for(
    session: AsyncSession, *, place: Place | None, about_city: str | None, clock: Clock
) -> list[DeskChoice]:
    """Open desks that serve the place, the nearest first.

    Where the report is about the city or its staff, or may be (anything but ``no``), its own desk comes last.
    """
    served = [] if place is None else [place.id, place.region, place.country]
    nearness = {served_id: rank for rank, served_id in enumerate(served) if served_id}
    accused = may_accuse(about_city)
    ranked: list[tuple[bool, bool, int, str, DeskChoice]] = []
    opened = select(Desk).where(col(Desk.opened_at).is_not(None), col(Desk.closed_at).is_(None))
    for desk in await session.exec(opened):
        near = min((nearness[served_id] for served_id in desk.places if served_id in nearness), default=None)
        if near is None and desk.places:
            continue
        choice = await _choice(session, desk, accused=accused, clock=clock)
        rank = len(served) if near is None else near
        ranked.append((choice.is_of_the_accused, choice.is_away, rank, choice.name, choice))
    return [item[-1] for item in sorted(ranked, key=lambda item: item[:-1])]


async def describe_desk(session: AsyncSession, desk: Desk, *, about_city: str | None, clock: Clock) -> DeskChoice:
    """One desk as the reporter of such a report may choose it, whether or not it serves the place."""
    return await _choice(session, desk, accused=may_accuse(about_city), clock=clock)


def may_accuse(about_city: str | None) -> bool:
    """Whether the city or its staff may be accused. Who skipped the question has not said that they are not."""
    return about_city != "no"


async def _choice(session: AsyncSession, desk: Desk, *, accused: bool, clock: Clock) -> DeskChoice:
    return DeskChoice(
        id=desk.id,
        name=desk.name,
        kind=DeskKind(desk.kind),
        statement=statement_of(desk),
        languages=desk.languages,
        service=desk.service,
        officers=[(officer.id, officer.name) for officer in await list_officers(session, desk.id)],
        is_away=is_away(desk, clock),
        is_of_the_accused=accused and desk.kind == DeskKind.CITY,
    )


def is_away(desk: Desk, clock: Clock) -> bool:
    """Nobody has signed in for seven days."""
    return desk.last_sign_in_at is None or clock.now() - desk.last_sign_in_at > AWAY_AFTER
