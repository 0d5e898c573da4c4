"""A report in another language as an officer sees it in Chromium: the original, and what a machine made of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from core.clock import FixedClock
from tests.journeys.conftest import RunningHub
from tests.journeys.test_accessibility import Scheme
from tests.journeys.test_desk import signed_in
from tests.reports.world import World
from tests.tiny_packages import install_tiny_packages

SHOTS = os.environ.get("DESK_SHOTS")
STORY = """Mon propriétaire m'a refusé l'appartement à cause de mon nom. C'est arrivé le 3 mars 2026 à Genève.

J'ai rappelé avec un autre nom, et l'appartement était libre. Je veux que quelqu'un m'aide."""
MEANT = "My landlord refused me the flat because of my name. It happened on March 3, 2026 in Geneva."


@pytest.fixture(scope="module")
def world(running_hub: RunningHub) -> Iterator[World]:
    """An open desk, in a hub with packages."""
    clock = running_hub.hub.clock
    assert isinstance(clock, FixedClock)
    before = clock.at
    install_tiny_packages(running_hub.hub.settings.translation_dir)
    world = World(running_hub.hub.database, clock)
    running_hub.run(world.make_desk("translated", "anna@translated", "bruno@translated"))
    yield world
    clock.at = before
    shutil.rmtree(running_hub.hub.settings.translation_dir)


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_an_officer_sees_the_original_and_a_marked_translation(
    browser: Browser, running_hub: RunningHub, world: World, width: int, scheme: Scheme
) -> None:
    sent = running_hub.run(world.send("translated", story=STORY, story_language="fr", language="fr"))
    context = browser.new_context(
        base_url=running_hub.address, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    signed_in(running_hub, world, context, "anna@translated")
    page = context.new_page()
    page.goto(f"/desk/case/{sent.case_id}?lang=en")
    story = page.locator("section[aria-labelledby=story]")
    expect(story.locator("[lang=fr]")).to_contain_text("Mon propriétaire m'a refusé")
    expect(story.locator(".translation")).to_contain_text(MEANT)
    expect(story.locator(".translation")).to_contain_text(running_hub.hub.wording.texts.get("desk.case.machine", "en"))
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"translation-{width}.png"), full_page=True)
    context.close()
