"""From draft to sending and back: schedule, release by a second person, pause, resume, cancel, correct, send again.

Each step changes the state in one statement that says which state it expects, since the scheduler may begin a broadcast
at the same moment. Functions commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CursorResult, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.leases import Lease, take_lease
from subscriptions.broadcasts.authors import Author, check, may_release, may_write
from subscriptions.broadcasts.drafts import (
    EDITABLE,
    Outline,
    create_draft,
    fingerprint,
    get_broadcast,
    get_for_change,
    list_texts,
)
from subscriptions.broadcasts.errors import (
    BroadcastChangedError,
    BroadcastLockedError,
    BroadcastUnfinishedError,
    FieldWrongError,
    SamePersonError,
    UrgentTooSoonError,
)
from subscriptions.broadcasts.texts import DUTIES
from subscriptions.models import (
    Attachment,
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    BroadcastText,
    Delivery,
    DeliveryStatus,
    DigestItem,
    TextState,
)
from subscriptions.placing import OPEN
from subscriptions.rules import Message, is_mandatory
from subscriptions.subscribers import new_id
from subscriptions.topics import Topics

BETWEEN_URGENT = timedelta(days=7)
URGENT_LEASE = "urgent_broadcast"
UNAPPROVED_DUTY = {"check": "duty"}
BEGUN = frozenset({BroadcastStatus.SENDING, BroadcastStatus.PAUSED, BroadcastStatus.SENT})
FAILED = (DeliveryStatus.FAILED, DeliveryStatus.BOUNCED, DeliveryStatus.SUPPRESSED)


class Obstacle(StrEnum):
    """Why a broadcast cannot be scheduled yet."""

    NO_TEXT = "no_text"
    NO_TOPIC = "no_topic"
    NO_REASON = "no_reason"
    NO_APPROVER = "no_approver"
    """A machine's draft that nobody was asked to check."""
    NOT_APPROVED = "not_approved"
    """A translation of a duty that a person wrote and nobody approved."""
    TEXT_OUTDATED = "text_outdated"
    """The original changed after a person wrote or approved this text."""
    CLOSES_BEFORE = "closes_before"
    """Registration closes before it goes."""
    TEXTS_AFTER = "texts_after"
    """The texts are due after it goes."""


def needs_second_person(broadcast: Broadcast, topics: Topics) -> bool:
    """Whether two people must release it: what contacts get without asking, by kind or by topic, and what is urgent."""
    message = Message(
        kind=BroadcastKind(broadcast.kind),
        topics_any=tuple(broadcast.topics_any),
        topics_all=tuple(broadcast.topics_all),
        mandatory_topics=topics.mandatory,
        has_event=broadcast.event_id is not None,
    )
    return is_mandatory(message)


def find_obstacles(
    broadcast: Broadcast, texts: Mapping[str, BroadcastText], *, at: datetime, is_duty: bool
) -> list[Obstacle]:
    """What is missing before it can go at a time. ``is_duty``: what ``needs_second_person`` says of it."""
    translations = [text for text in texts.values() if text.language != broadcast.original_language]
    drafts = [text for text in translations if text.state == TextState.MACHINE_DRAFT]
    found = {
        Obstacle.NO_TEXT: broadcast.original_language not in texts,
        Obstacle.NO_TOPIC: broadcast.kind in {BroadcastKind.NEWS, BroadcastKind.URGENT, BroadcastKind.EVENT}
        and not (broadcast.topics_any or broadcast.topics_all),
        Obstacle.NO_REASON: broadcast.kind in DUTIES and not broadcast.reason,
        Obstacle.NO_APPROVER: any(text.approver is None for text in drafts),
        Obstacle.NOT_APPROVED: is_duty and any(text.state == TextState.WRITTEN for text in translations),
        Obstacle.TEXT_OUTDATED: any(text.state == TextState.WRITTEN and text.problems for text in translations),
        Obstacle.CLOSES_BEFORE: broadcast.closes_at is not None and broadcast.closes_at <= at,
        Obstacle.TEXTS_AFTER: bool(drafts) and broadcast.texts_due_at is not None and broadcast.texts_due_at > at,
    }
    return [obstacle for obstacle, is_there in found.items() if is_there]


async def schedule(
    session: AsyncSession,
    author: Author,
    broadcast_id: str,
    *,
    at: datetime | None,
    time_zone: str,
    topics: Topics,
    clock: Clock,
    seen: str | None = None,
) -> Broadcast:
    """Let it go at a time; None: now. What needs a second person waits for them; urgent ones go at once then.

    Raises BroadcastUnfinishedError with everything that is missing.
    """
    broadcast = await get_for_change(session, author, broadcast_id, seen=seen)
    now, texts = clock.now(), await list_texts(session, broadcast_id)
    due_at = now if at is None or broadcast.kind == BroadcastKind.URGENT else at
    if due_at < now - timedelta(minutes=5):
        raise FieldWrongError(field="due_at")
    is_duty = needs_second_person(broadcast, topics)
    if obstacles := find_obstacles(broadcast, texts, at=due_at, is_duty=is_duty):
        raise BroadcastUnfinishedError(obstacles=obstacles)
    if broadcast.kind == BroadcastKind.URGENT:
        await _check_week(session, broadcast_id, now)
    broadcast.due_at, broadcast.time_zone = due_at, time_zone
    broadcast.approved_by = [author.id]
    broadcast.status = BroadcastStatus.IN_REVIEW if is_duty else BroadcastStatus.SCHEDULED
    _keep_drafts_back(session, texts, is_duty=is_duty)
    if not is_duty and broadcast.corrects:
        await _withdraw(session, broadcast.corrects, now)
    session.add(broadcast)
    await session.commit()
    return broadcast


async def release(session: AsyncSession, author: Author, broadcast_id: str, *, seen: str, clock: Clock) -> Broadcast:
    """The second person lets it go, as they saw it. Raises SamePersonError, UrgentTooSoonError."""
    broadcast = await get_broadcast(session, broadcast_id, lock=True)
    check(may_release(author))
    if broadcast.status != BroadcastStatus.IN_REVIEW:
        raise BroadcastLockedError(status=broadcast.status)
    if seen != await fingerprint(session, broadcast):
        raise BroadcastChangedError
    if author.id in broadcast.approved_by:
        raise SamePersonError
    now = clock.now()
    due_at = now if broadcast.kind == BroadcastKind.URGENT else max(broadcast.due_at or now, now)
    approved_by, corrects = [*broadcast.approved_by, author.id], broadcast.corrects
    # Nothing else waits for a second person.
    if obstacles := find_obstacles(broadcast, await list_texts(session, broadcast_id), at=due_at, is_duty=True):
        raise BroadcastUnfinishedError(obstacles=obstacles)
    if broadcast.kind == BroadcastKind.URGENT:
        await _check_week(session, broadcast_id, now)
        until = now + BETWEEN_URGENT
        if not await take_lease(session, URGENT_LEASE, holder=broadcast_id, until=until, now=now):
            # Another one was released at this moment.
            raise UrgentTooSoonError(at=until)
    values = {"status": BroadcastStatus.SCHEDULED, "approved_by": approved_by, "due_at": due_at}
    if not await _move(session, broadcast_id, {BroadcastStatus.IN_REVIEW}, **values):
        raise BroadcastChangedError
    if corrects:
        await _withdraw(session, corrects, now)
    await session.commit()
    return await get_broadcast(session, broadcast_id)


async def take_back(session: AsyncSession, author: Author, broadcast_id: str) -> None:
    """Make it a draft again, as long as it has not begun."""
    await _stop(session, author, broadcast_id, {BroadcastStatus.SCHEDULED, BroadcastStatus.IN_REVIEW}, {
        "status": BroadcastStatus.DRAFT, "approved_by": [], "due_at": None,
    })  # fmt: skip


async def pause(session: AsyncSession, author: Author, broadcast_id: str) -> None:
    """Hold what has not gone, digests included, until it is resumed."""
    states = {BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING, BroadcastStatus.SENT}
    await _stop(session, author, broadcast_id, states, {"status": BroadcastStatus.PAUSED})


async def resume(session: AsyncSession, author: Author, broadcast_id: str) -> None:
    """Go on where it was paused; what was due meanwhile goes now."""
    broadcast = await get_broadcast(session, broadcast_id, lock=True)
    if broadcast.finished_at is not None:
        status = BroadcastStatus.SENT
    elif broadcast.expanded_to is not None or broadcast.expanded_at is not None:
        status = BroadcastStatus.SENDING
    else:
        status = BroadcastStatus.SCHEDULED
    await _stop(session, author, broadcast_id, {BroadcastStatus.PAUSED}, {"status": status})


async def cancel(session: AsyncSession, author: Author, broadcast_id: str, *, clock: Clock) -> None:
    """Send nothing more of it. What has gone has gone: correct it."""
    states = set(BroadcastStatus) - {BroadcastStatus.CANCELLED}
    await _stop(session, author, broadcast_id, states, {"status": BroadcastStatus.CANCELLED})
    await _end_rest(session, broadcast_id, clock.now())
    await session.commit()


async def correct(
    session: AsyncSession,
    author: Author,
    broadcast_id: str,
    *,
    subjects: Mapping[str, str],
    topics: Topics,
    clock: Clock,
) -> Broadcast:
    """A draft that corrects this one: the same topics, audience, texts and files, under ``subjects`` by language.

    The wrong one is held at once; when the correction is released, what is left of it is cancelled.
    """
    broadcast = await get_broadcast(session, broadcast_id)
    check(may_write(author, broadcast))
    if broadcast.status not in BEGUN | {BroadcastStatus.SCHEDULED}:
        raise BroadcastLockedError(status=broadcast.status)
    if broadcast.status != BroadcastStatus.PAUSED:
        await pause(session, author, broadcast_id)
    broadcast = await get_broadcast(session, broadcast_id)
    texts = await list_texts(session, broadcast_id)
    # A second urgent message within a week is not sent; its correction goes as a mandatory notice.
    kind = BroadcastKind.MANDATORY if broadcast.kind == BroadcastKind.URGENT else BroadcastKind(broadcast.kind)
    outline = Outline(
        kind=kind,
        original_language=broadcast.original_language,
        topics_any=broadcast.topics_any,
        topics_all=broadcast.topics_all,
        audience=broadcast.audience,
        reason=broadcast.reason or "",
        closes_at=broadcast.closes_at,
        time_zone=broadcast.time_zone,
        texts_due_at=broadcast.texts_due_at,
    )
    draft = await create_draft(
        session, author, outline, topics=topics, clock=clock, event_id=broadcast.event_id, corrects=broadcast_id
    )
    for text in texts.values():
        state = TextState.WRITTEN if text.state == TextState.APPROVED else TextState(text.state)
        copied = BroadcastText(
            broadcast_id=draft.id,
            language=text.language,
            state=state,
            subject=subjects.get(text.language, text.subject)[:300],
            body=text.body,
            approver=text.approver,
            changed_at=clock.now(),
        )
        session.add(copied)
    await _copy_files(session, broadcast_id, draft.id)
    await session.commit()
    return await get_broadcast(session, draft.id)


async def _copy_files(session: AsyncSession, broadcast_id: str, to: str) -> None:
    """One after the other, since each may have some megabytes."""
    query = select(Attachment.id).where(Attachment.broadcast_id == broadcast_id).order_by(col(Attachment.id))
    for attachment_id in list(await session.exec(query)):
        file = await session.get_one(Attachment, attachment_id)
        session.add(
            Attachment(id=new_id(), broadcast_id=to, name=file.name, media_type=file.media_type, content=file.content)
        )


async def send_again(session: AsyncSession, author: Author, broadcast_id: str, *, clock: Clock) -> int:
    """Queue it anew for those whom it did not reach, and for nobody else; returns how many.

    The rules decide again when it is sent, so an address that is still struck off gets nothing.
    """
    broadcast = await get_broadcast(session, broadcast_id, lock=True)
    check(may_write(author, broadcast))
    if broadcast.status not in {BroadcastStatus.SENT, BroadcastStatus.SENDING}:
        raise BroadcastLockedError(status=broadcast.status)
    got = select(col(Delivery.subscriber_id)).where(
        Delivery.broadcast_id == broadcast_id, col(Delivery.status).not_in([*FAILED, DeliveryStatus.CANCELLED])
    )
    digest = select(col(DigestItem.subscriber_id)).where(
        DigestItem.broadcast_id == broadcast_id, col(DigestItem.dropped_at).is_(None)
    )
    again = (
        update(Delivery)
        .where(
            col(Delivery.broadcast_id) == broadcast_id,
            col(Delivery.status).in_(FAILED),
            col(Delivery.subscriber_id).not_in(got),
            col(Delivery.subscriber_id).not_in(digest),
        )
        .values(
            status=DeliveryStatus.QUEUED, due_at=clock.now(), attempts=0, reason=None, finished_at=None,
            lease_until=None, holder=None,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    done = await session.exec(again)
    assert isinstance(done, CursorResult)
    if done.rowcount and broadcast.status == BroadcastStatus.SENT:
        await _move(session, broadcast_id, {BroadcastStatus.SENT}, status=BroadcastStatus.SENDING, finished_at=None)
    await session.commit()
    return done.rowcount


async def _check_week(session: AsyncSession, broadcast_id: str, now: datetime) -> None:
    lease = await session.get(Lease, URGENT_LEASE, populate_existing=True)
    if lease is not None and lease.until > now and lease.holder != broadcast_id:
        raise UrgentTooSoonError(at=lease.until)


def _keep_drafts_back(session: AsyncSession, texts: Mapping[str, BroadcastText], *, is_duty: bool) -> None:
    """Duties are told in words that somebody approved, or in the original, so a draft that is not never goes."""
    for text in texts.values():
        if text.state == TextState.MACHINE_DRAFT:
            others = [problem for problem in text.problems if problem != UNAPPROVED_DUTY]
            text.problems = [*others, dict(UNAPPROVED_DUTY)] if is_duty else others
            session.add(text)


async def _stop(
    session: AsyncSession,
    author: Author,
    broadcast_id: str,
    expected: set[BroadcastStatus],
    values: Mapping[str, Any],
) -> None:
    broadcast = await get_broadcast(session, broadcast_id)
    check(may_write(author, broadcast))
    if not await _move(session, broadcast_id, expected, **values):
        raise BroadcastLockedError(status=(await get_broadcast(session, broadcast_id)).status)
    await session.commit()


async def _move(
    session: AsyncSession, broadcast_id: str, expected: Sequence[BroadcastStatus] | set[BroadcastStatus], **values: Any
) -> bool:
    moved = (
        update(Broadcast)
        .where(col(Broadcast.id) == broadcast_id, col(Broadcast.status).in_(expected))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    done = await session.exec(moved)
    assert isinstance(done, CursorResult)
    return bool(done.rowcount)


async def _withdraw(session: AsyncSession, broadcast_id: str, now: datetime) -> None:
    """End what is left of a broadcast that another one corrects. One that reached its last mail stays sent."""
    await _end_rest(session, broadcast_id, now)
    finished = col(Broadcast.finished_at).is_not(None)
    sent = update(Broadcast).where(col(Broadcast.id) == broadcast_id, finished)
    await session.exec(sent.values(status=BroadcastStatus.SENT).execution_options(synchronize_session=False))
    states = set(BroadcastStatus) - {BroadcastStatus.SENT, BroadcastStatus.CANCELLED}
    await _move(session, broadcast_id, states, status=BroadcastStatus.CANCELLED)


async def _end_rest(session: AsyncSession, broadcast_id: str, now: datetime) -> None:
    rows = update(Delivery).where(col(Delivery.broadcast_id) == broadcast_id, col(Delivery.status).in_(OPEN))
    items = update(DigestItem).where(
        col(DigestItem.broadcast_id) == broadcast_id,
        col(DigestItem.sent_in).is_(None),
        col(DigestItem.dropped_at).is_(None),
    )
    ended = {"status": DeliveryStatus.CANCELLED, "finished_at": now, "reason": "broadcast_cancelled"}
    await session.exec(rows.values(**ended, lease_until=None).execution_options(synchronize_session=False))
    await session.exec(items.values(dropped_at=now).execution_options(synchronize_session=False))


__all__ = [
    "EDITABLE", "Obstacle", "cancel", "correct", "find_obstacles", "needs_second_person", "pause",
    "release", "resume", "schedule", "send_again", "take_back",
]  # fmt: skip
