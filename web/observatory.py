"""The page of figures, and the same as CSV and JSON. It knows released figures only (``reports.observatory``)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from babel.dates import format_date
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response

from core.normalise import fold
from reports.errors import FiguresNotFoundError
from reports.observatory import DeskRelease, Figure, Sheet, ShownTable, add_up_releases, list_releases, list_years
from reports.periods import Period, first_day
from reports.suppression import BASE, FEWEST
from web.charts import Chart, Row, draw_bars
from web.pages import Page, PageParts, direction

EVERY_YEAR = "all"
DESK = "desk/"
"""Before a desk's id in the address; a place has its own id, and nothing means all desks."""
TIMES = ("quarter", "month", "year")
SORTED = ("ground", "area")
"""Tables whose bars stand in the order of their length."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""

router = APIRouter()


@dataclass(frozen=True)
class Choice:
    """What the reader wants to see."""

    of: str
    year: int | None
    """None: all years."""

    def fits(self, item: DeskRelease) -> bool:
        """Whether a release belongs to it."""
        return self.fits_scope(item) and self.year in {None, item.period.year}

    def fits_scope(self, item: DeskRelease) -> bool:
        return self.of in {"", DESK + item.desk} or self.of in item.places


@dataclass(frozen=True)
class Drawn:
    """A table with its chart."""

    name: str
    title: str
    rows: list[Row]
    chart: Chart | None
    """None where nothing of it is shown."""


@router.get("/observatory", include_in_schema=False)
async def observatory_page(page: PageParts, of: str = "", year: str = "") -> HTMLResponse:
    """Charts with a table beside each. A choice that means nothing shows all desks and the latest year."""
    releases = await _releases(page)
    choice = _read_choice(releases, of, year) or Choice("", max(list_years(releases), default=None))
    chosen = [item for item in releases if choice.fits(item)]
    sheet = add_up_releases(chosen)
    years = list_years(item for item in releases if choice.fits_scope(item))
    drawn = [_draw(page, table) for table in sheet.tables.values()]
    if choice.year is None and len(years) > 1:
        drawn.insert(0, _draw(page, _by_year(releases, choice, years)))
    return page.render(
        "observatory.html",
        choice=choice,
        sheet=sheet,
        is_empty=not releases,
        total=_say(page, sheet.total),
        tables=drawn,
        by_ground=[_draw(page, table, ground=ground) for ground, table in sheet.areas_by_ground.items()],
        name=_scope_name(page, choice, releases),
        period=page.t("observatory.all_years") if choice.year is None else str(choice.year),
        years=list_years(releases),
        places=_places(page, releases),
        desks=sorted({(DESK + item.desk, item.desk_name) for item in releases}, key=lambda pair: fold(pair[1])),
        query={"of": choice.of, "year": choice.year or EVERY_YEAR},
    )


@router.get("/observatory.json", summary="Figures on reports, as released", tags=["figures"])
async def figures_json(page: PageParts, of: str = "", year: str = EVERY_YEAR) -> JSONResponse:
    """Released figures by year, and the releases that they add up. ``of``: nothing for all desks, ``desk/<id>``, or the
    id of a place. A count that is null is not shown."""
    releases, sheets = await _choose(page, of, year)
    return JSONResponse(
        {
            "notice": page.t("observatory.not_prevalence"),
            "rules": {"not_shown_below": FEWEST, "rounded_to": BASE},
            "of": of,
            "years": [{"year": number} | asdict(sheet) for number, sheet in sheets.items()],
            "releases": [_release_json(item) for item in releases],
        }
    )


@router.get("/observatory.csv", summary="Figures on reports, as a table", tags=["figures"])
async def figures_csv(page: PageParts, of: str = "", year: str = EVERY_YEAR) -> Response:
    """The same by year, one line for each number."""
    _, sheets = await _choose(page, of, year)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["of", "year", "table", "ground", "cell", "words", "reports", "state"])
    for number, sheet in sheets.items():
        for table, ground, cell, words, figure in _lines(page, sheet):
            state = "hidden" if figure.count is None else "at_least" if figure.at_least else "shown"
            count = "" if figure.count is None else figure.count
            writer.writerow([_harmless(of), number, table, ground, cell, _harmless(words), count, state])
    headers = {"Content-Disposition": 'attachment; filename="reports.csv"'}
    return Response(out.getvalue(), media_type="text/csv", headers=headers)


async def _choose(page: Page, of: str, year: str) -> tuple[list[DeskRelease], dict[int, Sheet]]:
    releases = await _releases(page)
    choice = _read_choice(releases, of, year)
    if choice is None:
        raise FiguresNotFoundError
    chosen = [item for item in releases if choice.fits(item)]
    sheets = {
        number: add_up_releases([item for item in chosen if item.period.year == number])
        for number in list_years(chosen)
    }
    return chosen, sheets


async def _releases(page: Page) -> list[DeskRelease]:
    async with page.hub.database.session() as session:
        return await list_releases(session)


def _read_choice(releases: Iterable[DeskRelease], of: str, year: str) -> Choice | None:
    """What the address asks for, or None where there is nothing like it; without a year it is the latest."""
    of_scope = [item for item in releases if Choice(of, None).fits(item)]
    if year == EVERY_YEAR and (of_scope or not of):
        return Choice(of, None)
    years = {str(number): number for number in list_years(of_scope)}
    if not years:
        return None
    number = years.get(year) if year else max(years.values())
    return Choice(of, number) if number else None


def _by_year(releases: Iterable[DeskRelease], choice: Choice, years: list[int]) -> ShownTable:
    of_scope = [item for item in releases if choice.fits_scope(item)]
    cells = {
        str(year): add_up_releases([item for item in of_scope if item.period.year == year]).total
        for year in sorted(years)
    }
    return ShownTable("year", cells, Figure(None))


def _draw(page: Page, table: ShownTable, *, ground: str = "") -> Drawn:
    """A table in words, with bars for what is shown. Cells that are not shown come last, in the order of the list."""
    name = "area" if ground else table.name
    cells = list(table.cells.items())
    if name in SORTED:
        cells.sort(key=lambda pair: -(pair[1].count or 0))
    rows = [Row(_cell_words(page, name, cell), _say(page, figure), figure.count) for cell, figure in cells]
    if table.hidden.count:
        rows.append(Row(page.t("observatory.together"), _say(page, table.hidden), table.hidden.count))
    shown = [row for row in rows if row.count is not None]
    chart = None if table.is_empty else draw_bars(shown, direction=direction(page.language))
    title = page.t(f"observatory.table.{name}")
    if ground:
        title = page.t("observatory.by_ground_one", ground=_cell_words(page, "ground", ground))
    return Drawn(name, title, rows, chart)


def _lines(page: Page, sheet: Sheet) -> Iterable[tuple[str, str, str, str, Figure]]:
    """Every number of a sheet: table, ground, cell, the cell in words, figure."""
    yield "total", "", "", page.t("observatory.total"), sheet.total
    for size in sheet.events:
        yield "event", "", "", page.t("observatory.events"), Figure(size)
    for name, table in sheet.tables.items():
        for cell, figure in table.cells.items():
            yield name, "", cell, _cell_words(page, name, cell), figure
        yield name, "", "not_shown", page.t("observatory.together"), table.hidden
    for ground, table in sheet.areas_by_ground.items():
        for cell, figure in table.cells.items():
            yield "ground_by_area", ground, cell, _cell_words(page, "area", cell), figure


def _cell_words(page: Page, table: str, cell: str) -> str:
    """A cell in the reader's language; one that has no word any more stands as it is."""
    if table == "month":
        return str(format_date(first_day(cell), "MMMM y", locale=page.language))
    if table == "quarter":
        period = Period.read(cell)
        return page.t(f"observatory.quarter.q{period.quarter}", year=period.year) if period else cell
    key = f"observatory.{table}.{cell}"
    return page.t(key) if page.hub.wording.texts.has(key, "en") else cell


def _say(page: Page, figure: Figure) -> str:
    if figure.count is None:
        return page.t("observatory.hidden")
    return page.t("observatory.at_least" if figure.at_least else "observatory.shown", count=figure.count)


def _scope_name(page: Page, choice: Choice, releases: Iterable[DeskRelease]) -> str:
    if not choice.of:
        return page.t("observatory.everyone")
    names = {DESK + item.desk: item.desk_name for item in releases}
    return names.get(choice.of) or page.place_name(choice.of)


def _places(page: Page, releases: Iterable[DeskRelease]) -> list[tuple[str, str]]:
    ids = {place for item in releases for place in item.places}
    return sorted(((place, page.place_name(place)) for place in ids), key=lambda pair: fold(pair[1]))


def _release_json(item: DeskRelease) -> Mapping[str, Any]:
    desk = {"id": item.desk, "name": item.desk_name, "kind": item.desk_kind, "places": item.places}
    return {"desk": desk, "period": str(item.period)} | item.release.model_dump(mode="json")


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
