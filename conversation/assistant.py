"""The way to the assistant: Rasa's REST channel on loopback or the internal network.

Rasa hides errors: a failed action gives HTTP 200 and ``[]``. Both count as "unavailable" here.
"""

from __future__ import annotations

import hmac
import json
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from conversation.connections import Connections
from conversation.errors import AssistantUnavailableError
from core.settings import Settings

ANSWER_TIMEOUT = 15.0
"""Seconds after which the assistant counts as unavailable."""
UNAVAILABLE = (OSError, ValueError)
"""What a call raises when nothing (sensible) comes back; a timeout is an OSError."""


class Assistant(Protocol):
    """Understands one message and decides; the answer is what our own action said."""

    async def ask(self, sender: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]: ...

    async def forget(self, sender: str) -> None:
        """Forget what was said. Raises AssistantUnavailableError when it is not sure that it did."""
        ...

    async def is_ready(self) -> bool: ...


class RasaAssistant:
    """The assistant behind HUB_ASSISTANT_URL."""

    def __init__(self, url: str) -> None:
        self._connections = Connections(url)

    async def ask(self, sender: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]:
        """Send a message. Raises AssistantUnavailableError."""
        body = {"sender": sender, "message": text, "metadata": metadata}
        try:
            messages = await self._call("POST", "/webhooks/rest/webhook", body, timeout=ANSWER_TIMEOUT)
        except UNAVAILABLE as error:
            raise AssistantUnavailableError(reason=type(error).__name__) from error
        for message in messages:
            if "custom" in message:
                custom: dict[str, Any] = message["custom"]
                return custom
        raise AssistantUnavailableError(reason="empty answer")

    async def forget(self, sender: str) -> None:
        """Restart the conversation. Raises AssistantUnavailableError; what is left then goes within the hour."""
        path = f"/conversations/{quote(sender, safe='')}/tracker/events"
        try:
            content = json.dumps({"event": "restart"}).encode()
            status, _ = await self._connections.request("POST", path, content, timeout=ANSWER_TIMEOUT)
        except UNAVAILABLE as error:
            raise AssistantUnavailableError(reason=type(error).__name__) from error
        if status != HTTPStatus.OK:
            raise AssistantUnavailableError(reason=f"status {status}")

    async def is_ready(self) -> bool:
        """Whether it is up with a model loaded."""
        try:
            status = await self._call("GET", "/status", None, timeout=2.0)
        except UNAVAILABLE:
            return False
        return isinstance(status, dict) and bool(status.get("model_file"))

    async def close(self) -> None:
        self._connections.close()

    async def _call(self, method: str, path: str, body: dict[str, Any] | None, *, timeout: float) -> Any:
        """The answer's JSON, or an empty list for any other status than 200. Raises one of UNAVAILABLE."""
        content = b"" if body is None else json.dumps(body).encode()
        status, answer = await self._connections.request(method, path, content, timeout=timeout)
        return json.loads(answer) if status == HTTPStatus.OK else []


def internal_token(settings: Settings) -> str:
    """What the assistant shows when it calls the hub back (header X-Hub-Internal): an HMAC-SHA256 (RFC 2104)."""
    if settings.internal_token is not None:
        return settings.internal_token.get_secret_value()
    return hmac.new(settings.load_secret_key().encode(), b"hub-internal", "sha256").hexdigest()
