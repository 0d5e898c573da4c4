"""The door of the back office: who is signed in, the token in each form, and what a refusal shows.

A part of the back office is a module with ``router = APIRouter(route_class=OfficeRoute)``, which turns every HubError
into a page, and with functions that take ``page: OfficeParts``::

    @router.post("/office/things/{thing_id}")
    async def change(page: OfficeParts, thing_id: str) -> Response:
        page.require(OperatorRole.ADMINISTRATOR, OperatorRole.EDITOR)
        form = await page.form()
        await update_thing(page.session, thing_id, name=field(form, "name"))
        await page.record("thing.changed", thing_id)
        return page.go("/office/things", done="thing.saved")

The words are then ``thing.act.changed`` for the trail and ``thing.done.saved`` for the next page. A form with files
goes to an address that ends in ``/import`` or ``/files`` (``web.limits``), as multipart/form-data.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from dataclasses import field as of
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.background import BackgroundTask
from starlette.datastructures import FormData

from core.clock import Clock
from core.errors import HubError
from core.languages import RELEASED, SOURCE_LANGUAGE, format_moment, locale_of
from identity.errors import OperatorSessionEndedError, RoleRefusedError
from identity.operator_session import LONGEST, get_signed_in
from identity.operators import Operator, OperatorRole, record
from identity.throttle import Throttle
from subscriptions.links import Links
from web.forms import field
from web.guarding import GuardedRoute
from web.limits import client_address
from web.pages import Page, PageParts, get_page
from web.session_cookies import cookie_name, drop_cookie, form_token, set_cookie
from web.time_zones import zone_name

log = logging.getLogger(__name__)

OFFICE = "/office"
SIGN_IN = "/office/sign-in"
SESSION_COOKIE = "office"
DOOR_COOKIE = "office_door"
"""Before anybody is signed in, so that those forms too come from our own pages."""
MOST_FILES, MOST_FIELDS = 20, 2000
LARGEST_FIELD = 1024 * 1024
_DONE = re.compile(r"[a-z_]+\.[a-z_]+")
_PATH = re.compile(r"/office(/[\w./?=&%-]*)?")


class OfficeFormForeignError(HubError):
    """The form was not made by a page of this session."""

    code = "form_foreign"
    status = 403
    sentence = "office.error.form_foreign"


@dataclass(frozen=True)
class DoorPage(Page):
    """A page of the back office for somebody who is not signed in yet."""

    session: AsyncSession
    """Of the database, for this request."""
    secret: str = of(repr=False)
    """The cookie that this page's forms are bound to."""

    @property
    def clock(self) -> Clock:
        return self.hub.clock

    @property
    def now(self) -> datetime:
        return self.hub.clock.now()

    @property
    def token(self) -> str:
        """What each form carries, in a field ``token``; in templates ``{{ token(page) }}``."""
        return form_token(self.secret, "office")

    @property
    def who(self) -> Operator | None:
        """Whoever is signed in, for the layout."""
        return None

    @property
    def links(self) -> Links:
        return self.hub.links

    @property
    def throttle(self) -> Throttle:
        return self.hub.throttle

    @property
    def source(self) -> str:
        """Who tries, for limits."""
        return client_address(self.request, self.hub.settings.trusted_proxy_addresses) or secrets.token_hex(8)

    @property
    def own_address(self) -> str:
        """Where people reach this hub, for links that are sent or shown."""
        return self.hub.settings.public_url or str(self.request.base_url).rstrip("/")

    async def form(self) -> FormData:
        """The form that was sent, checked to be of this session. Raises OfficeFormForeignError."""
        form = await self.request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD)
        if not hmac.compare_digest(field(form, "token").encode(), self.token.encode()):
            raise OfficeFormForeignError
        return form

    def render(self, template: str, *, status: int = 200, headers: Any = None, **values: Any) -> HTMLResponse:
        """``templates/office/<template>``; ``errors`` (sentences) and ``done`` are always there."""
        shown: dict[str, Any] = {"errors": [], "done": self._done()}
        response = super().render(f"office/{template}", status=status, headers=headers, **(shown | values))
        if self.who is None:
            set_cookie(response, self, DOOR_COOKIE, self.secret, path=OFFICE, lasting=LONGEST)
        return response

    def go(self, path: str, *, done: str = "", later: BackgroundTask | None = None, **query: Any) -> RedirectResponse:
        """On to a page, which then says what was done: ``<subject>.<what>`` for the text ``<subject>.done.<what>``."""
        return RedirectResponse(self.url(path, **query, done=done), status_code=303, background=later)

    def say(self, error: HubError) -> str:
        """The sentence of an error."""
        return self.t(error.text_key, **error.values)

    def when(self, moment: datetime | None) -> str:
        """A moment in the operator's time zone and language; nothing for None."""
        if moment is None:
            return ""
        zone = ZoneInfo(self.who.time_zone if self.who else "UTC")
        return format_moment(moment.astimezone(zone), self.language)

    @property
    def time_zone_name(self) -> str:
        """In which the page says the hour; the page names it once."""
        return zone_name(self.who.time_zone if self.who else "UTC", self.language)

    def day(self, moment: Any) -> str:
        """A day in the operator's language; nothing for None."""
        return str(format_date(moment, "medium", locale=locale_of(self.language))) if moment is not None else ""

    def _done(self) -> str | None:
        asked = self.request.query_params.get("done", "")
        if not _DONE.fullmatch(asked):
            return None
        key = asked.replace(".", ".done.")
        return self.t(key) if self.hub.wording.texts.has(key, SOURCE_LANGUAGE) else None


@dataclass(frozen=True)
class OfficePage(DoorPage):
    """One request of an operator who is signed in."""

    operator: Operator

    @property
    def who(self) -> Operator | None:
        return self.operator

    @property
    def role(self) -> OperatorRole:
        return OperatorRole(self.operator.role)

    @property
    def network(self) -> str | None:
        """The only network that this operator may see and write to; None: all."""
        return self.operator.network or "" if self.role is OperatorRole.NETWORK else None

    def may(self, *roles: OperatorRole) -> bool:
        """Whether the operator has one of the roles; an administrator has all."""
        return self.role in roles or self.role is OperatorRole.ADMINISTRATOR

    def require(self, *roles: OperatorRole) -> None:
        """Raises RoleRefusedError, which shows a page that says so."""
        if not self.may(*roles):
            raise RoleRefusedError

    async def record(self, act: str, subject: str = "") -> None:
        """Add a line to the trail and commit: ``<subject>.<what>``, whose words are ``<subject>.act.<what>``."""
        record(self.session, self.operator.id, act, subject, clock=self.clock)
        await self.session.commit()


class OfficeRoute(GuardedRoute):
    """Turns every refusal into a page."""

    part = "office"

    @staticmethod
    def refuse(request: Request, error: HubError) -> Response:
        return _refuse(request, error)


async def _at_the_door(page: PageParts) -> AsyncIterator[DoorPage]:
    secret = page.request.cookies.get(cookie_name(page, DOOR_COOKIE)) or secrets.token_urlsafe(32)
    async with page.hub.database.session() as session:
        yield DoorPage(page.hub, page.request, page.language, page.chosen, session, secret)
    await page.request.close()


async def _inside(page: PageParts) -> AsyncIterator[OfficePage]:
    """A page for an operator. Raises OperatorSessionEndedError."""
    secret = page.request.cookies.get(cookie_name(page, SESSION_COOKIE))
    if not secret:
        raise OperatorSessionEndedError
    async with page.hub.database.session() as session:
        operator = await get_signed_in(session, secret, clock=page.hub.clock)
        # Let go of, so that it can still be read after a rollback.
        session.expunge(operator)
        if not page.chosen and operator.language in RELEASED:
            page = replace(page, language=operator.language)
        yield OfficePage(page.hub, page.request, page.language, page.chosen, session, secret, operator)
    # Files of a form end with the request.
    await page.request.close()


DoorParts = Annotated[DoorPage, Depends(_at_the_door)]
OfficeParts = Annotated[OfficePage, Depends(_inside)]


def begin_session(page: DoorPage, token: str, path: str) -> Response:
    """On to a page, signed in."""
    response = page.go(path if _PATH.fullmatch(path) else OFFICE)
    set_cookie(response, page, SESSION_COOKIE, token, path=OFFICE, lasting=LONGEST)
    drop_cookie(response, page, DOOR_COOKIE, path=OFFICE)
    return response


def _refuse(request: Request, error: HubError) -> Response:
    page = get_page(request, request.app.state.hub)
    if isinstance(error, OperatorSessionEndedError):
        ended = request.cookies.get(cookie_name(page, SESSION_COOKIE))
        where = request.url.path if request.method == "GET" and request.url.path != OFFICE else ""
        address = page.url(SIGN_IN, done="office.ended" if ended else "", next=where)
        response: Response = RedirectResponse(address, status_code=303)
        drop_cookie(response, page, SESSION_COOKIE, path=OFFICE)
        return response
    message = page.t(error.text_key, **error.values)
    headers = {"Retry-After": str(error.values["seconds"])} if error.status == 429 else None
    return page.render("office/problem.html", status=error.status, headers=headers, message=message)
