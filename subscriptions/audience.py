"""Who gets a broadcast and who does not, before it goes: counts, the exact list, and the cities it will not reach.

Nothing is written here. The database groups people whom the rules cannot tell apart, and the rules decide once a
group, so that a hundred thousand people are counted in a second or two and the list always says what sending does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, tuple_
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from knowledge.schema import CityFact
from subscriptions.models import Broadcast, ChannelName, CityFile, Subscriber
from subscriptions.people import facts_of, load_message, person_of
from subscriptions.rules import Cause, Decision, Message, Outcome, WhyNot, decide
from subscriptions.topics import Topics

MEMBER_STATUSES = frozenset({"member", "network-member"})
"""Of the cities in knowledge/facts; a city that the team keeps a file of is a member too."""

STANDS_FOR_CITY = or_(
    col(Subscriber.joined_at).is_(None),
    col(Subscriber.is_mandatory_contact),
    col(Subscriber.may_set_city_defaults),
)
"""Anybody can sign up and pick a city. Whom the team or a city entered or named stands for it."""

_FILTERS: Mapping[str, Any] = {
    "countries": col(Subscriber.country),
    "cities": col(Subscriber.city),
    "networks": col(Subscriber.network),
    "roles": col(Subscriber.role),
    "subscribers": col(Subscriber.id),
}


@dataclass(frozen=True, slots=True)
class Share:
    """People whom a broadcast reaches in the same way."""

    outcome: Outcome
    cause: Cause
    channel: ChannelName
    language: str
    count: int


@dataclass(frozen=True, slots=True)
class MissedCity:
    """A member city that nobody who stands for it will receive a broadcast for.

    ``why`` counts its people by what stands in the way.
    """

    city: str
    why: Mapping[WhyNot, int]
    """Empty: nobody is named for the city."""
    joined: int = 0
    """Who will get it and only said of themselves that they are of this city, which nobody has checked."""


@dataclass(frozen=True)
class Reach:
    """What a broadcast would do if it went now."""

    shares: tuple[Share, ...]
    not_reached: Mapping[WhyNot, int]
    missed_cities: tuple[MissedCity, ...]
    last_at: datetime
    """When the last of it goes, digests included; where places are limited, registration opens only then."""

    @property
    def count(self) -> int:
        """How many people get it."""
        return sum(share.count for share in self.shares)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One line of the list."""

    subscriber_id: str
    name: str
    city: str | None
    decision: Decision


@dataclass(frozen=True)
class Page:
    """Part of the list, by city and name. ``next`` continues it; None: that was all."""

    recipients: list[Recipient] = field(default_factory=list)
    next: str | None = None


async def measure_reach(
    session: AsyncSession, broadcast: Broadcast, *, topics: Topics, cities: Mapping[str, CityFact], now: datetime
) -> Reach:
    """Count who would get a broadcast now, and name the member cities where nobody would."""
    message = await load_message(session, broadcast, topics)
    facts_column, source = facts_of(
        asked_topics(message), event_id=broadcast.event_id, knows_invited=message.concerns_invited
    )
    columns = (facts_column, col(Subscriber.city), STANDS_FOR_CITY.label("stands"))
    inner = in_audience(select(*columns).select_from(source), broadcast).subquery()
    query = select(*inner.c, func.count()).group_by(*inner.c)
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        # Enough to group a hundred thousand different people in memory.
        await connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
    decisions: dict[str, Decision] = {}
    people: Counter[str] = Counter()
    reached_cities: set[str | None] = set()
    blocked: Counter[tuple[str | None, WhyNot]] = Counter()
    rows: Sequence[Any] = (await connection.execute(query)).all()
    joined: Counter[str | None] = Counter()
    for facts, city, stands_for_city, count in rows:
        decision = decisions.get(facts)
        if decision is None:
            decision = decisions[facts] = decide(message, person_of(facts), now)
        people[facts] += count
        if decision.why_not is None and stands_for_city:
            reached_cities.add(city)
        elif decision.why_not is None:
            joined[city] += count
        else:
            blocked[city, decision.why_not] += count
    members = await list_member_cities(session, cities)
    missed = [city for city in asked_cities(members, cities, broadcast) if city not in reached_cities]
    return Reach(
        shares=_shares((decisions[facts], count) for facts, count in people.items()),
        not_reached=_not_reached(blocked),
        missed_cities=_missed_cities(missed, blocked, joined),
        last_at=max((decision.at for decision in decisions.values() if decision.why_not is None), default=now),
    )


async def list_recipients(
    session: AsyncSession,
    broadcast: Broadcast,
    *,
    topics: Topics,
    now: datetime,
    reached: bool | None = None,
    city: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page:
    """One page of who would get a broadcast now (``reached``), who would not (False), or everybody (None)."""
    message = await load_message(session, broadcast, topics)
    facts_column, source = facts_of(
        asked_topics(message), event_id=broadcast.event_id, knows_invited=message.concerns_invited
    )
    place = func.coalesce(col(Subscriber.city), "")
    order = (place, col(Subscriber.name), col(Subscriber.id))
    query = select(col(Subscriber.id), col(Subscriber.name), col(Subscriber.city), facts_column).select_from(source)
    query = in_audience(query, broadcast).order_by(*order)
    if city is not None:
        query = query.where(col(Subscriber.city) == city)
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(*_read_cursor(after)))
    connection = await session.connection()
    decisions: dict[str, Decision] = {}
    page = Page()
    async with connection.stream(query, execution_options={"yield_per": 1000}) as rows:
        async for subscriber_id, name, of_city, facts in rows:
            decision = decisions.get(facts)
            if decision is None:
                decision = decisions[facts] = decide(message, person_of(facts), now)
            if reached is not None and reached is (decision.outcome is Outcome.NOT):
                continue
            if len(page.recipients) == limit:
                last = page.recipients[-1]
                return Page(page.recipients, json.dumps([last.city or "", last.name, last.subscriber_id]))
            page.recipients.append(Recipient(subscriber_id, name, of_city, decision))
    return page


def in_audience(query: Any, broadcast: Broadcast) -> Any:
    """Only the people whom the team addressed: each filter that is there must fit. None there: everybody."""
    for name, column in _FILTERS.items():
        if wanted := broadcast.audience.get(name):
            query = query.where(column.in_(wanted))
    return query


def asked_topics(message: Message) -> Sequence[str]:
    """Topics whose choices a message asks for."""
    return sorted({*message.topics_any, *message.topics_all})


async def list_member_cities(session: AsyncSession, cities: Mapping[str, CityFact]) -> list[str]:
    """Ids of the member cities: by the sources, and those that the team keeps a file of."""
    known = {city.id for city in cities.values() if city.status in MEMBER_STATUSES}
    connection = await session.connection()
    return sorted(known | set((await connection.execute(select(col(CityFile.city)))).scalars()))


def asked_cities(members: Iterable[str], cities: Mapping[str, CityFact], broadcast: Broadcast) -> list[str]:
    """Those of the member cities that the team addressed; none where it addressed people by name."""
    asked = broadcast.audience
    if asked.get("subscribers"):
        return []
    return [
        city
        for city in members
        if (not asked.get("cities") or city in asked["cities"])
        and (not asked.get("countries") or (city in cities and cities[city].country in asked["countries"]))
        and (not asked.get("networks") or (city in cities and cities[city].national_network in asked["networks"]))
    ]


def _shares(decided: Iterable[tuple[Decision, int]]) -> tuple[Share, ...]:
    counts: Counter[tuple[Outcome, Cause, ChannelName, str]] = Counter()
    for decision, count in decided:
        if decision.cause is not None and decision.channel is not None and decision.why_not is None:
            counts[decision.outcome, decision.cause, decision.channel, decision.language] += count
    return tuple(Share(*key, count) for key, count in counts.most_common())


def _not_reached(blocked: Mapping[tuple[str | None, WhyNot], int]) -> dict[WhyNot, int]:
    counts: Counter[WhyNot] = Counter()
    for (_, why), count in blocked.items():
        counts[why] += count
    return dict(counts.most_common())


def _missed_cities(
    cities: Sequence[str], blocked: Mapping[tuple[str | None, WhyNot], int], joined: Mapping[str | None, int]
) -> tuple[MissedCity, ...]:
    why: dict[str, dict[WhyNot, int]] = {city: {} for city in cities}
    for (city, reason), count in blocked.items():
        if city in why:
            why[city][reason] = count
    return tuple(MissedCity(city, reasons, joined.get(city, 0)) for city, reasons in why.items())


def _read_cursor(cursor: str) -> list[str]:
    try:
        place, name, subscriber_id = json.loads(cursor)
    except ValueError:
        return ["", "", ""]
    return [str(place), str(name), str(subscriber_id)]
