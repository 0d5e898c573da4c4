"""Who chooses in this browser: a signed cookie, set by a link from one of our messages. The chat reads it too.

A link that was asked for and works once proves that its mailbox is read now. The link at the foot of a message proves
less, since messages are forwarded: it lets people choose, and do nothing that would hand somebody's data or address to
another. The cookie goes to the preference pages and to the chat's addresses alone, so a report never carries it.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from fastapi import Request
from fastapi.responses import Response
from itsdangerous import BadData, URLSafeSerializer

from core.clock import Clock
from subscriptions.models import ChannelName
from web.pages import Page, get_page
from web.session_cookies import cookie_name, drop_cookie, form_token, set_cookie
from web.state import Hub

COOKIE = "preferences"
PATHS = ("/preferences", "/api/chat", "/chat")
LASTING = timedelta(hours=12)


class OpenedBy(StrEnum):
    """What kind of link began a session."""

    ONCE = "once"
    """Asked for, and works once."""
    FOOT = "foot"
    """From the foot of a message; works for ever, also for who got it forwarded."""


@dataclass(frozen=True, slots=True)
class PreferenceSession:
    """Somebody's stay at the preference centre. ``channel`` is the one whose message was opened."""

    subscriber_id: str
    opened_by: OpenedBy
    channel: ChannelName
    secret: str = field(repr=False)
    """The cookie."""

    @property
    def is_proven(self) -> bool:
        """Whether the person showed a moment ago that they read the mailbox."""
        return self.opened_by is OpenedBy.ONCE

    @property
    def token(self) -> str:
        """What each form carries; it follows from the cookie, which no other site can read."""
        return form_token(self.secret, "pref")

    def is_ours(self, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(token.encode(), self.token.encode())


def find_preference_session(request: Request, hub: Hub) -> PreferenceSession | None:
    """Who is signed in to the preference centre in this browser. That they are still there is for the caller to see."""
    cookie = request.cookies.get(cookie_name(get_page(request, hub), COOKIE))
    return _read(cookie, hub.settings.load_secret_key(), hub.clock) if cookie else None


def begin_session(hub: Hub, subscriber_id: str, opened_by: OpenedBy, channel: ChannelName) -> PreferenceSession:
    """A new session; ``set_session`` gives it to the browser."""
    began = int(hub.clock.now().timestamp())
    data = [subscriber_id, opened_by.value, channel.value, began, secrets.token_urlsafe(12)]
    cookie = str(_serializer(hub.settings.load_secret_key()).dumps(data))
    return PreferenceSession(subscriber_id, opened_by, channel, cookie)


def set_session(response: Response, page: Page, session: PreferenceSession) -> None:
    """Give it to the browser."""
    for path in PATHS:
        set_cookie(response, page, COOKIE, session.secret, path=path, lasting=LASTING)


def end_session(response: Response, page: Page) -> None:
    """Forget it."""
    for path in PATHS:
        drop_cookie(response, page, COOKIE, path=path)


def _read(cookie: str, secret_key: str, clock: Clock) -> PreferenceSession | None:
    try:
        subscriber_id, opened_by, channel, began, _ = _serializer(secret_key).loads(cookie)
        if datetime.fromtimestamp(began, UTC) + LASTING <= clock.now():
            return None
        return PreferenceSession(subscriber_id, OpenedBy(opened_by), ChannelName(channel), cookie)
    except (BadData, ValueError, TypeError):
        return None


def _serializer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt="web.preferences.session")
