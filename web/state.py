"""What requests find on the application: the parts that app.py built and wired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from conversation.assistant import Assistant
from conversation.replies import Wording
from conversation.service import Conversations
from core.clock import Clock
from core.database import Database
from core.settings import Settings
from web.limits import MessageLimits


@dataclass(frozen=True)
class Hub:
    """The wired parts of one hub process."""

    settings: Settings
    database: Database
    clock: Clock
    wording: Wording
    assistant: Assistant
    conversations: Conversations
    limits: MessageLimits
    internal_token: str


def get_hub(request: Request) -> Hub:
    """The hub of this application."""
    hub: Hub = request.app.state.hub
    return hub


HubParts = Annotated[Hub, Depends(get_hub)]
