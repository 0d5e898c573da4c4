"""Where mail goes while no mail server is set: into a table, for the back office to show and to follow its links."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Collection
from datetime import timedelta
from email.message import EmailMessage

from sqlalchemy import CursorResult, delete, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.email.models import OutboxMail
from core.clock import Clock, today
from core.database import Database
from core.erasures import erasure_hash, note_erasures

KEEP = timedelta(days=30)
MOST_SUBJECT = 300


class Outbox:
    """A ``MailCarrier`` that keeps each mail instead of sending it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def deliver(self, sender: str, recipient: str, content: bytes) -> None:
        """Keep the mail; the same mail again changes nothing."""
        mail = read_mail(content)
        row = OutboxMail(
            id=str(mail["Message-ID"]).strip()[:120],
            recipient=recipient,
            subject=str(mail["Subject"])[:MOST_SUBJECT],
            content=content,
            written_at=self._clock.now(),
        )
        async with self._database.session() as session:
            session.add(row)
            try:
                await session.commit()
            except IntegrityError:
                await session.rollback()

    async def close(self) -> None:
        """Nothing is open."""


async def list_outbox(session: AsyncSession, *, limit: int = 100, before: str | None = None) -> list[OutboxMail]:
    """The newest mails first, older than the one with the id ``before``."""
    statement = select(OutboxMail).order_by(col(OutboxMail.written_at).desc(), col(OutboxMail.id).desc()).limit(limit)
    last = await session.get(OutboxMail, before) if before else None
    if last is not None:
        is_older = (col(OutboxMail.written_at) < last.written_at) | (
            (col(OutboxMail.written_at) == last.written_at) & (col(OutboxMail.id) < last.id)
        )
        statement = statement.where(is_older)
    return list(await session.exec(statement))


async def list_mail_of(session: AsyncSession, recipients: Collection[str]) -> list[OutboxMail]:
    """All mail that is kept for these addresses, the oldest first."""
    query = select(OutboxMail).where(func.lower(OutboxMail.recipient).in_([one.lower() for one in recipients]))
    return list(await session.exec(query.order_by(col(OutboxMail.written_at))))


def erasure_of_mail(mail_id: str) -> str:
    """What is kept of a mail that was erased."""
    return erasure_hash("mail", mail_id)


async def forget_mail_of(session: AsyncSession, recipients: Collection[str], *, clock: Clock) -> None:
    """Delete all mail that is kept for these addresses, so that no backup brings it back; commits."""
    theirs = func.lower(OutboxMail.recipient).in_([one.lower() for one in recipients])
    connection = await session.connection()
    gone = (await connection.execute(delete(OutboxMail).where(theirs).returning(col(OutboxMail.id)))).scalars()
    await note_erasures(connection, [erasure_of_mail(name) for name in gone], erased_on=today(clock))
    await session.commit()


async def expire_outbox(session: AsyncSession, clock: Clock) -> int:
    """Delete what is past its time; commits and returns the count."""
    gone = await session.exec(delete(OutboxMail).where(col(OutboxMail.written_at) < clock.now() - KEEP))
    assert isinstance(gone, CursorResult)
    await session.commit()
    return gone.rowcount


def read_mail(content: bytes) -> EmailMessage:
    """A finished mail, to look into."""
    return email.message_from_bytes(content, policy=email.policy.default)
