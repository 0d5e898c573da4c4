"""Builds the channel from its parts; called by app.py when there is a token."""

from __future__ import annotations

from channels.telegram.bot import TelegramBot
from channels.telegram.channel import TelegramChannel
from channels.telegram.contract import HubSide
from channels.telegram.limiter import Limits, TelegramLimiter
from channels.telegram.runner import TelegramRunner, Timing
from channels.telegram.state import TelegramState
from core.clock import Clock
from core.database import Database
from core.texts import Texts


def build_runner(
    *,
    token: str,
    api_url: str | None,
    webhook_url: str | None,
    webhook_secret: str,
    public_url: str | None,
    hub: HubSide,
    database: Database,
    clock: Clock,
    texts: Texts,
    timing: Timing | None = None,
    limits: Limits | None = None,
) -> TelegramRunner:
    """One process's part of the channel."""
    bot = TelegramBot(token, api_url=api_url, limiter=TelegramLimiter(limits))
    state = TelegramState(database, clock)
    channel = TelegramChannel(bot=bot, hub=hub, texts=texts, state=state, clock=clock, public_url=public_url)
    return TelegramRunner(
        bot=bot,
        channel=channel,
        hub=hub,
        state=state,
        texts=texts,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
        timing=timing,
    )
