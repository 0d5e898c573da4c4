"""What is remembered of each conversation for an hour and never on disk: in this process, or in Redis, which forgets by
itself, where several hub processes share it.

Nobody is refused because Redis is away: nothing is remembered then, and an event is logged.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds for an answer of Redis."""
LEFT_ALONE = 5.0
"""Seconds in which Redis is not asked after it failed."""
LIFETIME = 3600
"""Seconds after the last message."""
MOST_CONVERSATIONS = 50_000


class Memory[T](Protocol):
    """One thing a conversation, by the key of its sender."""

    async def get(self, sender_key: str) -> T | None:
        """None: nothing is known, or not any more."""
        ...

    async def put(self, sender_key: str, value: T) -> None: ...

    async def drop(self, sender_key: str) -> None: ...

    async def close(self) -> None: ...


class InProcess[T]:
    """For one process; the oldest go first when there are too many."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, T]] = OrderedDict()

    async def get(self, sender_key: str) -> T | None:
        found = self._known.get(sender_key)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    async def put(self, sender_key: str, value: T) -> None:
        self._known[sender_key] = (time.monotonic() + LIFETIME, value)
        self._known.move_to_end(sender_key)
        while len(self._known) > MOST_CONVERSATIONS:
            self._known.popitem(last=False)

    async def drop(self, sender_key: str) -> None:
        self._known.pop(sender_key, None)

    async def close(self) -> None:
        self._known.clear()


class InRedis[T]:
    """Shared. ``write`` and ``read`` turn a value into text and back."""

    def __init__(self, url: str, prefix: str, *, write: Callable[[T], str], read: Callable[[str], T]) -> None:
        # One more try at once, for a connection that Redis closed when it was started anew.
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 1),
        )
        self._prefix = prefix
        self._write = write
        self._read = read
        self._asked_again_at = 0.0

    async def get(self, sender_key: str) -> T | None:
        text = await self._ask(lambda: self._redis.get(self._prefix + sender_key))
        return self._read(str(text)) if text else None

    async def put(self, sender_key: str, value: T) -> None:
        await self._ask(lambda: self._redis.set(self._prefix + sender_key, self._write(value), ex=LIFETIME))

    async def drop(self, sender_key: str) -> None:
        # What could not be dropped is forgotten within the hour.
        await self._ask(lambda: self._redis.delete(self._prefix + sender_key))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask(self, question: Callable[[], Awaitable[object]]) -> object:
        """What Redis answers; None while it is away."""
        if time.monotonic() < self._asked_again_at:
            return None
        try:
            return await question()
        except (RedisError, OSError) as error:
            log.warning("memory_redis_away error=%s", type(error).__name__)
            self._asked_again_at = time.monotonic() + LEFT_ALONE
            return None
