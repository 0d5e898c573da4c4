"""A NUL that somebody sends: no page fails for it. PostgreSQL keeps none in a text, SQLite does, so this runs there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import SecretStr
from starlette.routing import BaseRoute

from app import list_routes
from core.settings import Settings
from identity.operators import OperatorRole
from subscriptions.links import LinkContent, LinkPurpose, Links
from subscriptions.models import Choice, Frequency, Guest, Subscriber
from subscriptions.pages import EVENT_ANSWER
from tests.factories import NOW, make_event
from tests.web.office_pages import AtOffice
from tests.web.preference_pages import Centre
from tests.web.test_message_links import path
from web.state import Hub

LINKS = Links("only-for-tests")
NUL = "a\0b"


@pytest.fixture
def settings(tmp_path: Path, migrated_postgresql_url: str) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=tmp_path,
        models_dir=tmp_path / "models",
        secret_key=SecretStr("only-for-tests"),
        database_url=SecretStr(migrated_postgresql_url),
    )


@pytest.fixture
def centre(client: TestClient, hub: Hub) -> Centre:
    return Centre(client, hub)


def _routes(found: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    for route in found:
        if isinstance(route, APIRoute):
            if "GET" in (route.methods or ()):
                yield route
        elif (router := getattr(route, "original_router", None)) is not None:
            yield from _routes(router.routes)


def test_a_nul_in_a_form_that_anybody_may_send_breaks_nothing(centre: Centre) -> None:
    person = centre.person(name="Ada", city="Bologna")
    soon = NOW + timedelta(days=20)
    event = centre.do(lambda session: make_event(session, starts_at=soon, ends_at=soon + timedelta(hours=2)))
    invited = LINKS.sign(LinkPurpose.ANSWER_EVENT, LinkContent(person, about=event.id))
    sent: list[tuple[str, list[str], dict[str, str]]] = [
        ("/chat", ["message", "said", "sender", "city", "after", "look", "words"], {}),
        ("/chat", ["said", "city"], {"message": "hello"}),
        ("/entry/tool/none/doubt", ["field"], {}),
        ("/report", ["words", "desk", "city", "place", "lang", "code"], {"action": "begin"}),
        ("/report/return", ["code", "text"], {"action": "open"}),
        ("/desk/sign-in", ["login", "password", "code"], {}),
        ("/office/sign-in", ["email", "password", "code", "next"], {}),
        ("/preferences/link", ["email"], {}),
        ("/preferences/link", [], {"email": "a\0da@example.org"}),
        (
            "/preferences/new",
            ["name", "role", "time_zone"],
            {"email": "be\0a@example.org", "place": "city:Bologna", "language": "en", "choice": Choice.REQUIRED_ONLY},
        ),
        ("/preferences/new", ["place", "language", "choice"], {"name": "B\0ea", "email": "bea@example.org"}),
        (f"{EVENT_ANSWER}/{invited}", ["say", "interpretation"], {}),
        (f"{EVENT_ANSWER}/{invited}", ["needs", "interpretation"], {"say": "yes"}),
        (path("unsubscribe", LinkPurpose.UNSUBSCRIBE, person), ["action"], {}),
        (path("opinion", LinkPurpose.OPINION, person), ["say"], {}),
        (path("ask", LinkPurpose.ASK, person), ["question"], {}),
        (path("successor", LinkPurpose.SUCCESSOR, person), ["name", "email"], {}),
        (path("successor", LinkPurpose.SUCCESSOR, person), ["name"], {"email": "ne\0w@example.org"}),
    ]
    for address, names, others in sent:
        answer = centre.client.post(address, data=dict.fromkeys(names, NUL) | others)
        assert answer.status_code < 500, (address, names, answer.text)
    [guest] = centre.rows(Guest)
    assert guest.needs == "ab"
    assert "ab" in {person.name for person in centre.rows(Subscriber)}


def test_a_nul_on_the_own_page_breaks_nothing(centre: Centre) -> None:
    centre.sign_in(centre.person(topics={"webinars": Frequency.WEEKLY}))
    for part, names in (
        ("choice", ["choice"]),
        ("topics", ["often.webinars", "how.webinars"]),
        ("rhythm", ["language", "time_zone", "weekday", "hour", "from", "until"]),
        ("pause", ["until", "days"]),
        ("address", ["email"]),
        ("city", ["often.webinars", "telegram_off"]),
        ("stop", ["topic"]),
        ("undo", ["change"]),
    ):
        answer = centre.send(part, **dict.fromkeys(names, NUL))
        assert answer.status_code < 500, (part, answer.text)


def test_a_nul_in_what_a_program_sends_breaks_nothing(client: TestClient) -> None:
    for address, body in (
        ("/api/chat", {"message": NUL, "city": NUL}),
        ("/api/chat", {"message": "hello", "sender": NUL}),
        ("/api/chat", {"message": "hello", "language": NUL}),
        ("/api/feedback", {"sender": "s" * 20, "reply": NUL, "helpful": True}),
        ("/api/contact-doubts", {"entry": NUL, "field": "phone"}),
    ):
        answer = client.post(address, json=body)
        assert answer.status_code < 500, (address, body, answer.text)


def test_a_nul_in_an_address_breaks_no_page(client: TestClient, hub: Hub) -> None:
    office = AtOffice(client, hub).join(OperatorRole.ADMINISTRATOR)
    asked = 0
    for route in _routes(list_routes()):
        names = [each.alias for each in route.dependant.query_params] + ["q", "done", "next"]
        address = route.path
        for each in route.dependant.path_params:
            address = address.replace("{" + each.name + "}", "a%00b").replace("{" + each.name + ":path}", "a%00b")
        for browser in (client, office.client):
            for values in ({}, dict.fromkeys(names, NUL)):
                answer = browser.get(address, params=values, follow_redirects=False)
                assert answer.status_code < 500 or answer.status_code == 503, (address, values, answer.text)
                assert answer.status_code == 404 or address == route.path, (address, values)
        asked += 1
    assert asked > 80
