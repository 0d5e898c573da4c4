"""Errors: a browser gets a page in the reader's language, a program a document, and both a sentence that fits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import build_app
from core.errors import HubError
from core.languages import RELEASED
from core.settings import Settings
from core.texts import placeholders
from identity.operators import OperatorRole
from knowledge.written.errors import AnswerInvalidError
from reports.intake.errors import AnswerRefusedError
from tests.web.office_pages import AtOffice
from tests.web.test_office_answers import NEW, WORDS
from tests.web.test_pages import Reader
from web.limits import LARGEST_BODY, LARGEST_OFFICE_BODY, MESSAGES_PER_SENDER
from web.pages import direction
from web.state import Hub

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
AT_FIRST_WORDS: dict[type[HubError], str] = {AnswerInvalidError: "written_answers.wrong.{problem}"}
"""Errors that say the first of several sentences."""
NEVER_SAID = {"OperatorError"}
"""What others are made from."""


@pytest.fixture
def broken(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("web.chat.late_replies", fail)
    monkeypatch.setattr(hub.conversations, "handle", fail)


@pytest.mark.parametrize("language", RELEASED)
def test_a_browser_gets_a_page_in_its_language(client: TestClient, hub: Hub, broken: None, language: str) -> None:
    headers = {"Accept": BROWSER, "Accept-Language": language}
    large = {"message": "x" * LARGEST_BODY}
    for response, status, code in (
        (client.post("/chat", data={"message": "hi"}, headers=headers), 500, "unexpected"),
        (client.post("/chat", data=large, headers=headers), 413, "body_too_large"),
        (client.delete("/chat", headers=headers), 405, "method_not_allowed"),
        (client.post("/report", headers=headers | {"Content-Length": str(10**10)}), 413, "body_too_large"),
        (client.get("/observatory.csv?of=desk/nobody", headers=headers), 404, "figures_not_found"),
        (client.post("/desk/sign-in", data=large, headers=headers), 413, "body_too_large"),
    ):
        assert (response.status_code, response.headers["content-language"]) == (status, language), response.url
        page = Reader(response.text)
        [html] = page.all("html")
        assert (html["lang"], html["dir"]) == (language, direction(language))
        assert hub.wording.texts.get(f"error.{code}", language) in page.text, response.url
        assert "secret detail" not in response.text
        assert len(page.links()) > 2


def test_the_chosen_language_of_a_page_is_kept_by_its_error(client: TestClient, hub: Hub) -> None:
    headers = {"Accept": BROWSER, "Accept-Language": "en"}
    page = Reader(client.post("/chat?lang=ar", data={"message": "x" * LARGEST_BODY}, headers=headers).text)
    assert hub.wording.texts.get("error.body_too_large", "ar") in page.text
    assert "/catalogue?lang=ar" in page.links()


def test_an_error_page_has_the_strict_headers_of_every_page(client: TestClient, broken: None) -> None:
    headers = client.post("/chat", data={"message": "hi"}, headers={"Accept": BROWSER}).headers
    usual = client.get("/").headers
    for name in ("content-security-policy", "referrer-policy", "x-content-type-options", "permissions-policy"):
        assert headers[name] == usual[name]
    assert headers["cache-control"] == "no-store"


def test_programs_get_documents(client: TestClient, broken: None) -> None:
    for path, accept in (("/chat", "*/*"), ("/api/chat", "*/*"), ("/api/chat", BROWSER), ("/api/none", BROWSER)):
        response = client.post(path, content=b"x" * (LARGEST_BODY + 1), headers={"Accept": accept})
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "body_too_large"
    response = client.get("/api/knowledge/tool/none", headers={"Accept": BROWSER})
    assert response.json()["code"] == "entry_not_found"


def test_an_error_of_the_api_speaks_the_language_that_the_request_states(client: TestClient) -> None:
    def spoken(**fields: object) -> tuple[int, str]:
        response = client.post("/api/chat", json={"message": "ok", "language": "ar"} | fields)
        return response.status_code, response.headers.get("content-language", "")

    assert spoken(message="x" * 3000) == (422, "ar")
    assert spoken(message="x" * 3000, language="fr-CH") == (422, "fr")
    for odd in ("sw", "x_!", 7, None):
        assert spoken(message="x" * 3000, language=odd) == (422, "en")
    sender, headers = "s" * 32, {"X-Forwarded-For": "192.0.2.7"}
    for _ in range(MESSAGES_PER_SENDER.most + 1):
        response = client.post("/api/chat", json={"message": "ok", "language": "ar", "sender": sender}, headers=headers)
    assert (response.status_code, response.headers["content-language"]) == (429, "ar")
    assert client.get("/api/knowledge/tool/none?language=it").headers["content-language"] == "it"


@pytest.mark.parametrize("language", RELEASED)
def test_what_is_too_large_is_said_without_a_number_that_fits_messages_only(hub: Hub, language: str) -> None:
    assert not any(letter.isdigit() for letter in hub.wording.texts.get("error.body_too_large", language))


def test_a_whole_answer_in_arabic_can_be_sent_from_the_office(client: TestClient, hub: Hub) -> None:
    office = AtOffice(client, hub).join(OperatorRole.EDITOR)
    examples = "\n".join(f"{number} " + "س" * 290 for number in range(10, 70))
    typed = WORDS | {"language": "ar", "text": "س" * 3900, "examples": examples}
    office.open(NEW).send(NEW, **typed, action="save")
    assert office.says("written_answers.done.saved"), office.text


def test_beyond_that_an_editor_gets_a_page_of_the_office(client: TestClient, hub: Hub) -> None:
    office = AtOffice(client, hub).join(OperatorRole.EDITOR)
    response = client.post(NEW, data={"text": "x" * LARGEST_OFFICE_BODY}, headers={"Accept": BROWSER})
    assert response.status_code == 413
    assert office.read(response).says("error.body_too_large")
    assert "/office" in Reader(response.text).links()


def _kinds(of: type[HubError] = HubError) -> Iterator[type[HubError]]:
    for kind in of.__subclasses__():
        if not kind.__module__.startswith("tests."):
            yield kind
            yield from _kinds(kind)


def _made(kind: type[HubError], values: dict[str, Any]) -> HubError:
    if issubclass(kind, AnswerInvalidError):
        return kind([(values.pop("problem"), values)] if values else [])
    if issubclass(kind, AnswerRefusedError):
        return kind(values.pop("reason", "none"), **values)
    error = kind.__new__(kind)
    HubError.__init__(error, **values)
    return error


def _said(kind: type[HubError], hub: Hub) -> Iterator[tuple[dict[str, Any], str]]:
    """The values of each sentence that this error may say, and what it then says."""
    texts = hub.wording.texts
    sentence = AT_FIRST_WORDS.get(kind, kind.sentence).replace("{code}", kind.code)
    named = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>\\w+)", sentence))
    for key in sorted(texts.keys("en")):
        if match := named.fullmatch(key):
            values: dict[str, Any] = dict.fromkeys(placeholders(texts.raw(key, "en")), 7) | match.groupdict()
            yield values, texts.get(key, "en", **values)


@pytest.fixture
def refusing(hub: Hub, settings: Settings) -> tuple[TestClient, list[HubError]]:
    """The hub with an address at which the one error of the list is raised."""
    app, raised = build_app(settings, hub=hub), list[HubError]()

    async def refuse() -> None:
        raise raised[0]

    app.add_api_route("/refused", refuse)
    app.add_api_route("/api/refused", refuse)
    return TestClient(app, raise_server_exceptions=False), raised


def test_every_error_that_nobody_caught_says_its_sentence_to_browsers_and_programs(
    refusing: tuple[TestClient, list[HubError]], hub: Hub
) -> None:
    client, raised = refusing
    kinds = list(_kinds())
    assert len(kinds) > 90
    for kind in kinds:
        said = list(_said(kind, hub))
        assert said or kind.__name__ in NEVER_SAID, kind
        for values, sentence in said:
            raised[:] = [_made(kind, dict(values))]
            document = client.get("/api/refused")
            assert (document.status_code, document.json()["code"]) == (kind.status, kind.code), (kind, values)
            assert document.json()["detail"] == sentence, (kind, values)
            page = client.get("/refused", headers={"Accept": BROWSER})
            assert page.status_code == kind.status
            assert " ".join(sentence.split()) in " ".join(Reader(page.text).text.split()), (kind, values)


def test_an_error_that_lacks_its_values_still_gets_a_whole_sentence(
    refusing: tuple[TestClient, list[HubError]],
) -> None:
    client, raised = refusing
    for kind in _kinds():
        raised[:] = [_made(kind, {})]
        document = client.get("/api/refused")
        assert (document.status_code, document.json()["code"]) == (kind.status, kind.code), kind
        assert document.json()["detail"].strip(), kind
        assert "{" not in document.json()["detail"], kind
        assert client.get("/refused", headers={"Accept": BROWSER}).status_code == kind.status


def test_what_is_not_there_is_said_by_the_office_too(client: TestClient, hub: Hub) -> None:
    office = AtOffice(client, hub).join(OperatorRole.EDITOR)
    office.open("/office/broadcasts/templates/example?template=none")
    assert (office.status, office.says("page.not_found.title")) == (404, True)
