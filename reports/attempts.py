"""Limits of wrong receipts: enough for somebody who mistypes, far too few to find a code by trying."""

from __future__ import annotations

from datetime import timedelta

from core.rate_limits import Counted, Rate, RateLimits, neighbourhood_of, network_of
from reports.errors import TooManyAttemptsError

FOR_ONE = 10
"""Wrong codes in a row from one source; after them one more each six minutes."""
FOR_NEIGHBOURS = 120
"""Wrong codes an hour from one neighbourhood: nobody with many addresses uses up what all have together, and so keeps
everybody else from their answers."""
FOR_ALL = 6000
"""Wrong codes an hour from everybody together."""
PERIOD = timedelta(hours=1)
EVERYBODY = "everybody"


class Attempts:
    """Three levels of rates that refill evenly. Only wrong codes are counted."""

    def __init__(self, limits: RateLimits, *, for_one: int = FOR_ONE, for_all: int = FOR_ALL) -> None:
        self._limits = limits
        self._for_one = Rate("receipts-of-one", for_one, PERIOD, refills=True)
        self._for_neighbours = Rate("receipts-of-neighbours", FOR_NEIGHBOURS, PERIOD, refills=True)
        self._for_all = Rate("receipts-of-all", for_all, PERIOD, refills=True)

    async def begin(self, source: str) -> None:
        """Count an attempt as wrong until ``succeed`` takes it back. Raises TooManyAttemptsError."""
        wait = await self._limits.take(*self._counted(source))
        if wait > 0:
            raise TooManyAttemptsError(seconds=int(wait) + 1)

    async def succeed(self, source: str) -> None:
        """Give the attempt back."""
        await self._limits.give_back(*self._counted(source))

    def _counted(self, source: str) -> tuple[Counted, ...]:
        return (
            (self._for_one, network_of(source)),
            (self._for_neighbours, neighbourhood_of(source)),
            (self._for_all, EVERYBODY),
        )
