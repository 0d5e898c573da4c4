"""What the hub remembers of a conversation, for an hour and never on disk: its language, and whose turn it is."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

LIFETIME = 3600.0
"""Seconds after the last message."""
MOST_CONVERSATIONS = 50_000


@dataclass(frozen=True)
class Remembered:
    """The language of a conversation, and whether the person chose it."""

    language: str | None = None
    chosen: bool = False


class ConversationMemory:
    """Languages and turn order of conversations, forgotten after an hour."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[float, Remembered]] = OrderedDict()
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}

    def get(self, sender_key: str) -> Remembered:
        known = self._known.get(sender_key)
        if known is None or known[0] < time.monotonic():
            return Remembered()
        return known[1]

    def set_language(self, sender_key: str, language: str, *, chosen: bool) -> None:
        """Remember the language; a choice stays a choice until the next one."""
        before = self.get(sender_key)
        if before.chosen and not chosen:
            language = before.language or language
        self._known[sender_key] = (
            time.monotonic() + LIFETIME,
            replace(before, language=language, chosen=before.chosen or chosen),
        )
        self._known.move_to_end(sender_key)
        while len(self._known) > MOST_CONVERSATIONS:
            self._known.popitem(last=False)

    @asynccontextmanager
    async def turn(self, sender_key: str) -> AsyncIterator[None]:
        """One message of a conversation at a time, in the order of arrival."""
        lock, waiting = self._turns.get(sender_key, (asyncio.Lock(), 0))
        self._turns[sender_key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns.pop(sender_key)
            if waiting > 1:
                self._turns[sender_key] = (lock, waiting - 1)
