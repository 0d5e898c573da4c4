"""The officers of a desk: invited, let in by a colleague, signed in for a short while, and leaving with their keys.

The desk's private key is sealed to each officer's public key; an officer's private key opens with the password alone.
The secret of the one-time codes is sealed to the officer too, so that no table holds it in clear.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from identity.passwords import SALT_BYTES, check_new_password, key_from_password
from identity.throttle import Throttle
from identity.totp import find_step, new_secret
from reports.audit import Act, record
from reports.desks import lock_desk
from reports.errors import (
    CaseNotFoundError,
    InvitationUnknownError,
    NameTakenError,
    SealBrokenError,
    SessionEndedError,
    SignInRefusedError,
)
from reports.models import Desk, Officer, OfficerSession
from reports.recovery import new_recovery_key
from reports.sealing import KeyPair, Token, context, decrypt, encrypt, open_sealed, seal_to
from reports.signed_in import SignedIn, desk_key_context

INVITATION_LASTS = timedelta(days=7)
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=8)
TOUCH_AFTER = timedelta(minutes=1)
"""A session's last use is written once a minute at most."""
ISSUER = "ICC Hub"


@dataclass(frozen=True)
class Accepted:
    """What an officer needs to finish joining: the app's secret, and a token for ``confirm_invitation``."""

    totp_secret: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True)
class Joined:
    """An officer who has joined and is signed in. The first of a desk gets its recovery key, shown once; it counts
    only when it is typed back (``recovery.keep_recovery_key``)."""

    token: str = field(repr=False)
    recovery_key: str | None = field(repr=False)


async def create_officer(
    session: AsyncSession,
    desk_id: str,
    *,
    login: str,
    name: str,
    clock: Clock,
    language: str = "en",
    by: SignedIn | None = None,
) -> str:
    """Invite somebody; returns the invitation's token, which is kept nowhere; commits. Raises NameTakenError."""
    login = login.strip()
    if (await session.exec(select(Officer).where(Officer.login == login.casefold()))).first() is not None:
        raise NameTakenError(name=login)
    token = Token.new()
    officer = Officer(
        id=secrets.token_hex(16),
        desk_id=desk_id,
        login=login.casefold(),
        name=name,
        language=language,
        invitation_hash=token.id,
        invited_until=clock.now() + INVITATION_LASTS,
    )
    session.add(officer)
    inviter = by.officer.id if by else None
    record(session, Act.OFFICER_INVITED, desk_id=desk_id, officer_id=inviter, clock=clock)
    try:
        await session.commit()
    except IntegrityError:
        await session.rollback()
        raise NameTakenError(name=login) from None
    return token.text


async def find_invited(session: AsyncSession, token: str, *, clock: Clock) -> tuple[Officer, Desk]:
    """Whom an invitation is for. Raises InvitationUnknownError."""
    query = select(Officer).where(Officer.invitation_hash == Token(token).id)
    officer = (await session.exec(query)).first()
    if officer is None or officer.invited_until is None or officer.invited_until <= clock.now():
        raise InvitationUnknownError
    return officer, await session.get_one(Desk, officer.desk_id)


async def accept_invitation(session: AsyncSession, token: str, password: str, *, clock: Clock) -> Accepted:
    """Choose a password; commits. The invitation counts until a code confirms it, and may be accepted anew.

    Raises InvitationUnknownError, PasswordWeakError.
    """
    officer, _ = await find_invited(session, token, clock=clock)
    check_new_password(password, login=officer.login)
    keys, secret = KeyPair.new(), new_secret()
    officer.salt = secrets.token_bytes(SALT_BYTES)
    officer.public_key = keys.public
    officer.wrapped_private_key = await _wrap(officer, password, keys)
    officer.sealed_totp = seal_to(keys.public, secret.encode(), context("totp", officer.id))
    session.add(officer)
    await session.exec(delete(OfficerSession).where(col(OfficerSession.officer_id) == officer.id))
    pending = _new_session(session, officer, keys, clock.now())
    await session.commit()
    return Accepted(secret, pending.text)


async def confirm_invitation(session: AsyncSession, token: str, code: str, *, clock: Clock) -> Joined:
    """Join with the first code of the app; commits. The first officer of a desk makes the desk's keys.

    Raises SessionEndedError, SignInRefusedError for a wrong code.
    """
    row, officer, keys = await _open_session(session, token, clock.now())
    # Under a lock: of two officers who are the first, one makes the desk's keys.
    desk = await lock_desk(session, officer.desk_id)
    step = find_step(_totp_secret(officer, keys), code, now=clock.now(), after=officer.last_totp_step)
    if officer.joined_at is not None or step is None:
        raise SignInRefusedError
    officer.last_totp_step, officer.joined_at = step, clock.now()
    officer.invitation_hash, officer.invited_until = None, None
    recovery_key = None
    if desk.public_key is None:
        desk_keys = KeyPair.new()
        desk.public_key = desk_keys.public
        officer.sealed_desk_key = seal_to(keys.public, desk_keys.private, desk_key_context(desk.id))
        recovery_key = new_recovery_key()
    desk.last_sign_in_at = clock.now()
    session.add_all([desk, officer])
    await session.delete(row)
    fresh = _new_session(session, officer, keys, clock.now())
    record(session, Act.OFFICER_JOINED, desk_id=desk.id, officer_id=officer.id, clock=clock)
    await session.commit()
    return Joined(fresh.text, recovery_key)


async def let_in(session: AsyncSession, signed_in: SignedIn, officer_id: str, *, clock: Clock) -> None:
    """Give a colleague who has joined the desk's key; commits. Doing it twice changes nothing.

    Raises DeskKeyMissingError, CaseNotFoundError when there is no such colleague.
    """
    desk_keys = signed_in.require_desk_keys()
    officer = await get_colleague(session, signed_in, officer_id)
    if officer.public_key is None or officer.joined_at is None:
        raise CaseNotFoundError
    desk = await lock_desk(session, signed_in.desk.id)
    if desk.public_key != desk_keys.public:
        # Somebody left in this moment, and there is a new key.
        raise SessionEndedError
    if officer.sealed_desk_key is None:
        bound = desk_key_context(signed_in.desk.id)
        officer.sealed_desk_key = seal_to(officer.public_key, desk_keys.private, bound)
        session.add(officer)
        record(session, Act.OFFICER_LET_IN, desk_id=signed_in.desk.id, officer_id=officer_id, clock=clock)
    await session.commit()


async def get_colleague(session: AsyncSession, signed_in: SignedIn, officer_id: str) -> Officer:
    """An officer of the same desk who has not left. Raises CaseNotFoundError."""
    officer = await session.get(Officer, officer_id)
    if officer is None or officer.desk_id != signed_in.desk.id or officer.left_at is not None:
        raise CaseNotFoundError
    return officer


async def sign_in(
    session: AsyncSession,
    login: str,
    password: str,
    code: str,
    *,
    source: str,
    throttle: Throttle,
    clock: Clock,
    mark: str | None = None,
) -> str:
    """Sign in; returns the session's token; commits. An unknown name costs the same work as a wrong password.

    ``mark``: what the browser got when this officer signed in there before (``Throttle.make_mark``).

    Raises SignInThrottledError, SignInRefusedError.
    """
    login = login.strip().casefold()
    await throttle.begin(session, login=login, source=source, mark=mark)
    officer = (await session.exec(select(Officer).where(Officer.login == login))).first()
    known = officer if officer is not None and officer.joined_at is not None and officer.left_at is None else _NOBODY
    keys = await _unlock(known, password)
    if keys is None:
        raise SignInRefusedError
    officer = await session.get_one(Officer, known.id, populate_existing=True)
    step = find_step(_totp_secret(officer, keys), code, now=clock.now(), after=officer.last_totp_step)
    if step is None or not await _use_step(session, officer, step):
        raise SignInRefusedError
    desk = await session.get_one(Desk, officer.desk_id)
    desk.last_sign_in_at = clock.now()
    session.add(desk)
    token = _new_session(session, officer, keys, clock.now())
    await throttle.succeed(session, login=login, source=source, mark=mark)
    record(session, Act.SIGNED_IN, desk_id=desk.id, officer_id=officer.id, clock=clock)
    await session.commit()
    return token.text


async def _use_step(session: AsyncSession, officer: Officer, step: int) -> bool:
    """Only one of two requests at once gets True. SQLite locks no rows, so the condition stands in the update."""
    used = await session.exec(
        update(Officer)
        .where(col(Officer.id) == officer.id, col(Officer.last_totp_step) < step)
        .values(last_totp_step=step)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(officer, ["last_totp_step"])
    return used.rowcount == 1


async def get_signed_in(session: AsyncSession, token: str, *, clock: Clock) -> SignedIn:
    """Who is signed in with this token; commits its use. Raises SessionEndedError."""
    row, officer, keys = await _open_session(session, token, clock.now())
    if officer.joined_at is None:
        raise SessionEndedError
    desk = await session.get_one(Desk, officer.desk_id)
    desk_keys = None
    if officer.sealed_desk_key is not None:
        private = open_sealed(keys, officer.sealed_desk_key, desk_key_context(desk.id))
        desk_keys = KeyPair.from_private(private)
    if clock.now() - row.used_at >= TOUCH_AFTER:
        row.used_at = clock.now()
        session.add(row)
        await session.commit()
    return SignedIn(officer, desk, row.id, keys, desk_keys)


async def sign_out(session: AsyncSession, signed_in: SignedIn, *, clock: Clock) -> None:
    """End the session; commits."""
    await session.exec(delete(OfficerSession).where(col(OfficerSession.id) == signed_in.session_id))
    record(session, Act.SIGNED_OUT, desk_id=signed_in.desk.id, officer_id=signed_in.officer.id, clock=clock)
    await session.commit()


async def change_password(
    session: AsyncSession, signed_in: SignedIn, *, old: str, new: str, source: str, throttle: Throttle, clock: Clock
) -> None:
    """Wrap the officer's key anew and end every other session; no case is touched; commits.

    Raises SignInRefusedError when the old password is wrong, SignInThrottledError, PasswordWeakError.
    """
    officer = signed_in.officer
    check_new_password(new, login=officer.login)
    await throttle.begin(session, login=officer.login, source=source)
    keys = await _unlock(officer, old)
    if keys is None:
        raise SignInRefusedError
    officer.salt = secrets.token_bytes(SALT_BYTES)
    officer.wrapped_private_key = await _wrap(officer, new, keys)
    session.add(officer)
    others = delete(OfficerSession).where(
        col(OfficerSession.officer_id) == officer.id, col(OfficerSession.id) != signed_in.session_id
    )
    await session.exec(others)
    await throttle.succeed(session, login=officer.login, source=source)
    record(session, Act.PASSWORD_CHANGED, desk_id=officer.desk_id, officer_id=officer.id, clock=clock)
    await session.commit()


def departed(officer_id: str, *, left_at: datetime) -> dict[str, Any]:
    """The columns of an officer who left: no key opens anything, and the login is free for somebody else."""
    gone = ("salt", "wrapped_private_key", "sealed_totp", "sealed_desk_key", "invitation_hash", "invited_until")
    return {"left_at": left_at, "login": f"left:{officer_id}"} | dict.fromkeys(gone)


def _new_session(session: AsyncSession, officer: Officer, keys: KeyPair, now: datetime) -> Token:
    token = Token.new()
    sealed = encrypt(token.key, keys.private, context("officer-session", officer.id))
    session.add(OfficerSession(id=token.id, officer_id=officer.id, sealed_keys=sealed, created_at=now, used_at=now))
    return token


async def _open_session(session: AsyncSession, text: str, now: datetime) -> tuple[OfficerSession, Officer, KeyPair]:
    token = Token(text)
    row = await session.get(OfficerSession, token.id)
    if row is None or now - row.used_at > IDLE or now - row.created_at > LONGEST:
        raise SessionEndedError
    officer = await session.get_one(Officer, row.officer_id)
    if officer.left_at is not None:
        raise SessionEndedError
    private = decrypt(token.key, row.sealed_keys, context("officer-session", officer.id))
    return row, officer, KeyPair.from_private(private)


async def _wrap(officer: Officer, password: str, keys: KeyPair) -> bytes:
    assert officer.salt is not None
    return encrypt(await key_from_password(password, officer.salt), keys.private, context("officer-key", officer.id))


async def _unlock(officer: Officer, password: str) -> KeyPair | None:
    """The officer's keys, or None for a wrong password; the same work for nobody."""
    assert officer.salt is not None
    assert officer.wrapped_private_key is not None
    key = await key_from_password(password, officer.salt)
    try:
        private = decrypt(key, officer.wrapped_private_key, context("officer-key", officer.id))
    except SealBrokenError:
        return None
    return KeyPair.from_private(private)


def _totp_secret(officer: Officer, keys: KeyPair) -> str:
    assert officer.sealed_totp is not None
    return open_sealed(keys, officer.sealed_totp, context("totp", officer.id)).decode()


_NOBODY = Officer(
    id="nobody",
    desk_id="",
    login="",
    name="",
    salt=secrets.token_bytes(SALT_BYTES),
    wrapped_private_key=secrets.token_bytes(72),
)
