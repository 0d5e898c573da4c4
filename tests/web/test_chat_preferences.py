"""The chat in a browser knows who is signed in to the preference centre there, and nobody else."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from core.database import Database
from subscriptions.models import ChannelName, Frequency
from subscriptions.preferences import list_topic_states
from subscriptions.topics import load_topics
from tests.factories import make_subscriber
from tests.fakes import FakeAssistant
from web.preferences.session import COOKIE, OpenedBy, begin_session
from web.state import Hub


async def _make(database: Database) -> str:
    async with database.session() as session:
        return (await make_subscriber(session, topics={"youth": Frequency.WEEKLY})).id


async def _chosen(database: Database, subscriber_id: str) -> list[str]:
    async with database.session() as session:
        states = await list_topic_states(session, subscriber_id, topics=load_topics())
    return [state.topic for state in states if state.frequency is not Frequency.OFF]


def test_who_is_signed_in_to_the_preference_centre_is_known_in_the_chat(
    client: TestClient, hub: Hub, assistant: FakeAssistant
) -> None:
    assert client.portal is not None
    person = client.portal.call(_make, hub.database)
    assistant.understand("nothing about youth", "change_preferences")
    stranger = client.post("/api/chat", json={"message": "nothing about youth", "language": "en"}).json()
    assert "Write your mail address" in stranger["replies"][0]["text"]

    cookie = begin_session(hub, person, OpenedBy.ONCE, ChannelName.EMAIL).secret
    headers = {"Cookie": f"{COOKIE}={cookie}"}
    go_on = {"message": "/wish/opened", "language": "en", "sender": stranger["sender"]}
    asked = client.post("/api/chat", json=go_on, headers=headers).json()
    assert [button["payload"] for button in asked["replies"][0]["buttons"]] == ["/wish/yes", "/wish/change", "/wish/no"]
    client.post("/api/chat", json=go_on | {"message": "/wish/yes"}, headers={"Cookie": f"{COOKIE}={cookie}x"})
    assert client.portal.call(_chosen, hub.database, person) == ["youth"]
    client.post("/api/chat", json=go_on | {"message": "/wish/opened"}, headers=headers)
    client.post("/api/chat", json=go_on | {"message": "/wish/yes"}, headers=headers)
    assert client.portal.call(_chosen, hub.database, person) == []


OURS = [{"Origin": "http://testserver"}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}]
FOREIGN = [
    {},
    {"Origin": "null"},
    {"Origin": "http://evil.testserver"},
    {"Origin": "http://testserver.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://evil.testserver"},
]


@pytest.mark.parametrize(("headers", "is_known"), [(one, True) for one in OURS] + [(one, False) for one in FOREIGN])
def test_without_javascript_the_chat_knows_who_is_signed_in_and_believes_no_form_of_another_page(
    client: TestClient, hub: Hub, assistant: FakeAssistant, headers: dict[str, str], is_known: bool
) -> None:
    assert client.portal is not None
    person = client.portal.call(_make, hub.database)
    assistant.understand("nothing about youth", "change_preferences")
    cookie = begin_session(hub, person, OpenedBy.ONCE, ChannelName.EMAIL).secret
    client.cookies.set(COOKIE, cookie, path="/chat")
    page = client.post("/chat", data={"message": "nothing about youth"}, headers=headers).text
    assert ("Write your mail address" in page) is not is_known
    assert ("/wish/yes" in page) is is_known


def test_without_javascript_the_chat_leads_to_the_page(client: TestClient, assistant: FakeAssistant) -> None:
    """Whoever is not signed in is sent a link like anybody."""
    assistant.understand("nothing about youth", "change_preferences")
    page = client.post("/chat", data={"message": "nothing about youth"}, headers=OURS[0]).text
    assert "/preferences" in page
