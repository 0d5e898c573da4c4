"""The back office in Chromium: without scripts from the first link to an answered question; axe-core on each page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import ReadyMail
from channels.email.wiring import build_mail
from conversation.handoffs import create_handoff, list_late_replies
from core.clock import FixedClock
from identity.operator_session import LinkKind, issue_link
from identity.operators import OperatorRole, create_operator
from subscriptions.handover import leave
from subscriptions.models import Frequency
from tests.factories import make_subscriber
from tests.journeys.conftest import RunningHub
from tests.journeys.test_accessibility import Scheme
from web.state import Hub

SHOTS = os.environ.get("OFFICE_SHOTS")
"""A folder for pictures of every page, to be looked at."""
PASSWORD = "correct horse battery staple"
SERVICE = "/office/contacts/it-bologna-spad"


@pytest.fixture
def clock(running_hub: RunningHub) -> Iterator[FixedClock]:
    clock = running_hub.hub.clock
    assert isinstance(clock, FixedClock)
    before = clock.at
    yield clock
    clock.at = before


async def invite(hub: Hub, email: str) -> str:
    async with hub.database.session() as session:
        operator = await create_operator(
            session, email=email, name="Vera", role=OperatorRole.ADMINISTRATOR, clock=hub.clock
        )
        return await issue_link(session, operator.id, LinkKind.SETUP, clock=hub.clock)


async def fill(hub: Hub) -> str:
    """People, a question, an alert; returns the id of a person."""
    async with hub.database.session() as session:
        person = await make_subscriber(
            session,
            name="Ada Lovelace",
            city="it-arezzo",
            is_mandatory_contact=True,
            topics={"youth": Frequency.WEEKLY},
        )
        gone = await make_subscriber(session, name="Bob", city="it-bari", is_mandatory_contact=True)
        await leave(session, gone.id, clock=hub.clock)
        await ask(session, hub, "أين الدليل؟")
        return person.id


async def ask(session: AsyncSession, hub: Hub, question: str) -> int:
    made = await create_handoff(
        session, channel="web", sender_key="office-journey", language="ar", question=question, subject=None,
        clock=hub.clock,
    )  # fmt: skip
    assert made.id is not None
    return made.id


def join(page: Page, running_hub: RunningHub, clock: FixedClock, email: str) -> str:
    """From the link to the first page; returns the secret of the app."""
    page.goto(f"/office/setup/{running_hub.run(invite(running_hub.hub, email))}")
    secret = page.locator("input[name=secret]").get_attribute("value")
    assert secret is not None
    page.locator("#new").fill(PASSWORD)
    page.locator("#again").fill(PASSWORD)
    page.locator("#code").fill(code(secret, clock))
    page.locator("main button.primary").click()
    expect(page).to_have_url(f"{running_hub.address}/office")
    return secret


def code(secret: str, clock: FixedClock) -> str:
    clock.at += timedelta(seconds=30)
    return str(pyotp.TOTP(secret).at(clock.at))


def test_a_new_operator_sets_up_signs_in_and_does_a_mornings_work(
    browser: Browser, running_hub: RunningHub, clock: FixedClock
) -> None:
    context = browser.new_context(
        base_url=running_hub.address, viewport={"width": 360, "height": 740}, java_script_enabled=False, locale="en-GB"
    )
    context.set_default_timeout(8000)
    page = context.new_page()
    secret = join(page, running_hub, clock, "morning@example.org")
    page.get_by_role("button", name="Sign out").click()
    page.locator("#email").fill("morning@example.org")
    page.locator("#password").fill(PASSWORD)
    page.locator("#code").fill(code(secret, clock))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What needs you today")

    page.goto("/office/subscribers/import")
    rows = "email,name,city,contact\nnew@example.org,Nia New,it-bologna,yes\n"
    page.locator("#file").set_input_files({"name": "p.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    page.get_by_role("button", name="See what it would do").click()
    expect(page.locator(".lead")).to_contain_text("New people: 1")
    page.get_by_role("button", name="Take these people").click()
    page.goto("/office/subscribers?text=nia")
    page.get_by_role("link", name="Nia New").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nia New")

    async def asked() -> int:
        async with running_hub.hub.database.session() as session:
            return await ask(session, running_hub.hub, "من يدفع؟")

    number = running_hub.run(asked())
    page.goto("/office/questions")
    page.get_by_role("link", name=f"Question {number}").click()
    page.locator("#answer").fill("المدينة تدفع.")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_role("status")).to_contain_text("on its way")

    async def told() -> list[str]:
        async with running_hub.hub.database.session() as session:
            return [row.text for row in await list_late_replies(session, "office-journey", after=0)]

    assert "المدينة تدفع." in running_hub.run(told())
    page.goto("/office/trail")
    expect(page.locator("main")).to_contain_text("answered a question")
    context.close()


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 360, "dark"), ("en", 1280, "light"), ("fr", 360, "light"), ("it", 1280, "dark"), ("ar", 360, "light")],
)
def test_axe_finds_nothing_wrong_in_the_back_office(
    browser: Browser, running_hub: RunningHub, clock: FixedClock, language: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        base_url=running_hub.address,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    context.set_default_timeout(8000)
    page, found = context.new_page(), []
    person = running_hub.run(fill(running_hub.hub))
    mail = ReadyMail(
        id=f"{language}{width}", to="ada@example.org", language="en", subject="Hello", text="Hi", html="<p>Hi</p>"
    )
    hub = running_hub.hub
    running_hub.run(build_mail(hub.settings, hub.database, hub.clock).send(mail))

    def look(path: str, name: str) -> None:
        if path:
            page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        expect(page.locator("h1")).to_be_visible()
        page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
        result = Axe().run(page)
        if result.violations_count:
            found.append(f"{name}: {result.generate_report()}")
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append(f"{name}: wider than the screen")
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"office-{name}-{language}-{width}.png"), full_page=True)

    email = f"axe-{language}-{width}@example.org"
    look("/office/sign-in", "sign-in")
    look(f"/office/setup/{running_hub.run(invite(running_hub.hub, 'x' + email))}", "setup")
    join(page, running_hub, clock, email)
    for path, name in (
        ("/office", "home"),
        ("/office/subscribers", "subscribers"),
        ("/office/subscribers/new", "subscriber-new"),
        (f"/office/subscribers/{person}", "subscriber"),
        ("/office/subscribers/import", "import"),
        ("/office/topics", "topics"),
        ("/office/questions", "questions"),
        ("/office/questions/1", "question"),
        ("/office/questions/unanswered", "unanswered"),
        ("/office/contacts?country=IT", "contacts"),
        (SERVICE, "contact"),
        ("/office/outbox", "outbox"),
        ("/office/operators", "operators"),
        ("/office/trail", "trail"),
        ("/office/account", "account"),
    ):
        look(path, name)
    bad = "email,city\nnobody,Atlantis\n"
    page.goto(f"/office/subscribers/import?lang={language}")
    page.locator("#file").set_input_files({"name": "p.csv", "mimeType": "text/csv", "buffer": bad.encode()})
    page.locator("main form button").last.click()
    look("", "import-bad")
    page.goto(f"/office/outbox?lang={language}")
    page.locator("td a").first.click()
    look("", "mail")
    context.close()
    assert found == []
