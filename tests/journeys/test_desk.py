"""The desk's pages in Chromium, without scripts: set up, read, answer; and looked at by axe-core on a phone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.clock import FixedClock
from core.languages import RELEASED
from reports.desks import create_desk
from reports.models import DeskKind
from reports.officers import create_officer
from tests.journeys.conftest import RunningHub
from tests.journeys.test_accessibility import EVERY_SCREEN, SCREENS, Scheme
from tests.reports.world import PASSWORD, Sent, World

SHOTS = os.environ.get("DESK_SHOTS")
"""A folder for pictures of every page, to be looked at."""
ARABIC = "قال صاحب البيت: لا أؤجر للأجانب. ثم أغلق الباب ولم يرد على رسائلي."


@pytest.fixture(scope="module")
def world(running_hub: RunningHub) -> Iterator[World]:
    """An open desk with cases of every look, and another one to hand over to."""
    clock = running_hub.hub.clock
    assert isinstance(clock, FixedClock)
    before = clock.at
    world = World(running_hub.hub.database, clock)
    running_hub.run(world.make_desk("bologna"))
    running_hub.run(world.make_desk("spad", "carla@spad", "dario@spad"))
    yield world
    clock.at = before


@pytest.fixture(scope="module")
def sent(running_hub: RunningHub, world: World) -> list[Sent]:
    late = world.clock.now() - timedelta(days=16)
    near = world.clock.now() - timedelta(days=12)
    return [
        running_hub.run(
            world.send(
                "bologna",
                story=ARABIC,
                story_language="ar",
                is_safe="unsure",
                is_minor=True,
                grounds=["origin", "skin_colour"],
                wishes=["stop", "advice"],
                arrived_at=late,
                grounds_words="لأنني لاجئ",
                witnesses="some",
                for_whom="self",
            )
        ),
        running_hub.run(world.send("bologna", story="They laughed at my accent.", area="employment", arrived_at=near)),
        running_hub.run(world.send("bologna", area="health", grounds=["disability"], language="fr")),
        running_hub.run(world.send("bologna", area=None, grounds=[], story="x")),
    ]


def signed_in(running_hub: RunningHub, world: World, context: BrowserContext, login: str = "anna@bologna") -> None:
    running_hub.run(world.sign_in(login))
    token = world.people[login].token
    context.add_cookies(
        [
            {
                "name": "desk",
                "value": token,
                "domain": "127.0.0.1",
                "path": "/desk",
                "sameSite": "Strict",
                "httpOnly": True,
            }
        ]
    )


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"desk-{name}.png"), full_page=True)


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [
        (language, width, scheme)
        for language in RELEASED
        for width, scheme in (SCREENS if language in EVERY_SCREEN else (SCREENS[0], SCREENS[-1]))
    ],
)
def test_axe_finds_nothing_wrong_at_the_desk(
    browser: Browser, running_hub: RunningHub, world: World, sent: list[Sent], language: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        base_url=running_hub.address,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page, found = context.new_page(), []

    def look(name: str) -> None:
        page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
        result = Axe().run(page)
        if result.violations_count:
            found.append(f"{name}: {result.generate_report()}")
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append(f"{name}: wider than the screen")
        shoot(page, f"{name}-{language}-{width}-{scheme}")

    page.goto(f"/desk/sign-in?lang={language}")
    look("sign-in")
    signed_in(running_hub, world, context)
    case = f"/desk/case/{sent[0].case_id}"
    for name, address in (
        ("cases", "/desk"),
        ("case", case),
        ("setup", "/desk/setup"),
        ("statement", "/desk/statement"),
        ("officers", "/desk/officers"),
        ("news", "/desk/news"),
        ("figures", "/desk/figures"),
        ("trail", "/desk/trail"),
        ("account", "/desk/account"),
        ("gone", "/desk/case/none"),
    ):
        page.goto(f"{address}?lang={language}")
        look(name)
    page.goto(f"/desk/officers?lang={language}")
    page.locator("form[action*='/desk/officers/leave'] button").first.click()
    look("leave")
    page.goto(f"/desk/setup?lang={language}")
    page.locator("form[action*='/desk/recovery-key/new'] button").click()
    look("recovery-key")
    context.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", RELEASED)
def test_the_poster_of_a_desk_is_one_sheet(
    browser: Browser, running_hub: RunningHub, world: World, language: str
) -> None:
    page = browser.new_page(base_url=running_hub.address)
    page.goto(f"/report/desk/bologna?lang={language}")
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) == 1
    page.close()


@pytest.mark.parametrize("language", RELEASED)
def test_nothing_in_the_header_lies_on_something_else_on_a_phone(
    browser: Browser, running_hub: RunningHub, world: World, language: str
) -> None:
    context = browser.new_context(base_url=running_hub.address, viewport={"width": 360, "height": 740})
    signed_in(running_hub, world, context)
    page = context.new_page()
    page.goto(f"/desk?lang={language}")
    boxes = page.evaluate(
        "[...document.querySelectorAll('.top-row .brand span, .top-row summary, .top-row button')]"
        ".map(each => each.getBoundingClientRect()).map(box => [box.left, box.right]).sort((a, b) => a[0] - b[0])"
    )
    assert all(before[1] <= after[0] for before, after in pairwise(boxes)), boxes
    context.close()


def test_a_desk_is_set_up_and_answers_without_scripts(browser: Browser, running_hub: RunningHub, world: World) -> None:
    hub = running_hub.hub

    async def invite() -> str:
        async with hub.database.session() as session:
            await create_desk(session, "torino", "Torino", kind=DeskKind.ASSOCIATION, clock=hub.clock)
            return await create_officer(session, "torino", login="eva", name="Eva", clock=hub.clock)

    def code(page: Page, secret: str) -> None:
        world.clock.at += timedelta(seconds=30)
        page.get_by_label("Code from your app").fill(pyotp.TOTP(secret).at(world.clock.at))

    def join(page: Page, link: str) -> str:
        page.goto(link)
        page.get_by_label("New password", exact=True).fill(PASSWORD)
        page.get_by_label("New password once more").fill(PASSWORD)
        page.get_by_role("button", name="Next").click()
        expect(page.get_by_role("img", name="QR code")).to_be_visible()
        secret = page.locator(".key").inner_text().replace(" ", "")
        shoot(page, "totp")
        code(page, secret)
        page.get_by_role("button", name="Join the desk").click()
        return secret

    first, second = (
        browser.new_context(
            base_url=running_hub.address,
            java_script_enabled=False,
            viewport={"width": 360, "height": 740},
            locale="en-GB",
        )
        for _ in range(2)
    )
    eva, fred = first.new_page(), second.new_page()
    join(eva, f"/desk/invitation/{running_hub.run(invite())}")
    key = eva.locator(".key").inner_text()
    eva.get_by_label("The key, from your paper").fill(key)
    eva.get_by_role("button", name="I have it on paper").click()
    eva.goto("/desk/officers")
    eva.get_by_label("Name", exact=True).fill("Fred")
    eva.get_by_label("Login name").fill("fred")
    eva.get_by_role("button", name="Make an invitation").click()
    secret = join(fred, re.findall(r"/desk/invitation/\S+", eva.locator(".key").inner_text())[0])
    expect(fred.get_by_role("heading", name="A colleague must let you in")).to_be_visible()
    eva.goto("/desk/officers")
    eva.get_by_role("button", name="Let in Fred").click()
    eva.goto("/desk/statement")
    for label, text in (
        ("Who answers", "Torino"),
        ("Contact for data", "p@t.example"),
        ("Legal basis", "Law 1"),
        ("Days for which", "365"),
        ("Days until", "14"),
    ):
        eva.get_by_label(label).fill(text)
    eva.get_by_label("No law makes").check()
    eva.get_by_role("button", name="Save").click()
    eva.get_by_role("button", name="Open the desk").click()
    expect(eva.get_by_text("The desk is open.")).to_be_visible()

    case = running_hub.run(world.send("torino"))
    fred.get_by_role("link", name="Look again").click()
    fred.get_by_role("link", name="Housing").click()
    fred.get_by_label("Your message").fill("We can help you.")
    fred.get_by_text("Add a date, a place or a deadline").click()
    fred.get_by_label("Which sentence").first.select_option("next_message")
    fred.get_by_label("Day").first.fill("2026-12-24")
    fred.get_by_role("button", name="Send to the reporter").click()
    expect(fred.get_by_text("Your message is sent.")).to_be_visible()
    assert hub.cases is not None
    told = running_hub.run(hub.cases.open(case.receipt, source="x", language="fr"))
    assert "24 décembre 2026" in told.messages[-1].text

    fred.get_by_role("button", name="Sign out").click()
    fred.get_by_label("Login name").fill("fred")
    fred.get_by_label("Password").fill(PASSWORD)
    code(fred, secret)
    fred.get_by_role("button", name="Sign in").click()
    expect(fred.get_by_role("heading", name="Cases")).to_be_visible()
    first.close()
    second.close()
