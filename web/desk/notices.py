"""Tells a reporter's Telegram chat "you have a message", after the page has answered.

The chat's number is known only while an officer's key is open, so a notice that Telegram cannot take now is tried again
from memory, for some minutes, and is never written down. When all tries fail, the chat hears of it with the next
message; the answer is in the case all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from channels.base import ChannelUnavailableError
from reports import casework
from reports.casework import Replied
from web.desk.doorway import Visit
from web.state import Notify

log = logging.getLogger(__name__)

NOTICE = "telegram.notice"
TRIED_AGAIN_AFTER = (10.0, 60.0, 300.0, 900.0)
"""Seconds between two tries; longer where Telegram says so."""
LONGEST_WAIT = 1800.0

_waiting: set[asyncio.Task[None]] = set()


async def tell(
    visit: Visit, case_id: str, notify: Notify, replied: Replied, *, waits: Sequence[float] = TRIED_AGAIN_AFTER
) -> None:
    """Try once; returns when that is done, and tries again by itself. A chat where nobody reads any more is deleted
    from the case."""
    # What an error says may name the chat, so only its kind is logged.
    try:
        if not await notify(int(replied.notice_chat or ""), NOTICE, replied.notice_language):
            async with visit.page.hub.database.session() as session:
                await casework.forget_chat(session, visit.signed_in, case_id)
    except ChannelUnavailableError as error:
        if not waits:
            log.warning("desk_notice_failed kind=%s", type(error).__name__)
            return
        wait = min(max(waits[0], error.retry_after or 0.0), LONGEST_WAIT)
        task = asyncio.create_task(_tell_later(wait, visit, case_id, notify, replied, waits[1:]))
        _waiting.add(task)
        task.add_done_callback(_waiting.discard)
    except Exception as error:
        log.warning("desk_notice_failed kind=%s", type(error).__name__)


async def _tell_later(
    wait: float, visit: Visit, case_id: str, notify: Notify, replied: Replied, waits: Sequence[float]
) -> None:
    await asyncio.sleep(wait)
    await tell(visit, case_id, notify, replied, waits=waits)
