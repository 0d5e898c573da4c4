"""The mail server as HUB_SMTP_URL names it, and what its answers mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from channels.base import ChannelUnavailableError, RecipientRefusedError
from core.errors import ConfigurationError

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_NOBODY_THERE = frozenset({550, 551, 553, 556})
"""Codes that speak of the mailbox, where the server gives no enhanced one (RFC 3463)."""
_LOG_IN_FIRST = frozenset({530, 534, 535, 538})


class Tls(StrEnum):
    """How a connection is encrypted."""

    IMPLICIT = "implicit"
    REQUIRED = "required"
    """By STARTTLS, or not at all."""
    OFFERED = "offered"
    """By STARTTLS when the server offers it."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail goes, how fast, and how long to wait for each answer (seconds)."""

    host: str
    port: int
    tls: Tls = Tls.OFFERED
    user: str | None = None
    password: str | None = None
    connections: int = 4
    rate: float | None = None
    """Messages a second."""
    patience_to_connect: float = 20.0
    patience: float = 30.0
    patience_for_data: float = 300.0
    """A server that has taken a mail may think for minutes; giving up early would send it twice (RFC 5321, 4.5.3.2)."""

    @classmethod
    def parse(cls, url: str) -> SmtpServer:
        """From ``smtp[s]://user:password@host:port?connections=4&rate=10&tls=none``. Raises ConfigurationError."""
        try:
            return cls._parse(url)
        except (ValueError, KeyError):
            # The address holds a password, so it is not repeated.
            raise ConfigurationError(reason="HUB_SMTP_URL is no address of a mail server") from None

    @classmethod
    def _parse(cls, url: str) -> SmtpServer:
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
        if (
            parts.scheme not in {"smtp", "smtps"}
            or not parts.hostname
            or options.keys() - {"connections", "rate", "tls"}
        ):
            raise ValueError(parts.scheme)
        password = unquote(parts.password) if parts.password else None
        # A password is never said in clear unless somebody wrote that it may be.
        tls = Tls(options.get("tls", Tls.REQUIRED if password else Tls.OFFERED))
        if parts.scheme == "smtps":
            tls = Tls.IMPLICIT
        connections, rate = int(options.get("connections", 4)), float(options.get("rate", 0))
        if not 1 <= connections <= 100 or rate < 0:
            raise ValueError(connections)
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls is Tls.IMPLICIT else 587 if password else 25),
            tls=tls,
            user=unquote(parts.username) if parts.username else None,
            password=password,
            connections=connections,
            rate=rate or None,
        )


def refusal(code: int, message: str, step: str) -> RecipientRefusedError | ChannelUnavailableError:
    """What a server's answer means for a mail. Its words may hold an address, so only the codes are kept."""
    found = _ENHANCED.match(message)
    enhanced = found[1] if found else ""
    words = " ".join(filter(None, [str(code), enhanced, step]))
    if code < 500:
        return ChannelUnavailableError(words)
    if step == "mail" or code in _LOG_IN_FIRST:
        # We are refused, not the reader: nobody's address is struck off for it.
        return ChannelUnavailableError(words, whole=True)
    return RecipientRefusedError(words, lasting=is_lasting(code, enhanced))


def is_lasting(code: int, enhanced: str) -> bool:
    """Whether a refusal means that the mailbox is not there (any more): a full one, a policy or a mail that is too
    large say nothing against the address."""
    if not enhanced or enhanced == "5.0.0":
        return code in _NOBODY_THERE
    return enhanced.startswith("5.1.") or enhanced == "5.2.1"
