"""What the team sees before it sends, and that sending does just that."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date, time, timedelta

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from core.database import Database
from knowledge.base import KnowledgeBase
from subscriptions import expanding
from subscriptions.audience import list_recipients, measure_reach
from subscriptions.expanding import expand
from subscriptions.models import (
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    CityDefault,
    CityRule,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Frequency,
    Missed,
)
from subscriptions.rules import Outcome, WhyNot
from subscriptions.topics import Topics
from tests.factories import NOW, make_broadcast, make_event, make_guest, make_subscriber

AT_ONCE, WEEKLY, OFF = Frequency.AT_ONCE, Frequency.WEEKLY, Frequency.OFF


async def make_everybody(session: AsyncSession) -> dict[str, str]:
    """One person of each kind, by name."""
    people = {
        "now": await make_subscriber(session, id="a", name="now", city="it-bologna", topics={"youth": AT_ONCE}),
        "weekly": await make_subscriber(session, id="b", name="weekly", topics={"youth": WEEKLY}, language="it"),
        "off": await make_subscriber(session, id="c", name="off", city="it-modena", topics={"youth": OFF}),
        "silent": await make_subscriber(session, id="d", name="silent"),
        "paused": await make_subscriber(
            session, id="e", name="paused", topics={"youth": AT_ONCE}, paused_until=date(2026, 12, 24)
        ),
        "unconfirmed": await make_subscriber(
            session, id="f", name="unconfirmed", confirmed=False, topics={"youth": AT_ONCE}
        ),
        "telegram": await make_subscriber(
            session, id="g", name="telegram", telegram=7, channel="telegram", topics={"youth": AT_ONCE}
        ),
        "quiet": await make_subscriber(
            session,
            id="h",
            name="quiet",
            quiet_from=time(9),
            quiet_to=time(17),
            topics={"youth": AT_ONCE},
        ),
        "by_city": await make_subscriber(session, id="i", name="by_city", city="it-parma"),
        "no_telegram": await make_subscriber(
            session, id="j", name="no_telegram", city="it-parma", telegram=8, channel="telegram"
        ),
        "left": await make_subscriber(session, id="k", name="left", topics={"youth": AT_ONCE}, left_at=NOW),
    }
    session.add(CityDefault(city="it-parma", topic="youth", frequency=AT_ONCE, set_by="i", set_at=NOW))
    session.add(CityRule(city="it-parma", telegram_off=True))
    await session.commit()
    return {name: person.id for name, person in people.items()}


async def test_the_list_names_each_person_with_what_will_happen(session: AsyncSession, topics: Topics) -> None:
    await make_everybody(session)
    broadcast = await make_broadcast(session, "youth")
    page = await list_recipients(session, broadcast, topics=topics, now=NOW)
    said = {
        one.name: (one.decision.why_not or one.decision.outcome, one.decision.channel, one.decision.language)
        for one in page.recipients
    }
    assert said == {
        "now": (Outcome.SEND, "email", "en"),
        "weekly": (Outcome.DIGEST, "email", "it"),
        "off": (WhyNot.SWITCHED_OFF, None, "en"),
        "silent": (WhyNot.NOT_CHOSEN, None, "en"),
        "paused": (WhyNot.PAUSED, None, "en"),
        "unconfirmed": (WhyNot.UNCONFIRMED, "email", "en"),
        "telegram": (Outcome.SEND, "telegram", "en"),
        "quiet": (Outcome.WAIT, "email", "en"),
        "by_city": (Outcome.SEND, "email", "en"),
        "no_telegram": (Outcome.SEND, "email", "en"),
        "left": (WhyNot.LEFT, None, "en"),
    }


async def test_counts_agree_with_the_list(session: AsyncSession, topics: Topics, knowledge_base: KnowledgeBase) -> None:
    await make_everybody(session)
    broadcast = await make_broadcast(session, "youth", "education")
    reach = await measure_reach(session, broadcast, topics=topics, cities=knowledge_base.cities, now=NOW)
    everybody = (await list_recipients(session, broadcast, topics=topics, now=NOW)).recipients
    why = Counter(one.decision.why_not for one in everybody if one.decision.why_not)
    ways = Counter(
        (one.decision.outcome, one.decision.cause, one.decision.channel, one.decision.language)
        for one in everybody
        if one.decision.why_not is None
    )
    assert reach.count == 6
    assert reach.not_reached == why
    assert {(s.outcome, s.cause, s.channel, s.language): s.count for s in reach.shares} == ways
    assert reach.last_at == max(one.decision.at for one in everybody if one.decision.why_not is None)


async def test_the_list_comes_in_pages_without_gaps_or_doubles(session: AsyncSession, topics: Topics) -> None:
    await make_everybody(session)
    broadcast = await make_broadcast(session, "youth")
    names: list[str] = []
    after = None
    while True:
        page = await list_recipients(session, broadcast, topics=topics, now=NOW, reached=True, after=after, limit=2)
        names += [one.name for one in page.recipients]
        after = page.next
        if after is None:
            break
    assert sorted(names) == sorted(["now", "weekly", "telegram", "quiet", "by_city", "no_telegram"])
    not_reached = await list_recipients(session, broadcast, topics=topics, now=NOW, reached=False)
    assert len(not_reached.recipients) == 5


async def test_member_cities_that_nobody_will_receive_it_for_are_named_with_the_reason(
    session: AsyncSession, topics: Topics, knowledge_base: KnowledgeBase
) -> None:
    await make_everybody(session)
    broadcast = await make_broadcast(session, "youth", audience={"countries": ["IT"]})
    reach = await measure_reach(session, broadcast, topics=topics, cities=knowledge_base.cities, now=NOW)
    missed = {city.city: dict(city.why) for city in reach.missed_cities}
    assert "it-bologna" not in missed
    assert "it-parma" not in missed
    assert missed["it-modena"] == {}, "people whose country is not Italy are not asked"
    assert all(knowledge_base.cities[city].country == "IT" for city in missed)
    everywhere = await make_broadcast(session, "youth")
    reach = await measure_reach(session, everywhere, topics=topics, cities=knowledge_base.cities, now=NOW)
    missed = {city.city: dict(city.why) for city in reach.missed_cities}
    assert missed["it-modena"] == {WhyNot.SWITCHED_OFF: 1}
    assert missed["jp-hamamatsu"] == {}


async def test_who_signed_up_and_picked_a_city_does_not_stand_for_it(
    session: AsyncSession, topics: Topics, knowledge_base: KnowledgeBase
) -> None:
    joined = await make_subscriber(session, city="it-modena", topics={"youth": AT_ONCE}, joined_at=NOW)
    await make_subscriber(
        session, city="it-bologna", topics={"youth": AT_ONCE}, joined_at=NOW, is_mandatory_contact=True
    )
    await make_subscriber(session, city="it-parma", topics={"youth": AT_ONCE})
    broadcast = await make_broadcast(session, "youth")
    reach = await measure_reach(session, broadcast, topics=topics, cities=knowledge_base.cities, now=NOW)
    missed = {city.city: city for city in reach.missed_cities}
    assert (missed["it-modena"].joined, dict(missed["it-modena"].why)) == (1, {})
    assert not {"it-bologna", "it-parma"} & missed.keys()
    assert reach.count == 3, "they get it all the same"
    joined.may_set_city_defaults = True
    session.add(joined)
    await session.commit()
    reach = await measure_reach(session, broadcast, topics=topics, cities=knowledge_base.cities, now=NOW)
    assert "it-modena" not in {city.city for city in reach.missed_cities}


@pytest.mark.parametrize(
    ("audience", "names"),
    [
        ({"cities": ["it-bologna"]}, {"now"}),
        ({"subscribers": ["b", "c"]}, {"weekly", "off"}),
        ({"countries": ["FR"]}, set()),
        ({"roles": ["coordinator"], "cities": ["it-parma"]}, {"by_city", "no_telegram"}),
    ],
)
async def test_only_the_addressed_audience_is_asked(
    session: AsyncSession, topics: Topics, audience: dict[str, list[str]], names: set[str]
) -> None:
    await make_everybody(session)
    broadcast = await make_broadcast(session, "youth", audience=audience)
    page = await list_recipients(session, broadcast, topics=topics, now=NOW)
    assert {one.name for one in page.recipients} == names


async def test_expanding_does_what_the_list_said(database: Database, topics: Topics, clock: FixedClock) -> None:
    async with database.session() as session:
        people = await make_everybody(session)
        broadcast = await make_broadcast(session, "youth")
        page = await list_recipients(session, broadcast, topics=topics, now=NOW)
    said = {one.subscriber_id: one.decision for one in page.recipients}
    await expand(database, broadcast.id, topics=topics, clock=clock)
    async with database.session() as session:
        deliveries = {row.subscriber_id: row for row in await session.exec(select(Delivery))}
        items = {row.subscriber_id: row for row in await session.exec(select(DigestItem))}
        missed = {row.subscriber_id for row in await session.exec(select(Missed))}
    open_rows = {key for key, row in deliveries.items() if row.status in {"queued", "waiting"}}
    assert open_rows == {key for key, one in said.items() if one.outcome in {Outcome.SEND, Outcome.WAIT}}
    assert set(items) == {people["weekly"]}
    assert missed == {people["paused"]}
    assert deliveries[people["quiet"]].status == DeliveryStatus.WAITING
    assert deliveries[people["quiet"]].due_at == NOW + timedelta(hours=7)
    assert deliveries[people["telegram"]].channel == "telegram"
    assert deliveries[people["unconfirmed"]].status == DeliveryStatus.SUPPRESSED
    assert deliveries[people["unconfirmed"]].reason == "unconfirmed"
    assert deliveries[people["by_city"]].because["said"] == "city"
    assert items[people["weekly"]].due_at == said[people["weekly"]].at
    assert items[people["weekly"]].because["frequency"] == "weekly"


async def test_expanding_in_two_processes_and_again_writes_nothing_twice(
    database: Database, topics: Topics, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expanding, "BATCH", 3)
    async with database.session() as session:
        for _ in range(20):
            await make_subscriber(session, topics={"youth": AT_ONCE})
        broadcast = await make_broadcast(session, "youth")
    work = [expand(database, broadcast.id, topics=topics, clock=clock) for _ in range(3)]
    counts = sum(await asyncio.gather(*work), Counter())
    await expand(database, broadcast.id, topics=topics, clock=clock)
    async with database.session() as session:
        rows = list(await session.exec(select(Delivery)))
        done = await session.get(Broadcast, broadcast.id)
    assert len(rows) == len({row.subscriber_id for row in rows}) == 20
    # Whoever wrote a batch counts it, so an interrupted count is short; never too long.
    assert counts[Outcome.SEND] == 20
    assert done is not None
    assert done.expanded_at == NOW


async def test_a_paused_broadcast_is_expanded_no_further_and_goes_on_where_it_stopped(
    database: Database, topics: Topics, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expanding, "BATCH", 2)
    async with database.session() as session:
        for _ in range(5):
            await make_subscriber(session, topics={"youth": AT_ONCE})
        broadcast = await make_broadcast(session, "youth")
        found = await session.get(Broadcast, broadcast.id)
        assert found is not None
        await expanding._expand_batch(session, broadcast.id, topics=topics, now=NOW, counts=Counter())
        found = await session.get(Broadcast, broadcast.id, populate_existing=True)
        assert found is not None
        found.status = BroadcastStatus.PAUSED
        session.add(found)
        await session.commit()
    assert await expand(database, broadcast.id, topics=topics, clock=clock) == Counter()
    async with database.session() as session:
        assert len(list(await session.exec(select(Delivery)))) == 2
        found = await session.get(Broadcast, broadcast.id)
        assert found is not None
        found.status = BroadcastStatus.SENDING
        session.add(found)
        await session.commit()
    await expand(database, broadcast.id, topics=topics, clock=clock)
    async with database.session() as session:
        assert len(list(await session.exec(select(Delivery)))) == 5


async def test_a_change_of_an_event_goes_to_its_guests_only(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    async with database.session() as session:
        event = await make_event(session, starts_at=NOW + timedelta(days=9), ends_at=NOW + timedelta(days=10))
        coming = await make_subscriber(session, paused_until=date(2026, 12, 24))
        declined = await make_subscriber(session)
        await make_subscriber(session, topics={"youth": AT_ONCE})
        await make_guest(session, event, coming, "yes")
        await make_guest(session, event, declined, "no")
        broadcast = await make_broadcast(session, "youth", kind=BroadcastKind.EVENT_CHANGE, event_id=event.id)
    await expand(database, broadcast.id, topics=topics, clock=clock)
    async with database.session() as session:
        rows = list(await session.exec(select(Delivery)))
    assert [row.subscriber_id for row in rows] == [coming.id]
    assert rows[0].because == {"rule": "guest"}


async def test_an_event_that_begins_before_the_next_digest_is_not_left_to_it(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    async with database.session() as session:
        event = await make_event(session, starts_at=NOW + timedelta(days=2), ends_at=NOW + timedelta(days=2, hours=1))
        await make_subscriber(session, topics={"webinars": WEEKLY})
        broadcast = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT, event_id=event.id)
    counts = await expand(database, broadcast.id, topics=topics, clock=clock)
    assert counts[Outcome.SEND] == 1
    async with database.session() as session:
        assert [row.because["hurried"] for row in await session.exec(select(Delivery))] == [True]
