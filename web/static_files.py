"""Static files under a path with their fingerprint: kept by browsers for ever, as other content has another path."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web.pages import STATIC, static_version

FOR_EVER = "public, max-age=31536000, immutable"


class FingerprintedFiles(StaticFiles):
    """Serves ``/<fingerprint>/<file>``. A page of an older or newer process gets the file too, but must not keep it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(directory=STATIC, **options)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with the time for which it may be kept."""
        version, _, name = path.replace("\\", "/").partition("/")
        response = await super().get_response(name, scope)
        current = version == static_version() and response.status_code in {200, 304}
        response.headers["Cache-Control"] = FOR_EVER if current else "no-store"
        return response
