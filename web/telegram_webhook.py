"""Where Telegram sends updates when HUB_TELEGRAM_WEBHOOK_URL is set. Imported only then; without the secret, 404."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, HTTPException, Response

PATH = "/telegram/webhook"


def build_router(receive: Callable[[Any], Awaitable[bool]], *, secret: str) -> APIRouter:
    """The route. 503 asks Telegram to send the update again."""
    router = APIRouter(include_in_schema=False)

    @router.post(PATH)
    async def take_update(
        update: Annotated[Any, Body()], x_telegram_bot_api_secret_token: Annotated[str | None, Header()] = None
    ) -> Response:
        if not hmac.compare_digest((x_telegram_bot_api_secret_token or "").encode(), secret.encode()):
            raise HTTPException(404)
        return Response(status_code=200 if await receive(update) else 503)

    return router
