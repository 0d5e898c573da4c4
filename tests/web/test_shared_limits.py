"""Two hubs that share a Redis limit people together, as if they were one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app import build_app, build_hub
from conversation.replies import Wording
from core.clock import FixedClock
from core.settings import Settings
from reports.attempts import FOR_ONE
from reports.intake.junk import MOST_OF_ONE_SOURCE, JunkWatch
from reports.receipts import new_receipt
from reports.returning import CaseDoor
from tests.databases import copy_migrated_sqlite
from tests.fakes import FakeAssistant
from tests.services import running_redis
from tests.web.fake_form import FakeCases
from tests.web.test_pages import Reader
from web.limits import MESSAGES_PER_SENDER
from web.state import Hub


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with running_redis() as url:
        yield url


@pytest.fixture
def hubs(
    redis_url: str, settings: Settings, clock: FixedClock, wording: Wording, migrated_sqlite: Path
) -> Iterator[list[tuple[Hub, TestClient]]]:
    """Two processes' worth of everything, with one database and one Redis."""
    shared = settings.model_copy(update={"redis_url": SecretStr(redis_url)})
    copy_migrated_sqlite(migrated_sqlite, shared)
    hubs = [build_hub(shared, clock=clock, assistant=FakeAssistant(wording), wording=wording) for _ in range(2)]
    first, second = (TestClient(build_app(shared, hub=hub)) for hub in hubs)
    with first, second:
        yield list(zip(hubs, (first, second), strict=True))


def test_messages_of_one_sender_are_counted_over_both(hubs: list[tuple[Hub, TestClient]]) -> None:
    said = {"message": "ok", "sender": "s" * 32}
    answers = [
        client.post("/api/chat", json=said, headers={"X-Forwarded-For": "192.0.2.7"}).status_code
        for _ in range(MESSAGES_PER_SENDER.most // 2 + 1)
        for _, client in hubs
    ]
    assert answers == [200] * MESSAGES_PER_SENDER.most + [429, 429]


def test_wrong_codes_of_one_source_are_counted_over_both(hubs: list[tuple[Hub, TestClient]]) -> None:
    headers = {"X-Forwarded-For": "192.0.2.8"}
    mark = Reader(hubs[0][1].get("/report/return").text).field("page")
    answers = [
        client.post("/report/return", data={"code": new_receipt(), "page": mark}, headers=headers).status_code
        for _ in range(FOR_ONE // 2 + 1)
        for _, client in hubs
    ]
    assert answers == [404] * FOR_ONE + [429, 429]


def test_a_page_that_one_used_is_used_for_both(
    hubs: list[tuple[Hub, TestClient]], clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser may send an old page again to another process."""
    cases = FakeCases()
    for hub, _ in hubs:
        assert isinstance(hub.cases, CaseDoor)
        for name in ("open", "close"):
            monkeypatch.setattr(hub.cases, name, getattr(cases, name))
    said = {"code": cases.receipt, "page": Reader(hubs[0][1].get("/report/return").text).field("page")}
    assert hubs[0][1].post("/report/return", data=said).status_code == 200
    clock.at += timedelta(seconds=11)
    assert hubs[1][1].post("/report/return", data=said).status_code == 410


async def is_suspect(hub: Hub, story: str) -> bool:
    return await JunkWatch(hub.rates).is_suspect(story, source="192.0.2.9")


def test_reports_of_one_source_are_counted_over_both(hubs: list[tuple[Hub, TestClient]]) -> None:
    found = []
    for number in range(MOST_OF_ONE_SOURCE + 1):
        hub, client = hubs[number % 2]
        assert client.portal is not None
        found.append(client.portal.call(is_suspect, hub, f"report {number}"))
    assert found == [False] * MOST_OF_ONE_SOURCE + [True]
