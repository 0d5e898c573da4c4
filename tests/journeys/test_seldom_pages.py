"""Pages that are seldom opened, looked at by axe-core in every language: posters, invitations, waiting, empty forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from core.clock import FixedClock
from core.languages import RELEASED
from identity.operator_session import LinkKind, issue_link
from identity.operators import OperatorRole, create_operator
from reports.officers import create_officer
from subscriptions.confirmation import Purpose, issue
from subscriptions.links import Links
from tests.factories import make_event, make_subscriber
from tests.journeys.conftest import RunningHub
from tests.journeys.test_office import join
from tests.reports.world import World

type Look = Callable[[str], None]


@pytest.fixture
def clock(running_hub: RunningHub) -> Iterator[FixedClock]:
    clock = running_hub.hub.clock
    assert isinstance(clock, FixedClock)
    before = clock.at
    yield clock
    clock.at = before


@pytest.fixture(scope="module")
def world(running_hub: RunningHub) -> Iterator[World]:
    """An open desk of its own; a third officer waits to be let in."""
    clock = running_hub.hub.clock
    assert isinstance(clock, FixedClock)
    before = clock.at
    world = World(running_hub.hub.database, clock)
    running_hub.run(world.make_desk("pescara", "gina@pescara", "ugo@pescara"))
    running_hub.run(world.join("pescara", "nora@pescara"))
    yield world
    clock.at = before


@pytest.fixture
def page(browser: Browser, running_hub: RunningHub) -> Iterator[Page]:
    context = browser.new_context(
        base_url=running_hub.address, viewport={"width": 360, "height": 800}, reduced_motion="reduce"
    )
    context.set_default_timeout(8000)
    yield context.new_page()
    context.close()


@pytest.fixture(params=RELEASED)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def look(page: Page, language: str) -> Look:
    """Go there, and look at it light on a phone and dark on a desk."""

    def look(address: str) -> None:
        page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert address.partition("?")[0] in page.url, "led somewhere else"
        page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme="light" if width == 360 else "dark")
            result = Axe().run(page)
            assert result.violations_count == 0, result.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the screen"

    return look


def sign_in(running_hub: RunningHub, world: World, page: Page, login: str) -> None:
    running_hub.run(world.sign_in(login))
    page.context.add_cookies(
        [
            {
                "name": "desk",
                "value": world.people[login].token,
                "domain": "127.0.0.1",
                "path": "/desk",
                "sameSite": "Strict",
                "httpOnly": True,
            }
        ]
    )


@pytest.mark.usefixtures("world")
def test_the_page_behind_a_desks_qr_code(look: Look) -> None:
    look("/report/desk/pescara")


def test_invitations_and_waiting_at_a_desk(running_hub: RunningHub, world: World, page: Page, look: Look) -> None:
    async def invite() -> str:
        async with running_hub.hub.database.session() as session:
            login = f"eva{world.clock.now().timestamp()}"
            return await create_officer(session, "pescara", login=login, name="Eva", clock=world.clock)

    world.clock.at += timedelta(seconds=30)
    invitation = running_hub.run(invite()).rpartition("/")[2]
    look(f"/desk/invitation/{invitation}")
    sign_in(running_hub, world, page, "nora@pescara")
    look("/desk/waiting")


def test_closing_a_period_of_a_desk(
    running_hub: RunningHub, world: World, clock: FixedClock, page: Page, look: Look, language: str
) -> None:
    # Each code counts once.
    clock.at += timedelta(days=200, minutes=RELEASED.index(language))
    sign_in(running_hub, world, page, "gina@pescara")
    page.goto("/desk/figures")
    address = page.locator("a[href*='/desk/figures/close']").first.get_attribute("href")
    assert address is not None
    look(f"/desk/figures/close?{address.partition('?')[2].replace('lang', 'before')}")


def test_the_door_and_the_forms_of_the_back_office(
    running_hub: RunningHub, clock: FixedClock, page: Page, look: Look, language: str
) -> None:
    hub = running_hub.hub

    async def prepare() -> tuple[str, str, str]:
        async with hub.database.session() as session:
            operator = await create_operator(
                session,
                email=f"seldom-{language}@example.org",
                name="Vera",
                role=OperatorRole.ADMINISTRATOR,
                clock=clock,
            )
            token = await issue_link(session, operator.id, LinkKind.SIGN_IN, clock=clock)
            starts_at = clock.now() + timedelta(days=9)
            event = await make_event(session, starts_at=starts_at, ends_at=starts_at + timedelta(hours=2))
            return operator.id, token, event.id

    operator, token, event = running_hub.run(prepare())
    look(f"/office/enter/{token}")
    join(page, running_hub, clock, f"vera-{language}@example.org")
    look(f"/office/operators/{operator}")
    look("/office/answers/choose")
    look("/office/events/new")
    look(f"/office/events/{event}/edit")


def test_the_own_city_of_a_person(running_hub: RunningHub, clock: FixedClock, page: Page, look: Look) -> None:
    async def prepare() -> str:
        async with running_hub.hub.database.session() as session:
            person = await make_subscriber(session, city="it-bari", is_mandatory_contact=True)
            links = Links("only-for-tests")
            return (await issue(session, person.id, Purpose.PREFERENCES, links=links, clock=clock)).token

    token = running_hub.run(prepare())
    look(f"/preferences/enter/{token}")
    page.locator("main .primary").click()
    expect(page).to_have_url(re.compile(r"/preferences(\?|$)"))
    look("/preferences/own-city")
