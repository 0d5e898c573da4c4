"""The assistant's way back into the hub: actions and wording, for nobody else (404 without the right header)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException
from fastapi.responses import FileResponse, Response

from bot.actions.registry import ACTIONS, run_action
from bot.actions.turn import Turn
from core.languages import LANGUAGES, SOURCE_LANGUAGE
from web.state import Hub, HubParts

log = logging.getLogger(__name__)


async def require_internal(hub: HubParts, x_hub_internal: Annotated[str | None, Header()] = None) -> None:
    """Let only the assistant in; anybody else finds nothing here."""
    # A coroutine, since FastAPI sends plain functions to a thread, which takes longer than they do.
    if not hmac.compare_digest((x_hub_internal or "").encode(), hub.internal_token.encode()):
        raise HTTPException(404)


router = APIRouter(prefix="/internal/rasa", include_in_schema=False, dependencies=[Depends(require_internal)])


@router.post("/actions")
async def actions(hub: HubParts, call: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Run one action (https://rasa.com/docs/rasa/pages/action-server-api)."""
    name = str(call.get("next_action"))
    if name not in ACTIONS:
        raise HTTPException(404)
    return act(hub, name, call.get("tracker") or {})


@router.post("/nlg")
async def nlg(hub: HubParts, call: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """The wording of a response that the assistant itself utters (https://rasa.com/docs/rasa/nlg)."""
    metadata = ((call.get("tracker") or {}).get("latest_message") or {}).get("metadata") or {}
    language = metadata.get("reply_language")
    language = language if language in LANGUAGES else SOURCE_LANGUAGE
    return {"text": hub.wording.texts.get("chat.closest", language), "buttons": []}


@router.get("/model")
async def model(hub: HubParts, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """The newest model; 304 for who has it already, 404 while there is none."""
    found = await asyncio.to_thread(_newest_model, hub.settings.models_dir)
    if found is None:
        raise HTTPException(404)
    path, mark = found
    headers = {"ETag": f'"{mark}"', "Cache-Control": "no-cache"}
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type="application/gzip", headers=headers)


def _newest_model(folder: Path) -> tuple[Path, str] | None:
    # A name with a dot in front is not whole yet.
    files = [(path.stat().st_mtime_ns, path) for path in folder.glob("[!.]*.tar.gz")]
    if not files:
        return None
    changed_at, path = max(files)
    return path, _fingerprint(path, changed_at)


@lru_cache(maxsize=4)
def _fingerprint(path: Path, _changed_at: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def act(hub: Hub, name: str, tracker: dict[str, Any]) -> dict[str, Any]:
    """The action's answer as the assistant wants it."""
    turn = Turn.from_tracker(tracker, wording=hub.wording, today=hub.clock.now().date())
    return run_action(name, turn).as_rasa(turn)
