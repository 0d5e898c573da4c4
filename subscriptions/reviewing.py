"""Looks at a message that holds other things once more before it goes: is each of them still right to tell?

For digests, for what a pause withheld, and for reminders. A choice that was made since, a broadcast that was cancelled
since, a duty that was done since: all count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.digests import Wanted, list_parts, tell_cause
from subscriptions.jobs import list_joinable
from subscriptions.models import Delivery, DigestItem, DueDate
from subscriptions.reasons import kind_of
from subscriptions.rechecking import list_wanted_items
from subscriptions.rules import Decision, Outcome
from subscriptions.topics import Topics


async def review(
    session: AsyncSession,
    deliveries: Sequence[Delivery],
    decisions: Mapping[str, Decision],
    *,
    topics: Topics,
    now: datetime,
) -> set[str]:
    """Take out of claimed deliveries what is not to be told any more; returns the ids of those that say nothing then.

    What leaves a digest goes where it belongs now: it waits on, goes alone, or was missed through a pause. The caller
    commits.
    """
    kinds = {row.id: kind_of(row.message) for row in deliveries}
    digests = [row for row in deliveries if kinds[row.id] == "digest"]
    emptied = await _review_digests(session, digests, topics=topics, now=now) if digests else set()
    for row in deliveries:
        decision = decisions.get(row.id)
        if decision is None or decision.outcome is not Outcome.SEND:
            continue
        if kinds[row.id] == "missed":
            emptied |= await _review_missed(session, row, topics=topics, now=now)
        elif kinds[row.id] == "reminder" and not await _is_still_due(session, row):
            emptied.add(row.id)
    return emptied


async def _review_digests(
    session: AsyncSession, rows: Sequence[Delivery], *, topics: Topics, now: datetime
) -> set[str]:
    items = list(await session.exec(select(DigestItem).where(col(DigestItem.sent_in).in_([row.id for row in rows]))))
    inside = {(item.subscriber_id, item.broadcast_id): item.sent_in for item in items}
    for item in items:
        item.sent_in = None
        session.add(item)
    channels = {row.id: row.channel for row in rows}
    kept: dict[str, list[Wanted]] = defaultdict(list)
    for item, cause, channel in await list_wanted_items(session, items, topics=topics, now=now):
        delivery_id = inside[item.subscriber_id, item.broadcast_id] or ""
        # One for another channel waits for the next look at what is due, which is a moment away.
        if channels[delivery_id] == channel:
            item.sent_in = delivery_id
            kept[delivery_id].append((item, cause, channel))
    for row in rows:
        parts = {**row.parts, "items": list_parts(kept[row.id], topics)}
        because = tell_cause(kept[row.id], str(row.parts.get("frequency", "")))
        if kept[row.id] and (parts, because) != (row.parts, row.because):
            row.parts, row.because = parts, because
            session.add(row)
    return {row.id for row in rows if not kept[row.id]}


async def _review_missed(session: AsyncSession, row: Delivery, *, topics: Topics, now: datetime) -> set[str]:
    named = [str(name) for name in row.parts.get("missed", [])]
    joinable = await list_joinable(session, row.subscriber_id, named, topics=topics, now=now)
    kept = [name for name in named if name in joinable]
    if not kept:
        return {row.id}
    if kept != named:
        row.parts = {**row.parts, "missed": kept}
        session.add(row)
    return set()


async def _is_still_due(session: AsyncSession, row: Delivery) -> bool:
    """Whether the day that a reminder names still stands, and nobody has said that it is done."""
    due = await session.get(DueDate, int(row.parts.get("due") or 0), populate_existing=True)
    return due is not None and due.done_on is None and due.due_on == date.fromisoformat(str(row.parts["due_on"]))
