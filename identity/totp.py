"""One-time codes of an authenticator app (TOTP, RFC 6238, six digits, thirty seconds)."""

from __future__ import annotations

import hmac
import unicodedata
from datetime import datetime

import pyotp

STEP_SECONDS = 30
DRIFT = 1
"""A clock may be one step off in either direction (RFC 6238 section 5.2)."""


def new_secret() -> str:
    """160 random bits in base 32, as apps take them."""
    return pyotp.random_base32()


def setup_address(secret: str, *, login: str, issuer: str) -> str:
    """What the QR code for the app holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def find_step(secret: str, code: str, *, now: datetime, after: int) -> int | None:
    """The time step that the code is of, or None. A step up to ``after`` was used and never counts again."""
    digits = "".join(str(unicodedata.digit(char)) for char in code if char.isdigit())
    totp = pyotp.TOTP(secret)
    present = int(now.timestamp()) // STEP_SECONDS
    matching = [
        step
        for step in range(present - DRIFT, present + DRIFT + 1)
        if hmac.compare_digest(totp.generate_otp(step), digits) and step > after
    ]
    return matching[0] if matching else None
