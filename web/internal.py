"""The assistant's way back into the hub: actions and wording, for nobody else (404 without the right header)."""

from __future__ import annotations

import hmac
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException

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


def act(hub: Hub, name: str, tracker: dict[str, Any]) -> dict[str, Any]:
    """The action's answer as the assistant wants it."""
    turn = Turn.from_tracker(tracker, wording=hub.wording, today=hub.clock.now().date())
    return run_action(name, turn).as_rasa(turn)
