"""Whether this process lives, and whether the whole of it can answer."""

from __future__ import annotations

from fastapi import APIRouter, Response

from web.state import HubParts

router = APIRouter(prefix="/health", include_in_schema=False)


@router.get("/live")
async def live() -> dict[str, str]:
    """This process answers."""
    return {"status": "live"}


@router.get("/ready")
async def ready(hub: HubParts, response: Response) -> dict[str, bool]:
    """The assistant answers too; 503 while it starts, although the hub can be used without it."""
    assistant = await hub.assistant.is_ready()
    response.status_code = 200 if assistant else 503
    return {"assistant": assistant}
