"""A set-up link becomes a password and an app for codes. The first such link makes the first administrator."""

from __future__ import annotations

import re

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.errors import HubError
from identity.errors import OperatorLinkExpiredError, OperatorSignInRefusedError
from identity.operator_session import LinkKind, peek_link, set_up
from identity.passwords import LEAST_CHARACTERS
from identity.totp import new_secret, setup_address
from web.forms import field
from web.office.doorway import OFFICE, DoorPage, DoorParts, OfficeRoute, begin_session
from web.qr import qr_drawing

router = APIRouter(route_class=OfficeRoute)
SETUP = "/office/setup"
ISSUER = "ICC Hub"
SECRET = re.compile(r"[A-Z2-7]{16,64}")


@router.get(SETUP + "/{token}")
async def setup_page(page: DoorParts, token: str) -> HTMLResponse:
    """Who one is, a password, and the app."""
    return await _setup(page, token, secret=new_secret())


@router.post(SETUP + "/{token}")
async def finish(page: DoorParts, token: str) -> Response:
    """All of it at once. What was wrong is said, and the app need not be set up again."""
    form = await page.form()
    secret, email, name = field(form, "secret"), field(form, "email"), field(form, "name")
    if not SECRET.fullmatch(secret):
        raise OperatorLinkExpiredError
    if field(form, "new") != field(form, "again"):
        wrong = [page.t("office.password.differ")]
        return await _setup(page, token, secret=secret, email=email, name=name, errors=wrong, status=422)
    try:
        session_token = await set_up(
            page.session,
            token,
            password=field(form, "new"),
            totp_secret=secret,
            code=field(form, "code"),
            secret_key=page.hub.settings.load_secret_key(),
            clock=page.clock,
            email=email,
            name=name,
        )
    except OperatorLinkExpiredError:
        raise
    except HubError as error:
        is_code = isinstance(error, OperatorSignInRefusedError)
        wrong = [page.t("office.setup.code_wrong") if is_code else page.say(error)]
        return await _setup(page, token, secret=secret, email=email, name=name, errors=wrong, status=error.status)
    return begin_session(page, session_token, OFFICE)


async def _setup(
    page: DoorPage,
    token: str,
    *,
    secret: str,
    email: str = "",
    name: str = "",
    errors: list[str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    operator = await peek_link(page.session, LinkKind.SETUP, token, clock=page.clock)
    return page.render(
        "setup.html",
        status=status,
        errors=errors or [],
        operator=operator,
        email=email,
        name=name,
        action=f"{SETUP}/{token}",
        secret=secret,
        letters=" ".join(re.findall(".{1,4}", secret)),
        drawing=qr_drawing(setup_address(secret, login=operator.email if operator else ISSUER, issuer=ISSUER)),
        least=LEAST_CHARACTERS,
    )
