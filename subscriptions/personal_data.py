"""A person's own data: everything that is kept of them, for themselves; and its end, by themselves."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock, today
from core.erasures import erasure_hash, note_erasures
from subscriptions.models import (
    Address,
    ChannelName,
    Confirmation,
    Delivery,
    DeliveryStatus,
    DigestItem,
    Guest,
    Missed,
    PreferenceChange,
    Subscription,
    TeamAlert,
)
from subscriptions.placing import OPEN
from subscriptions.subscribers import get_subscriber, raise_alert

_OWNED: tuple[type[SQLModel], ...] = (Address, Subscription, PreferenceChange, Guest, DigestItem, Missed, Delivery)


async def export_person(session: AsyncSession, subscriber_id: str) -> dict[str, Any]:
    """All that is kept of a person, by table, ready for JSON; links that would open something are not in it."""
    subscriber = await get_subscriber(session, subscriber_id)
    data: dict[str, Any] = {"subscriber": _plain(subscriber)}
    for model in _OWNED:
        rows = await session.exec(select(model).where(model.subscriber_id == subscriber_id))  # type: ignore[attr-defined]
        data[str(model.__tablename__)] = [_plain(row) for row in rows]
    for delivery in data["delivery"]:
        delivery.pop("parts")
    return data


async def list_mail_addresses(session: AsyncSession, subscriber_id: str) -> set[str]:
    """Every address that mail to a person went to, as far as it is kept: also one that was never confirmed."""
    own = select(Address.value).where(Address.subscriber_id == subscriber_id, Address.channel == ChannelName.EMAIL)
    asked = select(Confirmation.value).where(Confirmation.subscriber_id == subscriber_id)
    sent = select(Delivery.parts).where(Delivery.subscriber_id == subscriber_id)
    found = [*(await session.exec(own)), *(await session.exec(asked))]
    found += [str(parts.get("to") or "") for parts in await session.exec(sent)]
    return {value for value in found if value}


async def erase_person(session: AsyncSession, subscriber_id: str, *, clock: Clock) -> None:
    """Delete a person with all addresses, choices and answers. Nothing more is sent, and the figures stay. Commits.

    Rows of deliveries stay for the counts, with ids that lead to nobody any more. When it was a contact of a city, the
    team is told that the city has lost one, without a name.
    """
    subscriber = await get_subscriber(session, subscriber_id, lock=True)
    connection = await session.connection()
    await erase_rows_of(connection, subscriber_id, now=clock.now())
    if subscriber.is_mandatory_contact and subscriber.left_at is None:
        raise_alert(session, "contact_left", subscriber, clock.now())
        await session.flush()
        alerts = update(TeamAlert).where(col(TeamAlert.subscriber_id) == subscriber_id)
        await connection.execute(alerts.values(subscriber_id=None))
    await session.delete(subscriber)
    await note_erasures(connection, [erasure_of_person(subscriber_id)], erased_on=today(clock))
    await session.commit()


async def erase_rows_of(connection: AsyncConnection, subscriber_id: str, *, now: datetime) -> None:
    """Delete all that hangs on a person, and end what waits to be sent to them. Neither the person nor a commit."""
    mine = col(Delivery.subscriber_id) == subscriber_id
    ended = {"status": DeliveryStatus.CANCELLED, "reason": "left", "finished_at": now}
    await connection.execute(update(Delivery).where(mine, col(Delivery.status).in_(OPEN)).values(**ended))
    await connection.execute(update(Delivery).where(mine).values(parts={}))
    for model in (Address, Confirmation, Subscription, PreferenceChange, Guest, DigestItem, Missed, TeamAlert):
        await connection.execute(delete(model).where(col(model.subscriber_id) == subscriber_id))


def erasure_of_person(subscriber_id: str) -> str:
    """What is kept of somebody who was erased."""
    return erasure_hash("subscriber", subscriber_id)


def _plain(row: SQLModel) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, (date, datetime, time)) else value
        for name, value in row.model_dump().items()
    }
