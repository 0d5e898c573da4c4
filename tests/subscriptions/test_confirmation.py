"""Links that are used once, links that never expire, and what they do to addresses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from subscriptions.confirmation import (
    Purpose,
    confirm_by_use,
    expire_confirmations,
    issue,
    peek,
    queue_link,
    use,
)
from subscriptions.errors import AddressInvalidError, AddressTakenError, LinkExpiredError
from subscriptions.links import ALL, LinkContent, LinkPurpose, Links
from subscriptions.models import Address, ChannelName, Confirmation, Delivery, TeamAlert
from subscriptions.rechecking import recheck
from subscriptions.subscribers import (
    create_subscriber,
    find_by_address,
    lift_suppression,
    link_telegram,
    list_addresses,
    suppress,
    unlink_telegram,
)
from subscriptions.topics import Topics
from tests.factories import NOW, make_subscriber

EMAIL, TELEGRAM = ChannelName.EMAIL, ChannelName.TELEGRAM


async def address_of(session: AsyncSession, subscriber_id: str) -> Address:
    session.expunge_all()
    return (await list_addresses(session, subscriber_id))[EMAIL]


async def test_an_address_is_confirmed_by_its_link_and_once_more_is_no_error(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    subscriber = await make_subscriber(session, confirmed=False)
    issued = await issue(session, subscriber.id, Purpose.CONFIRM, links=links, clock=clock, topics=["youth"])
    assert (await peek(session, Purpose.CONFIRM, issued.token, clock=clock)).topics == ["youth"]
    assert (await address_of(session, subscriber.id)).confirmed_at is None, "looking at a link confirms nothing"
    clock.at += timedelta(days=6)
    for _ in range(2):
        await use(session, Purpose.CONFIRM, issued.token, topics=topics, clock=clock)
    assert (await address_of(session, subscriber.id)).confirmed_at == clock.at


@pytest.mark.parametrize(
    ("purpose", "lifetime"),
    [
        (Purpose.CONFIRM, timedelta(days=7)),
        (Purpose.PREFERENCES, timedelta(hours=1)),
        (Purpose.TELEGRAM, timedelta(hours=1)),
    ],
)
async def test_a_link_ends_after_its_time(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics, purpose: Purpose, lifetime: timedelta
) -> None:
    subscriber = await make_subscriber(session, confirmed=False)
    issued = await issue(session, subscriber.id, purpose, links=links, clock=clock)
    clock.at += lifetime
    with pytest.raises(LinkExpiredError):
        await use(session, purpose, issued.token, topics=topics, clock=clock)
    assert await expire_confirmations(session, clock=clock) == 1
    assert (await address_of(session, subscriber.id)).confirmed_at is None


async def test_a_link_that_signs_in_works_once(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    subscriber = await make_subscriber(session)
    issued = await issue(session, subscriber.id, Purpose.PREFERENCES, links=links, clock=clock)
    assert (
        await use(session, Purpose.PREFERENCES, issued.token, topics=topics, clock=clock)
    ).subscriber_id == subscriber.id
    with pytest.raises(LinkExpiredError):
        await use(session, Purpose.PREFERENCES, issued.token, topics=topics, clock=clock)


async def test_a_link_is_for_one_purpose_and_a_newer_one_replaces_it(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    subscriber = await make_subscriber(session)
    first = await issue(session, subscriber.id, Purpose.PREFERENCES, links=links, clock=clock)
    with pytest.raises(LinkExpiredError):
        await use(session, Purpose.CONFIRM, first.token, topics=topics, clock=clock)
    await issue(session, subscriber.id, Purpose.PREFERENCES, links=links, clock=clock)
    with pytest.raises(LinkExpiredError):
        await use(session, Purpose.PREFERENCES, first.token, topics=topics, clock=clock)


async def test_the_database_alone_opens_nothing(session: AsyncSession, links: Links, clock: FixedClock) -> None:
    subscriber = await make_subscriber(session)
    issued = await issue(session, subscriber.id, Purpose.PREFERENCES, links=links, clock=clock)
    delivery = await queue_link(session, issued, clock=clock)
    assert delivery is not None
    confirmation = (await session.exec(select(Confirmation))).one()
    kept = f"{confirmation.model_dump()} {delivery.model_dump()}"
    assert issued.token not in kept
    assert issued.token.removeprefix(issued.number + ".") not in kept
    assert links.sign_once(delivery.parts["number"]) == issued.token, "the composer can write it"
    assert Links("another key").sign_once(delivery.parts["number"]) != issued.token


async def test_a_link_that_was_asked_for_goes_at_once_also_to_an_unconfirmed_address_in_quiet_hours(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    subscriber = await make_subscriber(session, confirmed=False, quiet_days=[1])
    issued = await issue(session, subscriber.id, Purpose.CONFIRM, links=links, clock=clock)
    delivery = await queue_link(session, issued, clock=clock)
    assert delivery is not None
    decisions = await recheck(session, [delivery], topics=topics, now=NOW)
    assert decisions[delivery.id].outcome == "send"
    await suppress(session, delivery.address_id, "complained", clock=clock)
    decisions = await recheck(session, [delivery], topics=topics, now=NOW)
    assert decisions[delivery.id].why_not == "suppressed"


async def test_another_address_replaces_the_present_one_only_when_it_is_confirmed(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    subscriber = await make_subscriber(session, email="old@example.org")
    issued = await issue(session, subscriber.id, Purpose.CONFIRM, links=links, clock=clock, new_email="New@Example.org")
    delivery = await queue_link(session, issued, clock=clock)
    assert delivery is not None
    assert delivery.parts["to"] == "new@example.org"
    before = await address_of(session, subscriber.id)
    assert before.value == "old@example.org"
    await use(session, Purpose.CONFIRM, issued.token, topics=topics, clock=clock)
    after = await address_of(session, subscriber.id)
    assert (after.id, after.value) == (before.id, "new@example.org")


async def test_nobody_gets_an_address_that_somebody_else_has(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    one = await make_subscriber(session, email="one@example.org")
    other = await make_subscriber(session, email="other@example.org")
    with pytest.raises(AddressTakenError):
        await issue(session, one.id, Purpose.CONFIRM, links=links, clock=clock, new_email="other@example.org")
    issued = await issue(session, one.id, Purpose.CONFIRM, links=links, clock=clock, new_email="free@example.org")
    again = await issue(session, other.id, Purpose.CONFIRM, links=links, clock=clock, new_email="free@example.org")
    await use(session, Purpose.CONFIRM, issued.token, topics=topics, clock=clock)
    with pytest.raises(AddressTakenError):
        await use(session, Purpose.CONFIRM, again.token, topics=topics, clock=clock)
    with pytest.raises(AddressTakenError):
        await create_subscriber(session, name="Bo", email="FREE@example.org", clock=clock)


async def test_an_address_is_found_in_any_case_of_letters(session: AsyncSession, clock: FixedClock) -> None:
    subscriber = await create_subscriber(session, name="Ada", email="Ada@Example.ORG", clock=clock)
    found = await find_by_address(session, EMAIL, " ADA@example.org ")
    assert found is not None
    assert found[0].id == subscriber.id
    assert await find_by_address(session, EMAIL, "nobody") is None
    with pytest.raises(AddressInvalidError):
        await create_subscriber(session, name="Bo", email="no address", clock=clock)


async def test_using_a_signed_link_from_a_mail_confirms_its_address(session: AsyncSession, clock: FixedClock) -> None:
    subscriber = await make_subscriber(session, confirmed=False)
    await confirm_by_use(session, subscriber.id, EMAIL, clock=clock)
    assert (await address_of(session, subscriber.id)).confirmed_at == NOW


# Suppression and Telegram


async def test_a_contacts_dead_address_is_put_before_the_team(session: AsyncSession, clock: FixedClock) -> None:
    contact = await make_subscriber(session, city="it-parma", is_mandatory_contact=True)
    reader = await make_subscriber(session)
    for subscriber in (contact, reader):
        for _ in range(2):
            await suppress(session, (await address_of(session, subscriber.id)).id, "bounced", clock=clock)
    alerts = list(await session.exec(select(TeamAlert)))
    assert [(alert.kind, alert.city, alert.subscriber_id) for alert in alerts] == [
        ("contact_unreachable", "it-parma", contact.id)
    ]
    address = await address_of(session, contact.id)
    assert (address.suppressed_at, address.suppression) == (NOW, "bounced")
    await lift_suppression(session, address.id)
    assert (await address_of(session, contact.id)).suppressed_at is None


async def test_a_bounced_address_is_tried_again_when_its_owner_asks_at_most_once_a_day(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session)
    await suppress(session, (await address_of(session, subscriber.id)).id, "bounced", clock=clock)
    for hours, state in ((23, "bounced"), (1, None)):
        clock.at += timedelta(hours=hours)
        issued = await issue(session, subscriber.id, Purpose.PREFERENCES, links=links, clock=clock)
        await queue_link(session, issued, clock=clock)
        assert (await address_of(session, subscriber.id)).suppression == state


async def test_a_complaint_is_final_for_links_too(session: AsyncSession, links: Links, clock: FixedClock) -> None:
    subscriber = await make_subscriber(session)
    await suppress(session, (await address_of(session, subscriber.id)).id, "complained", clock=clock)
    clock.at += timedelta(days=9)
    issued = await issue(session, subscriber.id, Purpose.PREFERENCES, links=links, clock=clock)
    await queue_link(session, issued, clock=clock)
    assert (await address_of(session, subscriber.id)).suppression == "complained"


async def test_a_chat_belongs_to_whoever_linked_it_last_and_linking_lifts_a_stop(
    session: AsyncSession, clock: FixedClock
) -> None:
    one, other = await make_subscriber(session), await make_subscriber(session)
    address = await link_telegram(session, one.id, 77, clock=clock)
    await suppress(session, address.id, "stopped", clock=clock)
    address = await link_telegram(session, one.id, 77, clock=clock)
    assert (address.suppressed_at, address.confirmed_at) == (None, NOW)
    await link_telegram(session, other.id, 77, clock=clock)
    assert set(await list_addresses(session, one.id)) == {EMAIL}
    for _ in range(2):
        await unlink_telegram(session, other.id, clock=clock)
    assert set(await list_addresses(session, other.id)) == {EMAIL}


# Links that never expire


def test_a_signed_link_says_what_it_was_made_for(links: Links) -> None:
    content = LinkContent("abc", "youth", TELEGRAM, "event-1")
    token = links.sign(LinkPurpose.UNSUBSCRIBE, content)
    assert links.read(LinkPurpose.UNSUBSCRIBE, token) == content
    everything = links.read(LinkPurpose.PREFERENCES, links.sign(LinkPurpose.PREFERENCES, LinkContent("abc")))
    assert everything.topic == ALL


@pytest.mark.parametrize("purpose", [purpose for purpose in LinkPurpose if purpose is not LinkPurpose.UNSUBSCRIBE])
def test_a_signed_link_opens_nothing_else(links: Links, purpose: LinkPurpose) -> None:
    token = links.sign(LinkPurpose.UNSUBSCRIBE, LinkContent("abc"))
    with pytest.raises(LinkExpiredError):
        links.read(purpose, token)


@pytest.mark.parametrize("token", ["", "x", "WyJhIl0.x", "ä", "." * 500])
def test_what_was_not_signed_by_us_is_refused(links: Links, token: str) -> None:
    with pytest.raises(LinkExpiredError):
        links.read(LinkPurpose.UNSUBSCRIBE, token)
    foreign = Links("another key").sign(LinkPurpose.UNSUBSCRIBE, LinkContent("abc"))
    with pytest.raises(LinkExpiredError):
        links.read(LinkPurpose.UNSUBSCRIBE, foreign)


async def test_no_delivery_is_queued_for_somebody_without_an_address(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session, email=None)
    issued = await issue(session, subscriber.id, Purpose.PREFERENCES, links=links, clock=clock)
    assert await queue_link(session, issued, clock=clock) is None
    assert list(await session.exec(select(Delivery))) == []
