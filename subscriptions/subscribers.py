"""Subscribers and their addresses: creating, finding, changing, suppressing, and leaving nothing behind.

Every function that writes commits, but ``add_subscriber``. What somebody wants to receive is in ``preferences``; who
confirmed an address, in ``confirmation``.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock, time_zones, today
from core.erasures import erasure_hash, note_erasures
from core.languages import LANGUAGES
from subscriptions.errors import (
    AddressInvalidError,
    AddressTakenError,
    PreferenceInvalidError,
    SubscriberNotFoundError,
)
from subscriptions.models import Address, ChannelName, Role, Subscriber, TeamAlert

LONGEST_NAME = 200

_CHANGEABLE = frozenset(
    "name city network country role is_mandatory_contact may_set_city_defaults language time_zone welcomed_at".split()
)


def new_id() -> str:
    """An id that nobody can guess."""
    return secrets.token_hex(16)


def read_email(text: str) -> str:
    """The mail address as it is kept, in lower case. Raises AddressInvalidError."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise AddressInvalidError from None


def check_profile(**values: Any) -> None:
    """Whether these values may stand in a subscriber. Raises PreferenceInvalidError, which names the field."""
    checks: dict[str, Callable[[Any], bool]] = {
        "name": lambda value: 0 < len(value.strip()) <= LONGEST_NAME and "\n" not in value,
        "role": lambda value: value in set(Role),
        "language": lambda value: value in LANGUAGES,
        "time_zone": lambda value: value in time_zones(),
        "country": lambda value: value is None or (len(value) == 2 and value.isascii() and value.isupper()),
    }
    for field, value in values.items():
        if field in checks and not checks[field](value):
            raise PreferenceInvalidError(field=field)


async def create_subscriber(
    session: AsyncSession, *, name: str, email: str | None = None, clock: Clock, **profile: Any
) -> Subscriber:
    """A new subscriber, whose address is not confirmed yet. Commits. Raises AddressTakenError, AddressInvalidError,
    PreferenceInvalidError.
    """
    check_profile(name=name, **profile)
    subscriber = await add_subscriber(session, name=name, email=email, clock=clock, **profile)
    await session.commit()
    return subscriber


async def add_subscriber(
    session: AsyncSession, *, name: str, email: str | None = None, clock: Clock, **profile: Any
) -> Subscriber:
    """As ``create_subscriber``, for who has checked the profile and commits it with something else.

    With AddressTakenError, all that the transaction had done is undone.
    """
    subscriber = Subscriber(id=new_id(), name=name.strip(), created_at=clock.now(), **profile)
    session.add(subscriber)
    await session.flush()
    if email is not None:
        session.add(_address(subscriber.id, ChannelName.EMAIL, read_email(email), clock.now()))
    await _keep_address(session, session.flush)
    return subscriber


async def get_subscriber(session: AsyncSession, subscriber_id: str, *, lock: bool = False) -> Subscriber:
    """The subscriber, kept from others' writes until the commit where ``lock`` says so.

    Raises SubscriberNotFoundError.
    """
    if lock:
        # A write comes first: on SQLite, a transaction that read before may not write after another one did.
        mine = update(Subscriber).where(col(Subscriber.id) == subscriber_id).values(id=subscriber_id)
        await (await session.connection()).execute(mine)
    subscriber = await session.get(Subscriber, subscriber_id, populate_existing=lock)
    if subscriber is None:
        raise SubscriberNotFoundError
    return subscriber


async def find_by_address(session: AsyncSession, channel: ChannelName, value: str) -> tuple[Subscriber, Address] | None:
    """Whose address this is; a mail address in any case of letters."""
    if channel is ChannelName.EMAIL:
        try:
            value = read_email(value)
        except AddressInvalidError:
            return None
    query = (
        select(Subscriber, Address)
        .join(Address, col(Address.subscriber_id) == col(Subscriber.id))
        .where(Address.channel == channel, Address.value == value)
    )
    return (await session.exec(query)).first()


async def list_addresses(session: AsyncSession, subscriber_id: str) -> dict[ChannelName, Address]:
    """A subscriber's addresses by channel."""
    found = await session.exec(select(Address).where(Address.subscriber_id == subscriber_id))
    return {ChannelName(address.channel): address for address in found}


async def update_subscriber(session: AsyncSession, subscriber_id: str, **changes: Any) -> Subscriber:
    """Change what the team or the person says of a subscriber; choices are changed in ``preferences``."""
    unknown = set(changes) - _CHANGEABLE
    if unknown:
        raise PreferenceInvalidError(field=min(unknown))
    check_profile(**changes)
    subscriber = await get_subscriber(session, subscriber_id, lock=True)
    for field, value in changes.items():
        setattr(subscriber, field, value)
    session.add(subscriber)
    await session.commit()
    return subscriber


async def add_email(session: AsyncSession, subscriber_id: str, value: str, *, clock: Clock) -> Address:
    """The first mail address of a subscriber, not confirmed yet. Another one goes through ``confirmation``."""
    address = _address(subscriber_id, ChannelName.EMAIL, read_email(value), clock.now())
    session.add(address)
    await _keep_address(session, session.commit)
    return address


async def link_telegram(session: AsyncSession, subscriber_id: str, chat_id: int, *, clock: Clock) -> Address:
    """Connect a Telegram chat. It counts as confirmed: the link was opened in that chat, from a page of the person.

    A chat belongs to one person: who linked it before loses it. Linking again lifts a suppression.
    """
    held = (
        await session.exec(
            select(Address).where(Address.channel == ChannelName.TELEGRAM, Address.value == str(chat_id))
        )
    ).first()
    if held is not None and held.subscriber_id != subscriber_id:
        await session.delete(held)
        await session.flush()
        await note_erasures(await session.connection(), [erasure_of_address(held.id)], erased_on=today(clock))
    addresses = await list_addresses(session, subscriber_id)
    address = addresses.get(ChannelName.TELEGRAM) or _address(subscriber_id, ChannelName.TELEGRAM, "", clock.now())
    address.value, address.confirmed_at = str(chat_id), clock.now()
    address.suppressed_at = address.suppression = None
    session.add(address)
    await _keep_address(session, session.commit)
    return address


def erasure_of_address(address_id: str) -> str:
    """What is kept of an address that was erased."""
    return erasure_hash("address", address_id)


async def unlink_telegram(session: AsyncSession, subscriber_id: str, *, clock: Clock) -> None:
    """Forget the Telegram chat of a subscriber, for good; news go by e-mail again. Doing it twice is no error."""
    address = (await list_addresses(session, subscriber_id)).get(ChannelName.TELEGRAM)
    if address is not None:
        await session.delete(address)
        await note_erasures(await session.connection(), [erasure_of_address(address.id)], erased_on=today(clock))
        await session.commit()


async def suppress(session: AsyncSession, address_id: str, kind: str, *, clock: Clock) -> None:
    """Never write to an address again: bounced, refused, blocked, complained, stopped.

    Where it was the mail address of a city's contact, the team is alerted, since the city may miss what it must know.
    """
    address = await session.get(Address, address_id, with_for_update=True)
    if address is None:
        return
    if address.suppressed_at is None:
        address.suppressed_at, address.suppression = clock.now(), kind
        session.add(address)
        subscriber = await session.get(Subscriber, address.subscriber_id)
        if subscriber is not None and subscriber.is_mandatory_contact and address.channel == ChannelName.EMAIL:
            raise_alert(session, "contact_unreachable", subscriber, clock.now())
    await session.commit()


async def lift_suppression(session: AsyncSession, address_id: str) -> None:
    """Write to an address again, since its owner or an operator says so."""
    address = await session.get(Address, address_id, with_for_update=True)
    if address is not None:
        address.suppressed_at = address.suppression = None
        session.add(address)
        await session.commit()


def raise_alert(session: AsyncSession, kind: str, subscriber: Subscriber, now: datetime) -> None:
    """Put something before the team. The caller commits."""
    session.add(TeamAlert(kind=kind, city=subscriber.city, subscriber_id=subscriber.id, raised_at=now))


def _address(subscriber_id: str, channel: ChannelName, value: str, now: datetime) -> Address:
    return Address(id=new_id(), subscriber_id=subscriber_id, channel=channel, value=value, created_at=now)


async def _keep_address(session: AsyncSession, keep: Callable[[], Awaitable[None]]) -> None:
    try:
        await keep()
    except IntegrityError:
        await session.rollback()
        raise AddressTakenError from None
