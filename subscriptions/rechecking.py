"""Decides a second time, at the moment of sending, so that a choice made in between counts.

``recheck`` is for the sender, a batch at a time; ``settle`` writes what a decision other than "send" means for a row.
``replan`` follows a change of somebody's choices at once, for what is queued and for what waits for a digest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.audience import asked_topics
from subscriptions.invited import AFTER_A_PAUSE, REACHED
from subscriptions.models import (
    Address,
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    ChannelName,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Event,
    Frequency,
    Missed,
)
from subscriptions.people import load_message, load_people
from subscriptions.placing import OPEN, insert_new, place
from subscriptions.rhythm import end_of_quiet, is_paused
from subscriptions.rules import (
    AddressState,
    Cause,
    Decision,
    Outcome,
    Person,
    Rule,
    Said,
    WhyNot,
    decide,
    find_channel,
)
from subscriptions.topics import Topics

ASKED_FOR = frozenset({"confirm", "preferences", "telegram", "handover"})
"""Kinds of messages (``Delivery.message`` before the slash) that answer what a person did a moment ago."""

FOR_ALL = "preferences"
"""The link to the own page goes also to who left and asked for it, so that they can come back or delete their data."""

MANDATORY_KINDS = frozenset({"reminder", "welcome"})

DIGESTS = frozenset({Frequency.DAILY, Frequency.WEEKLY})

CHANGE_OF_MIND = timedelta(days=1)

STOPPED = frozenset({BroadcastStatus.PAUSED, BroadcastStatus.CANCELLED})


async def recheck(
    session: AsyncSession, deliveries: Sequence[Delivery], *, topics: Topics, now: datetime
) -> dict[str, Decision]:
    """What the rules say now of deliveries that are about to be sent, by their id. Only reads.

    A broadcast that was cancelled or paused, or is gone, sends nothing: its deliveries are absent from the result.
    """
    by_broadcast: dict[str | None, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_broadcast[delivery.broadcast_id].append(delivery)
    decisions: dict[str, Decision] = {}
    for broadcast_id, rows in by_broadcast.items():
        people_ids = [row.subscriber_id for row in rows]
        if broadcast_id is None:
            people = await load_people(session, people_ids, ())
            decisions |= {row.id: _decide_other(row, people.get(row.subscriber_id), now) for row in rows}
            continue
        by_person = await _decide_broadcast(session, broadcast_id, people_ids, topics=topics, now=now)
        if by_person is not None:
            decisions |= {row.id: by_person.get(row.subscriber_id) or _gone(row, now) for row in rows}
    return decisions


async def settle(session: AsyncSession, delivery: Delivery, decision: Decision, *, now: datetime) -> None:
    """Write what a decision means for a row that its sender claimed and did not send. The caller commits.

    "Send" queues it again; waiting moves it; a digest takes it over; a pause makes it missed; everything else cancels
    it with the reason. Another channel changes its address; where the message is there already, this row ends.
    """
    if delivery.broadcast_id is not None:
        await place(session, delivery.broadcast_id, delivery.subscriber_id, decision, now=now, claimed=delivery)
        return
    delivery.lease_until = delivery.holder = None
    if decision.outcome is Outcome.NOT:
        delivery.status, delivery.finished_at, delivery.reason = DeliveryStatus.CANCELLED, now, decision.why_not
        if decision.why_not in {WhyNot.SUPPRESSED, WhyNot.UNCONFIRMED, WhyNot.NO_ADDRESS}:
            delivery.status = DeliveryStatus.SUPPRESSED
        elif decision.why_not is WhyNot.PAUSED:
            # Paused again before being told of what the last pause withheld.
            rows = [{"subscriber_id": delivery.subscriber_id, "broadcast_id": name} for name in _missed(delivery)]
            await insert_new(session, Missed, rows)
    elif not await _take_way(session, delivery, decision.channel):
        delivery.status, delivery.finished_at = DeliveryStatus.SUPPRESSED, now
        delivery.reason = WhyNot.SUPPRESSED
    else:
        delivery.status = DeliveryStatus.QUEUED if decision.outcome is Outcome.SEND else DeliveryStatus.WAITING
        delivery.due_at = decision.at
    session.add(delivery)


async def _take_way(session: AsyncSession, delivery: Delivery, channel: ChannelName | None) -> bool:
    """Give a row the address of the channel by which it goes now; False where it cannot go by it."""
    if channel in {None, delivery.channel}:
        return True
    query = select(Address.id).where(Address.subscriber_id == delivery.subscriber_id, Address.channel == channel)
    address_id = (await session.exec(query)).first()
    taken = select(Delivery.id).where(Delivery.message == delivery.message, Delivery.address_id == address_id)
    if address_id is None or (await session.exec(taken)).first() is not None:
        return False
    delivery.channel, delivery.address_id = str(channel), address_id
    return True


async def list_wanted_items(
    session: AsyncSession, items: Sequence[DigestItem], *, topics: Topics, now: datetime
) -> list[tuple[DigestItem, Cause, ChannelName]]:
    """Of items for digests that are due, of any number of people, those still wanted, with their cause and channel.

    Those of a paused broadcast go on waiting. The others are moved to where they belong now: into the queue, noted as
    missed through a pause, or dropped. The caller commits.
    """
    by_broadcast: dict[str, list[DigestItem]] = defaultdict(list)
    for item in items:
        by_broadcast[item.broadcast_id].append(item)
    wanted = []
    for broadcast_id, some in by_broadcast.items():
        broadcast = await session.get(Broadcast, broadcast_id, populate_existing=True)
        if broadcast is not None and broadcast.status == BroadcastStatus.PAUSED:
            continue
        ids = [item.subscriber_id for item in some]
        by_person = await _decide_broadcast(session, broadcast_id, ids, topics=topics, now=now) or {}
        for item in some:
            decision = by_person.get(item.subscriber_id)
            if decision is None:
                item.dropped_at = now
                session.add(item)
            elif decision.why_not is None and _is_for_digest(decision) and decision.channel is not None:
                assert decision.cause is not None
                wanted.append((item, decision.cause, decision.channel))
            else:
                await place(session, broadcast_id, item.subscriber_id, decision, now=now)
    return wanted


def _is_for_digest(decision: Decision) -> bool:
    return decision.cause is not None and decision.cause.frequency in DIGESTS


async def replan(
    session: AsyncSession,
    subscriber_ids: Collection[str],
    *,
    topics: Topics,
    now: datetime,
    since: datetime | None = None,
) -> None:
    """Let a change of choices take effect on all that waits for these people. The caller commits.

    What becomes "at once" leaves the digest; what becomes a digest's leaves the queue; what is not wanted ends. Who
    changes their mind loses nothing: what the rules took away during the last day, or ``since`` a time before, or from
    a digest that is still to come, is decided again. What the end of a pause told of is told.
    """
    since = min(since or now, now - CHANGE_OF_MIND)
    was_ended = and_(
        col(Delivery.status).in_((DeliveryStatus.CANCELLED, DeliveryStatus.SUPPRESSED)),
        or_(col(Delivery.finished_at) >= since, col(Delivery.due_at) > now),
    )
    deliveries = select(Delivery.broadcast_id, Delivery.subscriber_id).where(
        col(Delivery.subscriber_id).in_(subscriber_ids),
        col(Delivery.broadcast_id).is_not(None),
        or_(col(Delivery.status).in_(OPEN), was_ended),
    )
    items = select(DigestItem.broadcast_id, DigestItem.subscriber_id).where(
        col(DigestItem.subscriber_id).in_(subscriber_ids),
        col(DigestItem.sent_in).is_(None),
        or_(col(DigestItem.dropped_at).is_(None), col(DigestItem.dropped_at) >= since, col(DigestItem.due_at) > now),
    )
    waiting: dict[str, set[str]] = defaultdict(set)
    for query in (deliveries, items):
        for broadcast_id, subscriber_id in await session.exec(query):
            waiting[str(broadcast_id)].add(subscriber_id)
    for subscriber_id, told in await _list_told_after_pauses(session, subscriber_ids) if waiting else ():
        waiting.get(told, set()).discard(subscriber_id)
    for broadcast_id, people_ids in waiting.items():
        by_person = await _decide_broadcast(session, broadcast_id, sorted(people_ids), topics=topics, now=now)
        for subscriber_id, decision in (by_person or {}).items():
            await place(session, broadcast_id, subscriber_id, decision, now=now)


async def _list_told_after_pauses(session: AsyncSession, subscriber_ids: Collection[str]) -> list[tuple[str, str]]:
    """Who was told, or is about to be, of which broadcast by the message that ends a pause (``jobs.end_pauses``)."""
    first, behind = AFTER_A_PAUSE
    query = select(Delivery).where(
        col(Delivery.subscriber_id).in_(subscriber_ids),
        col(Delivery.message) >= first,
        col(Delivery.message) < behind,
        col(Delivery.status).in_((*OPEN, *REACHED)),
    )
    return [(row.subscriber_id, broadcast_id) for row in await session.exec(query) for broadcast_id in _missed(row)]


async def _decide_broadcast(
    session: AsyncSession, broadcast_id: str, people_ids: Sequence[str], *, topics: Topics, now: datetime
) -> dict[str, Decision] | None:
    """Decisions by person; None when the broadcast is stopped or gone."""
    broadcast = await session.get(Broadcast, broadcast_id, populate_existing=True)
    if broadcast is None or broadcast.status in STOPPED:
        return None
    if broadcast.kind == BroadcastKind.EVENT and await _is_called_off(session, broadcast):
        return None
    message = await load_message(session, broadcast, topics)
    people = await load_people(
        session,
        people_ids,
        asked_topics(message),
        event_id=broadcast.event_id,
        knows_invited=message.concerns_invited,
    )
    return {person_id: decide(message, person, now) for person_id, person in people.items()}


async def _is_called_off(session: AsyncSession, broadcast: Broadcast) -> bool:
    """Nobody is invited any more to what will not take place."""
    event = await session.get(Event, broadcast.event_id, populate_existing=True) if broadcast.event_id else None
    return event is not None and event.cancelled_at is not None


def _decide_other(delivery: Delivery, person: Person | None, now: datetime) -> Decision:
    """For what is no broadcast: links that were asked for, digests, reminders, the welcome, what a pause withheld."""
    if person is None:
        return _gone(delivery, now)
    kind = delivery.message.partition("/")[0]
    channel = ChannelName(delivery.channel)
    if person.has_left and kind != FOR_ALL:
        return _not(WhyNot.LEFT, person, now)
    if kind in ASKED_FOR:
        state = person.email if channel is ChannelName.EMAIL else person.telegram
        if state in _WRONG:
            return _not(_WRONG[state], person, now)
        return Decision(Outcome.SEND, person.language, now, channel=channel)
    if kind in MANDATORY_KINDS:
        if not person.is_mandatory_contact:
            return _not(WhyNot.NOT_A_CONTACT, person, now)
        found = find_channel(person, Cause(Rule.MANDATORY, said=Said.MEMBERSHIP))
    elif kind in {"answer", "place", "noted"}:
        # To one's own question or wish: it comes before pauses, and by whatever way works.
        found = find_channel(person, Cause(Rule.ANSWER, channel=channel))
    elif is_paused(person.rhythm, now):
        return _not(WhyNot.PAUSED, person, now)
    else:
        found = find_channel(person, Cause(Rule.TOPIC, channel=channel))
    if isinstance(found, WhyNot):
        return _not(found, person, now)
    at = end_of_quiet(person.rhythm, now)
    return Decision(Outcome.SEND if at <= now else Outcome.WAIT, person.language, at, channel=found)


_WRONG = {AddressState.NONE: WhyNot.NO_ADDRESS, AddressState.SUPPRESSED: WhyNot.SUPPRESSED}


def _not(why: WhyNot, person: Person, now: datetime) -> Decision:
    return Decision(Outcome.NOT, person.language, now, why_not=why)


def _missed(delivery: Delivery) -> list[str]:
    return [str(name) for name in delivery.parts.get("missed", [])]


def _gone(delivery: Delivery, now: datetime) -> Decision:
    return Decision(Outcome.NOT, delivery.language, now, why_not=WhyNot.LEFT)
