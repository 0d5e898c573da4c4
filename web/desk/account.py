"""Signing in and out, changing the password, waiting to be let in, and the way back in by the printed key."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.errors import HubError
from identity.passwords import LEAST_CHARACTERS
from reports.errors import SignInRefusedError
from reports.officers import change_password, sign_in, sign_out
from reports.recovery import recover
from web import session_cookies
from web.desk.doorway import (
    DESK,
    DOOR_COOKIE,
    KNOWN_COOKIE,
    SESSION_COOKIE,
    AtTheDoor,
    DeskRoute,
    Inside,
    Visit,
    drop_cookie,
    set_cookie,
)
from web.session_cookies import cookie_name

router = APIRouter(route_class=DeskRoute)
SIGN_IN = "/desk/sign-in"
KNOWN_FOR = timedelta(days=180)


@router.get("/desk/sign-in")
async def sign_in_page(visit: AtTheDoor) -> HTMLResponse:
    """The door."""
    return visit.render("sign_in.html", login="")


@router.post("/desk/sign-in")
async def enter(visit: AtTheDoor) -> Response:
    """Name, password and code at once; the answer to a wrong one is the same whatever is wrong."""
    form = visit.form
    login = form.get("login")
    try:
        token = await sign_in(
            visit.session,
            login,
            form.get("password"),
            form.get("code"),
            source=visit.source,
            throttle=visit.throttle,
            clock=visit.clock,
            mark=visit.page.request.cookies.get(cookie_name(visit.page, KNOWN_COOKIE)),
        )
    except HubError as error:
        response: Response = visit.render("sign_in.html", status=error.status, errors=[visit.say(error)], login=login)
        if "seconds" in error.values:
            response.headers["Retry-After"] = str(error.values["seconds"])
        return response
    response = begin_session(visit, token, DESK)
    mark = visit.throttle.make_mark(login)
    session_cookies.set_cookie(response, visit.page, KNOWN_COOKIE, mark, path=SIGN_IN, lasting=KNOWN_FOR)
    return response


def begin_session(visit: Visit, token: str, path: str) -> Response:
    """On to a page, signed in."""
    response = visit.go(path)
    set_cookie(response, visit.page, SESSION_COOKIE, token)
    drop_cookie(response, visit.page, DOOR_COOKIE)
    return response


@router.post("/desk/sign-out")
async def leave(visit: Inside) -> Response:
    """End the session; the browser is asked to forget its pages too."""
    await sign_out(visit.session, visit.signed_in, clock=visit.clock)
    response = visit.go("/desk/sign-in", done="signed_out")
    drop_cookie(response, visit.page, SESSION_COOKIE)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@router.get("/desk/account")
async def account_page(visit: Inside) -> HTMLResponse:
    """The officer's own things."""
    return _account(visit)


@router.post("/desk/account/password")
async def new_password(visit: Inside) -> Response:
    """Change it; other sessions end."""
    form = visit.form
    try:
        if form.get("new") != form.get("again"):
            return _account(visit, [visit.t("desk.password.differ")], status=422)
        await change_password(
            visit.session,
            visit.signed_in,
            old=form.get("old"),
            new=form.get("new"),
            source=visit.source,
            throttle=visit.throttle,
            clock=visit.clock,
        )
    except SignInRefusedError:
        return _account(visit, [visit.t("desk.password.old_wrong")], status=422)
    except HubError as error:
        return _account(visit, [visit.say(error)], status=error.status)
    return visit.go("/desk/account", done="password")


@router.get("/desk/waiting")
async def waiting_page(visit: Inside) -> Response:
    """For an officer whom nobody has let in yet."""
    if visit.signed_in.desk_keys is not None:
        return visit.go(DESK)
    return visit.render("waiting.html")


@router.post("/desk/waiting/recover")
async def recover_desk(visit: Inside) -> Response:
    """In by the printed key, when no colleague can open the door any more."""
    try:
        await recover(visit.session, visit.signed_in, visit.form.get("key"), clock=visit.clock)
    except HubError as error:
        return visit.render("waiting.html", status=error.status, errors=[visit.say(error)])
    return visit.go("/desk/officers", done="recovered")


def _account(visit: Visit, errors: list[str] | None = None, *, status: int = 200) -> HTMLResponse:
    return visit.render("account.html", status=status, errors=errors or [], least=LEAST_CHARACTERS)
