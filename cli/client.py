"""Talking to the running hub from the command line."""

from __future__ import annotations

from typing import Any

import httpx

from core.settings import Settings

TIMEOUT = 30.0


class NoHubError(Exception):
    """Nothing answers at the address."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


def hub_address(settings: Settings, url: str | None) -> str:
    """Where the hub is: the given address, else this machine at HUB_PORT."""
    return (url or settings.address).rstrip("/")


def ask(
    address: str, text: str, *, language: str | None = None, city: str | None = None, sender: str | None = None
) -> dict[str, Any]:
    """One turn through the API. Raises NoHubError."""
    with connect(address) as http:
        return ask_through(http, text, language=language, city=city, sender=sender)


def connect(address: str) -> httpx.Client:
    """A client for many turns."""
    return httpx.Client(base_url=address, timeout=TIMEOUT, trust_env=False)


def ask_through(
    http: httpx.Client, text: str, *, language: str | None = None, city: str | None = None, sender: str | None = None
) -> dict[str, Any]:
    """One turn through an open client. Raises NoHubError, also when something else answers there."""
    body = {"sender": sender, "message": text, "language": language, "city": city}
    try:
        response = http.post("/api/chat", json=body)
        answer: dict[str, Any] = response.json()
    except (httpx.HTTPError, ValueError):
        raise NoHubError(str(http.base_url).rstrip("/")) from None
    if response.is_error:
        raise SystemExit(answer.get("detail", response.status_code))
    return answer
