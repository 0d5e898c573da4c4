"""The officers of a desk: inviting, letting in, leaving."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import col, select

from core.errors import HubError
from core.languages import RELEASED
from reports.leaving import count_only_readable_by, leave
from reports.models import Officer
from reports.officers import create_officer, get_colleague, let_in
from web.desk.doorway import SESSION_COOKIE, DeskRoute, Inside, Visit, drop_cookie

router = APIRouter(route_class=DeskRoute)


@dataclass(frozen=True)
class ShownOfficer:
    """One officer; ``state`` is invited, joined (waits to be let in) or reads."""

    id: str
    name: str
    login: str
    state: str
    is_me: bool
    only_reader: int
    """Cases that nobody else can read."""


@router.get("/desk/officers")
async def officers_page(visit: Inside) -> HTMLResponse:
    """Who works here."""
    return await _officers(visit)


@router.post("/desk/officers/invite")
async def invite(visit: Inside) -> Response:
    """Make an invitation link. It is shown once, and given to the person by a way that the two trust."""
    form, signed_in = visit.form, visit.signed_in
    login, name = form.get("login").strip()[:200], form.get("name").strip()[:200]
    language = form.get("language") if form.get("language") in RELEASED else visit.page.language
    if not login or not name:
        return await _officers(visit, [visit.t("desk.officers.both_names")], status=422)
    signed_in.require_desk_keys()
    desk_id = signed_in.desk.id
    try:
        token = await create_officer(
            visit.session, desk_id, login=login, name=name, language=language, clock=visit.clock, by=signed_in
        )
    except HubError as error:
        return await _officers(visit, [visit.say(error)], status=error.status)
    own = visit.page.hub.settings.public_url or str(visit.page.request.base_url).rstrip("/")
    return await _officers(visit, link=f"{own}/desk/invitation/{token}", invited=name)


@router.post("/desk/officers/let-in")
async def let_in_(visit: Inside) -> Response:
    """Give a colleague who has joined the desk's key."""
    await let_in(visit.session, visit.signed_in, visit.form.get("officer"), clock=visit.clock)
    return visit.go("/desk/officers", done="let_in")


@router.post("/desk/officers/leave")
async def leave_(visit: Inside) -> Response:
    """Somebody leaves: asked once more first, since it cannot be undone."""
    officer = await get_colleague(visit.session, visit.signed_in, visit.form.get("officer"))
    visit.signed_in.require_desk_keys()
    if visit.form.get("sure") != "yes":
        only = await count_only_readable_by(visit.session, officer.id)
        return visit.render("leave.html", officer=officer, only=only, is_me=officer.id == visit.signed_in.officer.id)
    is_me = officer.id == visit.signed_in.officer.id
    left = await leave(visit.session, visit.signed_in, officer.id, clock=visit.clock)
    if is_me:
        response = visit.go("/desk/sign-in", done="left")
        drop_cookie(response, visit.page, SESSION_COOKIE)
        return response
    return visit.go("/desk/officers", done="officer_left_closed" if left.desk_closed else "officer_left")


async def _officers(
    visit: Visit, errors: list[str] | None = None, *, status: int = 200, link: str | None = None, invited: str = ""
) -> HTMLResponse:
    query = select(Officer).where(Officer.desk_id == visit.signed_in.desk.id, col(Officer.left_at).is_(None))
    found = sorted(await visit.session.exec(query), key=lambda officer: officer.name.casefold())
    return visit.render(
        "officers.html",
        status=status,
        errors=errors or [],
        officers=[await _shown(visit, officer) for officer in found],
        link=link,
        invited=invited,
        languages=RELEASED,
        form=visit.form,
    )


async def _shown(visit: Visit, officer: Officer) -> ShownOfficer:
    state = "invited" if officer.joined_at is None else "reads" if officer.sealed_desk_key else "joined"
    return ShownOfficer(
        id=officer.id,
        name=officer.name,
        login=officer.login,
        state=state,
        is_me=officer.id == visit.signed_in.officer.id,
        only_reader=await count_only_readable_by(visit.session, officer.id),
    )
