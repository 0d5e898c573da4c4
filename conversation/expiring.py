"""What is remembered of each conversation for an hour and never on disk: in this process, or in Redis, which forgets by
itself, where several hub processes share it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from redis.asyncio import Redis

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
        self._redis = Redis.from_url(url, decode_responses=True)
        self._prefix = prefix
        self._write = write
        self._read = read

    async def get(self, sender_key: str) -> T | None:
        text = await self._redis.get(self._prefix + sender_key)
        return self._read(str(text)) if text else None

    async def put(self, sender_key: str, value: T) -> None:
        await self._redis.set(self._prefix + sender_key, self._write(value), ex=LIFETIME)

    async def drop(self, sender_key: str) -> None:
        await self._redis.delete(self._prefix + sender_key)

    async def close(self) -> None:
        await self._redis.aclose()
