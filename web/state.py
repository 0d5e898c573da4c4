"""What requests find on the application: the parts that app.py built and wired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Protocol

from fastapi import Depends, Request

from channels.base import DeliveryChannel, ReadyMail
from channels.forms import CaseReturn, GuidedForm
from conversation.assistant import Assistant
from conversation.replies import Wording
from conversation.service import Conversations
from conversation.wishes.talk import PreferencesTalk
from core.clock import Clock
from core.database import Database
from core.rate_limits import RateLimits
from core.settings import Settings
from core.translation.translator import Translator as MachineTranslator
from identity.throttle import Throttle
from knowledge.corrections import LiveCorrections
from knowledge.written.live import LiveAnswers
from reports.contents import Report
from reports.returning import DeadlineNotes
from subscriptions.broadcasts.workshop import Workshop
from subscriptions.links import Links
from web.limits import MessageLimits

type LegalDay = Callable[[Report], date | None]


class Notify(Protocol):
    """Writes one sentence of the catalogue to a chat; False when the chat is to be forgotten."""

    async def __call__(self, chat_id: int, key: str, language: str) -> bool: ...


class Translator(Protocol):
    """Translates on this machine alone, since it reads reports. None: it cannot, between these two languages."""

    async def __call__(self, text: str, *, source: str, target: str) -> str | None: ...


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
    rates: RateLimits
    """How often somebody may do something, counted for every process where Redis is there."""
    internal_token: str
    links: Links
    """Signs and reads the links in messages."""
    throttle: Throttle
    """Counts attempts to sign in."""
    talk: PreferencesTalk | None = None
    """Choosing messages by saying it, and by buttons of a chat."""
    form: GuidedForm | None = None
    """The guided report; None while reports are not open."""
    cases: CaseReturn | None = None
    """Coming back with a receipt."""
    deadlines: DeadlineNotes | None = None
    """What to say of legal time limits for a report."""
    legal_day: LegalDay | None = None
    """When the first legal time limit of a report may end."""
    notify: Notify | None = None
    """Tells a Telegram chat that asked for it that there is a message; None while that channel is off."""
    mail: DeliveryChannel[ReadyMail] | None = None
    """Mail that is not queued, to the team itself."""
    telegram_name: Callable[[], str | None] | None = None
    """What the Telegram bot is called (t.me/<name>); None while that channel is off."""
    workshop: Workshop | None = None
    """What the team writes messages with."""
    corrections: LiveCorrections | None = None
    """What the team says of contacts of services, taken up while the hub runs."""
    answers: LiveAnswers | None = None
    """What the team answers in its own words, taken up while the hub runs."""
    machine: MachineTranslator | None = None
    """Machine translation, and which languages are installed for it."""
    translator: Translator | None = None
    """Translates between officers and reporters; None where nothing is installed for it."""


async def get_hub(request: Request) -> Hub:
    """The hub of this application."""
    # A coroutine, since FastAPI sends plain functions to a thread, which takes longer than they do.
    hub: Hub = request.app.state.hub
    return hub


HubParts = Annotated[Hub, Depends(get_hub)]
