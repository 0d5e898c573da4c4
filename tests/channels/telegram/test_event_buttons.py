"""Answering an invitation by its buttons in the chat: by whoever connected it, once for each press that says more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from app import build_composer
from channels.base import ReadyChat
from channels.telegram.runner import TelegramRunner
from subscriptions.models import Broadcast, BroadcastKind, BroadcastText, ChannelName, Delivery, Event, Guest, TextState
from subscriptions.subscribers import list_addresses
from tests.channels.telegram.conftest import MakePerson
from tests.factories import NOW, make_broadcast, make_event, make_subscriber
from tests.telegram_server.server import Person
from web.state import Hub


@pytest.fixture
async def invited(hub: Hub, runner: TelegramRunner, make_person: MakePerson) -> tuple[Person, Event]:
    """Somebody whose chat is connected, with an invitation in it."""
    person = make_person()
    starts_at = hub.clock.now() + timedelta(days=20)
    async with hub.database.session() as session:
        subscriber = await make_subscriber(session, telegram=person.id, channel=ChannelName.TELEGRAM)
        event = await make_event(
            session, starts_at=starts_at, ends_at=starts_at + timedelta(hours=1), titles={"en": "Training"}, places=1
        )
        broadcast: Broadcast = await make_broadcast(
            session, "webinars", kind=BroadcastKind.EVENT, event_id=event.id, expanded_at=NOW
        )
        session.add(
            BroadcastText(
                broadcast_id=broadcast.id, language="en", state=TextState.ORIGINAL, subject="Training", body="Come.",
                changed_at=NOW,
            )
        )  # fmt: skip
        address = (await list_addresses(session, subscriber.id))[ChannelName.TELEGRAM]
        row = Delivery(
            id="d1", message=f"broadcast/{broadcast.id}", address_id=address.id, subscriber_id=subscriber.id,
            broadcast_id=broadcast.id, channel="telegram", language="en", due_at=NOW, created_at=NOW,
            because={"rule": "topic", "topic": "webinars"},
        )  # fmt: skip
        message = (await build_composer(hub).compose(session, [row]))["d1"]
    assert isinstance(message, ReadyChat)
    await runner.deliver_through(public_url=None).send(message)
    return person, event


async def guests(hub: Hub) -> list[Guest]:
    async with hub.database.session() as session:
        return list(await session.exec(select(Guest)))


async def test_a_press_is_the_answer_and_the_same_again_says_nothing_more(
    hub: Hub, invited: tuple[Person, Event]
) -> None:
    person, _ = invited
    invitation = person.screen[-1]
    for _ in range(2):
        await person.presses("I will come", on=invitation)
    assert [guest.answer for guest in await guests(hub)] == ["yes"]
    said = [message.text for message in person.screen if "you are coming" in message.text]
    assert len(said) == 1
    async with hub.database.session() as session:
        rows = list(await session.exec(select(Delivery)))
    assert [(row.channel, row.message.rpartition("/")[2]) for row in rows] == [("email", "entry")], "for the calendar"
    await person.presses("I cannot come", on=invitation)
    assert [guest.answer for guest in await guests(hub)] == ["no"]


async def test_somebody_else_who_presses_is_told_to_use_the_link(
    hub: Hub, invited: tuple[Person, Event], make_person: MakePerson
) -> None:
    _, event = invited
    stranger = make_person()
    await stranger.types("/start")
    await stranger.sends(callback_query=stranger.press_data(f"@yes/{event.id}", on=stranger.screen[-1]))
    assert "not connected" in stranger.screen[-1].text
    assert await guests(hub) == []


async def test_an_old_button_says_that_the_event_is_over(hub: Hub, invited: tuple[Person, Event]) -> None:
    person, event = invited
    invitation = person.screen[-1]
    hub.clock.at = event.ends_at + timedelta(days=1)  # type: ignore[attr-defined]
    await person.presses("Maybe", on=invitation)
    assert "is over" in person.screen[-1].text
    assert await guests(hub) == []
