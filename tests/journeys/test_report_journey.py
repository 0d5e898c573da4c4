"""The web door on the real parts: told in Chromium, sealed, answered by an officer, read again with the code."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect
from pydantic import SecretStr

from app import build_app, build_hub
from conversation.replies import Wording
from core.clock import FixedClock
from core.languages import RELEASED
from core.settings import Settings
from reports.cases import OpenCase, list_cases, read_case
from reports.casework import reply
from reports.contents import Translation
from tests.conftest import NOW
from tests.fakes import FakeAssistant
from tests.journeys.serving import Served, serving
from tests.reports.world import World
from web.state import Hub

STORY = "Wortmarke: the landlord said, no foreigners here. علامة"
ANSWER = "Abbiamo scritto al proprietario."
MARKS = ("Wortmarke", "علامة", "proprietario", "Rechtsanwalt")
"""Words that may stand nowhere in clear."""


@dataclass
class RealHub:
    """A hub with its real intake, a desk for Bologna and two officers."""

    served: Served
    hub: Hub
    world: World
    folder: Path

    @property
    def clock(self) -> FixedClock:
        return self.world.clock

    def text(self, key: str, language: str) -> str:
        return self.hub.wording.texts.get(key, language)

    def only_case(self) -> OpenCase:
        """What the officer reads."""

        async def read() -> OpenCase:
            signed_in = await self.world.sign_in("anna@bologna")
            async with self.hub.database.session() as session:
                [summary] = await list_cases(session, signed_in, clock=self.clock)
            async with self.hub.database.session() as session:
                return await read_case(session, signed_in, summary.id, clock=self.clock)

        return self.served.run(read())

    def answer(self, case_id: str) -> None:
        async def write() -> None:
            signed_in = await self.world.sign_in("anna@bologna")
            translations = {"en": Translation(text="We have written to the landlord.")}
            async with self.hub.database.session() as session:
                await reply(
                    session,
                    signed_in,
                    case_id,
                    text=ANSWER,
                    language="it",
                    clock=self.clock,
                    translations=translations,
                )

        self.served.run(write())

    def stored(self) -> bytes:
        """Every byte in the data folder."""
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def real_hub(wording: Wording, tmp_path: Path) -> Iterator[RealHub]:
    settings = Settings(_env_file=None, data_dir=tmp_path, secret_key=SecretStr("only-for-tests"))
    clock = FixedClock(NOW)
    hub = build_hub(settings, clock=clock, assistant=FakeAssistant(wording), wording=wording)
    with serving(build_app(settings, hub=hub), hub.database) as served:
        world = World(hub.database, clock)
        served.run(world.make_desk())
        yield RealHub(served, hub, world, tmp_path)


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def context(request: pytest.FixtureRequest, browser: Browser, real_hub: RealHub) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=real_hub.served.address,
        java_script_enabled=request.param,
        viewport={"width": 360, "height": 740},
        locale="en-GB",
    )
    context.set_default_timeout(15000)
    yield context
    context.close()


def photo() -> FilePayload:
    out = io.BytesIO()
    Image.effect_noise((64, 64), 80).convert("RGB").save(out, "JPEG", exif=_exif())
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Rechtsanwalt Camera"
    return exif


def press(page: Page, value: str) -> None:
    """Press a button and wait for the page that it leads to."""
    page.evaluate("document.body.dataset.isOld = 1")
    page.locator(f'main button[value="{value}"]').first.click()
    expect(page.locator("body:not([data-is-old]) h1")).to_be_visible(timeout=15000)


def asked(page: Page) -> str:
    return page.locator('form#step input[name="step"]').input_value()


def tell(page: Page, language: str) -> str:
    """A whole report up to the question whether to send it; returns the receipt."""
    receipt = ""
    page.goto(f"/report?lang={language}")
    press(page, "begin")
    for _ in range(40):
        step = asked(page)
        if step == "send":
            return receipt
        match step:
            case "safe":
                page.locator('[value="yes"]').check()
                press(page, "answer")
            case "minor" | "about_city":
                page.locator('[value="no"]').check()
                press(page, "answer")
            case "where":
                page.locator("#text").fill("Bologna")
                press(page, "answer")
            case "desk":
                page.locator('[value="bologna"]').check()
                press(page, "answer")
            case "consent":
                page.locator('[value="agree"]').check()
                press(page, "answer")
            case "story":
                page.locator("#text").fill(STORY)
                press(page, "answer")
            case "grounds":
                page.locator('[value="origin"]').check()
                page.locator('[value="religion"]').check()
                press(page, "answer")
            case "keep_out":
                press(page, "answer")
            case "evidence":
                page.set_input_files("#files", [photo()])
                press(page, "add")
                expect(page.locator(".taken")).to_contain_text("photo.jpg")
                press(page, "next")
            case "review":
                expect(page.locator(".review")).to_contain_text(STORY)
                press(page, "next")
            case "receipt":
                receipt = page.locator(".code").inner_text()
                page.locator("#text").fill(receipt.replace(" ", "").strip()[-5:])
                press(page, "answer")
            case _:
                press(page, "skip" if page.locator('main [value="skip"]').count() else "answer")
        assert page.locator("[data-problem]").count() == 0, (step, page.locator("main").inner_text())
    raise AssertionError(f"never came to the end, but to {asked(page)}")


@pytest.mark.parametrize("language", RELEASED)
def test_a_report_is_told_read_answered_and_taken_back(
    context: BrowserContext, real_hub: RealHub, language: str, caplog: pytest.LogCaptureFixture
) -> None:
    page = context.new_page()
    with caplog.at_level(logging.DEBUG):
        receipt = tell(page, language)
        assert len(receipt.split()) == 5
        press(page, "send")
    expect(page.locator("h1")).to_have_text(real_hub.text("report.step.done.title", language))

    case = real_hub.only_case()
    assert case.summary.report.story == STORY
    assert case.summary.report.language == language
    assert set(case.summary.report.grounds) == {"origin", "religion"}
    assert [note.name for note in case.summary.report.files] == ["photo.jpg"]
    real_hub.answer(case.summary.id)

    page.goto(f"/report/return?lang={language}")
    page.locator("#code").fill(receipt.replace(" ", "-"))
    press(page, "open")
    expect(page.locator(".thread")).to_contain_text(STORY)
    shown = ANSWER if language != "en" else "We have written to the landlord."
    expect(page.locator(".post.theirs .words")).to_have_text(shown)
    if language == "en":
        expect(page.locator(".post.theirs details")).to_contain_text(ANSWER)
    page.locator("#text").fill("Rechtsanwalt: thank you")
    press(page, "add")
    expect(page.locator(".thread")).to_contain_text("Rechtsanwalt: thank you")
    assert [entry.text.text for entry in real_hub.only_case().entries][-1] == "Rechtsanwalt: thank you"

    assert b"bologna" in real_hub.stored()
    for mark in MARKS:
        assert mark.encode() not in real_hub.stored()
        assert mark not in caplog.text
    assert receipt.replace(" ", "").encode() not in real_hub.stored()

    for step in ("withdraw", "sure", "delete"):
        press(page, step)
    expect(page.locator("h1")).to_have_text(real_hub.text("report_page.withdraw.done", language))
    page.goto("/report/return")
    page.locator("#code").fill(receipt)
    press(page, "open")
    expect(page.locator("#code-wrong")).to_have_text(real_hub.text("error.receipt_unknown", "en"))
    assert context.cookies() == []


def test_the_code_on_a_desks_door_offers_that_desk(context: BrowserContext, real_hub: RealHub) -> None:
    page = context.new_page()
    page.goto("/report/desk/bologna")
    press(page, "begin")
    for _ in range(8):
        if asked(page) == "desk":
            break
        page.locator("#text").fill("Bologna") if asked(page) == "where" else None
        press(page, "answer" if asked(page) == "where" else "skip")
    expect(page.locator('[value="bologna"]')).to_be_checked()


def test_a_paused_report_goes_on_in_another_browser(context: BrowserContext, real_hub: RealHub) -> None:
    page = context.new_page()
    page.goto("/report")
    press(page, "begin")
    press(page, "skip")
    press(page, "skip")
    page.locator("#text").fill("Reggio Emil")
    press(page, "pause")
    code = page.locator(".code").inner_text()
    page.goto("about:blank")
    page.goto("/report")
    page.locator(".resume summary").click()
    page.locator("#code").fill(code)
    press(page, "resume")
    assert asked(page) == "where"
    expect(page.locator("#text")).to_have_value("Reggio Emil")
