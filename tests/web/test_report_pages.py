"""The guided report as pages, over HTTP and without a script: nothing in addresses, nothing on disk, nothing lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from httpx2 import Response

from app import build_app
from channels.forms import Action
from cli.supervisor import serve_hub
from core.languages import RELEASED
from core.settings import Settings
from reports.receipts import new_receipt, read_receipt
from tests.databases import copy_migrated_sqlite
from tests.fakes import FakeAssistant
from tests.web.fake_form import STEPS, FakeCases, FakeForm
from tests.web.test_pages import Reader
from web.limits import LARGEST_UPLOAD
from web.memory_form import LARGEST_FILE
from web.pages import STATIC
from web.state import Hub

STORY = "The landlord said: no foreigners. Überall <b>Wörter</b> & كلمات"


@pytest.fixture
def form() -> FakeForm:
    return FakeForm()


@pytest.fixture
def cases() -> FakeCases:
    return FakeCases()


@pytest.fixture
def client(
    hub: Hub, settings: Settings, form: FakeForm, cases: FakeCases, migrated_sqlite: Path
) -> Iterator[TestClient]:
    copy_migrated_sqlite(migrated_sqlite, settings)
    app = build_app(settings, hub=replace(hub, form=form, cases=cases))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


class Person:
    """Somebody with a browser without a script: presses buttons of the page that is open."""

    def __init__(self, client: TestClient, *, language: str | None = None) -> None:
        self.client = client
        self.read(client.get("/report" + (f"?lang={language}" if language else "")))

    def read(self, response: Response) -> Person:
        self.response, self.page = response, Reader(response.text)
        return self

    @property
    def title(self) -> str:
        return self.page.text.partition("</title>")[0].strip()

    def fields(self) -> dict[str, Any]:
        """The hidden fields of the page."""
        return {
            element["name"]: element["value"] for element in self.page.all("input") if element.get("type") == "hidden"
        }

    def button(self, value: str) -> dict[str, str]:
        """The button's own field; it must be on the page."""
        found = [button for button in self.page.all("button") if button.get("value") == value]
        assert found, f"no button {value} on the page"
        return {found[-1]["name"]: value}

    def press(self, value: str, files: Any = None, **typed: Any) -> Person:
        button = {typed.pop("name"): value} if "name" in typed else self.button(value)
        return self.read(self.client.post("/report", data=self.fields() | typed | button, files=files))

    def go_to(self, step: str, form: FakeForm) -> Person:
        """Answer until the step asks."""
        self.press("begin")
        for screen in STEPS:
            if screen.step == step:
                assert self.fields()["step"] == step
                return self
            match screen.step:
                case "evidence" | "review":
                    self.press("next")
                case "story":
                    self.press("answer", text=STORY)
                case "receipt":
                    self.press("kept")
                case _:
                    self.press("answer", values=screen.choices[0].value)
        raise AssertionError(step)


@pytest.fixture
def person(client: TestClient) -> Person:
    return Person(client)


def says(client: TestClient, page: Reader, hub: Hub, key: str, **values: Any) -> bool:
    return hub.wording.texts.get(f"report_page.{key}", "en", **values) in page.text


# Doors and addresses.


def test_the_first_page_says_what_this_is_and_emergency_numbers_come_first(client: TestClient, hub: Hub) -> None:
    page = Reader(client.get("/report").text)
    texts = hub.wording.texts
    danger, begin = (page.text.index(texts.get(f"report_page.landing.{key}", "en")) for key in ("danger", "begin"))
    assert danger < begin
    for key in ("reader", "draft", "tor", "leave", "own_device"):
        assert texts.get(f"report_page.landing.{key}", "en") in page.text
    assert "/report/return" in page.links()
    assert "/catalogue?kind=service" in page.links()
    assert "/emergency#IT" in page.links()


def test_while_reports_are_not_open_the_page_says_so_and_shows_services(hub: Hub, settings: Settings) -> None:
    with TestClient(build_app(settings, hub=replace(hub, form=None, cases=None))) as client:
        for response in (
            client.get("/report"),
            client.get("/report/return"),
            client.get("/report/desk/bologna"),
            client.post("/report", data={"words": STORY}),
            client.post("/report/return", data={"code": "1"}),
        ):
            page = Reader(response.text)
            assert hub.wording.texts.get("report_page.closed.title", "en") in page.text
            assert "/catalogue?kind=service" in page.links()
            assert "landlord" not in page.text
        assert "/report" not in Reader(client.get("/").text).links()


def test_no_title_tells_what_is_asked_or_whom(person: Person, form: FakeForm) -> None:
    """Titles stay in the browser's history."""
    person.press("begin")
    for screen in STEPS[:-1]:
        title = person.response.text.partition("<title>")[2].partition("</title>")[0]
        assert screen.title not in title
        assert f"Step {STEPS.index(screen) + 1}" in title
        button = {"receipt": "kept", "evidence": "next", "review": "next"}.get(screen.step, "answer")
        person.press(
            button, **({"values": screen.choices[0].value} if button == "answer" and screen.choices else {"text": "x"})
        )


def test_all_steps_have_one_address_and_nothing_in_it(person: Person, form: FakeForm) -> None:
    person.press("begin")
    for screen in STEPS:
        actions = [element["action"] for element in person.page.all("form")]
        assert actions == ["/report"]
        assert person.response.url.path == "/report"
        assert not person.response.url.query
        assert not [link for link in person.page.links() if person.fields()["key"] in link]
        match screen.step:
            case "evidence" | "review":
                person.press("next")
            case "receipt":
                person.press("kept")
            case "send":
                person.press("send")
            case "story":
                person.press("answer", text=STORY)
            case _:
                person.press("answer", values=screen.choices[0].value)
    assert "Your report is sent" in person.page.text
    [sent] = form.sent
    assert sent.answers["story"].text == STORY
    assert not form.drafts


@pytest.mark.parametrize("address", ["/report", "/report/return", "/report/leave"])
def test_headers_let_nothing_out_and_nothing_stay(client: TestClient, address: str) -> None:
    headers = client.get(address, follow_redirects=False).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not [part for part in policy.split() if "//" in part or part == "data:"]
    assert "geolocation=()" in headers["permissions-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"


def test_only_leaving_quickly_empties_the_browser_and_leads_away(client: TestClient) -> None:
    response = client.get("/report/leave?lang=it", follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == "/catalogue?kind=tool&plain=1&lang=it"
    assert response.headers["clear-site-data"] == '"cache", "storage"'
    assert "clear-site-data" not in client.get("/report").headers
    first = next(link for link in Reader(client.get("/report").text).links())
    assert first == "/report/leave", "the first thing that the keyboard reaches"


@pytest.mark.parametrize("language", RELEASED)
def test_the_page_after_leaving_quickly_says_nothing_of_reports_or_of_danger(
    client: TestClient, hub: Hub, language: str
) -> None:
    page = Reader(client.get(f"/report/leave?lang={language}").text)
    assert page.all("html")[0]["lang"] == language
    telling = ("/report", "/emergency", "/observatory", "/catalogue?kind=service")
    assert not [link for link in page.links() if link.startswith(telling)]
    for key in ("report_page.tell", "page.site.services", "page.site.emergency", "page.catalogue.in_danger"):
        assert hub.wording.texts.get(key, language) not in page.text
    usual = Reader(client.get(f"/catalogue?kind=tool&lang={language}").text)
    assert all(any(link.startswith(address) for link in usual.links()) for address in telling)


def test_no_page_breaks_the_policy(person: Person, form: FakeForm) -> None:
    """Also those with a code, a letter or an error; each is without cookies, inline script or foreign parts."""
    form.letter = True
    responses = [person.response, person.press("begin").response, person.press("answer").response]
    for screen in STEPS:
        value = screen.choices[0].value if screen.choices else ""
        button = {"receipt": "kept", "send": "send", "evidence": "next", "review": "next"}.get(screen.step, "answer")
        responses.append(person.press(button, **({"values": value} if button == "answer" else {}), text="x").response)
    assert "Gentile Signora" in responses[-1].text
    for response in responses:
        assert "set-cookie" not in response.headers
        for tag, attributes in Reader(response.text).elements:
            assert "style" not in attributes
            assert not [name for name in attributes if name.startswith("on")]
            assert tag != "script" or attributes["src"].startswith("/static/")
            if tag in {"img", "link"}:
                assert attributes.get("href", "/").startswith("/")
            if tag == "a" and attributes["href"].startswith("http"):
                assert "noreferrer" in attributes["rel"]


def test_the_numbers_of_each_country_are_beside_the_first_question(person: Person) -> None:
    person.press("begin")
    assert "If you are in danger, call now." in person.page.text
    assert {"/emergency#IT", "/emergency"} <= {link.replace("?lang=en", "") for link in person.page.links()}


@pytest.mark.parametrize("language", RELEASED)
def test_a_question_that_a_voice_message_may_answer_takes_sound_and_nothing_else(
    client: TestClient, hub: Hub, form: FakeForm, language: str
) -> None:
    person = Person(client, language=language)
    person.press("begin")
    for screen in STEPS[: [screen.step for screen in STEPS].index("grounds")]:
        assert screen.takes_files == bool(person.page.all("form")[-1].get("enctype"))
        person.press("answer", values=screen.choices[0].value if screen.choices else "", text="x")
    [field] = [element for element in person.page.all("input") if element.get("type") == "file"]
    assert field["accept"] == "audio/*"
    assert hub.wording.texts.get("report_page.voice.label", language) in person.page.text
    person.press("answer", files=[("files", ("answer.ogg", b"sound", "audio/ogg"))])
    assert [(one.step, one.file.is_voice) for one in form.taken if one.file] == [("grounds", True)]


# From the chat.


def test_the_chat_leads_to_the_report_with_the_sentence_that_was_written(
    client: TestClient, form: FakeForm, assistant: FakeAssistant
) -> None:
    assistant.understand(STORY, "report_discrimination")
    page = Reader(client.post("/chat", data={"message": STORY}).text)
    tell = next(element for element in page.all("form") if element.get("class") == "tell")
    assert tell["action"] == "/report"
    sender = page.field("sender")
    # A country pressed beside it is still about that sentence; anything else is not.
    fields = {"message": "/report/IT", "said": "Italy", "sender": sender, "words": page.field("words")}
    page = Reader(client.post("/chat", data=fields).text)
    assert page.field("words") == STORY
    assert page.field("place") == "IT"
    client.post("/report", data={"words": page.field("words"), "action": "begin", "lang": "en"})
    [draft] = form.drafts.values()
    assert draft.opened_with["words"] == STORY
    page = Reader(client.post("/chat", data=fields | {"message": "/tools"}).text)
    assert STORY not in [field.get("value") for field in page.all("input") if field.get("name") == "words"]


def test_the_chat_names_the_report_only_while_it_is_open(
    client: TestClient, hub: Hub, settings: Settings, assistant: FakeAssistant
) -> None:
    assistant.understand(STORY, "report_discrimination")
    assert "/report" in Reader(client.get("/").text).links()
    assert "/report" in Reader(client.get("/catalogue?kind=service").text).links()
    with TestClient(build_app(settings, hub=replace(hub, form=None, cases=None))) as closed:
        page = Reader(closed.post("/chat", data={"message": STORY}).text)
        assert not [element for element in page.all("form") if element.get("action", "").startswith("/report")]


# One step.


def test_words_that_were_written_in_the_chat_come_along_in_the_body(client: TestClient, form: FakeForm) -> None:
    person = Person(client).read(
        client.post("/report", data={"words": STORY, "desk": "bologna", "city": "Bologna", "place": "it-bologna"})
    )
    [draft] = form.drafts.values()
    carried = {"words": STORY, "desk": "bologna", "city": "Bologna", "place": "it-bologna"}
    assert draft.opened_with == {"origin": "web", **carried}
    assert person.fields()["step"] == "safe"


def test_beginning_twice_begins_one_report(person: Person, form: FakeForm) -> None:
    fields = person.fields()
    for _ in range(2):
        person.read(person.client.post("/report", data=fields | {"action": "begin"}))
    assert len(form.drafts) == 1


def test_the_key_is_25_digits_that_nobody_guesses(client: TestClient) -> None:
    keys = {Person(client).fields()["key"] for _ in range(20)}
    assert len(keys) == 20
    assert all(len(read_receipt(key)) == 25 for key in keys)


def test_enter_goes_on(person: Person, form: FakeForm) -> None:
    """Enter presses the first submit button of a form in the page's order, which must not be a language or Back."""
    person.go_to("story", form)
    first = next(button for button in person.page.all("button") if button.get("type", "submit") == "submit")
    assert (first["name"], first["value"]) == ("action", "answer")


def test_an_answer_that_is_not_taken_keeps_what_was_typed(person: Person, form: FakeForm) -> None:
    person.go_to("story", form)
    words = "\n first line\n" + "a" * 4001
    person.press("answer", text=words.replace("\n", "\r\n"))
    assert person.fields()["step"] == "story"
    assert "That is too long." in person.page.text
    assert words in person.page.text
    [summary] = [div for div in person.page.all("div") if "data-problem" in div]
    assert summary["role"] == "alert"
    assert "#text" in person.page.links()
    [area] = person.page.all("textarea")
    assert (area["aria-invalid"], "text-wrong" in area["aria-describedby"]) == ("true", True)
    assert "Problem: " in person.page.text


def test_choices_beside_a_refused_text_stay_chosen(person: Person, form: FakeForm) -> None:
    person.go_to("grounds", form)
    person.press("answer", values=["religion", "origin"], text="a" * 4001)
    chosen = [box["value"] for box in person.page.all("input") if "checked" in box]
    assert sorted(chosen) == ["origin", "religion"]


def test_a_question_without_an_answer_leads_to_its_first_choice(person: Person) -> None:
    person.press("begin").press("answer")
    assert "Please choose one." in person.page.text
    assert "#choice-1" in person.page.links()


def test_several_choices_and_words_are_one_answer(person: Person, form: FakeForm) -> None:
    person.go_to("grounds", form).press("answer", values=["origin", "religion"], text=" my name ")
    assert form.taken[-1].values == ("origin", "religion")
    assert form.taken[-1].text == "my name"
    person.press("back")
    assert [box["value"] for box in person.page.all("input") if "checked" in box] == ["origin", "religion"]


def test_back_and_pause_carry_what_stands_in_the_fields(person: Person, form: FakeForm) -> None:
    person.go_to("story", form).press("back", text="half a sentence")
    assert (form.taken[-1].action, form.taken[-1].text) == (Action.BACK, "half a sentence")


def test_a_step_with_one_way_on_is_a_button(person: Person, form: FakeForm) -> None:
    person.go_to("danger", form)
    assert not [box for box in person.page.all("input") if box.get("type") == "radio"]
    person.press("answer")
    assert form.taken[-1].values == ("go_on",)


def test_emergency_numbers_and_services_can_be_called_and_open_beside_the_report(
    person: Person, form: FakeForm
) -> None:
    person.go_to("danger", form)
    assert {"tel:112", "tel:800901010"} <= set(person.page.links())
    for link in person.page.all("a"):
        if not link["href"].startswith(("tel:", "#", "/report")):
            assert (link["target"], "noopener" in link["rel"]) == ("_blank", True), link


def test_a_review_leads_back_to_any_answer(person: Person, form: FakeForm) -> None:
    person.go_to("review", form)
    assert STORY in person.page.text
    person.press("story", name="change")
    assert (form.taken[-1].action, form.taken[-1].values) == (Action.CHANGE, ("story",))
    assert person.fields()["step"] == "story"
    assert STORY in person.page.text


def test_the_code_is_large_and_drawn_and_never_in_an_address(person: Person, form: FakeForm) -> None:
    person.go_to("receipt", form)
    [draft] = form.drafts.values()
    groups = [draft.receipt[start : start + 5] for start in range(0, 25, 5)]
    assert all(f"<span>{group}</span>" in person.response.text for group in groups)
    assert person.page.all("svg")
    assert not [link for link in person.page.links() if groups[0] in link]
    person.press("answer", text="00000")
    assert "These are not the last five digits." in person.page.text


def test_the_code_goes_along_in_the_body_until_it_is_kept_and_no_longer(person: Person, form: FakeForm) -> None:
    person.go_to("receipt", form)
    [draft] = form.drafts.values()
    shown = person.fields()["shown"]
    assert read_receipt(shown) == draft.receipt
    person.press("answer", text="")
    assert form.taken[-1].receipt == shown
    person.press("it", name="to")
    assert form.shown_with[-1] is not None
    person.press("kept")
    assert "shown" not in person.fields()


def test_the_last_five_digits_show_that_it_is_kept(person: Person, form: FakeForm) -> None:
    person.go_to("receipt", form)
    [draft] = form.drafts.values()
    person.press("answer", text=draft.receipt[-5:])
    assert person.fields()["step"] == "send"


def test_a_new_code_can_be_asked_for(person: Person, form: FakeForm) -> None:
    person.go_to("receipt", form)
    [draft] = form.drafts.values()
    before = draft.receipt
    person.press("new")
    assert person.fields()["step"] == "receipt"
    assert draft.receipt != before


def test_after_sending_the_page_says_what_now_and_how_to_come_back(person: Person, form: FakeForm, hub: Hub) -> None:
    person.go_to("send", form).press("send")
    assert "The deadline is 20 December." in person.page.text
    assert "/report/return?lang=en" in person.page.links()
    assert says(person.client, person.page, hub, "close_window")
    [form_element] = person.page.all("form")
    assert "data-at-rest" in form_element
    assert set(person.fields()) == {"sent", "lang"}


@pytest.mark.parametrize("language", RELEASED)
def test_the_last_page_is_read_in_any_language_and_begins_no_new_report(
    person: Person, form: FakeForm, language: str
) -> None:
    person.go_to("send", form).press("send")
    for _ in range(2):
        person.press(language)
        assert f"Sent, in {language}" in person.page.text
        assert person.page.all("html")[0]["lang"] == language
        assert f"/report/return?lang={language}" in person.page.links()
        assert person.response.url.path == "/report"
        assert not person.response.url.query
    # A press without a language, such as a page that was loaded again, is no new report either.
    person.read(person.client.post("/report", data=person.fields()))
    assert f"Sent, in {language}" in person.page.text
    assert not form.drafts


def test_photos_are_asked_for_as_jpeg_so_that_a_phone_makes_them_so(person: Person, form: FakeForm) -> None:
    person.go_to("evidence", form)
    [field] = [element for element in person.page.all("input") if element.get("type") == "file"]
    kinds = field["accept"].split(",")
    assert kinds[0] == "image/jpeg"
    assert not {"image/heic", "image/heif", "image/*"} & set(kinds)


def test_a_letter_stands_in_both_languages(person: Person, form: FakeForm) -> None:
    form.letter = True
    person.go_to("send", form).press("send")
    sheets = [element for element in person.page.all("p") if "sheet" in element.get("class", "")]
    assert [(sheet["lang"], sheet["dir"]) for sheet in sheets] == [("ar", "rtl"), ("it", "ltr")]
    person.press("withdraw").press("withdraw")
    assert not form.drafts


def test_withdrawing_asks_first(person: Person, form: FakeForm) -> None:
    person.go_to("story", form).press("withdraw")
    assert form.drafts
    assert person.fields()["step"] == "withdraw"
    person.press("back")
    assert person.fields()["step"] == "story"
    person.press("withdraw").press("withdraw")
    assert not form.drafts
    assert "Everything is deleted" in person.page.text


# Pause and coming back.


def test_a_pause_shows_a_code_that_goes_on_elsewhere(person: Person, form: FakeForm, client: TestClient) -> None:
    person.go_to("story", form).press("pause", text="so far")
    key = person.fields()["key"]
    groups = [key[start : start + 5] for start in range(0, 25, 5)]
    assert all(f"<span>{group}</span>" in person.response.text for group in groups)
    assert "Until tomorrow, 9:00." in person.page.text
    elsewhere = Person(client).press("resume", code=" - ".join(groups))
    assert elsewhere.fields()["step"] == "story"
    assert "so far" in elsewhere.page.text
    arabic = "".join(chr(0x660 + int(digit)) for digit in key)
    assert Person(client).press("resume", code=arabic).fields()["step"] == "story"


@pytest.mark.parametrize("code", ["", "12345", "x" * 500, None], ids=["none", "short", "long", "unknown"])
def test_a_wrong_pause_code_is_said_kindly(client: TestClient, hub: Hub, code: str | None) -> None:
    code = new_receipt() if code is None else code
    person = Person(client).press("resume", code=code)
    assert person.response.status_code in {404, 422}
    assert says(client, person.page, hub, "problem.pause_code")


def test_a_report_that_is_gone_gives_the_words_back(person: Person, form: FakeForm, hub: Hub) -> None:
    person.go_to("story", form)
    form.drafts.clear()
    person.press("answer", text=STORY)
    assert person.response.status_code == 410
    assert STORY in person.page.text
    assert person.fields()["words"] == STORY
    person.press("begin")
    [draft] = form.drafts.values()
    assert draft.words == STORY


def test_a_report_that_is_gone_says_so_in_another_language_and_keeps_the_words(
    person: Person, form: FakeForm, hub: Hub, client: TestClient
) -> None:
    person.go_to("story", form)
    form.drafts.clear()
    person.press("answer", text=STORY)
    person.read(client.post("/report", data=person.fields() | {"to": "ar"}))
    assert person.response.status_code == 410
    assert hub.wording.texts.get("report_page.gone.title", "ar") in person.page.text
    assert person.fields()["words"] == STORY
    assert form.drafts == {}
    person.press("begin")
    [draft] = form.drafts.values()
    assert draft.words == STORY


# Old pages and double presses.


def test_a_double_press_takes_the_answer_once(person: Person, form: FakeForm, hub: Hub, client: TestClient) -> None:
    person.go_to("story", form)
    fields = person.fields() | {"text": STORY, "action": "answer"}
    for _ in range(2):
        person.read(client.post("/report", data=fields))
    assert person.fields()["step"] == "grounds"
    assert "That page is old." in person.page.text
    [notice] = [div for div in person.page.all("div") if "data-problem" in div]
    assert notice["role"] == "status"


def test_an_old_page_shows_where_the_report_stands_and_gives_its_words_back(
    person: Person, form: FakeForm, hub: Hub, client: TestClient
) -> None:
    person.go_to("story", form)
    old = person.fields()
    person.press("answer", text="first")
    person.read(client.post("/report", data=old | {"text": "written on the old page", "action": "answer"}))
    assert person.fields()["step"] == "grounds"
    assert "That page is old." in person.page.text
    assert "written on the old page" in person.page.text
    [draft] = form.drafts.values()
    assert draft.answers["story"].text == "first"
    [area] = person.page.all("textarea")
    assert "aria-invalid" not in area


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40, "1.5", "٣"])
def test_a_damaged_version_counts_as_an_old_page(
    person: Person, form: FakeForm, client: TestClient, hub: Hub, version: str
) -> None:
    person.press("begin")
    fields = person.fields() | {"version": version, "action": "answer", "values": "yes"}
    person.read(client.post("/report", data=fields))
    assert person.fields()["step"] == "safe"
    assert "That page is old." in person.page.text


def test_sending_twice_sends_once(person: Person, form: FakeForm, client: TestClient) -> None:
    person.go_to("send", form)
    fields = person.fields() | {"action": "send"}
    answers = [client.post("/report", data=fields).status_code for _ in range(2)]
    assert answers == [200, 410]
    assert len(form.sent) == 1


# Languages.


@pytest.mark.parametrize("language", RELEASED)
def test_the_language_is_chosen_anew_in_the_middle_without_losing_a_word(
    person: Person, form: FakeForm, language: str
) -> None:
    person.go_to("story", form).press(language, text="typed, not sent")
    [draft] = form.drafts.values()
    assert draft.language == language
    assert person.page.all("html")[0]["lang"] == language
    assert "typed, not sent" in person.page.text
    assert person.response.url.path == "/report"
    assert not person.response.url.query
    person.press("answer", text="typed, not sent")
    assert person.page.all("html")[0]["lang"] == language


def test_the_language_of_the_first_page_goes_along(client: TestClient, form: FakeForm) -> None:
    Person(client, language="ar").press("begin")
    [draft] = form.drafts.values()
    assert draft.language == "ar"


# Files.


def test_several_files_are_taken_with_any_button(person: Person, form: FakeForm) -> None:
    person.go_to("evidence", form)
    files = [("files", ("a.jpg", b"\xff\xd8a", "image/jpeg")), ("files", ("b.pdf", b"%PDF-b", "application/pdf"))]
    person.press("add", files=files)
    assert person.fields()["step"] == "evidence"
    [draft] = form.drafts.values()
    assert [file.name for file in draft.files] == ["a.jpg", "b.pdf"]
    person.press(draft.files[0].id, name="remove")
    assert [file.name for file in draft.files] == ["b.pdf"]
    person.press("next", files=[("files", ("voice.ogg", b"OggS", "audio/ogg; codecs=opus"))])
    assert person.fields()["step"] == "review"
    assert [file.name for file in draft.files] == ["b.pdf", "voice.ogg"]
    assert form.taken[-2].file is not None
    assert form.taken[-2].file.is_voice


def test_no_file_chosen_is_no_file(person: Person, form: FakeForm) -> None:
    person.go_to("evidence", form).press("next", files=[("files", ("", b"", "application/octet-stream"))])
    assert person.fields()["step"] == "review"


def test_a_refused_file_is_named_and_the_others_stay(person: Person, form: FakeForm, hub: Hub) -> None:
    person.go_to("evidence", form)
    files = [
        ("files", ("good.jpg", b"\xff\xd8", "image/jpeg")),
        ("files", ("bad.jpg", b"broken", "image/jpeg")),
        ("files", ("huge.jpg", b"x" * (LARGEST_FILE + 1), "image/jpeg")),
    ]
    person.press("next", files=files)
    assert person.fields()["step"] == "evidence"
    texts = hub.wording.texts
    assert texts.get("report_page.file.too_large", "en", name="huge.jpg") in person.page.text
    assert texts.get("report_page.file.refused", "en", name="bad.jpg", reason="The file is broken.") in person.page.text
    [draft] = form.drafts.values()
    assert [file.name for file in draft.files] == ["good.jpg"]


def test_words_beside_a_refused_file_are_kept(person: Person, form: FakeForm) -> None:
    person.go_to("story", form)
    person.press("answer", text=STORY, files=[("files", ("bad.ogg", b"broken", "audio/ogg"))])
    assert person.fields()["step"] == "story"
    assert STORY in person.page.text


def test_a_body_beyond_every_bound_is_refused_before_it_is_read(client: TestClient) -> None:
    headers = {"Content-Length": str(LARGEST_UPLOAD + 1), "Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/report", content=b"--x--", headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nhalf'),
        ("multipart/form-data; boundary=x", b"no boundary at all"),
        ("multipart/form-data; boundary=" + "x" * 5000, b""),
        ("application/x-www-form-urlencoded", b"a=1&" * 1000),
        ("application/x-www-form-urlencoded", b"\xff\xfe"),
    ],
)
def test_what_is_no_form_gets_a_page_with_a_way_on(client: TestClient, hub: Hub, kind: str, body: bytes) -> None:
    for address in ("/report", "/report/return"):
        response = client.post(address, content=body, headers={"Content-Type": kind})
        assert response.status_code == 400
        assert says(client, Reader(response.text), hub, "problem.press_back")


def test_more_text_than_anybody_types_is_refused(client: TestClient) -> None:
    for send in ({"data": {"text": "a" * 2_000_000}}, {"files": {"text": (None, b"a" * 2_000_000)}}):
        assert client.post("/report", **send).status_code == 413


# When things fail.


def test_a_failure_keeps_the_words_on_the_page_and_out_of_the_log(
    person: Person, form: FakeForm, caplog: pytest.LogCaptureFixture
) -> None:
    person.go_to("story", form)
    form.fails = RuntimeError(f"failed on {STORY}")
    with caplog.at_level(logging.DEBUG):
        person.press("answer", text=STORY)
    assert person.response.status_code == 500
    assert person.response.headers["content-type"].startswith("text/html")
    assert STORY in person.page.text
    logged = "\n".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.records)
    assert "report_page_failed kind=RuntimeError" in logged
    assert "landlord" not in logged
    form.fails = None
    person.press("answer", text=STORY)
    assert person.fields()["step"] == "grounds"


def test_nothing_of_a_whole_report_is_logged(person: Person, form: FakeForm, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        person.go_to("send", form).press("send")
    [draft] = form.sent
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "httpx")
    assert "landlord" not in logged
    assert draft.receipt not in logged.replace(" ", "")
    assert "testclient" not in logged


def test_too_many_presses_from_one_address_keep_the_words(person: Person, form: FakeForm, hub: Hub) -> None:
    person.go_to("story", form)
    responses = []
    for _ in range(700):
        responses.append(person.client.post("/report", data=person.fields() | {"text": STORY, "version": "0"}))
        if responses[-1].status_code == 429:
            break
    page = Reader(responses[-1].text)
    assert responses[-1].status_code == 429
    assert int(responses[-1].headers["retry-after"]) > 0
    assert STORY in page.text


def test_the_hub_runs_without_a_log_of_requests(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    configs: list[uvicorn.Config] = []

    class NoServer:
        def __init__(self, config: uvicorn.Config) -> None:
            configs.append(config)

        def run(self) -> None:
            """Serve nobody."""

    monkeypatch.setattr(uvicorn, "Server", NoServer)
    serve_hub(settings)
    assert configs[0].access_log is False


def test_pages_of_reports_store_nothing_by_script() -> None:
    for name in ("report.js", "report_turns.js"):
        source = (STATIC / name).read_text(encoding="utf-8")
        for word in ("setItem", "document.cookie", "caches", "sendBeacon", "indexedDB", "innerHTML", "eval"):
            assert word not in source
