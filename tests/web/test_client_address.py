"""Whose address the limits count behind proxies."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from core.settings import Settings
from web.limits import client_address


@pytest.mark.parametrize(
    ("peer", "lines", "counted"),
    [
        ("10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
        ("10.1.2.3", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        # A proxy that adds a line of its own, below the one that the client made up.
        ("10.1.2.3", ["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
        ("2001:db8::7", ["203.0.113.9"], "203.0.113.9"),
        ("192.0.2.1", ["203.0.113.9"], "203.0.113.9"),
        ("192.0.2.2", ["203.0.113.9"], "192.0.2.2"),
        ("127.0.0.1", [], None),
    ],
)
def test_only_what_a_named_proxy_saw_itself_is_believed(peer: str, lines: list[str], counted: str | None) -> None:
    trusted = Settings(trusted_proxies="192.0.2.1, 10.0.0.0/8, 2001:db8::/32").trusted_proxy_addresses
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    connection = HTTPConnection({"type": "http", "client": (peer, 1), "headers": headers})
    assert client_address(connection, trusted) == counted


@pytest.mark.parametrize("value", ["proxy.example.org", "10.0.0.0/64", "10.0.0.1 10.0.0.2"])
def test_a_proxy_that_is_no_address_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(trusted_proxies=value)
