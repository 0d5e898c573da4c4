"""Connecting a Telegram chat: a page or a mail shows a deep link, and the bot gets what stands in it with /start.

A deep link may carry letters, digits, "_" and "-" only, 64 at most, so the dot before the signature is left out of it.
"""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.city_defaults import is_telegram_off
from subscriptions.confirmation import Purpose, peek, use
from subscriptions.errors import LinkExpiredError, TelegramOffError
from subscriptions.models import Subscriber
from subscriptions.subscribers import get_subscriber, link_telegram
from subscriptions.topics import Topics

START = "me_"
"""How the parameter of such a link begins; the bot's other deep links begin otherwise."""
_NUMBER = 32
"""Characters of the random number in a token, before the dot."""


def start_parameter(token: str) -> str:
    """What follows ``?start=`` in the deep link, for the token of a link with ``Purpose.TELEGRAM``."""
    return f"{START}{token.replace('.', '', 1)}"


async def link_by_start(
    session: AsyncSession, parameter: str, chat_id: int, *, topics: Topics, clock: Clock
) -> Subscriber:
    """Connect the chat that sent the parameter; works once. Commits.

    Raises LinkExpiredError for a parameter that is none of ours, and TelegramOffError where the city wants no Telegram
    for its staff; the link is not used up then.
    """
    if not parameter.startswith(START):
        raise LinkExpiredError
    rest = parameter.removeprefix(START)
    token = f"{rest[:_NUMBER]}.{rest[_NUMBER:]}"
    confirmation = await peek(session, Purpose.TELEGRAM, token, clock=clock)
    subscriber = await get_subscriber(session, confirmation.subscriber_id)
    if subscriber.left_at is not None:
        raise LinkExpiredError
    if subscriber.city is not None and await is_telegram_off(session, subscriber.city):
        raise TelegramOffError
    await link_telegram(session, subscriber.id, chat_id, clock=clock)
    await use(session, Purpose.TELEGRAM, token, topics=topics, clock=clock)
    return subscriber
