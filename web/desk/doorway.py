"""The door of the desk's pages: the cookie of whoever is signed in, the token in each form, and what a refusal shows.

A page never says more than that there is no such case. What goes wrong inside is logged by kind and place alone, since
its message may hold words of a report.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.background import BackgroundTask

from core.clock import Clock
from core.errors import HubError
from core.languages import RELEASED
from identity.throttle import Throttle
from reports.errors import CaseNotFoundError, DeskKeyMissingError, SessionEndedError
from reports.officers import LONGEST, get_signed_in
from reports.signed_in import SignedIn
from subscriptions.rows import main_time_zone
from web import session_cookies
from web.guarding import GuardedRoute
from web.limits import client_address
from web.memory_form import GivenForm, MemoryBudget, read_form
from web.pages import Page, PageParts, get_page
from web.session_cookies import cookie_name
from web.time_zones import zone_name

SESSION_COOKIE = "desk"
DOOR_COOKIE = "desk_door"
"""Before anybody is signed in, so that those forms too come from our own pages."""
KNOWN_COOKIE = "desk_known"
"""Of a browser in which an officer signed in: nobody else's wrong attempts keep that officer out there."""
DESK = "/desk"

budget = MemoryBudget()
NO_FILES = MemoryBudget(0)
"""For whoever is not signed in: their files are read and dropped, their words are kept to be shown once more."""


class FormForeignError(HubError):
    """The form was not made by a page of this session."""

    code = "form_foreign"
    status = 403
    sentence = "desk.problem.form"


@dataclass(frozen=True)
class Visit:
    """One request to a page of the desk. ``who`` is None before anybody is signed in."""

    page: Page
    session: AsyncSession
    form: GivenForm
    secret: str = field(repr=False)
    """The cookie that this page's forms are bound to."""
    who: SignedIn | None = None

    @property
    def clock(self) -> Clock:
        return self.page.hub.clock

    @property
    def signed_in(self) -> SignedIn:
        if self.who is None:
            raise SessionEndedError
        return self.who

    @property
    def token(self) -> str:
        """What each form carries."""
        return form_token(self.secret)

    @property
    def throttle(self) -> Throttle:
        return self.page.hub.throttle

    @property
    def time_zone(self) -> str:
        """In which the desk's pages say the hour: of the first place that it serves, else UTC."""
        gazetteer = self.page.hub.wording.gazetteer
        places = [gazetteer.get(place) for place in self.who.desk.places] if self.who else []
        zones = [main_time_zone(place.country) for place in places if place is not None]
        return next((zone for zone in zones if zone), "UTC")

    @property
    def time_zone_name(self) -> str:
        return zone_name(self.time_zone, self.page.language)

    @property
    def source(self) -> str:
        """Who tries, for limits. Where addresses tell nobody apart (an onion service), only names are counted."""
        return client_address(self.page.request, self.page.hub.settings.trusted_proxy_addresses) or secrets.token_hex(8)

    def t(self, key: str, **values: Any) -> str:
        return self.page.t(key, **values)

    def render(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page of the desk; ``errors`` and ``done`` are always there."""
        asked = self.page.request.query_params.get("done", "")
        key = f"desk.done.{asked}"
        known = self.page.hub.wording.texts.has(key, "en")
        shown: dict[str, Any] = {"errors": [], "done": self.t(key) if known else None, "visit": self}
        response = self.page.render(f"desk/{template}", status=status, **(shown | values))
        if self.who is None:
            set_cookie(response, self.page, DOOR_COOKIE, self.secret)
        return response

    def go(self, path: str, *, done: str = "", later: BackgroundTask | None = None) -> RedirectResponse:
        """On to a page, which then says what was done."""
        return RedirectResponse(self.page.url(path, done=done), status_code=303, background=later)

    def say(self, error: HubError) -> str:
        """The sentence of an error."""
        values = dict(error.values)
        if "missing" in values:
            values["missing"] = self.page.separated(self.t(f"desk.missing.{name}") for name in values["missing"])
        if "languages" in values:
            values["languages"] = self.page.listed(self.page.language_name(code) for code in values["languages"])
        return self.t(error.text_key, **values)


class DeskRoute(GuardedRoute):
    """Turns every refusal into a page, and keeps what went wrong out of the log."""

    part = "desk"

    @staticmethod
    def refuse(request: Request, error: HubError) -> Response:
        return _refuse(request, error)


async def _at_the_door(page: PageParts) -> AsyncIterator[Visit]:
    """A page for somebody who is not signed in yet."""
    secret = page.request.cookies.get(cookie_name(page, DOOR_COOKIE)) or secrets.token_urlsafe(32)
    async with _given_form(page, secret, NO_FILES) as form, page.hub.database.session() as session:
        yield Visit(page, session, form, secret)


async def _inside(page: PageParts) -> AsyncIterator[Visit]:
    """A page for an officer. Raises SessionEndedError."""
    secret = page.request.cookies.get(cookie_name(page, SESSION_COOKIE))
    if not secret:
        raise SessionEndedError
    own_budget = budget if await _is_inside(page, secret) else NO_FILES
    async with _given_form(page, secret, own_budget) as form, page.hub.database.session() as session:
        who = await get_signed_in(session, secret, clock=page.hub.clock)
        if not page.chosen and who.officer.language in RELEASED:
            page = replace(page, language=who.officer.language)
        yield Visit(page, session, form, secret, who)


async def _is_inside(page: Page, secret: str) -> bool:
    """Whether files of this request may take room in memory. In a session of its own: a slow sender holds no lock."""
    if page.request.method != "POST":
        return False
    async with page.hub.database.session() as session:
        try:
            await get_signed_in(session, secret, clock=page.hub.clock)
        except SessionEndedError:
            return False
    return True


AtTheDoor = Annotated[Visit, Depends(_at_the_door)]
Inside = Annotated[Visit, Depends(_inside)]


@asynccontextmanager
async def _given_form(page: Page, secret: str, own_budget: MemoryBudget) -> AsyncIterator[GivenForm]:
    """The form of a request, checked to be ours; an empty one where nothing was sent."""
    if page.request.method != "POST":
        yield GivenForm()
        return
    async with read_form(page.request, own_budget) as form:
        if not hmac.compare_digest(form.get("token").encode(), form_token(secret).encode()):
            raise FormForeignError
        page.request.state.desk_form = form
        yield form


def form_token(secret: str) -> str:
    """What each form of the desk carries."""
    return session_cookies.form_token(secret, "desk")


def set_cookie(response: Response, page: Page, name: str, value: str) -> None:
    """For the desk's pages alone; it ends with the longest session."""
    session_cookies.set_cookie(response, page, name, value, path=DESK, lasting=LONGEST)


def drop_cookie(response: Response, page: Page, name: str) -> None:
    """Forget it."""
    session_cookies.drop_cookie(response, page, name, path=DESK)


def _refuse(request: Request, error: HubError) -> Response:
    page = get_page(request, request.app.state.hub)
    if isinstance(error, SessionEndedError):
        return _ask_to_sign_in(page, request)
    if isinstance(error, DeskKeyMissingError) and request.method == "GET":
        return RedirectResponse(page.url("/desk/waiting"), status_code=303)
    key = "desk.problem.gone" if isinstance(error, CaseNotFoundError) else error.text_key
    values = dict(error.values)
    if "missing" in values:
        values["missing"] = page.separated(page.t(f"desk.missing.{name}") for name in values["missing"])
    kept = _kept_words(request)
    return page.render("desk/problem.html", status=error.status, message=page.t(key, **values), kept=kept)


def _ask_to_sign_in(page: Page, request: Request) -> Response:
    """What was being written is shown once more, since half an hour passes quickly over a long answer."""
    response: Response
    kept = _kept_words(request)
    if kept:
        response = page.render("desk/problem.html", status=401, message=page.t("error.session_ended"), kept=kept)
    else:
        ended = request.cookies.get(cookie_name(page, SESSION_COOKIE))
        response = RedirectResponse(page.url("/desk/sign-in", done="ended" if ended else ""), status_code=303)
    drop_cookie(response, page, SESSION_COOKIE)
    return response


def _kept_words(request: Request) -> list[str]:
    form: GivenForm | None = getattr(request.state, "desk_form", None)
    return [form.get(name) for name in ("text", "translation", "note", "why") if form and form.get(name).strip()]
