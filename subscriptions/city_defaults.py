"""What a city's own people set for those of them who did not choose, and whether its staff may use Telegram."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.errors import NotTheirCityError
from subscriptions.models import CityDefault, CityRule, Frequency, Subscriber
from subscriptions.rechecking import replan
from subscriptions.subscribers import get_subscriber
from subscriptions.topics import Topics


async def get_city_defaults(session: AsyncSession, city: str) -> dict[str, Frequency]:
    """The city's defaults by topic; topics that it says nothing of are absent."""
    found = await session.exec(select(CityDefault).where(CityDefault.city == city))
    return {row.topic: Frequency(row.frequency) for row in found}


async def is_telegram_off(session: AsyncSession, city: str) -> bool:
    """Whether the city lets nobody of its staff use Telegram with the hub."""
    rule = await session.get(CityRule, city)
    return rule is not None and rule.telegram_off


async def set_city_defaults(
    session: AsyncSession,
    setter_id: str,
    defaults: Mapping[str, Frequency | None],
    *,
    topics: Topics,
    clock: Clock,
) -> None:
    """Set the defaults of the setter's own city; None takes one away. They take effect at once, and commit.

    They are for those who chose nothing themselves, and whose address is confirmed; own choices stay. Raises
    NotTheirCityError and TopicNotFoundError.
    """
    city = await _city_of(session, setter_id)
    for topic, frequency in defaults.items():
        topics.get(topic)
        row = await session.get(CityDefault, (city, topic))
        if frequency is None:
            if row is not None:
                await session.delete(row)
            continue
        row = row or CityDefault(city=city, topic=topic, frequency=frequency, set_by=setter_id, set_at=clock.now())
        row.frequency, row.set_by, row.set_at = frequency, setter_id, clock.now()
        session.add(row)
    await _take_effect(session, city, topics, clock)


async def set_telegram_off(
    session: AsyncSession, setter_id: str, *, is_off: bool, topics: Topics, clock: Clock
) -> None:
    """Turn Telegram off, or on again, for the staff of the setter's own city; news go by e-mail then. Commits."""
    city = await _city_of(session, setter_id)
    rule = await session.get(CityRule, city) or CityRule(city=city)
    rule.telegram_off = is_off
    session.add(rule)
    await _take_effect(session, city, topics, clock)


async def _city_of(session: AsyncSession, setter_id: str) -> str:
    setter = await get_subscriber(session, setter_id, lock=True)
    if setter.city is None or setter.left_at is not None or not setter.may_set_city_defaults:
        raise NotTheirCityError
    return setter.city


async def _take_effect(session: AsyncSession, city: str, topics: Topics, clock: Clock) -> None:
    await session.flush()
    query = select(Subscriber.id).where(Subscriber.city == city, col(Subscriber.left_at).is_(None))
    await replan(session, list(await session.exec(query)), topics=topics, now=clock.now())
    await session.commit()
