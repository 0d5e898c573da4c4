"""Events in a browser: the public pages and the answer to an invitation, without scripts, and looked at by axe-core."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlmodel import select

from identity.operator_session import LinkKind, issue_link
from identity.operators import OperatorRole, create_operator
from subscriptions.guests import GuestAnswer, Needs, answer_event
from subscriptions.links import LinkContent, LinkPurpose, Links
from subscriptions.models import Event, Guest
from subscriptions.pages import EVENT_ANSWER
from tests.factories import make_event, make_subscriber
from tests.journeys.conftest import RunningHub
from tests.journeys.test_accessibility import Scheme


@pytest.fixture(scope="module")
def event(running_hub: RunningHub) -> Event:
    async def make() -> Event:
        hub = running_hub.hub
        starts_at = hub.clock.now() + timedelta(days=20)
        async with hub.database.session() as session:
            return await make_event(
                session,
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=2),
                titles={"en": "Anti-rumour training", "ar": "تدريب ضد الشائعات ICC"},
                descriptions={"en": "**Come** and learn.\n\n## What you take home\n\n- a plan\n- a friend"},
                topics=["webinars"],
                place="Rådhuset, Bergen, Norway",
                online_url="https://meet.example.org/room",
                languages=["en", "ar"],
                who_pays="The Council of Europe pays travel and two nights.",
                places=30,
                places_per_city=2,
            )

    return running_hub.run(make())


def invitation(running_hub: RunningHub, event: Event, name: str) -> str:
    async def make() -> str:
        async with running_hub.hub.database.session() as session:
            return (await make_subscriber(session, name=name, time_zone="Europe/Kyiv")).id

    content = LinkContent(running_hub.run(make()), about=event.id)
    return f"{EVENT_ANSWER}/{Links('only-for-tests').sign(LinkPurpose.ANSWER_EVENT, content)}"


def check(page: Page, found: list[str], name: str) -> None:
    result = Axe().run(page)
    if result.violations_count:
        found.append(f"{name}: {result.generate_report()}")
    if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        found.append(f"{name}: wider than the screen")


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 320, "light"), ("en", 1280, "dark"), ("ar", 320, "dark"), ("fr", 360, "light"), ("it", 360, "light")],
)
def test_axe_finds_nothing_wrong_with_events(
    browser: Browser, running_hub: RunningHub, event: Event, language: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        base_url=running_hub.address, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page = context.new_page()
    found: list[str] = []
    for path in ("/events", "/events?topic=newsletter", f"/events/{event.id}"):
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        check(page, found, path)
    page.goto(f"{invitation(running_hub, event, 'Олена')}?say=yes&lang={language}")
    check(page, found, "the invitation")
    page.locator("form.stack button.primary").click()
    check(page, found, "after the answer")
    context.close()
    assert not found, "\n".join(found)


def test_an_invitation_is_answered_and_changed_without_scripts(
    browser: Browser, running_hub: RunningHub, event: Event
) -> None:
    context = browser.new_context(
        base_url=running_hub.address, java_script_enabled=False, viewport={"width": 360, "height": 740}
    )
    page = context.new_page()
    page.goto(f"{invitation(running_hub, event, 'Olena')}?say=maybe&lang=en")
    expect(page.get_by_label("Maybe")).to_be_checked()
    expect(page.get_by_text("In your time")).to_be_visible()
    page.get_by_label("I will come").check()
    page.get_by_label("I need interpretation into").select_option(label="Arabic")
    page.get_by_label("Access, food, anything else").fill("step-free access")
    page.get_by_role("button", name="Send my answer").click()
    expect(page.get_by_role("status")).to_contain_text("You are coming.")
    feed = page.get_by_label("Address for your calendar").input_value()
    assert re.search(r"/events/feed/[\w.-]+\.ics$", feed)
    page.get_by_label("I cannot come").check()
    page.get_by_role("button", name="Change my answer").click()
    expect(page.get_by_role("status")).to_contain_text("You get nothing more about this event.")
    context.close()

    async def last() -> Guest:
        async with running_hub.hub.database.session() as session:
            return [row for row in await session.exec(select(Guest)) if row.answer == "no"][-1]

    guest = running_hub.run(last())
    assert (guest.needs, guest.interpretation) == (None, None)


def test_the_team_makes_an_event_and_begins_its_invitation(
    browser: Browser, running_hub: RunningHub, event: Event
) -> None:
    hub = running_hub.hub

    async def invite() -> str:
        async with hub.database.session() as session:
            operator = await create_operator(
                session, email="edda@example.org", name="Edda", role=OperatorRole.EDITOR, clock=hub.clock
            )
            guest = await make_subscriber(session, name="Ada", city="no-bergen")
            await answer_event(session, event.id, guest.id, GuestAnswer.YES, needs=Needs("vegan"), clock=hub.clock)
            return await issue_link(session, operator.id, LinkKind.SETUP, clock=hub.clock)

    context = browser.new_context(
        base_url=running_hub.address, viewport={"width": 360, "height": 740}, locale="en-GB", timezone_id="Asia/Tokyo"
    )
    page = context.new_page()
    page.goto(f"/office/setup/{running_hub.run(invite())}")
    secret = page.locator("input[name=secret]").get_attribute("value") or ""
    page.locator("input[name=new]").fill("correct horse battery staple")
    page.locator("input[name=again]").fill("correct horse battery staple")
    page.locator("input[name=code]").fill(pyotp.TOTP(secret).at(hub.clock.now()))
    page.locator("main form button.primary").click()
    found: list[str] = []
    page.goto("/office/events")
    check(page, found, "all events")
    page.get_by_role("link", name="New event").click()
    check(page, found, "the form")
    page.get_by_label("Title (English)").fill("Spring school")
    page.get_by_label("Text (English)").fill("Two days on **mixing**.")
    page.get_by_label("How people meet").select_option(label="In person")
    page.get_by_label("Place and address").fill("Lublin")
    page.get_by_label("Begins").fill("2027-04-08T09:00")
    page.get_by_label("Ends").fill("2027-04-09T17:00")
    page.get_by_label("Webinars").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Nobody knows of it yet.")
    expect(page.get_by_text("Thursday, 8 April 2027")).to_be_visible()
    check(page, found, "a new event")
    page.get_by_role("button", name="Write the invitation").click()
    expect(page).to_have_url(re.compile(r"/office/broadcasts/\w{32}"))
    expect(page.get_by_text("Spring school").first).to_be_visible()
    page.goto(f"/office/events/{event.id}")
    expect(page.get_by_role("row", name="Ada Bergen")).to_contain_text("vegan")
    check(page, found, "an event with guests")
    context.close()
    assert not found, "\n".join(found)
