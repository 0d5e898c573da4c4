"""Signed links inside messages. Each opens one thing only; those that stand in a message's foot never expire.

An unsubscribe link must work years later (RFC 8058), also for somebody to whom a message was forwarded: it can take
one topic away and nothing else. A link for a purpose is refused for every other one, since each has a salt of its own.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum

from itsdangerous import BadData, Signer, URLSafeSerializer

from subscriptions.errors import LinkExpiredError
from subscriptions.models import ChannelName

GUEST_SIGNATURE = 16
ALL = "*"
"""In place of a topic: everything that is not required."""


class LinkPurpose(StrEnum):
    """What a link may do."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    SUCCESSOR = "successor"
    ANSWER_EVENT = "answer_event"
    EVENT_FEED = "event_feed"
    OPINION = "opinion"
    ASK = "ask"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class LinkContent:
    """What a link carries. ``topic`` is a topic's id or ``ALL``; ``about`` an event, a broadcast, a delivery
    or a file."""

    subscriber_id: str
    topic: str = ALL
    channel: ChannelName = ChannelName.EMAIL
    about: str = ""


class Links:
    """Signs and reads links with the hub's secret key."""

    def __init__(self, secret_key: str) -> None:
        self._serializers = {
            purpose: URLSafeSerializer(secret_key, salt=f"subscriptions.link.{purpose}") for purpose in LinkPurpose
        }
        self._once = Signer(secret_key, salt="subscriptions.link.once")
        self._guests = Signer(secret_key, salt="subscriptions.link.calendar").derive_key()

    def sign(self, purpose: LinkPurpose, content: LinkContent) -> str:
        """The token of a link."""
        data = [content.subscriber_id, content.topic, content.channel.value, content.about]
        return str(self._serializers[purpose].dumps(data))

    def read(self, purpose: LinkPurpose, token: str) -> LinkContent:
        """What a token carries. Raises LinkExpiredError when it was not signed by us for this purpose."""
        try:
            subscriber_id, topic, channel, about = self._serializers[purpose].loads(token)
            return LinkContent(subscriber_id, topic, ChannelName(channel), about)
        except (BadData, ValueError, TypeError):
            raise LinkExpiredError from None

    def sign_once(self, number: str) -> str:
        """The token of a link that works once (``confirmation``), from the random number that a delivery carries.

        The database holds the number and a hash of the token, and neither opens anything without the secret key.
        """
        return self._once.sign(number).decode()

    def sign_guest(self, event_uid: str, subscriber_id: str) -> str:
        """What stands behind the plus of the address that a guest's calendar answers to.

        Mail servers cut names at 64 letters and may change their case, so it is short and in lower case. It stays the
        same for all versions of the entry, since calendars know an entry by its organiser too.
        """
        content = f"{event_uid}/{subscriber_id}".encode()
        return subscriber_id + hmac.new(self._guests, content, "sha256").hexdigest()[:GUEST_SIGNATURE]

    def read_guest(self, event_uid: str, token: str) -> str:
        """The guest whose token it is, for this event. Raises LinkExpiredError."""
        subscriber_id = token[:-GUEST_SIGNATURE]
        if not hmac.compare_digest(self.sign_guest(event_uid, subscriber_id).encode(), token.encode()):
            raise LinkExpiredError
        return subscriber_id
