"""What somebody chose to receive: reading, changing, undoing, and what it comes to.

Each change is kept with what stood before, takes effect on everything that already waits, and commits. Pages, Telegram
and the chat all change choices here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any, TypedDict

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.errors import NothingToUndoError, PreferenceInvalidError, TopicRequiredError
from subscriptions.models import (
    BroadcastKind,
    ChannelName,
    Choice,
    Frequency,
    PreferenceChange,
    Subscriber,
    Subscription,
)
from subscriptions.people import load_people
from subscriptions.rechecking import replan
from subscriptions.rules import Cause, Message, Rule, Said, WhyNot, choice_for, find_channel
from subscriptions.subscribers import check_profile, get_subscriber
from subscriptions.topics import Topics, expected_messages, measure_volumes

_OWN = ("choice", "language", "time_zone", "channel", "quiet_days", "digest_on")
_TIMES = ("quiet_from", "quiet_to", "digest_at")


@dataclass(frozen=True, slots=True)
class TopicPreference:
    """What is chosen for one topic. ``channel`` None: the person's own."""

    frequency: Frequency
    channel: ChannelName | None = None


class Edit(TypedDict, total=False):
    """A change of choices; what is absent stays. ``topics`` with None: not said any more.

    ``choice`` is one of the three of the first screen, and clears every choice by topic; ``topics`` beside it are
    applied after that.
    """

    choice: Choice | None
    topics: Mapping[str, TopicPreference | None]
    language: str
    time_zone: str
    channel: ChannelName
    quiet_from: time | None
    quiet_to: time | None
    quiet_days: list[int]
    digest_at: time
    digest_on: int
    paused_until: date | None


@dataclass(frozen=True, slots=True)
class TopicState:
    """What counts for one topic now, and where that was said; frequency OFF with ``said`` None: nobody said anything.

    ``channel`` is the one that news go by now, which differs from the chosen one while Telegram is not linked. A
    required topic cannot be switched off. ``otherwise`` is what would count if nothing was said for this topic itself.
    """

    topic: str
    frequency: Frequency
    channel: ChannelName
    said: Said | None
    otherwise: Frequency = Frequency.OFF

    @property
    def is_required(self) -> bool:
        return self.said is Said.MEMBERSHIP


@dataclass(frozen=True, slots=True)
class Effect:
    """About how many messages a month choices bring; ``unknown`` topics have no figure yet."""

    messages: int
    unknown: tuple[str, ...]


async def list_topic_states(session: AsyncSession, subscriber_id: str, *, topics: Topics) -> list[TopicState]:
    """What counts for each topic, in the order of the topics."""
    people = await load_people(session, [subscriber_id], list(topics.facts))
    person = people.get(subscriber_id)
    if person is None:
        await get_subscriber(session, subscriber_id)
        return []
    message = Message(BroadcastKind.NEWS, mandatory_topics=topics.mandatory, recommended_topics=topics.recommended)
    states = []
    for topic in topics.facts:
        said = choice_for(topic, message, person)
        frequency, where, channel = said or (Frequency.OFF, None, None)
        rule = Rule.MANDATORY if where is Said.MEMBERSHIP else Rule.TOPIC
        found = find_channel(person, Cause(rule, topic, channel=channel))
        used = channel or person.channel if isinstance(found, WhyNot) else found
        otherwise = choice_for(topic, message, replace(person, subscriptions=()))
        states.append(TopicState(topic, frequency, used, where, otherwise[0] if otherwise else Frequency.OFF))
    return states


async def measure_effect(session: AsyncSession, subscriber_id: str, *, topics: Topics, clock: Clock) -> Effect:
    """What the present choices come to."""
    states = await list_topic_states(session, subscriber_id, topics=topics)
    volumes = await measure_volumes(session, topics, now=clock.now())
    messages, unknown = expected_messages([(state.topic, state.frequency) for state in states], volumes)
    return Effect(messages, tuple(unknown))


async def change_preferences(
    session: AsyncSession, subscriber_id: str, edit: Edit, *, topics: Topics, origin: str, clock: Clock
) -> PreferenceChange | None:
    """Make a change, and let it take effect at once. None when it changes nothing.

    Raises PreferenceInvalidError, TopicNotFoundError, and TopicRequiredError for a duty that a contact cannot leave.
    """
    subscriber = await get_subscriber(session, subscriber_id, lock=True)
    check_edit(edit, topics, is_contact=subscriber.is_mandatory_contact)
    before = await snapshot(session, subscriber)
    await _apply(session, subscriber, edit, origin=origin, clock=clock)
    await session.flush()
    if await snapshot(session, subscriber) == before:
        await session.commit()
        return None
    change = PreferenceChange(subscriber_id=subscriber_id, before=before, origin=origin, changed_at=clock.now())
    session.add(change)
    await session.flush()
    await replan(session, [subscriber_id], topics=topics, now=clock.now())
    await session.commit()
    return change


async def undo_last(session: AsyncSession, subscriber_id: str, *, topics: Topics, clock: Clock) -> PreferenceChange:
    """Put back what stood before the last change that is not undone yet, and what that change took out of the queue.

    Raises NothingToUndoError.
    """
    subscriber = await get_subscriber(session, subscriber_id, lock=True)
    query = select(PreferenceChange).where(
        PreferenceChange.subscriber_id == subscriber_id, col(PreferenceChange.undone_at).is_(None)
    )
    change = (await session.exec(query.order_by(col(PreferenceChange.id).desc()))).first()
    if change is None:
        raise NothingToUndoError
    await _restore(session, subscriber, change.before)
    change.undone_at = clock.now()
    session.add(change)
    await session.flush()
    await replan(session, [subscriber_id], topics=topics, now=clock.now(), since=change.changed_at)
    await session.commit()
    return change


async def stop(session: AsyncSession, subscriber_id: str, *, topics: Topics, origin: str, clock: Clock) -> None:
    """Nothing any more but what is required."""
    await change_preferences(
        session, subscriber_id, {"choice": Choice.REQUIRED_ONLY}, topics=topics, origin=origin, clock=clock
    )


async def unsubscribe(
    session: AsyncSession, subscriber_id: str, topic: str | None, channel: ChannelName, *, topics: Topics, clock: Clock
) -> PreferenceChange | None:
    """End one topic, or (None) all that is not required, on the channel of the message whose link was used.

    What comes by the other channel goes on, since unsubscribing from one thing never ends another. Twice is no error,
    and a topic that is required of this person stays as it is.
    """
    states = await list_topic_states(session, subscriber_id, topics=topics)
    off = {
        state.topic: TopicPreference(Frequency.OFF)
        for state in states
        if topic in {None, state.topic} and state.channel is channel and not state.is_required
    }
    edit: Edit = {"topics": off}
    if topic is None:
        others = {
            state.topic: TopicPreference(state.frequency, state.channel)
            for state in states
            if state.channel is not channel and state.frequency is not Frequency.OFF and not state.is_required
        }
        # The choice speaks for topics of the future too.
        edit = {"choice": Choice.REQUIRED_ONLY, "topics": others}
    return await change_preferences(session, subscriber_id, edit, topics=topics, origin="link", clock=clock)


def check_edit(edit: Edit, topics: Topics, *, is_contact: bool) -> None:
    """Whether a change can be made. Raises PreferenceInvalidError, TopicNotFoundError, TopicRequiredError."""
    check_profile(**{field: edit[field] for field in ("language", "time_zone") if field in edit})
    for topic, wanted in edit.get("topics", {}).items():
        fact = topics.get(topic)
        if fact.mandatory and is_contact and wanted is not None and wanted.frequency is not Frequency.AT_ONCE:
            raise TopicRequiredError(id=topic)
    days = edit.get("quiet_days", [])
    if not set(days) <= set(range(1, 8)) or len(set(days)) == 7:
        raise PreferenceInvalidError(field="quiet_days")
    if "digest_on" in edit and edit["digest_on"] not in range(1, 8):
        raise PreferenceInvalidError(field="digest_on")
    if "channel" in edit and edit["channel"] not in set(ChannelName):
        raise PreferenceInvalidError(field="channel")
    if ("quiet_from" in edit) is not ("quiet_to" in edit) or (
        "quiet_from" in edit and (edit["quiet_from"] is None) is not (edit["quiet_to"] is None)
    ):
        raise PreferenceInvalidError(field="quiet_from")


async def _apply(session: AsyncSession, subscriber: Subscriber, edit: Edit, *, origin: str, clock: Clock) -> None:
    for field, value in edit.items():
        if field != "topics":
            setattr(subscriber, field, sorted({*edit["quiet_days"]}) if field == "quiet_days" else value)
    session.add(subscriber)
    if "choice" in edit:
        await _clear_topics(session, subscriber.id)
    for topic, wanted in edit.get("topics", {}).items():
        row = await session.get(Subscription, (subscriber.id, topic))
        if wanted is None:
            if row is not None:
                await session.delete(row)
            continue
        row = row or Subscription(
            subscriber_id=subscriber.id, topic=topic, frequency=wanted.frequency, chosen_at=clock.now()
        )
        if (row.frequency, row.channel) != (wanted.frequency, wanted.channel):
            row.chosen_at = clock.now()
        row.frequency, row.channel, row.origin = wanted.frequency, wanted.channel, origin
        session.add(row)


async def snapshot(session: AsyncSession, subscriber: Subscriber) -> dict[str, Any]:
    """What stands now, as ``PreferenceChange.before`` keeps it."""
    rows = await session.exec(select(Subscription).where(Subscription.subscriber_id == subscriber.id))
    before: dict[str, Any] = {field: getattr(subscriber, field) for field in _OWN}
    before |= {field: value.isoformat() if (value := getattr(subscriber, field)) else None for field in _TIMES}
    before["paused_until"] = subscriber.paused_until.isoformat() if subscriber.paused_until else None
    before["topics"] = {row.topic: [row.frequency, row.channel, row.origin, row.chosen_at.isoformat()] for row in rows}
    return before


async def _restore(session: AsyncSession, subscriber: Subscriber, before: dict[str, Any]) -> None:
    for field in _OWN:
        setattr(subscriber, field, before[field])
    for field in _TIMES:
        setattr(subscriber, field, time.fromisoformat(before[field]) if before[field] else None)
    subscriber.paused_until = date.fromisoformat(before["paused_until"]) if before["paused_until"] else None
    session.add(subscriber)
    await _clear_topics(session, subscriber.id)
    for topic, (frequency, channel, origin, chosen_at) in before["topics"].items():
        session.add(
            Subscription(
                subscriber_id=subscriber.id,
                topic=topic,
                frequency=frequency,
                channel=channel,
                origin=origin,
                chosen_at=datetime.fromisoformat(chosen_at),
            )
        )


async def _clear_topics(session: AsyncSession, subscriber_id: str) -> None:
    rows = await session.exec(select(Subscription).where(Subscription.subscriber_id == subscriber_id))
    for row in list(rows):
        await session.delete(row)
    await session.flush()
