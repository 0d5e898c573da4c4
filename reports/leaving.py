"""An officer leaves: the desk gets new keys, and the keys of its cases are sealed anew. No content is touched."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from reports.audit import Act, record
from reports.desks import FEWEST_OFFICERS, close_desk, is_open, list_officers, lock_desk
from reports.errors import SessionEndedError
from reports.models import Case, CaseSeal, DeskPeriod, Officer, OfficerSession
from reports.officers import departed, get_colleague
from reports.recovery import seal_for_recovery
from reports.sealing import KeyPair, reseal, seal_to
from reports.signed_in import SignedIn, desk_key_context


@dataclass(frozen=True)
class Left:
    """What a leaving changed."""

    resealed: int
    """Cases whose key was sealed for the desk's new key."""
    unreadable: int
    """Cases that only this officer could read; their reporters are told so when they come back."""
    desk_closed: bool
    """Fewer than two officers are left, so that the desk takes no new reports."""


async def count_only_readable_by(session: AsyncSession, officer_id: str) -> int:
    """Cases that nobody else of the desk can read: to be shared before the officer leaves."""
    return len(await _only_readable_by(session, officer_id))


async def leave(session: AsyncSession, signed_in: SignedIn, officer_id: str, *, clock: Clock) -> Left:
    """Take an officer off the desk, done by a colleague or by the officer; commits all of it or nothing.

    The officer's key opens nothing that the database holds from now on: there is a new desk key, sealed to those who
    stay and to the recovery key. Raises DeskKeyMissingError, CaseNotFoundError when there is no such colleague.
    """
    old = signed_in.require_desk_keys()
    officer = await get_colleague(session, signed_in, officer_id)
    desk = await lock_desk(session, signed_in.desk.id)
    if desk.public_key != old.public:
        # A colleague took somebody off in this moment.
        raise SessionEndedError
    new = KeyPair.new()
    for name, value in departed(officer_id, left_at=clock.now()).items():
        setattr(officer, name, value)
    session.add(officer)
    await session.flush()
    await session.exec(delete(OfficerSession).where(col(OfficerSession.officer_id) == officer_id))
    unreadable = await _only_readable_by(session, officer_id)
    await session.exec(delete(CaseSeal).where(col(CaseSeal.officer_id) == officer_id))
    desk.public_key = new.public
    stay = [colleague for colleague in await list_officers(session, desk.id) if colleague.sealed_desk_key is not None]
    for colleague in stay:
        assert colleague.public_key is not None
        colleague.sealed_desk_key = seal_to(colleague.public_key, new.private, desk_key_context(desk.id))
        session.add(colleague)
    seal_for_recovery(desk, new)
    resealed = await _reseal_cases(session, desk.id, old, new)
    await _reseal_figures(session, desk.id, old, new)
    closes = is_open(desk) and len(stay) < FEWEST_OFFICERS
    if closes:
        await close_desk(session, desk, clock=clock, officer_id=signed_in.officer.id, commit=False)
    session.add(desk)
    record(session, Act.OFFICER_LEFT, desk_id=desk.id, officer_id=officer_id, clock=clock)
    await session.commit()
    return Left(resealed, len(unreadable), closes)


async def _reseal_cases(session: AsyncSession, desk_id: str, old: KeyPair, new: KeyPair) -> int:
    query = select(Case).where(Case.desk_id == desk_id, col(Case.desk_sealed_key).is_not(None)).with_for_update()
    cases = list(await session.exec(query))
    sealed = await asyncio.to_thread(
        lambda: [reseal(old, case.desk_sealed_key or b"", new.public) for case in cases],
    )
    for case, key in zip(cases, sealed, strict=True):
        case.desk_sealed_key = key
        session.add(case)
    await session.flush()
    return len(cases)


async def _reseal_figures(session: AsyncSession, desk_id: str, old: KeyPair, new: KeyPair) -> None:
    for period in await session.exec(select(DeskPeriod).where(DeskPeriod.desk_id == desk_id)):
        period.sealed_counts = reseal(old, period.sealed_counts, new.public)
        session.add(period)


async def _only_readable_by(session: AsyncSession, officer_id: str) -> list[str]:
    desk = select(Officer.desk_id).where(Officer.id == officer_id).scalar_subquery()
    query = select(CaseSeal).join(Case, col(Case.id) == col(CaseSeal.case_id)).where(Case.desk_id == desk)
    readers: dict[str, set[str]] = defaultdict(set)
    for seal in await session.exec(query):
        readers[seal.case_id].add(seal.officer_id)
    return sorted(case_id for case_id, officers in readers.items() if officers == {officer_id})
