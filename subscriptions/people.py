"""Reads subscribers from the database as the rules see them, many at once.

One line of facts a person: the own hours and channel, the state of both addresses, what was said for the topics of a
message, the city's defaults for them, the answer as a guest. Lines are equal where the rules cannot tell two people
apart, so these can be grouped and decided once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import date, time
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    String,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.invited import list_invited
from subscriptions.models import (
    Address,
    Broadcast,
    BroadcastKind,
    ChannelName,
    Choice,
    CityDefault,
    CityRule,
    Event,
    Frequency,
    Guest,
    Subscriber,
    Subscription,
)
from subscriptions.rhythm import Rhythm
from subscriptions.rules import INVITED, AddressState, Message, Person, TopicChoice
from subscriptions.topics import Topics

_EMAIL = aliased(Address, name="email_address")
_TELEGRAM = aliased(Address, name="telegram_address")


async def load_message(session: AsyncSession, broadcast: Broadcast, topics: Topics) -> Message:
    """A broadcast as the rules see it, with the dates of its event."""
    event = None
    if broadcast.event_id is not None:
        event = await session.get(Event, broadcast.event_id, populate_existing=True)
    closes_at = broadcast.closes_at
    if event is not None and broadcast.kind == BroadcastKind.EVENT:
        closes_at = closes_at or event.registration_closes_at or event.starts_at
    return Message(
        kind=BroadcastKind(broadcast.kind),
        topics_any=tuple(broadcast.topics_any),
        topics_all=tuple(broadcast.topics_all),
        mandatory_topics=topics.mandatory,
        recommended_topics=topics.recommended,
        has_event=event is not None,
        closes_at=closes_at,
        event_starts_at=event.starts_at if event else None,
        event_ends_at=event.ends_at if event else None,
    )


def facts_of(
    topics: Collection[str],
    *,
    event_id: str | None = None,
    knows_invited: bool = False,
    only: Sequence[str] | None = None,
) -> tuple[ColumnElement[str], FromClause]:
    """One text with all the facts of a subscriber, for ``person_of``, and what to select it from.

    A text, since grouping and fetching one column is several times as fast as twenty. ``knows_invited``: who was told
    of the event and has not answered stands in it too. ``only`` narrows to some subscribers.
    """
    own = _own_choices(topics, only)
    defaults = _city_defaults(topics)
    source: Any = Subscriber.__table__  # type: ignore[attr-defined]
    for address, channel in ((_EMAIL, ChannelName.EMAIL), (_TELEGRAM, ChannelName.TELEGRAM)):
        source = source.outerjoin(
            address, and_(col(address.subscriber_id) == col(Subscriber.id), col(address.channel) == channel)
        )
    source = source.outerjoin(own, own.c.subscriber_id == col(Subscriber.id))
    source = source.outerjoin(defaults, defaults.c.city == col(Subscriber.city))
    source = source.outerjoin(CityRule, col(CityRule.city) == col(Subscriber.city))
    answer: Any = literal("")
    if event_id is not None:
        source = source.outerjoin(
            Guest, and_(col(Guest.subscriber_id) == col(Subscriber.id), col(Guest.event_id) == event_id)
        )
        answer = _text(Guest.answer)
        if knows_invited:
            invited = list_invited(event_id, only=only)
            source = source.outerjoin(invited, invited.c.subscriber_id == col(Subscriber.id))
            is_open = and_(col(Guest.answer).is_(None), invited.c.subscriber_id.is_not(None))
            answer = case((is_open, literal_column(f"'{INVITED}'", String)), else_=answer)
    chosen, by_default = func.coalesce(own.c.said, ""), func.coalesce(defaults.c.said, "")
    return _join(_how_they_read(), chosen, by_default, _what_they_are(), answer).label("facts"), source


@cache
def _how_they_read() -> ColumnElement[str]:
    return _join(
        col(Subscriber.time_zone),
        _text(Subscriber.quiet_from),
        _text(Subscriber.quiet_to),
        _text(Subscriber.quiet_days),
        _text(Subscriber.digest_at),
        _text(Subscriber.digest_on),
        _text(Subscriber.paused_until),
        col(Subscriber.language),
        col(Subscriber.channel),
        _text(Subscriber.choice),
    )


@cache
def _what_they_are() -> ColumnElement[str]:
    return _join(
        _flag(col(Subscriber.is_mandatory_contact)),
        _flag(col(Subscriber.left_at).is_not(None)),
        _state_of(_EMAIL),
        _state_of(_TELEGRAM),
        _flag(col(CityRule.telegram_off)),
    )


def _join(first: Any, *parts: Any) -> ColumnElement[str]:
    text = first
    for part in parts:
        text = text + literal_column("'|'", String) + part
    return text  # type: ignore[no-any-return]


def person_of(facts: str) -> Person:
    """The facts of a subscriber as the rules see them."""
    *rhythm, language, channel, choice, own, defaults, is_contact, has_left, email, telegram, is_off, answer = (
        facts.split("|")
    )
    return Person(
        language=language,
        rhythm=_rhythm(*rhythm),
        channel=_CHANNELS[channel],
        choice=Choice(choice) if choice else None,
        subscriptions=_choices(own),
        city_defaults=_choices(defaults),
        is_mandatory_contact=is_contact == "1",
        has_left=has_left == "1",
        email=_STATES[email],
        telegram=_STATES[telegram],
        is_telegram_off=is_off == "1",
        guest_answer=answer or None,
    )


async def load_people(
    session: AsyncSession,
    ids: Sequence[str],
    topics: Collection[str],
    *,
    event_id: str | None = None,
    knows_invited: bool = False,
) -> dict[str, Person]:
    """Subscribers by id as the rules see them; those who do not exist any more are absent."""
    facts, source = facts_of(topics, event_id=event_id, knows_invited=knows_invited, only=ids)
    query = select(col(Subscriber.id), facts).select_from(source).where(col(Subscriber.id).in_(ids))
    connection = await session.connection()
    return {person_id: person_of(text) for person_id, text in (await connection.execute(query)).all()}


def _own_choices(topics: Collection[str], only: Sequence[str] | None) -> Any:
    said = (
        col(Subscription.topic)
        + literal(":")
        + col(Subscription.frequency)
        + literal(":")
        + func.coalesce(col(Subscription.channel), literal(""))
    )
    query = (
        select(col(Subscription.subscriber_id), func.aggregate_strings(said, " ").label("said"))
        .where(col(Subscription.topic).in_(list(topics)))
        .group_by(col(Subscription.subscriber_id))
    )
    if only is not None:
        query = query.where(col(Subscription.subscriber_id).in_(only))
    return query.subquery("own_choice")


def _city_defaults(topics: Collection[str]) -> Any:
    said = col(CityDefault.topic) + literal(":") + col(CityDefault.frequency) + literal(":")
    return (
        select(col(CityDefault.city), func.aggregate_strings(said, " ").label("said"))
        .where(col(CityDefault.topic).in_(list(topics)))
        .group_by(col(CityDefault.city))
        .subquery("default_choice")
    )


def _text(column: Any) -> ColumnElement[str]:
    return func.coalesce(cast(col(column), Text), "")


def _flag(condition: Any) -> ColumnElement[str]:
    return case((condition, literal_column("'1'", String)), else_=literal_column("'0'", String))


def _state_of(address: Any) -> ColumnElement[str]:
    return case(
        (address.id.is_(None), literal_column("'-'", String)),
        (address.suppressed_at.is_not(None), literal_column("'s'", String)),
        (address.confirmed_at.is_(None), literal_column("'u'", String)),
        else_=literal_column("'w'", String),
    )


_STATES = {
    "-": AddressState.NONE,
    "s": AddressState.SUPPRESSED,
    "u": AddressState.UNCONFIRMED,
    "w": AddressState.WORKING,
}
_CHANNELS = {channel.value: channel for channel in ChannelName}


@lru_cache(maxsize=8192)
def _rhythm(
    time_zone: str, quiet_from: str, quiet_to: str, quiet_days: str, digest_at: str, digest_on: str, paused_until: str
) -> Rhythm:
    return Rhythm(
        time_zone=time_zone,
        quiet_from=time.fromisoformat(quiet_from) if quiet_from else None,
        quiet_to=time.fromisoformat(quiet_to) if quiet_to else None,
        quiet_days=tuple(json.loads(quiet_days)),
        digest_at=time.fromisoformat(digest_at),
        digest_on=int(digest_on),
        paused_until=date.fromisoformat(paused_until) if paused_until else None,
    )


@lru_cache(maxsize=8192)
def _choices(said: str) -> tuple[TopicChoice, ...]:
    """Sorted, since databases add strings in any order."""
    found = []
    for part in sorted(said.split()):
        topic, frequency, channel = part.split(":")
        found.append(TopicChoice(topic, Frequency(frequency), ChannelName(channel) if channel else None))
    return tuple(found)
