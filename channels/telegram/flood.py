"""How many messages of one chat are read in a minute (design: 30)."""

from __future__ import annotations

from datetime import timedelta

from core.rate_limits import Rate, RateLimits

WINDOW = timedelta(minutes=1)
MESSAGES = Rate("telegram-messages", 30, WINDOW)
FORM_PRESSES = Rate("telegram-form", 120, WINDOW)
TOLD = Rate("telegram-told", 1, WINDOW)


class Flood:
    """Counts messages by chat."""

    def __init__(self, limits: RateLimits, rate: Rate) -> None:
        self._limits = limits
        self._rate = rate

    async def count(self, chat_id: int) -> tuple[int, bool]:
        """Count one message: seconds to wait (0 when it is within the limit), and whether that is to be said now.

        It is said once a minute, however many come.
        """
        wait = await self._limits.take((self._rate, str(chat_id)))
        if wait <= 0:
            return 0, False
        is_first = await self._limits.take((TOLD, f"{self._rate.name}/{chat_id}")) <= 0
        return max(1, round(wait)), is_first
