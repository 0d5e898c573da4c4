"""One case as a page: everything in it, and every form to work on it. Printing it is printing this page."""

from __future__ import annotations

from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import select

from core.clock import today
from core.errors import HubError
from core.languages import format_day
from reports.case_files import open_file
from reports.cases import list_audit, read_case
from reports.casework import first_day_to_keep_longer
from reports.desks import list_officers, list_open_desks
from reports.exporting import export_case
from reports.models import CaseStatus, Officer
from reports.phrases import PHRASES
from web.desk.case_list import Dates, case_number
from web.desk.case_view import interpreter_for, show_facts, show_files, show_moment, show_posts, show_story
from web.desk.doorway import DeskRoute, Inside, Visit
from web.memory_form import LARGEST_FILE, LARGEST_FILES_TOGETHER
from web.report_screen import ACCEPTED_FILES, megabytes

router = APIRouter(route_class=DeskRoute)
MOST_PHRASES = 2
LONGEST = 5000
GAP = "…"
"""Stands for a value in a sentence that is not filled in yet."""


@router.get("/desk/case/{case_id}")
async def case_page(case_id: str, visit: Inside) -> HTMLResponse:
    """Read it; that it was read stands in the trail."""
    return await show_case(visit, case_id)


@router.get("/desk/case/{case_id}/file/{file_id}")
async def case_file(case_id: str, file_id: str, visit: Inside) -> Response:
    """A file, always to be saved and never shown inside this page's origin."""
    opened = await open_file(visit.session, visit.signed_in, case_id, file_id, clock=visit.clock)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(opened.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    # What was sent as it is may be of any kind that the sender liked; the cleaned copy is ours.
    return Response(opened.content, media_type=opened.note.media_type, headers=headers)


@router.post("/desk/case/{case_id}/export")
async def export(case_id: str, visit: Inside) -> Response:
    """Everything about the case, packed, to take along."""
    packed = await export_case(visit.session, visit.signed_in, case_id, clock=visit.clock)
    headers = {"Content-Disposition": f'attachment; filename="case-{case_number(case_id)}.zip"'}
    return Response(packed, media_type="application/zip", headers=headers)


async def show_case(
    visit: Visit,
    case_id: str,
    error: HubError | None = None,
    *,
    message: str | None = None,
    messages: list[str] | None = None,
) -> HTMLResponse:
    """The page, also after a form that was not taken, with what was typed in it."""
    case = await read_case(visit.session, visit.signed_in, case_id, clock=visit.clock)
    summary, report, language = case.summary, case.summary.report, visit.page.language
    desk, on = visit.signed_in.desk, today(visit.clock)
    colleagues = await list_officers(visit.session, desk.id)
    deadlines = visit.page.hub.deadlines
    keep_from = first_day_to_keep_longer(summary.delete_on)
    names = {
        officer.id: officer.name
        for officer in await visit.session.exec(select(Officer).where(Officer.desk_id == desk.id))
    }
    trail = [
        (show_moment(visit, entry.at), names.get(entry.officer_id or "", ""), visit.t(f"label.audit.{entry.action}"))
        for entry in await list_audit(visit.session, visit.signed_in, case_id=case_id)
    ]
    errors = messages or ([message] if message else [visit.say(error)] if error else [])
    return visit.render(
        "case.html",
        status=error.status if error else 422 if errors else 200,
        errors=errors,
        case=summary,
        report=report,
        number=case_number(case_id),
        story=await show_story(visit, report),
        facts=await show_facts(visit, report),
        files=show_files(visit, report.files),
        posts=await show_posts(visit, case),
        last_entry=max((entry.id for entry in case.entries), default=0),
        interpreter=interpreter_for(visit, summary),
        reporter_language=visit.page.language_name(report.language),
        speaks_same=report.language == visit.signed_in.officer.language,
        machine_writes=_machine_writes(visit, report.language),
        deadlines=deadlines(report, language) if deadlines else [],
        arrived=format_day(report.arrived_at.astimezone(ZoneInfo(visit.time_zone)).date(), language),
        due=format_day(summary.answer_due_on, language) if summary.answer_due_on else None,
        is_near=Dates(on, None).is_near(summary),
        delete_on=format_day(summary.delete_on, language),
        days_left=(summary.delete_on - on).days,
        keep_from=None if on >= keep_from else format_day(keep_from, language),
        trail=trail,
        statuses=[one for one in CaseStatus if one not in {CaseStatus.WITHDRAWN, CaseStatus.NEW}],
        colleagues=colleagues,
        kept_out=[officer for officer in colleagues if officer.id in report.kept_out],
        desks=[other for other in await list_open_desks(visit.session) if other.id != desk.id],
        phrases=[(key, _sentence(visit, key)) for key in PHRASES],
        phrase_rows=range(MOST_PHRASES),
        longest=LONGEST,
        accepted=ACCEPTED_FILES,
        largest_file=megabytes(LARGEST_FILE, language),
        largest_together=megabytes(LARGEST_FILES_TOGETHER, language),
    )


def _machine_writes(visit: Visit, language: str) -> bool:
    """Whether a reply goes to the reporter with a translation by machine when the officer writes none."""
    machine = visit.page.hub.machine
    return machine is not None and language in machine.targets(visit.signed_in.officer.language)


def _sentence(visit: Visit, key: str) -> str:
    return visit.t(f"case.phrase.{key}", day=GAP, hour=GAP, place=GAP)
