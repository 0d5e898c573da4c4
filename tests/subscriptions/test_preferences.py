"""Choices: changing, undoing, what they come to, and that they reach what already waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from core.database import Database
from subscriptions.city_defaults import get_city_defaults, is_telegram_off, set_city_defaults, set_telegram_off
from subscriptions.errors import (
    NothingToUndoError,
    NotTheirCityError,
    PreferenceInvalidError,
    TopicNotFoundError,
    TopicRequiredError,
)
from subscriptions.expanding import expand
from subscriptions.models import (
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    ChannelName,
    Choice,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Frequency,
    Missed,
    PreferenceChange,
    Subscriber,
    Subscription,
)
from subscriptions.preferences import (
    Edit,
    TopicPreference,
    change_preferences,
    list_topic_states,
    measure_effect,
    stop,
    undo_last,
    unsubscribe,
)
from subscriptions.rechecking import list_wanted_items, recheck, settle
from subscriptions.topics import Topics
from tests.factories import NOW, make_broadcast, make_sent, make_subscriber

AT_ONCE, DAILY, WEEKLY, OFF = Frequency.AT_ONCE, Frequency.DAILY, Frequency.WEEKLY, Frequency.OFF
EMAIL, TELEGRAM = ChannelName.EMAIL, ChannelName.TELEGRAM


async def change(
    session: AsyncSession, subscriber: Subscriber, edit: Edit, topics: Topics, clock: FixedClock
) -> PreferenceChange | None:
    return await change_preferences(session, subscriber.id, edit, topics=topics, origin="page", clock=clock)


async def states(session: AsyncSession, subscriber: Subscriber, topics: Topics) -> dict[str, Frequency]:
    found = await list_topic_states(session, subscriber.id, topics=topics)
    return {state.topic: state.frequency for state in found if state.frequency is not OFF}


async def test_nothing_is_chosen_before_somebody_chooses(session: AsyncSession, topics: Topics) -> None:
    subscriber = await make_subscriber(session)
    found = await list_topic_states(session, subscriber.id, topics=topics)
    assert len(found) == 30
    assert {(state.frequency, state.said) for state in found} == {(OFF, None)}


async def test_the_three_first_choices_speak_for_all_topics_and_clear_single_ones(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session, topics={"youth": DAILY})
    await change(session, subscriber, {"choice": Choice.RECOMMENDED_WEEKLY}, topics, clock)
    assert await states(session, subscriber, topics) == dict.fromkeys(topics.recommended, WEEKLY)
    await change(session, subscriber, {"choice": Choice.EVERYTHING_AT_ONCE}, topics, clock)
    assert await states(session, subscriber, topics) == dict.fromkeys(topics.facts, AT_ONCE)
    await stop(session, subscriber.id, topics=topics, origin="page", clock=clock)
    assert await states(session, subscriber, topics) == {}


async def test_a_contact_keeps_what_is_required_whatever_they_choose(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session, is_mandatory_contact=True, channel=TELEGRAM, telegram=5)
    await change(session, subscriber, {"choice": Choice.REQUIRED_ONLY}, topics, clock)
    found = await list_topic_states(session, subscriber.id, topics=topics)
    required = {state.topic: state for state in found if state.is_required}
    assert set(required) == topics.mandatory
    assert {state.channel for state in required.values()} == {EMAIL}
    with pytest.raises(TopicRequiredError):
        await change(session, subscriber, {"topics": {"membership-notices": TopicPreference(OFF)}}, topics, clock)


@pytest.mark.parametrize(
    "edit",
    [
        {"quiet_days": [1, 2, 3, 4, 5, 6, 7]},
        {"quiet_days": [0]},
        {"digest_on": 8},
        {"language": "xx"},
        {"time_zone": "Europe/Nowhere"},
        {"quiet_from": time(20)},
        {"quiet_from": time(20), "quiet_to": None},
    ],
)
async def test_choices_that_contradict_themselves_are_refused_and_change_nothing(
    session: AsyncSession, topics: Topics, clock: FixedClock, edit: Edit
) -> None:
    subscriber = await make_subscriber(session)
    with pytest.raises(PreferenceInvalidError):
        await change(session, subscriber, edit, topics, clock)
    await session.rollback()
    assert list(await session.exec(select(PreferenceChange))) == []


async def test_an_unknown_topic_is_refused(session: AsyncSession, topics: Topics, clock: FixedClock) -> None:
    subscriber = await make_subscriber(session)
    with pytest.raises(TopicNotFoundError):
        await change(session, subscriber, {"topics": {"cooking": TopicPreference(WEEKLY)}}, topics, clock)


async def test_a_change_that_changes_nothing_is_no_change(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session, topics={"youth": WEEKLY})
    assert await change(session, subscriber, {"topics": {"youth": TopicPreference(WEEKLY)}}, topics, clock) is None
    with pytest.raises(NothingToUndoError):
        await undo_last(session, subscriber.id, topics=topics, clock=clock)


async def test_undoing_puts_everything_back_one_change_after_the_other(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session, topics={"youth": WEEKLY})
    before = subscriber.model_dump()
    first: Edit = {
        "choice": Choice.REQUIRED_ONLY,
        "language": "ar",
        "quiet_from": time(20),
        "quiet_to": time(7, 30),
        "quiet_days": [7, 6],
        "paused_until": date(2026, 12, 24),
        "digest_at": time(17),
    }
    await change(session, subscriber, first, topics, clock)
    clock.at += timedelta(minutes=1)
    await change(session, subscriber, {"topics": {"education": TopicPreference(AT_ONCE, EMAIL)}}, topics, clock)
    await undo_last(session, subscriber.id, topics=topics, clock=clock)
    assert await states(session, subscriber, topics) == {}
    await undo_last(session, subscriber.id, topics=topics, clock=clock)
    assert await states(session, subscriber, topics) == {"youth": WEEKLY}
    found = await session.get(Subscriber, subscriber.id, populate_existing=True)
    assert found is not None
    assert found.model_dump() == before


async def test_the_effect_is_about_how_many_messages_a_month_come(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    for days in range(0, 360, 5):
        sent_at = NOW - timedelta(days=days)
        await make_sent(session, "youth", now=sent_at)
        await make_broadcast(session, "education", status=BroadcastStatus.SENT, now=sent_at)
    await make_broadcast(session, "education", status=BroadcastStatus.DRAFT)
    for kind in (BroadcastKind.EVENT_CHANGE, BroadcastKind.REMINDER):
        notice = await make_sent(session, "education")
        notice.kind = kind
        session.add(notice)
    await session.commit()
    subscriber = await make_subscriber(session)
    for frequency, messages in ((AT_ONCE, 6), (DAILY, 6), (WEEKLY, 3), (OFF, 0)):
        await change(session, subscriber, {"topics": {"youth": TopicPreference(frequency)}}, topics, clock)
        effect = await measure_effect(session, subscriber.id, topics=topics, clock=clock)
        assert (effect.messages, effect.unknown) == (messages, ()), frequency
    await change(session, subscriber, {"topics": {"education": TopicPreference(WEEKLY)}}, topics, clock)
    effect = await measure_effect(session, subscriber.id, topics=topics, clock=clock)
    assert effect.unknown == ("education",), "neither drafts nor what went to nobody, or to guests, are evidence"


# What already waits


async def waiting(session: AsyncSession) -> tuple[dict[str, str], set[str]]:
    """Status by subscriber of deliveries, and who has an item waiting for a digest."""
    session.expunge_all()
    deliveries = {row.subscriber_id: row.status for row in await session.exec(select(Delivery))}
    kept = select(DigestItem).where(col(DigestItem.dropped_at).is_(None))
    return deliveries, {row.subscriber_id for row in await session.exec(kept)}


async def broadcast_youth(database: Database, topics: Topics, clock: FixedClock) -> Broadcast:
    async with database.session() as session:
        broadcast = await make_broadcast(session, "youth")
    await expand(database, broadcast.id, topics=topics, clock=clock)
    return broadcast


@pytest.mark.parametrize(
    ("begin", "edit", "status", "in_digest"),
    [
        (AT_ONCE, {"topics": {"youth": TopicPreference(OFF)}}, "cancelled", False),
        (AT_ONCE, {"topics": {"youth": TopicPreference(WEEKLY)}}, "cancelled", True),
        (AT_ONCE, {"quiet_from": time(9), "quiet_to": time(17)}, "waiting", False),
        (AT_ONCE, {"language": "it"}, "queued", False),
        (WEEKLY, {"topics": {"youth": TopicPreference(AT_ONCE)}}, "queued", False),
        (WEEKLY, {"choice": Choice.REQUIRED_ONLY}, None, False),
        (WEEKLY, {"topics": {"youth": TopicPreference(DAILY)}}, None, True),
    ],
)
async def test_a_change_reaches_what_is_queued_and_its_undo_puts_it_back(
    database: Database,
    topics: Topics,
    clock: FixedClock,
    begin: Frequency,
    edit: Edit,
    status: str | None,
    in_digest: bool,
) -> None:
    async with database.session() as session:
        subscriber = await make_subscriber(session, topics={"youth": begin})
    await broadcast_youth(database, topics, clock)
    async with database.session() as session:
        before = await waiting(session)
        clock.at += timedelta(minutes=1)
        await change(session, subscriber, edit, topics, clock)
        deliveries, items = await waiting(session)
        assert deliveries.get(subscriber.id) == status
        assert (subscriber.id in items) is in_digest
        clock.at += timedelta(minutes=1)
        await undo_last(session, subscriber.id, topics=topics, clock=clock)
        deliveries, items = await waiting(session)
        assert {key: value for key, value in deliveries.items() if value != "cancelled"} == before[0]
        assert items == before[1]


async def test_a_digest_item_moves_with_the_hour_of_the_digest(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    async with database.session() as session:
        subscriber = await make_subscriber(session, topics={"youth": WEEKLY})
    await broadcast_youth(database, topics, clock)
    async with database.session() as session:
        await change(session, subscriber, {"digest_on": 5, "digest_at": time(17)}, topics, clock)
        item = (await session.exec(select(DigestItem))).one()
        assert item.due_at == (NOW + timedelta(days=4)).replace(hour=16)


async def test_a_pause_notes_what_it_withholds_and_undoing_it_sends_it_after_all(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    async with database.session() as session:
        people = [await make_subscriber(session, topics={"youth": frequency}) for frequency in (AT_ONCE, WEEKLY)]
    await broadcast_youth(database, topics, clock)
    async with database.session() as session:
        for subscriber in people:
            await change(session, subscriber, {"paused_until": date(2026, 12, 24)}, topics, clock)
        assert {row.subscriber_id for row in await session.exec(select(Missed))} == {one.id for one in people}
        assert await waiting(session) == ({people[0].id: "cancelled"}, set())
        for subscriber in people:
            await undo_last(session, subscriber.id, topics=topics, clock=clock)
        assert list(await session.exec(select(Missed))) == []
        assert await waiting(session) == ({people[0].id: "queued"}, {people[1].id})


async def test_what_was_sent_or_is_being_sent_is_not_touched(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    async with database.session() as session:
        people = [await make_subscriber(session, topics={"youth": AT_ONCE}) for _ in range(2)]
    await broadcast_youth(database, topics, clock)
    async with database.session() as session:
        for subscriber, status in zip(people, ("sent", "sending"), strict=True):
            row = (await session.exec(select(Delivery).where(Delivery.subscriber_id == subscriber.id))).one()
            row.status = status
            session.add(row)
        await session.commit()
        for subscriber in people:
            await change(session, subscriber, {"choice": Choice.REQUIRED_ONLY}, topics, clock)
        assert (await waiting(session))[0] == {people[0].id: "sent", people[1].id: "sending"}


async def test_the_sender_is_told_what_the_rules_say_at_that_moment(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    async with database.session() as session:
        people = [await make_subscriber(session, topics={"youth": AT_ONCE}) for _ in range(3)]
    await broadcast_youth(database, topics, clock)
    async with database.session() as session:
        # Written past the preferences, as a race would have it.
        own = await session.get(Subscription, (people[0].id, "youth"))
        assert own is not None
        own.frequency = WEEKLY
        left = await session.get(Subscriber, people[1].id)
        assert left is not None
        left.left_at = NOW
        session.add_all([own, left])
        await session.commit()
        rows = {row.subscriber_id: row for row in await session.exec(select(Delivery))}
        decisions = await recheck(session, list(rows.values()), topics=topics, now=NOW)
        said = {row.subscriber_id: str(decisions[row.id].why_not or decisions[row.id].outcome) for row in rows.values()}
        assert said == {people[0].id: "digest", people[1].id: "left", people[2].id: "send"}
        for row in rows.values():
            await settle(session, row, decisions[row.id], now=NOW)
        await session.commit()
        deliveries, items = await waiting(session)
        assert deliveries == {people[0].id: "cancelled", people[1].id: "cancelled", people[2].id: "queued"}
        assert items == {people[0].id}


async def test_a_stopped_broadcast_lets_nothing_go(database: Database, topics: Topics, clock: FixedClock) -> None:
    async with database.session() as session:
        await make_subscriber(session, topics={"youth": AT_ONCE})
    broadcast = await broadcast_youth(database, topics, clock)
    async with database.session() as session:
        found = await session.get(Broadcast, broadcast.id)
        assert found is not None
        found.status = BroadcastStatus.CANCELLED
        session.add(found)
        await session.commit()
        rows = list(await session.exec(select(Delivery)))
        assert await recheck(session, rows, topics=topics, now=NOW) == {}


async def test_a_digest_holds_only_what_is_still_wanted(database: Database, topics: Topics, clock: FixedClock) -> None:
    async with database.session() as session:
        wants = await make_subscriber(session, topics={"youth": WEEKLY})
        cancelled = await make_subscriber(session, topics={"youth": WEEKLY})
    await broadcast_youth(database, topics, clock)
    async with database.session() as session:
        own = await session.get(Subscription, (cancelled.id, "youth"))
        await session.delete(own)
        await session.commit()
        items = list(await session.exec(select(DigestItem)))
        kept = await list_wanted_items(session, items, topics=topics, now=NOW + timedelta(days=1))
        await session.commit()
        assert [(item.subscriber_id, cause.topic, channel) for item, cause, channel in kept] == [
            (wants.id, "youth", EMAIL)
        ]
        assert (await waiting(session))[1] == {wants.id}


# Unsubscribing by the link of a message


async def test_unsubscribing_from_one_topic_ends_no_other_and_twice_is_no_error(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session, topics={"youth": WEEKLY, "education": AT_ONCE})
    for _ in range(2):
        await unsubscribe(session, subscriber.id, "youth", EMAIL, topics=topics, clock=clock)
    assert await states(session, subscriber, topics) == {"education": AT_ONCE}


async def test_unsubscribing_by_mail_leaves_what_comes_by_telegram(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session, telegram=5, topics={"education": AT_ONCE})
    by_telegram: Mapping[str, TopicPreference] = {"youth": TopicPreference(AT_ONCE, TELEGRAM)}
    await change(session, subscriber, {"topics": by_telegram}, topics, clock)
    await unsubscribe(session, subscriber.id, "youth", EMAIL, topics=topics, clock=clock)
    assert await states(session, subscriber, topics) == {"education": AT_ONCE, "youth": AT_ONCE}
    await unsubscribe(session, subscriber.id, None, EMAIL, topics=topics, clock=clock)
    assert await states(session, subscriber, topics) == {"youth": AT_ONCE}


async def test_a_mail_that_stands_in_for_telegram_can_be_unsubscribed_from(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session, channel=TELEGRAM, topics={"youth": AT_ONCE})
    await unsubscribe(session, subscriber.id, "youth", EMAIL, topics=topics, clock=clock)
    assert await states(session, subscriber, topics) == {}


async def test_unsubscribing_from_all_holds_for_topics_to_come_but_not_for_duties(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    subscriber = await make_subscriber(session, is_mandatory_contact=True, choice=Choice.EVERYTHING_AT_ONCE)
    await unsubscribe(session, subscriber.id, None, EMAIL, topics=topics, clock=clock)
    assert await states(session, subscriber, topics) == dict.fromkeys(topics.mandatory, AT_ONCE)
    found = await session.get(Subscriber, subscriber.id)
    assert found is not None
    assert found.choice == Choice.REQUIRED_ONLY


# A city's defaults


async def test_a_citys_defaults_take_effect_at_once_for_those_who_chose_nothing(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    async with database.session() as session:
        setter = await make_subscriber(session, city="it-parma", may_set_city_defaults=True)
        silent = await make_subscriber(session, city="it-parma")
        chose = await make_subscriber(session, city="it-parma", topics={"youth": OFF})
        await set_city_defaults(session, setter.id, {"youth": AT_ONCE}, topics=topics, clock=clock)
    await broadcast_youth(database, topics, clock)
    async with database.session() as session:
        assert (await waiting(session))[0] == {setter.id: "queued", silent.id: "queued"}
        await set_city_defaults(session, setter.id, {"youth": None}, topics=topics, clock=clock)
        assert await get_city_defaults(session, "it-parma") == {}
        assert set((await waiting(session))[0].values()) == {DeliveryStatus.CANCELLED}
        assert await states(session, chose, topics) == {}


async def test_turning_telegram_off_moves_what_is_queued_to_the_mail(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    async with database.session() as session:
        setter = await make_subscriber(session, city="it-parma", may_set_city_defaults=True)
        reader = await make_subscriber(
            session, city="it-parma", channel=TELEGRAM, telegram=5, topics={"youth": AT_ONCE}
        )
    await broadcast_youth(database, topics, clock)
    async with database.session() as session:
        assert (await session.exec(select(Delivery.channel))).one() == TELEGRAM
        await set_telegram_off(session, setter.id, is_off=True, topics=topics, clock=clock)
        row = (await session.exec(select(Delivery))).one()
        assert (row.channel, row.subscriber_id, row.status) == (EMAIL, reader.id, DeliveryStatus.QUEUED)
        assert await is_telegram_off(session, "it-parma")


@pytest.mark.parametrize("values", [{"city": "it-parma"}, {"city": None, "may_set_city_defaults": True}])
async def test_only_people_of_a_city_who_may_set_its_defaults(
    session: AsyncSession, topics: Topics, clock: FixedClock, values: dict[str, Any]
) -> None:
    setter = await make_subscriber(session, **values)
    with pytest.raises(NotTheirCityError):
        await set_city_defaults(session, setter.id, {"youth": AT_ONCE}, topics=topics, clock=clock)
