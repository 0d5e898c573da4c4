"""One message of a conversation at a time.

The hub orders the messages of a sender before they arrive, so a lock is rarely contended; if it is, Rasa looks again
only once a second. This one looks twenty times, and lives in Redis when several assistants share conversations.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import redis
from rasa.core.lock import TicketLock
from rasa.core.lock_store import LOCK_LIFETIME, InMemoryLockStore, LockStore
from rasa.utils.endpoints import EndpointConfig

_KEY_PREFIX = "icchub:lock:"
_LOOK_AGAIN_SECONDS = 0.05


class RedisLocks(LockStore):
    """Locks in Redis; they expire, so that a stopped assistant blocks nobody."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__()
        self._redis = client

    def get_lock(self, conversation_id: str) -> TicketLock | None:
        stored = self._redis.get(_KEY_PREFIX + conversation_id)
        return None if stored is None else TicketLock.from_dict(json.loads(stored))

    def delete_lock(self, conversation_id: str) -> None:
        self._redis.delete(_KEY_PREFIX + conversation_id)

    def save_lock(self, lock: TicketLock) -> None:
        self._redis.set(_KEY_PREFIX + lock.conversation_id, lock.dumps(), ex=2 * int(LOCK_LIFETIME))


class ConversationLocks(LockStore):
    """Rasa's view of the locks; endpoints.yml names it."""

    def __init__(self, endpoint_config: EndpointConfig) -> None:
        super().__init__()
        self._locks: LockStore = _open_redis(endpoint_config.url) if endpoint_config.url else InMemoryLockStore()

    def get_lock(self, conversation_id: str) -> TicketLock | None:
        return self._locks.get_lock(conversation_id)

    def delete_lock(self, conversation_id: str) -> None:
        self._locks.delete_lock(conversation_id)

    def save_lock(self, lock: TicketLock) -> None:
        self._locks.save_lock(lock)

    @asynccontextmanager
    async def lock(
        self,
        conversation_id: str,
        lock_lifetime: float = LOCK_LIFETIME,
        wait_time_in_seconds: float = _LOOK_AGAIN_SECONDS,
    ) -> AsyncGenerator[TicketLock, None]:
        async with super().lock(conversation_id, lock_lifetime, wait_time_in_seconds) as held:
            yield held


def _open_redis(url: str) -> RedisLocks:
    return RedisLocks(redis.Redis.from_url(url, decode_responses=True))
