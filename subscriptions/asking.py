"""Somebody says a mail address and wants a link, or wants to get our news for the first time.

Nothing here tells whether an address is known: these functions return nothing, and the edge calls them after it has
answered, so that the time tells nothing either. An address gets a few such mails an hour at most, whoever asks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.confirmation import Purpose, issue, queue_link
from subscriptions.links import Links
from subscriptions.models import ChannelName, Choice, Delivery
from subscriptions.preferences import change_preferences
from subscriptions.subscribers import create_subscriber, find_by_address
from subscriptions.topics import Topics

MOST_MAILS = 3
WITHIN = timedelta(hours=1)
"""More links to one person are not sent in this time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Newcomer:
    """What somebody new says of themselves. ``profile`` holds columns of ``Subscriber``."""

    name: str
    email: str
    choice: Choice | None = None
    profile: dict[str, Any] = field(default_factory=dict)


async def send_preferences_link(session: AsyncSession, email: str, *, links: Links, clock: Clock) -> None:
    """Send a link to the preferences to an address, if we know it, also of somebody who left. Commits."""
    found = await find_by_address(session, ChannelName.EMAIL, email)
    if found is not None:
        await send_link(session, found[0].id, Purpose.PREFERENCES, links=links, clock=clock)


async def send_link(
    session: AsyncSession,
    subscriber_id: str,
    purpose: Purpose,
    *,
    links: Links,
    clock: Clock,
    new_email: str | None = None,
) -> None:
    """Send a link of a purpose to a subscriber's mail address (``new_email``: to that one), a few times an hour.

    Commits. Raises what ``confirmation.issue`` does.
    """
    if await _had_enough(session, subscriber_id, clock):
        log.info("link_not_sent subscriber=%s purpose=%s", subscriber_id, purpose)
        return
    issued = await issue(session, subscriber_id, purpose, links=links, clock=clock, new_email=new_email)
    await queue_link(session, issued, clock=clock)


async def join(session: AsyncSession, newcomer: Newcomer, *, topics: Topics, links: Links, clock: Clock) -> None:
    """Take up somebody new, who has to confirm the address before anything is sent. Commits.

    Whoever is known already gets a link to their preferences instead, and nothing of theirs changes.
    """
    found = await find_by_address(session, ChannelName.EMAIL, newcomer.email)
    if found is not None:
        subscriber, address = found
        # Who left comes back by a press on their page, not by somebody's writing their address into a form.
        is_newcomer = address.confirmed_at is None and subscriber.left_at is None
        purpose = Purpose.CONFIRM if is_newcomer else Purpose.PREFERENCES
        await send_link(session, subscriber.id, purpose, links=links, clock=clock)
        return
    subscriber = await create_subscriber(
        session, name=newcomer.name, email=newcomer.email, clock=clock, joined_at=clock.now(), **newcomer.profile
    )
    subscriber_id = subscriber.id
    if newcomer.choice is not None:
        await change_preferences(
            session, subscriber_id, {"choice": newcomer.choice}, topics=topics, origin="page", clock=clock
        )
    await send_link(session, subscriber_id, Purpose.CONFIRM, links=links, clock=clock)


async def _had_enough(session: AsyncSession, subscriber_id: str, clock: Clock) -> bool:
    query = select(func.count()).where(
        Delivery.subscriber_id == subscriber_id,
        col(Delivery.created_at) > clock.now() - WITHIN,
        col(Delivery.because)["rule"].as_string() == "asked",
    )
    return (await session.exec(query)).one() >= MOST_MAILS
