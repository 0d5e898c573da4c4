"""Digests in time: at the reader's hour, whole, once; and what becomes of them when something changes meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import Bounce, BounceKind, ReadyMail
from core.clock import FixedClock
from core.database import Database
from core.markdown import escape
from subscriptions.broadcasts.progress import measure_progress
from subscriptions.digests import send_due_digests
from subscriptions.dispatching import Dispatcher
from subscriptions.expanding import expand
from subscriptions.jobs import end_pauses
from subscriptions.models import (
    Broadcast,
    BroadcastStatus,
    BroadcastText,
    ChannelName,
    CityDefault,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Frequency,
    Missed,
    Subscriber,
    TextState,
)
from subscriptions.preferences import Edit, TopicPreference, change_preferences
from subscriptions.preparing import Composer, Preparation
from subscriptions.rechecking import replan
from subscriptions.results import MOST_ATTEMPTS, End, Result, write_results
from subscriptions.topics import Topics
from tests.factories import make_broadcast, make_subscriber

AT_ONCE, DAILY, WEEKLY, OFF = Frequency.AT_ONCE, Frequency.DAILY, Frequency.WEEKLY, Frequency.OFF
TUESDAY = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
"""08:00 in Brussels."""


class Titles(Composer):
    """Writes a message that lists what it tells."""

    async def compose(self, session: AsyncSession, deliveries: Any) -> dict[str, ReadyMail]:
        return {
            row.id: ReadyMail(
                id=row.id,
                to="reader@example.org",
                language=row.language,
                subject="Digest",
                text=" ".join(item["broadcast"] for item in row.parts.get("items", [])),
            )
            for row in deliveries
        }


class Hub:
    """Broadcasts, the scheduler's look at what is due, and the last moment before sending, at a time of one's own."""

    def __init__(self, database: Database, topics: Topics, clock: FixedClock) -> None:
        self.database, self.topics, self.clock = database, topics, clock

    async def publish(self, *names: str, kind: str = "news", **values: Any) -> Broadcast:
        async with self.database.session() as session:
            broadcast = await make_broadcast(session, *names, now=self.clock.now(), **values)
            text = BroadcastText(
                broadcast_id=broadcast.id,
                language="en",
                state=TextState.ORIGINAL,
                subject=escape(kind),
                body="Words.",
                changed_at=self.clock.now(),
            )
            session.add(text)
            await session.commit()
        await expand(self.database, broadcast.id, topics=self.topics, clock=self.clock)
        return broadcast

    async def look(self) -> int:
        return await send_due_digests(self.database, topics=self.topics, clock=self.clock)

    async def digests(self) -> list[Delivery]:
        async with self.database.session() as session:
            return [row for row in await session.exec(select(Delivery)) if row.message.startswith("digest/")]

    async def send(self) -> dict[str, list[str]]:
        """Claim what is due and send it; returns what each reader was told, in its order."""
        told: dict[str, list[str]] = {}
        async with self.database.session() as session:
            rows = [
                row
                for row in await session.exec(select(Delivery))
                if row.status == DeliveryStatus.QUEUED and row.due_at <= self.clock.now()
            ]
            for row in rows:
                row.status = DeliveryStatus.SENDING
                session.add(row)
            await session.commit()
            prepared = await Preparation(Titles(), topics=self.topics, clock=self.clock).prepare(session, rows)
            for ready in prepared.ready:
                assert isinstance(ready.message, ReadyMail)
                told.setdefault(ready.row.subscriber_id, []).extend(ready.message.text.split() or ["alone"])
                ready.row.status = DeliveryStatus.SENT
                session.add(ready.row)
            await session.commit()
        return told

    async def person(self, **values: Any) -> Subscriber:
        async with self.database.session() as session:
            return await make_subscriber(session, now=self.clock.now(), **values)

    async def change(self, person: Subscriber, edit: Edit) -> None:
        async with self.database.session() as session:
            await change_preferences(session, person.id, edit, topics=self.topics, origin="page", clock=self.clock)


@pytest.fixture
def hub(database: Database, topics: Topics, clock: FixedClock) -> Hub:
    return Hub(database, topics, clock)


async def test_a_weekly_digest_goes_at_its_hour_whole_and_once(hub: Hub) -> None:
    reader = await hub.person(topics={"youth": WEEKLY, "webinars": WEEKLY})
    first = await hub.publish("youth")
    hub.clock.at += timedelta(hours=1)
    second, third = await hub.publish("webinars"), await hub.publish("youth")
    hub.clock.at = TUESDAY - timedelta(seconds=1)
    assert await hub.look() == 0
    hub.clock.at = TUESDAY
    assert await hub.look() == 1
    assert await hub.look() == 0, "what one digest holds is in no other"
    row = (await hub.digests())[0]
    assert row.parts["frequency"] == "weekly"
    order = [topic for topic in hub.topics.facts if topic in {"youth", "webinars"}]
    topics = [item["topic"] for item in row.parts["items"]]
    assert topics == sorted(topics, key=order.index), "one topic after the other"
    told = await hub.send()
    assert sorted(told[reader.id]) == sorted([first.id, second.id, third.id])
    assert told[reader.id].index(first.id) < told[reader.id].index(third.id)
    hub.clock.at += timedelta(days=7)
    assert (await hub.look(), await hub.send()) == (0, {}), "nothing new, no digest"


async def test_a_hub_that_was_off_at_the_hour_sends_the_digest_when_it_is_back(hub: Hub) -> None:
    reader = await hub.person(topics={"youth": DAILY})
    broadcast = await hub.publish("youth")
    hub.clock.at += timedelta(days=3, hours=5)
    later = await hub.publish("youth")
    assert await hub.look() == 1
    assert await hub.send() == {reader.id: [broadcast.id]}
    hub.clock.at += timedelta(days=1)
    assert await hub.look() == 1
    assert await hub.send() == {reader.id: [later.id]}


@pytest.mark.parametrize(
    ("zone", "published", "due"),
    [
        # Clocks go forward at 02:00 on 29 March 2026, so that 02:30 is the moment after: 03:30.
        ("Europe/Brussels", datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # Clocks go back at 03:00 on 25 October 2026; the first of the two 02:30 counts.
        ("Europe/Brussels", datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 28, 17, 30, tzinfo=UTC)),
    ],
)
async def test_a_digest_keeps_the_readers_hour_when_clocks_change(
    hub: Hub, zone: str, published: datetime, due: datetime
) -> None:
    hub.clock.at = published
    await hub.person(topics={"youth": DAILY}, time_zone=zone, digest_at=time(2, 30))
    await hub.publish("youth")
    hub.clock.at = due - timedelta(seconds=1)
    assert await hub.look() == 0
    hub.clock.at = due
    assert await hub.look() == 1
    hub.clock.at = due + timedelta(hours=1)
    assert await hub.look() == 0, "the hour that comes twice brings one digest"


async def test_what_closes_too_soon_for_the_digest_goes_alone_and_is_not_repeated_in_it(hub: Hub) -> None:
    reader = await hub.person(topics={"youth": WEEKLY})
    await hub.publish("youth", closes_at=TUESDAY + timedelta(days=2))
    calm = await hub.publish("youth", closes_at=TUESDAY + timedelta(days=10))
    assert await hub.send() == {reader.id: ["alone"]}
    hub.clock.at = TUESDAY
    assert await hub.look() == 1
    assert await hub.send() == {reader.id: [calm.id]}


async def test_nobody_is_woken_by_a_digest_that_is_late(hub: Hub) -> None:
    reader = await hub.person(topics={"youth": DAILY}, quiet_from=time(20), quiet_to=time(6))
    broadcast = await hub.publish("youth")
    hub.clock.at = TUESDAY + timedelta(hours=14)
    assert await hub.look() == 0, "the hub was off until 22:00"
    hub.clock.at = TUESDAY + timedelta(hours=22)
    assert await hub.look() == 1
    assert await hub.send() == {reader.id: [broadcast.id]}


async def test_each_rhythm_and_channel_has_a_digest_of_its_own(hub: Hub) -> None:
    person = await hub.person(telegram=7, topics={"youth": DAILY, "webinars": WEEKLY, "education": WEEKLY})
    await hub.change(person, {"topics": {"education": TopicPreference(WEEKLY, ChannelName.TELEGRAM)}})
    for topic in ("youth", "webinars", "education"):
        await hub.publish(topic)
    hub.clock.at = TUESDAY
    assert await hub.look() == 3
    assert {(row.parts["frequency"], row.channel) for row in await hub.digests()} == {
        ("daily", "email"),
        ("weekly", "email"),
        ("weekly", "telegram"),
    }


async def test_a_digest_keeps_who_chose_it_the_reader_or_their_city(hub: Hub) -> None:
    async with hub.database.session() as session:
        for topic in ("youth", "webinars"):
            session.add(CityDefault(city="limassol", topic=topic, frequency=WEEKLY, set_by="x", set_at=hub.clock.now()))
        await session.commit()
    people = {
        "city": await hub.person(city="limassol"),
        "subscription": await hub.person(topics={"youth": WEEKLY, "webinars": WEEKLY}),
        "mixed": await hub.person(city="limassol", topics={"youth": WEEKLY}),
    }
    for topic in ("youth", "webinars"):
        await hub.publish(topic)
    hub.clock.at = TUESDAY
    assert await hub.look() == 3
    said = {row.subscriber_id: row.because.get("said", "mixed") for row in await hub.digests()}
    assert said == {person.id: by for by, person in people.items()}
    await hub.change(people["mixed"], {"topics": {"youth": TopicPreference(OFF)}})
    await hub.send()
    said = {row.subscriber_id: row.because.get("said", "mixed") for row in await hub.digests()}
    assert said[people["mixed"].id] == "city", "what is left in it"


# What changes between the writing and the sending


@pytest.fixture
async def queued(hub: Hub) -> tuple[Subscriber, Broadcast, Broadcast]:
    """A digest in the queue, of two broadcasts on two topics."""
    reader = await hub.person(telegram=7, topics={"youth": WEEKLY, "webinars": WEEKLY})
    youth, webinars = await hub.publish("youth"), await hub.publish("webinars")
    hub.clock.at = TUESDAY
    assert await hub.look() == 1
    return reader, youth, webinars


type Queued = tuple[Subscriber, Broadcast, Broadcast]


async def test_a_topic_that_was_left_is_not_in_a_digest_that_is_queued(hub: Hub, queued: Queued) -> None:
    reader, _, webinars = queued
    await hub.change(reader, {"topics": {"youth": TopicPreference(OFF)}})
    assert await hub.send() == {reader.id: [webinars.id]}


async def test_a_digest_of_which_nothing_is_left_does_not_go(hub: Hub, queued: Queued) -> None:
    reader, _, _ = queued
    await hub.change(reader, {"topics": {"youth": TopicPreference(OFF), "webinars": TopicPreference(OFF)}})
    assert await hub.send() == {}
    row = (await hub.digests())[0]
    assert (row.status, row.reason) == (DeliveryStatus.CANCELLED, "nothing_left")


async def test_what_becomes_at_once_leaves_the_digest_and_goes_alone(hub: Hub, queued: Queued) -> None:
    reader, _, webinars = queued
    await hub.change(reader, {"topics": {"youth": TopicPreference(AT_ONCE)}})
    assert await hub.send() == {reader.id: [webinars.id]}
    assert await hub.send() == {reader.id: ["alone"]}


async def test_another_channel_gets_a_digest_of_what_was_queued_for_the_first(hub: Hub, queued: Queued) -> None:
    reader, youth, webinars = queued
    await hub.change(reader, {"topics": {"youth": TopicPreference(WEEKLY, ChannelName.TELEGRAM)}})
    assert await hub.send() == {reader.id: [webinars.id]}
    assert await hub.look() == 1
    assert await hub.send() == {reader.id: [youth.id]}
    assert sorted(row.channel for row in await hub.digests()) == ["email", "telegram"]


async def test_a_cancelled_broadcast_leaves_a_digest_and_a_held_one_comes_later(hub: Hub, queued: Queued) -> None:
    reader, youth, webinars = queued
    async with hub.database.session() as session:
        for broadcast, status in ((youth, BroadcastStatus.CANCELLED), (webinars, BroadcastStatus.PAUSED)):
            found = await session.get(Broadcast, broadcast.id)
            assert found is not None
            found.status = status
            session.add(found)
        await session.commit()
    assert await hub.send() == {}
    async with hub.database.session() as session:
        found = await session.get(Broadcast, webinars.id)
        assert found is not None
        found.status = BroadcastStatus.SENDING
        session.add(found)
        await session.commit()
    assert await hub.look() == 1
    assert await hub.send() == {reader.id: [webinars.id]}


async def test_a_pause_that_begins_now_holds_a_queued_digest_and_forgets_nothing(hub: Hub, queued: Queued) -> None:
    reader, youth, webinars = queued
    await hub.change(reader, {"paused_until": date(2026, 12, 10)})
    assert await hub.send() == {}
    async with hub.database.session() as session:
        missed = {row.broadcast_id for row in await session.exec(select(Missed))}
        assert missed == {youth.id, webinars.id}
        assert all(item.sent_in is None for item in await session.exec(select(DigestItem)))


async def test_two_processes_that_look_at_once_write_one_digest(hub: Hub) -> None:
    readers = [await hub.person(topics={"youth": DAILY}) for _ in range(5)]
    broadcast = await hub.publish("youth")
    hub.clock.at = TUESDAY
    assert sum(await asyncio.gather(*(hub.look() for _ in range(4)))) == 5
    assert await hub.send() == {reader.id: [broadcast.id] for reader in readers}


async def test_the_end_of_a_pause_tells_nothing_that_ended_before_it_is_sent(hub: Hub) -> None:
    reader = await hub.person(topics={"youth": WEEKLY}, paused_until=date(2026, 11, 25))
    soon = await hub.publish("youth", closes_at=TUESDAY + timedelta(days=2))
    late = await hub.publish("youth", closes_at=TUESDAY + timedelta(days=20))
    hub.clock.at = TUESDAY + timedelta(days=1)
    async with hub.database.session() as session:
        assert await end_pauses(session, topics=hub.topics, clock=hub.clock) == 1
    # The mail server was away for two days.
    hub.clock.at += timedelta(days=2)
    async with hub.database.session() as session:
        row = (await session.exec(select(Delivery))).one()
        assert set(row.parts["missed"]) == {soon.id, late.id}
    assert await hub.send() == {reader.id: ["alone"]}
    async with hub.database.session() as session:
        row = (await session.exec(select(Delivery))).one()
        assert row.parts["missed"] == [late.id]


@pytest.mark.parametrize(
    ("chosen", "values"), [({"youth": WEEKLY}, {}), ({"youth": AT_ONCE}, {"quiet_days": [1, 2, 3, 4]})]
)
@pytest.mark.parametrize("is_sent", [True, False])
async def test_what_the_end_of_a_pause_told_comes_no_second_time_when_something_is_changed(
    hub: Hub, chosen: dict[str, Frequency], values: dict[str, Any], is_sent: bool
) -> None:
    hub.clock.at = TUESDAY
    reader = await hub.person(topics=chosen, **values)
    await hub.publish("youth", closes_at=TUESDAY + timedelta(days=20))
    await hub.change(reader, {"paused_until": date(2026, 11, 25)})
    hub.clock.at = TUESDAY + timedelta(hours=18)
    async with hub.database.session() as session:
        assert await end_pauses(session, topics=hub.topics, clock=hub.clock) == 1
    if is_sent:
        async with hub.database.session() as session:
            (row,) = [row for row in await session.exec(select(Delivery)) if row.message.startswith("missed/")]
            row.status = DeliveryStatus.SENT
            session.add(row)
            await session.commit()

    await hub.change(reader, {"digest_at": time(9)})

    async with hub.database.session() as session:
        rows = [row for row in await session.exec(select(Delivery)) if row.status != DeliveryStatus.CANCELLED]
        assert [row.message.partition("/")[0] for row in rows] == ["missed"]
        assert all(item.dropped_at is not None for item in await session.exec(select(DigestItem)))


# What becomes of a digest that reaches nobody


async def fail(hub: Hub, *ends: tuple[End, str]) -> None:
    """Let each queued digest end so."""
    for end, reason in ends:
        async with hub.database.session() as session:
            rows = list(await session.exec(select(Delivery).where(Delivery.status == DeliveryStatus.QUEUED)))
            for row in rows:
                row.status, row.holder, row.attempts = DeliveryStatus.SENDING, "h", MOST_ATTEMPTS - 1
                session.add(row)
            await session.commit()
            results = [Result(row.id, end, reason) for row in rows]
            await write_results(session, results, holder="h", clock=hub.clock)


async def follow(hub: Hub, reader: Subscriber) -> None:
    """What the sender does after it."""
    async with hub.database.session() as session:
        await replan(session, [reader.id], topics=hub.topics, now=hub.clock.now())
        await session.commit()


async def test_what_a_digest_carried_that_failed_comes_with_the_next_one(hub: Hub, queued: Queued) -> None:
    reader, youth, webinars = queued

    await fail(hub, (End.LATER, "421 busy"))

    async with hub.database.session() as session:
        for broadcast in (youth, webinars):
            progress = await measure_progress(session, broadcast)
            assert (progress.in_digests, progress.by_digest) == (1, 0), "it reached nobody"
    assert (await hub.look(), await hub.send()) == (0, {}), "not at once"
    hub.clock.at = TUESDAY + timedelta(days=7)
    assert await hub.look() == 1
    assert set((await hub.send())[reader.id]) == {youth.id, webinars.id}
    async with hub.database.session() as session:
        progress = await measure_progress(session, youth)
        assert (progress.in_digests, progress.by_digest) == (0, 1)


async def test_what_closes_before_the_next_digest_goes_alone_when_one_failed(hub: Hub) -> None:
    reader = await hub.person(topics={"youth": WEEKLY})
    await hub.publish("youth", closes_at=TUESDAY + timedelta(days=8))
    hub.clock.at = TUESDAY
    assert await hub.look() == 1
    await fail(hub, (End.LATER, "421 busy"))
    await follow(hub, reader)
    assert await hub.send() == {reader.id: ["alone"]}


async def test_a_digest_to_an_address_that_is_gone_shows_each_message_as_not_reached(hub: Hub, queued: Queued) -> None:
    reader, youth, _ = queued
    await fail(hub, (End.REFUSED, "550 no such user"))
    await follow(hub, reader)
    async with hub.database.session() as session:
        progress = await measure_progress(session, youth)
        assert (progress.unreached, progress.by_digest, progress.in_digests) == (1, 0, 0)
    hub.clock.at += timedelta(days=7)
    assert await hub.look() == 0


async def test_after_three_digests_that_failed_a_message_fails_visibly_and_the_others_go(hub: Hub) -> None:
    reader = await hub.person(topics={"youth": WEEKLY})
    bad = await hub.publish("youth")
    for week in range(3):
        hub.clock.at = TUESDAY + week * timedelta(days=7)
        assert await hub.look() == 1
        await fail(hub, (End.FAILED, "not_composed"))
        await follow(hub, reader)
    async with hub.database.session() as session:
        assert (await measure_progress(session, bad)).unreached == 1
    good = await hub.publish("youth")
    hub.clock.at += timedelta(days=7)
    assert await hub.look() == 1
    assert await hub.send() == {reader.id: [good.id]}


async def test_a_digest_that_comes_back_days_later_counts_as_not_reached_too(hub: Hub, queued: Queued) -> None:
    _, youth, _ = queued
    assert await hub.send()
    (row,) = await hub.digests()
    dispatcher = Dispatcher(hub.database, hub.clock, {}, topics=hub.topics, bounces=ComesBack(row.id))
    assert await dispatcher.note_bounces() == 1
    async with hub.database.session() as session:
        progress = await measure_progress(session, youth)
        assert (progress.unreached, progress.by_digest, progress.in_digests) == (1, 0, 0)


class ComesBack:
    """A mailbox with the notice that one message reached nobody."""

    def __init__(self, delivery_id: str) -> None:
        self.bounce = Bounce(delivery_id, BounceKind.GONE, "550")

    async def fetch(self) -> list[Bounce]:
        return [self.bounce]

    async def finish(self, bounces: Any) -> None:
        pass
