"""The assistant's way back into the hub: actions and wording, for nobody else (404 without the right header)."""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException
from fastapi.responses import FileResponse, PlainTextResponse, Response

from bot.actions.registry import ACTIONS, run_action
from bot.actions.turn import Turn
from core.languages import LANGUAGES, SOURCE_LANGUAGE
from knowledge.written.lessons import read_lessons
from web.assistant_models import find_newest_model
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
    found = await asyncio.to_thread(find_newest_model, hub.settings)
    if found is None:
        raise HTTPException(404)
    headers = {"ETag": f'"{found.fingerprint}"', "Cache-Control": "no-cache"}
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return FileResponse(found.path, media_type="application/gzip", headers=headers)


@router.get("/examples")
async def examples(hub: HubParts, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """The team's own examples, to be learnt beside those of the files; 304 for who has them already.

    ``ETag`` is what the name of the model that learnt them ends with; ``""`` when there are none.
    """
    async with hub.database.session() as session:
        lessons = await read_lessons(session)
    headers = {"ETag": f'"{lessons.mark}"', "Cache-Control": "no-cache"}
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    age = int((hub.clock.now() - lessons.changed_at).total_seconds()) if lessons.changed_at else None
    if age is not None:
        headers["X-Changed-Seconds-Ago"] = str(max(age, 0))
    return PlainTextResponse(lessons.as_training_data(), media_type="application/yaml", headers=headers)


def act(hub: Hub, name: str, tracker: dict[str, Any]) -> dict[str, Any]:
    """The action's answer as the assistant wants it."""
    turn = Turn.from_tracker(tracker, wording=hub.wording, today=hub.clock.now().date())
    return run_action(name, turn).as_rasa(turn)
