"""A calendar's answer counts where everything fits, and where one thing does not, nothing happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import CalendarAnswer
from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from subscriptions.calendar_answers import note_answer, note_calendar_answers
from subscriptions.calendar_entries import CalendarEntries
from subscriptions.events import EventDetails, EventForm, update_event
from subscriptions.links import Links
from subscriptions.models import Delivery, Event, Guest, Subscriber
from subscriptions.rechecking import recheck
from subscriptions.rules import Outcome
from subscriptions.topics import Topics
from tests.factories import NOW, make_event, make_guest, make_subscriber
from tests.subscriptions.itip import people, read_entry

STARTS = NOW + timedelta(days=10)


async def an_event(session: AsyncSession, **values: Any) -> Event:
    ends_at = STARTS + timedelta(hours=2)
    return await make_event(session, starts_at=STARTS, ends_at=ends_at, titles={"en": "Training"}, **values)


async def ada(session: AsyncSession, **values: Any) -> Subscriber:
    return await make_subscriber(session, email="ada@example.org", **values)


def an_answer(event: Event, person: Subscriber, links: Links, standing: str = "ACCEPTED") -> CalendarAnswer:
    token = links.sign_guest(event.uid, person.id)
    return CalendarAnswer(token, event.uid, "ada@example.org", "ada@example.org", standing, event.sequence)


async def answers(session: AsyncSession) -> list[str]:
    session.expunge_all()
    return sorted(await session.exec(select(Guest.answer)))


async def told(session: AsyncSession) -> list[str]:
    return sorted(str(row.parts["became"]) for row in await session.exec(select(Delivery)))


@pytest.mark.parametrize(("standing", "said"), [("ACCEPTED", "yes"), ("TENTATIVE", "maybe"), ("DECLINED", "no")])
async def test_an_answer_from_the_calendar_counts_once(
    session: AsyncSession, links: Links, clock: FixedClock, standing: str, said: str
) -> None:
    answer = an_answer(await an_event(session), await ada(session), links, standing)
    for _ in range(2):
        assert await note_answer(session, answer, links=links, clock=clock)
        assert (await answers(session), await told(session)) == ([said], [])


async def test_an_answer_that_does_not_fit_counts_nothing(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    event, person = await an_event(session, sequence=1), await ada(session)
    other, eve = await an_event(session), await make_subscriber(session, email="eve@example.org")
    gone = await make_subscriber(session, email="gone@example.org", left_at=NOW)
    right = an_answer(event, person, links)
    wrong = [
        replace(right, token=links.sign_guest(other.uid, person.id)),
        replace(right, token=links.sign_guest(event.uid, eve.id)),
        replace(right, token=right.token[:-1]),
        replace(right, token=""),
        replace(right, token=Links("another key").sign_guest(event.uid, person.id)),
        replace(right, event_uid=other.uid),
        replace(right, event_uid="nothing"),
        replace(right, sender="eve@example.org"),
        replace(right, guest="eve@example.org"),
        replace(right, standing="DELEGATED"),
        replace(an_answer(event, gone, links), sender="gone@example.org", guest="gone@example.org"),
    ]
    for answer in wrong:
        assert not await note_answer(session, answer, links=links, clock=clock), answer
    assert (await answers(session), await told(session)) == ([], [])
    assert await note_answer(session, right, links=links, clock=clock)


async def test_an_answer_counts_after_the_words_of_the_event_were_corrected(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    event, person = await an_event(session), await ada(session)
    answer = an_answer(event, person, links)
    right = EventDetails(
        form=EventForm.ONLINE, titles={"en": "Workshop"}, descriptions={"en": "No typo."}, starts_at=STARTS,
        ends_at=STARTS + timedelta(hours=2), time_zone="Europe/Brussels",
    )  # fmt: skip
    changed = await update_event(session, event.id, right, topics=topics, clock=clock)
    assert not changed.is_worth_telling
    assert await note_answer(session, answer, links=links, clock=clock)
    assert (await answers(session), await told(session)) == (["yes"], [])


async def test_whose_answer_is_to_an_older_entry_is_told_once_for_each_version(
    session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    event, person = await an_event(session, sequence=1), await ada(session)
    event_id, old = event.id, replace(an_answer(event, person, links), sequence=0)
    for _ in range(2):
        assert not await note_answer(session, old, links=links, clock=clock)
    assert (await answers(session), await told(session)) == ([], ["older"])
    event = await session.get_one(Event, event_id)
    event.sequence = 2
    session.add(event)
    await session.commit()
    assert not await note_answer(session, old, links=links, clock=clock)
    assert await told(session) == ["older", "older"]
    event = await session.get_one(Event, event_id)
    event.cancelled_at, event.sequence = NOW, 3
    session.add(event)
    await session.commit()
    assert not await note_answer(session, old, links=links, clock=clock)
    assert await told(session) == ["older", "older"], "of a cancellation everybody is told anyway"


async def test_whose_calendar_says_yes_without_a_place_is_told(
    session: AsyncSession, links: Links, clock: FixedClock, topics: Topics
) -> None:
    person = await ada(session)
    full = await an_event(session, places=1)
    await make_guest(session, full, await make_subscriber(session))
    early = await an_event(session, registration_opens_at=NOW + timedelta(days=1))
    closed = await an_event(session, registration_closes_at=NOW - timedelta(days=1))
    said = [an_answer(event, person, links) for event in (full, early, closed)]
    for answer, counts in zip(said, (True, True, False), strict=True):
        for _ in range(2):
            assert await note_answer(session, answer, links=links, clock=clock) is counts
    assert await answers(session) == ["maybe", "waiting", "yes"]
    assert await told(session) == ["closed", "early", "waiting"]
    # A no that comes too late is not told so.
    await note_answer(session, replace(said[2], standing="DECLINED"), links=links, clock=clock)
    rows = list(await session.exec(select(Delivery)))
    decisions = await recheck(session, rows, topics=topics, now=clock.now())
    assert [one.outcome for one in decisions.values()] == [Outcome.SEND] * 3


def test_the_entry_names_an_address_for_this_guest_alone(wording: Wording, links: Links) -> None:
    entries = CalendarEntries(
        wording.texts, organizer="events@hub.example.org", public_url="https://hub.example.org", links=links
    )
    event = Event(
        id="e1", uid="e1@hub.example.org", form="online", titles={"en": "Training"}, starts_at=STARTS,
        ends_at=STARTS + timedelta(hours=1), time_zone="Europe/Brussels", created_by="op", changed_at=NOW,
    )  # fmt: skip
    found = set()
    for version, person in ((0, "a" * 32), (1, "a" * 32), (1, "b" * 32)):
        event.sequence = version
        calendar = entries.write(event, language="en", name="Ada", address="a@example.org", subscriber_id=person)
        entry = read_entry(calendar.content, "REQUEST")
        assert people(entry)[0].params["RSVP"] == "TRUE"
        assert "here in your calendar" in str(entry["DESCRIPTION"])
        name, _, domain = str(entry["ORGANIZER"]).removeprefix("mailto:").rpartition("@")
        assert (len(name) <= 64, domain, name == name.lower()) == (True, "hub.example.org", True)
        assert links.read_guest(event.uid, name.removeprefix("events+")) == person
        found.add(name)
    assert len(found) == 2, "the same for every version of one guest's entry"


async def test_what_was_read_is_marked_after_it_was_noted(
    database: Database, session: AsyncSession, links: Links, clock: FixedClock
) -> None:
    answer = an_answer(await an_event(session), await ada(session), links)
    other = replace(answer, token="x")
    marked: list[CalendarAnswer] = []

    class Source:
        async def fetch(self) -> list[CalendarAnswer]:
            return [answer, other]

        async def finish(self, found: Sequence[CalendarAnswer]) -> None:
            marked.extend(found)

    assert await note_calendar_answers(database, Source(), links=links, clock=clock) == 1
    assert (marked, await answers(session)) == ([answer, other], ["yes"])
