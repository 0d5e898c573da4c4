"""Telling probable junk from reports. It is set apart for a person to look at: never refused, never deleted for it.

Only salted hashes are kept, for an hour (``core.rate_limits``).
"""

from __future__ import annotations

from datetime import timedelta

from core.normalise import words
from core.rate_limits import Rate, RateLimits, network_of

WINDOW = timedelta(hours=1)
MOST_OF_ONE_SOURCE = 3
"""Reports of one source within the window that count as usual: a family, an advice desk, several people behind one
address write more now and then, and then theirs are set apart and read all the same."""
MOST_OF_ONE_TEXT = 3
LONG_FOR_TWO_LETTERS = 12
SOURCES = Rate("reports-of-one", MOST_OF_ONE_SOURCE, WINDOW)
TEXTS = Rate("reports-in-the-same-words", MOST_OF_ONE_TEXT, WINDOW)


class JunkWatch:
    """Counts for an hour how often a source and a text came."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits

    async def is_suspect(self, story: str | None, *, source: str | None) -> bool:
        """Whether this report should be set apart; counts it."""
        normal = " ".join(words(story or ""))
        too_often = [
            await self._is_more(SOURCES, network_of(source)) if source else False,
            await self._is_more(TEXTS, normal) if normal else False,
        ]
        return any(too_often) or _says_nothing(story)

    async def _is_more(self, rate: Rate, who: str) -> bool:
        return await self._limits.count(rate, who) > rate.most


def _says_nothing(story: str | None) -> bool:
    """A text that is only an address of the web, or one or two letters again and again. No text is no such text."""
    if not story:
        return False
    letters = [char for char in story if char.isalpha()]
    only_links = all(part.startswith(("http://", "https://", "www.")) for part in story.split())
    return only_links or not letters or (len(letters) > LONG_FOR_TWO_LETTERS and len(set(letters)) <= 2)
