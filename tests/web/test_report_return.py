"""Coming back with a receipt, over HTTP and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app import build_app
from channels.forms import CaseMessage, CaseNews, ShownFile
from core.clock import FixedClock
from core.settings import Settings
from tests.web.fake_form import FakeCases, FakeForm
from tests.web.test_pages import Reader
from web.limits import FILES_PER_ADDRESS, MESSAGES_PER_ADDRESS
from web.state import Hub

WORDS = "He did it again. <b>مرة أخرى</b>"


@pytest.fixture
def cases() -> FakeCases:
    return FakeCases()


@pytest.fixture
def client(hub: Hub, settings: Settings, cases: FakeCases) -> Iterator[TestClient]:
    with TestClient(build_app(settings, hub=replace(hub, form=FakeForm(), cases=cases))) as client:
        yield client


class Reporter:
    """Somebody who comes back, with a browser without a script."""

    def __init__(self, client: TestClient, hub: Hub) -> None:
        self.client, self.hub = client, hub
        self.read(client.get("/report/return"))

    def read(self, response: Response) -> Reporter:
        self.response, self.page = response, Reader(response.text)
        assert response.url.path == "/report/return"
        return self

    def fields(self) -> dict[str, Any]:
        return {
            element["name"]: element["value"] for element in self.page.all("input") if element.get("type") == "hidden"
        }

    def press(self, action: str, files: Any = None, **typed: Any) -> Reporter:
        names = {"to" if action in {"en", "fr", "it", "ar"} else "action": action}
        assert any(button.get("value") == action for button in self.page.all("button")), action
        return self.read(self.client.post("/report/return", data=self.fields() | typed | names, files=files))

    def enter(self, code: str) -> Reporter:
        return self.press("open", code=code)

    def says(self, key: str) -> bool:
        return self.hub.wording.texts.get(f"report_page.{key}", "en") in self.page.text


@pytest.fixture
def reporter(client: TestClient, hub: Hub) -> Reporter:
    return Reporter(client, hub)


@pytest.fixture
def inside(reporter: Reporter, cases: FakeCases) -> Reporter:
    return reporter.enter(cases.receipt)


def test_the_code_opens_the_case_however_it_is_typed(client: TestClient, hub: Hub, cases: FakeCases) -> None:
    spaced = " ".join(cases.receipt[start : start + 5] for start in range(0, 25, 5))
    arabic = "".join(chr(0x660 + int(digit)) for digit in cases.receipt)
    for code in (cases.receipt, spaced, spaced.replace(" ", "-"), arabic):
        page = Reporter(client, hub).enter(code).page
        assert "The desk works on your report." in page.text
        assert "The deadline is 20 December." in page.text
        assert "new forms in four languages" in page.text


def test_a_wrong_code_stays_in_its_field_to_be_mended(reporter: Reporter) -> None:
    reporter.enter("0" * 25)
    assert reporter.response.status_code == 404
    [field] = [field for field in reporter.page.all("input") if field.get("name") == "code"]
    assert (field["value"], field["aria-invalid"]) == ("0" * 25, "true")
    assert "#code" in reporter.page.links()
    reporter.enter("123")
    assert reporter.response.status_code == 422


def test_too_many_wrong_codes_say_when_to_go_on(reporter: Reporter) -> None:
    for _ in range(11):
        reporter.enter("0" * 25)
    assert reporter.response.status_code == 429
    assert reporter.response.headers["retry-after"] == "360"


def test_attempts_are_counted_by_address_and_not_where_there_is_none(hub: Hub, settings: Settings) -> None:
    """Through an onion service everybody comes from this machine; nobody there may lock out the others."""
    proxied = settings.model_copy(update={"trusted_proxies": "127.0.0.1"})
    for address, headers, expected in (
        ("203.0.113.7", {}, {"203.0.113.7"}),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.4"}, {"198.51.100.4"}),
        ("127.0.0.1", {}, None),
    ):
        cases = FakeCases()
        app = build_app(proxied, hub=replace(hub, settings=proxied, form=FakeForm(), cases=cases))
        with TestClient(app, client=(address, 1)) as client:
            mark = Reader(client.get("/report/return").text).field("page")
            for _ in range(2):
                client.post("/report/return", data={"code": "0" * 25, "page": mark}, headers=headers)
        if expected is None:
            assert len(set(cases.sources)) == 2
            assert "127.0.0.1" not in cases.sources
        else:
            assert set(cases.sources) == expected


def test_neither_code_nor_token_is_in_an_address(inside: Reporter, cases: FakeCases) -> None:
    assert not inside.response.url.query
    addresses = [*inside.page.links(), *(form["action"] for form in inside.page.all("form"))]
    assert not [address for address in addresses if cases.token in address or cases.receipt[:5] in address]
    assert inside.fields()["token"] == cases.token
    assert "set-cookie" not in inside.response.headers


def test_each_message_has_its_language_and_direction(inside: Reporter) -> None:
    spoken = [(div["lang"], div["dir"]) for div in inside.page.all("div") if "words" in div.get("class", "")]
    assert spoken == [("en", "ltr"), ("ar", "rtl")]
    assert inside.says("case.machine")
    assert "Abbiamo scritto al proprietario." in inside.page.text
    assert "letter.pdf" in inside.page.text


def test_words_and_files_are_added(inside: Reporter, cases: FakeCases) -> None:
    files = [("files", (f"{name}.jpg", b"x", "image/jpeg")) for name in "ab"]
    inside.press("add", text=f"  {WORDS}\r\n", files=files)
    assert [(message.text, message.file_names) for message in cases.messages[2:]] == [
        (WORDS, ["a.jpg"]),
        ("", ["b.jpg"]),
    ]
    assert inside.says("case.sent")
    assert WORDS in inside.page.text
    [area] = inside.page.all("textarea")
    assert "aria-invalid" not in area


def test_sending_a_page_twice_adds_it_once(inside: Reporter, cases: FakeCases) -> None:
    for typed, files in (({"text": WORDS}, None), ({}, [("files", ("a.jpg", b"x", "image/jpeg"))])):
        before = len(cases.messages)
        fields = inside.fields() | typed | {"action": "add"}
        for _ in range(2):
            inside.read(inside.client.post("/report/return", data=fields, files=files))
        assert len(cases.messages) == before + 1
        assert inside.says("case.sent_before")


def test_the_same_words_can_be_said_again_later(inside: Reporter, cases: FakeCases) -> None:
    for _ in range(2):
        inside.press("add", text="Any news?")
    assert [message.text for message in cases.messages].count("Any news?") == 2


def test_an_answer_that_came_meanwhile_is_no_reason_to_drop_words(inside: Reporter, cases: FakeCases) -> None:
    cases.messages.append(CaseMessage(True, WORDS, "en", "22 November 2026"))
    inside.press("add", text=WORDS)
    assert cases.messages[-1].from_desk is False


def test_nothing_written_is_said_kindly(inside: Reporter) -> None:
    inside.press("add", text="  ")
    assert inside.response.status_code == 422
    assert inside.says("case.empty")


def test_a_refused_file_keeps_the_words(inside: Reporter, cases: FakeCases) -> None:
    inside.press("add", text=WORDS, files=[("files", ("bad.jpg", b"broken", "image/jpeg"))])
    assert len(cases.messages) == 2
    assert WORDS in inside.page.text
    assert inside.hub.wording.texts.get("error.file_broken", "en") in inside.page.text


def test_a_second_file_that_is_refused_leaves_the_first(inside: Reporter, cases: FakeCases) -> None:
    files = [("files", ("good.jpg", b"x", "image/jpeg")), ("files", ("bad.jpg", b"broken", "image/jpeg"))]
    inside.press("add", text=WORDS, files=files)
    assert [message.file_names for message in cases.messages[2:]] == [["good.jpg"]]
    assert "bad.jpg" in inside.page.text


def test_a_case_that_was_left_too_long_asks_for_the_code_and_keeps_the_words(
    inside: Reporter, cases: FakeCases
) -> None:
    cases.is_open = False
    inside.press("add", text=WORDS)
    assert inside.response.status_code == 410
    assert inside.says("return.ended")
    inside.press("open", code=cases.receipt, words=WORDS)
    assert WORDS in inside.page.text
    assert len(cases.messages) == 2
    assert "token" in inside.fields()


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_language_changes_without_losing_a_word(inside: Reporter, language: str) -> None:
    inside.press(language, text=WORDS)
    assert inside.page.all("html")[0]["lang"] == language
    assert WORDS in inside.page.text


def test_a_question_for_consent_is_answered_with_two_buttons(inside: Reporter, cases: FakeCases) -> None:
    cases.asked = "May we pass your report on to Open Door?"
    inside.press("show")
    assert cases.asked in inside.page.text
    inside.press("refuse")
    assert cases.agreed is False
    assert inside.says("case.answered")
    assert "Open Door" not in inside.page.text


def test_the_page_shows_what_one_would_agree_to_and_answers_only_that(inside: Reporter, cases: FakeCases) -> None:
    cases.asked, cases.asked_notes, cases.asked_mark = "May Open Door have it?", ["By law it tells the police."], "0a1"
    inside.press("show")
    assert "By law it tells the police." in inside.page.text
    old = inside.fields()
    cases.asked, cases.asked_mark = "May Far Door have it?", "0b2"
    inside.press("agree", **old)
    assert inside.response.status_code == 409
    assert cases.agreed is None
    assert inside.hub.wording.texts.get("error.hand_over_changed", "en") in inside.page.text
    assert "May Far Door have it?" in inside.page.text
    inside.press("agree")
    assert cases.agreed is True


def test_the_form_of_a_file_is_chosen_and_the_safer_one_is_the_first(inside: Reporter, cases: FakeCases) -> None:
    chosen = [field for field in inside.page.all("input") if field.get("name") == "copies"]
    assert [(field["value"], "checked" in field) for field in chosen] == [
        ("cleaned", True), ("original", False), ("both", False),
    ]  # fmt: skip
    inside.press("add", text=WORDS, copies="original")
    assert cases.copies == "original"
    inside.press("add", text="", copies="both")
    assert inside.response.status_code == 422
    assert 'value="both" checked' in inside.response.text


def test_what_changed_stands_under_its_heading_with_its_period_and_older_ones_behind(
    inside: Reporter, cases: FakeCases
) -> None:
    cases.news = [CaseNews(f"Period {number}", f"We changed {number}.", "en") for number in range(3)]
    inside.press("show")
    heading = inside.hub.wording.texts.get("case.news", "en")
    text = inside.page.text
    assert text.index(heading) < text.index("Period 0") < text.index("We changed 0.") < text.index("Period 2")
    assert inside.response.text.index("We changed 1.") < inside.response.text.index("<details><summary>Older ones")
    cases.news = []
    inside.press("show")
    assert heading not in inside.page.text


def test_taking_the_report_back_is_asked_twice(inside: Reporter, cases: FakeCases) -> None:
    inside.press("withdraw")
    assert not [button for button in inside.page.all("button") if button.get("value") == "delete"]
    inside.press("show")
    assert "The desk works on your report." in inside.page.text
    inside.press("withdraw").press("sure")
    assert not cases.withdrawn
    inside.press("delete")
    assert cases.withdrawn
    assert inside.says("withdraw.done")
    assert inside.says("close_window")
    reporter = Reporter(inside.client, inside.hub).enter(cases.receipt)
    assert reporter.response.status_code == 404


def test_enter_on_the_pages_about_taking_back_keeps_the_report(inside: Reporter) -> None:
    for action in ("withdraw", "sure"):
        inside.press(action)
        first = next(button for button in inside.page.all("button") if button.get("form") == "step")
        assert first["value"] == "show"


def test_a_file_from_the_desk_is_saved_under_a_name_that_says_nothing(inside: Reporter, cases: FakeCases) -> None:
    letter = ShownFile("f" * 32, "complaint-against-landlord.pdf", 2**20)
    cases.messages.append(CaseMessage(True, "Please sign this.", "en", "22 November 2026", files=[letter]))
    inside.press("show")
    assert letter.name in inside.page.text
    assert inside.says("case.save_hint")
    [button] = [button for button in inside.page.all("button") if button.get("name") == "file"]
    assert button["value"] == letter.id
    saved = inside.client.post("/report/return", data=inside.fields() | {"file": button["value"]})
    assert saved.content == b"%PDF-1.7 from the desk"
    assert saved.headers["content-disposition"] == 'attachment; filename="document-1.pdf"'
    assert saved.headers["content-type"] == "application/pdf"
    assert saved.headers["x-content-type-options"] == "nosniff"
    assert saved.headers["cache-control"] == "no-store"
    assert "landlord" not in str(saved.headers)


def test_a_file_that_is_not_there_leaves_the_case_open_and_a_closed_case_hands_out_nothing(
    inside: Reporter, cases: FakeCases
) -> None:
    fields = inside.fields()
    inside.read(inside.client.post("/report/return", data=fields | {"file": "0" * 32}))
    assert inside.response.status_code == 404
    assert "The desk works on your report." in inside.page.text
    cases.is_open = False
    inside.read(inside.client.post("/report/return", data=fields | {"file": "f" * 32}))
    assert inside.response.status_code == 410
    assert inside.says("return.ended")


# Whoever shares the computer.


def test_an_old_page_sent_again_opens_nothing_and_shows_no_code(
    reporter: Reporter, cases: FakeCases, clock: FixedClock
) -> None:
    """A browser without a script offers to send a page again to whoever presses "Back"."""
    posted = reporter.fields() | {"code": cases.receipt, "action": "open"}
    reporter.read(reporter.client.post("/report/return", data=posted))
    assert "token" in reporter.fields()
    reporter.press("close")
    clock.at += timedelta(seconds=11)
    reporter.read(reporter.client.post("/report/return", data=posted))
    assert reporter.response.status_code == 410
    assert reporter.says("return.stale")
    assert not cases.is_open
    assert cases.receipt not in reporter.response.text
    assert "The desk works on your report." not in reporter.page.text
    # The page that comes instead is a new one.
    reporter.enter(cases.receipt)
    assert "The desk works on your report." in reporter.page.text


def test_a_page_that_lay_open_too_long_opens_nothing(reporter: Reporter, cases: FakeCases, clock: FixedClock) -> None:
    for age, is_open in ((timedelta(minutes=29), True), (timedelta(minutes=31), False)):
        cases.is_open = False
        mark = Reporter(reporter.client, reporter.hub).fields()["page"]
        clock.at += age
        reporter.client.post("/report/return", data={"code": cases.receipt, "page": mark})
        assert cases.is_open is is_open


@pytest.mark.parametrize("mark", ["", "x", "1.2.3", "1795338000.aa.bb", "é.é.é"])
def test_a_made_up_mark_opens_nothing_and_is_no_attempt(client: TestClient, cases: FakeCases, mark: str) -> None:
    assert client.post("/report/return", data={"code": cases.receipt, "page": mark}).status_code == 410
    assert not cases.is_open
    assert not cases.sources


def test_pressing_twice_opens_the_case_twice(reporter: Reporter, cases: FakeCases) -> None:
    posted = reporter.fields() | {"code": cases.receipt, "action": "open"}
    for _ in range(2):
        reporter.read(reporter.client.post("/report/return", data=posted))
        assert "The desk works on your report." in reporter.page.text


def test_a_mistyped_code_can_be_mended_on_the_page_before(
    reporter: Reporter, cases: FakeCases, clock: FixedClock
) -> None:
    before = reporter.fields()
    reporter.enter("0" * 25)
    clock.at += timedelta(minutes=2)
    reporter.read(reporter.client.post("/report/return", data=before | {"code": cases.receipt}))
    assert "The desk works on your report." in reporter.page.text


def test_closing_ends_it_for_whoever_comes_next(inside: Reporter, cases: FakeCases) -> None:
    page = inside.fields() | {"action": "show"}
    inside.press("close")
    assert "code" in {element.get("name") for element in inside.page.all("input")}
    inside.read(inside.client.post("/report/return", data=page))
    assert inside.response.status_code == 410
    assert "The desk works on your report." not in inside.page.text


def test_no_title_names_the_desk(inside: Reporter) -> None:
    title = inside.response.text.partition("<title>")[2].partition("</title>")[0]
    assert "Messages" in title
    assert "Bologna" not in title


# Whoever wants to fill the disk.


def test_files_of_one_address_are_bounded_and_words_are_taken_all_the_same(
    client: TestClient, hub: Hub, cases: FakeCases
) -> None:
    reporter = Reporter(client, hub).enter(cases.receipt)
    photo = [("files", ("a.jpg", b"x", "image/jpeg"))]
    for number in range(FILES_PER_ADDRESS.most):
        reporter.press("add", text=f"{number}", files=photo)
    before = len(cases.messages)
    reporter.press("add", text=WORDS, files=photo)
    assert (cases.messages[-1].text, cases.messages[-1].file_names) == (WORDS, [])
    assert len(cases.messages) == before + 1
    assert hub.wording.texts.get("report_page.file.busy", "en", name="a.jpg") in reporter.page.text
    reporter.press("add", text="", files=photo)
    assert len(cases.messages) == before + 1
    assert not reporter.says("case.sent")


def test_presses_of_one_address_are_bounded(inside: Reporter) -> None:
    for _ in range(MESSAGES_PER_ADDRESS.most):
        inside.press("show")
        if inside.response.status_code != 200:
            break
    assert inside.response.status_code == 429
