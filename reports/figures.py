"""Closing a period: an officer with the desk's key has its reports counted, sealed, and released as far as is safe.

Not counted are suspected junk, and cases that somebody of the desk must not see: that person reads the exact counts
too, and one more than in the list would tell. What is shown to the public from this is in ``observatory``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from reports.audit import Act, record, record_listing
from reports.cases import collect_cases
from reports.errors import PeriodNotOverError, SealBrokenError, SessionEndedError
from reports.models import AuditEntry, CaseStatus, Desk, DeskPeriod
from reports.periods import Period
from reports.release import Release, make_release, stands_alone
from reports.signed_in import SignedIn, open_for_desk, seal_for_desk
from reports.tally import ExactCounts, add_up

SETTLES_AFTER = timedelta(days=1)
"""A report that was being sent when the period ended is in by then."""


async def close_period(session: AsyncSession, signed_in: SignedIn, period: Period, *, clock: Clock) -> DeskPeriod:
    """Count a period that is over and release its figures, for good; commits. Doing it twice changes nothing.

    A quarter with fewer than a hundred reports is only counted: it is released with its year. A year's release has the
    quarters that were not released before. Raises PeriodNotOverError, DeskKeyMissingError,
    SessionEndedError when the desk's keys were just changed.
    """
    desk_id = signed_in.desk.id
    await _record_reading(session, signed_in, clock)  # Before the lock: it commits.
    await _lock_desk(session, signed_in)
    closed = {row.period: row for row in await _list_closed(session, desk_id)}
    done = closed.get(str(period)) or closed.get(str(period.whole_year))
    if done is not None:
        await session.commit()
        return done
    if not period.is_over(clock.now() - SETTLES_AFTER):
        raise PeriodNotOverError(period=str(period))
    counted = await _count_quarters(session, signed_in, period, closed)
    row = DeskPeriod(
        desk_id=desk_id,
        period=str(period),
        sealed_counts=_seal_counts(signed_in, period, add_up(counted.values())),
        closed_at=clock.now(),
    )
    release = _release(period, counted, closed, await _first_opened(session, signed_in.desk))
    if release is not None:
        row.released = release.model_dump(mode="json")
    session.add(row)
    record(session, Act.PERIOD_CLOSED, desk_id=desk_id, officer_id=signed_in.officer.id, clock=clock)
    await session.commit()
    return row


async def preview_release(
    session: AsyncSession, signed_in: SignedIn, period: Period, *, clock: Clock
) -> Release | None:
    """What closing the period now would show to everybody; None: nothing before its year is closed. Keeps nothing.

    Raises DeskKeyMissingError.
    """
    await _record_reading(session, signed_in, clock)
    closed = {row.period: row for row in await _list_closed(session, signed_in.desk.id)}
    counted = await _count_quarters(session, signed_in, period, closed)
    return _release(period, counted, closed, await _first_opened(session, signed_in.desk))


async def read_exact(session: AsyncSession, signed_in: SignedIn, period: Period, *, clock: Clock) -> ExactCounts:
    """The exact counts, for the desk itself; those of a period that is not closed are counted now.

    Raises DeskKeyMissingError, SealBrokenError.
    """
    row = await session.get(DeskPeriod, (signed_in.desk.id, str(period)))
    if row is not None:
        return _open_counts(signed_in, row)
    await _record_reading(session, signed_in, clock)
    closed = {row.period: row for row in await _list_closed(session, signed_in.desk.id)}
    return add_up((await _count_quarters(session, signed_in, period, closed)).values())


async def list_closable(session: AsyncSession, desk: Desk, *, clock: Clock) -> list[Period]:
    """Periods that are over and wait to be closed, the oldest first. Reports that were deleted meanwhile do not count,
    so a quarter should be closed before the desk's retention ends; a retention of fewer than 92 days ends too soon for
    that, and the desk is told so where it sets it."""
    closed = {row.period for row in await _list_closed(session, desk.id)}
    first = await _first_opened(session, desk)
    if first is None:
        return []
    until = clock.now() - SETTLES_AFTER
    years = [Period(year) for year in range(first.year, until.year + 1)]
    periods = [period for year in years if str(year) not in closed for period in (*year.quarters(), year)]
    return [period for period in periods if period.is_over(until) and not _is_done(period, first, closed)]


def _is_done(period: Period, first: Period, closed: set[str]) -> bool:
    return str(period) in closed or (period.quarter is not None and period < first)


async def _record_reading(session: AsyncSession, signed_in: SignedIn, clock: Clock) -> None:
    """Counting opens every case, and the audit trail says so; commits."""
    signed_in.require_desk_keys()
    await record_listing(session, desk_id=signed_in.desk.id, officer_id=signed_in.officer.id, clock=clock)
    await session.commit()


async def _lock_desk(session: AsyncSession, signed_in: SignedIn) -> None:
    """Make a second closing wait, so that each report is released once. Raises SessionEndedError when the desk has got
    other keys since the officer's request began."""
    # An update that changes nothing takes the lock on both databases; SQLite knows no SELECT FOR UPDATE.
    await session.exec(update(Desk).where(col(Desk.id) == signed_in.desk.id).values(name=Desk.name))
    desk = await session.get_one(Desk, signed_in.desk.id, populate_existing=True)
    if desk.public_key != signed_in.require_desk_keys().public:
        raise SessionEndedError


async def _count_quarters(
    session: AsyncSession, signed_in: SignedIn, period: Period, closed: Mapping[str, DeskPeriod]
) -> dict[Period, ExactCounts]:
    """What each quarter of the period has: as counted when it was closed, else from the cases.

    Counts that do not open (restored from a backup under an older key of the desk) are made from the cases again.
    """
    counted = {quarter: ExactCounts() for quarter in period.quarters()}
    to_count = set(counted)
    for quarter in counted:
        if str(quarter) in closed:
            with suppress(SealBrokenError):
                counted[quarter] = _open_counts(signed_in, closed[str(quarter)])
                to_count.remove(quarter)
    for case in await collect_cases(session, signed_in, set_apart=False):
        quarter = Period.quarter_of(case.report.arrived_at)
        if quarter in to_count and not case.is_restricted and case.status is not CaseStatus.WITHDRAWN:
            counted[quarter].count(case.report, case.labels.event)
    return counted


def _release(
    period: Period, counted: Mapping[Period, ExactCounts], closed: Mapping[str, DeskPeriod], first: Period | None
) -> Release | None:
    """The release of the quarters that were not released before, or None where it must wait for the year."""
    released = {name for name, row in closed.items() if row.released}
    waiting = [quarter for quarter in counted if str(quarter) not in released]
    to_release = add_up(counted[quarter] for quarter in waiting)
    if not waiting or (period.quarter is not None and not stands_alone(to_release)):
        return None
    return make_release(to_release, waiting, time_cells=_time_cells(period, waiting, first))


def _time_cells(period: Period, quarters: Iterable[Period], first: Period | None) -> list[str]:
    """Quarters of a year or months of a quarter. Before the desk first opened everybody knows that there was nothing,
    and a known nothing hides no other cell."""
    possible = [quarter for quarter in sorted(quarters) if first is None or quarter >= first]
    if period.quarter is None:
        return [str(quarter) for quarter in possible]
    return [] if first == period else [month for quarter in possible for month in quarter.months()]


async def _first_opened(session: AsyncSession, desk: Desk) -> Period | None:
    """The quarter in which the desk first took reports."""
    query = select(func.min(AuditEntry.id)).where(AuditEntry.desk_id == desk.id, AuditEntry.action == Act.DESK_OPENED)
    entry_id = (await session.exec(query)).one()
    if entry_id is None:
        return None
    return Period.quarter_of((await session.get_one(AuditEntry, entry_id)).at)


async def _list_closed(session: AsyncSession, desk_id: str) -> list[DeskPeriod]:
    return list(await session.exec(select(DeskPeriod).where(DeskPeriod.desk_id == desk_id)))


def _seal_counts(signed_in: SignedIn, period: Period, counts: ExactCounts) -> bytes:
    return seal_for_desk(signed_in.desk, counts.model_dump_json().encode(), "period", str(period))


def _open_counts(signed_in: SignedIn, row: DeskPeriod) -> ExactCounts:
    return ExactCounts.model_validate_json(open_for_desk(signed_in, row.sealed_counts, "period", row.period))
