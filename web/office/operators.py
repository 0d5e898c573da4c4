"""The team itself: inviting, changing what somebody may do, leaving. For administrators."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData

from core.errors import HubError
from core.languages import LANGUAGES, RELEASED
from identity.operator_session import LinkKind, issue_link
from identity.operators import (
    OperatorRole,
    close_operator,
    create_operator,
    get_operator,
    list_operators,
    update_operator,
)
from web.forms import field, fields
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.office.joining import SETUP
from web.office.mailing import send_link

router = APIRouter(route_class=OfficeRoute)


@router.get("/office/operators")
async def operators_page(page: OfficeParts) -> HTMLResponse:
    """Who works here."""
    page.require()
    return await _team(page)


@router.post("/office/operators")
async def invite(page: OfficeParts) -> Response:
    """Invite somebody: a mail goes out where there is a server, and the link is shown once for every other way."""
    page.require()
    form = await page.form()
    try:
        operator = await create_operator(
            page.session,
            email=field(form, "email"),
            name=field(form, "name"),
            clock=page.clock,
            language=field(form, "language"),
            **_read(form),
        )
    except HubError as error:
        return await _team(page, [page.say(error)], status=error.status, typed=form)
    await page.record("office.invited", operator.id)
    return await _with_link(page, operator.id)


@router.get("/office/operators/{operator_id}")
async def operator_page(page: OfficeParts, operator_id: str) -> HTMLResponse:
    """One of the team."""
    page.require()
    return await _one(page, operator_id)


@router.post("/office/operators/{operator_id}")
async def change(page: OfficeParts, operator_id: str) -> Response:
    """Change what somebody may do."""
    page.require()
    form = await page.form()
    try:
        await update_operator(page.session, operator_id, name=field(form, "name").strip(), **_read(form))
    except HubError as error:
        await page.session.rollback()
        return await _one(page, operator_id, [page.say(error)], status=error.status)
    await page.record("office.operator_changed", operator_id)
    return page.go("/office/operators", done="office.saved")


@router.post("/office/operators/{operator_id}/link")
async def renew(page: OfficeParts, operator_id: str) -> Response:
    """Another link to choose password and app, such as for somebody who lost the phone."""
    page.require()
    await page.form()
    await get_operator(page.session, operator_id)
    await page.record("office.link_renewed", operator_id)
    return await _with_link(page, operator_id)


@router.post("/office/operators/{operator_id}/close")
async def close(page: OfficeParts, operator_id: str) -> Response:
    """Somebody leaves the team, at once."""
    page.require()
    form = await page.form()
    if field(form, "sure") != "yes":
        return await _one(page, operator_id, [page.t("office.operators.unsure")], status=422)
    try:
        await close_operator(page.session, operator_id, clock=page.clock)
    except HubError as error:
        return await _one(page, operator_id, [page.say(error)], status=error.status)
    await page.record("office.closed", operator_id)
    return page.go("/office/operators", done="office.operator_closed")


async def _with_link(page: OfficePage, operator_id: str) -> HTMLResponse:
    operator = await get_operator(page.session, operator_id)
    token = await issue_link(page.session, operator_id, LinkKind.SETUP, clock=page.clock)
    link = f"{page.own_address}{SETUP}/{token}"
    is_sent = page.hub.settings.smtp_url is not None and await send_link(page.hub, operator, link, kind=LinkKind.SETUP)
    return await _team(page, link=link, invited=operator.name, is_sent=is_sent)


async def _team(
    page: OfficePage, errors: list[str] | None = None, *, status: int = 200, typed: FormData | None = None, **more: Any
) -> HTMLResponse:
    shown: dict[str, Any] = {"link": None, "invited": "", "is_sent": False}
    return page.render(
        "operators.html",
        status=status,
        errors=errors or [],
        operators=await list_operators(page.session),
        typed={name: field(typed, name) for name in typed} if typed else {},
        **_choices(page),
        **(shown | more),
    )


async def _one(
    page: OfficePage, operator_id: str, errors: list[str] | None = None, *, status: int = 200
) -> HTMLResponse:
    operator = await get_operator(page.session, operator_id)
    return page.render("operator.html", status=status, errors=errors or [], operator=operator, **_choices(page))


def _read(form: FormData) -> dict[str, Any]:
    role = field(form, "role")
    return {
        "role": role,
        "languages": fields(form, "languages"),
        "network": (field(form, "network") or None) if role == OperatorRole.NETWORK else None,
    }


def list_networks(page: OfficePage) -> list[str]:
    """The national networks that the facts name."""
    return sorted({city.national_network for city in page.hub.wording.base.cities.values() if city.national_network})


def _choices(page: OfficePage) -> dict[str, Any]:
    return {
        "roles": [(role.value, page.t(f"office.role.{role}")) for role in OperatorRole],
        "own_languages": [(code, page.language_name(code)) for code in RELEASED],
        "all_languages": [(code, page.language_name(code)) for code in LANGUAGES],
        "networks": [(network, network) for network in list_networks(page)],
    }
