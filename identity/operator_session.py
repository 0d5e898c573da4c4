"""How operators get in: by a link that works once, or by password and one-time code; and how long they stay.

A set-up link lets somebody choose a password and an app for codes. A sign-in link is sent by mail and lets in by
itself. Tokens are random and only their hashes are kept. Every function that writes commits.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from sqlalchemy import Column, ForeignKey, delete, update
from sqlmodel import Field, SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.database import UtcDateTime
from identity.errors import (
    OperatorLinkExpiredError,
    OperatorSessionEndedError,
    OperatorSignInRefusedError,
    OperatorTakenError,
)
from identity.operators import (
    Operator,
    OperatorRole,
    check_operator,
    find_operator,
    is_anybody_there,
    read_operator_email,
    record,
)
from identity.passwords import check_new_password, hash_password, is_password
from identity.throttle import Throttle
from identity.totp import find_step

IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=12)
TOUCH_AFTER = timedelta(minutes=1)
"""A session's last use is written once a minute at most."""


class LinkKind(StrEnum):
    """What a link lets somebody do."""

    SETUP = "setup"
    SIGN_IN = "sign_in"


LIFETIME = {LinkKind.SETUP: timedelta(hours=72), LinkKind.SIGN_IN: timedelta(minutes=15)}


class OperatorSession(SQLModel, table=True):
    """An operator who is signed in, in one browser. The cookie's value is not here, only its hash."""

    __tablename__ = "operator_session"

    id: str = Field(primary_key=True, max_length=64)
    operator_id: str = Field(sa_column=Column(ForeignKey("operator.id", ondelete="CASCADE"), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    used_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))


class OperatorLink(SQLModel, table=True):
    """A link that works once. Without an operator it makes the first administrator."""

    __tablename__ = "operator_link"

    token_hash: str = Field(primary_key=True, max_length=64)
    kind: str = Field(max_length=12)
    operator_id: str | None = Field(
        default=None, sa_column=Column(ForeignKey("operator.id", ondelete="CASCADE"), nullable=True)
    )
    expires_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False, index=True))


async def issue_link(session: AsyncSession, operator_id: str | None, kind: LinkKind, *, clock: Clock) -> str:
    """The token of a new link; earlier ones of the same kind for the same person stop working."""
    mine = col(OperatorLink.operator_id).is_(None) if operator_id is None else OperatorLink.operator_id == operator_id
    await session.exec(delete(OperatorLink).where(mine, col(OperatorLink.kind) == kind))  # type: ignore[arg-type]
    token = secrets.token_urlsafe(32)
    expires_at = clock.now() + LIFETIME[kind]
    session.add(OperatorLink(token_hash=_hash(token), kind=kind, operator_id=operator_id, expires_at=expires_at))
    await session.commit()
    return token


async def issue_first_link(session: AsyncSession, *, clock: Clock) -> str | None:
    """The link that makes the first administrator; None when somebody can sign in already."""
    if await is_anybody_there(session):
        return None
    return await issue_link(session, None, LinkKind.SETUP, clock=clock)


async def peek_link(session: AsyncSession, kind: LinkKind, token: str, *, clock: Clock) -> Operator | None:
    """Whom a link is for, without using it; None: for whoever becomes the first. Raises OperatorLinkExpiredError."""
    link = await session.get(OperatorLink, _hash(token))
    if link is None or link.kind != kind or link.expires_at <= clock.now():
        raise OperatorLinkExpiredError
    if link.operator_id is None:
        if await is_anybody_there(session):
            raise OperatorLinkExpiredError
        return None
    operator = await session.get(Operator, link.operator_id)
    if operator is None or operator.closed_at is not None:
        raise OperatorLinkExpiredError
    return operator


async def set_up(
    session: AsyncSession,
    token: str,
    *,
    password: str,
    totp_secret: str,
    code: str,
    secret_key: str,
    clock: Clock,
    email: str = "",
    name: str = "",
) -> str:
    """Choose a password and an app for codes; returns the token of a session. The link is used up by success alone.

    ``email`` and ``name`` are for the first administrator. Raises OperatorLinkExpiredError, OperatorInvalidError,
    PasswordWeakError, OperatorSignInRefusedError for a wrong code.
    """
    operator = await peek_link(session, LinkKind.SETUP, token, clock=clock)
    if operator is None:
        address = read_operator_email(email)
        check_operator(name=name)
        if await find_operator(session, address) is not None:
            raise OperatorTakenError
        operator = Operator(
            id=secrets.token_hex(16),
            email=address,
            name=name.strip(),
            role=OperatorRole.ADMINISTRATOR,
            created_at=clock.now(),
        )
    check_new_password(password, login=operator.email)
    step = find_step(totp_secret, code, now=clock.now(), after=0)
    if step is None:
        raise OperatorSignInRefusedError
    kept = await hash_password(password)
    # Deleting comes first: of two requests with the same link, one finds nothing to delete.
    used = await session.exec(delete(OperatorLink).where(col(OperatorLink.token_hash) == _hash(token)))
    if used.rowcount != 1:
        await session.rollback()
        raise OperatorLinkExpiredError
    operator.password_hash, operator.last_totp_step = kept, step
    operator.totp_secret = _seal(secret_key, operator.id, totp_secret)
    operator.joined_at = operator.joined_at or clock.now()
    session.add(operator)
    await session.flush()
    await _end_sessions(session, operator.id)
    fresh = _new_session(session, operator, clock)
    record(session, operator.id, "office.joined", operator.id, clock=clock)
    await session.commit()
    return fresh


async def sign_in(
    session: AsyncSession,
    email: str,
    password: str,
    code: str,
    *,
    source: str,
    throttle: Throttle,
    secret_key: str,
    clock: Clock,
) -> str:
    """Sign in; returns the session's token. An unknown address costs the same work as a wrong password.

    Raises SignInThrottledError, OperatorSignInRefusedError.
    """
    login = f"operator:{email.strip().casefold()}"
    await throttle.begin(session, login=login, source=source)
    operator = await find_operator(session, email)
    kept = operator.password_hash if operator is not None else None
    is_right = await is_password(kept or await _nobodys_password(), password)
    if operator is None or kept is None or operator.joined_at is None or not is_right:
        raise OperatorSignInRefusedError
    secret = _open(secret_key, operator)
    step = find_step(secret, code, now=clock.now(), after=operator.last_totp_step) if secret else None
    if step is None or not await _use_step(session, operator, step):
        raise OperatorSignInRefusedError
    token = _new_session(session, operator, clock)
    await throttle.succeed(session, login=login, source=source)
    record(session, operator.id, "office.signed_in", clock=clock)
    await session.commit()
    return token


async def sign_in_by_link(session: AsyncSession, token: str, *, clock: Clock) -> str:
    """Use a sign-in link, once; returns the session's token. Raises OperatorLinkExpiredError."""
    operator = await peek_link(session, LinkKind.SIGN_IN, token, clock=clock)
    used = await session.exec(delete(OperatorLink).where(col(OperatorLink.token_hash) == _hash(token)))
    if operator is None or used.rowcount != 1:
        await session.rollback()
        raise OperatorLinkExpiredError
    fresh = _new_session(session, operator, clock)
    record(session, operator.id, "office.signed_in", clock=clock)
    await session.commit()
    return fresh


async def get_signed_in(session: AsyncSession, token: str, *, clock: Clock) -> Operator:
    """Who is signed in with this token; commits its use. Raises OperatorSessionEndedError."""
    row = await session.get(OperatorSession, _hash(token))
    now = clock.now()
    if row is None or now - row.used_at > IDLE or now - row.created_at > LONGEST:
        raise OperatorSessionEndedError
    operator = await session.get(Operator, row.operator_id)
    if operator is None or operator.closed_at is not None or operator.joined_at is None:
        raise OperatorSessionEndedError
    if now - row.used_at >= TOUCH_AFTER:
        row.used_at = now
        session.add(row)
        await session.commit()
    return operator


async def sign_out(session: AsyncSession, token: str, *, clock: Clock) -> None:
    """End the session; twice is no error."""
    row = await session.get(OperatorSession, _hash(token))
    if row is not None:
        record(session, row.operator_id, "office.signed_out", clock=clock)
        await session.delete(row)
        await session.commit()


async def change_password(
    session: AsyncSession,
    operator: Operator,
    token: str,
    *,
    old: str,
    new: str,
    source: str,
    throttle: Throttle,
    clock: Clock,
) -> None:
    """Another password; every other session ends.

    Raises OperatorSignInRefusedError when the old one is wrong, SignInThrottledError, PasswordWeakError.
    """
    check_new_password(new, login=operator.email)
    login = f"operator:{operator.email}"
    await throttle.begin(session, login=login, source=source)
    if not await is_password(operator.password_hash or await _nobodys_password(), old):
        raise OperatorSignInRefusedError
    operator.password_hash = await hash_password(new)
    session.add(operator)
    await _end_sessions(session, operator.id, but=_hash(token))
    await throttle.succeed(session, login=login, source=source)
    record(session, operator.id, "office.password_changed", clock=clock)
    await session.commit()


async def expire_operator_sessions(session: AsyncSession, *, clock: Clock) -> int:
    """Delete sessions and links that work no more; returns how many."""
    now = clock.now()
    gone = await session.exec(
        delete(OperatorSession).where(
            (col(OperatorSession.used_at) < now - IDLE) | (col(OperatorSession.created_at) < now - LONGEST)
        )
    )
    links = await session.exec(delete(OperatorLink).where(col(OperatorLink.expires_at) <= now))
    await session.commit()
    return int(gone.rowcount) + int(links.rowcount)


async def _use_step(session: AsyncSession, operator: Operator, step: int) -> bool:
    """Whether a code was not used before; of two requests with the same one at once, one is told so."""
    mine = (col(Operator.id) == operator.id, col(Operator.last_totp_step) < step)
    used = await session.exec(
        update(Operator).where(*mine).values(last_totp_step=step).execution_options(synchronize_session=False)
    )
    if used.rowcount != 1:
        await session.rollback()
    return used.rowcount == 1


def _new_session(session: AsyncSession, operator: Operator, clock: Clock) -> str:
    token, now = secrets.token_urlsafe(32), clock.now()
    session.add(OperatorSession(id=_hash(token), operator_id=operator.id, created_at=now, used_at=now))
    return token


async def _end_sessions(session: AsyncSession, operator_id: str, *, but: str = "") -> None:
    mine = (col(OperatorSession.operator_id) == operator_id, col(OperatorSession.id) != but)
    await session.exec(delete(OperatorSession).where(*mine))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _box(secret_key: str, operator_id: str) -> SecretBox:
    """A key of its own for each operator, so that a sealed secret cannot be moved to somebody else's row."""
    key = hashlib.blake2b(f"{operator_id}:{secret_key}".encode(), digest_size=32, person=b"operator-totp").digest()
    return SecretBox(key)


def _seal(secret_key: str, operator_id: str, totp_secret: str) -> bytes:
    return bytes(_box(secret_key, operator_id).encrypt(totp_secret.encode()))


def _open(secret_key: str, operator: Operator) -> str | None:
    try:
        return _box(secret_key, operator.id).decrypt(operator.totp_secret or b"").decode()
    except (CryptoError, ValueError):
        # Sealed under another key, as after moving without it; a new set-up link mends it.
        return None


_nobody: list[str] = []


async def _nobodys_password() -> str:
    """A hash that no password fits, made once."""
    if not _nobody:
        _nobody.append(await hash_password(secrets.token_urlsafe(32)))
    return _nobody[0]
