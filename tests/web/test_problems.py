"""Errors: a browser gets a page in the reader's language, a program a document, and both a sentence that fits."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from core.languages import RELEASED
from identity.operators import OperatorRole
from tests.web.office_pages import AtOffice
from tests.web.test_office_answers import NEW, WORDS
from tests.web.test_pages import Reader
from web.limits import LARGEST_BODY, LARGEST_OFFICE_BODY, MESSAGES_PER_SENDER
from web.pages import direction
from web.state import Hub

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


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
