"""The topics: how many messages each brings, how many people chose it, and what readers said of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import Frequency, Subscriber, Subscription, TopicOpinion
from subscriptions.topics import load_topics, measure_volumes
from web.office.doorway import OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)
MONTHS = 12


@dataclass(frozen=True)
class ShownTopic:
    """One topic in figures. ``volume`` a month; None: no figure yet."""

    id: str
    is_mandatory: bool
    is_recommended: bool
    volume: float | None
    chosen: int
    off: int
    useful: int
    not_for_us: int


@router.get("/office/topics")
async def topics_page(page: OfficeParts) -> HTMLResponse:
    """Totals only; nobody is named."""
    topics = load_topics()
    volumes = await measure_volumes(page.session, topics, now=page.now)
    chosen = await _count_choices(page.session, page.network)
    now = page.now
    since = f"{now.year - 1}-{now.month:02d}"
    opinions = await _count_opinions(page.session, since)
    return page.render(
        "topics.html",
        topics=[
            ShownTopic(
                fact.id,
                fact.mandatory,
                fact.default,
                volumes.get(fact.id),
                sum(count for (topic, how), count in chosen.items() if topic == fact.id and how != Frequency.OFF),
                chosen[fact.id, Frequency.OFF],
                opinions[fact.id, "useful"],
                opinions[fact.id, "not_for_us"],
            )
            for fact in topics.facts.values()
        ],
    )


async def _count_choices(session: AsyncSession, network: str | None) -> Counter[tuple[str, str]]:
    query = (
        select(Subscription.topic, Subscription.frequency, func.count())
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .where(col(Subscriber.left_at).is_(None))
        .group_by(col(Subscription.topic), col(Subscription.frequency))
    )
    if network is not None:
        query = query.where(Subscriber.network == network)
    return Counter({(topic, how): count for topic, how, count in await session.exec(query)})


async def _count_opinions(session: AsyncSession, since: str) -> Counter[tuple[str, str]]:
    query = (
        select(TopicOpinion.topic, TopicOpinion.opinion, func.sum(TopicOpinion.count))
        .where(TopicOpinion.month > since)
        .group_by(col(TopicOpinion.topic), col(TopicOpinion.opinion))
    )
    return Counter({(topic, opinion): int(count) for topic, opinion, count in await session.exec(query)})
