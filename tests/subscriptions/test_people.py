"""Staff change, a person's own data, and what the scheduler does by itself."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from core.database import Database
from subscriptions.alerts import list_alerts, settle_alert
from subscriptions.confirmation import Purpose, use
from subscriptions.errors import AddressInvalidError, HandedOverError, PreferenceInvalidError, SubscriberNotFoundError
from subscriptions.expanding import expand
from subscriptions.handover import come_back, hand_over, leave
from subscriptions.jobs import delete_needs, end_pauses, expire_changes
from subscriptions.links import Links
from subscriptions.membership import is_checked
from subscriptions.models import (
    Address,
    BroadcastKind,
    BroadcastStatus,
    ChannelName,
    Choice,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Frequency,
    Guest,
    Missed,
    PreferenceChange,
    Subscriber,
    Subscription,
    TeamAlert,
)
from subscriptions.personal_data import erase_person, export_person
from subscriptions.preferences import change_preferences
from subscriptions.rechecking import recheck
from subscriptions.reminders import send_welcomes
from subscriptions.subscribers import find_by_address, get_subscriber, list_addresses, update_subscriber
from subscriptions.topics import Topics
from tests.factories import NOW, make_broadcast, make_event, make_guest, make_subscriber

AT_ONCE, WEEKLY = Frequency.AT_ONCE, Frequency.WEEKLY


async def name_successor(
    session: AsyncSession, leaver: Subscriber, links: Links, clock: FixedClock, email: str = "bo@example.org"
) -> Subscriber:
    done = await hand_over(session, leaver.id, successor_name="Bo", successor_email=email, links=links, clock=clock)
    assert done.successor is not None
    return done.successor


async def test_mail_to_the_one_who_leaves_stops_at_once_and_the_successor_gets_what_is_owed(
    database: Database, links: Links, clock: FixedClock, topics: Topics
) -> None:
    async with database.session() as session:
        leaver = await make_subscriber(
            session,
            city="it-parma",
            is_mandatory_contact=True,
            may_set_city_defaults=True,
            language="it",
            choice=Choice.EVERYTHING_AT_ONCE,
        )
        await make_subscriber(session, topics={"youth": WEEKLY})
        news = await make_broadcast(session, "youth")
        await expand(database, news.id, topics=topics, clock=clock)
        done = await hand_over(
            session, leaver.id, successor_name="Bo", successor_email="Bo@example.org", links=links, clock=clock
        )
        assert done.successor is not None
        assert done.invitation is not None
        rows = {row.subscriber_id: row for row in await session.exec(select(Delivery))}
        assert (rows[leaver.id].status, rows[leaver.id].reason) == (DeliveryStatus.CANCELLED, "left")
        successor = done.successor
        assert (successor.city, successor.language, successor.is_mandatory_contact) == ("it-parma", "it", True)
        assert not successor.may_set_city_defaults, "the team alone passes that on"
        assert successor.choice is None, "what the leaver chose is not the successor's choice"
        assert rows[successor.id].message.startswith("handover/")
        decision = (await recheck(session, [rows[successor.id]], topics=topics, now=NOW))[rows[successor.id].id]
        assert decision.outcome == "send"
        alerts = list(await session.exec(select(TeamAlert)))
        assert [(alert.kind, alert.subscriber_id) for alert in alerts] == [("contact_succeeded", leaver.id)]
        notice = await make_broadcast(session, "membership-notices", kind=BroadcastKind.MANDATORY)
        await expand(database, notice.id, topics=topics, clock=clock)
        told = await session.exec(select(Delivery.subscriber_id).where(Delivery.broadcast_id == notice.id))
        assert list(told) == [successor.id]
        await use(session, Purpose.HANDOVER, done.invitation.token, topics=topics, clock=clock)
        assert (await list_addresses(session, successor.id))[ChannelName.EMAIL].confirmed_at == NOW


async def test_a_successor_who_is_known_keeps_what_they_chose(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    leaver = await make_subscriber(session, city="it-parma", is_mandatory_contact=True)
    known = await make_subscriber(session, email="bo@example.org", name="Bo B.", topics={"youth": WEEKLY})
    successor = await name_successor(session, leaver, links, clock, "BO@example.org")
    assert (successor.id, successor.name, successor.is_mandatory_contact) == (known.id, "Bo B.", True)
    assert [row.topic for row in await session.exec(select(Subscription))] == ["youth"]


async def test_naming_the_same_successor_twice_is_no_error_and_alerts_once(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    leaver = await make_subscriber(session, is_mandatory_contact=True)
    first = await name_successor(session, leaver, links, clock)
    assert (await name_successor(session, leaver, links, clock)).id == first.id
    assert len(list(await session.exec(select(TeamAlert)))) == 1


async def test_an_old_link_names_no_second_successor(session: AsyncSession, links: Links, clock: FixedClock) -> None:
    leaver = await make_subscriber(session, is_mandatory_contact=True, city="it-parma")
    first_id = (await name_successor(session, leaver, links, clock)).id
    for _ in range(2):
        with pytest.raises(HandedOverError):
            await name_successor(session, leaver, links, clock, "eve@example.org")
        await session.rollback()
        await session.refresh(leaver)
        await come_back(session, leaver.id, clock=clock)
    assert await find_by_address(session, ChannelName.EMAIL, "eve@example.org") is None
    assert (await get_subscriber(session, leaver.id)).succeeded_by == first_id


async def test_a_successor_sees_the_citys_file_once_the_team_has_looked(
    database: Database, links: Links, clock: FixedClock
) -> None:
    async def is_approved(session: AsyncSession, template: str) -> bool:
        return True

    async with database.session() as session:
        leaver = await make_subscriber(session, city="it-parma", is_mandatory_contact=True, welcomed_at=NOW)
        successor = await name_successor(session, leaver, links, clock)
        await come_back(session, leaver.id, clock=clock)
        assert not await is_checked(session, successor)
        assert await send_welcomes(database, is_approved=is_approved, clock=clock) == 0, "the welcome holds the file"
        [alert] = await list_alerts(session)
        assert alert.id is not None
        await settle_alert(session, alert.id, "vera", clock=clock)
        assert await is_checked(session, successor)
    assert await send_welcomes(database, is_approved=is_approved, clock=clock) == 1


async def test_a_successor_whom_the_team_names_gets_all_that_the_leaver_might(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    leaver = await make_subscriber(session, city="it-parma", is_mandatory_contact=True, may_set_city_defaults=True)
    named = {"successor_name": "Bo", "successor_email": "bo@example.org"}
    done = await hand_over(session, leaver.id, **named, links=links, clock=clock, by_team=True)
    assert done.successor is not None
    assert done.successor.may_set_city_defaults
    assert await is_checked(session, done.successor)
    assert await list_alerts(session) == []


async def test_two_who_name_the_same_newcomer_at_once_hand_over_to_one_person(
    database: Database, links: Links, clock: FixedClock
) -> None:
    async with database.session() as session:
        leavers = [await make_subscriber(session, city=city) for city in ("it-parma", "it-modena")]

    async def name(leaver: Subscriber) -> str:
        async with database.session() as session:
            return (await name_successor(session, leaver, links, clock)).id

    named = await asyncio.gather(*map(name, leavers))
    async with database.session() as session:
        found = await find_by_address(session, ChannelName.EMAIL, "bo@example.org")
        assert found is not None
        assert set(named) == {found[0].id}
        left = [await get_subscriber(session, leaver.id) for leaver in leavers]
        assert {person.succeeded_by for person in left} == {found[0].id}
        assert all(person.left_at is not None for person in left)


async def test_a_successor_can_be_named_after_leaving_but_never_oneself(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    leaver = await make_subscriber(session, email="ada@example.org", is_mandatory_contact=True, city="it-parma")
    with pytest.raises(PreferenceInvalidError):
        await name_successor(session, leaver, links, clock, "ada@example.org")
    await session.rollback()
    await session.refresh(leaver)
    with pytest.raises(AddressInvalidError):
        await name_successor(session, leaver, links, clock, "ada")
    for _ in range(2):
        await leave(session, leaver.id, clock=clock)
    assert (await get_subscriber(session, leaver.id)).left_at == NOW
    successor = await name_successor(session, leaver, links, clock)
    assert (successor.city, successor.is_mandatory_contact) == ("it-parma", True)
    kinds = [alert.kind for alert in await session.exec(select(TeamAlert).order_by(TeamAlert.id))]  # type: ignore[arg-type]
    assert kinds == ["contact_left", "contact_succeeded"]


# A person's own data


async def make_well_known(database: Database, topics: Topics, clock: FixedClock) -> Subscriber:
    """Somebody with a row in every table."""
    async with database.session() as session:
        person = await make_subscriber(
            session,
            name="Ada Lovelace",
            email="ada@example.org",
            telegram=4711,
            city="it-parma",
            is_mandatory_contact=True,
            topics={"youth": AT_ONCE, "education": WEEKLY},
        )
        event = await make_event(session, starts_at=NOW, ends_at=NOW)
        guest = await make_guest(session, event, person)
        guest.needs = "gluten"
        session.add(guest)
        ids = [(await make_broadcast(session, topic)).id for topic in ("youth", "education", "webinars")]
        session.add(Missed(subscriber_id=person.id, broadcast_id=ids[2]))
        await session.commit()
        await change_preferences(session, person.id, {"language": "fr"}, topics=topics, origin="page", clock=clock)
    for broadcast_id in ids:
        await expand(database, broadcast_id, topics=topics, clock=clock)
    return person


async def test_a_person_can_take_all_that_is_kept_of_them(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    person = await make_well_known(database, topics, clock)
    async with database.session() as session:
        await make_subscriber(session, name="Somebody else")
        data = await export_person(session, person.id)
        text = json.dumps(data)
    for word in ("Ada Lovelace", "ada@example.org", "4711", "youth", "education", "gluten", "fr"):
        assert word in text
    assert "Somebody else" not in text
    assert {name for name, rows in data.items() if rows} == {
        "subscriber",
        "subscriber_address",
        "subscription",
        "preference_change",
        "event_guest",
        "digest_item",
        "missed_broadcast",
        "delivery",
    }


async def test_erasing_a_person_leaves_no_trace_but_the_figures(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    person = await make_well_known(database, topics, clock)
    async with database.session() as session:
        other = await make_subscriber(session, topics={"youth": AT_ONCE})
        await erase_person(session, person.id, clock=clock)
        with pytest.raises(SubscriberNotFoundError):
            await get_subscriber(session, person.id)
        for column in (
            Address.subscriber_id,
            Subscription.subscriber_id,
            PreferenceChange.subscriber_id,
            Guest.subscriber_id,
            DigestItem.subscriber_id,
            Missed.subscriber_id,
        ):
            assert person.id not in list(await session.exec(select(column))), column
        deliveries = list(await session.exec(select(Delivery)))
        assert {row.status for row in deliveries} == {DeliveryStatus.CANCELLED}
        assert {str(row.parts) for row in deliveries} == {"{}"}
        alerts = list(await session.exec(select(TeamAlert)))
        assert [(alert.kind, alert.city, alert.subscriber_id) for alert in alerts] == [
            ("contact_left", "it-parma", None)
        ]
        assert (await list_addresses(session, other.id))[ChannelName.EMAIL].value


async def test_only_what_may_be_changed_of_a_person_is(session: AsyncSession) -> None:
    person = await make_subscriber(session)
    await update_subscriber(session, person.id, name="Bo", role="staff")
    assert (await get_subscriber(session, person.id)).name == "Bo"
    for changes in ({"role": "king"}, {"id": "x"}, {"name": " "}, {"name": "a\nb"}, {"country": "Italy"}):
        with pytest.raises(PreferenceInvalidError):
            await update_subscriber(session, person.id, **changes)


# What the scheduler does


async def test_the_end_of_a_pause_tells_what_can_still_be_joined_and_only_that(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    until = date(2026, 12, 1)
    async with database.session() as session:
        paused = await make_subscriber(session, paused_until=until, topics={"youth": WEEKLY})
        await make_subscriber(session, paused_until=date(2027, 1, 1), topics={"youth": WEEKLY})
        later, soon = NOW + timedelta(days=30), NOW + timedelta(days=2)
        event = await make_event(session, starts_at=later, ends_at=later)
        cancelled = await make_event(session, starts_at=later, ends_at=later, cancelled_at=NOW)
        wanted = [
            await make_broadcast(session, "youth", closes_at=later),
            await make_broadcast(session, "youth", kind=BroadcastKind.EVENT, event_id=event.id),
        ]
        others = [
            await make_broadcast(session, "youth"),
            await make_broadcast(session, "youth", closes_at=soon),
            await make_broadcast(session, "education", closes_at=later),
            await make_broadcast(session, "youth", kind=BroadcastKind.EVENT, event_id=cancelled.id),
        ]
    for broadcast in wanted + others:
        await expand(database, broadcast.id, topics=topics, clock=clock)
    async with database.session() as session:
        assert await end_pauses(session, topics=topics, clock=clock) == 0
        clock.at += timedelta(days=8)
        assert await end_pauses(session, topics=topics, clock=clock) == 1
        assert await end_pauses(session, topics=topics, clock=clock) == 0
        row = (await session.exec(select(Delivery))).one()
        assert (row.subscriber_id, row.status) == (paused.id, DeliveryStatus.QUEUED)
        assert set(row.parts["missed"]) == {broadcast.id for broadcast in wanted}
        decision = (await recheck(session, [row], topics=topics, now=clock.at))[row.id]
        assert decision.outcome == "send"


async def test_a_pause_that_withheld_nothing_to_join_ends_in_silence(
    database: Database, topics: Topics, clock: FixedClock
) -> None:
    async with database.session() as session:
        await make_subscriber(session, paused_until=date(2026, 12, 1), topics={"youth": WEEKLY})
        news = await make_broadcast(session, "youth")
        off = await make_broadcast(session, "youth", status=BroadcastStatus.CANCELLED, closes_at=NOW)
    await expand(database, news.id, topics=topics, clock=clock)
    await expand(database, off.id, topics=topics, clock=clock)
    clock.at += timedelta(days=8)
    async with database.session() as session:
        assert await end_pauses(session, topics=topics, clock=clock) == 0
        assert list(await session.exec(select(Delivery))) == []
        assert list(await session.exec(select(Missed))) == []


async def test_what_guests_need_is_deleted_thirty_days_after_the_event(
    session: AsyncSession, clock: FixedClock
) -> None:
    person = await make_subscriber(session)
    event = await make_event(session, starts_at=NOW, ends_at=NOW)
    guest = await make_guest(session, event, person)
    guest.needs, guest.interpretation = "wheelchair", "ar"
    session.add(guest)
    await session.commit()
    clock.at += timedelta(days=29, hours=23)
    assert await delete_needs(session, clock=clock) == 0
    clock.at += timedelta(hours=1)
    assert await delete_needs(session, clock=clock) == 1
    session.expunge_all()
    guest = (await session.exec(select(Guest))).one()
    assert (guest.needs, guest.interpretation, guest.answer) == (None, None, "yes")


async def test_old_changes_are_forgotten(session: AsyncSession, topics: Topics, clock: FixedClock) -> None:
    person = await make_subscriber(session)
    await change_preferences(session, person.id, {"language": "fr"}, topics=topics, origin="page", clock=clock)
    clock.at += timedelta(days=90)
    assert await expire_changes(session, clock=clock) == 1
