"""The door of the preference centre: who is there, the form that they sent, and what a refusal shows.

Nobody is asked for a password. Whoever is not signed in asks for a link; what is more than choosing needs a link that
was asked for a moment ago.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.datastructures import FormData

from core.clock import Clock
from core.errors import HubError
from core.languages import RELEASED
from subscriptions.errors import LinkExpiredError, SubscriberNotFoundError
from subscriptions.links import Links
from subscriptions.models import Subscriber
from subscriptions.subscribers import get_subscriber
from subscriptions.topics import Topics, load_topics
from web.forms import field
from web.guarding import GuardedRoute
from web.pages import Page, PageParts, get_page
from web.preferences.session import PreferenceSession, end_session, find_preference_session

HOME = "/preferences"

log = logging.getLogger(__name__)


class NotSignedInError(HubError):
    """Nobody is signed in to the preference centre in this browser, or not any more."""

    code = "preferences_closed"
    status = 401


class NotProvenError(HubError):
    """This needs a link that was asked for a moment ago."""

    code = "preferences_not_proven"
    status = 403


class PreferenceFormForeignError(HubError):
    """The form was not made by a page of this session."""

    code = "form_foreign"
    status = 403
    sentence = "preferences.problem.form"


@cache
def all_topics() -> Topics:
    """The topics, read once."""
    return load_topics()


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is signed in."""

    page: Page
    session: AsyncSession
    who: PreferenceSession
    subscriber: Subscriber
    form: FormData

    @property
    def clock(self) -> Clock:
        return self.page.hub.clock

    @property
    def topics(self) -> Topics:
        return all_topics()

    @property
    def links(self) -> Links:
        return self.page.hub.links

    def t(self, key: str, **values: Any) -> str:
        return self.page.t(f"preferences.{key}", **values)

    def field(self, name: str) -> str:
        """What was sent in a field; empty where nothing was."""
        return text_field(self.form, name)

    def require_proof(self) -> None:
        """Raises NotProvenError for whoever came by the link of a message."""
        if not self.who.is_proven:
            raise NotProvenError

    def render(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A page of somebody who is signed in."""
        shown: dict[str, Any] = {"visit": self, "person": self.subscriber, "errors": [], "done": self._done()}
        return self.page.render(f"preferences/{template}", status=status, **(shown | values))

    def go(self, path: str = HOME, *, done: str = "") -> RedirectResponse:
        """On to a page, which then says what was done."""
        return RedirectResponse(self.page.url(path, done=done), status_code=303)

    def _done(self) -> str:
        asked = self.page.request.query_params.get("done", "")
        key = f"preferences.done.{asked}"
        texts = self.page.hub.wording.texts
        # Sentences with values are said by who has the values.
        plain = texts.has(key, "en") and "{" not in str(texts.raw(key, "en"))
        return asked if plain and asked != "undo" else ""


class PreferenceRoute(GuardedRoute):
    """Turns every refusal into a page in words."""

    part = "preferences"

    @staticmethod
    def refuse(request: Request, error: HubError) -> Response:
        return refuse(get_page(request, request.app.state.hub), error)


@asynccontextmanager
async def open_visit(page: Page, who: PreferenceSession | None = None) -> AsyncIterator[Visit]:
    """A request of whoever is signed in, or has just been. Raises NotSignedInError, PreferenceFormForeignError."""
    is_new = who is not None
    who = who or find_preference_session(page.request, page.hub)
    if who is None:
        raise NotSignedInError
    form = FormData()
    if page.request.method == "POST" and not is_new:
        form = await page.request.form()
        if not who.is_ours(text_field(form, "token")):
            raise PreferenceFormForeignError
    async with page.hub.database.session() as session:
        try:
            subscriber = await get_subscriber(session, who.subscriber_id)
        except SubscriberNotFoundError:
            raise NotSignedInError from None
        yield Visit(in_language_of(page, subscriber), session, who, subscriber, form)


async def _inside(page: PageParts) -> AsyncIterator[Visit]:
    async with open_visit(page) as visit:
        yield visit


Inside = Annotated[Visit, Depends(_inside)]


def in_language_of(page: Page, subscriber: Subscriber) -> Page:
    """The page in the reader's language, unless another was picked."""
    if not page.chosen and subscriber.language in RELEASED:
        return replace(page, language=subscriber.language)
    return page


def text_field(form: FormData, name: str) -> str:
    """A field's text without the spaces around it; a file in its place counts as nothing."""
    return field(form, name).strip()


def refuse(page: Page, error: HubError) -> Response:
    """What is shown instead of what was asked for."""
    if isinstance(error, NotSignedInError):
        response: Response = RedirectResponse(page.url(HOME), status_code=303)
        end_session(response, page)
        return response
    if isinstance(error, NotProvenError):
        who = find_preference_session(page.request, page.hub)
        return page.render("preferences/prove.html", status=403, token=who.token if who else "")
    if isinstance(error, LinkExpiredError | SubscriberNotFoundError):
        return page.render("preferences/broken.html", status=410)
    headers = {"Retry-After": str(error.values["seconds"])} if "seconds" in error.values else None
    message = page.t(error.text_key, **error.values)
    return page.render("preferences/problem.html", status=error.status, headers=headers, message=message)
