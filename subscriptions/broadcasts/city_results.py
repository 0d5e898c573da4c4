"""The member cities that a broadcast has not reached yet: the unit that must not be missed is the city."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from knowledge.schema import CityFact
from subscriptions.audience import STANDS_FOR_CITY, asked_cities, list_member_cities
from subscriptions.broadcasts.progress import BY_DIGEST, lines_of
from subscriptions.models import Broadcast, DeliveryStatus, Subscriber

GOT = frozenset({DeliveryStatus.SENT.value, BY_DIGEST})


@dataclass(frozen=True, slots=True)
class UnreachedCity:
    """A member city that nobody has got a broadcast for. ``became`` counts its people by the status of their line."""

    city: str
    became: Mapping[str, int]
    """Empty: it was for nobody there."""


async def list_unreached_cities(
    session: AsyncSession, broadcast: Broadcast, *, cities: Mapping[str, CityFact]
) -> list[UnreachedCity]:
    """From what was sent, never from today's choices.

    Who signed up by themselves under a city's name does not stand for it, unless the city named them.
    """
    lines = lines_of(broadcast.id).subquery()
    query = (
        select(lines.c.city, lines.c.status, func.count())
        .join(Subscriber, col(Subscriber.id) == lines.c.subscriber_id)
        .where(lines.c.city.is_not(None), STANDS_FOR_CITY)
        .group_by(lines.c.city, lines.c.status)
    )
    became: dict[str, dict[str, int]] = {}
    connection = await session.connection()
    for city, status, count in await connection.execute(query):
        became.setdefault(city, {})[status] = count
    members = await list_member_cities(session, cities)
    asked = asked_cities(members, cities, broadcast)
    return [UnreachedCity(city, became.get(city, {})) for city in asked if GOT.isdisjoint(became.get(city, {}))]
