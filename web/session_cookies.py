"""Cookies of whoever is signed in, and the token that binds each form to them. Each part has its own path and names."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from starlette.responses import Response

from web.pages import Page


def form_token(secret: str, part: str) -> str:
    """Follows from the cookie, which no other site can read; the cookie does not follow from it."""
    return hashlib.blake2b(secret.encode(), digest_size=24, person=f"{part}-form".encode()).hexdigest()


def cookie_name(page: Page, name: str) -> str:
    """Browsers let only https pages set a cookie with the prefix."""
    return f"__Secure-{name}" if is_secure(page) else name


def is_secure(page: Page) -> bool:
    """Whether people reach the hub by https."""
    return (page.hub.settings.public_url or "").startswith("https://") or page.request.url.scheme == "https"


def set_cookie(response: Response, page: Page, name: str, value: str, *, path: str, lasting: timedelta) -> None:
    """For the pages below ``path`` alone, out of reach of scripts and other sites."""
    response.set_cookie(
        cookie_name(page, name),
        value,
        max_age=int(lasting.total_seconds()),
        path=path,
        secure=is_secure(page),
        httponly=True,
        samesite="strict",
    )


def drop_cookie(response: Response, page: Page, name: str, *, path: str) -> None:
    """Forget it."""
    secure = is_secure(page)
    response.delete_cookie(cookie_name(page, name), path=path, secure=secure, httponly=True, samesite="strict")
