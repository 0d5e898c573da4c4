"""The way to the assistant: Rasa's REST channel on loopback or the internal network.

Rasa hides errors: a failed action gives HTTP 200 and ``[]``. Both count as "unavailable" here.
"""

from __future__ import annotations

import hmac
from typing import Any, Protocol

import httpx

from conversation.errors import AssistantUnavailableError
from core.settings import Settings

ANSWER_TIMEOUT = 15.0
"""Seconds after which the assistant counts as unavailable."""


class Assistant(Protocol):
    """Understands one message and decides; the answer is what our own action said."""

    async def ask(self, sender: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]: ...

    async def is_ready(self) -> bool: ...


class RasaAssistant:
    """The assistant behind HUB_ASSISTANT_URL."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        self._client = httpx.AsyncClient(base_url=url, timeout=ANSWER_TIMEOUT, limits=limits, trust_env=False)

    async def ask(self, sender: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]:
        """Send a message. Raises AssistantUnavailableError."""
        body = {"sender": sender, "message": text, "metadata": metadata}
        try:
            response = await self._client.post("/webhooks/rest/webhook", json=body)
            messages = response.json() if response.status_code == httpx.codes.OK else []
        except (httpx.HTTPError, ValueError) as error:
            raise AssistantUnavailableError(reason=type(error).__name__) from error
        for message in messages:
            if "custom" in message:
                custom: dict[str, Any] = message["custom"]
                return custom
        raise AssistantUnavailableError(reason="empty answer")

    async def is_ready(self) -> bool:
        """Whether it is up with a model loaded."""
        try:
            response = await self._client.get("/status", timeout=2.0)
            return response.status_code == httpx.codes.OK and bool(response.json().get("model_file"))
        except (httpx.HTTPError, ValueError):
            return False

    async def close(self) -> None:
        await self._client.aclose()


def internal_token(settings: Settings) -> str:
    """What the assistant shows when it calls the hub back (header X-Hub-Internal): an HMAC-SHA256 (RFC 2104)."""
    if settings.internal_token is not None:
        return settings.internal_token.get_secret_value()
    return hmac.new(settings.load_secret_key().encode(), b"hub-internal", "sha256").hexdigest()
