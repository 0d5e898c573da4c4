"""The HTML of mails and the pages that their links lead to, in Chromium: axe, a phone's width, dark, right to left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from channels.base import ReadyMail
from channels.email.layout import Layout
from core.clock import FixedClock
from core.settings import PROJECT_ROOT
from core.texts import Texts
from subscriptions.composing import HubComposer
from subscriptions.links import LinkContent, LinkPurpose, Links
from subscriptions.material import Material, Reader
from subscriptions.models import Broadcast, BroadcastKind, BroadcastText, ChannelName, Delivery, Event, TextState
from tests.factories import NOW, make_subscriber
from tests.journeys.conftest import RunningHub

type Scheme = Literal["light", "dark"]

SHOTS = os.environ.get("SHOTS")
BODIES = {
    "en": "Dear colleagues,\n\nplease **come** to [our webinar](https://coe.example/webinars/2026).\n\n"
    "## What we talk about\n\n- schools and *mother tongues*\n- https://coe.example/a-very-long-address/"
    + "with-parts/" * 8
    + "\n\n> Diversity is an advantage.\n\n| City | Day |\n| --- | --- |\n| Bergen | 3 |",
    "ar": "الزملاء الأعزاء،\n\nندعوكم إلى **ندوة** عبر الإنترنت مع [مجلس أوروبا](https://coe.example/ar).\n\n"
    "- المدارس\n- اللغات ICC",
    "it": "Care colleghe, cari colleghi,\n\nvi invitiamo al **webinar**.",
}
SUBJECTS = {"en": "Invitation: schools and languages", "ar": "دعوة: المدارس واللغات", "it": "Invito: scuole e lingue"}


def write_mail(kind: str, language: str, links: Links | None = None) -> str:
    """A mail's HTML without a database."""
    composer = HubComposer(
        texts=Texts.load(PROJECT_ROOT / "locales"),
        links=links or Links("only-for-tests"),
        clock=FixedClock(NOW),
        layout=Layout(),
        public_url="https://hub.example.org",
        team_address="icc@coe.example",
        place_name=lambda place, _: place.title(),
    )
    event = Event(
        id="e1", uid="e1@x", form="both", starts_at=NOW, ends_at=NOW, time_zone="Europe/Kyiv", place="Bergen rådhus",
        online_url="https://meet.example/" + "x" * 60, languages=["en", "ar"], created_by="x", changed_at=NOW,
    )  # fmt: skip
    broadcast = Broadcast(
        id="b1", kind=BroadcastKind.EVENT if kind == "event" else BroadcastKind.NEWS, original_language="en",
        event_id="e1" if kind == "event" else None, created_by="x", created_at=NOW,
    )  # fmt: skip
    states = {"en": TextState.ORIGINAL, "ar": TextState.APPROVED, "it": TextState.MACHINE_DRAFT}
    texts = {
        code: BroadcastText(
            broadcast_id="b1", language=code, state=states[code], subject=SUBJECTS[code], body=body, changed_at=NOW
        )
        for code, body in BODIES.items()
    }
    reader = Reader("ada@example.org", "Ada Lovelace", "Europe/Brussels", "bergen")
    material = Material(readers={"a1": reader}, broadcasts={"b1": broadcast}, texts={"b1": texts}, events={"e1": event})
    because = {"rule": "topic", "topic": "webinars", "frequency": "weekly", "said": "subscription"}
    messages = {"news": "broadcast/b1", "event": "broadcast/b1", "digest": "digest/s1/1", "confirm": "confirm/1"}
    items = [{"broadcast": "b1", "topic": "webinars"}, {"broadcast": "b1", "topic": "newsletter"}]
    row = Delivery(
        id="d1", message=messages.get(kind, f"{kind}/1"), address_id="a1", subscriber_id="s1", channel="email",
        broadcast_id="b1" if kind in {"news", "event"} else None, language=language, because=because, due_at=NOW,
        created_at=NOW,
        parts={"items": items, "frequency": "weekly", "number": "n", "kind": "index", "due_on": "2026-12-23"},
    )  # fmt: skip
    mail = composer.preview(row, reader, material)
    assert isinstance(mail, ReadyMail)
    assert mail.html is not None
    return mail.html


@pytest.mark.parametrize("kind", ["news", "event", "digest", "confirm", "welcome", "reminder"])
@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 320, "light"), ("en", 800, "dark"), ("ar", 320, "dark"), ("ar", 800, "light"), ("it", 320, "light")],
)
def test_axe_finds_nothing_wrong_in_a_mail(
    browser: Browser, kind: str, language: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(write_mail(kind, language))
    assert asked == [], "a mail loads nothing"
    _check(page, f"mail-{kind}-{language}-{width}-{scheme}")
    context.close()


@pytest.mark.parametrize("page_name", ["unsubscribe", "opinion", "ask", "successor", "broken"])
@pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [("en", 320, "light"), ("ar", 360, "dark"), ("fr", 1280, "dark"), ("it", 1280, "light")],
)
def test_axe_finds_nothing_wrong_on_the_pages_before_and_after_a_press(
    browser: Browser, running_hub: RunningHub, page_name: str, language: str, width: int, scheme: Scheme
) -> None:
    async def person() -> str:
        async with running_hub.hub.database.session() as session:
            return (await make_subscriber(session, city="bergen", is_mandatory_contact=True)).id

    purpose = LinkPurpose.UNSUBSCRIBE if page_name == "broken" else LinkPurpose(page_name)
    content = LinkContent(running_hub.run(person()), "webinars", ChannelName.EMAIL, "d1")
    token = "nonsense" if page_name == "broken" else Links("only-for-tests").sign(purpose, content)
    context = browser.new_context(
        base_url=running_hub.address, viewport={"width": width, "height": 800}, color_scheme=scheme,
        reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.goto(f"/m/{page_name.replace('broken', 'unsubscribe')}/{token}?lang={language}")
    _check(page, f"m-{page_name}-{language}-{width}-{scheme}")
    if page_name in {"ask", "successor"}:
        page.locator("main .primary").click()
        expect(page.get_by_role("alert")).to_be_visible()
        _check(page, f"m-{page_name}-wrong-{language}-{width}-{scheme}")
        for field in page.locator("main input, main textarea").all():
            field.fill(f"p{content.subscriber_id}@example.org")
    if page_name == "opinion":
        page.locator("main input[type=radio]").first.check()
    if page_name != "broken":
        page.locator("main .primary").click()
        expect(page.get_by_role("status")).to_be_visible()
        _check(page, f"m-{page_name}-done-{language}-{width}-{scheme}")
    assert context.cookies() == []
    context.close()


def _check(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"s3-{name}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing stands out of the screen"
