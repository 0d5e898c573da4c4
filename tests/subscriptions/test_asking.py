"""Asking for a link, joining, and connecting Telegram by a deep link."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from subscriptions.asking import MOST_MAILS, WITHIN, Newcomer, join, send_link, send_preferences_link
from subscriptions.confirmation import Purpose, issue, use
from subscriptions.errors import LinkExpiredError, TelegramOffError
from subscriptions.links import Links
from subscriptions.models import Address, ChannelName, Choice, CityRule, Delivery, Frequency, Subscriber
from subscriptions.preferences import list_topic_states
from subscriptions.subscribers import list_addresses
from subscriptions.telegram_linking import START, link_by_start, start_parameter
from subscriptions.topics import Topics
from tests.factories import make_subscriber


async def kinds(session: AsyncSession) -> list[str]:
    return sorted(row.message.split("/")[0] for row in await session.exec(select(Delivery)))


async def test_a_link_goes_to_whom_we_know_and_to_nobody_else(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    await make_subscriber(session, email="ada@example.org")
    await make_subscriber(session, email="gone@example.org", left_at=clock.now())
    for email in ("ADA@example.org", "eve@example.org", "gone@example.org", "nonsense"):
        await send_preferences_link(session, email, links=links, clock=clock)
    # Who left may want to come back.
    assert await kinds(session) == ["preferences", "preferences"]


async def test_who_left_and_joins_again_is_sent_to_their_own_page_and_is_not_back_by_that(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    gone = await make_subscriber(session, email="gone@example.org", left_at=clock.now(), confirmed=False)
    newcomer = Newcomer("Somebody else", "gone@example.org", Choice.EVERYTHING_AT_ONCE)
    await join(session, newcomer, topics=topics, links=links, clock=clock)
    await session.refresh(gone)
    assert (await kinds(session), gone.left_at, gone.choice) == (["preferences"], clock.now(), None)


async def test_somebody_gets_few_links_an_hour_whoever_asks(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    person = (await make_subscriber(session)).id
    other = (await make_subscriber(session)).id
    for _ in range(MOST_MAILS + 2):
        await send_link(session, person, Purpose.PREFERENCES, links=links, clock=clock)
    await send_link(session, other, Purpose.PREFERENCES, links=links, clock=clock)
    assert len(await kinds(session)) == MOST_MAILS + 1
    clock.at += WITHIN + timedelta(seconds=1)
    await send_link(session, person, Purpose.PREFERENCES, links=links, clock=clock)
    assert len(await kinds(session)) == MOST_MAILS + 2


async def test_a_newcomer_is_taken_up_once_and_unconfirmed(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    newcomer = Newcomer("Grace", "grace@example.org", Choice.RECOMMENDED_WEEKLY, {"city": "it-bari", "language": "it"})
    for name in ("Grace", "Somebody else"):
        await join(
            session,
            Newcomer(name, newcomer.email, newcomer.choice, newcomer.profile),
            topics=topics,
            links=links,
            clock=clock,
        )
    [person] = await session.exec(select(Subscriber))
    assert (person.name, person.city, person.choice) == ("Grace", "it-bari", "recommended_weekly")
    assert [row.confirmed_at for row in await session.exec(select(Address))] == [None]
    assert await kinds(session) == ["confirm", "confirm"]
    states = await list_topic_states(session, person.id, topics=topics)
    assert {state.topic for state in states if state.frequency is Frequency.WEEKLY} == topics.recommended


async def test_a_deep_link_fits_telegram_and_connects_once(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    person = (await make_subscriber(session)).id
    issued = await issue(session, person, Purpose.TELEGRAM, links=links, clock=clock)
    parameter = start_parameter(issued.token)
    assert len(parameter) <= 64
    assert parameter.isascii()
    assert set(parameter) - set("_-") <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    assert (await link_by_start(session, parameter, 5, topics=topics, clock=clock)).id == person
    assert (await list_addresses(session, person))[ChannelName.TELEGRAM].value == "5"
    with pytest.raises(LinkExpiredError):
        await link_by_start(session, parameter, 6, topics=topics, clock=clock)
    assert (await list_addresses(session, person))[ChannelName.TELEGRAM].value == "5"


@pytest.mark.parametrize("parameter", ["", "desk_1", START, START + "x" * 59])
async def test_what_is_no_deep_link_of_ours_connects_nobody(
    session: AsyncSession, clock: FixedClock, topics: Topics, parameter: str
) -> None:
    with pytest.raises(LinkExpiredError):
        await link_by_start(session, parameter, 5, topics=topics, clock=clock)


async def test_a_link_for_another_purpose_connects_nobody(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    person = (await make_subscriber(session)).id
    issued = await issue(session, person, Purpose.PREFERENCES, links=links, clock=clock)
    with pytest.raises(LinkExpiredError):
        await link_by_start(session, start_parameter(issued.token), 5, topics=topics, clock=clock)


async def test_a_city_that_wants_no_telegram_is_heard_and_the_link_is_not_used_up(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    person = (await make_subscriber(session, city="it-bari")).id
    session.add(CityRule(city="it-bari", telegram_off=True))
    await session.commit()
    issued = await issue(session, person, Purpose.TELEGRAM, links=links, clock=clock)
    with pytest.raises(TelegramOffError):
        await link_by_start(session, start_parameter(issued.token), 5, topics=topics, clock=clock)
    assert ChannelName.TELEGRAM not in await list_addresses(session, person)
    await use(session, Purpose.TELEGRAM, issued.token, topics=topics, clock=clock)


async def test_what_counts_without_the_own_word_is_told_beside_it(session: AsyncSession, topics: Topics) -> None:
    person = await make_subscriber(session, choice=Choice.RECOMMENDED_WEEKLY, topics={"webinars": Frequency.OFF})
    states = {state.topic: state for state in await list_topic_states(session, person.id, topics=topics)}
    assert (states["webinars"].frequency, states["webinars"].otherwise) == (Frequency.OFF, Frequency.WEEKLY)
    assert states["youth"].otherwise is states["youth"].frequency
