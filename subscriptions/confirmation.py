"""Links that are sent once and used once: confirming an address (double opt-in), signing in, linking Telegram.

The token is random and signed, and only its hash is kept: the database alone opens nothing. Opening a link shows a
page; using it is a POST, since mail scanners follow links. Whether an address is known is never said to who asks for a
link; that is the edge's promise.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from subscriptions.errors import AddressTakenError, LinkExpiredError
from subscriptions.links import Links
from subscriptions.models import Address, ChannelName, Confirmation, Delivery, Frequency, Subscriber, Subscription
from subscriptions.rechecking import replan
from subscriptions.subscribers import get_subscriber, list_addresses, new_id, read_email
from subscriptions.topics import Topics


class Purpose(StrEnum):
    """What a link that is sent once is for."""

    CONFIRM = "confirm"
    PREFERENCES = "preferences"
    TELEGRAM = "telegram"
    HANDOVER = "handover"


LIFETIME = {
    Purpose.CONFIRM: timedelta(days=7),
    Purpose.PREFERENCES: timedelta(hours=1),
    Purpose.TELEGRAM: timedelta(hours=1),
    Purpose.HANDOVER: timedelta(days=30),
}


FROM_FILE = "import"
"""``Subscription.origin`` of what the team set by a file."""
TRY_AGAIN_AFTER = timedelta(days=1)
"""An address that bounced gets a link that somebody asks for, at most this often."""


@dataclass(frozen=True)
class Issued:
    """A new link. Its message carries the random ``number``; ``token`` is made from it and stands nowhere else."""

    number: str
    token: str
    purpose: Purpose
    subscriber: Subscriber
    address: Address | None


async def issue(
    session: AsyncSession,
    subscriber_id: str,
    purpose: Purpose,
    *,
    links: Links,
    clock: Clock,
    topics: list[str] | None = None,
    new_email: str | None = None,
) -> Issued:
    """A link for a subscriber; earlier unused ones of the same purpose stop working.

    ``new_email`` is another mail address, which takes the present one's place once it is confirmed. Raises
    AddressTakenError when it is somebody else's.
    """
    subscriber = await get_subscriber(session, subscriber_id)
    address = (await list_addresses(session, subscriber_id)).get(ChannelName.EMAIL)
    value = read_email(new_email) if new_email is not None else None
    if value is not None and await _is_taken(session, value, subscriber_id):
        raise AddressTakenError
    mine = (col(Confirmation.subscriber_id) == subscriber_id, col(Confirmation.purpose) == purpose)
    connection = await session.connection()
    await connection.execute(delete(Confirmation).where(*mine, col(Confirmation.used_at).is_(None)))
    number = secrets.token_urlsafe(24)
    token = links.sign_once(number)
    session.add(
        Confirmation(
            token_hash=_hash(token),
            purpose=purpose,
            subscriber_id=subscriber_id,
            address_id=address.id if address else None,
            value=value,
            topics=topics or [],
            expires_at=clock.now() + LIFETIME[purpose],
        )
    )
    await session.commit()
    return Issued(number, token, purpose, subscriber, address)


async def queue_link(session: AsyncSession, issued: Issued, *, clock: Clock) -> Delivery | None:
    """Queue the message that carries a link; None when there is no address that it may go to.

    For a new mail address the message goes to that one, which no subscriber has yet: ``parts`` name it. For the first
    one they name the topics that a file set and that come once it is confirmed.
    """
    address = issued.address
    if address is None:
        return None
    if address.suppression in {"bounced", "refused"} and _is_over(address, clock):
        address.suppressed_at = address.suppression = None
        session.add(address)
    confirmation = await session.get(Confirmation, _hash(issued.token))
    parts: dict[str, Any] = {"number": issued.number}
    if confirmation is not None and confirmation.value is not None:
        parts["to"] = confirmation.value
    elif issued.purpose is Purpose.CONFIRM and (topics := await list_set_topics(session, issued.subscriber)):
        parts["topics"] = topics
    delivery = Delivery(
        id=new_id(),
        message=f"{issued.purpose}/{_hash(issued.token)[:32]}",
        address_id=address.id,
        subscriber_id=issued.subscriber.id,
        channel=address.channel,
        language=issued.subscriber.language,
        because={"rule": "asked"},
        due_at=clock.now(),
        parts=parts,
        created_at=clock.now(),
    )
    session.add(delivery)
    await session.commit()
    return delivery


async def list_set_topics(session: AsyncSession, subscriber: Subscriber) -> list[str]:
    """Topics that a file set for somebody who has not chosen: confirming the address lets them come."""
    if subscriber.choice is not None:
        return []
    query = select(Subscription.topic).where(
        Subscription.subscriber_id == subscriber.id,
        Subscription.origin == FROM_FILE,
        col(Subscription.frequency) != Frequency.OFF,
    )
    return list(await session.exec(query.order_by(col(Subscription.topic))))


async def peek(session: AsyncSession, purpose: Purpose, token: str, *, clock: Clock) -> Confirmation:
    """What a link would do, without using it. Raises LinkExpiredError."""
    confirmation = await session.get(Confirmation, _hash(token))
    if (
        confirmation is None
        or confirmation.purpose != purpose
        or confirmation.used_at is not None
        or confirmation.expires_at <= clock.now()
    ):
        raise LinkExpiredError
    return confirmation


async def use(session: AsyncSession, purpose: Purpose, token: str, *, topics: Topics, clock: Clock) -> Confirmation:
    """Use a link, once. All but Telegram's confirm the address; a new address takes the old one's place.

    What was chosen before the address was confirmed, and was withheld during the last day, is queued now.

    Raises LinkExpiredError, and AddressTakenError when somebody else got the new address in between. Confirming twice
    by the same link is no error.
    """
    confirmation = await session.get(Confirmation, _hash(token), with_for_update=True, populate_existing=True)
    repeated = confirmation is not None and confirmation.used_at is not None and purpose is Purpose.CONFIRM
    if confirmation is None or confirmation.purpose != purpose or confirmation.expires_at <= clock.now():
        raise LinkExpiredError
    if repeated:
        return confirmation
    if confirmation.used_at is not None:
        raise LinkExpiredError
    confirmation.used_at = clock.now()
    session.add(confirmation)
    if purpose is not Purpose.TELEGRAM:
        await _confirm_address(session, confirmation, clock)
    try:
        await session.flush()
        await replan(session, [confirmation.subscriber_id], topics=topics, now=clock.now())
        await session.commit()
    except IntegrityError:
        await session.rollback()
        raise AddressTakenError from None
    return confirmation


async def confirm_by_use(session: AsyncSession, subscriber_id: str, channel: ChannelName, *, clock: Clock) -> None:
    """Somebody used a signed link from a message that we sent there, so the address is theirs."""
    address = (await list_addresses(session, subscriber_id)).get(channel)
    if address is not None and address.confirmed_at is None:
        address.confirmed_at = clock.now()
        session.add(address)
        await session.commit()


async def expire_confirmations(session: AsyncSession, *, clock: Clock) -> int:
    """Delete links that do not work any more; returns how many. People who never confirmed stay unconfirmed."""
    connection = await session.connection()
    done = await connection.execute(delete(Confirmation).where(col(Confirmation.expires_at) <= clock.now()))
    await session.commit()
    return done.rowcount


async def _confirm_address(session: AsyncSession, confirmation: Confirmation, clock: Clock) -> None:
    address = await session.get(Address, confirmation.address_id) if confirmation.address_id else None
    if address is None:
        raise LinkExpiredError
    if confirmation.value is not None:
        if await _is_taken(session, confirmation.value, confirmation.subscriber_id):
            raise AddressTakenError
        address.value, address.suppressed_at, address.suppression = confirmation.value, None, None
        address.confirmed_at = None
    address.confirmed_at = address.confirmed_at or clock.now()
    session.add(address)


async def _is_taken(session: AsyncSession, value: str, subscriber_id: str) -> bool:
    query = select(Address.id).where(
        Address.channel == ChannelName.EMAIL, Address.value == value, Address.subscriber_id != subscriber_id
    )
    return (await session.exec(query)).first() is not None


def _is_over(address: Address, clock: Clock) -> bool:
    return address.suppressed_at is not None and address.suppressed_at + TRY_AGAIN_AFTER <= clock.now()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
