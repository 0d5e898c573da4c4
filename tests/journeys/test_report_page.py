"""The report's pages in Chromium: every kind of screen, with and without a script, right to left, by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, Request, expect
from pydantic import SecretStr

from app import build_app, build_hub
from channels.forms import CaseMessage, ShownFile
from conversation.replies import Wording
from core.clock import FixedClock
from core.settings import Settings
from tests.conftest import NOW
from tests.fakes import FakeAssistant
from tests.journeys.serving import serving
from tests.web.fake_form import STEPS, FakeCases, FakeForm
from web.state import Hub

type Scheme = Literal["light", "dark"]

STORY = "The landlord said: no foreigners."
JPEG: FilePayload = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8" + b"x" * 2000}


@dataclass
class ReportHub:
    """A hub with stand-ins for the guided report and the return."""

    address: str
    hub: Hub
    form: FakeForm
    cases: FakeCases
    assistant: FakeAssistant

    def text(self, key: str, language: str = "en", **values: Any) -> str:
        return self.hub.wording.texts.get(f"report_page.{key}", language, **values)


@pytest.fixture(scope="module")
def report_hub(wording: Wording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReportHub]:
    settings = Settings(
        _env_file=None, data_dir=tmp_path_factory.mktemp("reports"), secret_key=SecretStr("only-for-tests")
    )
    assistant = FakeAssistant(wording)
    form, cases = FakeForm(), FakeCases()
    built = build_hub(settings, clock=FixedClock(NOW), assistant=assistant, wording=wording)
    hub = replace(built, form=form, cases=cases)
    with serving(build_app(settings, hub=hub), hub.database) as served:
        yield ReportHub(served.address, hub, form, cases, assistant)


@pytest.fixture(autouse=True)
def afresh(report_hub: ReportHub) -> None:
    """Stand-ins without a past."""
    report_hub.form.__init__()  # type: ignore[misc]
    report_hub.cases.__init__()  # type: ignore[misc]


@pytest.fixture
def context(browser: Browser, report_hub: ReportHub) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=report_hub.address, viewport={"width": 360, "height": 740}, locale="en-GB")
    context.set_default_timeout(8000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, report_hub: ReportHub) -> Iterator[Page]:
    """A tab that fails the test when a page breaks its policy, throws, or asks another machine for anything."""
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if "Content Security" in message.text else None)
    own = report_hub.address + "/"
    page.on("request", lambda request: None if request.url.startswith(own) else troubles.append(request.url))
    yield page
    assert troubles == []


def press(page: Page, value: str) -> None:
    """Press a button and wait for the page that it leads to."""
    page.evaluate("document.body.dataset.isOld = 1")
    page.locator(f'main button[value="{value}"]').first.click()
    expect(page.locator("body:not([data-is-old]) h1")).to_be_visible()


def open_page(page: Page, address: str) -> None:
    """As in a fresh tab: an entry of the history that has a report open would find it again."""
    page.goto("about:blank")
    page.goto(address)


def answer(page: Page, step: str) -> None:
    """Answer the step that is open, in the shortest way."""
    screen = next(screen for screen in STEPS if screen.step == step)
    if step == "story":
        page.locator("#text").fill(STORY)
    elif len(screen.choices) > 1 and step != "receipt":
        page.locator("#choice-1").check()
    elif step == "where":
        page.locator("#text").fill("Bologna")
    press(page, {"receipt": "kept", "evidence": "next", "review": "next", "send": "send"}.get(step, "answer"))


def go_to(page: Page, step: str, *, language: str = "en") -> None:
    open_page(page, f"/report?lang={language}")
    press(page, "begin")
    for screen in STEPS:
        expect(page.locator('input[name="step"]')).to_have_value(screen.step)
        if screen.step == step:
            return
        answer(page, screen.step)


def with_an_error(page: Page, language: str) -> None:
    go_to(page, "safe", language=language)
    press(page, "answer")


def on_an_old_page(page: Page, language: str) -> None:
    go_to(page, "story", language=language)
    page.evaluate("document.querySelector('[name=version]').value = 0")
    page.locator("#text").fill(STORY)
    press(page, "answer")


def with_files(page: Page, language: str) -> None:
    go_to(page, "evidence", language=language)
    page.set_input_files("#files", [JPEG])
    press(page, "add")


def at_pause(page: Page, language: str) -> None:
    go_to(page, "story", language=language)
    press(page, "pause")


def withdrawing(page: Page, language: str) -> None:
    go_to(page, "story", language=language)
    press(page, "withdraw")


def at_the_end(page: Page, language: str) -> None:
    go_to(page, "send", language=language)
    press(page, "send")


def with_a_wrong_pause_code(page: Page, language: str) -> None:
    open_page(page, f"/report?lang={language}")
    page.locator(".resume summary").click()
    page.locator("#code").fill("123")
    press(page, "resume")


def with_menus_open(page: Page, language: str) -> None:
    go_to(page, "where", language=language)
    page.locator(".languages summary").click()


def in_the_case(page: Page, language: str, *, code: str = FakeCases().receipt) -> None:
    open_page(page, f"/report/return?lang={language}")
    page.locator("#code").fill(code)
    press(page, "open")


def in_the_case_without_a_word(page: Page, language: str) -> None:
    in_the_case(page, language)
    press(page, "add")


def taking_it_back(page: Page, language: str) -> None:
    in_the_case(page, language)
    press(page, "withdraw")


def taken_back(page: Page, language: str) -> None:
    taking_it_back(page, language)
    press(page, "sure")
    press(page, "delete")


def at(address: str) -> Callable[[Page, str], None]:
    return lambda page, language: open_page(page, f"{address}?lang={language}")


def step(name: str) -> Callable[[Page, str], None]:
    return lambda page, language: go_to(page, name, language=language)


STATES: dict[str, Callable[[Page, str], None]] = {
    "landing": at("/report"),
    "left": at("/report/leave"),
    **{screen.step: step(screen.step) for screen in STEPS},
    "error": with_an_error,
    "old-page": on_an_old_page,
    "files": with_files,
    "paused": at_pause,
    "withdraw": withdrawing,
    "menus": with_menus_open,
    "wrong-pause-code": with_a_wrong_pause_code,
    "done": at_the_end,
    "return": at("/report/return"),
    "return-wrong": lambda page, language: in_the_case(page, language, code="123"),
    "case": in_the_case,
    "case-empty": in_the_case_without_a_word,
    "case-withdraw": taking_it_back,
    "case-withdrawn": taken_back,
}


@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [
        ("en", 360, "light"),
        ("en", 360, "dark"),
        ("en", 1280, "light"),
        ("fr", 360, "light"),
        ("it", 1280, "dark"),
        ("ar", 360, "light"),
        ("ar", 1280, "dark"),
    ],
)
def test_axe_finds_nothing_wrong(
    browser: Browser, report_hub: ReportHub, language: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        base_url=report_hub.address,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page, found = context.new_page(), []
    for name, act in STATES.items():
        report_hub.cases.__init__()  # type: ignore[misc]
        act(page, language)
        result = Axe().run(page)
        if result.violations_count:
            found.append(f"{name}: {result.generate_report()}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            found.append(f"{name}: {wide} pixels too wide")
    report_hub.form.letter = True
    at_the_end(page, language)
    result = Axe().run(page)
    if result.violations_count:
        found.append(f"letter: {result.generate_report()}")
    context.close()
    assert not found, "\n".join(found)


def test_a_whole_report_and_the_return_without_a_script(browser: Browser, report_hub: ReportHub) -> None:
    """As in Tor Browser at its safest: no script; and no cookie is ever set."""
    context = browser.new_context(base_url=report_hub.address, java_script_enabled=False)
    page = context.new_page()
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    page.on("request", note)
    go_to(page, "receipt")
    assert not page.locator("[data-copy]").first.is_visible()
    answer(page, "receipt")
    answer(page, "send")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your report is sent")
    assert report_hub.form.sent[0].answers["story"].text == STORY
    in_the_case(page, "en")
    page.locator("#text").fill("Any news?")
    press(page, "add")
    expect(page.locator(".thread")).to_contain_text("Any news?")
    page.locator(".leave").click()
    expect(page).to_have_url(f"{report_hub.address}/catalogue?kind=tool&plain=1&lang=en")
    assert context.cookies() == []
    assert {request.url.split("?")[0] for request in asked if request.method == "POST"} == {
        f"{report_hub.address}/report",
        f"{report_hub.address}/report/return",
    }
    assert not [request for request in asked if request.headers.get("referer")]
    context.close()


def test_a_whole_report_by_keyboard(page: Page, report_hub: ReportHub) -> None:
    page.goto("/report")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "leave"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#begin").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Are you safe now?")
    page.locator("#choice-1").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("People who can help now")
    assert report_hub.form.taken[-1].values == ("no",)


def test_an_error_is_heard_at_once_and_leads_to_its_field(page: Page, report_hub: ReportHub) -> None:
    with_an_error(page, "en")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    step = report_hub.text("step.number", number=1)
    assert report_hub.text("problem.title", page=step) in page.title()
    page.get_by_role("link", name="Please choose one.").click()
    assert page.evaluate("document.activeElement.id") == "choice-1"
    expect(page).to_have_url(f"{report_hub.address}/report?lang=en")


def test_the_whole_card_of_a_choice_can_be_pressed(page: Page) -> None:
    go_to(page, "desk")
    card = page.locator(".option").first.bounding_box()
    assert card is not None
    page.mouse.click(card["x"] + card["width"] - 12, card["y"] + card["height"] - 12)
    expect(page.locator("#choice-1")).to_be_checked()


def test_escape_pressed_three_times_leaves_and_back_does_not_lead_here(page: Page, report_hub: ReportHub) -> None:
    page.goto("/")
    page.evaluate("sessionStorage.setItem('icc-hub.conversation', 'x'); localStorage.setItem('icc-hub.waiting', 'x')")
    page.goto("/report")
    for left in (2, 1):
        page.keyboard.press("Escape")
        expect(page.locator("#leave-count")).to_have_text(report_hub.text("leave.more", count=left))
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{report_hub.address}/catalogue?kind=tool&plain=1")
    assert page.evaluate("[sessionStorage.length, localStorage.length]") == [0, 0]
    page.go_back()
    expect(page).to_have_url(f"{report_hub.address}/")


def test_escape_pressed_now_and_then_does_not_leave(page: Page) -> None:
    go_to(page, "story")
    for _ in range(4):
        page.keyboard.press("Escape")
        page.keyboard.press("a")
    expect(page.locator("h1")).to_have_text("What happened?")


def test_leaving_is_always_in_sight(page: Page, report_hub: ReportHub) -> None:
    for act in (at("/report"), step("desk"), step("review"), in_the_case):
        act(page, "en")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(page.locator(".leave")).to_be_in_viewport()


def test_a_file_that_is_too_large_is_said_before_it_is_sent(page: Page, report_hub: ReportHub) -> None:
    go_to(page, "evidence")
    page.evaluate("document.getElementById('files').dataset.each = 1000")
    page.set_input_files("#files", [JPEG])
    expect(page.locator("#files-problem")).to_have_text(report_hub.text("file.too_large", name="photo.jpg"))
    page.locator('main button[value="add"]').click()
    assert page.evaluate("document.activeElement.id") == "files"
    [draft] = report_hub.form.drafts.values()
    assert draft.files == []
    page.evaluate("document.getElementById('files').dataset.each = 100000")
    page.set_input_files("#files", [JPEG])
    press(page, "add")
    expect(page.locator(".taken")).to_contain_text("photo.jpg")


def test_a_double_click_answers_once(page: Page, report_hub: ReportHub) -> None:
    go_to(page, "where")
    page.locator("#text").fill("Bologna")
    page.locator('main button[value="answer"]').dblclick()
    expect(page.locator("h1")).to_have_text("Who should read it?")
    assert len([given for given in report_hub.form.taken if given.step == "where"]) == 1
    expect(page.locator("[data-problem]")).to_have_count(0)


def test_the_browsers_back_button_asks_the_question_before(page: Page, report_hub: ReportHub) -> None:
    page.goto("/")
    go_to(page, "story")
    answer(page, "story")
    page.locator("#choice-1").check()
    for step_before in ("story", "desk"):
        page.go_back()
        expect(page.locator('input[name="step"]')).to_have_value(step_before)
    answer(page, "desk")
    expect(page.locator("#text")).to_have_value(STORY)
    expect(page).to_have_url(f"{report_hub.address}/report?lang=en")


def test_back_from_the_first_question_leads_to_the_first_page_and_begin_goes_on(
    page: Page, report_hub: ReportHub
) -> None:
    go_to(page, "story")
    for _ in range(4):
        press(page, "back")
    page.go_back()
    expect(page.locator("#begin")).to_be_visible()
    press(page, "begin")
    expect(page.locator("#choice-1")).to_be_checked()
    assert len(report_hub.form.drafts) == 1


def test_a_page_that_the_phone_threw_away_finds_its_report_again(page: Page, report_hub: ReportHub) -> None:
    go_to(page, "story")
    answer(page, "story")
    page.reload()
    expect(page.locator('input[name="step"]')).to_have_value("grounds")
    page.go_back()
    expect(page.locator("#text")).to_have_value(STORY)
    assert len(report_hub.form.drafts) == 1


def test_the_browsers_history_holds_no_word_and_no_key_after_leaving(page: Page, report_hub: ReportHub) -> None:
    page.goto("/emergency")
    page.goto("/report")
    press(page, "begin")
    for screen in STEPS[:5]:
        answer(page, screen.step)
    page.locator(".leave").click()
    expect(page).to_have_url(f"{report_hub.address}/catalogue?kind=tool&plain=1&lang=en")
    page.go_back()
    expect(page).to_have_url(f"{report_hub.address}/emergency")
    page.go_forward()
    expect(page).to_have_url(f"{report_hub.address}/catalogue?kind=tool&plain=1&lang=en")
    page.go_forward()
    expect(page.locator("#begin")).to_be_visible()
    assert page.evaluate("history.state") is None


@pytest.mark.parametrize("way", ["pause", "send", "delete"])
def test_nothing_is_found_again_once_the_report_is_paused_sent_or_deleted(
    page: Page, report_hub: ReportHub, way: str
) -> None:
    go_to(page, "send")
    press(page, "withdraw" if way == "delete" else way)
    if way == "delete":
        press(page, "withdraw")
    expect(page.locator('input[name="step"]')).to_have_count(0)
    page.reload()
    expect(page.locator("#begin")).to_be_visible()


def test_without_a_connection_nothing_typed_is_lost(page: Page, context: BrowserContext, report_hub: ReportHub) -> None:
    go_to(page, "story")
    page.locator("#text").fill(STORY)
    context.set_offline(True)
    page.locator('main button[value="answer"]').click()
    expect(page.locator("#trouble")).to_contain_text(report_hub.text("problem.offline"))
    expect(page.locator("#trouble")).to_be_focused()
    expect(page.locator("#text")).to_have_value(STORY)
    page.go_back()
    expect(page.locator("#text")).to_have_value(STORY)
    context.set_offline(False)
    press(page, "answer")
    expect(page.locator('input[name="step"]')).to_have_value("grounds")
    expect(page.locator("#trouble")).to_be_hidden()
    page.go_back()
    expect(page.locator("#text")).to_have_value(STORY)


def test_without_a_script_back_and_again_shows_where_the_report_stands(browser: Browser, report_hub: ReportHub) -> None:
    context = browser.new_context(base_url=report_hub.address, java_script_enabled=False)
    page = context.new_page()
    go_to(page, "story")
    answer(page, "story")
    page.reload()
    expect(page.locator('input[name="step"]')).to_have_value("grounds")
    expect(page.locator("[data-problem]")).to_contain_text("That page is old.")
    [draft] = report_hub.form.drafts.values()
    assert draft.answers["story"].text == STORY
    context.close()


def test_the_code_is_copied_without_spaces_lost(browser: Browser, report_hub: ReportHub) -> None:
    context = browser.new_context(
        base_url=report_hub.address, permissions=["clipboard-read", "clipboard-write"], locale="en-GB"
    )
    page = context.new_page()
    go_to(page, "receipt")
    page.locator("[data-copy]").click()
    expect(page.locator("[data-copy-status]")).to_have_text(report_hub.text("code.copied"))
    [draft] = report_hub.form.drafts.values()
    assert page.evaluate("navigator.clipboard.readText()").replace(" ", "") == draft.receipt
    context.close()


def test_paper_shows_the_code_and_no_buttons(page: Page) -> None:
    go_to(page, "receipt")
    page.emulate_media(media="print")
    expect(page.locator(".code")).to_be_visible()
    expect(page.locator(".qr")).to_be_visible()
    for hidden in (".leave", "form.step", ".by-script"):
        expect(page.locator(hidden).first).to_be_hidden()


def test_a_language_is_chosen_in_the_middle_of_a_sentence(page: Page) -> None:
    go_to(page, "story")
    page.locator("#text").fill(STORY)
    page.locator(".languages summary").click()
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("#text")).to_have_value(STORY)
    leave, brand = page.locator(".leave").bounding_box(), page.locator(".brand").bounding_box()
    assert leave is not None
    assert brand is not None
    assert leave["x"] < brand["x"]


# From the chat.


@pytest.mark.parametrize("scripts", [True, False])
def test_a_file_from_the_desk_is_saved_and_the_page_stays(
    browser: Browser, report_hub: ReportHub, scripts: bool
) -> None:
    letter = ShownFile("f" * 32, "complaint-against-landlord.pdf", 2**20)
    report_hub.cases.messages.append(CaseMessage(True, "Please sign this.", "en", "22 November 2026", files=[letter]))
    context = browser.new_context(base_url=report_hub.address, java_script_enabled=scripts)
    page = context.new_page()
    page.goto("/report/return")
    page.locator("#code").fill(report_hub.cases.receipt)
    page.locator('[value="open"]').click()
    with page.expect_download() as saved:
        page.locator('[name="file"]').click()
    assert saved.value.suggested_filename == "document-1.pdf"
    assert saved.value.path().read_bytes().startswith(b"%PDF")
    expect(page.locator(".thread")).to_contain_text("Please sign this.")
    assert page.url == f"{report_hub.address}/report/return"
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_last_page_is_read_in_another_language(browser: Browser, report_hub: ReportHub, scripts: bool) -> None:
    context = browser.new_context(base_url=report_hub.address, java_script_enabled=scripts)
    page = context.new_page()
    go_to(page, "send")
    press(page, "send")
    expect(page.locator("h1")).to_have_text("Your report is sent")
    page.locator(".languages summary").click()
    page.locator('.languages [value="ar"]').click()
    expect(page.locator("h1")).to_have_text("Sent, in ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert page.url.partition("?")[0] == f"{report_hub.address}/report"
    assert "kept" not in page.url
    assert context.cookies() == []
    context.close()


def test_the_chat_hands_the_sentence_over_and_forgets_it(page: Page, report_hub: ReportHub) -> None:
    report_hub.assistant.understand(STORY, "report_discrimination")
    page.goto("/")
    page.locator("#input").fill(STORY)
    page.keyboard.press("Enter")
    expect(page.locator(".tell button")).to_have_text(report_hub.text("tell"))
    page.reload()
    page.locator(".tell button").click()
    expect(page).to_have_url(f"{report_hub.address}/report")
    [draft] = report_hub.form.drafts.values()
    assert draft.opened_with["words"] == STORY
    page.goto("/")
    assert STORY not in page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")
    expect(page.locator(".mine")).to_have_count(0)


def test_a_button_pressed_in_between_keeps_the_sentence(page: Page, report_hub: ReportHub) -> None:
    report_hub.assistant.understand(STORY, "report_discrimination")
    page.goto("/")
    page.locator("#input").fill(STORY)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Italy").click()
    expect(page.locator(".tell")).to_have_count(2)
    page.locator(".tell button").last.click()
    expect(page).to_have_url(f"{report_hub.address}/report")
    [draft] = report_hub.form.drafts.values()
    assert draft.opened_with["words"] == STORY
