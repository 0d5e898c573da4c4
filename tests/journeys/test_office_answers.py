"""The missing answer in Chromium: asked in vain, written in the form, published, asked again and answered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from core.clock import FixedClock
from knowledge.written.service import list_answers, withdraw_answer
from tests.journeys.conftest import RunningHub
from tests.journeys.test_accessibility import Scheme
from tests.journeys.test_office import clock, join  # noqa: F401  (a fixture)

SHOTS = os.environ.get("OFFICE_SHOTS")
"""A folder for pictures of every page, to be looked at."""


@pytest.fixture(autouse=True)
def nothing_stays(running_hub: RunningHub) -> Iterator[None]:
    """The hub and its knowledge are shared by all journeys."""
    yield
    hub = running_hub.hub

    async def take_away() -> None:
        async with hub.database.session() as session:
            for whole in await list_answers(session):
                await withdraw_answer(session, whole.answer.id, by="x", clock=hub.clock)
            await session.commit()
            assert hub.answers is not None
            await hub.answers.refresh(session)

    running_hub.run(take_away())


def look(page: Page, name: str, found: list[str]) -> None:
    """What axe-core has against the page, whether it is too wide, and a picture where one is wanted."""
    page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
    result = Axe().run(page)
    if result.violations_count:
        found.append(f"{name}: {result.generate_report()}")
    if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        found.append(f"{name}: wider than the screen")
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"answers-{name}.png"), full_page=True)


def ask(page: Page, question: str, *, script: bool) -> None:
    page.goto("/")
    page.locator("#input").fill(question)
    page.get_by_role("button", name="Send").click()
    if script:
        expect(page.locator(".message.theirs").last).to_be_visible()


@pytest.mark.parametrize(("script", "width", "scheme"), [(True, 1280, "light"), (False, 360, "dark")])
def test_what_people_did_not_find_is_written_and_the_assistant_knows_it(
    browser: Browser,
    running_hub: RunningHub,
    clock: FixedClock,  # noqa: F811
    script: bool,
    width: int,
    scheme: Scheme,
) -> None:
    thing = "old bikes" if script else "night buses"
    question = f"Does the network lend {thing} to cities?"
    context = browser.new_context(
        base_url=running_hub.address,
        viewport={"width": width, "height": 800},
        java_script_enabled=script,
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
    )
    context.set_default_timeout(8000)
    page = context.new_page()
    found: list[str] = []

    ask(page, question, script=script)
    expect(page.locator(".message.theirs").last).not_to_contain_text("ICC team wrote")
    running_hub.run(running_hub.hub.conversations.wait_for_background())

    join(page, running_hub, clock, f"answers-{width}@example.org")
    page.goto("/office/questions/unanswered")
    page.get_by_role("checkbox", name=thing).check()
    if script:
        look(page, "unanswered", found)
    page.get_by_role("button", name="An entry answers it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Which entry answers this?")
    page.get_by_label("Search for an entry").fill("index")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("button", name="This entry answers it: ").first).to_be_visible()
    if script:
        look(page, "choose", found)
    page.get_by_role("link", name="Write the answer.").click()
    assert question.lower() in page.locator("#examples").input_value().lower()
    page.locator("#title").fill(f"Lending {thing}")
    page.locator("#text").fill(f"The network lends no {thing}.\n\nAsk your region.")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("alert")).to_contain_text("The hub says nothing without a source.")
    if script:
        look(page, "form-errors", found)
    page.locator("#source").fill("Rules of the network, section 2")
    page.locator("#as_of").fill("2026-03-01")
    page.locator("#examples").fill(f"{question}\nCan we borrow {thing}?\n{thing} for our city")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status")).to_contain_text("Published.")
    if script:
        look(page, "published", found)
    page.goto("/office/answers")
    expect(page.locator("main")).to_contain_text("still learning to understand other words")
    if script:
        look(page, "list", found)
    page.goto("/office/questions/unanswered")
    expect(page.locator("main")).not_to_contain_text(thing)

    ask(page, f"can we borrow {thing.upper()}", script=script)
    answer = page.locator(".message.theirs").last
    for part in (f"Lending {thing}", f"The network lends no {thing}.", "An answer written by the ICC team."):
        expect(answer).to_contain_text(part)
    expect(answer).to_contain_text("Rules of the network, section 2")
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"answers-chat-{width}.png"))
    page.goto(f"/entry/answer/{f'Lending {thing}'.lower().replace(' ', '-')}")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Lending {thing}")
    if script:
        look(page, "entry", found)
    context.close()
    assert found == []


def test_axe_finds_nothing_wrong_in_arabic_on_a_phone(
    browser: Browser,
    running_hub: RunningHub,
    clock: FixedClock,  # noqa: F811
) -> None:
    context = browser.new_context(base_url=running_hub.address, viewport={"width": 360, "height": 740}, locale="en-GB")
    context.set_default_timeout(8000)
    page = context.new_page()
    found: list[str] = []
    join(page, running_hub, clock, "answers-arabic@example.org")
    page.goto("/office/answers/new?lang=ar")
    page.locator("#language").select_option("ar")
    page.locator("#title").fill("من يدفع أجرة المترجمين؟")
    page.locator("main form.card button").last.click()
    expect(page.get_by_role("status")).to_be_visible()
    look(page, "arabic-form", found)
    page.goto("/office/answers?lang=ar")
    look(page, "arabic-list", found)
    context.close()
    assert found == []
