"""Joining a desk: an invitation becomes a password, then codes from an app, then keys. The first officer also gets the
recovery key, shown once, and types it back from the paper."""

from __future__ import annotations

import re
from dataclasses import replace

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.errors import HubError
from identity.passwords import LEAST_CHARACTERS
from identity.totp import setup_address
from reports.errors import InvitationUnknownError, SessionEndedError, SignInRefusedError
from reports.officers import ISSUER, accept_invitation, confirm_invitation, find_invited, get_signed_in
from reports.recovery import keep_recovery_key, new_recovery_key
from web.desk.account import begin_session
from web.desk.doorway import DOOR_COOKIE, SESSION_COOKIE, AtTheDoor, DeskRoute, Inside, Visit, drop_cookie, set_cookie
from web.qr import qr_drawing

router = APIRouter(route_class=DeskRoute)
SECRET = re.compile(r"[A-Z2-7]{16,64}")


@router.get("/desk/invitation/{token}")
async def invitation(token: str, visit: AtTheDoor) -> HTMLResponse:
    """Who is invited where, and the password to choose."""
    return await _invitation(visit, token)


@router.post("/desk/invitation/{token}")
async def choose_password(token: str, visit: AtTheDoor) -> Response:
    """The password is chosen; next comes the app."""
    form = visit.form
    if form.get("step") == "code":
        return await _confirm(visit, token)
    if form.get("new") != form.get("again"):
        return await _invitation(visit, token, [visit.t("desk.password.differ")], status=422)
    try:
        accepted = await accept_invitation(visit.session, token, form.get("new"), clock=visit.clock)
    except InvitationUnknownError:
        raise
    except HubError as error:
        return await _invitation(visit, token, [visit.say(error)], status=error.status)
    return await _show_code(visit, token, pending=accepted.token, secret=accepted.totp_secret)


async def _confirm(visit: Visit, token: str) -> Response:
    """The first code joins the officer. A wrong one shows the same drawing again."""
    pending, secret = visit.form.get("pending"), visit.form.get("secret")
    try:
        joined = await confirm_invitation(visit.session, pending, visit.form.get("code"), clock=visit.clock)
    except SignInRefusedError as error:
        wrong = [visit.t("desk.join.code_wrong")]
        return await _show_code(visit, token, pending=pending, secret=secret, errors=wrong, status=error.status)
    except SessionEndedError:
        raise InvitationUnknownError from None
    if joined.recovery_key is None:
        return begin_session(visit, joined.token, "/desk")
    who = await get_signed_in(visit.session, joined.token, clock=visit.clock)
    inside = replace(visit, who=who, secret=joined.token)
    response = inside.render("recovery_key.html", key=joined.recovery_key)
    set_cookie(response, visit.page, SESSION_COOKIE, joined.token)
    drop_cookie(response, visit.page, DOOR_COOKIE)
    return response


@router.post("/desk/recovery-key/new")
async def make_recovery_key(visit: Inside) -> HTMLResponse:
    """Another recovery key; the old one counts until this one is typed back."""
    visit.signed_in.require_desk_keys()
    return visit.render("recovery_key.html", key=new_recovery_key())


@router.post("/desk/recovery-key")
async def type_recovery_key(visit: Inside) -> Response:
    """Typed back from the paper, it counts. It is not shown a second time: the paper must do."""
    try:
        await keep_recovery_key(visit.session, visit.signed_in, visit.form.get("key"), clock=visit.clock)
    except HubError as error:
        return visit.render("recovery_key.html", status=error.status, key=None, errors=[visit.say(error)])
    return visit.go("/desk/setup", done="recovery_key")


async def _invitation(visit: Visit, token: str, errors: list[str] | None = None, *, status: int = 200) -> HTMLResponse:
    officer, desk = await find_invited(visit.session, token, clock=visit.clock)
    return visit.render(
        "invitation.html",
        status=status,
        errors=errors or [],
        invitation=token,
        officer=officer,
        desk=desk,
        least=LEAST_CHARACTERS,
    )


async def _show_code(
    visit: Visit, token: str, *, pending: str, secret: str, errors: list[str] | None = None, status: int = 200
) -> HTMLResponse:
    officer, _ = await find_invited(visit.session, token, clock=visit.clock)
    if not SECRET.fullmatch(secret):
        raise InvitationUnknownError
    return visit.render(
        "totp.html",
        status=status,
        errors=errors or [],
        invitation=token,
        pending=pending,
        secret=secret,
        letters=" ".join(re.findall(".{1,4}", secret)),
        drawing=qr_drawing(setup_address(secret, login=officer.login, issuer=ISSUER)),
    )
