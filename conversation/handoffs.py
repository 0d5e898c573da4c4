"""A person takes over: questions passed on in their exact words, and answers that come back to the same chat."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import and_, delete, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from conversation.errors import HandoffAnsweredError, HandoffNotFoundError
from conversation.models import Handoff, HandoffStatus, LateReply
from core.clock import Clock, today
from core.erasures import note_erasures, of_sender
from subscriptions.answers import queue_answer

KEEP_ANSWERED = timedelta(days=180)
"""After the answer; until then somebody may ask again, and the team finds what it said."""
KEEP_OPEN = timedelta(days=365)
BY_MAIL = "subscriber"
"""``Handoff.channel`` of questions about a message; ``sender_key`` is the subscriber's id, to whom the answer goes."""


async def create_handoff(
    session: AsyncSession,
    *,
    channel: str,
    sender_key: str,
    language: str,
    question: str,
    subject: str | None,
    clock: Clock,
) -> Handoff:
    """Store the question. The same words of the same sender, while open, stay one."""
    same = select(Handoff).where(
        Handoff.sender_key == sender_key, Handoff.question == question, Handoff.status == HandoffStatus.OPEN
    )
    handoff = (await session.exec(same)).first()
    if handoff is None:
        handoff = Handoff(
            channel=channel,
            sender_key=sender_key,
            language=language,
            question=question,
            subject=subject,
            created_at=clock.now(),
        )
        session.add(handoff)
        await session.commit()
    return handoff


async def list_handoffs(session: AsyncSession, *, open_only: bool = True) -> list[Handoff]:
    """Questions for the team, oldest first."""
    query = select(Handoff).order_by(col(Handoff.id))
    if open_only:
        query = query.where(Handoff.status == HandoffStatus.OPEN)
    return list(await session.exec(query))


async def answer_handoff(session: AsyncSession, handoff_id: int, *, answer: str, clock: Clock) -> Handoff:
    """Write the answer and send it back to where it was asked: to the chat, or by mail to a subscriber.

    Raises HandoffNotFoundError, HandoffAnsweredError when somebody has answered already, and SubscriberNotFoundError
    when the subscriber is gone.
    """
    handoff = await session.get(Handoff, handoff_id, with_for_update=True)
    if handoff is None:
        raise HandoffNotFoundError(id=handoff_id)
    if handoff.status == HandoffStatus.ANSWERED:
        raise HandoffAnsweredError(id=handoff_id)
    handoff.status, handoff.answer, handoff.answered_at = HandoffStatus.ANSWERED, answer, clock.now()
    session.add(handoff)
    if handoff.channel == BY_MAIL:
        await queue_answer(
            session,
            handoff.sender_key,
            number=handoff_id,
            question=handoff.question,
            answer=answer,
            language=handoff.language,
            clock=clock,
        )
    else:
        session.add(
            LateReply(sender_key=handoff.sender_key, language=handoff.language, text=answer, created_at=clock.now())
        )
    await session.commit()
    return handoff


async def expire_handoffs(session: AsyncSession, clock: Clock) -> int:
    """Delete questions that were answered long ago, or that nobody answered in a year; commits. Returns how many."""
    now = clock.now()
    answered = col(Handoff.answered_at) <= now - KEEP_ANSWERED
    waited = and_(col(Handoff.status) == HandoffStatus.OPEN, col(Handoff.created_at) <= now - KEEP_OPEN)
    done = await (await session.connection()).execute(delete(Handoff).where(or_(answered, waited)))
    await session.commit()
    return done.rowcount


async def list_late_replies(session: AsyncSession, sender_key: str, *, after: int) -> list[LateReply]:
    """What came in for a chat since the late reply ``after``."""
    query = select(LateReply).where(LateReply.sender_key == sender_key, col(LateReply.id) > after)
    return list(await session.exec(query.order_by(col(LateReply.id)).limit(50)))


async def has_open_handoff(session: AsyncSession, sender_key: str) -> bool:
    """Whether a question of this chat waits for the team."""
    query = select(Handoff.id).where(Handoff.sender_key == sender_key, Handoff.status == HandoffStatus.OPEN)
    return (await session.exec(query)).first() is not None


async def drop_late_reply(session: AsyncSession, late_id: int) -> None:
    """Delete a late reply that was delivered; a second time is no error."""
    connection = await session.connection()
    await connection.execute(delete(LateReply).where(col(LateReply.id) == late_id))
    await session.commit()


async def list_questions_of(session: AsyncSession, sender_key: str) -> list[Handoff]:
    """What a sender asked the team, answered or not, oldest first."""
    query = select(Handoff).where(Handoff.sender_key == sender_key)
    return list(await session.exec(query.order_by(col(Handoff.id))))


async def forget_sender(session: AsyncSession, sender_key: str, *, clock: Clock) -> None:
    """Delete the questions of a chat, answered or not, and their answers; no backup brings them back."""
    connection = await session.connection()
    await connection.execute(delete(Handoff).where(col(Handoff.sender_key) == sender_key))
    await connection.execute(delete(LateReply).where(col(LateReply.sender_key) == sender_key))
    await note_erasures(connection, [of_sender(sender_key)], erased_on=today(clock))
    await session.commit()
