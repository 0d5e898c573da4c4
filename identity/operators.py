"""The people of the ICC team who work in the back office, what each may do, and the trail of what they did.

How they sign in is in ``operator_session``. Every function that writes commits, but for ``record``.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import JSON, Column, LargeBinary, delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock, time_zones
from core.database import UtcDateTime
from core.languages import LANGUAGES
from identity.errors import (
    LastAdministratorError,
    OperatorInvalidError,
    OperatorNotFoundError,
    OperatorTakenError,
)

LONGEST_NAME = 200
KEEP_ACTS = timedelta(days=3 * 365)
"""As long as the messages that it speaks of."""


class OperatorRole(StrEnum):
    """What an operator may do."""

    ADMINISTRATOR = "administrator"
    """Everything, and letting others in."""
    EDITOR = "editor"
    """Writes messages, answers questions, keeps subscribers and cities."""
    APPROVER = "approver"
    """Approves texts in ``Operator.languages``."""
    NETWORK = "network"
    """Coordinates a national network: writes to it, sees it as totals, approves the own language."""


class Operator(SQLModel, table=True):
    """A person of the ICC team."""

    __tablename__ = "operator"

    id: str = Field(primary_key=True, max_length=32)
    email: str = Field(max_length=320, unique=True)
    """In lower case; also the name to sign in with."""
    name: str = Field(max_length=200)
    role: str = Field(max_length=20)
    language: str = Field(default="en", max_length=12)
    """The operator's own."""
    languages: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Those whose texts an approver approves."""
    network: str | None = Field(default=None, max_length=120)
    """Of a network coordinator; as in ``Subscriber.network``."""
    time_zone: str = Field(default="Europe/Brussels", max_length=64)
    password_hash: str | None = Field(default=None, max_length=200)
    totp_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """Sealed under the hub's secret key."""
    last_totp_step: int = 0
    """A code counts once."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    joined_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))
    """When the password was set; nobody signs in before."""
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime(), nullable=True))

    def may_approve(self, language: str) -> bool:
        """Whether texts in this language are this operator's to approve."""
        if self.role == OperatorRole.ADMINISTRATOR:
            return True
        if self.role == OperatorRole.NETWORK:
            return language == self.language
        return self.role == OperatorRole.APPROVER and language in self.languages


class OperatorAct(SQLModel, table=True):
    """Who of the team did what, to what, when."""

    __tablename__ = "operator_act"

    id: int | None = Field(default=None, primary_key=True)
    operator_id: str | None = Field(default=None, max_length=32, index=True)
    act: str = Field(max_length=60)
    """``<subject>.<what>``; its words are ``<subject>.act.<what>``."""
    subject: str = Field(default="", max_length=200)
    """An id, never a name or an address."""
    at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))


def read_operator_email(text: str) -> str:
    """The address as it is kept. Raises OperatorInvalidError."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise OperatorInvalidError(field="email") from None


def check_operator(**values: Any) -> None:
    """Whether these values may stand in an operator. Raises OperatorInvalidError, which names the field."""
    name, network = values.get("name"), values.get("network")
    if name is not None and (not 0 < len(name.strip()) <= LONGEST_NAME or not name.isprintable()):
        raise OperatorInvalidError(field="name")
    if values.get("role", OperatorRole.EDITOR) not in set(OperatorRole):
        raise OperatorInvalidError(field="role")
    if values.get("role") == OperatorRole.NETWORK and not network:
        raise OperatorInvalidError(field="network")
    if values.get("language", "en") not in LANGUAGES or not set(values.get("languages", ())) <= set(LANGUAGES):
        raise OperatorInvalidError(field="language")
    if values.get("time_zone", "UTC") not in time_zones():
        raise OperatorInvalidError(field="time_zone")


async def create_operator(
    session: AsyncSession, *, email: str, name: str, role: str, clock: Clock, **values: Any
) -> Operator:
    """A new operator, who gets in by a link (``operator_session.issue_link``). Somebody who was closed is opened again.

    Raises OperatorInvalidError, OperatorTakenError.
    """
    email = read_operator_email(email)
    check_operator(name=name, role=role, **values)
    operator = (await session.exec(select(Operator).where(Operator.email == email))).first()
    if operator is not None and operator.closed_at is None:
        raise OperatorTakenError
    operator = operator or Operator(id=secrets.token_hex(16), email=email, name="", role=role, created_at=clock.now())
    operator.name, operator.role, operator.closed_at = name.strip(), role, None
    for field, value in values.items():
        setattr(operator, field, value)
    session.add(operator)
    try:
        await session.commit()
    except IntegrityError:
        await session.rollback()
        raise OperatorTakenError from None
    return operator


async def get_operator(session: AsyncSession, operator_id: str) -> Operator:
    """The operator, who is still of the team. Raises OperatorNotFoundError."""
    operator = await session.get(Operator, operator_id)
    if operator is None or operator.closed_at is not None:
        raise OperatorNotFoundError
    return operator


async def find_operator(session: AsyncSession, email: str) -> Operator | None:
    """Whose address this is, among those who are still of the team."""
    query = select(Operator).where(Operator.email == email.strip().lower(), col(Operator.closed_at).is_(None))
    return (await session.exec(query)).first()


async def list_operators(session: AsyncSession, *, with_closed: bool = False) -> list[Operator]:
    """The team, by name."""
    query = select(Operator)
    if not with_closed:
        query = query.where(col(Operator.closed_at).is_(None))
    return sorted(await session.exec(query), key=lambda operator: operator.name.casefold())


async def is_anybody_there(session: AsyncSession) -> bool:
    """Whether somebody of the team can sign in."""
    query = select(Operator.id).where(col(Operator.joined_at).is_not(None), col(Operator.closed_at).is_(None))
    return (await session.exec(query.limit(1))).first() is not None


async def update_operator(session: AsyncSession, operator_id: str, **changes: Any) -> Operator:
    """Change what is known of an operator. Raises LastAdministratorError when nobody could let others in."""
    operator = await get_operator(session, operator_id)
    kept = {name: getattr(operator, name) for name in ("role", "network")}
    check_operator(**(kept | changes))
    if changes.get("role", operator.role) != OperatorRole.ADMINISTRATOR:
        await _keep_an_administrator(session, operator)
    for field, value in changes.items():
        setattr(operator, field, value)
    session.add(operator)
    await session.commit()
    return operator


async def close_operator(session: AsyncSession, operator_id: str, *, clock: Clock) -> None:
    """Somebody leaves the team: nothing lets them in any more, at once. Raises LastAdministratorError."""
    operator = await get_operator(session, operator_id)
    await _keep_an_administrator(session, operator)
    for field, value in departed_operator(closed_at=clock.now()).items():
        setattr(operator, field, value)
    session.add(operator)
    await session.commit()


def departed_operator(*, closed_at: datetime) -> dict[str, Any]:
    """The columns of somebody who left the team: nothing lets them in."""
    return {"closed_at": closed_at} | dict.fromkeys(("joined_at", "password_hash", "totp_secret"))


def record(session: AsyncSession, operator_id: str | None, act: str, subject: str = "", *, clock: Clock) -> None:
    """Add a line to the trail. The caller commits."""
    session.add(OperatorAct(operator_id=operator_id, act=act[:60], subject=subject[:200], at=clock.now()))


async def list_acts(
    session: AsyncSession, *, operator_id: str | None = None, before: int | None = None, limit: int = 100
) -> Sequence[OperatorAct]:
    """The trail, newest first."""
    query = select(OperatorAct).order_by(col(OperatorAct.id).desc()).limit(limit)
    if operator_id:
        query = query.where(OperatorAct.operator_id == operator_id)
    if before is not None:
        query = query.where(col(OperatorAct.id) < before)
    return list(await session.exec(query))


async def expire_acts(session: AsyncSession, *, clock: Clock) -> int:
    """Delete lines of the trail that are older than three years; returns how many. Commits."""
    old = delete(OperatorAct).where(col(OperatorAct.at) <= clock.now() - KEEP_ACTS)
    done = await (await session.connection()).execute(old)
    await session.commit()
    return done.rowcount


async def _keep_an_administrator(session: AsyncSession, operator: Operator) -> None:
    if operator.role != OperatorRole.ADMINISTRATOR or operator.joined_at is None:
        return
    # Locked in one order, so that two administrators who leave at once do not both go.
    query = select(Operator.id).where(
        Operator.role == OperatorRole.ADMINISTRATOR,
        col(Operator.joined_at).is_not(None),
        col(Operator.closed_at).is_(None),
    )
    left = list(await session.exec(query.order_by(col(Operator.id)).with_for_update()))
    if left == [operator.id]:
        raise LastAdministratorError
