"""A broadcast before it goes: whom it is for, what it is, when its registration closes.

Every change is made by somebody who saw what they change: pages carry a fingerprint of what they showed. Functions that
write commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock, time_zones
from core.languages import LANGUAGES, SOURCE_LANGUAGE
from subscriptions.broadcasts.authors import NETWORK, NETWORK_KINDS, RELEASERS, WRITERS, Author, check, may_write
from subscriptions.broadcasts.errors import BroadcastChangedError, BroadcastLockedError, FieldWrongError
from subscriptions.errors import BroadcastNotFoundError
from subscriptions.models import (
    Attachment,
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    BroadcastText,
    Role,
)
from subscriptions.subscribers import new_id
from subscriptions.topics import Topics

WRITTEN_KINDS = (BroadcastKind.NEWS, BroadcastKind.MANDATORY, BroadcastKind.URGENT)
"""Kinds that are chosen in the composer; those of events are set by the event."""
EDITABLE = frozenset({BroadcastStatus.DRAFT, BroadcastStatus.IN_REVIEW})
FILTERS = ("countries", "cities", "networks", "roles")
LONGEST_REASON = 400
MOST_CHOSEN = 300


@dataclass(frozen=True, slots=True)
class Outline:
    """What a broadcast is, but for its words."""

    kind: BroadcastKind = BroadcastKind.NEWS
    original_language: str = SOURCE_LANGUAGE
    topics_any: Sequence[str] = ()
    topics_all: Sequence[str] = ()
    audience: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By filter (``FILTERS``); an empty one is no filter."""
    reason: str = ""
    closes_at: datetime | None = None
    texts_due_at: datetime | None = None
    time_zone: str = "Europe/Brussels"


@dataclass(frozen=True, slots=True)
class Listed:
    """A broadcast with the words by which people know it."""

    broadcast: Broadcast
    subject: str


async def create_draft(
    session: AsyncSession,
    author: Author,
    outline: Outline,
    *,
    topics: Topics,
    clock: Clock,
    event_id: str | None = None,
    corrects: str | None = None,
) -> Broadcast:
    """A new draft. With an event its kind may be one of an event's, and stays."""
    check(author.role in WRITERS or (author.role == NETWORK and bool(author.network)))
    draft = Broadcast(
        id=new_id(),
        kind=outline.kind,
        status=BroadcastStatus.DRAFT,
        event_id=event_id,
        corrects=corrects,
        created_by=author.id,
        created_at=clock.now(),
    )
    _apply(draft, author, outline, topics, is_new=True)
    session.add(draft)
    await session.commit()
    return draft


async def update_draft(
    session: AsyncSession, author: Author, broadcast_id: str, outline: Outline, *, topics: Topics, seen: str
) -> Broadcast:
    """Change what a draft is. What one person released waits for the first release again."""
    broadcast = await get_for_change(session, author, broadcast_id, seen=seen)
    _apply(broadcast, author, outline, topics)
    unrelease(broadcast)
    session.add(broadcast)
    await session.commit()
    return broadcast


async def get_broadcast(session: AsyncSession, broadcast_id: str, *, lock: bool = False) -> Broadcast:
    """The broadcast as it is now. Raises BroadcastNotFoundError."""
    query = select(Broadcast).where(Broadcast.id == broadcast_id)
    found = await session.exec(
        query.with_for_update() if lock else query, execution_options={"populate_existing": True}
    )
    broadcast = found.first()
    if broadcast is None:
        raise BroadcastNotFoundError(id=broadcast_id)
    return broadcast


async def get_for_change(
    session: AsyncSession, author: Author, broadcast_id: str, *, seen: str | None = None
) -> Broadcast:
    """A draft that this person may change, kept from others until the commit, and still as they saw it."""
    broadcast = await get_broadcast(session, broadcast_id, lock=True)
    check(may_write(author, broadcast))
    if broadcast.status not in EDITABLE:
        raise BroadcastLockedError(status=broadcast.status)
    if seen is not None and seen != await fingerprint(session, broadcast):
        raise BroadcastChangedError
    return broadcast


async def list_texts(session: AsyncSession, broadcast_id: str) -> dict[str, BroadcastText]:
    """The texts of a broadcast by language, by code."""
    query = select(BroadcastText).where(BroadcastText.broadcast_id == broadcast_id)
    found = await session.exec(
        query.order_by(col(BroadcastText.language)), execution_options={"populate_existing": True}
    )
    return {text.language: text for text in found}


async def list_broadcasts(
    session: AsyncSession, author: Author, *, statuses: Sequence[BroadcastStatus] = (), limit: int = 200
) -> list[Listed]:
    """What this person may see, newest first, each with the subject of its original."""
    query = (
        select(Broadcast, BroadcastText.subject)
        .outerjoin(
            BroadcastText,
            (col(BroadcastText.broadcast_id) == col(Broadcast.id))
            & (col(BroadcastText.language) == col(Broadcast.original_language)),
        )
        .order_by(col(Broadcast.created_at).desc())
    )
    if statuses:
        query = query.where(col(Broadcast.status).in_(statuses))
    found = [Listed(broadcast, subject or "") for broadcast, subject in await session.exec(query.limit(limit * 5))]
    if author.role not in RELEASERS:
        found = [one for one in found if may_write(author, one.broadcast)]
    return found[:limit]


async def fingerprint(session: AsyncSession, broadcast: Broadcast) -> str:
    """Changes with everything that readers get, or that decides who gets it and when."""
    texts = await list_texts(session, broadcast.id)
    files = await session.exec(select(Attachment.id).where(Attachment.broadcast_id == broadcast.id))
    content = broadcast.model_dump(
        mode="json",
        include={
            "kind", "status", "original_language", "topics_any", "topics_all", "audience", "reason", "closes_at",
            "due_at", "time_zone", "texts_due_at", "approved_by",
        },
    )  # fmt: skip
    content["texts"] = [[text.language, text.state, text.subject, text.body] for text in texts.values()]
    content["files"] = sorted(files)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def unrelease(broadcast: Broadcast) -> None:
    """It was changed, so nobody released it as it is now."""
    broadcast.approved_by = []
    broadcast.status = BroadcastStatus.DRAFT


def _apply(broadcast: Broadcast, author: Author, outline: Outline, topics: Topics, *, is_new: bool = False) -> None:
    if broadcast.event_id is None:
        if outline.kind not in WRITTEN_KINDS:
            raise FieldWrongError(field="kind")
        broadcast.kind = outline.kind
    elif not is_new:
        # An invitation stays one, whatever a form says.
        outline = _of_kind(outline, BroadcastKind(broadcast.kind))
    check(author.role != NETWORK or outline.kind in NETWORK_KINDS)
    for topic in (*outline.topics_any, *outline.topics_all):
        topics.get(topic)
    for name, known in (("original_language", LANGUAGES), ("time_zone", time_zones())):
        if getattr(outline, name) not in known:
            raise FieldWrongError(field=name)
    if not is_new and broadcast.original_language != outline.original_language:
        raise FieldWrongError(field="original_language")
    if len(outline.reason) > LONGEST_REASON:
        raise FieldWrongError(field="reason")
    broadcast.original_language, broadcast.time_zone = outline.original_language, outline.time_zone
    broadcast.topics_any = list(dict.fromkeys(outline.topics_any))
    broadcast.topics_all = list(dict.fromkeys(outline.topics_all))
    broadcast.audience = _audience(author, outline.audience)
    broadcast.reason = outline.reason.strip() or None
    broadcast.closes_at, broadcast.texts_due_at = outline.closes_at, outline.texts_due_at


def _of_kind(outline: Outline, kind: BroadcastKind) -> Outline:
    values = {name: getattr(outline, name) for name in outline.__dataclass_fields__}
    return Outline(**(values | {"kind": kind}))


def _audience(author: Author, wanted: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    audience = {name: list(dict.fromkeys(values)) for name, values in wanted.items() if values}
    if set(audience) - {*FILTERS, "subscribers"} or any(len(values) > MOST_CHOSEN for values in audience.values()):
        raise FieldWrongError(field="audience")
    if not set(audience.get("roles", ())) <= set(Role):
        raise FieldWrongError(field="roles")
    if author.role == NETWORK:
        audience["networks"] = [author.network or ""]
    return audience
