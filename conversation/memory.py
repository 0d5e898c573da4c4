"""What the hub remembers of a conversation, for an hour and never on disk: its language, and whose turn it is.

Languages lie in memory, or in Redis where several hub processes share them. Turns are ordered within a process; across
processes the assistant's own lock orders them.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from redis.asyncio import Redis

LIFETIME = 3600
"""Seconds after the last message."""
MOST_CONVERSATIONS = 50_000
REDIS_PREFIX = "hub:language:"
_CHOSEN = "!"


@dataclass(frozen=True)
class Remembered:
    """The language of a conversation, and whether the person chose it."""

    language: str | None = None
    chosen: bool = False


class LanguageMemory(Protocol):
    """Keeps the language of each conversation for an hour."""

    async def get(self, sender_key: str) -> Remembered: ...

    async def put(self, sender_key: str, remembered: Remembered) -> None: ...

    async def drop(self, sender_key: str) -> None: ...

    async def close(self) -> None: ...


class LanguagesInProcess:
    """Languages of one process; the oldest go first when there are too many."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, Remembered]] = OrderedDict()

    async def get(self, sender_key: str) -> Remembered:
        expires, remembered = self._known.get(sender_key, (0.0, Remembered()))
        return remembered if expires > time.monotonic() else Remembered()

    async def put(self, sender_key: str, remembered: Remembered) -> None:
        self._known[sender_key] = (time.monotonic() + LIFETIME, remembered)
        self._known.move_to_end(sender_key)
        while len(self._known) > MOST_CONVERSATIONS:
            self._known.popitem(last=False)

    async def drop(self, sender_key: str) -> None:
        self._known.pop(sender_key, None)

    async def close(self) -> None:
        self._known.clear()


class LanguagesInRedis:
    """Languages that several processes share; Redis forgets them by itself."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, decode_responses=True)

    async def get(self, sender_key: str) -> Remembered:
        value = str(await self._redis.get(REDIS_PREFIX + sender_key) or "")
        if not value:
            return Remembered()
        return Remembered(value.removesuffix(_CHOSEN), value.endswith(_CHOSEN))

    async def put(self, sender_key: str, remembered: Remembered) -> None:
        value = (remembered.language or "") + (_CHOSEN if remembered.chosen else "")
        await self._redis.set(REDIS_PREFIX + sender_key, value, ex=LIFETIME)

    async def drop(self, sender_key: str) -> None:
        await self._redis.delete(REDIS_PREFIX + sender_key)

    async def close(self) -> None:
        await self._redis.aclose()


class Turns:
    """One message of a conversation at a time, in the order of arrival."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, sender_key: str) -> AsyncIterator[None]:
        """Wait for the earlier messages of this conversation."""
        lock, waiting = self._locks.get(sender_key, (asyncio.Lock(), 0))
        self._locks[sender_key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks.pop(sender_key)
            if waiting > 1:
                self._locks[sender_key] = (lock, waiting - 1)
