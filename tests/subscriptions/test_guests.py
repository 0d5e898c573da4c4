"""Who comes to an event: places, the waiting list, when registration opens, and what is deleted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from core.database import Database
from subscriptions.errors import EventNotFoundError, RegistrationClosedError
from subscriptions.guests import (
    GuestAnswer,
    Needs,
    answer_event,
    count_answers,
    fill_places,
    find_opening,
    list_guests,
    mark_attendance,
)
from subscriptions.jobs import delete_needs
from subscriptions.models import BroadcastKind, Delivery, DigestItem, Event, Guest
from subscriptions.rechecking import recheck
from subscriptions.rules import Outcome
from subscriptions.topics import Topics
from tests.factories import NOW, make_broadcast, make_event, make_subscriber

YES, MAYBE, NO, WAITING = GuestAnswer.YES, GuestAnswer.MAYBE, GuestAnswer.NO, GuestAnswer.WAITING


async def an_event(session: AsyncSession, **values: Any) -> Event:
    starts_at = values.pop("starts_at", NOW + timedelta(days=20))
    return await make_event(session, starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), **values)


async def say(
    session: AsyncSession, event: Event, person: str, said: GuestAnswer, clock: FixedClock, needs: Needs | None = None
) -> str:
    clock.at += timedelta(seconds=1)
    return (await answer_event(session, event.id, person, said, needs=needs, clock=clock)).guest.answer


async def people(session: AsyncSession, *cities: str | None) -> list[str]:
    return [(await make_subscriber(session, name=f"P{n}", city=city)).id for n, city in enumerate(cities)]


async def answers(session: AsyncSession, event: Event) -> dict[str, str]:
    return {row.name: row.guest.answer for row in await list_guests(session, event.id)}


async def test_an_answer_is_kept_once_and_can_be_changed(session: AsyncSession, clock: FixedClock) -> None:
    event, (ada,) = await an_event(session), await people(session, "bergen")
    for said in (YES, YES, MAYBE, NO, YES):
        assert await say(session, event, ada, said, clock) == said
    assert len(list(await session.exec(select(Guest)))) == 1
    assert await count_answers(session, [event.id]) == {event.id: {"yes": 1}}


async def test_beyond_the_places_people_wait_and_move_up_in_their_order_and_are_told(
    session: AsyncSession, clock: FixedClock, topics: Topics
) -> None:
    event, some = await an_event(session, places=2), await people(session, "a", "b", "c", "d")
    said = [await say(session, event, person, YES, clock) for person in some]
    assert said == [YES, YES, WAITING, WAITING]
    await say(session, event, some[0], NO, clock)
    assert await answers(session, event) == {"P1": "yes", "P2": "yes", "P3": "waiting", "P0": "no"}
    (told,) = list(await session.exec(select(Delivery)))
    assert (told.subscriber_id, told.parts, told.message.split("/")[0]) == (some[2], {"event": event.id}, "place")
    decision = (await recheck(session, [told], topics=topics, now=clock.now()))[told.id]
    assert decision.outcome is Outcome.SEND


async def test_a_city_has_its_places_and_no_more_and_others_pass_by(session: AsyncSession, clock: FixedClock) -> None:
    event = await an_event(session, places=3, places_per_city=1)
    some = await people(session, "bergen", "bergen", "lyon", None, "oslo")
    said = [await say(session, event, person, YES, clock) for person in some]
    assert said == [YES, WAITING, YES, YES, WAITING]
    await say(session, event, some[2], NO, clock)
    # The first who waits is of a city that has its place.
    assert (await answers(session, event))["P4"] == "yes"
    assert (await answers(session, event))["P1"] == "waiting"


async def test_waiting_twice_keeps_the_place_in_the_queue(session: AsyncSession, clock: FixedClock) -> None:
    event, some = await an_event(session, places=1), await people(session, "a", "b", "c")
    for person in (*some, some[1]):
        await say(session, event, person, YES, clock)
    await say(session, event, some[0], MAYBE, clock)
    assert await answers(session, event) == {"P1": "yes", "P2": "waiting", "P0": "maybe"}


async def test_more_places_and_people_who_left_let_others_move_up(session: AsyncSession, clock: FixedClock) -> None:
    event, some = await an_event(session, places=1), await people(session, "a", "b", "c")
    for person in some:
        await say(session, event, person, YES, clock)
    gone = await make_subscriber(session)
    gone.left_at = NOW
    event.places = 2
    session.add_all([gone, event])
    await session.commit()
    assert await fill_places(session, event.id, clock=clock) == 1
    assert await fill_places(session, event.id, clock=clock) == 0
    assert (await answers(session, event))["P1"] == "yes"


async def test_two_at_the_same_moment_do_not_get_the_same_place(database: Database, clock: FixedClock) -> None:
    async with database.session() as session:
        event, some = await an_event(session, places=1), await people(session, *"abcdef")

    async def answer(person: str) -> str:
        async with database.session() as session:
            return (await answer_event(session, event.id, person, YES, clock=clock)).guest.answer

    said = await asyncio.gather(*map(answer, some))
    assert sorted(said) == [WAITING] * 5 + [YES]


async def test_limited_places_open_only_after_the_last_digest_has_gone(
    session: AsyncSession, clock: FixedClock
) -> None:
    event, (ada, reader) = await an_event(session, places=5), await people(session, "a", "b")
    invitation = await make_broadcast(session, kind=BroadcastKind.EVENT, event_id=event.id, expanded_at=NOW)
    digest_at = NOW + timedelta(days=6)
    item = DigestItem(
        subscriber_id=reader, broadcast_id=invitation.id, topic="webinars", added_at=NOW, due_at=digest_at
    )
    session.add(item)
    await session.commit()
    done = await answer_event(session, event.id, ada, YES, clock=clock)
    assert (done.guest.answer, done.opens_at) == (MAYBE, digest_at)
    clock.at = digest_at + timedelta(hours=1)
    # The hub was off at the hour: it has not gone yet.
    assert await find_opening(session, event, now=clock.now()) == clock.now()
    item.sent_in = "delivery"
    session.add(item)
    await session.commit()
    assert await find_opening(session, event, now=clock.now()) is None
    assert await say(session, event, ada, YES, clock) == YES


async def test_without_a_limit_nobody_waits_for_digests(session: AsyncSession, clock: FixedClock) -> None:
    event, (ada,) = await an_event(session), await people(session, "a")
    await make_broadcast(session, kind=BroadcastKind.EVENT, event_id=event.id)
    assert await say(session, event, ada, YES, clock) == YES


@pytest.mark.parametrize("why", ["closed", "over", "cancelled"])
async def test_too_late_is_said_and_a_no_still_counts_before_the_event(
    session: AsyncSession, clock: FixedClock, why: str
) -> None:
    event, (ada, bo) = (
        await an_event(session, registration_closes_at=NOW + timedelta(days=1)),
        await people(session, "a", "b"),
    )
    await say(session, event, ada, YES, clock)
    if why == "cancelled":
        event.cancelled_at = NOW
        session.add(event)
        await session.commit()
    clock.at = NOW + timedelta(days=21 if why == "over" else 2)
    with pytest.raises(RegistrationClosedError) as refused:
        await say(session, event, bo, YES, clock)
    assert refused.value.values == {"why": why}
    if why == "closed":
        assert await say(session, event, ada, YES, clock, Needs("vegetarian")) == YES
        assert await say(session, event, ada, NO, clock) == NO


async def test_needs_go_with_a_no_and_thirty_days_after_the_event(session: AsyncSession, clock: FixedClock) -> None:
    event, (ada, bo) = await an_event(session), await people(session, "a", "b")
    await say(session, event, ada, YES, clock, Needs("step-free", "ar"))
    await say(session, event, ada, YES, clock)
    await say(session, event, bo, YES, clock, Needs("vegan"))
    await say(session, event, bo, NO, clock)
    needs = {row.name: (row.guest.needs, row.guest.interpretation) for row in await list_guests(session, event.id)}
    assert needs == {"P0": ("step-free", "ar"), "P1": (None, None)}
    clock.at = event.ends_at + timedelta(days=29, hours=23)
    assert await delete_needs(session, clock=clock) == 0
    clock.at += timedelta(hours=1)
    assert await delete_needs(session, clock=clock) == 1
    session.expunge_all()
    assert (await list_guests(session, event.id))[0].guest.needs is None


async def test_attendance_is_kept_for_those_who_were_expected(session: AsyncSession, clock: FixedClock) -> None:
    event, (ada, bo, cy) = await an_event(session), await people(session, "a", "b", "c")
    for person, said in ((ada, YES), (bo, YES), (cy, NO)):
        await say(session, event, person, said, clock)
    assert await mark_attendance(session, event.id, [ada, cy, "nobody"]) == 1
    assert {row.name: row.guest.attended for row in await list_guests(session, event.id)} == {
        "P0": True,
        "P1": False,
        "P2": None,
    }


async def test_nobody_answers_to_an_event_that_does_not_exist(session: AsyncSession, clock: FixedClock) -> None:
    (ada,) = await people(session, "a")
    with pytest.raises(EventNotFoundError):
        await answer_event(session, "none", ada, YES, clock=clock)
