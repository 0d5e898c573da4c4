"""Choosing what one gets in Telegram: connecting the chat, buttons edited in place, saying it, ending it."""

from __future__ import annotations

import pytest
from sqlmodel import select

from core.clock import FixedClock
from subscriptions.confirmation import Purpose, issue
from subscriptions.links import Links
from subscriptions.models import ChannelName, CityRule, Delivery, Frequency, Subscriber
from subscriptions.preferences import list_topic_states
from subscriptions.subscribers import list_addresses
from subscriptions.telegram_linking import start_parameter
from subscriptions.topics import load_topics
from tests.channels.telegram.conftest import MakePerson
from tests.factories import make_subscriber
from tests.fakes import FakeAssistant
from tests.telegram_server.server import Person, Sent
from web.state import Hub

pytestmark = pytest.mark.usefixtures("runner")
TOPICS = load_topics()
HERS = {"grants-and-calls": Frequency.AT_ONCE, "youth": Frequency.WEEKLY}


@pytest.fixture
async def ada(hub: Hub, clock: FixedClock) -> str:
    """A subscriber with a mail address only."""
    async with hub.database.session() as session:
        ada = await make_subscriber(
            session, now=clock.now(), email="ada@example.org", city="reggio-emilia", topics=HERS
        )
        return ada.id


async def deep_link(hub: Hub, subscriber_id: str) -> str:
    """What the page's link sends to the bot."""
    links = Links(hub.settings.load_secret_key())
    async with hub.database.session() as session:
        issued = await issue(session, subscriber_id, Purpose.TELEGRAM, links=links, clock=hub.clock)
    return f"/start {start_parameter(issued.token)}"


@pytest.fixture
async def phone(hub: Hub, ada: str, make_person: MakePerson) -> Person:
    """Ada's chat, connected."""
    person = make_person()
    await person.types(await deep_link(hub, ada))
    return person


async def chosen(hub: Hub, subscriber_id: str) -> dict[str, Frequency]:
    async with hub.database.session() as session:
        states = await list_topic_states(session, subscriber_id, topics=TOPICS)
    return {state.topic: state.frequency for state in states if state.frequency is not Frequency.OFF}


async def row(hub: Hub, subscriber_id: str) -> Subscriber:
    async with hub.database.session() as session:
        return await session.get_one(Subscriber, subscriber_id)


async def press(phone: Person, *titles: str) -> Sent:
    """Buttons of the newest screen, one after the other; none of them brings a new message."""
    for title in titles:
        assert await phone.presses(title, on=phone.screen[-1]) == []
    return phone.screen[-1]


async def test_the_link_of_the_page_connects_the_chat_once(hub: Hub, ada: str, make_person: MakePerson) -> None:
    link = await deep_link(hub, ada)
    phone, other = make_person(), make_person()
    [screen] = await phone.types(link)
    assert "Hello Ada" in screen.text
    assert "Everything, at once" in screen.titles
    async with hub.database.session() as session:
        addresses = await list_addresses(session, ada)
    assert addresses[ChannelName.TELEGRAM].value == str(phone.id)

    [refusal] = await other.types(link)
    assert "does not work any more" in refusal.text
    async with hub.database.session() as session:
        assert (await list_addresses(session, ada))[ChannelName.TELEGRAM].value == str(phone.id)


async def test_a_city_that_wants_no_telegram_is_respected(hub: Hub, ada: str, make_person: MakePerson) -> None:
    async with hub.database.session() as session:
        session.add(CityRule(city="reggio-emilia", telegram_off=True))
        await session.commit()
    phone = make_person()
    [screen] = await phone.types(await deep_link(hub, ada))
    assert "does not want Telegram" in screen.text
    assert "Write your mail address" in (await phone.types("/preferences"))[0].text


async def test_the_three_choices_are_buttons_and_the_message_is_edited(hub: Hub, ada: str, phone: Person) -> None:
    [screen] = await phone.types("/preferences")
    assert not any(title.startswith("✓") for title in screen.titles)
    screen = await press(phone, "Recommended, once a week")
    assert screen.edits == 1
    assert "Done." in screen.text
    assert "✓ Recommended, once a week" in screen.titles
    assert set(await chosen(hub, ada)) == TOPICS.recommended
    await press(phone, "Undo")
    assert await chosen(hub, ada) == HERS


async def test_a_topic_is_found_on_its_page_and_changed(hub: Hub, ada: str, phone: Person) -> None:
    await phone.types("/preferences")
    screen = await press(phone, "Choose topics", "More topics", "More topics", "Young people")
    assert "✓ Once a week" in screen.titles
    await press(phone, "Once a day")
    assert (await chosen(hub, ada))["youth"] is Frequency.DAILY
    screen = await press(phone, "By mail", "Back")
    assert "Young people · Once a day" in screen.titles
    assert "page 3 of" in screen.text


async def test_mail_or_telegram_pause_quiet_days_and_language_are_buttons(hub: Hub, ada: str, phone: Person) -> None:
    await phone.types("/preferences")
    await press(phone, "Mail or Telegram", "By Telegram", "Back")
    await press(phone, "Pause", "Two weeks")
    await press(phone, "Quiet time", "Saturday", "Sunday", "18:00", "Back")
    await press(phone, "Language", "Italiano", "Back")
    ada_now = await row(hub, ada)
    assert (ada_now.channel, str(ada_now.paused_until), ada_now.language) == ("telegram", "2026-12-06", "it")
    assert (ada_now.quiet_days, str(ada_now.quiet_from), str(ada_now.quiet_to)) == ([6, 7], "18:00:00", "08:00:00")
    await press(phone, "Pause", "End the pause")
    assert (await row(hub, ada)).paused_until is None


async def test_what_one_writes_is_said_back_and_done_after_the_button(
    hub: Hub, ada: str, phone: Person, assistant: FakeAssistant
) -> None:
    wish = "only once a week, and nothing about youth"
    assistant.understand(wish, "change_preferences")
    [answer] = await phone.types(wish)
    assert "Young people: nothing any more." in answer.text
    assert await chosen(hub, ada) == HERS
    [done] = await phone.presses("Yes, do that")
    assert "Done." in done.text
    assert await chosen(hub, ada) == {"grants-and-calls": Frequency.WEEKLY}


async def test_stop_ends_telegram_and_the_page_can_begin_it_again(hub: Hub, ada: str, phone: Person) -> None:
    [answer] = await phone.types("/stop")
    assert "Nothing comes to this chat any more" in answer.text
    async with hub.database.session() as session:
        address = (await list_addresses(session, ada))[ChannelName.TELEGRAM]
    assert address.suppression == "stopped"

    await phone.types("/preferences")
    await press(phone, "Mail or Telegram", "By Telegram")
    async with hub.database.session() as session:
        address = (await list_addresses(session, ada))[ChannelName.TELEGRAM]
    assert address.suppressed_at is None


async def test_a_chat_that_nobody_connected_gets_a_link_by_mail(hub: Hub, ada: str, make_person: MakePerson) -> None:
    stranger, other = make_person(), make_person()
    [ask] = await stranger.types("/preferences")
    assert "Write your mail address" in ask.text
    [sent] = await stranger.types("ada@example.org")
    await other.types("/preferences")
    [same] = await other.types("nobody@example.org")
    assert sent.text == same.text
    await hub.conversations.close()
    async with hub.database.session() as session:
        deliveries = (await session.exec(select(Delivery))).all()
    assert [(delivery.subscriber_id, delivery.channel) for delivery in deliveries] == [(ada, "email")]


async def test_a_screen_of_somebody_elses_time_changes_nothing(
    hub: Hub, ada: str, phone: Person, make_person: MakePerson
) -> None:
    """The chat went to another person: its old buttons are theirs to press, for their own choices only."""
    [screen] = await phone.types("/preferences")
    async with hub.database.session() as session:
        bob = (await make_subscriber(session, name="Bob")).id
    await phone.types(await deep_link(hub, bob))
    await phone.presses("Everything, at once", on=screen)
    assert await chosen(hub, ada) == HERS
    assert len(await chosen(hub, bob)) == len(TOPICS.facts)


async def test_a_broken_button_shows_the_first_screen(phone: Person) -> None:
    [screen] = await phone.types("/preferences")
    for data in ("~set:no-such-topic:weekly:0", "~pause:9999", "~topics:x", "~language:xx", "~what"):
        await phone.sends(callback_query=phone.press_data(data, on=screen))
        assert "Choose topics" in phone.screen[-1].titles


async def test_deleting_the_chat_takes_its_number_away(hub: Hub, ada: str, phone: Person) -> None:
    assert "connected this chat" in (await phone.types("/privacy"))[-1].text
    await phone.types("/delete")
    await phone.presses("Delete it")
    async with hub.database.session() as session:
        assert ChannelName.TELEGRAM not in await list_addresses(session, ada)
    assert len(await phone.types("/privacy")) == 1
