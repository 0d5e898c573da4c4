"""axe-core on every page, in every released language, narrow and wide, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from core.languages import RELEASED
from tests.journeys.conftest import RunningHub

type Scheme = Literal["light", "dark"]

SCREENS: tuple[tuple[int, Scheme], ...] = ((360, "light"), (360, "dark"), (1280, "light"), (1280, "dark"))
EVERY_SCREEN = ("en", "ar")
"""One language for each direction is looked at on every screen; the others on the first and the last."""


def send(page: Page, message: str) -> None:
    page.locator("#input").fill(message)
    page.keyboard.press("Enter")


def after_an_answer(page: Page) -> None:
    send(page, "/tool/icc-index")
    expect(page.locator(".feedback")).to_be_visible()


def after_contacts(page: Page) -> None:
    send(page, "/service/it-bologna-spad")
    expect(page.locator(".contact").first).to_be_visible()
    page.locator(".feedback button").first.click()


def after_an_error(page: Page) -> None:
    page.route("**/api/chat", lambda route: route.abort())
    send(page, "x" * 1850)
    expect(page.get_by_role("alert")).to_be_visible()
    page.unroute("**/api/chat")


def with_menus_open(page: Page) -> None:
    for menu in page.locator("details.menu > summary:visible").all():
        menu.click()


def nothing(page: Page) -> None:
    expect(page.locator("h1")).to_be_visible()


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "chat": ("/", nothing),
    "menus": ("/", with_menus_open),
    "answer": ("/", after_an_answer),
    "contacts": ("/", after_contacts),
    "error": ("/", after_an_error),
    "frame": ("/embed", after_an_answer),
    "catalogue": ("/catalogue?kind=tool", nothing),
    "services": ("/catalogue?kind=service&place=Bologna", nothing),
    "unknown-place": ("/catalogue?kind=service&place=Qwxzy", nothing),
    "entry": ("/entry/tool/icc-index", nothing),
    "service": ("/entry/service/it-unar", nothing),
    "group": ("/entry/membership/fee-coe-page", nothing),
    "emergency": ("/emergency", nothing),
    "docs": ("/docs", nothing),
    "privacy": ("/privacy", nothing),
    "accessibility": ("/accessibility", nothing),
    "not-found": ("/entry/tool/unheard-of", nothing),
}


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [
        (language, width, scheme)
        for language in RELEASED
        for width, scheme in (SCREENS if language in EVERY_SCREEN else (SCREENS[0], SCREENS[-1]))
    ],
)
def test_axe_finds_nothing_wrong(
    browser: Browser, running_hub: RunningHub, language: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        base_url=running_hub.address,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page, found = context.new_page(), []
    for name, (address, act) in STATES.items():
        page.goto(address + ("&" if "?" in address else "?") + f"lang={language}")
        page.evaluate("sessionStorage.clear()")
        act(page)
        result = Axe().run(page)
        if result.violations_count:
            found.append(f"{name}: {result.generate_report()}")
    context.close()
    assert not found, "\n".join(found)
