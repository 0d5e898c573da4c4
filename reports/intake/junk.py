"""Telling probable junk from reports. It is set apart for a person to look at: never refused, never deleted for it.

Only salted hashes are kept, in this process's memory, for an hour.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from datetime import datetime, timedelta

from core.normalise import words

WINDOW = timedelta(hours=1)
MOST_OF_ONE_SOURCE = 3
"""Reports of one source within the window that count as usual: a family, an advice desk, several people behind one
address write more now and then, and then theirs are set apart and read all the same."""
MOST_OF_ONE_TEXT = 3
LONG_FOR_TWO_LETTERS = 12


class JunkWatch:
    """Remembers for an hour how often a source and a text came."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)
        self._seen: dict[bytes, deque[datetime]] = {}

    def is_suspect(self, story: str | None, *, source: str | None, now: datetime) -> bool:
        """Whether this report should be set apart; counts it."""
        self._forget(now)
        normal = " ".join(words(story or ""))
        too_often = [
            self._count(b"source", source, now) > MOST_OF_ONE_SOURCE if source else False,
            self._count(b"text", normal, now) > MOST_OF_ONE_TEXT if normal else False,
        ]
        return any(too_often) or _says_nothing(story)

    def _count(self, what: bytes, value: str, now: datetime) -> int:
        name = hashlib.blake2b(value.encode(), digest_size=16, salt=self._salt, person=what).digest()
        times = self._seen.setdefault(name, deque())
        times.append(now)
        return len(times)

    def _forget(self, now: datetime) -> None:
        for name, times in list(self._seen.items()):
            while times and now - times[0] >= WINDOW:
                times.popleft()
            if not times:
                del self._seen[name]


def _says_nothing(story: str | None) -> bool:
    """A text that is only an address of the web, or one or two letters again and again. No text is no such text."""
    if not story:
        return False
    letters = [char for char in story if char.isalpha()]
    only_links = all(part.startswith(("http://", "https://", "www.")) for part in story.split())
    return only_links or not letters or (len(letters) > LONG_FOR_TWO_LETTERS and len(set(letters)) <= 2)
