"""QR codes as drawings inside a page, so that no image is fetched for them."""

from __future__ import annotations

import io

import segno
from markupsafe import Markup


def qr_drawing(text: str) -> Markup:
    """The code as markup. Always black on white with its margin, since a camera needs that in a dark page too."""
    return Markup(_make(text).svg_inline(omitsize=True, **_LOOK))  # noqa: S704 -- drawn by segno from numbers alone


def qr_file(text: str) -> bytes:
    """The code as an SVG file for printing."""
    out = io.BytesIO()
    _make(text).save(out, kind="svg", scale=8, **_LOOK)
    return out.getvalue()


_LOOK = {"border": 4, "dark": "#000", "light": "#fff"}


def _make(text: str) -> segno.QRCode:
    return segno.make(text, error="m", micro=False)
