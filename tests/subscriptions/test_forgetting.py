"""What is over is deleted when its term ends, and nothing that is still needed goes with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from core.erasures import Erasure
from subscriptions import forgetting
from subscriptions.asking import Newcomer, join
from subscriptions.confirmation import Purpose, issue, use
from subscriptions.forgetting import (
    KEEP_ALERTS,
    KEEP_DRAFTS,
    KEEP_NEWCOMERS,
    KEEP_RECORD,
    delete_alerts,
    delete_broadcasts,
    delete_events,
    delete_newcomers,
)
from subscriptions.importing import import_subscribers, plan_import
from subscriptions.links import Links
from subscriptions.models import (
    Attachment,
    Broadcast,
    BroadcastStatus,
    BroadcastText,
    ChannelName,
    Delivery,
    Event,
    Guest,
    Subscriber,
    TeamAlert,
    TextState,
)
from subscriptions.subscribers import find_by_address, new_id, update_subscriber
from subscriptions.topics import Topics
from tests.factories import NOW, make_broadcast, make_event, make_guest, make_subscriber


async def come(session: AsyncSession, name: str, *, topics: Topics, links: Links, clock: FixedClock) -> str:
    """Somebody asks for our news; the id."""
    newcomer = Newcomer(name, f"{name}@example.org")
    await join(session, newcomer, topics=topics, links=links, clock=clock)
    found = await find_by_address(session, ChannelName.EMAIL, newcomer.email)
    assert found is not None
    return found[0].id


async def names(session: AsyncSession) -> set[str]:
    session.expunge_all()
    return set(await session.exec(select(Subscriber.name)))


async def test_who_never_confirms_is_erased_after_thirty_days(
    session: AsyncSession, topics: Topics, links: Links, clock: FixedClock
) -> None:
    await come(session, "never", topics=topics, links=links, clock=clock)
    confirmed = await come(session, "confirmed", topics=topics, links=links, clock=clock)
    token = (await issue(session, confirmed, Purpose.CONFIRM, links=links, clock=clock)).token
    await use(session, Purpose.CONFIRM, token, topics=topics, clock=clock)
    contact = await come(session, "contact", topics=topics, links=links, clock=clock)
    await update_subscriber(session, contact, is_mandatory_contact=True)
    await make_subscriber(session, name="entered by the team", email="team@example.org", confirmed=False)
    clock.at += KEEP_NEWCOMERS - timedelta(hours=1)
    assert await delete_newcomers(session, clock=clock) == 0
    clock.at += timedelta(hours=1)
    assert await delete_newcomers(session, clock=clock) == 1
    assert await names(session) == {"confirmed", "contact", "entered by the team"}
    # So that no backup brings them back.
    assert len(list(await session.exec(select(Erasure)))) == 1
    assert await delete_newcomers(session, clock=clock) == 0


async def test_who_asks_once_more_has_as_long_as_the_new_link_works(
    session: AsyncSession, topics: Topics, links: Links, clock: FixedClock
) -> None:
    await come(session, "late", topics=topics, links=links, clock=clock)
    clock.at += KEEP_NEWCOMERS - timedelta(hours=1)
    await come(session, "late", topics=topics, links=links, clock=clock)
    clock.at += timedelta(days=6)
    assert await delete_newcomers(session, clock=clock) == 0
    clock.at += timedelta(days=2)
    assert await delete_newcomers(session, clock=clock) == 1


async def test_whom_the_team_imports_is_no_newcomer_any_more(
    session: AsyncSession, topics: Topics, links: Links, clock: FixedClock, knowledge_base: Any
) -> None:
    await come(session, "known", topics=topics, links=links, clock=clock)
    file = b"email,name\nknown@example.org,known\n"
    plan = await plan_import(session, file, is_workbook=False, base=knowledge_base, topics=topics)
    await import_subscribers(session, plan, topics=topics, clock=clock)
    clock.at += KEEP_NEWCOMERS * 2
    assert await delete_newcomers(session, clock=clock) == 0


async def add_text(session: AsyncSession, broadcast: Broadcast, **values: Any) -> None:
    given: dict[str, Any] = {"language": "en", "state": TextState.ORIGINAL, "subject": "s", "body": "b"}
    session.add(BroadcastText(broadcast_id=broadcast.id, **(given | {"changed_at": NOW} | values)))
    file = Attachment(id=new_id(), broadcast_id=broadcast.id, name="a", media_type="text/plain", content=b"a")
    session.add(file)
    await session.commit()


async def test_a_draft_goes_a_year_after_its_last_change(session: AsyncSession, clock: FixedClock) -> None:
    old = await make_broadcast(session, id="old", status=BroadcastStatus.DRAFT)
    await add_text(session, old)
    changed = await make_broadcast(session, id="changed", status=BroadcastStatus.IN_REVIEW)
    await add_text(session, changed, changed_at=NOW + timedelta(days=30))
    for status in (BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING, BroadcastStatus.PAUSED, BroadcastStatus.SENT):
        await make_broadcast(session, id=status.value, status=status)
    clock.at += KEEP_DRAFTS - timedelta(hours=1)
    assert await delete_broadcasts(session, clock=clock) == 0
    clock.at += timedelta(hours=1)
    assert await delete_broadcasts(session, clock=clock) == 1
    session.expunge_all()
    assert set(await session.exec(select(Broadcast.id))) == {"changed", "scheduled", "sending", "paused", "sent"}
    assert set(await session.exec(select(BroadcastText.broadcast_id))) == {"changed"}
    assert set(await session.exec(select(Attachment.broadcast_id))) == {"changed"}


async def test_what_was_sent_stays_three_years_as_the_record(
    session: AsyncSession, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "BATCH", 2)
    for number in range(5):
        await make_broadcast(session, id=f"sent{number}", status=BroadcastStatus.SENT, finished_at=NOW)
    await make_broadcast(session, id="cancelled", status=BroadcastStatus.CANCELLED)
    await make_broadcast(session, id="late", status=BroadcastStatus.SENT, finished_at=NOW + timedelta(days=9))
    await make_broadcast(session, id="sending", status=BroadcastStatus.SENDING)
    waits = await make_broadcast(session, id="waits", status=BroadcastStatus.SENT, finished_at=NOW)
    person = await make_subscriber(session)
    session.add(
        Delivery(
            id=new_id(), message="broadcast/waits", address_id="a", subscriber_id=person.id, broadcast_id=waits.id,
            channel="email", language="en", status="waiting", due_at=NOW, created_at=NOW,
        )
    )  # fmt: skip
    await session.commit()
    clock.at += KEEP_RECORD - timedelta(hours=1)
    assert await delete_broadcasts(session, clock=clock) == 0
    clock.at += timedelta(hours=1)
    assert await delete_broadcasts(session, clock=clock) == 6
    session.expunge_all()
    assert set(await session.exec(select(Broadcast.id))) == {"late", "sending", "waits"}


async def test_an_event_goes_with_its_guests_and_a_settled_alert_alone(
    session: AsyncSession, clock: FixedClock
) -> None:
    person = await make_subscriber(session)
    for days in (0, 1):
        starts_at = NOW + timedelta(days=days)
        event = await make_event(session, starts_at=starts_at, ends_at=starts_at)
        await make_guest(session, event, person)
    clock.at += KEEP_RECORD
    assert await delete_events(session, clock=clock) == 1
    session.expunge_all()
    assert len(list(await session.exec(select(Event)))) == len(list(await session.exec(select(Guest)))) == 1
    for settled_at in (clock.at - KEEP_ALERTS, clock.at, None):
        session.add(TeamAlert(kind="contact_left", raised_at=NOW, settled_at=settled_at))
    await session.commit()
    assert await delete_alerts(session, clock=clock) == 1
