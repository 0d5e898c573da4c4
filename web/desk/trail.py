"""Who of the desk did what, when: for every officer to see, without the cases that they are kept out of."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import select

from reports.cases import list_audit
from reports.models import Officer
from web.desk.case_list import case_number
from web.desk.case_view import show_moment
from web.desk.doorway import DeskRoute, Inside

router = APIRouter(route_class=DeskRoute)


@router.get("/desk/trail")
async def trail_page(visit: Inside, officer: str = "") -> HTMLResponse:
    """The newest first, of everybody or of one."""
    visit.signed_in.require_desk_keys()
    query = select(Officer).where(Officer.desk_id == visit.signed_in.desk.id)
    names = {one.id: one.name for one in await visit.session.exec(query)}
    entries = [entry for entry in await list_audit(visit.session, visit.signed_in) if officer in {"", entry.officer_id}]
    return visit.render(
        "trail.html",
        lines=[
            (
                show_moment(visit, entry.at),
                names.get(entry.officer_id or "", ""),
                visit.t(f"label.audit.{entry.action}"),
                entry.case_id,
                case_number(entry.case_id) if entry.case_id else "",
            )
            for entry in entries
        ],
        officers=sorted(names.items(), key=lambda pair: pair[1].casefold()),
        officer=officer,
    )
