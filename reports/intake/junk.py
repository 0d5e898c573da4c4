"""Telling probable junk from reports. It is set apart for a person to look at: never refused, never deleted for it.

Only salted hashes are kept, for an hour (``core.rate_limits``).
"""

from __future__ import annotations

from datetime import timedelta

from core.normalise import words
from core.rate_limits import Rate, RateLimits, network_of

WINDOW = timedelta(hours=1)
MOST_OF_ONE_SOURCE = 3
"""Reports of one source within the window that count as usual, whatever they say."""
MOST_WITH_OWN_WORDS = 20
"""So many where each says something else, in words of its own: an advice desk, a shelter, an onion service or a network
of telephones is one address for many people."""
FEWEST_OWN_LETTERS = 40
"""What is shorter has no words of its own."""
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
        of_source = await self._limits.count(SOURCES, network_of(source)) if source else 0
        of_text = await self._limits.count(TEXTS, normal) if normal else 0
        has_own_words = of_text == 1 and sum(map(str.isalpha, normal)) >= FEWEST_OWN_LETTERS
        most = MOST_WITH_OWN_WORDS if has_own_words else MOST_OF_ONE_SOURCE
        return of_source > most or of_text > MOST_OF_ONE_TEXT or _says_nothing(story)


def _says_nothing(story: str | None) -> bool:
    """A text that is only an address of the web, or one or two letters again and again. No text is no such text."""
    if not story:
        return False
    letters = [char for char in story if char.isalpha()]
    only_links = all(part.startswith(("http://", "https://", "www.")) for part in story.split())
    return only_links or not letters or (len(letters) > LONG_FOR_TWO_LETTERS and len(set(letters)) <= 2)
