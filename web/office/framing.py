"""Showing a mail as it will look: its HTML as a page of its own, for a frame that can do nothing.

Use it in an ``<iframe sandbox src=…>`` of a page of the back office; no script runs, nothing is fetched, no link leads
anywhere.
"""

from __future__ import annotations

from fastapi.responses import HTMLResponse

FRAME_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


def framed(html: str) -> HTMLResponse:
    """The HTML of a mail, shut in."""
    return HTMLResponse(html, headers={"Content-Security-Policy": FRAME_POLICY})
