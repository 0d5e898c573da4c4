"""What guests are told by itself: changes, a cancellation, reminders, the opening; and who is not told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from subscriptions.event_notices import EventNotices, due_reminder, invitation_texts
from subscriptions.event_openings import plan_opening
from subscriptions.event_words import EventWords
from subscriptions.events import EventDetails, EventForm, cancel_event, create_event, update_event
from subscriptions.expanding import expand
from subscriptions.guests import GuestAnswer, answer_event
from subscriptions.models import (
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    BroadcastText,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Event,
    Frequency,
)
from subscriptions.rechecking import recheck
from subscriptions.subscribers import new_id
from subscriptions.topics import Topics
from tests.factories import NOW, make_broadcast, make_subscriber

STARTS = NOW + timedelta(days=10)


@pytest.fixture
def notices(wording: Wording) -> EventNotices:
    return EventNotices(wording.texts)


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    async with database.session() as session:
        yield session


def details(**values: Any) -> EventDetails:
    known: dict[str, Any] = {
        "form": EventForm.ONLINE,
        "titles": {"en": "Training"},
        "topics": ("webinars",),
        "starts_at": STARTS,
        "ends_at": STARTS + timedelta(hours=2),
        "time_zone": "Europe/Brussels",
        "reminder_days": (7, 1),
    }
    return EventDetails(**(known | values))


async def an_event(session: AsyncSession, topics: Topics, clock: FixedClock, **values: Any) -> Event:
    return await create_event(
        session, details(**values), created_by="op", domain="hub.example.org", topics=topics, clock=clock
    )


async def guests(session: AsyncSession, event: Event, clock: FixedClock, *said: str) -> dict[str, str]:
    """Answers by the id of who gave them; ``none``: invited, and said nothing."""
    found = {}
    for answer in said:
        person = await make_subscriber(session, name=answer, topics={"webinars": Frequency.AT_ONCE})
        if answer != "none":
            await answer_event(session, event.id, person.id, GuestAnswer(answer), clock=clock)
        found[person.id] = answer
    return found


async def told(database: Database, broadcast: Broadcast, topics: Topics, clock: FixedClock) -> set[str]:
    """Who has a delivery of it."""
    async with database.session() as session:
        row = await session.get(Broadcast, broadcast.id)
        assert row is not None
        row.status = BroadcastStatus.SENDING
        session.add(row)
        await session.commit()
    await expand(database, broadcast.id, topics=topics, clock=clock)
    async with database.session() as session:
        return set(await session.exec(select(Delivery.subscriber_id).where(Delivery.broadcast_id == broadcast.id)))


async def test_a_change_reaches_exactly_those_who_want_to_come(
    database: Database, session: AsyncSession, notices: EventNotices, topics: Topics, clock: FixedClock
) -> None:
    event = await an_event(session, topics, clock)
    people = await guests(session, event, clock, "yes", "maybe", "no", "none")
    later = {"starts_at": STARTS + timedelta(hours=1), "ends_at": STARTS + timedelta(hours=3)}
    changed = await update_event(session, event.id, details(**later), topics=topics, clock=clock)
    assert (changed.is_worth_telling, event.sequence) == (True, 1)
    notice = await notices.tell_change(session, changed, note="Sorry!", by="op", clock=clock)
    assert notice is not None
    assert {people[person] for person in await told(database, notice, topics, clock)} == {"yes", "maybe"}
    text = await session.get(BroadcastText, (notice.id, "en"))
    assert text is not None
    assert text.subject == "Changed: Training"
    assert "10:00–12:00" in text.body.replace("\\", "")
    assert "> Sorry" in text.body


async def test_who_was_invited_and_said_nothing_hears_of_a_change_and_of_the_end(
    database: Database, session: AsyncSession, notices: EventNotices, topics: Topics, clock: FixedClock
) -> None:
    """By whatever way the invitation came; not who said no, nor whom it has not reached."""
    event = await an_event(session, topics, clock)
    invitation = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT, event_id=event.id)
    other = await an_event(session, topics, clock)
    of_other = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT, event_id=other.id)
    people = {}
    ways = {
        "by itself": ("broadcast", invitation, DeliveryStatus.SENT),
        "on its way": ("broadcast", invitation, DeliveryStatus.SENDING),
        "in a digest": ("digest", invitation, DeliveryStatus.SENT),
        "after a pause": ("missed", invitation, DeliveryStatus.SENT),
        "said no": ("broadcast", invitation, DeliveryStatus.SENT),
        "still waits": ("broadcast", invitation, DeliveryStatus.WAITING),
        "bounced": ("broadcast", invitation, DeliveryStatus.BOUNCED),
        "waits for a digest": ("digest", invitation, DeliveryStatus.QUEUED),
        "another event": ("broadcast", of_other, DeliveryStatus.SENT),
        "another after a pause": ("missed", of_other, DeliveryStatus.SENT),
        "nothing": None,
    }
    for name, way in ways.items():
        person = await make_subscriber(session, name=name)
        people[person.id] = name
        if way is not None:
            await _deliver(session, person.id, *way)
    no = next(person for person, name in people.items() if name == "said no")
    await answer_event(session, event.id, no, GuestAnswer.NO, clock=clock)
    later = {"starts_at": STARTS + timedelta(hours=1), "ends_at": STARTS + timedelta(hours=3)}
    changed = await update_event(session, event.id, details(**later), topics=topics, clock=clock)
    notice = await notices.tell_change(session, changed, by="op", clock=clock)
    assert notice is not None
    concerned = {"by itself", "on its way", "in a digest", "after a pause"}
    assert {people[person] for person in await told(database, notice, topics, clock)} == concerned
    rows = list(await session.exec(select(Delivery).where(Delivery.broadcast_id == notice.id)))
    assert all(row.because == {"rule": "guest", "said": "invitation"} for row in rows)
    # Who says no before it goes does not get it.
    early = next(row for row in rows if people[row.subscriber_id] == "by itself")
    await answer_event(session, event.id, early.subscriber_id, GuestAnswer.NO, clock=clock)
    decisions = await recheck(session, rows, topics=topics, now=clock.now())
    assert {people[row.subscriber_id] for row in rows if decisions[row.id].why_not} == {"by itself"}
    cancelled = await cancel_event(session, event.id, clock=clock)
    last = await notices.tell_cancellation(session, cancelled, by="op", clock=clock)
    assert last is not None
    assert {people[person] for person in await told(database, last, topics, clock)} == concerned - {"by itself"}
    # A reminder is for guests alone.
    assert await notices.send_due_reminders(session, clock=clock) == 0


async def _deliver(
    session: AsyncSession, person_id: str, kind: str, broadcast: Broadcast, status: DeliveryStatus
) -> None:
    row = Delivery(
        id=new_id(), message=f"{kind}/{new_id()}", address_id=new_id(), subscriber_id=person_id, channel="email",
        broadcast_id=broadcast.id if kind == "broadcast" else None, language="en", status=status, due_at=NOW,
        created_at=NOW, parts={"missed": [broadcast.id]} if kind == "missed" else {},
    )  # fmt: skip
    session.add(row)
    if kind == "digest":
        item = DigestItem(
            subscriber_id=person_id, broadcast_id=broadcast.id, topic="webinars", added_at=NOW, due_at=NOW
        )
        item.sent_in = row.id
        session.add(item)
    await session.commit()


async def test_a_later_change_takes_the_place_of_one_that_is_still_on_its_way(
    session: AsyncSession, notices: EventNotices, topics: Topics, clock: FixedClock
) -> None:
    event = await an_event(session, topics, clock)
    await guests(session, event, clock, "yes")
    notes = []
    for hours in (1, 2):
        changed = await update_event(
            session, event.id, details(ends_at=STARTS + timedelta(hours=hours + 2)), topics=topics, clock=clock
        )
        notes.append(await notices.tell_change(session, changed, by="op", clock=clock))
    session.expunge_all()
    found = {row.id: row.status for row in await session.exec(select(Broadcast))}
    assert [found[note.id] for note in notes if note] == ["cancelled", "scheduled"]


async def test_other_words_make_no_new_version_of_the_entry_and_wake_nobody(
    session: AsyncSession, notices: EventNotices, topics: Topics, clock: FixedClock
) -> None:
    event = await an_event(session, topics, clock)
    changed = await update_event(session, event.id, details(titles={"en": "Workshop"}), topics=topics, clock=clock)
    assert (changed.is_worth_telling, event.sequence) == (False, 0)
    changed = await update_event(
        session, event.id, details(titles={"en": "Workshop"}, places=30), topics=topics, clock=clock
    )
    assert (dict(changed.before), event.sequence) == ({"places": None}, 0)
    assert await notices.tell_change(session, changed, by="op", clock=clock) is None


async def test_a_change_tells_the_old_title_to_those_who_know_it(
    session: AsyncSession, notices: EventNotices, topics: Topics, clock: FixedClock
) -> None:
    titles = {"en": "Training", "it": "Formazione", "fr": "Formation"}
    event = await an_event(session, topics, clock, titles=titles)
    await guests(session, event, clock, "yes")

    async def change(**values: Any) -> dict[str, str]:
        changed = await update_event(session, event.id, details(**values), topics=topics, clock=clock)
        notice = await notices.tell_change(session, changed, by="op", clock=clock)
        assert notice is not None
        texts = await session.exec(select(BroadcastText).where(BroadcastText.broadcast_id == notice.id))
        return {text.language: text.body for text in texts}

    titles |= {"en": "Workshop", "fr": "Atelier"}
    bodies = await change(titles=titles, place="Paris")
    assert "\n\n- Title: Training" in bodies["en"]
    assert "Formation" in bodies["fr"]
    assert "Formazione" not in bodies["it"]
    # Whoever has no title in their language knows the English one.
    assert "Training" in bodies["ar"]
    # A translation is no new name.
    bodies = await change(titles={**titles, "ar": "ورشة"}, place="Rome")
    assert not [body for body in bodies.values() if "Workshop" in body or "Atelier" in body]


async def test_a_cancellation_reaches_guests_once_and_nobody_is_invited_any_more(
    database: Database, session: AsyncSession, notices: EventNotices, topics: Topics, clock: FixedClock
) -> None:
    event = await an_event(session, topics, clock)
    people = await guests(session, event, clock, "yes", "maybe", "no", "none")
    sending = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT, event_id=event.id)
    await expand(database, sending.id, topics=topics, clock=clock)
    waiting = list(await session.exec(select(Delivery).where(Delivery.broadcast_id == sending.id)))
    sent = await make_broadcast(
        session, "webinars", kind=BroadcastKind.EVENT, event_id=event.id, status=BroadcastStatus.SENT
    )
    for _ in range(2):
        event = await cancel_event(session, event.id, clock=clock)
        notice = await notices.tell_cancellation(session, event, by="op", clock=clock)
        assert notice is not None
    assert event.sequence == 1
    assert notice is not None
    session.expunge_all()
    kinds = sorted((row.kind, row.status) for row in await session.exec(select(Broadcast)))
    assert kinds == [("event", "cancelled"), ("event", "sent"), ("event_change", "scheduled")]
    assert {people[person] for person in await told(database, notice, topics, clock)} == {"yes", "maybe"}
    assert await recheck(session, waiting, topics=topics, now=clock.now()) == {}
    # One that went is still in somebody's digest.
    late = Delivery(
        id="d", message="x", address_id="a", subscriber_id=next(iter(people)), broadcast_id=sent.id, channel="email",
        language="en", due_at=NOW, created_at=NOW,
    )  # fmt: skip
    assert await recheck(session, [late], topics=topics, now=clock.now()) == {}


async def test_reminders_come_on_their_days_once_to_those_who_want_to_come(
    database: Database, session: AsyncSession, notices: EventNotices, topics: Topics, clock: FixedClock
) -> None:
    event = await an_event(session, topics, clock)
    people = await guests(session, event, clock, "yes", "no")
    assert await notices.send_due_reminders(session, clock=clock) == 0
    clock.at = STARTS - timedelta(days=7)
    assert await notices.send_due_reminders(session, clock=clock) == 1
    clock.at += timedelta(hours=3)
    assert await notices.send_due_reminders(session, clock=clock) == 0
    clock.at = STARTS - timedelta(hours=20)
    assert await notices.send_due_reminders(session, clock=clock) == 1
    texts = list(await session.exec(select(BroadcastText.subject).where(BroadcastText.language == "en")))
    assert sorted(texts) == ["In 7 days: Training", "Tomorrow: Training"]
    for broadcast in list(await session.exec(select(Broadcast))):
        assert {people[person] for person in await told(database, broadcast, topics, clock)} == {"yes"}


def test_a_reminder_that_is_too_late_is_left_out_and_one_on_the_day_comes_before() -> None:
    values: dict[str, Any] = {"starts_at": STARTS, "time_zone": "Europe/Brussels", "reminder_days": [7, 0]}
    event = Event(**values)
    assert due_reminder(event, STARTS - timedelta(days=7)) == 7
    assert due_reminder(event, STARTS - timedelta(days=4)) is None
    assert due_reminder(event, STARTS - timedelta(hours=1)) == 0
    assert due_reminder(event, STARTS) is None


async def test_who_wanted_to_come_too_early_is_told_when_registration_opens(
    database: Database, session: AsyncSession, notices: EventNotices, topics: Topics, clock: FixedClock
) -> None:
    opens_at = NOW + timedelta(days=2)
    event = await an_event(session, topics, clock, registration_opens_at=opens_at, places=3)
    early = await make_subscriber(session)
    done = await answer_event(session, event.id, early.id, GuestAnswer.YES, clock=clock)
    assert (done.guest.answer, done.opens_at) == ("maybe", opens_at)
    assert await notices.tell_openings(session, clock=clock) == 0
    clock.at = opens_at
    for count in (1, 0):
        assert await notices.tell_openings(session, clock=clock) == count
    (broadcast,) = list(await session.exec(select(Broadcast)))
    assert await told(database, broadcast, topics, clock) == {early.id}


async def test_the_first_invitations_already_say_when_registration_for_limited_places_opens(
    database: Database, session: AsyncSession, notices: EventNotices, topics: Topics, clock: FixedClock
) -> None:
    event = await an_event(session, topics, clock, places=2)
    reader = await make_subscriber(session, topics={"webinars": Frequency.WEEKLY})
    early = await make_subscriber(session, topics={"webinars": Frequency.AT_ONCE})
    invitation = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT, event_id=event.id)
    for _ in range(2):
        await plan_opening(database, invitation.id, topics=topics, clock=clock)
    await expand(database, invitation.id, topics=topics, clock=clock)
    (item,) = list(await session.exec(select(DigestItem)))
    assert item.subscriber_id == reader.id
    session.expunge_all()
    done = await answer_event(session, event.id, early.id, GuestAnswer.YES, clock=clock)
    assert (done.guest.answer, done.opens_at, done.event.registration_opens_at) == ("maybe", item.due_at, item.due_at)
    facts = dict(EventWords(notices.texts).facts(done.event, "en", "Europe/Brussels"))
    assert "24 November 2026" in facts["Register from"]
    item = (await session.exec(select(DigestItem))).one()
    item.sent_in, clock.at = "delivery", item.due_at
    session.add(item)
    await session.commit()
    assert await notices.tell_openings(session, clock=clock) == 1


def test_an_invitation_begins_with_the_events_own_words() -> None:
    values: dict[str, Any] = {
        "titles": {"fr": "Formation", "it": "Corso", "en": ""},
        "descriptions": {"fr": "Venez."},
    }
    event = Event(**values)
    assert invitation_texts(event) == ("fr", {"fr": ("Formation", "Venez.")})
