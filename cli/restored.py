"""What a restore must not undo: what was erased since, or expired; people who left; and figures released since.

Released figures were seen; making them anew from restored reports would be a second release to subtract from the first.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel, col

from channels.email.models import OutboxMail
from channels.email.outbox import erasure_of_mail
from channels.telegram.models import TelegramChat, TelegramWaiting
from conversation.models import Handoff, LateReply
from core.clock import Clock, today
from core.erasures import Erased, erased_since, list_erasures, note_erasures, of_sender
from identity.operators import Operator, departed_operator
from reports.erasing import case_hash
from reports.models import Case, CaseSeal, Desk, DeskPeriod, Officer
from reports.officers import departed
from subscriptions.models import Address, Subscriber, SubscriberErasure
from subscriptions.personal_data import erase_rows_of, erasure_of_person
from subscriptions.subscribers import erasure_of_address

_PERIODS = SQLModel.metadata.tables[DeskPeriod.__tablename__]

type Hash = Callable[[str], str]

_BY_NAME: tuple[tuple[type[SQLModel], Any, Hash], ...] = (
    (Handoff, Handoff.sender_key, of_sender),
    (LateReply, LateReply.sender_key, of_sender),
    (TelegramChat, TelegramChat.chat_key, of_sender),
    (TelegramWaiting, TelegramWaiting.chat_key, of_sender),
    (OutboxMail, OutboxMail.id, erasure_of_mail),
    (Address, Address.id, erasure_of_address),
)
"""Rows that are erased by the hash of one of their columns. Cases and people have more that goes with them."""


@dataclass(frozen=True)
class Remembered:
    """What the database knew before its rows were replaced."""

    erased: Erased
    left: dict[str, dict[str, Any]]
    closed: list[dict[str, Any]]
    operators: dict[str, dict[str, Any]]
    """Of the team, who left it."""

    @classmethod
    async def collect(cls, connection: AsyncConnection) -> Remembered:
        """Read it from the present rows."""
        earlier = await connection.execute(
            select(col(SubscriberErasure.subscriber_hash), col(SubscriberErasure.erased_on))
        )
        left = await connection.execute(
            select(col(Officer.id), col(Officer.left_at)).where(col(Officer.left_at).is_not(None))
        )
        closed = await connection.execute(select(_PERIODS))
        gone = await connection.execute(
            select(col(Operator.id), col(Operator.closed_at)).where(col(Operator.closed_at).is_not(None))
        )
        return cls(
            {row.subscriber_hash: row.erased_on for row in earlier} | await list_erasures(connection),
            {row.id: departed(row.id, left_at=row.left_at) for row in left},
            [dict(row) for row in closed.mappings()],
            {row.id: departed_operator(closed_at=row.closed_at) for row in gone},
        )

    async def apply(self, connection: AsyncConnection, clock: Clock) -> None:
        """Take out of the restored rows what must not be there, and add its own memory to theirs."""
        await self._erase(connection, clock)
        for officer_id, values in self.left.items():
            await connection.execute(update(Officer).where(col(Officer.id) == officer_id).values(**values))
            await connection.execute(delete(CaseSeal).where(col(CaseSeal.officer_id) == officer_id))
        for operator_id, values in self.operators.items():
            await connection.execute(update(Operator).where(col(Operator.id) == operator_id).values(**values))
        desks = set((await connection.execute(select(col(Desk.id)))).scalars())
        restored = {tuple(row) for row in await connection.execute(select(_PERIODS.c.desk_id, _PERIODS.c.period))}
        for period in self.closed:
            key = (period["desk_id"], period["period"])
            if period["desk_id"] in desks and key not in restored:
                await connection.execute(insert(_PERIODS).values(**period))

    async def _erase(self, connection: AsyncConnection, clock: Clock) -> None:
        since = erased_since(await list_erasures(connection), self.erased)
        for name, erased_on in since.items():
            await note_erasures(connection, [name], erased_on=erased_on)
        expired = await _erase_cases(connection, since, clock)
        await note_erasures(connection, expired, erased_on=today(clock))
        for person in list((await connection.execute(select(col(Subscriber.id)))).scalars()):
            if erasure_of_person(person) in since:
                await erase_rows_of(connection, person, now=clock.now())
                await connection.execute(delete(Subscriber).where(col(Subscriber.id) == person))
        for model, column, hashed in _BY_NAME:
            names = list((await connection.execute(select(column).distinct())).scalars())
            for name in names:
                if hashed(name) in since:
                    await connection.execute(delete(model).where(column == name))


async def _erase_cases(connection: AsyncConnection, since: Container[str], clock: Clock) -> list[str]:
    """Delete cases that were erased, or whose time is over; the hashes of the latter."""
    expired = []
    for case_id, delete_on in (await connection.execute(select(col(Case.id), col(Case.delete_on)))).all():
        is_over = delete_on < today(clock)
        if is_over or case_hash(case_id) in since:
            await connection.execute(delete(Case).where(col(Case.id) == case_id))
        if is_over and case_hash(case_id) not in since:
            expired.append(case_hash(case_id))
    return expired
