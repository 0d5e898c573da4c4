"""What goes by itself to one person follows them: when one of their addresses closes, it takes the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import ReadyMail
from core.clock import FixedClock
from subscriptions.answers import queue_answer
from subscriptions.delivery import claim, hand_out
from subscriptions.models import (
    Address,
    BroadcastKind,
    ChannelName,
    Delivery,
    DeliveryStatus,
    DueDate,
    Frequency,
    Subscriber,
)
from subscriptions.preparing import Preparation
from subscriptions.subscribers import list_addresses, new_id, suppress
from subscriptions.topics import Topics
from tests.factories import NOW, make_broadcast, make_event, make_subscriber

EMAIL, TELEGRAM = ChannelName.EMAIL, ChannelName.TELEGRAM


class Words:
    """Writes anything."""

    async def compose(self, session: AsyncSession, deliveries: Any) -> Mapping[str, ReadyMail]:
        return {
            row.id: ReadyMail(id=row.id, to="a@b.example", language="en", subject="S", text="T") for row in deliveries
        }


async def queue(session: AsyncSession, person: Subscriber, kind: str, channel: ChannelName) -> Delivery:
    """One of the messages that belong to no broadcast, as its writer queues it."""
    parts: dict[str, Any] = {}
    if kind == "reminder":
        due = DueDate(city="limassol", kind="survey", due_on=NOW.date() + timedelta(days=7))
        session.add(due)
        await session.flush()
        parts = {"due": due.id, "due_on": due.due_on.isoformat()}
    elif kind == "missed":
        event = await make_event(session, starts_at=NOW + timedelta(days=9), ends_at=NOW + timedelta(days=9, hours=1))
        broadcast = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT, event_id=event.id)
        parts = {"missed": [broadcast.id]}
    row = Delivery(
        id=new_id(),
        message=f"{kind}/{new_id()}",
        address_id=(await list_addresses(session, person.id))[channel].id,
        subscriber_id=person.id,
        channel=channel,
        language="en",
        because={"rule": "answer"},
        due_at=NOW,
        parts=parts,
        created_at=NOW,
    )
    session.add(row)
    await session.commit()
    return row


async def look(session: AsyncSession, channel: ChannelName, topics: Topics, clock: FixedClock) -> list[Delivery]:
    """Hand out what is due on a channel, claim it and ask the rules; returns what goes now."""
    until = clock.now() + timedelta(minutes=1)
    ids = await hand_out(session, channel, now=clock.now(), until=until, limit=9)
    rows = await claim(session, ids, holder="h", until=until)
    prepared = await Preparation(Words(), topics=topics, clock=clock).prepare(session, rows)
    return [one.row for one in prepared.ready]


WAYS = [(kind, EMAIL) for kind in ("answer", "place", "noted", "reminder", "welcome")] + [
    (kind, TELEGRAM) for kind in ("answer", "place", "noted", "reminder", "welcome", "missed")
]


@pytest.mark.parametrize(("kind", "closed"), WAYS)
async def test_what_one_address_cannot_take_any_more_goes_to_the_other_with_the_next_look(
    session: AsyncSession, topics: Topics, clock: FixedClock, kind: str, closed: ChannelName
) -> None:
    person = await make_subscriber(
        session,
        telegram=42,
        city="limassol",
        is_mandatory_contact=True,
        channel=closed,
        topics={"webinars": Frequency.AT_ONCE},
    )
    row = await queue(session, person, kind, closed)
    addresses = await list_addresses(session, person.id)
    if closed is EMAIL:
        await suppress(session, addresses[EMAIL].id, "bounced", clock=clock)
    else:
        await session.delete(addresses[TELEGRAM])
        await session.commit()
    row_id, other = row.id, TELEGRAM if closed is EMAIL else EMAIL

    assert await look(session, closed, topics, clock) == []
    (goes,) = await look(session, other, topics, clock)

    assert (goes.id, goes.channel, goes.address_id) == (row_id, other, addresses[other].id)
    assert await look(session, closed, topics, clock) == []


async def test_the_teams_answer_reaches_who_has_telegram_and_a_mail_address_that_bounced(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    person = await make_subscriber(session, telegram=42)
    addresses = await list_addresses(session, person.id)
    await suppress(session, addresses[EMAIL].id, "bounced", clock=clock)
    await queue_answer(session, person.id, number=1, question="Who?", answer="We.", language="en", clock=clock)
    await session.commit()

    await look(session, EMAIL, topics, clock)
    (goes,) = await look(session, TELEGRAM, topics, clock)

    assert goes.address_id == addresses[TELEGRAM].id


async def test_a_message_that_is_at_the_other_address_already_ends_and_is_not_doubled(
    session: AsyncSession, topics: Topics, clock: FixedClock
) -> None:
    person = await make_subscriber(session, telegram=42)
    row = await queue(session, person, "answer", EMAIL)
    telegram = (await session.exec(select(Address).where(col(Address.channel) == TELEGRAM))).one()
    there = row.model_dump() | {"id": "there", "channel": TELEGRAM, "address_id": telegram.id, "status": "sent"}
    session.add(Delivery(**there))
    await suppress(session, row.address_id, "bounced", clock=clock)
    await session.commit()
    row_id = row.id

    assert await look(session, EMAIL, topics, clock) == []

    ended = await session.get(Delivery, row_id, populate_existing=True)
    assert ended is not None
    assert (ended.status, ended.address_id != telegram.id) == (DeliveryStatus.SUPPRESSED, True)
