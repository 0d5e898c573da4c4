"""Officers who use the desk's pages as a browser without a script does: they read a page, fill in a form, send it."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pyotp
from fastapi.testclient import TestClient
from httpx2 import Response

from core.clock import FixedClock
from tests.reports.world import PASSWORD
from web.state import Hub


class Forms(HTMLParser):
    """The forms of a page: action, method, and what each would send untouched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self.text = ""
        self._area: str | None = None
        self._select: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        form = self.found[-1] if self.found else None
        if tag == "form":
            self.found.append({"action": given["action"], "method": given["method"], "fields": {}, "names": set()})
        elif form is not None and "name" in given and tag in {"input", "textarea", "select", "button"}:
            form["names"].add(given["name"])
            if tag == "input" and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
                form["fields"][given["name"]] = given.get("value", "")
            self._area = given["name"] if tag == "textarea" else None
            self._select = given["name"] if tag == "select" else self._select
        elif tag == "option" and form is not None and self._select:
            first = self._select not in form["fields"]
            form["fields"] |= {self._select: given.get("value", "")} if first or "selected" in given else {}

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._area and self.found:
            self.found[-1]["fields"][self._area] = data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None


class AtDesk:
    """One person with a browser."""

    def __init__(self, client: TestClient, hub: Hub, clock: FixedClock) -> None:
        self.client = TestClient(client.app, raise_server_exceptions=False)
        self.client.portal = client.portal
        self.hub, self.clock = hub, clock
        self.secret = self.login = self.recovery_key = ""

    def read(self, response: Response) -> AtDesk:
        self.response, self.page = response, Forms(response.text)
        return self

    def open(self, address: str) -> AtDesk:
        return self.read(self.client.get(address))

    def send(self, action: str, /, *, files: Any = None, **typed: Any) -> AtDesk:
        """Fill in the form that leads to ``action`` and send it."""
        forms = [
            form for form in self.page.found if urlsplit(form["action"]).path == action and form["method"] == "post"
        ]
        assert forms, (action, [form["action"] for form in self.page.found])
        form = forms[0]
        unknown = set(typed) - form["names"]
        assert not unknown, unknown
        return self.read(self.client.post(form["action"], data=form["fields"] | typed, files=files))

    @property
    def path(self) -> str:
        return str(self.response.url.path)

    @property
    def text(self) -> str:
        return self.page.text

    def says(self, key: str, **values: Any) -> bool:
        return self.hub.wording.texts.get(key, "en", **values) in self.text

    def code(self) -> str:
        self.clock.at += timedelta(seconds=30)
        return str(pyotp.TOTP(self.secret).at(self.clock.at))

    def join(self, link: str, login: str) -> AtDesk:
        """From the invitation to the first page; the recovery key is kept where one is shown."""
        self.login, path = login, urlsplit(link).path
        self.open(path).send(path, new=PASSWORD, again=PASSWORD)
        self.secret = self.page.found[0]["fields"]["secret"]
        self.send(path, code=self.code())
        return self

    def sign_in(self, **wrong: str) -> AtDesk:
        typed = {"login": self.login, "password": PASSWORD, "code": wrong.get("code") or self.code()}
        return self.open("/desk/sign-in").send("/desk/sign-in", **(typed | wrong))
