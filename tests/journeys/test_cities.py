"""Membership in Chromium: a table is imported and the words approved; a contact is reminded, looks and asks."""

from __future__ import annotations

import email
import email.policy
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from channels.email.outbox import list_outbox
from identity.operator_session import LinkKind, issue_link
from identity.operators import OperatorRole, create_operator
from subscriptions.confirmation import Purpose, issue
from subscriptions.links import Links
from subscriptions.models import Subscriber
from tests.factories import make_subscriber
from tests.journeys.conftest import RunningHub

type Scheme = Literal["light", "dark"]

SHOTS = os.environ.get("SHOTS")
PASSWORD = "correct horse battery staple"
CITY = "no-stavanger"
MAIL = "kari.journey@example.org"


def sign_in(page: Page, hub: RunningHub, name: str) -> None:
    """As an editor who sets up the account."""

    async def invite() -> str:
        async with hub.hub.database.session() as session:
            operator = await create_operator(
                session,
                email=f"{name.lower().replace(' ', '.')}@example.org",
                name=name,
                role=OperatorRole.EDITOR,
                clock=hub.hub.clock,
            )
            return await issue_link(session, operator.id, LinkKind.SETUP, clock=hub.hub.clock)

    page.goto(f"/office/setup/{hub.run(invite())}")
    secret = page.locator("input[name=secret]").get_attribute("value")
    page.locator("input[name=new]").fill(PASSWORD)
    page.locator("input[name=again]").fill(PASSWORD)
    page.locator("input[name=code]").fill(pyotp.TOTP(secret or "").at(hub.hub.clock.now()))
    page.locator("main form button.primary").click()


def make_contact(hub: RunningHub, **values: object) -> Subscriber:
    async def work() -> Subscriber:
        async with hub.hub.database.session() as session:
            return await make_subscriber(session, city=CITY, is_mandatory_contact=True, **values)  # type: ignore[arg-type]

    return hub.run(work())


def subjects_to(hub: RunningHub, address: str) -> list[str]:
    async def read() -> list[bytes]:
        async with hub.hub.database.session() as session:
            return [mail.content for mail in await list_outbox(session) if mail.recipient == address]

    mails = [email.message_from_bytes(content, policy=email.policy.default) for content in hub.run(read())]
    # A name in a sentence is kept apart from it by marks that nobody sees (Unicode, directional isolates).
    return [str(mail["Subject"]).translate(dict.fromkeys((0x2068, 0x2069))) for mail in mails]


def check(page: Page, name: str) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), name
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"membership-{name}.png", full_page=True)


def test_from_the_teams_table_to_the_reminder_and_the_answer_in_the_chat(page: Page, running_hub: RunningHub) -> None:
    sign_in(page, running_hub, "Vera Cities")
    day = running_hub.hub.clock.now().date() + timedelta(days=7)
    table = f"city,contribution,due_kind,due_on\nStavanger,5000 euros,index,{day.isoformat()}\nOslo,,dinner,soon\n"
    page.goto("/office/cities/import")
    page.get_by_label("File (CSV or XLSX)").set_input_files(
        {"name": "cities.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    page.get_by_role("button", name="Look at the file").click()
    expect(page.get_by_text("One row is not right")).to_be_visible()
    check(page, "bad-rows")
    page.get_by_label("File (CSV or XLSX)").set_input_files(
        {"name": "cities.csv", "mimeType": "text/csv", "buffer": table.rpartition("Oslo")[0].encode()}
    )
    page.get_by_role("button", name="Look at the file").click()
    expect(page.get_by_text("One date is new.")).to_be_visible()
    page.get_by_role("button", name="Import it now").click()
    expect(page.get_by_role("status").first).to_contain_text("The table is imported.")
    check(page, "cities")

    kari = make_contact(running_hub, name="Kari", email=MAIL)
    page.get_by_role("link", name="Look at the words").click()
    for label in ("reminder/index", "welcome"):
        page.locator(f'form:has(input[value="{label}"]) button, form[action*="{label}"] button').first.click()
    until = time.monotonic() + 60
    while len(subjects_to(running_hub, MAIL)) < 2 and time.monotonic() < until:
        time.sleep(0.5)
    assert sorted(subjects_to(running_hub, MAIL)) == [
        "7 days left: the Intercultural Cities Index",
        "Welcome: what Stavanger agreed, and three first steps",
    ]

    async def token() -> str:
        async with running_hub.hub.database.session() as session:
            links = Links("only-for-tests")
            return (await issue(session, kari.id, Purpose.PREFERENCES, links=links, clock=running_hub.hub.clock)).token

    page.goto(f"/preferences/enter/{running_hub.run(token())}")
    page.get_by_role("button", name="Open my page").click()
    page.get_by_role("link", name="What my city agreed, and what is due").click()
    expect(page.get_by_text("5000 euros")).to_be_visible()
    check(page, "own-city")
    page.goto("/")
    page.get_by_role("textbox").fill("What is due for my city?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("the Intercultural Cities Index").last).to_be_visible()


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 320, "dark"), ("fr", 360, "light"), ("it", 1280, "light"), ("ar", 340, "light")],
)
def test_every_page_is_accessible(
    browser: Browser, running_hub: RunningHub, language: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        base_url=running_hub.address, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page = context.new_page()
    sign_in(page, running_hub, f"Noor {language}")
    for path in ("/office/cities", "/office/cities/no-bergen", "/office/cities/import"):
        page.goto(f"{path}?lang={language}")
        check(page, f"{path.rpartition('/')[2]}-{language}")
    page.goto(f"/office/cities/no-bergen?lang={language}")
    page.locator("#due_on").fill(f"2027-01-{width % 28 + 1:02}")
    page.locator('form[action*="/dates"] button.primary').click()
    page.locator("main .notice.done").wait_for()
    check(page, f"city-date-{language}")
    context.close()
