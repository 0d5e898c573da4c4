"""Somebody says what they want to be sent: it is said back, asked where unclear, and done only after a yes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import select

from app import build_hub
from channels.base import Answer, IncomingMessage, Reply
from conversation.replies import PREFERENCES, Wording
from core.clock import FixedClock
from core.settings import Settings
from subscriptions.city_defaults import set_telegram_off
from subscriptions.models import (
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    ChannelName,
    Choice,
    Delivery,
    DeliveryStatus,
    Frequency,
    PreferenceChange,
    Subscriber,
)
from subscriptions.preferences import Edit, TopicPreference, change_preferences, list_topic_states
from subscriptions.subscribers import add_email, create_subscriber, link_telegram, list_addresses
from subscriptions.topics import load_topics
from tests.databases import copy_migrated_sqlite
from tests.fakes import FakeAssistant
from web.state import Hub

TOPICS = load_topics()


@pytest.fixture(params=["sqlite", "postgresql"])
async def hub(
    request: pytest.FixtureRequest,
    settings: Settings,
    migrated_sqlite: Path,
    clock: FixedClock,
    wording: Wording,
    assistant: FakeAssistant,
) -> AsyncIterator[Hub]:
    if request.param == "postgresql":
        url = SecretStr(request.getfixturevalue("migrated_postgresql_url"))
        settings = settings.model_copy(update={"database_url": url})
    else:
        copy_migrated_sqlite(migrated_sqlite, settings)
    hub = build_hub(settings, clock=clock, assistant=assistant, wording=wording)
    yield hub
    await hub.conversations.close()
    await hub.database.close()


@dataclass
class Person:
    """Somebody who writes, known by their session or not."""

    hub: Hub
    assistant: FakeAssistant
    subscriber: str | None = None
    sender: str = "somebody"
    channel: str = "webchat"
    language: str | None = "en"

    async def wishes(self, text: str) -> Reply:
        """Says something that the assistant hears as a wish about messages."""
        self.assistant.understand(text, "change_preferences")
        return await self.says(text)

    async def says(self, text: str) -> Reply:
        [reply] = (await self.answer(text)).replies
        return reply

    async def answer(self, text: str) -> Answer:
        message = IncomingMessage(self.channel, self.sender, text, self.language, subscriber=self.subscriber)
        return await self.hub.conversations.handle(message)

    async def chosen(self) -> dict[str, Frequency]:
        assert self.subscriber is not None
        async with self.hub.database.session() as session:
            states = await list_topic_states(session, self.subscriber, topics=TOPICS)
        return {state.topic: state.frequency for state in states if state.frequency is not Frequency.OFF}

    async def row(self) -> Subscriber:
        async with self.hub.database.session() as session:
            return await session.get_one(Subscriber, self.subscriber)


@pytest.fixture
async def ada(hub: Hub, assistant: FakeAssistant) -> Person:
    """She gets grants at once, and youth and the newsletter weekly."""
    async with hub.database.session() as session:
        ada = await create_subscriber(session, name="Ada", clock=hub.clock, city="reggio-emilia")
        ada_id = ada.id
        address = await add_email(session, ada_id, "ada@example.org", clock=hub.clock)
        address.confirmed_at = hub.clock.now()
        session.add(address)
        await session.commit()
        edit: Edit = {
            "topics": {
                "grants-and-calls": TopicPreference(Frequency.AT_ONCE),
                "youth": TopicPreference(Frequency.WEEKLY),
                "newsletter": TopicPreference(Frequency.WEEKLY),
            }
        }
        await change_preferences(session, ada_id, edit, topics=TOPICS, origin="page", clock=hub.clock)
    return Person(hub, assistant, ada_id)


def payloads(reply: Reply) -> list[str]:
    return [button.payload for button in reply.buttons]


async def test_a_wish_is_said_back_and_nothing_changes_before_the_yes(ada: Person) -> None:
    before = await ada.chosen()
    reply = await ada.wishes("Only once a week, and nothing about youth")

    assert "Young people: nothing any more." in reply.text
    assert "All that you get comes once a week." in reply.text
    assert payloads(reply) == ["/wish/yes", "/wish/change", "/wish/no"]
    assert reply.answer == PREFERENCES
    assert await ada.chosen() == before


async def test_after_the_yes_it_is_done_and_can_be_undone(ada: Person) -> None:
    before = await ada.chosen()
    await ada.wishes("Only once a week, and nothing about youth")
    reply = await ada.says("yes please")

    assert await ada.chosen() == {"grants-and-calls": Frequency.WEEKLY, "newsletter": Frequency.WEEKLY}
    assert payloads(reply) == ["/wish/undo"]
    async with ada.hub.database.session() as session:
        changes = (await session.exec(select(PreferenceChange))).all()
    assert [change.origin for change in changes] == ["page", "chat"]

    await ada.says("/wish/undo")
    assert await ada.chosen() == before


async def test_a_no_leaves_everything(ada: Person) -> None:
    before = await ada.chosen()
    await ada.wishes("stop")
    assert (await ada.says("/wish/no")).text == "All right. Nothing was changed."
    assert await ada.chosen() == before
    assert "settled" in (await ada.says("/wish/yes")).text
    assert await ada.chosen() == before


async def test_a_yes_counts_once(ada: Person) -> None:
    await ada.wishes("stop")
    await ada.says("/wish/yes")
    assert "settled" in (await ada.says("/wish/yes")).text
    assert await ada.chosen() == {}


async def test_a_later_sentence_of_the_talk_completes_the_wish(ada: Person) -> None:
    await ada.wishes("nothing about youth")
    reply = await ada.says("and once a week please")
    assert "Young people: nothing any more." in reply.text
    assert "All that you get comes once a week." in reply.text

    reply = await ada.says("no, youth every day")
    assert "Young people: once a day." in reply.text
    await ada.says("/wish/yes")
    assert (await ada.chosen())["youth"] is Frequency.DAILY


async def test_a_question_in_the_middle_is_answered_and_a_bare_yes_means_it_no_more(
    ada: Person, assistant: FakeAssistant
) -> None:
    before = await ada.chosen()
    await ada.wishes("stop")
    assistant.understand("what do you have on youth?", "ask_entry", entry="tool/icc-index")
    assert (await ada.says("what do you have on youth?")).answer == "tool/icc-index"
    assistant.understand("yes", "affirm")
    assert (await ada.says("yes")).answer != PREFERENCES
    assert await ada.chosen() == before
    await ada.says("/wish/yes")
    assert await ada.chosen() == {}


async def test_a_cry_for_help_in_the_middle_is_heard(ada: Person, assistant: FakeAssistant) -> None:
    await ada.wishes("once a week")
    assistant.understand("stop everything, I cannot go on", "distress")
    answer = await ada.answer("stop everything, I cannot go on")
    assert all(reply.answer != PREFERENCES for reply in answer.replies)
    assistant.understand("yes", "affirm")
    assert (await ada.says("yes")).answer != PREFERENCES


async def test_only_these_topics_means_no_others_also_of_the_future(ada: Person) -> None:
    await ada.wishes("Only grants, nothing else")
    await ada.says("yes")
    assert await ada.chosen() == {"grants-and-calls": Frequency.AT_ONCE}
    assert (await ada.row()).choice == Choice.REQUIRED_ONLY


async def test_less_of_what_is_weekly_already_is_asked_back(ada: Person) -> None:
    await ada.wishes("once a week")
    await ada.says("yes")
    reply = await ada.wishes("too many mails")
    assert "slowest" in reply.text
    assert payloads(reply) == []


async def test_what_is_so_already_is_not_asked_for(ada: Person) -> None:
    await ada.wishes("once a week")
    await ada.says("yes")
    reply = await ada.wishes("once a week please")
    assert reply.text.startswith("That is so already.")
    assert payloads(reply) == []


async def test_a_pause_without_an_end_is_asked_for_it(ada: Person) -> None:
    reply = await ada.wishes("please pause everything")
    assert payloads(reply) == ["/wish/pause/7", "/wish/pause/14", "/wish/pause/30"]
    reply = await ada.says("/wish/pause/14")
    assert "Sunday, 6 December 2026" in reply.text
    await ada.says("/wish/yes")
    assert str((await ada.row()).paused_until) == "2026-12-06"


async def test_the_end_of_a_pause_can_also_be_said(ada: Person) -> None:
    await ada.wishes("please pause everything")
    assert "15 January 2027" in (await ada.says("15 January")).text


async def test_french_plus_de_is_asked_back(ada: Person) -> None:
    ada.language = "fr"
    reply = await ada.wishes("plus de webinaires")
    assert payloads(reply) == ["/wish/more", "/wish/none"]
    await ada.says("/wish/more")
    await ada.says("/wish/yes")
    assert (await ada.chosen())["webinars"] is Frequency.WEEKLY


async def test_what_is_required_stays_and_it_is_said(ada: Person) -> None:
    async with ada.hub.database.session() as session:
        row = await session.get_one(Subscriber, ada.subscriber)
        row.is_mandatory_contact = True
        session.add(row)
        await session.commit()
    reply = await ada.wishes("no membership notices and nothing about youth")
    assert "This stays, because your city has named you as its contact: Membership notices." in reply.text
    await ada.says("yes")
    assert (await ada.chosen())["membership-notices"] is Frequency.AT_ONCE
    assert "youth" not in await ada.chosen()


async def test_telegram_needs_a_linked_chat(ada: Person) -> None:
    reply = await ada.wishes("send it by Telegram please")
    assert "Telegram is not connected yet" in reply.text
    assert payloads(reply) == []
    async with ada.hub.database.session() as session:
        await link_telegram(session, str(ada.subscriber), 77, clock=ada.hub.clock)
    await ada.wishes("send it by Telegram please")
    await ada.says("yes")
    assert (await ada.row()).channel == ChannelName.TELEGRAM


async def test_a_city_without_telegram_is_respected(ada: Person) -> None:
    async with ada.hub.database.session() as session:
        row = await session.get_one(Subscriber, ada.subscriber)
        row.may_set_city_defaults = True
        session.add(row)
        await session.commit()
        await link_telegram(session, str(ada.subscriber), 77, clock=ada.hub.clock)
        await set_telegram_off(session, str(ada.subscriber), is_off=True, topics=TOPICS, clock=ada.hub.clock)
    reply = await ada.wishes("by Telegram please")
    assert "Your city does not want Telegram" in reply.text
    assert (await ada.row()).channel == ChannelName.EMAIL


async def test_where_nothing_is_understood_the_present_choices_and_an_example_are_shown(ada: Person) -> None:
    reply = await ada.wishes("how about my settings then")
    assert "At once: Grants and calls" in reply.text
    assert "Once a week: Newsletter; Young people" in reply.text
    assert "/preferences" in reply.text


async def test_a_change_takes_what_waits_already_out_of_the_queue(ada: Person, clock: FixedClock) -> None:
    async with ada.hub.database.session() as session:
        broadcast = Broadcast(
            id="b1",
            kind=BroadcastKind.NEWS,
            status=BroadcastStatus.SENDING,
            topics_any=["grants-and-calls"],
            created_by="x",
            created_at=clock.now(),
        )
        session.add(broadcast)
        row = await session.get_one(Subscriber, ada.subscriber)
        address = (await list_addresses(session, row.id))[ChannelName.EMAIL]
        session.add(
            Delivery(
                id="d1",
                message="broadcast/b1",
                address_id=address.id,
                subscriber_id=row.id,
                broadcast_id="b1",
                channel=ChannelName.EMAIL,
                language="en",
                because={"rule": "topic", "topic": "grants-and-calls"},
                due_at=clock.now(),
                created_at=clock.now(),
            )
        )
        await session.commit()
    await ada.wishes("nothing about grants")
    await ada.says("/wish/yes")
    async with ada.hub.database.session() as session:
        assert (await session.get_one(Delivery, "d1")).status == DeliveryStatus.CANCELLED


# Who somebody is


async def test_somebody_unknown_gets_a_link_to_their_address_and_goes_on(ada: Person, assistant: FakeAssistant) -> None:
    stranger = Person(ada.hub, assistant, None, sender="ada-in-her-browser")
    reply = await stranger.wishes("nothing about youth")
    assert "Young people: nothing any more." in reply.text
    assert "Write your mail address here" in reply.text

    known = await stranger.says("it is Ada@Example.org, thanks.")
    nobody = Person(ada.hub, assistant, None, sender="nobody")
    await nobody.wishes("nothing about youth")
    unknown = await nobody.says("nobody@example.org")
    assert (known.text, payloads(known)) == (unknown.text, payloads(unknown))
    assert payloads(known) == ["/wish/opened"]
    await ada.hub.conversations.close()
    async with ada.hub.database.session() as session:
        deliveries = (await session.exec(select(Delivery))).all()
    assert [delivery.subscriber_id for delivery in deliveries] == [ada.subscriber]


async def test_an_address_that_was_asked_for_never_reaches_the_assistant(ada: Person, assistant: FakeAssistant) -> None:
    stranger = Person(ada.hub, assistant, None, sender="stranger")
    await stranger.wishes("stop")
    await stranger.says("ada@example.org")
    assert not any(re.search("@", text) for _, text, _ in assistant.asked)


async def test_who_comes_back_signed_in_is_asked_for_the_yes(ada: Person, assistant: FakeAssistant) -> None:
    browser = Person(ada.hub, assistant, None, sender="browser")
    await browser.wishes("nothing about youth")
    assert "still do not know" in (await browser.says("/wish/opened")).text
    browser.subscriber = ada.subscriber
    reply = await browser.says("/wish/opened")
    assert "Young people: nothing any more." in reply.text
    await browser.says("/wish/yes")
    assert "youth" not in await ada.chosen()


async def test_a_name_for_the_conversation_proves_nothing(ada: Person, assistant: FakeAssistant) -> None:
    """Whoever has somebody's ``sender`` sees neither their choices nor changes them."""
    async with ada.hub.database.session() as session:
        await link_telegram(session, str(ada.subscriber), 77, clock=ada.hub.clock)
    thief = Person(ada.hub, assistant, None, sender="77")
    reply = await thief.wishes("what do I get?")
    assert "Grants" not in reply.text
    await thief.wishes("stop")
    await thief.says("/wish/yes")
    assert "grants-and-calls" in await ada.chosen()


async def test_a_linked_telegram_chat_is_known(ada: Person, assistant: FakeAssistant) -> None:
    async with ada.hub.database.session() as session:
        await link_telegram(session, str(ada.subscriber), 77, clock=ada.hub.clock)
    phone = Person(ada.hub, assistant, None, sender="77", channel="telegram")
    await phone.wishes("stop")
    await phone.says("/wish/yes")
    assert await ada.chosen() == {}


async def test_somebody_who_left_is_not_known_any_more(ada: Person) -> None:
    async with ada.hub.database.session() as session:
        row = await session.get_one(Subscriber, ada.subscriber)
        row.left_at = ada.hub.clock.now()
        session.add(row)
        await session.commit()
    assert "Write your mail address" in (await ada.wishes("stop")).text


@pytest.mark.parametrize("payload", ["/wish/everything", "/wish/pause/9999", "/wish/speak/xx", "/wish/yes/1", "/wish"])
async def test_a_payload_that_we_never_gave_is_a_text(ada: Person, assistant: FakeAssistant, payload: str) -> None:
    await ada.answer(payload)
    assert [text for _, text, _ in assistant.asked] == [payload[1:]]
