"""What people told a desk and what it changed, by period, shown behind every open receipt (``returning``)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.languages import RELEASED
from reports.audit import Act, record
from reports.errors import NewsIncompleteError
from reports.models import DeskNews
from reports.periods import Period
from reports.signed_in import SignedIn

LONGEST = 2000


async def publish_news(
    session: AsyncSession, signed_in: SignedIn, period: Period, texts: Mapping[str, str], *, clock: Clock
) -> DeskNews:
    """Publish the news of a period, or put other words in their place; commits.

    Raises NewsIncompleteError when a released language lacks its text: who cannot read the others would get nothing.
    """
    said = {code: texts.get(code, "").strip() for code in RELEASED}
    lacks = [code for code, text in said.items() if not text or len(text) > LONGEST]
    if lacks:
        raise NewsIncompleteError(languages=lacks)
    news = await find_news(session, signed_in.desk.id, period)
    news = news or DeskNews(desk_id=signed_in.desk.id, period=str(period), published_at=clock.now())
    news.texts, news.published_at = said, clock.now()
    session.add(news)
    record(session, Act.NEWS_PUBLISHED, desk_id=news.desk_id, officer_id=signed_in.officer.id, clock=clock)
    await session.commit()
    return news


async def withdraw_news(session: AsyncSession, signed_in: SignedIn, period: Period, *, clock: Clock) -> None:
    """Take the news of a period back; commits. Doing it twice changes nothing."""
    news = await find_news(session, signed_in.desk.id, period)
    if news is not None:
        await session.delete(news)
        record(session, Act.NEWS_WITHDRAWN, desk_id=news.desk_id, officer_id=signed_in.officer.id, clock=clock)
    await session.commit()


async def find_news(session: AsyncSession, desk_id: str, period: Period) -> DeskNews | None:
    """What the desk published for a period."""
    query = select(DeskNews).where(DeskNews.desk_id == desk_id, DeskNews.period == str(period))
    return (await session.exec(query)).first()


async def list_news(session: AsyncSession, desk_id: str) -> list[DeskNews]:
    """Everything the desk published, the newest first."""
    query = select(DeskNews).where(DeskNews.desk_id == desk_id).order_by(col(DeskNews.published_at).desc())
    return list(await session.exec(query))
