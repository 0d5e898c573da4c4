"""Choosing what one gets, in Chromium: from an address to a saved choice, with and without scripts, on a phone, on a
narrow one, from right to left, in the dark."""

from __future__ import annotations

import email
import email.policy
import os
import re
import time
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from channels.email.outbox import list_outbox
from subscriptions.confirmation import Purpose, issue
from subscriptions.handover import leave
from subscriptions.links import Links
from subscriptions.models import Frequency, Subscriber
from tests.factories import make_sent, make_subscriber
from tests.journeys.conftest import RunningHub

type Scheme = Literal["light", "dark"]

SHOTS = os.environ.get("SHOTS")


def link_in_outbox(hub: RunningHub, address: str) -> str:
    """The path of the link in the newest mail to an address."""

    async def newest() -> bytes | None:
        async with hub.hub.database.session() as session:
            mails = [mail for mail in await list_outbox(session) if mail.recipient == address]
            return mails[0].content if mails else None

    until = time.monotonic() + 20
    while time.monotonic() < until:
        content = hub.run(newest())
        if content is not None:
            body = email.message_from_bytes(content, policy=email.policy.default).get_body(("plain",))
            assert body is not None
            found = re.search(r"https?://[^/\s]+(/preferences/\S+)", body.get_content())
            assert found is not None
            return found[1]
        time.sleep(0.1)
    raise AssertionError("no mail came")


def make_person(hub: RunningHub, **values: object) -> Subscriber:
    async def work() -> Subscriber:
        async with hub.hub.database.session() as session:
            person = await make_subscriber(session, **values)  # type: ignore[arg-type]
            await make_sent(session, "webinars")
            return person

    return hub.run(work())


def token_for(hub: RunningHub, person: Subscriber, purpose: Purpose = Purpose.PREFERENCES) -> str:
    async def work() -> str:
        async with hub.hub.database.session() as session:
            links = Links("only-for-tests")
            return (await issue(session, person.id, purpose, links=links, clock=hub.hub.clock)).token

    return hub.run(work())


def choice_of(hub: RunningHub, person: Subscriber) -> str | None:
    async def work() -> str | None:
        async with hub.hub.database.session() as session:
            return (await session.get_one(Subscriber, person.id)).choice

    return hub.run(work())


def test_from_a_mail_address_to_a_choice_that_is_saved_at_once(page: Page, running_hub: RunningHub) -> None:
    person = make_person(running_hub, name="Ada Lovelace", email="ada.journey@example.org", city="it-bari")
    page.goto("/preferences")
    _check(page, "ask")
    page.get_by_label("Your mail address").fill("ada.journey@example.org")
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_role("status")).to_contain_text("If we know this address")
    _check(page, "sent")
    page.goto(link_in_outbox(running_hub, "ada.journey@example.org"))
    page.get_by_role("button", name="Open my page").click()
    expect(page.get_by_text("Ada Lovelace, this page is about what we send to you for Bari.")).to_be_visible()
    expect(page.locator("input[name=choice]:checked")).to_have_count(0)
    _check(page, "home")
    page.get_by_text("The recommended topics, one mail a week").click()
    said = page.locator("#said")
    expect(said).to_contain_text("Saved. It counts from now on")
    assert choice_of(running_hub, person) == "recommended_weekly"
    expect(page.locator("#effect")).to_contain_text("message a month")
    said.get_by_role("button", name="Undo this").click()
    expect(said).to_contain_text("We took that back.")
    assert choice_of(running_hub, person) is None


def test_single_topics_and_hours_are_saved_as_they_are_changed(page: Page, running_hub: RunningHub) -> None:
    person = make_person(running_hub, is_mandatory_contact=True, city="it-bari", telegram=991)
    page.goto(f"/preferences/enter/{token_for(running_hub, person)}")
    _check(page, "arrive")
    page.get_by_role("button", name="Open my page").click()
    expect(page.get_by_role("heading", name="This always comes")).to_be_visible()
    page.get_by_text("Fine-tune: choose for each topic").click()
    _check(page, "matrix")
    page.get_by_role("group", name="Webinars").get_by_label("How often").select_option("weekly")
    expect(page.locator("#said")).to_contain_text("Saved.")
    expect(page.locator("#choices")).to_contain_text("takes the place of all of that")
    page.get_by_label("From", exact=True).fill("20:00")
    page.get_by_label("Until", exact=True).fill("07:00")
    page.get_by_label("Time of day").focus()
    page.get_by_label("Day of the weekly mail").select_option("4")

    async def hours() -> tuple[str, int]:
        async with running_hub.hub.database.session() as session:
            row = await session.get_one(Subscriber, person.id)
            return str(row.quiet_from), row.digest_on

    until = time.monotonic() + 8
    while running_hub.run(hours()) != ("20:00:00", 4):
        assert time.monotonic() < until, "the hours were not saved"
        time.sleep(0.05)
    page.get_by_role("button", name="For 2 weeks").click()
    expect(page.locator("#notes")).to_contain_text("You have a pause until 6 December 2026")
    _check(page, "paused")


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 320, "dark"), ("fr", 360, "light"), ("it", 1200, "light"), ("ar", 360, "dark")],
)
def test_every_page_is_accessible(
    browser: Browser, running_hub: RunningHub, language: str, width: int, scheme: Scheme
) -> None:
    person = make_person(
        running_hub, language=language, city="it-bari", may_set_city_defaults=True, is_mandatory_contact=True,
        telegram=width * 1000 + ord(language[0]), topics={"youth": Frequency.DAILY},
    )  # fmt: skip
    context = browser.new_context(
        base_url=running_hub.address, viewport={"width": width, "height": 800}, color_scheme=scheme,
        reduced_motion="reduce",
    )  # fmt: skip
    context.set_default_timeout(8000)
    page = context.new_page()
    name = f"{language}-{width}-{scheme}"
    page.goto(f"/preferences/new?lang={language}")
    _check(page, f"new-{name}")
    page.locator("main .primary").click()
    expect(page.get_by_role("alert")).to_be_visible()
    _check(page, f"new-wrong-{name}")
    page.goto(f"/preferences/telegram/{token_for(running_hub, person, Purpose.TELEGRAM)}?lang={language}")
    _check(page, f"telegram-{name}")
    page.goto(f"/preferences/enter/nonsense?lang={language}")
    _check(page, f"broken-{name}")
    page.goto(f"/preferences/enter/{token_for(running_hub, person)}")
    page.locator("main .primary").click()
    expect(page.locator("html")).to_have_attribute("lang", language)
    _check(page, f"home-{name}")
    page.locator("#paused_until").fill("2020-01-01")
    page.locator("form[action*=pause] button[value='']").click()
    expect(page.get_by_role("alert")).to_be_visible()
    _check(page, f"wrong-{name}")
    for path in ("history", "data", "city", "address"):
        page.goto(f"/preferences/{path}")
        expect(page.locator("html")).to_have_attribute("lang", language)
        _check(page, f"{path}-{name}")
    page.goto("/preferences/events")
    page.locator("main details summary").click()
    _check(page, f"feed-{name}")
    page.locator("form[action*='events/address'] button").click()
    expect(page.get_by_role("status")).to_be_visible()
    _check(page, f"feed-new-{name}")
    _leave(running_hub, person)
    page.goto("/preferences")
    _check(page, f"left-{name}")
    page.locator("form[action*=return] button").click()
    expect(page.locator("#said")).not_to_be_empty()
    _check(page, f"back-{name}")
    context.close()


def _leave(hub: RunningHub, person: Subscriber) -> None:
    async def work() -> None:
        async with hub.hub.database.session() as session:
            await leave(session, person.id, clock=hub.hub.clock)

    hub.run(work())


def test_all_of_it_works_without_scripts(browser: Browser, running_hub: RunningHub) -> None:
    person = make_person(running_hub, city="it-bari", telegram=4711)
    context = browser.new_context(
        base_url=running_hub.address, viewport={"width": 320, "height": 700}, java_script_enabled=False
    )
    context.set_default_timeout(8000)
    page = context.new_page()
    said = page.locator("#said")
    page.goto(f"/preferences/enter/{token_for(running_hub, person)}")
    page.get_by_role("button", name="Open my page").click()
    page.get_by_text("Everything, at once").click()
    page.get_by_role("button", name="Save my choice").click()
    expect(said).to_contain_text("Saved.")
    assert choice_of(running_hub, person) == "everything_at_once"
    page.get_by_text("Fine-tune: choose for each topic").click()
    webinars = page.get_by_role("group", name="Webinars")
    webinars.get_by_label("How often").select_option("off")
    page.get_by_role("button", name="Save my topics").click()
    expect(webinars.get_by_label("How often")).to_have_value("off")
    page.get_by_label("Where messages come").select_option("telegram")
    page.get_by_label("Saturday").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Saturday")).to_be_checked()
    said.get_by_role("button", name="Undo this").click()
    expect(page.get_by_label("Saturday")).not_to_be_checked()
    page.get_by_role("button", name="For 1 week").click()
    page.get_by_role("button", name="End the pause now").click()
    expect(said).to_contain_text("Your pause has ended.")
    page.get_by_role("button", name="Stop everything that is not required").click()
    assert choice_of(running_hub, person) == "required_only"
    context.close()


def _check(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"prefs-{name}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing stands out of the screen"
