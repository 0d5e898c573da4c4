"""What a chat has asked for and not yet agreed to: kept for an hour, never on disk."""

from __future__ import annotations

import time
from collections import OrderedDict
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis

from conversation.memory import LIFETIME, MOST_CONVERSATIONS
from conversation.wishes.wish import Wish

REDIS_PREFIX = "hub:wish:"


class Asked(StrEnum):
    """What the person was asked last."""

    YES = "yes"
    ADDRESS = "address"
    NOTHING = "nothing"


class Pending(BaseModel):
    """Where a talk about messages stands. ``is_current``: the last turn was about it, so a bare "yes" means it."""

    model_config = ConfigDict(frozen=True)

    wish: Wish = Wish()
    asked: Asked = Asked.NOTHING
    is_current: bool = True


class PendingMemory(Protocol):
    """Keeps the talk of each conversation for an hour."""

    async def get(self, sender_key: str) -> Pending | None: ...

    async def put(self, sender_key: str, pending: Pending) -> None: ...

    async def drop(self, sender_key: str) -> None: ...

    async def close(self) -> None: ...


class PendingInProcess:
    """Talks of one process; the oldest go first when there are too many."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, Pending]] = OrderedDict()

    async def get(self, sender_key: str) -> Pending | None:
        expires, pending = self._known.get(sender_key, (0.0, None))
        return pending if expires > time.monotonic() else None

    async def put(self, sender_key: str, pending: Pending) -> None:
        self._known[sender_key] = (time.monotonic() + LIFETIME, pending)
        self._known.move_to_end(sender_key)
        while len(self._known) > MOST_CONVERSATIONS:
            self._known.popitem(last=False)

    async def drop(self, sender_key: str) -> None:
        self._known.pop(sender_key, None)

    async def close(self) -> None:
        self._known.clear()


class PendingInRedis:
    """Talks that several processes share; Redis forgets them by itself."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, decode_responses=True)

    async def get(self, sender_key: str) -> Pending | None:
        value = await self._redis.get(REDIS_PREFIX + sender_key)
        return Pending.model_validate_json(str(value)) if value else None

    async def put(self, sender_key: str, pending: Pending) -> None:
        value = pending.model_dump_json(exclude_defaults=True)
        await self._redis.set(REDIS_PREFIX + sender_key, value, ex=LIFETIME)

    async def drop(self, sender_key: str) -> None:
        await self._redis.delete(REDIS_PREFIX + sender_key)

    async def close(self) -> None:
        await self._redis.aclose()
