"""Working on cases through the pages: list, one case, every form, and what nobody else may see."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import secrets
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from app import build_app
from channels.base import ChannelUnavailableError
from channels.forms import Action, FormInput, IncomingFile
from core.clock import FixedClock
from core.settings import Settings
from migrations.run import migrate
from reports.audit import Act
from reports.case_keys import decrypt_body, open_case_for
from reports.contents import ContactWish, When
from reports.evidence import check
from reports.intake.drafts import Drafts, Sheet
from reports.intake.junk import MOST_OF_ONE_SOURCE
from reports.intake.service import Intake
from reports.models import AuditEntry, Case
from reports.reporter import add_from_reporter, open_by_receipt
from tests.reports.intake.teller import Teller
from tests.reports.samples_of_files import BYTES, jpeg, pdf
from tests.reports.world import PASSWORD, Sent, World
from tests.web.desk_pages import AtDesk
from tests.web.test_desk_setup import run
from web.desk.doorway import KNOWN_COOKIE, SESSION_COOKIE
from web.desk.notices import tell
from web.desk.routes import PARTS
from web.memory_form import MemoryBudget
from web.state import Hub

STORY = "The landlord said: no foreigners."
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)


class Notices:
    """Stands in for Telegram."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str, str]] = []
        self.is_there = True
        self.away = 0

    async def __call__(self, chat_id: int, key: str, language: str) -> bool:
        if self.away:
            self.away -= 1
            raise ChannelUnavailableError("away")
        self.sent.append((chat_id, key, language))
        return self.is_there


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
def client(hub: Hub, settings: Settings, notices: Notices) -> Iterator[TestClient]:
    with TestClient(build_app(settings, hub=replace(hub, notify=notices)), raise_server_exceptions=False) as client:
        run(client, migrate, hub.database)
        yield client


@pytest.fixture
def world(client: TestClient, hub: Hub, clock: FixedClock) -> World:
    """Two open desks with two officers each."""
    world = World(hub.database, clock)
    run(client, world.make_desk, "bologna")
    run(client, world.make_desk, "milan", "carla@milan", "dario@milan")
    return world


def at(client: TestClient, hub: Hub, world: World, login: str) -> AtDesk:
    """Somebody signed in, through the door."""
    person = AtDesk(client, hub, world.clock)
    person.login, person.secret = login, world.people[login].secret
    person.sign_in()
    assert person.path == "/desk", person.text
    return person


@pytest.fixture
def anna(client: TestClient, hub: Hub, world: World) -> AtDesk:
    return at(client, hub, world, "anna@bologna")


def send(client: TestClient, world: World, desk: str = "bologna", **values: Any) -> Sent:
    async def work() -> Sent:
        return await world.send(desk, **values)

    return run(client, work)  # type: ignore[no-any-return]


@pytest.fixture
def sent(client: TestClient, world: World) -> Sent:
    return send(client, world, notice_chat="4711")


def home(sent: Sent) -> str:
    return f"/desk/case/{sent.case_id}"


async def _what_the_reporter_sees(hub: Hub, sent: Sent, language: str) -> Any:
    assert hub.cases is not None
    return await hub.cases.open(sent.receipt, source="x", language=language)


def reporter(client: TestClient, hub: Hub, sent: Sent, language: str = "ar") -> Any:
    return run(client, _what_the_reporter_sees, hub, sent, language)


async def _kept_chat(hub: Hub, world: World, sent: Sent) -> str | None:
    signed_in = await world.signed_in("anna@bologna")
    async with hub.database.session() as session:
        case, key = await open_case_for(session, signed_in, sent.case_id)
        return decrypt_body(key, case).notice_chat


def kept_chat(client: TestClient, hub: Hub, world: World, sent: Sent) -> str | None:
    """The chat inside the seal."""
    return run(client, _kept_chat, hub, world, sent)  # type: ignore[no-any-return]


def test_the_list_shows_no_word_of_a_story_and_leads_to_the_case(anna: AtDesk, sent: Sent) -> None:
    anna.open("/desk")
    assert "Housing" in anna.text
    assert "Bologna" in anna.text
    assert STORY not in anna.response.text
    assert STORY in anna.open(home(sent)).text
    assert anna.says("desk.case.interpreter", language="English") is False
    assert anna.says("label.audit.read")


def test_the_trail_has_the_list_once_an_hour_however_often_it_is_looked_at(
    client: TestClient, hub: Hub, world: World, anna: AtDesk
) -> None:
    async def times_listed() -> int:
        async with hub.database.session() as session:
            query = select(AuditEntry.id).where(AuditEntry.action == Act.LISTED)
            return len(list(await session.exec(query)))

    for _ in range(3):
        anna.open("/desk")
        assert run(client, times_listed) == 1
        world.clock.at += timedelta(minutes=18)
    world.clock.at += timedelta(minutes=8)
    anna.open("/desk")
    assert run(client, times_listed) == 2


def test_hours_are_in_the_time_zone_of_the_desk_which_each_page_names(anna: AtDesk, sent: Sent) -> None:
    """It is a little after nine in UTC, and after ten in Bologna."""
    for path in (home(sent), "/desk/trail"):
        anna.open(path)
        anna.open(path)
        assert anna.says("desk.times", zone="Rome (Europe/Rome)")
        assert ", 10:0" in anna.text
        assert ", 9:0" not in anna.text


def test_the_desk_is_not_told_a_wish_that_nobody_expressed(client: TestClient, world: World, anna: AtDesk) -> None:
    silent = anna.open(home(send(client, world)))
    assert silent.says("report.review.nothing")
    assert not silent.says("report.choice.contact.none")
    said = anna.open(home(send(client, world, contact=ContactWish(kind="none"))))
    assert said.says("report.choice.contact.none")


def test_the_desk_sees_which_interpreter_is_needed(client: TestClient, world: World, anna: AtDesk) -> None:
    """By what the story is written in, not by the language of the form."""
    spoken = send(client, world, language="en", story_language="ar", story="قالوا لا أجانب")
    assert anna.open(home(spoken)).says("desk.case.interpreter", language="Arabic")
    understood = send(client, world, language="ar", story_language="en")
    assert not anna.open(home(understood)).says("desk.case.interpreter", language="Arabic")


def test_an_answer_with_a_sentence_reaches_the_reporter_in_their_language(
    client: TestClient, hub: Hub, anna: AtDesk, sent: Sent, notices: Notices
) -> None:
    anna.open(home(sent)).send(
        home(sent) + "/reply",
        text="Please come to us.",
        phrase0="appointment",
        day0="2026-12-03",
        hour0="10:30",
        place0="Piazza Maggiore 6",
    )
    assert anna.says("desk.done.replied")
    assert "Please come to us." in anna.text
    told = reporter(client, hub, sent, "it").messages[-1].text
    assert "Please come to us." in told
    assert "3 dicembre 2026" in told
    assert "Piazza Maggiore 6" in told
    assert notices.sent == [(4711, "telegram.notice", "ar")]


def test_a_notice_that_telegram_cannot_take_now_goes_later(
    client: TestClient, anna: AtDesk, sent: Sent, notices: Notices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell, "__kwdefaults__", {"waits": (0.01, 0.01)})
    notices.away = 2
    anna.open(home(sent)).send(home(sent) + "/reply", text="First")

    async def until_told() -> None:
        while not notices.sent:
            await asyncio.sleep(0.01)

    run(client, asyncio.wait_for, until_told(), 5)
    assert [chat for chat, *_ in notices.sent] == [4711]


def test_a_chat_where_nobody_reads_any_more_is_forgotten_at_once(
    client: TestClient, hub: Hub, world: World, anna: AtDesk, sent: Sent, notices: Notices
) -> None:
    anna.open(home(sent)).send(home(sent) + "/reply", text="First")
    assert kept_chat(client, hub, world, sent) == "4711"
    notices.is_there = False
    anna.open(home(sent)).send(home(sent) + "/reply", text="Second")
    assert kept_chat(client, hub, world, sent) is None
    anna.open(home(sent)).send(home(sent) + "/reply", text="Third")
    assert len(notices.sent) == 2
    assert [message.text for message in reporter(client, hub, sent).messages][1:] == ["First", "Second", "Third"]


def test_a_sentence_without_its_day_is_not_sent_and_nothing_typed_is_lost(
    client: TestClient, hub: Hub, anna: AtDesk, sent: Sent
) -> None:
    anna.open(home(sent)).send(home(sent) + "/reply", text="Kept words", phrase0="deadline")
    assert anna.response.status_code == 422
    assert anna.says("desk.case.phrase_unfinished")
    assert "Kept words" in anna.response.text
    assert len(reporter(client, hub, sent).messages) == 1


def test_an_own_translation_is_what_the_reporter_reads(client: TestClient, hub: Hub, anna: AtDesk, sent: Sent) -> None:
    anna.open(home(sent)).send(home(sent) + "/reply", text="Come tomorrow.", translation="تعال غدا.")
    message = reporter(client, hub, sent).messages[-1]
    assert (message.text, message.language, message.original) == ("تعال غدا.", "ar", None)


def test_a_machine_translation_is_marked_for_both_sides(
    client: TestClient, hub: Hub, settings: Settings, notices: Notices, world: World, sent: Sent
) -> None:
    async def translate(text: str, *, source: str, target: str) -> str | None:
        return f"[{source}>{target}] {text}"

    app = build_app(settings, hub=replace(hub, notify=notices, translator=translate))
    inside = TestClient(app)
    inside.portal = client.portal
    anna = at(inside, hub, world, "anna@bologna")
    anna.open(home(sent)).send(home(sent) + "/reply", text="Come tomorrow.")
    assert "[en>ar] Come tomorrow." in anna.text
    assert anna.says("desk.case.machine")
    message = reporter(client, hub, sent).messages[-1]
    assert (message.text, message.original) == ("[en>ar] Come tomorrow.", "Come tomorrow.")


def test_a_note_stays_inside_the_desk(client: TestClient, hub: Hub, anna: AtDesk, sent: Sent) -> None:
    anna.open(home(sent)).send(home(sent) + "/note", note="Call the union first.")
    assert "Call the union first." in anna.text
    assert all("union" not in message.text for message in reporter(client, hub, sent).messages)


def test_status_labels_pile_and_clock_are_changed_by_forms(
    client: TestClient, hub: Hub, world: World, anna: AtDesk, sent: Sent
) -> None:
    anna.open(home(sent)).send(home(sent) + "/status", status="waiting")
    assert anna.says("desk.done.status")
    assert anna.says("desk.status.waiting")
    bruno_id = run(client, world.signed_in, "bruno@bologna").officer.id
    anna.send(home(sent) + "/labels", labels="urgent, rent", event="Speech", assigned=bruno_id)
    assert "urgent" in anna.open("/desk").text
    assert "Bruno" in anna.text
    assert "urgent" not in anna.open("/desk?mine=yes").text
    assert "urgent" in at(client, hub, world, "bruno@bologna").open("/desk?mine=yes").text
    anna.open(home(sent)).send(home(sent) + "/apart")
    assert home(sent) not in anna.open("/desk").response.text
    assert anna.says("desk.list.apart", count=1)
    assert home(sent) in anna.open("/desk?pile=apart").response.text
    anna.open(home(sent)).send(home(sent) + "/apart")
    assert home(sent) in anna.open("/desk").response.text
    assert anna.open(home(sent)).says("desk.case.keep_from", day="31 October 2027")
    assert home(sent) + "/keep" not in [form["action"] for form in anna.page.found]
    world.clock.at += timedelta(days=350)
    anna.sign_in()
    anna.open(home(sent)).send(home(sent) + "/keep")
    assert anna.says("desk.done.kept_longer")
    assert anna.says("desk.case.kind.automatic")


def test_another_desks_case_is_no_case_whatever_is_tried(
    client: TestClient, hub: Hub, world: World, anna: AtDesk, sent: Sent
) -> None:
    foreign = send(client, world, "milan", story="Secret of Milan")
    token = anna.open(home(sent)).page.found[0]["fields"]["token"]
    answers = [anna.client.get(home(foreign)), anna.client.get(home(foreign) + "/file/" + "0" * 32)]
    acts = ("note", "status", "settle", "labels", "apart", "keep", "keep-out", "share", "hand-over", "export")
    for act in ("reply", *acts):
        data = {"token": token, "text": "x", "note": "x", "status": "read", "officer": "x", "desk": "milan", "why": "x"}
        data["seen"] = "1"
        answers.append(anna.client.post(f"{home(foreign)}/{act}", data=data))
    unknown = anna.client.get("/desk/case/" + "0" * 32)
    for answer in [*answers, unknown]:
        assert answer.status_code == 404, answer.url
        assert "Secret of Milan" not in answer.text
    assert answers[0].text.replace(foreign.case_id, "0" * 32) == unknown.text
    assert "Secret" not in anna.open("/desk").response.text


def test_an_officer_who_is_kept_out_finds_no_such_case(
    client: TestClient, hub: Hub, world: World, anna: AtDesk, sent: Sent
) -> None:
    bruno_id = run(client, world.signed_in, "bruno@bologna").officer.id
    bruno = at(client, hub, world, "bruno@bologna")
    assert bruno.open(home(sent)).response.status_code == 200
    anna.open(home(sent)).send(home(sent) + "/keep-out", officer=bruno_id)
    assert anna.says("desk.done.kept_out")
    assert bruno.open(home(sent)).response.status_code == 404
    assert home(sent) not in bruno.open("/desk").response.text
    assert home(sent) not in bruno.open("/desk/trail").response.text
    assert home(sent) in anna.open("/desk/trail").response.text


def test_a_hand_over_waits_for_the_reporter(
    client: TestClient, hub: Hub, world: World, anna: AtDesk, sent: Sent
) -> None:
    anna.open(home(sent)).send(home(sent) + "/hand-over", desk="milan", why="They know housing better.")
    assert anna.says("desk.done.hand_over")
    assert anna.open(home(sent)).response.status_code == 200
    opened = reporter(client, hub, sent)
    assert opened.asked

    async def agree() -> None:
        assert hub.cases is not None
        await hub.cases.answer(opened.token, language="ar", agrees=True, asked=opened.asked_mark)

    run(client, agree)
    assert anna.open(home(sent)).response.status_code == 404
    assert STORY in at(client, hub, world, "carla@milan").open(home(sent)).text


def test_why_a_case_should_go_elsewhere_reaches_the_reporter_in_their_language(
    client: TestClient, hub: Hub, anna: AtDesk, sent: Sent
) -> None:
    why = {"why": "They know housing better.", "why_translation": "هم يعرفون السكن أكثر."}
    anna.open(home(sent)).send(home(sent) + "/hand-over", desk="milan", **why)
    asked = reporter(client, hub, sent)
    assert (asked.messages[-1].text, asked.messages[-1].language) == (why["why_translation"], "ar")
    assert why["why_translation"] in anna.open(home(sent)).text


def test_a_message_waits_on_the_page_until_somebody_answers_or_says_that_it_needs_none(
    client: TestClient, hub: Hub, world: World, anna: AtDesk, sent: Sent
) -> None:
    def write(text: str) -> None:
        async def add() -> None:
            async with hub.database.session() as session:
                returned = await open_by_receipt(session, sent.keys, clock=world.clock)
                await add_from_reporter(session, returned.token, language="ar", text=text, clock=world.clock)

        run(client, add)

    anna.open(home(sent)).send(home(sent) + "/reply", text="Come tomorrow.")
    assert sent.case_id not in listed(anna, "/desk?waits=yes")
    write("When exactly?")
    for _ in range(2):
        assert anna.open(home(sent)).says("desk.case.unanswered")
    assert listed(anna, "/desk?waits=yes") == [sent.case_id]
    assert anna.says("desk.mark.wrote")
    assert anna.says("desk.list.due")
    anna.open(home(sent)).send(home(sent) + "/settle")
    assert anna.says("desk.done.settled")
    assert not anna.says("desk.case.unanswered")
    assert listed(anna, "/desk?waits=yes") == []


def test_files_are_served_to_be_saved_and_that_is_noted(
    client: TestClient, hub: Hub, world: World, anna: AtDesk, sent: Sent
) -> None:
    async def add() -> None:
        file = await check(IncomingFile("présence.png", "text/html", PNG))
        async with hub.database.session() as session:
            returned = await open_by_receipt(session, sent.keys, clock=world.clock)
            await add_from_reporter(session, returned.token, language="ar", file=file, clock=world.clock)

    run(client, add)
    link = next(part for part in anna.open(home(sent)).response.text.split('"') if "/file/" in part)
    response = anna.client.get(link)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["content-disposition"].startswith("attachment;")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert response.content.startswith(b"\x89PNG")
    assert anna.open(home(sent)).says("label.audit.file_read")


def test_files_for_the_reporter_are_checked_cleaned_and_sealed_like_evidence(
    client: TestClient, hub: Hub, anna: AtDesk, sent: Sent
) -> None:
    letter = jpeg()
    files = [("files", ("complaint.jpg", letter, "text/html")), ("files", ("form.pdf", pdf(), "application/pdf"))]
    anna.open(home(sent)).send(home(sent) + "/reply", text="Please sign this.", files=files)
    assert anna.says("desk.done.replied")
    assert "complaint.jpg" in anna.text
    case = reporter(client, hub, sent)
    assert [file.name for file in case.messages[-1].files] == ["complaint.jpg", "form.pdf"]

    async def fetch() -> list[bytes]:
        assert hub.cases is not None
        return [(await hub.cases.read_file(case.token, file.id)).content for file in case.messages[-1].files]

    for content in run(client, fetch):
        assert BYTES not in content
    # A file alone is a message too.
    anna.open(home(sent)).send(home(sent) + "/reply", text="", files=files[:1])
    assert anna.says("desk.done.replied")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"PK\x03\x04", "archive"), (b"<script>", "kind"), (b"\xff\xd8\xffnothing", "broken")]
)
def test_a_file_that_is_refused_sends_nothing_and_loses_no_word(
    client: TestClient, hub: Hub, anna: AtDesk, sent: Sent, content: bytes, reason: str
) -> None:
    files = [("files", ("good.jpg", jpeg(), "image/jpeg")), ("files", ("bad.jpg", content, "image/jpeg"))]
    anna.open(home(sent)).send(home(sent) + "/reply", text="Please sign this.", files=files)
    assert anna.response.status_code == 422
    assert anna.says(f"error.file_{reason}")
    assert anna.says("desk.case.attach_again")
    assert "Please sign this." in anna.text
    assert len(reporter(client, hub, sent).messages) == 1


def test_a_stranger_s_files_take_no_room_that_officers_need(
    client: TestClient, hub: Hub, world: World, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    take = MemoryBudget.take

    def watch(self: MemoryBudget, size: int) -> bool:
        is_taken = take(self, size)
        taken.append(size if is_taken else 0)
        return is_taken

    monkeypatch.setattr(MemoryBudget, "take", watch)
    stranger = AtDesk(client, hub, world.clock)
    stranger.client.cookies.set(SESSION_COOKIE, "made-up", path="/desk")
    answer = stranger.client.post(home(sent) + "/reply", files=[("files", ("a.jpg", b"x" * 100_000, "image/jpeg"))])
    assert answer.status_code in {401, 403}
    assert taken
    assert not any(taken)


def test_an_export_holds_the_case(anna: AtDesk, sent: Sent) -> None:
    anna.open(home(sent)).send(home(sent) + "/export")
    with zipfile.ZipFile(io.BytesIO(anna.response.content)) as packed:
        assert json.loads(packed.read("case.json"))["report"]["story"] == STORY


def test_news_must_be_in_every_language_and_stands_behind_every_receipt(
    client: TestClient, hub: Hub, anna: AtDesk, sent: Sent
) -> None:
    anna.open("/desk/news").send("/desk/news", text_en="We changed the forms.")
    assert anna.response.status_code == 422
    assert "We changed the forms." in anna.response.text
    texts = {f"text_{language}": f"News in {language}" for language in ("en", "fr", "it", "ar")}
    anna.send("/desk/news", **texts)
    assert anna.says("desk.done.news_published")
    assert "News in fr" in [news.text for news in reporter(client, hub, sent, "fr").news]
    anna.open("/desk/news?period=2026-Q4").send("/desk/news", action="withdraw")
    assert reporter(client, hub, sent, "fr").news == []


def test_figures_are_exact_inside_and_previewed_before_they_are_released(
    client: TestClient, world: World, anna: AtDesk, sent: Sent
) -> None:
    assert "Housing" in anna.open("/desk/figures?period=2026").text
    assert anna.says("desk.figures.share", count=0, of=1)
    world.clock.at += timedelta(days=45)
    anna.sign_in()
    anna.open("/desk/figures/close?period=2026")
    assert anna.says("observatory.total_hidden")
    assert anna.says("desk.figures.final")
    assert anna.send("/desk/figures/close").says("desk.done.period_closed")
    assert "Housing" in anna.open("/desk/figures?period=2026").text


def test_a_form_without_its_token_or_with_anothers_changes_nothing(
    client: TestClient, hub: Hub, world: World, anna: AtDesk, sent: Sent
) -> None:
    bruno = at(client, hub, world, "bruno@bologna")
    other = bruno.open("/desk").page.found[0]["fields"]["token"]
    for token in ({}, {"token": ""}, {"token": "x" * 48}, {"token": other}):
        response = anna.client.post(home(sent) + "/note", data=token | {"note": "Forged."})
        assert response.status_code == 403
    assert "Forged." not in anna.open(home(sent)).text
    posts = {route.path for route in every_route() if "POST" in route.methods}
    assert len(posts) > 20
    for path in posts:
        address = path.replace("{case_id}", sent.case_id).replace("{token}", "x")
        assert anna.client.post(address, data={"login": "x"}).status_code == 403, path


def every_route() -> list[Any]:
    return [route for part in PARTS for route in part.router.routes]


def test_without_a_session_every_page_leads_to_the_door(client: TestClient, world: World, sent: Sent) -> None:
    for route in every_route():
        if "GET" in route.methods and route.path not in {"/desk/sign-in", "/desk/invitation/{token}"}:
            address = route.path.replace("{case_id}", sent.case_id).replace("{file_id}", "x")
            response = client.get(address, follow_redirects=False)
            assert (response.status_code, response.headers["location"]) == (303, "/desk/sign-in"), route.path


@pytest.mark.parametrize("is_https", [False, True])
def test_the_cookie_is_out_of_reach(
    hub: Hub, settings: Settings, client: TestClient, world: World, is_https: bool
) -> None:
    address = "https://testserver" if is_https else "http://testserver"
    person = AtDesk(client, hub, world.clock)
    person.client.base_url = address
    person.login, person.secret = "anna@bologna", world.people["anna@bologna"].secret
    person.sign_in()
    cookies = person.response.history[-1].headers.get_list("set-cookie")
    [cookie] = [one for one in cookies if SESSION_COOKIE + "=" in one]
    flags = {part.strip().casefold() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/desk"} <= flags
    assert ("secure" in flags) == is_https == cookie.startswith("__Secure-")


def test_a_session_ends_when_idle_and_when_signed_out(world: World, anna: AtDesk, sent: Sent) -> None:
    world.clock.at += timedelta(minutes=31)
    assert anna.open(home(sent)).path == "/desk/sign-in"
    assert STORY not in anna.text
    anna.sign_in()
    kept = {cookie.name: cookie.value or "" for cookie in anna.client.cookies.jar}
    assert anna.open("/desk").send("/desk/sign-out").says("desk.done.signed_out")
    anna.client.cookies.set(SESSION_COOKIE, kept[SESSION_COOKIE], domain="testserver.local", path="/desk")
    assert anna.open("/desk").path == "/desk/sign-in"


def test_what_was_being_written_when_the_session_ended_is_shown_once_more(
    world: World, anna: AtDesk, sent: Sent
) -> None:
    anna.open(home(sent))
    world.clock.at += timedelta(minutes=31)
    anna.send(home(sent) + "/reply", text="A long answer.")
    assert anna.response.status_code == 401
    assert "A long answer." in anna.text


def test_a_wrong_name_password_or_code_gets_one_answer_and_then_has_to_wait(
    client: TestClient, hub: Hub, world: World
) -> None:
    person = AtDesk(client, hub, world.clock)
    person.login, person.secret = "anna@bologna", world.people["anna@bologna"].secret
    texts = set()
    for wrong in ({"password": "x"}, {"code": "000000"}, {"login": "nobody", "password": "x"}):
        assert person.sign_in(**wrong).response.status_code == 401
        texts.add(person.text)
    assert len(texts) == 1
    for _ in range(3):
        person.sign_in(password="x")
    assert person.response.status_code == 429
    assert int(person.response.headers["retry-after"]) > 0


def test_nobody_keeps_an_officer_out_of_the_browser_where_they_signed_in(
    client: TestClient, hub: Hub, world: World, anna: AtDesk
) -> None:
    cookies = anna.client.cookies
    assert [cookie.path for cookie in cookies.jar if cookie.name == KNOWN_COOKIE] == ["/desk/sign-in"]
    stranger = AtDesk(client, hub, world.clock)
    stranger.login, stranger.secret = anna.login, anna.secret
    for _ in range(10):
        stranger.sign_in(password="x")
        world.clock.at += timedelta(minutes=5)
    world.clock.at -= timedelta(minutes=5)
    # Even with everything right, as Anna would be elsewhere.
    assert stranger.sign_in().response.status_code == 429
    assert anna.sign_in().path == "/desk"


def test_a_changed_password_ends_the_other_sessions(client: TestClient, hub: Hub, world: World, anna: AtDesk) -> None:
    other = at(client, hub, world, "anna@bologna")
    new = "another quite long sentence"
    anna.open("/desk/account").send("/desk/account/password", old="wrong", new=new, again=new)
    assert anna.says("desk.password.old_wrong")
    anna.send("/desk/account/password", old=PASSWORD, new=new, again=new)
    assert anna.says("desk.done.password")
    assert other.open("/desk").path == "/desk/sign-in"
    assert anna.open("/desk").path == "/desk"


def test_no_page_is_kept_by_a_browser_or_says_a_word_in_a_log(
    anna: AtDesk, sent: Sent, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    for address in ("/desk", home(sent), "/desk/trail", "/desk/figures", "/desk/setup", "/desk/officers", "/desk/news"):
        response = anna.client.get(address)
        assert response.status_code == 200, address
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError(STORY)

    anna.open(home(sent)).send(home(sent) + "/reply", text="Words of an answer")
    monkeypatch.setattr("web.desk.case_page.show_story", broken)
    assert anna.open(home(sent)).response.status_code == 500
    assert STORY not in anna.text
    assert "RuntimeError" not in anna.text
    logged = "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    assert "desk_page_failed" in logged
    for word in ("landlord", "foreigners", "Words of an answer", "4711"):
        assert word not in logged


def listed(anna: AtDesk, path: str = "/desk") -> list[str]:
    """Ids of the cases in the list, in its order."""
    return re.findall(r'href="/desk/case/([0-9a-f]{32})', anna.open(path).response.text)


def test_the_nearer_of_promise_and_legal_limit_decides_the_order(
    client: TestClient, world: World, anna: AtDesk, clock: FixedClock
) -> None:
    """In Ireland, the shortest limit for work is two months; the desk promises an answer within 14 days."""
    today = clock.now().date()

    def told(days_ago: int) -> str:
        when = When(day=today - timedelta(days=days_ago))
        return send(client, world, country="IE", area="employment", when=when).case_id

    over, near, far = told(400), told(59), told(10)
    clock.at += timedelta(minutes=1)
    later = send(client, world, country="BR").case_id
    order = listed(anna)
    assert order[:2] == [near, later]
    assert set(order[2:]) == {far, over}
    assert anna.says("desk.list.legal")
    assert listed(anna, "/desk?near=yes") == [near]


def test_a_day_that_comes_near_is_seen_for_what_is_set_apart_too(
    client: TestClient, world: World, anna: AtDesk, sent: Sent
) -> None:
    real = send(client, world)

    async def apart() -> None:
        async with world.database.session() as session:
            case = await session.get_one(Case, real.case_id)
            case.set_apart = True
            session.add(case)
            await session.commit()

    run(client, apart)
    assert not anna.open("/desk").says("desk.list.apart_near", count=1)
    world.clock.at += timedelta(days=12)
    anna.sign_in()
    assert anna.open("/desk").says("desk.list.apart_near", count=1)
    assert listed(anna, "/desk?pile=apart&near=yes&status=new") == [real.case_id]
    anna.open(f"/desk/case/{real.case_id}")
    assert not anna.open("/desk").says("desk.list.apart_near", count=1)


def test_a_flood_of_junk_leaves_the_list_readable_and_refuses_nobody(
    client: TestClient, hub: Hub, world: World, anna: AtDesk
) -> None:
    """100 reports of one source within a minute, ten of others between them, and one that shares its address."""
    intake = hub.form
    assert isinstance(intake, Intake)
    drafts = Drafts(hub.settings.load_secret_key(), world.clock)

    async def flood() -> list[bool]:
        first = Teller(intake, key="first")
        await first.open(desk="bologna")
        await first.walk("send", {"desk": ("bologna",), "story": "Like all the others"})
        async with hub.database.session() as session:
            told = await drafts.load(session, "first")
        assert told is not None
        return [await tell(story, source, told.sheet) for story, source in stories()]

    async def tell(story: str, source: str, like: Sheet) -> bool:
        """As if every step had been walked with this story; sending is the real one."""
        sheet = like.model_copy(deep=True, update={"submission": secrets.token_hex(16)})
        sheet.answers["story"].text = story
        assert sheet.receipt is not None
        sheet.receipt.receipt_id = secrets.token_hex(32)
        async with hub.database.session() as session:
            await drafts.create(session, story, sheet)
        screen = await intake.show(story)
        assert screen is not None
        sent = await intake.take(story, FormInput(Action.SEND, screen.step, screen.version, source=source))
        return sent.step == "done" and sent.error is None

    def stories() -> Iterator[tuple[str, str]]:
        for number in range(100):
            yield f"All are thieves, number {number}", "192.0.2.66"
            if number % 10 == 5:
                yield f"True story {number}", f"198.51.100.{number}"
        yield "True, from the same library", "192.0.2.66"

    assert all(run(client, flood))
    shown = listed(anna)
    assert sum("True story" in anna.open(f"/desk/case/{case_id}").text for case_id in shown) == 10
    assert len(shown) == 10 + MOST_OF_ONE_SOURCE
    assert anna.open("/desk").says("desk.list.apart", count=98)
    apart = listed(anna, "/desk?pile=apart") + listed(anna, "/desk?pile=apart&page=2")
    assert len(set(apart)) == 98
    [shared] = [one for one in apart if "from the same library" in anna.open(f"/desk/case/{one}").text]
    anna.open(f"/desk/case/{shared}").send(f"/desk/case/{shared}/apart")
    assert shared in listed(anna)
