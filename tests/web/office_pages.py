"""Operators who use the back office as a browser without a script does: they read a page, fill in a form, send it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pyotp
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from identity.operator_session import LinkKind, issue_link
from identity.operators import OperatorRole, create_operator
from tests.web.desk_pages import Forms
from web.state import Hub

PASSWORD = "correct horse battery staple"


class AtOffice:
    """One operator with a browser."""

    def __init__(self, client: TestClient, hub: Hub) -> None:
        self.client = TestClient(client.app, raise_server_exceptions=False)
        self.client.portal = client.portal
        self.hub = hub
        assert isinstance(hub.clock, FixedClock)
        self.clock = hub.clock
        self.secret = self.email = ""

    def do[T](self, work: Callable[[AsyncSession], Coroutine[Any, Any, T]]) -> T:
        """Something in the hub's database."""

        async def in_session() -> T:
            async with self.hub.database.session() as session:
                return await work(session)

        assert self.client.portal is not None
        return self.client.portal.call(in_session)

    def read(self, response: Response) -> AtOffice:
        self.response, self.page = response, Forms(response.text)
        return self

    def open(self, address: str) -> AtOffice:
        return self.read(self.client.get(address))

    def send(self, action: str, /, files: Any = None, **typed: Any) -> AtOffice:
        """Fill in the form that leads to ``action`` and send it."""
        forms = [
            form for form in self.page.found if urlsplit(form["action"]).path == action and form["method"] == "post"
        ]
        assert forms, (action, [form["action"] for form in self.page.found], self.text)
        form = forms[0]
        unknown = set(typed) - form["names"]
        assert not unknown, (unknown, form["names"])
        return self.read(self.client.post(form["action"], data=form["fields"] | typed, files=files))

    @property
    def path(self) -> str:
        return str(self.response.url.path)

    @property
    def status(self) -> int:
        return int(self.response.status_code)

    @property
    def text(self) -> str:
        return self.page.text

    def says(self, key: str, **values: Any) -> bool:
        return self.hub.wording.texts.get(key, "en", **values) in self.text

    def code(self) -> str:
        self.clock.at += timedelta(seconds=30)
        return str(pyotp.TOTP(self.secret).at(self.clock.at))

    def set_up(self, path: str, *, typed_code: str = "", **typed: str) -> AtOffice:
        """Choose a password and connect an app."""
        self.open(path)
        self.secret = next(form["fields"]["secret"] for form in self.page.found if "secret" in form["fields"])
        self.email = typed.get("email") or self.email
        given = {"new": PASSWORD, "again": PASSWORD, "code": typed_code or self.code()}
        return self.send(urlsplit(path).path, **(given | typed))

    def join(
        self, role: OperatorRole = OperatorRole.ADMINISTRATOR, *, email: str = "", name: str = "Vera", **values: Any
    ) -> AtOffice:
        """Signed in with a role."""
        self.email = email or f"{role}@example.org"

        async def invite(session: AsyncSession) -> str:
            operator = await create_operator(
                session, email=self.email, name=name, role=role, clock=self.clock, **values
            )
            self.id = operator.id
            return await issue_link(session, operator.id, LinkKind.SETUP, clock=self.clock)

        return self.set_up(f"/office/setup/{self.do(invite)}")

    def sign_in(self, **wrong: str) -> AtOffice:
        typed = {"email": self.email, "password": PASSWORD, "code": wrong.get("code") or self.code()}
        return self.open("/office/sign-in").send("/office/sign-in", **(typed | wrong))
