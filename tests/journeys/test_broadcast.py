"""A message to many in Chromium: written, checked, scheduled, received by a real mail server, watched; with axe."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from app import build_app, build_hub
from conversation.replies import Wording
from core.clock import SystemClock
from core.settings import Settings
from identity.operator_session import LinkKind, issue_link
from identity.operators import OperatorRole, create_operator
from subscriptions.models import Frequency
from tests.factories import make_subscriber
from tests.fakes import FakeAssistant
from tests.journeys.serving import Served, serving
from tests.smtp_server import MailServer, mail_server
from web.state import Hub

SHOTS = os.environ.get("SHOTS")
PASSWORD = "correct horse battery staple"


@dataclass
class Post:
    """A hub that sends to a mail server of its own."""

    served: Served
    hub: Hub
    mails: MailServer


@pytest.fixture(scope="module")
def post(wording: Wording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    loop = asyncio.new_event_loop()
    ready: threading.Event = threading.Event()
    over = asyncio.Event()
    found: list[MailServer] = []

    async def serve_mail() -> None:
        async with mail_server() as server:
            found.append(server)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve_mail()), daemon=True)
    thread.start()
    assert ready.wait(10)
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("post"),
        secret_key=SecretStr("only-for-tests"),
        smtp_url=SecretStr(f"smtp://127.0.0.1:{found[0].port}"),
        mail_from="ICC team <icc@hub.example>",
    )
    hub = build_hub(settings, clock=SystemClock(), assistant=FakeAssistant(wording), wording=wording)
    app = build_app(settings, hub=hub)
    with serving(app, hub.database) as served:
        yield Post(served, hub, found[0])
    loop.call_soon_threadsafe(over.set)
    thread.join(timeout=10)
    loop.close()


def invite(post: Post, name: str, role: OperatorRole, **values: object) -> str:
    """The address with which somebody of the team sets up the account."""

    async def work() -> str:
        async with post.hub.database.session() as session:
            operator = await create_operator(
                session,
                email=f"{name.lower().replace(' ', '.')}@example.org",
                name=name,
                role=role,
                clock=post.hub.clock,
                **values,
            )
            return await issue_link(session, operator.id, LinkKind.SETUP, clock=post.hub.clock)

    return f"/office/setup/{post.served.run(work())}"


def people(post: Post) -> None:
    async def work() -> None:
        async with post.hub.database.session() as session:
            for name, language in (("Ada", "en"), ("Bruno", "it"), ("Chiara", "it")):
                await make_subscriber(
                    session, name=name, language=language, email=f"{name.lower()}@city.example",
                    topics={"webinars": Frequency.AT_ONCE},
                )  # fmt: skip

    post.served.run(work())


def sign_in(browser: Browser, post: Post, path: str, *, width: int = 1280) -> Page:
    context = browser.new_context(
        base_url=post.served.address, viewport={"width": width, "height": 800}, locale="en-GB"
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(path)
    secret = page.locator("input[name=secret]").get_attribute("value")
    page.locator("input[name=new]").fill(PASSWORD)
    page.locator("input[name=again]").fill(PASSWORD)
    page.locator("input[name=code]").fill(pyotp.TOTP(secret or "").now())
    page.locator("main form button.primary").click()
    expect(page.get_by_text("Signed in as")).to_be_visible()
    return page


def check(page: Page, name: str) -> None:
    """No violation of axe, no sideways scrolling; and a picture where somebody wants to look."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), name
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"broadcast-{name}.png", full_page=True)


def test_a_message_is_written_approved_sent_and_watched(browser: Browser, post: Post) -> None:
    people(post)
    eva = sign_in(browser, post, invite(post, "Eva", OperatorRole.EDITOR))
    lucia = sign_in(browser, post, invite(post, "Lucia", OperatorRole.APPROVER, languages=["it"]), width=360)

    # Write, with a preview that follows.
    eva.goto("/office/broadcasts")
    check(eva, "list")
    eva.get_by_role("button", name="Start").click()
    eva.get_by_label("Subject").fill("Webinar on Monday")
    eva.locator("#body").fill("Dear colleagues,\n\nplease **come**.")
    mail = eva.frame_locator("iframe[name=preview-mail]")
    expect(mail.get_by_text("please come")).to_be_visible()
    chat = eva.frame_locator("iframe[name=preview-telegram]")
    expect(chat.get_by_text("Webinar on Monday")).to_be_visible()
    eva.locator("input[name=topics_any][value=webinars]").check()
    eva.get_by_role("button", name="Save").click()
    expect(eva.get_by_text("Saved.")).to_be_visible()
    check(eva, "message")

    # A text in Italian, checked by Lucia on her phone.
    eva.get_by_role("link", name="Overview").click()
    check(eva, "overview")
    eva.get_by_label("Add a language").select_option("it")
    eva.get_by_role("button", name="Write it yourself").click()
    eva.get_by_label("Subject").fill("Webinar lunedì")
    eva.locator("#body").fill("Care colleghe, **venite**.")
    eva.get_by_role("button", name="Save", exact=True).click()
    check(eva, "text")
    path = eva.url.removeprefix(post.served.address).partition("/text/")[0]
    eva.goto(path)
    eva.get_by_label("Who checks it?").select_option(label="Lucia")
    eva.get_by_role("button", name="Ask Italian").click()
    lucia.goto("/office/broadcasts")
    lucia.get_by_role("link", name="Please check the text in Italian").click()
    check(lucia, "approve-phone")
    lucia.get_by_role("button", name="Save and approve").click()
    expect(lucia.get_by_text("This text is approved.")).to_be_visible()

    # Look at who gets it, then let it go.
    eva.goto(f"{path}/audience")
    expect(eva.get_by_role("heading", name="3 people get it")).to_be_visible()
    check(eva, "audience")
    eva.goto(path)
    eva.get_by_role("button", name="Look at it once more, then send").click()
    check(eva, "confirm")
    eva.get_by_role("button", name="Send to 3 people now").click()
    expect(eva.get_by_text("It leaves in one minute.")).to_be_visible()
    check(eva, "undo")
    eva.goto(f"{path}/progress")
    expect(eva.locator("#bar-words")).to_have_text("3 of 3 done", timeout=90_000)
    expect(eva.locator("#state")).to_have_text("Sent", timeout=20_000)
    check(eva, "progress")

    got = {mail.recipient: str(mail.mail["Subject"]) for mail in post.mails.received}
    assert got == {
        "lucia@example.org": "Please check a text in Italian: Webinar on Monday",
        "ada@city.example": "Webinar on Monday",
        "bruno@city.example": "Webinar lunedì",
        "chiara@city.example": "Webinar lunedì",
    }


def test_it_can_all_be_done_without_javascript(browser: Browser, post: Post) -> None:
    address = invite(post, "Noah", OperatorRole.ADMINISTRATOR)
    state = sign_in(browser, post, address).context.storage_state()
    context = browser.new_context(
        base_url=post.served.address, java_script_enabled=False, storage_state=state, locale="en-GB"
    )
    page = context.new_page()
    page.goto("/office/broadcasts")
    page.locator("summary", has_text="Write a new message").click()
    page.get_by_role("button", name="Start").click()
    page.get_by_label("Subject").fill("By hand")
    page.locator("#body").fill("Without a script.")
    page.get_by_role("button", name="Show as mail").click()
    expect(page.frame_locator("iframe[name=preview-mail]").get_by_text("Without a script.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    context.close()


@pytest.mark.parametrize("language", ["fr", "it", "ar"])
def test_every_page_is_accessible_in_every_language_on_a_phone(browser: Browser, post: Post, language: str) -> None:
    page = sign_in(browser, post, invite(post, f"Sara {language}", OperatorRole.ADMINISTRATOR), width=320)
    page.goto(f"/office/broadcasts?lang={language}")
    page.locator("main details.card > summary").first.click()
    page.locator("form[action^='/office/broadcasts'] button.primary").click()
    path = page.url.removeprefix(post.served.address).partition("/message")[0]
    page.locator("#subject").fill("Webinar")
    page.locator("#body").fill("Hello.")
    page.locator("main form[data-live] > p > button.primary").click()
    page.wait_for_url("**done=broadcast.saved*")
    for part in ("", "/message", "/text/de", "/audience", "/progress"):
        page.goto(f"{path}{part}?lang={language}")
        check(page, f"{language}{part.replace('/', '-')}")
    for address in ("/office/broadcasts", "/office/broadcasts/templates"):
        page.goto(f"{address}?lang={language}")
        check(page, f"{language}{address.replace('/', '-')}")
