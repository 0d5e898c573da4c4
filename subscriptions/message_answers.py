"""What the links at the foot of a message do: stop what brought it, take that back, say what one thinks of it.

A link can do its one thing and nothing else, also in the hands of somebody to whom the message was forwarded.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.leases import Lease, take_lease
from subscriptions.errors import NothingToUndoError, TopicNotFoundError
from subscriptions.links import ALL, LinkContent
from subscriptions.models import Choice, Frequency, PreferenceChange, TopicOpinion
from subscriptions.preferences import (
    Edit,
    TopicPreference,
    change_preferences,
    list_topic_states,
    undo_last,
    unsubscribe,
)
from subscriptions.rules import Said
from subscriptions.subscribers import get_subscriber
from subscriptions.topics import Topics

DIGEST = "digest/"
SAID = "opinion/"
SAID_FOR = timedelta(days=90)
"""A second press on a link counts for nothing for so long."""
ORIGIN = "link"


class Opinion(StrEnum):
    """What a reader can say of a message."""

    USEFUL = "useful"
    NOT_FOR_US = "not_for_us"


def digest_of(content: LinkContent) -> Frequency | None:
    """The digest that an unsubscribe link ends; None for a link about a topic or about everything."""
    name = content.about.removeprefix(DIGEST)
    return Frequency(name) if content.about.startswith(DIGEST) and name in {"daily", "weekly"} else None


async def stop_by_link(
    session: AsyncSession, content: LinkContent, *, everything: bool = False, topics: Topics, clock: Clock
) -> bool:
    """End what a link is about: a topic, one rhythm of digests, or (``everything``) all that is not required.

    On the channel of its message only. Twice is no error. False where the topic is a duty of this reader, so that it
    goes on. Raises SubscriberNotFoundError for somebody who is gone.
    """
    await get_subscriber(session, content.subscriber_id)
    digest = digest_of(content)
    if digest is not None and not everything:
        await _stop_digest(session, content, digest, topics=topics, clock=clock)
        return True
    topic = None if everything or content.topic == ALL else content.topic
    if topic is not None and topic not in topics.facts:
        # It ended since.
        return True
    await unsubscribe(session, content.subscriber_id, topic, content.channel, topics=topics, clock=clock)
    states = await list_topic_states(session, content.subscriber_id, topics=topics)
    return not any(state.is_required and state.topic == topic for state in states)


async def take_back_stop(session: AsyncSession, content: LinkContent, *, topics: Topics, clock: Clock) -> None:
    """Undo what such a link did, while it is the last thing that was changed. Raises NothingToUndoError."""
    query = select(PreferenceChange).where(
        PreferenceChange.subscriber_id == content.subscriber_id, col(PreferenceChange.undone_at).is_(None)
    )
    last = (await session.exec(query.order_by(col(PreferenceChange.id).desc()))).first()
    if last is None or last.origin != ORIGIN:
        raise NothingToUndoError
    await undo_last(session, content.subscriber_id, topics=topics, clock=clock)


async def count_opinion(session: AsyncSession, topic: str, opinion: Opinion, *, topics: Topics, clock: Clock) -> None:
    """One more for a topic in this month, without a name. Raises TopicNotFoundError. Commits."""
    if topic not in topics.facts:
        raise TopicNotFoundError(id=topic)
    connection = await session.connection()
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    row = {"topic": topic, "month": clock.now().strftime("%Y-%m"), "opinion": opinion.value, "count": 1}
    statement = insert(TopicOpinion).values(row)
    raised = statement.on_conflict_do_update(
        index_elements=["topic", "month", "opinion"], set_={"count": col(TopicOpinion.count) + 1}
    )
    await connection.execute(raised)
    await session.commit()


async def count_opinion_once(
    session: AsyncSession, token: str, topic: str, opinion: Opinion, *, topics: Topics, clock: Clock
) -> bool:
    """Count what the link with this ``token`` says, the first time in 90 days, whichever process hears it. Commits.

    Only a hash of the token is kept. It is signed, so the database alone leads from it to no message and nobody.
    """
    if topic not in topics.facts:
        raise TopicNotFoundError(id=topic)
    now = clock.now()
    name = SAID + hashlib.sha256(token.encode()).hexdigest()[:40]
    # Each press is a holder of its own, so that only the first one gets it.
    if not await take_lease(session, name, holder=secrets.token_hex(8), until=now + SAID_FOR, now=now):
        return False
    await count_opinion(session, topic, opinion, topics=topics, clock=clock)
    return True


async def delete_said(session: AsyncSession, *, clock: Clock) -> int:
    """Forget which links said their opinion, once that is long ago; returns how many. Commits."""
    old = delete(Lease).where(col(Lease.name).startswith(SAID), col(Lease.until) <= clock.now())
    done = await (await session.connection()).execute(old)
    await session.commit()
    return done.rowcount


async def _stop_digest(
    session: AsyncSession, content: LinkContent, digest: Frequency, *, topics: Topics, clock: Clock
) -> None:
    """Nothing in this rhythm any more; what comes at once, or in another rhythm or channel, goes on."""
    states = await list_topic_states(session, content.subscriber_id, topics=topics)
    ending = [
        state
        for state in states
        if state.frequency is digest and state.channel is content.channel and not state.is_required
    ]
    edit: Edit = {"topics": {state.topic: TopicPreference(Frequency.OFF) for state in ending}}
    if any(state.said is Said.CHOICE for state in ending):
        # The choice would bring topics of the future in this rhythm too.
        kept = {
            state.topic: TopicPreference(state.frequency, state.channel)
            for state in states
            if state not in ending and not state.is_required and state.frequency is not Frequency.OFF
        }
        edit = {"choice": Choice.REQUIRED_ONLY, "topics": kept}
    await change_preferences(session, content.subscriber_id, edit, topics=topics, origin=ORIGIN, clock=clock)
