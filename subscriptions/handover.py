"""Staff change: whoever leaves names a successor, or only leaves. Mail to them stops at once; the team is told.

Who left can come back by themselves, as somebody for whom nothing is switched on.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.alerts import SUCCEEDED
from subscriptions.confirmation import Issued, Purpose, issue, queue_link
from subscriptions.errors import AddressTakenError, HandedOverError, PreferenceInvalidError
from subscriptions.links import Links
from subscriptions.models import (
    ChannelName,
    Choice,
    Delivery,
    DeliveryStatus,
    DigestItem,
    PreferenceChange,
    Subscriber,
    Subscription,
    TeamAlert,
)
from subscriptions.placing import OPEN
from subscriptions.subscribers import (
    add_subscriber,
    check_profile,
    find_by_address,
    get_subscriber,
    raise_alert,
    read_email,
)

PASSED_ON = {"city", "network", "country", "role", "language", "time_zone"}
"""What a new successor has of the leaver."""


@dataclass(frozen=True)
class Handover:
    """What a hand-over did. ``invitation`` is the successor's link, already queued; None without a successor."""

    leaver: Subscriber
    successor: Subscriber | None = None
    invitation: Issued | None = None


async def leave(session: AsyncSession, subscriber_id: str, *, clock: Clock) -> Handover:
    """Stop writing to somebody, at once, without a successor. Twice is no error. Commits."""
    leaver = await get_subscriber(session, subscriber_id, lock=True)
    if leaver.left_at is None:
        await _stop(session, leaver, clock)
        raise_alert(session, "contact_left", leaver, clock.now())
    await session.commit()
    return Handover(leaver)


async def hand_over(
    session: AsyncSession,
    subscriber_id: str,
    *,
    successor_name: str,
    successor_email: str,
    links: Links,
    clock: Clock,
    by_team: bool = False,
) -> Handover:
    """Name a successor, who takes the leaver's place for the city at once and is invited. Commits.

    What the leaver chose is not the successor's choice, so it is not passed on; the city's defaults hold. Somebody who
    is known already keeps what they chose. Setting a city's defaults is passed on by the team alone
    (``by_team``), and so is the file of the city (``alerts``). Raises AddressInvalidError, PreferenceInvalidError for
    the own address, and HandedOverError where somebody else was named before: the link never expires and may have been
    passed on.
    """
    value = read_email(successor_email)
    check_profile(name=successor_name)
    leaver = await get_subscriber(session, subscriber_id, lock=True)
    known = await find_by_address(session, ChannelName.EMAIL, value)
    successor = known[0] if known else None
    if successor is not None and successor.id == leaver.id:
        raise PreferenceInvalidError(field="email")
    if leaver.succeeded_by is not None:
        if successor is None or leaver.succeeded_by != successor.id:
            raise HandedOverError
        await session.commit()
        return Handover(leaver, successor)
    was_contact = leaver.is_mandatory_contact
    if leaver.left_at is None:
        await _stop(session, leaver, clock)
    if successor is None:
        place = leaver.model_dump(include=PASSED_ON)
        try:
            successor = await add_subscriber(session, name=successor_name, email=value, clock=clock, **place)
        except AddressTakenError:
            # Somebody else named them at the same moment, so now they are known.
            return await hand_over(
                session,
                subscriber_id,
                successor_name=successor_name,
                successor_email=successor_email,
                links=links,
                clock=clock,
                by_team=by_team,
            )
    successor.is_mandatory_contact |= was_contact
    # Somebody who had left and is named again is back.
    successor.left_at = successor.succeeded_by = None
    leaver.succeeded_by = successor.id
    session.add(successor)
    session.add(leaver)
    if by_team:
        successor.may_set_city_defaults |= leaver.may_set_city_defaults
    else:
        raise_alert(session, SUCCEEDED, leaver, clock.now())
    await session.commit()
    invitation = await issue(session, successor.id, Purpose.HANDOVER, links=links, clock=clock)
    await queue_link(session, invitation, clock=clock)
    return Handover(leaver, successor, invitation)


async def come_back(session: AsyncSession, subscriber_id: str, *, clock: Clock) -> bool:
    """Somebody who left is there again, with everything off; whether they had left. Twice is no error. Commits.

    Nothing of before comes back by itself: neither what they chose nor what they were for the city, which only the
    city or the team can say again.
    """
    person = await get_subscriber(session, subscriber_id, lock=True)
    had_left = person.left_at is not None
    if had_left:
        person.left_at = person.paused_until = None
        if not await _is_unchecked(session, person.id):
            person.succeeded_by = None
        person.is_mandatory_contact = person.may_set_city_defaults = False
        person.choice = Choice.REQUIRED_ONLY
        session.add(person)
        connection = await session.connection()
        for table in (Subscription, PreferenceChange):
            await connection.execute(delete(table).where(col(table.subscriber_id) == subscriber_id))
    await session.commit()
    return had_left


async def _is_unchecked(session: AsyncSession, leaver_id: str) -> bool:
    """Whether the team still has to look at the successor whom somebody named."""
    query = select(TeamAlert.id).where(
        TeamAlert.subscriber_id == leaver_id, TeamAlert.kind == SUCCEEDED, col(TeamAlert.settled_at).is_(None)
    )
    return (await session.exec(query)).first() is not None


async def _stop(session: AsyncSession, leaver: Subscriber, clock: Clock) -> None:
    leaver.left_at = clock.now()
    session.add(leaver)
    waiting = select(Delivery).where(Delivery.subscriber_id == leaver.id, col(Delivery.status).in_(OPEN))
    for delivery in list(await session.exec(waiting)):
        delivery.status, delivery.reason, delivery.finished_at = DeliveryStatus.CANCELLED, "left", clock.now()
        session.add(delivery)
    items = select(DigestItem).where(DigestItem.subscriber_id == leaver.id, col(DigestItem.sent_in).is_(None))
    for item in list(await session.exec(items)):
        item.dropped_at = item.dropped_at or clock.now()
        session.add(item)
