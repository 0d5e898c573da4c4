"""What the team should look at: a contact who left, named somebody else, or cannot be reached any more."""

from __future__ import annotations

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.models import TeamAlert


async def list_alerts(session: AsyncSession, *, limit: int = 200) -> list[TeamAlert]:
    """Those that nobody settled, newest first."""
    query = select(TeamAlert).where(col(TeamAlert.settled_at).is_(None)).order_by(col(TeamAlert.raised_at).desc())
    return list(await session.exec(query.limit(limit)))


async def settle_alert(session: AsyncSession, alert_id: int, operator_id: str, *, clock: Clock) -> None:
    """Somebody looked at it; twice is no error. Commits."""
    alert = await session.get(TeamAlert, alert_id)
    if alert is not None and alert.settled_at is None:
        alert.settled_at, alert.settled_by = clock.now(), operator_id
        session.add(alert)
        await session.commit()
