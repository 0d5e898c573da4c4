"""Signing in, by a link that comes by mail or by password and code; signing out; one's own account."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.background import BackgroundTask

from core.errors import HubError
from core.languages import RELEASED
from identity.errors import OperatorInvalidError, OperatorSignInRefusedError
from identity.operator_session import (
    LinkKind,
    change_password,
    issue_link,
    peek_link,
    sign_in,
    sign_in_by_link,
    sign_out,
)
from identity.operators import find_operator, update_operator
from identity.passwords import LEAST_CHARACTERS
from web.forms import field
from web.office.doorway import (
    OFFICE,
    SESSION_COOKIE,
    DoorPage,
    DoorParts,
    OfficePage,
    OfficeParts,
    OfficeRoute,
    begin_session,
)
from web.office.mailing import send_link
from web.session_cookies import drop_cookie

router = APIRouter(route_class=OfficeRoute)
ENTER = "/office/enter"


@router.get("/office/sign-in")
async def sign_in_page(page: DoorParts, next: str = "") -> HTMLResponse:  # noqa: A002  (name of the query)
    """The door."""
    return _door(page, next=next)


@router.post("/office/sign-in")
async def enter(page: DoorParts) -> Response:
    """Address, password and code at once; the answer to a wrong one is the same whatever is wrong."""
    form = await page.form()
    email = field(form, "email")
    try:
        token = await sign_in(
            page.session,
            email,
            field(form, "password"),
            field(form, "code"),
            source=page.source,
            throttle=page.throttle,
            secret_key=page.hub.settings.load_secret_key(),
            clock=page.clock,
        )
    except HubError as error:
        return _door(page, [page.say(error)], error=error, email=email, next=field(form, "next"))
    return begin_session(page, token, field(form, "next"))


@router.post("/office/sign-in/link")
async def ask_for_link(page: DoorParts) -> Response:
    """Send a link to an address of the team. The answer is the same, and takes as long, for every address."""
    form = await page.form()
    email = field(form, "email").strip()
    try:
        # Asking is limited like trying: a flood of mail harms too.
        await page.throttle.begin(page.session, login=f"operator-link:{email.casefold()}", source=f"link:{page.source}")
    except HubError as error:
        return _door(page, [page.say(error)], error=error, email=email)
    return page.go("/office/sign-in", done="office.link_sent", later=BackgroundTask(_send_sign_in_link, page, email))


async def _send_sign_in_link(page: DoorPage, email: str) -> None:
    async with page.hub.database.session() as session:
        operator = await find_operator(session, email)
        if operator is None or operator.joined_at is None:
            return
        token = await issue_link(session, operator.id, LinkKind.SIGN_IN, clock=page.clock)
    await send_link(page.hub, operator, f"{page.own_address}{ENTER}/{token}", kind=LinkKind.SIGN_IN)


@router.get(ENTER + "/{token}")
async def link_page(page: DoorParts, token: str) -> HTMLResponse:
    """A press lets in; opening does not, since mail programs open links."""
    operator = await peek_link(page.session, LinkKind.SIGN_IN, token, clock=page.clock)
    assert operator is not None
    return page.render("enter.html", name=operator.name, action=f"{ENTER}/{token}")


@router.post(ENTER + "/{token}")
async def enter_by_link(page: DoorParts, token: str) -> Response:
    """In, once."""
    await page.form()
    return begin_session(page, await sign_in_by_link(page.session, token, clock=page.clock), OFFICE)


@router.post("/office/sign-out")
async def leave(page: OfficeParts) -> Response:
    """End the session; the browser is asked to forget its pages too."""
    await page.form()
    await sign_out(page.session, page.secret, clock=page.clock)
    response = page.go("/office/sign-in", done="office.signed_out")
    drop_cookie(response, page, SESSION_COOKIE, path=OFFICE)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@router.get("/office/account")
async def account_page(page: OfficeParts) -> HTMLResponse:
    """The operator's own things."""
    return _account(page)


@router.post("/office/account")
async def save_account(page: OfficeParts) -> Response:
    """Name, language, time zone."""
    form = await page.form()
    try:
        await update_operator(
            page.session,
            page.operator.id,
            name=field(form, "name").strip(),
            language=field(form, "language"),
            time_zone=field(form, "time_zone"),
        )
    except OperatorInvalidError as error:
        return _account(page, [page.say(error)], status=error.status)
    await page.record("office.account_changed", page.operator.id)
    return page.go("/office/account", done="office.saved")


@router.post("/office/account/password")
async def new_password(page: OfficeParts) -> Response:
    """Change it; other sessions end."""
    form = await page.form()
    if field(form, "new") != field(form, "again"):
        return _account(page, [page.t("office.password.differ")], status=422)
    try:
        await change_password(
            page.session,
            page.operator,
            page.secret,
            old=field(form, "old"),
            new=field(form, "new"),
            source=page.source,
            throttle=page.throttle,
            clock=page.clock,
        )
    except OperatorSignInRefusedError:
        return _account(page, [page.t("office.password.old_wrong")], status=422)
    except HubError as error:
        return _account(page, [page.say(error)], status=error.status)
    return page.go("/office/account", done="office.password")


def _door(
    page: DoorPage,
    errors: list[str] | None = None,
    *,
    error: HubError | None = None,
    email: str = "",
    next: str = "",  # noqa: A002
) -> HTMLResponse:
    headers = {"Retry-After": str(error.values["seconds"])} if error and "seconds" in error.values else None
    return page.render(
        "sign_in.html",
        status=error.status if error else 200,
        headers=headers,
        errors=errors or [],
        email=email,
        next=next,
        has_server=page.hub.settings.smtp_url is not None,
    )


def _account(page: OfficePage, errors: list[str] | None = None, *, status: int = 200) -> HTMLResponse:
    return page.render(
        "account.html",
        status=status,
        errors=errors or [],
        least=LEAST_CHARACTERS,
        languages=[(code, page.language_name(code)) for code in RELEASED],
        time_zones=page.zones(page.operator.time_zone),
    )
