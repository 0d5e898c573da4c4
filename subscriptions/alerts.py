"""What the team should look at: a contact who left, named somebody else, or cannot be reached any more."""

from __future__ import annotations

from sqlalchemy import Select
from sqlalchemy import select as sql_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.models import Subscriber, TeamAlert

SUCCEEDED = "contact_succeeded"


async def list_alerts(session: AsyncSession, *, limit: int = 200) -> list[TeamAlert]:
    """Those that nobody settled, newest first."""
    query = select(TeamAlert).where(col(TeamAlert.settled_at).is_(None)).order_by(col(TeamAlert.raised_at).desc())
    return list(await session.exec(query.limit(limit)))


def select_unchecked_successors() -> Select[str | None]:
    """Ids of people who were named as successors, and whom the team has not looked at yet.

    A link that names a successor may have been passed on with its message. So who was named gets what a contact must
    not miss at once, and sees the file of the city once somebody of the team has settled the alert.
    """
    return (
        sql_select(col(Subscriber.succeeded_by))
        .join(TeamAlert, col(TeamAlert.subscriber_id) == col(Subscriber.id))
        .where(
            col(TeamAlert.kind) == SUCCEEDED,
            col(TeamAlert.settled_at).is_(None),
            col(Subscriber.succeeded_by).is_not(None),
        )
    )


async def settle_alert(session: AsyncSession, alert_id: int, operator_id: str, *, clock: Clock) -> None:
    """Somebody looked at it; twice is no error. Commits."""
    alert = await session.get(TeamAlert, alert_id)
    if alert is not None and alert.settled_at is None:
        alert.settled_at, alert.settled_by = clock.now(), operator_id
        session.add(alert)
        await session.commit()
