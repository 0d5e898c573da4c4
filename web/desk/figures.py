"""Exact counts for the desk itself, and closing a period: first what everybody will see, then for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from babel.dates import format_date
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.errors import HubError
from reports.cases import share_of_returns
from reports.figures import close_period, list_closable, preview_release, read_exact
from reports.periods import Period, first_day
from reports.release import Release
from reports.tally import ExactCounts
from web.desk.doorway import DeskRoute, Inside, Visit
from web.desk.news import period_words, periods_until_now

router = APIRouter(route_class=DeskRoute)


@dataclass(frozen=True)
class Sheet:
    """One table; a count of None is not shown to anybody."""

    title: str
    rows: list[tuple[str, int | None]]


@router.get("/desk/figures")
async def figures_page(visit: Inside, period: str = "") -> HTMLResponse:
    """The counts of a period, and what can be closed."""
    return await _figures(visit, Period.read(period))


@router.get("/desk/figures/close")
async def preview(visit: Inside, period: str = "") -> Response:
    """What closing it will show to everybody. Nothing is kept yet."""
    chosen = Period.read(period)
    if chosen is None or chosen not in await list_closable(visit.session, visit.signed_in.desk, clock=visit.clock):
        return visit.go("/desk/figures")
    release = await preview_release(visit.session, visit.signed_in, chosen, clock=visit.clock)
    return visit.render(
        "figures_close.html",
        period=str(chosen),
        words=period_words(visit, chosen),
        release=release,
        sheets=_released(visit, release) if release else [],
    )


@router.post("/desk/figures/close")
async def close(visit: Inside) -> Response:
    """Count and release it, for good."""
    chosen = Period.read(visit.form.get("period"))
    if chosen is None:
        return visit.go("/desk/figures")
    try:
        await close_period(visit.session, visit.signed_in, chosen, clock=visit.clock)
    except HubError as error:
        return await _figures(visit, None, error)
    return visit.go("/desk/figures", done="period_closed")


async def _figures(visit: Visit, chosen: Period | None, error: HubError | None = None) -> HTMLResponse:
    period = chosen or periods_until_now(visit)[0].whole_year
    counts = await read_exact(visit.session, visit.signed_in, period, clock=visit.clock)
    returned, of = await share_of_returns(visit.session, visit.signed_in.desk.id)
    closable = await list_closable(visit.session, visit.signed_in.desk, clock=visit.clock)
    return visit.render(
        "figures.html",
        status=error.status if error else 200,
        errors=[visit.say(error)] if error else [],
        period=str(period),
        words=period_words(visit, period),
        periods=[(str(one), period_words(visit, one)) for one in periods_until_now(visit)],
        total=counts.total,
        sheets=_exact(visit, counts),
        events=[(name, tally.total) for name, tally in counts.events.items()],
        returned=returned,
        of=of,
        closable=[(str(one), period_words(visit, one)) for one in closable],
    )


def _exact(visit: Visit, counts: ExactCounts) -> list[Sheet]:
    tally = counts.single
    tables: dict[str, Mapping[str, int | None]] = {"ground": tally.grounds, **tally.tables, "month": tally.months}
    return [sheet for name, cells in tables.items() if (sheet := _sheet(visit, name, cells, exact=True)).rows]


def _released(visit: Visit, release: Release) -> list[Sheet]:
    return [_sheet(visit, name, table.cells, exact=False) for name, table in release.tables.items()]


def _sheet(visit: Visit, name: str, cells: Mapping[str, int | None], *, exact: bool) -> Sheet:
    rows = [(_cell(visit, name, cell), count) for cell, count in cells.items() if count or not exact]
    rows.sort(key=lambda row: 0 if name in {"month", "quarter"} else -(row[1] or 0))
    return Sheet(visit.t(f"observatory.table.{name}"), rows)


def _cell(visit: Visit, table: str, cell: str) -> str:
    if table == "month":
        return str(format_date(first_day(cell), "MMMM y", locale=visit.page.language))
    if table == "quarter":
        period = Period.read(cell)
        return period_words(visit, period) if period else cell
    key = f"observatory.{table}.{cell}"
    return visit.t(key) if visit.page.hub.wording.texts.has(key, "en") else cell
