"""The fixed API: the shape of answers, bounds on what comes in, errors as problem documents, limits."""

from __future__ import annotations

import logging
import os
from typing import Any

import pytest
from fastapi.testclient import TestClient

from conversation.handoffs import answer_handoff, list_handoffs
from core.clock import FixedClock
from core.settings import Settings
from tests.fakes import FakeAssistant
from web.limits import LARGEST_BODY, MESSAGES_PER_SENDER
from web.state import Hub


def say(client: TestClient, text: str, **fields: object) -> dict[str, Any]:
    response = client.post("/api/chat", json={"sender": None, "message": text, "language": None, "city": None} | fields)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def test_an_answer_has_the_fixed_shape(client: TestClient) -> None:
    answer = say(client, "/tool/icc-index")
    assert set(answer) >= {"sender", "language", "understood", "confidence", "replies"}
    [reply] = answer["replies"]
    assert set(reply) >= {"id", "text", "answer", "covers", "links", "buttons", "machine_translated"}
    assert reply["answer"] == "tool/icc-index"
    assert set(reply["links"][0]) >= {"title", "url"}
    assert set(reply["buttons"][0]) == {"title", "payload"}


def test_the_server_issues_senders_that_nobody_guesses(client: TestClient) -> None:
    senders = {str(say(client, "ok")["sender"]) for _ in range(20)}
    assert len(senders) == 20
    assert all(len(sender) >= 32 for sender in senders)


def test_a_conversation_goes_on_under_its_sender(client: TestClient, assistant: FakeAssistant) -> None:
    assistant.understand("who is it for?", "follow_up", aspect="audience")
    first = say(client, "/tool/icc-index")
    answer = say(client, "who is it for?", sender=first["sender"])
    assert answer["sender"] == first["sender"]
    assert answer["replies"][0]["answer"] == "tool/icc-index"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{not json", 422, "not_json"),
        (b"[]", 422, "field_wrong"),
        (b'{"message": 7}', 422, "field_wrong"),
        (b'{"sender": "' + b"x" * 200 + b'", "message": "hi"}', 422, "field_wrong"),
        (b'{"message": "' + b"x" * 2001 + b'"}', 422, "message_too_long"),
        (b'{"message": "hi", "language": "not a language"}', 422, "language_malformed"),
        (b'{"message": "hi", "language": "x_!"}', 422, "language_malformed"),
        (b'{"message": "' + b"x" * LARGEST_BODY + b'"}', 413, "body_too_large"),
        (b"\xff\xfe", 422, "not_json"),
        (b"", 422, "field_wrong"),
    ],
)
def test_bad_input_gets_a_problem_that_a_person_understands(
    client: TestClient, body: bytes, status: int, code: str
) -> None:
    response = client.post("/api/chat", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["detail"]
    assert "Traceback" not in response.text


def test_a_chunked_body_is_bounded_too(client: TestClient) -> None:
    response = client.post("/api/chat", content=iter([b"x" * 40_000, b"x" * 40_000]))
    assert response.status_code == 413


def test_a_problem_speaks_the_language_of_the_reader(client: TestClient) -> None:
    response = client.get("/api/knowledge/tool/nothing", headers={"Accept-Language": "fr-CH, en;q=0.5"})
    assert response.status_code == 404
    assert response.headers["content-language"] == "fr"


def test_a_valid_language_that_is_not_released_gets_a_sentence_that_names_the_others(client: TestClient) -> None:
    answer = say(client, "hello", language="sw")
    assert answer["language"] == "en"
    assert answer["replies"][0]["buttons"][0]["payload"] == "/language/en"
    assert say(client, "hello", language="pl")["language"] == "pl"
    assert say(client, "/tool/icc-index", language="fr-CH")["language"] == "fr"
    assert say(client, "hello", language="de-DE-u-co-phonebk")["language"] == "de"


def test_an_unexpected_error_shows_no_trace(client: TestClient, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(hub.conversations, "_answer", fail)
    response = client.post("/api/chat", json={"message": "hi"})
    assert response.status_code == 500
    assert "secret detail" not in response.text


def test_an_unexpected_error_is_logged_without_its_message(
    client: TestClient, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(hub.conversations, "_answer", fail)
    client.post("/api/chat", json={"message": "hi"})
    try:
        raise ValueError("secret detail")
    except ValueError:
        # As uvicorn does with what Starlette hands on.
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    assert "unexpected_error path=/api/chat kind=RuntimeError" in caplog.text
    assert "Exception in ASGI application kind=ValueError" in caplog.text
    assert "secret detail" not in caplog.text


def test_an_answer_says_whether_words_went_to_the_team(client: TestClient) -> None:
    sender = say(client, "/flow/handoff")["sender"]
    assert say(client, "When does the notice period end?", sender=sender)["passed_on"] is False
    assert say(client, "/confirm", sender=sender)["passed_on"] is True


def test_thirty_messages_a_minute_then_a_polite_no(client: TestClient) -> None:
    headers = {"X-Forwarded-For": "192.0.2.7"}
    for _ in range(MESSAGES_PER_SENDER.most):
        response = client.post("/api/chat", json={"message": "ok", "sender": "s" * 32}, headers=headers)
        assert response.status_code == 200
    refused = client.post("/api/chat", json={"message": "ok", "sender": "s" * 32}, headers=headers)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_the_internal_routes_exist_for_the_assistant_only(client: TestClient, hub: Hub) -> None:
    call = {"next_action": "action_small_talk", "tracker": {"latest_message": {"intent": {"name": "greet"}}}}
    assert client.post("/internal/rasa/actions", json=call).status_code == 404
    for token in (b"wrong", b"\xc3\xa9", b""):
        headers = {b"X-Hub-Internal": token}
        assert client.post("/internal/rasa/actions", json=call, headers=headers).status_code == 404
    answer = client.post("/internal/rasa/actions", json=call, headers={"X-Hub-Internal": hub.internal_token})
    assert answer.json()["responses"][0]["custom"]["replies"][0]["text"]


def test_the_newest_model_goes_to_assistants_that_do_not_have_it(
    client: TestClient, hub: Hub, settings: Settings
) -> None:
    headers = {"X-Hub-Internal": hub.internal_token}
    settings.models_dir.mkdir()
    assert client.get("/internal/rasa/model", headers=headers).status_code == 404
    for age, name in enumerate(["new.tar.gz", "old.tar.gz"]):
        (settings.models_dir / name).write_bytes(name.encode())
        os.utime(settings.models_dir / name, (1_000_000 - age, 1_000_000 - age))
    (settings.models_dir / ".unfinished.tar.gz").write_bytes(b"half")
    answer = client.get("/internal/rasa/model", headers=headers)
    assert answer.content == b"new.tar.gz"
    again = client.get("/internal/rasa/model", headers=headers | {"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/internal/rasa/model").status_code == 404


def test_feedback_needs_the_sender_that_got_the_reply(client: TestClient) -> None:
    answer = say(client, "/tool/icc-index")
    reply = answer["replies"][0]["id"]
    body = {"sender": answer["sender"], "reply": reply, "helpful": True}
    assert client.post("/api/feedback", json=body).status_code == 204
    assert client.post("/api/feedback", json=body | {"sender": "somebody-else"}).status_code == 404


def test_a_person_s_answer_comes_back_to_the_same_chat(client: TestClient, hub: Hub, clock: FixedClock) -> None:
    sender = say(client, "/flow/handoff")["sender"]
    say(client, "How do we leave the network?", sender=sender)
    say(client, "/confirm", sender=sender)

    async def answer() -> None:
        async with hub.database.session() as session:
            [handoff] = await list_handoffs(session)
            assert handoff.id is not None
            await answer_handoff(session, handoff.id, answer="Write us a letter.", clock=clock)

    assert client.portal is not None
    client.portal.call(answer)
    late = client.get("/api/chat/replies", params={"sender": sender}).json()
    assert "Write us a letter." in late["replies"][0]["text"]
    again = client.get("/api/chat/replies", params={"sender": sender, "after": late["after"]}).json()
    assert again["replies"] == []
    assert client.get("/api/chat/replies", params={"sender": "somebody-else"}).json()["replies"] == []


def test_a_wrong_number_is_counted_for_a_known_service_only(client: TestClient) -> None:
    doubt = {"entry": "service/it-unar", "field": "phone"}
    assert client.post("/api/contact-doubts", json=doubt).status_code == 204
    assert client.post("/api/contact-doubts", json=doubt | {"entry": "service/none"}).status_code == 404
    assert client.post("/api/contact-doubts", json=doubt | {"field": "address"}).status_code == 422


def test_entries_are_listed_by_kind_area_country_city_and_words(client: TestClient) -> None:
    def listed(**params: str) -> list[str]:
        return [entry["id"] for entry in client.get("/api/knowledge", params=params).json()["entries"]]

    assert len(listed()) == 272
    assert len(listed(kind="service")) == 94
    assert "tool/icc-policy-brief-housing" in listed(area="housing")
    assert "service/it-unar" in listed(kind="service", country="Italie")
    assert "service/it-bologna-spad" in listed(kind="service", city="Bologna")
    assert listed(q="anti-rumours handbook")[0] == "tool/icc-anti-rumours-handbook"
    assert client.get("/api/knowledge", params={"kind": "nonsense"}).status_code == 422


def test_one_entry_tells_everything_with_source_and_date(client: TestClient) -> None:
    entry = client.get("/api/knowledge/service/it-unar", params={"language": "fr"}).json()
    assert entry["fact"]["source_url"].startswith("https://")
    assert entry["fact"]["as_of"]
    assert entry["reply"]["language"] == "fr"


def test_who_asks_for_a_page_that_is_not_there_gets_a_page(client: TestClient) -> None:
    page = client.get("/nothing-here", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (404, "text/html")
    assert client.get("/nothing-here").headers["content-type"] == "application/problem+json"


def test_a_line_with_two_numbers_gives_two_that_can_be_called(client: TestClient) -> None:
    reply = client.get("/api/knowledge/service/gb-police").json()["reply"]
    assert [contact["href"] for contact in reply["contacts"]] == ["tel:999", "tel:101"]


def test_pages_send_strict_headers(client: TestClient) -> None:
    headers = client.get("/api/knowledge").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
