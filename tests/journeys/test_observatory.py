"""The page of figures in a browser: read, filtered, without scripts, and looked at by axe-core."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from core.languages import RELEASED
from tests.journeys.conftest import RunningHub
from tests.journeys.test_accessibility import EVERY_SCREEN, SCREENS, Scheme
from tests.reports.samples import fill_observatory


@pytest.fixture(scope="module")
def figures(running_hub: RunningHub) -> RunningHub:
    running_hub.run(fill_observatory(running_hub.hub.database))
    return running_hub


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [
        (language, width, scheme)
        for language in RELEASED
        for width, scheme in (SCREENS if language in EVERY_SCREEN else (SCREENS[0], SCREENS[-1]))
    ],
)
def test_axe_finds_nothing_wrong_with_figures(
    browser: Browser, figures: RunningHub, language: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        base_url=figures.address, viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    page, found = context.new_page(), []
    for query in ("year=all", "of=desk/alpha", "of=desk/gamma"):
        page.goto(f"/observatory?{query}&lang={language}")
        for details in page.locator("details.more > summary").all():
            details.click()
        result = Axe().run(page)
        if result.violations_count:
            found.append(f"{query}: {result.generate_report()}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), query
    context.close()
    assert not found, "\n".join(found)


def test_figures_are_chosen_and_read_without_scripts(browser: Browser, figures: RunningHub) -> None:
    context = browser.new_context(
        base_url=figures.address, java_script_enabled=False, viewport={"width": 360, "height": 740}
    )
    page = context.new_page()
    page.goto("/observatory?lang=en")
    page.get_by_label("Whose figures").select_option(label="Alpha desk")
    page.get_by_label("Year").select_option("2025")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Alpha desk · 2025")).to_be_visible()
    expect(page.get_by_role("table", name="In numbers: Area of life", exact=True).get_by_role("row")).to_have_count(15)
    expect(page.locator("svg.bars rect").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Table (CSV)").click()
    assert download.value.suggested_filename == "reports.csv"
    context.close()
