"""What the hub remembers of a conversation, for an hour and never on disk: its language, and whose turn it is.

Languages lie in memory, or in Redis where several hub processes share them. Turns are ordered within a process; across
processes the assistant's own lock orders them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from conversation.expiring import InProcess, InRedis, Memory

REDIS_PREFIX = "hub:language:"
_CHOSEN = "!"
_NO_LANGUAGE = "-"


@dataclass(frozen=True)
class Remembered:
    """The language of a conversation, and whether the person chose it."""

    language: str | None = None
    chosen: bool = False


type LanguageMemory = Memory[Remembered]


class LanguagesInProcess(InProcess[Remembered]):
    """Languages of one process."""


class LanguagesInRedis(InRedis[Remembered]):
    """Languages that several processes share."""

    def __init__(self, url: str) -> None:
        super().__init__(url, REDIS_PREFIX, write=_write, read=_read)


def _write(remembered: Remembered) -> str:
    # An empty text would be no value.
    return (remembered.language or _NO_LANGUAGE) + (_CHOSEN if remembered.chosen else "")


def _read(text: str) -> Remembered:
    language = text.removesuffix(_CHOSEN)
    return Remembered(None if language == _NO_LANGUAGE else language, text.endswith(_CHOSEN))


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
