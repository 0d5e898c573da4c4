"""Journeys on the chat page in Chromium: by keyboard, without JavaScript, when things fail, inside another site."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from conversation.handoffs import answer_handoff, list_handoffs
from core.languages import RELEASED
from tests.journeys.conftest import RunningHub

QUESTION = "What is the Intercultural Cities Index?"


@pytest.fixture(autouse=True)
def understood(running_hub: RunningHub) -> None:
    """What the stand-in for the assistant understands."""
    running_hub.assistant.understand(QUESTION, "ask_entry", entry="tool/icc-index")
    running_hub.assistant.understand("racism in Bologna", "find_service")
    running_hub.assistant.understand("Please ask the team what a small city like ours pays", "talk_to_person")
    running_hub.assistant.understand("answer in Italian", "switch_language")


def say(page: Page, text: str) -> None:
    page.locator("#input").fill(text)
    page.keyboard.press("Enter")


def text(hub: RunningHub, key: str, language: str = "en", **values: Any) -> str:
    return hub.hub.wording.texts.get(key, language, **values)


def focused(page: Page) -> str:
    """What has the focus: its id, else its text."""
    found: str = page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
    return found


def tab_to(page: Page, name: str, *, most: int = 40) -> None:
    """Press Tab until something with this name has the focus."""
    for _ in range(most):
        if name in focused(page):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} was not reached")


@pytest.fixture
def asked(page: Page) -> Iterator[list[dict[str, Any]]]:
    """Bodies of the messages that the page sent."""
    bodies: list[dict[str, Any]] = []

    def note(route: Route) -> None:
        bodies.append(
            {**json.loads(route.request.post_data or "{}"), "accept": route.request.headers["accept-language"]}
        )
        route.continue_()

    page.route("**/api/chat", note)
    yield bodies
    page.unroute("**/api/chat")


def test_a_question_is_asked_and_rated_by_keyboard_alone(page: Page, running_hub: RunningHub) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert focused(page) == text(running_hub, "page.site.skip")
    tab_to(page, "input")
    page.keyboard.type("Two lines")
    page.keyboard.press("Shift+Enter")
    assert page.locator("#input").input_value() == "Two lines\n"
    page.locator("#input").fill("")
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".mine .text")).to_have_text(QUESTION)
    expect(page.locator(".theirs .title")).to_have_text("Intercultural Cities Index")
    assert focused(page) == "input"
    assert page.locator("#input").input_value() == ""

    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == text(
        running_hub, "page.chat.helpful_no"
    )
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    thumb = page.get_by_role("button", name=text(running_hub, "page.chat.helpful_yes"))
    expect(thumb).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".feedback")).to_contain_text(text(running_hub, "page.chat.helpful_thanks"))

    page.keyboard.press("Shift+Tab")
    chosen = focused(page)
    page.keyboard.press("Enter")
    expect(page.locator(".mine .text").last).to_have_text(chosen)
    assert focused(page) == chosen
    tab_to(page, "input")


def test_each_message_tells_screen_readers_who_speaks_and_in_what(page: Page, running_hub: RunningHub) -> None:
    page.goto("/?lang=ar")
    say(page, QUESTION)
    expect(page.locator(".theirs .title")).to_be_visible()
    log = page.get_by_role("log")
    assert log.get_attribute("aria-label") == text(running_hub, "page.chat.conversation", "ar")
    for message in log.locator(".message").all():
        assert message.locator(".who").text_content()
    entry = running_hub.hub.wording.base.get_entry("tool/icc-index")
    spoken = "ar" if "ar" in entry.texts else "en"
    answer = page.locator(".theirs").last
    assert answer.get_attribute("lang") == spoken
    assert answer.get_attribute("dir") == ("rtl" if spoken == "ar" else "ltr")
    assert page.locator(".mine .bubble").get_attribute("dir") == "auto"
    send, field = page.locator(".send").bounding_box(), page.locator("#input").bounding_box()
    assert send is not None
    assert field is not None
    assert send["x"] < field["x"]


def test_the_language_goes_along_only_once_it_was_chosen(
    page: Page, asked: list[dict[str, Any]], running_hub: RunningHub
) -> None:
    page.goto("/")
    say(page, "/tools")
    expect(page.locator(".theirs .chip").last).to_be_visible()
    page.locator(".languages summary").click()
    assert page.locator(".languages a").all_inner_texts() == ["English", "Français", "Italiano", "العربية"]
    page.locator(".languages a[lang=fr]").click()
    page.wait_for_url("**/?lang=fr")
    expect(page.locator(".mine")).to_have_count(1)
    say(page, "/membership")
    expect(page.locator(".mine")).to_have_count(2)
    expect(page.locator(".theirs .chip").last).to_be_visible()
    assert [(body["language"], body["accept"]) for body in asked] == [(None, "en"), ("fr", "fr")]
    assert asked[1]["sender"]


def test_switching_in_the_conversation_becomes_the_choice(page: Page, asked: list[dict[str, Any]]) -> None:
    page.goto("/?lang=fr")
    say(page, "/language/it")
    expect(page.locator(".theirs")).to_have_count(2)
    say(page, "/tools")
    expect(page.locator(".mine")).to_have_count(2)
    expect(page.locator(".theirs")).to_have_count(3)
    assert [body["language"] for body in asked] == ["fr", "it"]


def test_in_danger_the_numbers_come_before_what_is_to_know_about_them(page: Page) -> None:
    page.goto("/?lang=ar")
    say(page, "/emergency/IT")
    expect(page.locator("a.contact[href='tel:112']")).to_be_visible()
    order = page.locator(".bubble:has(a.contact) > *").evaluate_all("found => found.map(each => each.className)")
    assert order[:3] == ["text", "contacts urgent", "text"]


def test_a_service_can_be_called_and_its_number_doubted(page: Page, running_hub: RunningHub) -> None:
    page.goto("/")
    say(page, "racism in Bologna")
    call = page.locator("a.contact[href^='tel:']").first
    expect(call).to_be_visible()
    number = call.locator(".contact-value").inner_text()
    assert call.get_attribute("href") == f"tel:{number.replace(' ', '')}"
    doubt = page.get_by_role("button", name=text(running_hub, "page.chat.report_wrong", contact=number))
    with page.expect_response("**/api/contact-doubts") as answered:
        doubt.click()
    assert answered.value.status == 204
    expect(page.get_by_text(text(running_hub, "page.chat.wrong_thanks"))).to_be_visible()
    assert page.evaluate("document.activeElement !== document.body")


def test_asking_about_an_entry_begins_with_it(page: Page) -> None:
    page.goto("/?ask=tool/icc-index&lang=en")
    expect(page.locator(".theirs .title")).to_have_text("Intercultural Cities Index")
    assert page.url.endswith("/?lang=en")
    page.reload()
    expect(page.locator(".theirs .title")).to_have_count(1)


def test_the_conversation_outlives_a_reload_until_it_is_forgotten(page: Page, running_hub: RunningHub) -> None:
    page.goto("/")
    expect(page.locator("#forget")).to_be_hidden()
    say(page, QUESTION)
    expect(page.locator(".theirs .title")).to_be_visible()
    page.reload()
    expect(page.locator(".mine .text")).to_have_text(QUESTION)
    assert page.evaluate("localStorage.length") == 0
    with page.expect_response("**/api/chat") as deleted:
        page.locator("#forget").click()
    assert deleted.value.json()["replies"][0]["answer"] == "flow/forget", "the hub forgets it too"
    expect(page.locator(".message")).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text(text(running_hub, "page.chat.forgotten"))
    assert page.evaluate("sessionStorage.length") == 0
    assert focused(page) == "input"


# When something fails.


def test_an_unsent_message_stays_and_can_be_sent_again(page: Page, running_hub: RunningHub) -> None:
    page.goto("/")
    page.route("**/api/chat", lambda route: route.abort())
    say(page, QUESTION)
    expect(page.get_by_role("alert")).to_contain_text(text(running_hub, "page.chat.error_offline"))
    expect(page.locator("#input")).to_have_value(QUESTION)
    expect(page.locator(".mine")).to_have_count(0)
    retry, field = page.locator("#retry"), page.locator(".composer")
    page.wait_for_timeout(400)
    below, above = retry.bounding_box(), field.bounding_box()
    assert below is not None
    assert above is not None
    assert below["y"] + below["height"] <= above["y"]
    page.unroute("**/api/chat")
    retry.click()
    expect(page.locator(".theirs .title")).to_be_visible()
    expect(page.locator("#input")).to_have_value("")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_too_many_messages_make_the_second_try_wait(page: Page) -> None:
    detail = {"code": "too_many_messages", "detail": "Please wait 1 seconds."}
    page.goto("/")
    page.route("**/api/chat", lambda route: route.fulfill(status=429, json=detail, headers={"Retry-After": "1"}))
    page.locator(".say button").first.click()
    expect(page.get_by_role("alert")).to_contain_text("Please wait 1 seconds.")
    expect(page.locator("#retry")).to_be_disabled()
    expect(page.locator("#input")).to_have_value("")
    page.unroute("**/api/chat")
    expect(page.locator("#retry")).to_be_enabled()
    page.locator("#retry").click()
    expect(page.locator(".mine")).to_have_count(1)


def test_trouble_of_the_hub_is_said_in_words(page: Page, running_hub: RunningHub) -> None:
    page.goto("/")
    page.route("**/api/chat", lambda route: route.fulfill(status=502, body="<html>Bad gateway"))
    say(page, QUESTION)
    expect(page.get_by_role("alert")).to_contain_text(text(running_hub, "page.chat.error_server"))


def test_markup_in_messages_stays_text(page: Page) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    reply = {
        "id": "x",
        "text": hostile,
        "language": "en",
        "answer": None,
        "links": [{"title": hostile, "url": "javascript:alert(1)"}, {"title": "ok", "url": "https://example.org/"}],
        "buttons": [{"title": hostile, "payload": "/x"}],
        "contacts": [{"kind": "web", "label": "x", "value": "x", "href": "javascript:alert(1)"}],
    }
    answer = {"sender": "s", "language": "en", "understood": True, "confidence": 1, "replies": [reply]}
    page.goto("/")
    page.route("**/api/chat", lambda route: route.fulfill(json=answer))
    say(page, hostile)
    expect(page.locator(".theirs .text").last).to_have_text(hostile)
    assert page.locator("#log img").count() == 0
    assert [link.get_attribute("href") for link in page.locator("#log .theirs:not(.opening) a").all()] == [
        "https://example.org/"
    ]


def test_the_end_of_the_space_is_counted(page: Page, running_hub: RunningHub) -> None:
    page.goto("/")
    page.locator("#input").fill("a" * 1900)
    expect(page.locator("#left")).to_have_text(text(running_hub, "page.chat.left", count=100))
    page.locator("#input").fill("a" * 100)
    expect(page.locator("#left")).to_be_hidden()


# A person answers.


def test_the_answer_of_a_person_comes_back_days_later(context: BrowserContext, running_hub: RunningHub) -> None:
    page = context.new_page()
    page.goto("/")
    say(page, "Please ask the team what a small city like ours pays")
    page.locator(".chip", has_text=text(running_hub, "button.send")).last.click()
    expect(page.locator("#waiting")).to_be_visible()
    page.close()

    async def answer() -> None:
        async with running_hub.hub.database.session() as session:
            handoff = (await list_handoffs(session))[-1]
            assert handoff.id is not None
            await answer_handoff(session, handoff.id, answer="Write to us.", clock=running_hub.hub.clock)

    page = context.new_page()
    page.goto("/")
    expect(page.locator("#waiting")).to_be_visible()
    page.locator("#forget").click()
    expect(page.get_by_role("dialog")).to_contain_text(text(running_hub, "page.chat.forget_warning"))
    page.keyboard.press("Escape")
    expect(page.locator("#waiting")).to_be_visible()

    running_hub.run(answer())
    page.reload()
    expect(page.locator(".person")).to_contain_text("Write to us.")
    expect(page.locator("#waiting")).to_be_hidden()
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    expect(page.locator(".person")).to_have_count(1)


@pytest.mark.parametrize("instead", ["no", "/tools", "What does the Index cost a small town?"])
def test_what_was_not_sent_is_not_waited_for(page: Page, running_hub: RunningHub, instead: str) -> None:
    page.goto("/")
    say(page, "Please ask the team what a small city like ours pays")
    expect(page.locator(".chip", has_text=text(running_hub, "button.send")).last).to_be_visible()
    before = page.locator(".theirs").count()
    say(page, instead)
    expect(page.locator(".theirs").nth(before)).to_be_visible()
    expect(page.locator("#waiting")).to_be_hidden()
    assert page.evaluate("localStorage.length") == 0


def test_a_reminder_before_the_question_was_sent_is_not_waited_for_twice(page: Page, running_hub: RunningHub) -> None:
    page.goto("/")
    say(page, "Please ask the team what a small city like ours pays")
    send = page.locator(".chip[type=button]", has_text=text(running_hub, "button.send"))
    expect(send).to_have_count(1)
    say(page, "hm")
    expect(send).to_have_count(2)
    send.last.click()
    expect(page.locator("#waiting")).to_be_visible()
    assert page.evaluate("JSON.parse(localStorage.getItem('icc-hub.waiting')).pending") == 1


def test_nothing_is_looked_for_before_a_question_was_passed_on(page: Page) -> None:
    looked: list[str] = []
    page.on("request", lambda request: looked.append(request.url) if "/api/chat/replies" in request.url else None)
    page.clock.install()
    page.goto("/")
    say(page, "/tools")
    expect(page.locator(".theirs .chip").last).to_be_visible()
    page.clock.run_for(60_000)
    assert looked == []
    say(page, "Please ask the team what a small city like ours pays")
    page.locator(".chip[type=button]", has_text="Send it").click()
    expect(page.locator("#waiting")).to_be_visible()
    page.clock.run_for(41_000)
    assert len(looked) == 2


# Without JavaScript.


@pytest.fixture
def plain_page(browser: Browser, running_hub: RunningHub) -> Iterator[Page]:
    context = browser.new_context(base_url=running_hub.address, java_script_enabled=False, locale="en-GB")
    yield context.new_page()
    context.close()


def test_without_javascript_the_answer_is_in_view(plain_page: Page) -> None:
    page = plain_page
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto("/")
    page.locator("#input").fill(QUESTION)
    page.locator(".send").click()
    expect(page.locator(".mine .text")).to_be_in_viewport()
    expect(page.locator(".theirs .title")).to_be_in_viewport()


HANDBOOK = "tool/icc-anti-rumours-handbook"


def broken_words(page: Page) -> list[str]:
    """Latin names in Arabic titles that stand in two lines though there is room for them in one."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll("bdi.latin")].filter((run) => {
          const lines = Math.round(run.getBoundingClientRect().height / parseFloat(getComputedStyle(run).lineHeight));
          const room = run.closest("h1, h2, h3, h4, li, p, button").clientWidth;
          run.style.whiteSpace = "nowrap";
          const width = run.scrollWidth;
          run.style.whiteSpace = "";
          return lines > 1 && width <= room;
        }).map((run) => run.textContent)"""
    )
    return found


def test_a_latin_name_in_an_arabic_title_is_not_torn_apart(page: Page, running_hub: RunningHub) -> None:
    running_hub.assistant.understand("الدليل", "ask_entry", entry=HANDBOOK)
    page.goto(f"/entry/{HANDBOOK}?lang=ar")
    expect(page.locator("h1 bdi.latin")).to_have_text("(Anti-rumours handbook)")
    assert broken_words(page) == []
    page.goto("/catalogue?kind=tool&lang=ar")
    assert page.locator(".card-title bdi.latin").count() > 3
    assert broken_words(page) == []
    page.goto("/?lang=ar")
    say(page, "الدليل")
    expect(page.locator(".theirs .title bdi.latin")).to_have_text("(Anti-rumours handbook)")
    assert broken_words(page) == []


def test_everything_that_matters_works_without_javascript(plain_page: Page, running_hub: RunningHub) -> None:
    page = plain_page
    page.goto("/")
    expect(page.locator(".notice").first).to_contain_text(text(running_hub, "page.chat.no_script"))
    page.locator("#input").fill(QUESTION)
    page.locator(".send").click()
    expect(page.locator(".mine .text")).to_have_text(QUESTION)
    expect(page.locator(".theirs .title")).to_have_text("Intercultural Cities Index")
    page.locator(".theirs").last.locator(".chip").first.click()
    expect(page.locator(".theirs .title")).to_be_visible()

    page.locator("#input").fill("racism in Bologna")
    page.locator(".send").click()
    page.locator(".doubt button").first.click()
    expect(page.get_by_text(text(running_hub, "page.chat.wrong_thanks"))).to_be_visible()

    page.goto("/catalogue?kind=service")
    page.locator("#place").fill("Bologna")
    page.locator(".filters button").click()
    expect(page.locator(".card-title").first).to_contain_text("Bologna")
    page.locator(".emergency").click()
    expect(page.locator("#IT a[href='tel:112']").first).to_be_visible()
    page.locator(".languages summary").click()
    page.locator(".languages a[lang=ar]").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")


# In a city's own site.


def test_the_chat_opens_and_closes_inside_a_citys_own_site(context: BrowserContext, running_hub: RunningHub) -> None:
    page = context.new_page()
    page.goto(running_hub.city_site)
    launcher = page.get_by_role("button", name=text(running_hub, "page.embed.open", "it"))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(launcher).to_be_focused()
    page.keyboard.press("Enter")
    expect(launcher).to_have_attribute("aria-expanded", "true")
    frame = page.frame_locator("iframe")
    expect(frame.locator("#input")).to_be_focused()
    expect(frame.locator("html")).to_have_attribute("lang", "it")

    with page.expect_request("**/api/chat") as sent:
        page.keyboard.type("/tools")
        page.keyboard.press("Enter")
    body = json.loads(sent.value.post_data or "{}")
    assert (body["city"], body["language"]) == ("Reggio Emilia", None)
    assert sent.value.headers["accept-language"] == "it"
    expect(frame.locator(".theirs")).to_have_count(2)

    page.keyboard.press("Escape")
    expect(page.locator("iframe")).to_be_hidden()
    expect(launcher).to_be_focused()
    page.keyboard.press("Enter")
    expect(frame.locator("#input")).to_be_focused()
    expect(frame.locator(".mine")).to_have_count(1)
    frame.locator("#close").click()
    expect(launcher).to_be_focused()


def test_a_site_that_was_not_allowed_gets_no_frame(context: BrowserContext, running_hub: RunningHub) -> None:
    page = context.new_page()
    page.goto(running_hub.city_site.replace("localhost", "127.0.0.1"))
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.get_by_role("button", name=text(running_hub, "page.embed.open", "it")).click()
    assert page.frame_locator("iframe").locator("#input").count() == 0


# Room and movement.


@pytest.mark.parametrize("language", RELEASED)
@pytest.mark.parametrize(
    "address", ["/", "/embed", "/catalogue?kind=tool", "/entry/tool/icc-index", "/emergency", "/docs"]
)
def test_no_page_scrolls_sideways_at_320_pixels(page: Page, address: str, language: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(address + ("&" if "?" in address else "?") + f"lang={language}")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_everything_that_is_tapped_is_large_enough(page: Page) -> None:
    page.goto("/")
    say(page, "racism in Bologna")
    expect(page.locator(".feedback").first).to_be_visible()
    for target in page.locator("button:visible, a:visible, summary:visible, textarea:visible").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 43.5, target.evaluate("element => element.outerHTML")


def test_nothing_moves_for_those_who_asked_for_that(context: BrowserContext) -> None:
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    page.evaluate("document.getElementById('typing').hidden = false")
    assert page.evaluate("document.getAnimations().length") == 0
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate("document.getAnimations().length") == 3


def test_emergency_numbers_are_in_sight_wherever_one_has_scrolled(page: Page) -> None:
    page.goto("/")
    say(page, QUESTION)
    expect(page.locator(".theirs .title")).to_be_visible()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator(".emergency")).to_be_in_viewport(ratio=1)
