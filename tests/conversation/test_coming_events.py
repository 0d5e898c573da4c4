"""The next event: asked in four languages, answered with what the team planned, or that nothing is planned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.base import IncomingMessage, Reply
from core.settings import Settings
from subscriptions.events import EventDetails, EventForm, cancel_event, create_event
from subscriptions.models import Event
from subscriptions.topics import load_topics
from tests.databases import copy_migrated_sqlite
from tests.fakes import FakeAssistant
from web.state import Hub

ASKED = [
    ("en", "when is the next meeting/webinar"),
    ("en", "Any upcoming events?"),
    ("en", "When is the next webinar, please?"),
    ("fr", "quel est le prochain événement ?"),
    ("fr", "Y a-t-il des webinaires à venir ?"),
    ("it", "prossimo webinar"),
    ("it", "Quali eventi sono in programma?"),
    ("ar", "متى اللقاء القادم"),
    ("ar", "ما هي الفعاليات القادمة؟"),
]
NOT_ASKED = [
    ("en", "Remind me of the next event"),
    ("en", "what are webinars about"),
    ("fr", "Quand a lieu la prochaine réunion de l'UNESCO ?"),
    ("it", "come organizzare una riunione con i genitori la prossima settimana"),
    ("ar", "ما هي الندوات؟"),
]


@pytest.fixture
async def events_hub(hub: Hub, settings: Settings, migrated_sqlite: Path) -> AsyncIterator[Hub]:
    copy_migrated_sqlite(migrated_sqlite, settings)
    yield hub
    await hub.conversations.wait_for_background()
    await hub.database.close()


async def plan(hub: Hub, title: str, *, days: int, **values: Any) -> Event:
    starts_at = hub.clock.now() + timedelta(days=days)
    details = EventDetails(
        form=EventForm.ONLINE,
        titles={"en": title},
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
        time_zone="Europe/Paris",
        online_url="https://meet.example/room",
        **values,
    )
    async with hub.database.session() as session:
        return await create_event(
            session, details, created_by="op", domain="hub.example", topics=load_topics(), clock=hub.clock
        )


async def ask(hub: Hub, text: str, language: str) -> list[Reply]:
    message = IncomingMessage("webchat", "somebody", text, chosen_language=language)
    return (await hub.conversations.handle(message)).replies


@pytest.mark.parametrize(("language", "text"), ASKED)
async def test_the_next_events_are_listed_beside_what_is_known_of_them(
    events_hub: Hub, language: str, text: str
) -> None:
    event = await plan(events_hub, "Rumours at school", days=9)

    listed, known = await ask(events_hub, text, language)

    assert "Rumours at school" in listed.text
    assert [link.url.rpartition("/events")[2] for link in listed.links] == [f"/{event.id}", ""]
    assert listed.answer is None
    assert known.answer == "tool/icc-webinars"
    assert "meet.example" not in listed.text, "how to take part is for guests"


@pytest.mark.parametrize(("language", "text"), ASKED)
async def test_nothing_planned_is_said_with_how_to_be_told(events_hub: Hub, language: str, text: str) -> None:
    listed, _ = await ask(events_hub, text, language)

    assert listed.text.startswith(events_hub.wording.texts.get("coming_events.none", language))
    assert [button.payload for button in listed.buttons] == ["/flow/preferences"]


async def test_only_public_events_that_take_place_are_told(events_hub: Hub) -> None:
    await plan(events_hub, "Closed round", days=3, is_public=False)
    off = await plan(events_hub, "Called off", days=4)
    async with events_hub.database.session() as session:
        await cancel_event(session, off.id, clock=events_hub.clock)
    await plan(events_hub, "Second", days=20)
    await plan(events_hub, "First", days=5)

    listed, _ = await ask(events_hub, "next webinar?", "en")

    assert [line.partition(":")[0] for line in listed.text.splitlines()[1:-1]] == ["First", "Second"]


@pytest.mark.parametrize(("language", "text"), NOT_ASKED)
async def test_what_asks_for_something_else_goes_to_the_assistant(
    events_hub: Hub, assistant: FakeAssistant, language: str, text: str
) -> None:
    await ask(events_hub, text, language)

    assert assistant.asked
