"""A mark in a page that its form can be sent once and soon, so that "Back" on a shared computer sends nothing again.

A browser keeps what was posted, and offers to post it again to whoever presses "Back" after somebody has left. Neither
a cookie nor an address tells such a page from a new one, so the page carries the moment when it was made, signed, and
that it was used is remembered for as long as it could be used (in memory, as limits are).
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta

from core.rate_limits import Rate
from web.pages import Page

LASTS = timedelta(minutes=30)
GRACE = 10.0
"""Seconds in which a page may come again: somebody pressed twice."""
USED = Rate("pages-used", 1, LASTS)


def make_mark(page: Page) -> str:
    """For a hidden field."""
    made = f"{int(page.hub.clock.now().timestamp())}.{secrets.token_hex(8)}"
    return f"{made}.{_sign(page, made)}"


def is_fresh(page: Page, mark: str) -> bool:
    """Whether the page was made by us, a short while ago."""
    made, _, signature = mark.rpartition(".")
    if not made or not hmac.compare_digest(signature.encode(), _sign(page, made).encode()):
        return False
    age = page.hub.clock.now().timestamp() - int(made.partition(".")[0])
    return age < LASTS.total_seconds()


async def is_first_use(page: Page, mark: str) -> bool:
    """Note that a page did what it was for; False when it did so before, more than a moment ago."""
    wait = await page.hub.rates.take((USED, mark))
    return wait <= 0 or wait > LASTS.total_seconds() - GRACE


def _sign(page: Page, made: str) -> str:
    key = page.hub.settings.load_secret_key().encode()
    return hmac.new(key, f"fresh-page:{made}".encode(), "sha256").hexdigest()[:32]
