"""How many messages of one chat are read in a minute (design: 30). In memory, and nothing older than a minute."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field

MOST = 30
WINDOW = 60.0
MOST_CHATS = 50_000


@dataclass
class _Minute:
    moments: deque[float] = field(default_factory=deque)
    told: bool = False


class Flood:
    """Counts messages by chat."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._minutes: OrderedDict[int, _Minute] = OrderedDict()

    def count(self, chat_id: int, *, now: float | None = None) -> tuple[int, bool]:
        """Count one message: seconds to wait (0 when it is within the limit), and whether it is the first beyond."""
        now = time.monotonic() if now is None else now
        minute = self._minutes.setdefault(chat_id, _Minute())
        self._minutes.move_to_end(chat_id)
        while len(self._minutes) > MOST_CHATS:
            self._minutes.popitem(last=False)
        while minute.moments and minute.moments[0] <= now - WINDOW:
            minute.moments.popleft()
        if len(minute.moments) < self._most:
            minute.moments.append(now)
            minute.told = False
            return 0, False
        is_first, minute.told = not minute.told, True
        return max(1, round(minute.moments[0] + WINDOW - now)), is_first
