"""What this process alone remembers, for a while: it is in no table, and gone with the process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import Clock

MOST = 10_000
"""Chats; beyond it the oldest is forgotten first."""


@dataclass
class _Kept[T]:
    value: T
    until: datetime


class Recall[T]:
    """One thing for each chat, by its number."""

    def __init__(self, clock: Clock, lasting: timedelta) -> None:
        self._clock = clock
        self._lasting = lasting
        self._kept: dict[int, _Kept[T]] = {}

    def put(self, chat_id: int, value: T) -> None:
        """Remember it; the time runs anew."""
        self._kept.pop(chat_id, None)
        self._kept[chat_id] = _Kept(value, self._clock.now() + self._lasting)
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]

    def find(self, chat_id: int) -> T | None:
        kept = self._kept.get(chat_id)
        return kept.value if kept is not None and kept.until > self._clock.now() else None

    def drop(self, chat_id: int) -> None:
        """Forget it; a second time is no error."""
        self._kept.pop(chat_id, None)

    def sweep(self) -> list[T]:
        """Forget what is past its time; returns it."""
        now = self._clock.now()
        gone = [chat_id for chat_id, kept in self._kept.items() if kept.until <= now]
        return [self._kept.pop(chat_id).value for chat_id in gone]
