"""Limits of attempts to sign in, by name and by source, in the database so that every process counts together.

After five wrong attempts each further one has to wait, twice as long each time, an hour at most. A name that does not
exist is counted like one that does.

A browser in which somebody signed in before carries a mark for that name. It is counted by itself: else whoever knows
an officer's name could try wrong passwords all day, and so keep the officer out of the desk.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.database import UtcDateTime
from core.rate_limits import network_of
from identity.errors import SignInThrottledError
from identity.models import SignInAttempt

FREE_ATTEMPTS = 5
WINDOW = timedelta(minutes=15)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)

_FIRST = text(
    "INSERT INTO sign_in_attempt (key, failures, last_at) VALUES (:key, 0, :now) ON CONFLICT (key) DO NOTHING"
).bindparams(bindparam("now", type_=UtcDateTime()))


class Throttle:
    """Counts attempts before they are judged, so that many at once cannot slip through."""

    def __init__(self, secret_key: str, clock: Clock) -> None:
        self._secret = secret_key.encode()
        self._clock = clock

    def make_mark(self, login: str) -> str:
        """For a browser in which this name has just signed in."""
        nonce = secrets.token_hex(16)
        return f"{nonce}.{self._sign(login, nonce)}"

    async def begin(self, session: AsyncSession, *, login: str, source: str, mark: str | None = None) -> None:
        """Count an attempt as wrong until ``succeed`` takes it back; commits. Raises SignInThrottledError."""
        now = self._clock.now()
        waits = [await self._count(session, key, now) for key in self._keys(login, source, mark)]
        wait = max(waits)
        if wait > timedelta(0):
            raise SignInThrottledError(seconds=int(wait.total_seconds()) + 1)
        await session.commit()

    async def succeed(self, session: AsyncSession, *, login: str, source: str, mark: str | None = None) -> None:
        """Forget the attempts. Does not commit."""
        await session.exec(delete(SignInAttempt).where(col(SignInAttempt.key).in_(self._keys(login, source, mark))))

    async def expire(self, session: AsyncSession) -> int:
        """Delete counts that matter no more; returns how many. Does not commit."""
        before = self._clock.now() - LONGEST_WAIT - WINDOW
        result = await session.exec(delete(SignInAttempt).where(col(SignInAttempt.last_at) < before))
        return int(result.rowcount)

    async def _count(self, session: AsyncSession, key: str, now: datetime) -> timedelta:
        """How long this attempt must wait; zero lets it through and counts it."""
        # Writing comes first: it takes the lock on both databases.
        await (await session.connection()).execute(_FIRST, {"key": key, "now": now})
        attempt = await session.get_one(SignInAttempt, key, populate_existing=True, with_for_update=True)
        if attempt.blocked_until is not None and attempt.blocked_until > now:
            return attempt.blocked_until - now
        ended = max(attempt.last_at, attempt.blocked_until or attempt.last_at)
        attempt.failures = 1 if now - ended > WINDOW else attempt.failures + 1
        attempt.last_at = now
        beyond = attempt.failures - FREE_ATTEMPTS
        attempt.blocked_until = now + min(FIRST_WAIT * 2**beyond, LONGEST_WAIT) if beyond >= 0 else None
        session.add(attempt)
        await session.flush()
        return timedelta(0)

    def _keys(self, login: str, source: str, mark: str | None) -> list[str]:
        nonce, _, signature = (mark or "").partition(".")
        name = login.strip().casefold()
        if nonce and hmac.compare_digest(signature.encode(), self._sign(login, nonce).encode()):
            parts: tuple[str, ...] = (f"mark:{nonce}:{name}",)
        else:
            parts = (f"login:{name}", f"source:{network_of(source)}")
        # Sorted, so that two attempts at once take their locks in the same order.
        return sorted(hmac.new(self._secret, f"sign-in:{part}".encode(), "sha256").hexdigest() for part in parts)

    def _sign(self, login: str, nonce: str) -> str:
        said = f"sign-in-mark:{nonce}:{login.strip().casefold()}"
        return hmac.new(self._secret, said.encode(), "sha256").hexdigest()
