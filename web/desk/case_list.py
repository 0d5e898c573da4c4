"""The list of a desk's cases, chosen by filters, in pages. No words of a report stand here.

What is due first comes first: the promised answer or a legal time limit, whichever is nearer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from core.clock import today
from core.languages import format_day
from reports.cases import CaseSummary, list_cases
from reports.desks import is_open, list_missing, list_officers
from reports.models import CaseStatus
from reports.tally import AREAS, GROUNDS, NOT_SAID
from web.desk.doorway import DeskRoute, Inside, Visit
from web.state import LegalDay

PAGE = 50
NEAR = timedelta(days=3)
"""A day so close, or past, counts as near."""

router = APIRouter(route_class=DeskRoute)


@dataclass(frozen=True)
class Dates:
    """The days that count for a case, as seen today."""

    today: date
    legal_day: LegalDay | None

    def legal(self, case: CaseSummary) -> date | None:
        """When a legal time limit may end. One that is over cannot be kept any more, so it no longer counts."""
        day = self.legal_day(case.report) if self.legal_day and case.status is not CaseStatus.CLOSED else None
        return day if day is not None and day >= self.today else None

    def nearest(self, case: CaseSummary) -> date | None:
        return min((day for day in (case.answer_due_on, self.legal(case)) if day), default=None)

    def is_near(self, case: CaseSummary) -> bool:
        """The nearest day is close or past."""
        day = self.nearest(case)
        return day is not None and day - self.today <= NEAR

    def order(self, case: CaseSummary) -> tuple[date, bool, float]:
        """First what is due first, then who waits, then the newest."""
        return self.nearest(case) or date.max, not case.reporter_waits, -case.report.arrived_at.timestamp()


@dataclass(frozen=True)
class Filters:
    """What the officer wants to see."""

    status: str = ""
    area: str = ""
    ground: str = ""
    waits: str = ""
    mine: str = ""
    near: str = ""
    pile: str = ""

    @property
    def is_apart(self) -> bool:
        return self.pile == "apart"

    @property
    def query(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}

    @property
    def is_any(self) -> bool:
        return bool(set(self.query) - {"pile"})

    def fits(self, case: CaseSummary, dates: Dates, *, officer_id: str) -> bool:
        """Whether a case belongs to it. Without a choice of status, closed cases are left out."""
        status = case.status == self.status if self.status else case.status is not CaseStatus.CLOSED
        return (
            status
            and self.area in {"", case.report.area or NOT_SAID}
            and (not self.ground or self.ground in case.report.grounds)
            and (not self.waits or waits_for_us(case))
            and (not self.mine or case.labels.assigned_to == officer_id)
            and (not self.near or dates.is_near(case))
        )


@dataclass(frozen=True)
class Line:
    """One case in the list."""

    id: str
    number: str
    title: str
    place: str
    grounds: str
    language: str
    status: str
    arrived: str
    due: str | None
    legal: str | None
    is_near: bool
    is_late: bool
    marks: list[str]
    assigned: str | None


@router.get("/desk")
async def list_page(
    visit: Inside,
    status: str = "",
    area: str = "",
    ground: str = "",
    waits: str = "",
    mine: str = "",
    near: str = "",
    pile: str = "",
    page: int = 1,
) -> HTMLResponse:
    """Cases by the day that is due; suspected junk has a list of its own."""
    filters = Filters(status, area, ground, waits, mine, near, pile)
    cases = await list_cases(visit.session, visit.signed_in, clock=visit.clock)
    dates, me = Dates(today(visit.clock), visit.page.hub.legal_day), visit.signed_in.officer.id
    pile_of = [case for case in cases if case.set_apart == filters.is_apart]
    chosen = sorted((case for case in pile_of if filters.fits(case, dates, officer_id=me)), key=dates.order)
    pages = max(1, -(-len(chosen) // PAGE))
    number = min(max(1, page), pages)
    names = {officer.id: officer.name for officer in await list_officers(visit.session, visit.signed_in.desk.id)}
    desk = visit.signed_in.desk
    return visit.render(
        "cases.html",
        filters=filters,
        lines=[_line(visit, case, names, dates) for case in chosen[(number - 1) * PAGE : number * PAGE]],
        count=len(chosen),
        number=number,
        pages=pages,
        apart=sum(case.set_apart for case in cases),
        apart_near=sum(_is_unread_apart(case) and dates.is_near(case) for case in cases),
        tallies=_tallies(pile_of, me, dates),
        statuses=[one for one in CaseStatus if one is not CaseStatus.WITHDRAWN],
        areas=AREAS,
        grounds=GROUNDS,
        missing=await list_missing(visit.session, desk) if not is_open(desk) else [],
        is_open=is_open(desk),
    )


def waits_for_us(case: CaseSummary) -> bool:
    """The reporter wrote something new, or got no answer yet."""
    return case.status is not CaseStatus.CLOSED and (case.reporter_waits or not case.is_answered)


def _is_unread_apart(case: CaseSummary) -> bool:
    """It may be real, and nobody has looked: its days must not pass unseen."""
    return case.set_apart and case.status is CaseStatus.NEW


def case_number(case_id: str) -> str:
    """A short name to speak of a case, that tells nothing."""
    return case_id[:6].upper()


def _tallies(cases: list[CaseSummary], officer_id: str, dates: Dates) -> dict[str, int]:
    open_cases = [case for case in cases if case.status is not CaseStatus.CLOSED]
    tests: dict[str, Callable[[CaseSummary], bool]] = {
        "waits": waits_for_us,
        "near": dates.is_near,
        "mine": lambda case: case.labels.assigned_to == officer_id,
    }
    return {name: sum(map(test, open_cases)) for name, test in tests.items()}


def _line(visit: Visit, case: CaseSummary, names: dict[str, str], dates: Dates) -> Line:
    report, t = case.report, visit.t
    marks = []
    if case.reporter_waits and case.status is not CaseStatus.NEW:
        marks.append(t("desk.mark.wrote"))
    if report.is_minor:
        marks.append(t("desk.mark.minor"))
    if report.is_safe in {"no", "unsure"}:
        marks.append(t("desk.mark.danger"))
    if case.is_restricted:
        marks.append(t("desk.mark.restricted"))
    if case.labels.event or report.same_event not in {None, "no", "unknown"}:
        marks.append(t("desk.mark.event"))
    place = report.city or report.country
    grounds = [t(f"observatory.ground.{ground}") for ground in report.grounds if ground in GROUNDS]
    due, legal = case.answer_due_on, dates.legal(case)
    return Line(
        id=case.id,
        number=case_number(case.id),
        title=t(f"observatory.area.{report.area if report.area in AREAS else NOT_SAID}"),
        place=visit.page.place_name(place) if place else "",
        grounds=visit.page.separated(grounds),
        language=visit.page.language_name(report.story_language or report.language),
        status=t(f"desk.status.{case.status}"),
        arrived=format_day(report.arrived_at.date(), visit.page.language),
        due=format_day(due, visit.page.language) if due else None,
        legal=format_day(legal, visit.page.language) if legal else None,
        is_near=dates.is_near(case),
        is_late=due is not None and due < dates.today,
        marks=[*marks, *case.labels.labels],
        assigned=names.get(case.labels.assigned_to or ""),
    )
