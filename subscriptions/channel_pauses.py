"""Channels that deliver to nobody now: left alone for a while, longer each time, and shown to the team."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.models import ChannelPause

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)


async def pause_channel(
    session: AsyncSession, channel: str, *, reason: str, now: datetime, at_least: timedelta = FIRST_PAUSE
) -> datetime:
    """Leave a channel alone; returns until when. Commits.

    Many messages fail at once when a channel goes away: within a pause, the others change nothing.
    """
    begun = (
        update(ChannelPause)
        .where(col(ChannelPause.channel) == channel, col(ChannelPause.until) <= now)
        .values(failures=col(ChannelPause.failures) + 1, until=now + at_least, reason=reason[:120])
        .returning(col(ChannelPause.failures))
        .execution_options(synchronize_session=False)
    )
    failures: int | None = (await session.exec(begun)).scalar()
    if failures is not None:
        longest = min(FIRST_PAUSE * float(2 ** min(failures - 1, 10)), LONGEST_PAUSE)
        until = now + max(longest, at_least)
        longer = update(ChannelPause).where(col(ChannelPause.channel) == channel).values(until=until)
        await session.exec(longer.execution_options(synchronize_session=False))
        await session.commit()
        return until
    found = await session.get(ChannelPause, channel, populate_existing=True)
    if found is not None:
        until = found.until
        await session.rollback()
        return until
    until = now + at_least
    session.add(ChannelPause(channel=channel, until=until, since=now, reason=reason[:120]))
    try:
        await session.commit()
    except IntegrityError:
        # Another process was faster.
        await session.rollback()
    return until


async def resume_channel(session: AsyncSession, channel: str) -> None:
    """It delivers again. Commits."""
    await session.exec(delete(ChannelPause).where(col(ChannelPause.channel) == channel))
    await session.commit()
