"""The topics: what one can subscribe to, which of them are duties, and how many messages each brings.

Facts stand in knowledge/facts/topics.yaml; titles and descriptions in locales/<language>/topic.yml, under
``topic.<id>.title`` and ``topic.<id>.description``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path

from sqlalchemy import exists, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from knowledge.base import FOLDER
from knowledge.errors import KnowledgeError
from knowledge.reading import Problems, read_items
from knowledge.schema import TopicFact
from subscriptions.errors import TopicNotFoundError
from subscriptions.models import (
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Frequency,
)

TO_SUBSCRIBERS = (BroadcastKind.NEWS, BroadcastKind.EVENT, BroadcastKind.MANDATORY, BroadcastKind.URGENT)
VOLUME_OVER = timedelta(days=365)
MONTH = timedelta(days=365 / 12)
DAYS_A_MONTH, WEEKS_A_MONTH = 365 / 12, 365 / 12 / 7


@dataclass(frozen=True)
class Topics:
    """All topics, in the order of the facts."""

    facts: Mapping[str, TopicFact]

    def get(self, topic: str) -> TopicFact:
        """The topic; raises TopicNotFoundError."""
        try:
            return self.facts[topic]
        except KeyError:
            raise TopicNotFoundError(id=topic) from None

    @cached_property
    def mandatory(self) -> frozenset[str]:
        """Those that every contact named by a city gets."""
        return frozenset(topic for topic, fact in self.facts.items() if fact.mandatory)

    @cached_property
    def recommended(self) -> frozenset[str]:
        """Those of the recommended set."""
        return frozenset(topic for topic, fact in self.facts.items() if fact.default)


@cache
def load_topics(folder: Path = FOLDER) -> Topics:
    """The topics, read once. Raises KnowledgeError, which names every broken entry with file, line and reason."""
    problems = Problems(folder.parent)
    path = folder / "facts" / "topics.yaml"
    facts: dict[str, TopicFact] = {}
    for item in read_items(path, problems):
        fact = problems.validate(TopicFact, item)
        if fact is None:
            continue
        if fact.id in facts:
            problems.add(path, item.line, f"{fact.id}: this id stands twice")
        facts[fact.id] = fact
    if problems.found:
        raise KnowledgeError(problems.found)
    return Topics(facts)


async def measure_volumes(session: AsyncSession, topics: Topics, *, now: datetime) -> dict[str, float | None]:
    """Messages a month by topic, from the broadcasts of the last twelve months; None: there is no figure yet.

    What went to nobody does not count, nor what goes to an event's guests alone. A hub that is younger than that
    counts from its first broadcast, one month at least.
    """
    query = select(Broadcast.topics_any, Broadcast.topics_all, Broadcast.due_at, Broadcast.created_at).where(
        col(Broadcast.status).in_([BroadcastStatus.SENDING, BroadcastStatus.SENT]),
        col(Broadcast.kind).in_(TO_SUBSCRIBERS),
        col(Broadcast.created_at) > now - VOLUME_OVER,
        or_(
            exists().where(col(Delivery.broadcast_id) == Broadcast.id, col(Delivery.status) == DeliveryStatus.SENT),
            exists().where(col(DigestItem.broadcast_id) == Broadcast.id, col(DigestItem.sent_in).is_not(None)),
        ),
    )
    counts: Counter[str] = Counter()
    first = now
    for any_of, all_of, due_at, created_at in await session.exec(query):
        counts.update({*any_of, *all_of})
        first = min(first, due_at or created_at)
    months = max(1.0, (now - first) / MONTH)
    return {topic: counts[topic] / months if counts[topic] else None for topic in topics.facts}


def expected_messages(
    chosen: Iterable[tuple[str, Frequency]], volumes: Mapping[str, float | None]
) -> tuple[int, list[str]]:
    """How many messages a month choices bring together, and the chosen topics for which no figure exists yet.

    News at once count one each. A digest counts when something is in it: news come by chance (as in a Poisson
    process), so of the days of a month a share of 1 - exp(-news a day) has any.
    """
    sums = dict.fromkeys(Frequency, 0.0)
    unknown = []
    for topic, frequency in chosen:
        if frequency is Frequency.OFF:
            continue
        volume = volumes.get(topic)
        if volume is None:
            unknown.append(topic)
        else:
            sums[frequency] += volume
    daily, weekly = sums[Frequency.DAILY], sums[Frequency.WEEKLY]
    digests = DAYS_A_MONTH * (1 - math.exp(-daily / DAYS_A_MONTH))
    digests += WEEKS_A_MONTH * (1 - math.exp(-weekly / WEEKS_A_MONTH))
    total = sums[Frequency.AT_ONCE] + digests
    return (max(1, round(total)) if total else 0), unknown
