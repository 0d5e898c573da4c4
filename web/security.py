"""Headers that keep pages to themselves: no third party, no referrer, frames only where the settings allow them."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EMBEDDED_PAGE = "/embed"
PRIVATE_PAGES = ("/report/", "/desk/", "/office/")
"""Where reports are told and read, and where the team works: nothing of it stays in a browser or leaves it."""
OFFICE_PAGES = "/office/"
PRIVATE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
PRIVATE_PERMISSIONS = (
    "camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=(), serial=(), "
    "hid=(), midi=(), accelerometer=(), gyroscope=(), magnetometer=()"
)


def set_headers(headers: MutableHeaders, path: str, *, ancestors: str = "'none'") -> None:
    """Give the answer from this address its headers; ``ancestors`` may show it in a frame."""
    if (path + "/").startswith(PRIVATE_PAGES):
        policy = PRIVATE_POLICY
        if (path + "/").startswith(OFFICE_PAGES):
            # Mail is shown there in a frame that may do nothing (web/office/framing.py).
            policy += "; frame-src 'self'"
        headers.setdefault("Content-Security-Policy", policy)
        headers["Permissions-Policy"] = PRIVATE_PERMISSIONS
        headers["Cache-Control"] = "no-store"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["X-DNS-Prefetch-Control"] = "off"
    headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}",
    )
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    headers.setdefault("Cache-Control", "no-store")


class SecurityHeaders:
    """ASGI middleware that sets the headers on every answer."""

    def __init__(self, app: ASGIApp, *, embed_origins: list[str]) -> None:
        self._app = app
        self._embed_ancestors = " ".join(["'self'", *embed_origins])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        ancestors = self._embed_ancestors if scope["path"] == EMBEDDED_PAGE else "'none'"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                set_headers(MutableHeaders(scope=message), scope["path"], ancestors=ancestors)
            await send(message)

        await self._app(scope, receive, with_headers)
