"""Addresses of the pages that messages lead to. The pages themselves are in ``web``; here is only where they are.

Whatever stands in a message is signed (``links``) or works once (``confirmation``). Opening an address changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

UNSUBSCRIBE = "/m/unsubscribe"
OPINION = "/m/opinion"
ASK = "/m/ask"
FILE = "/m/file"
SUCCESSOR = "/m/successor"
PREFERENCES = "/preferences/open"
CONFIRM = "/preferences/confirm"
SIGN_IN = "/preferences/enter"
TELEGRAM = "/preferences/telegram"
HANDOVER = "/preferences/handover"
OWN_CITY = "/preferences/own-city"
EVENT_ANSWER = "/events/answer"
EVENT_FEED = "/events/feed"


@dataclass(frozen=True, slots=True)
class Pages:
    """``base`` is the hub's public address without a slash at its end."""

    base: str

    def url(self, page: str, token: str, /, **query: str) -> str:
        """The address of one of the pages above, for a token."""
        return f"{self.base}{page}/{quote(token, safe='-_.')}" + (f"?{urlencode(query)}" if query else "")
