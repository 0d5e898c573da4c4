"""Finding subscribers, and seeing which cities can be reached: for the team's pages. Nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, false, func, or_
from sqlalchemy import select as select_columns
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from knowledge.schema import CityFact
from subscriptions.audience import list_member_cities
from subscriptions.models import Address, ChannelName, Frequency, Subscriber, Subscription

_EMAIL = aliased(Address, name="directory_email")
_ESCAPE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True)
class Search:
    """Whom to list; what is empty does not narrow."""

    text: str = ""
    """Part of a name or of a mail address."""
    city: str = ""
    country: str = ""
    network: str = ""
    topic: str = ""
    """Chosen by themselves, in any rhythm."""
    state: str = ""
    """contacts, unreachable, left; everything else: those who have not left."""


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the list."""

    subscriber: Subscriber
    email: Address | None


@dataclass(frozen=True, slots=True)
class CityReach:
    """Whether a city can be reached. ``reachable`` counts its people whose mail address is known to work: confirmed,
    and no mail came back."""

    city: str
    people: int = 0
    contacts: int = 0
    reachable_contacts: int = 0
    reachable: int = 0
    confirmed_contacts: int = 0

    @property
    def is_reached(self) -> bool:
        """Whether what the city must know is sent to somebody: to a contact whose mail did not come back."""
        return self.reachable_contacts > 0

    @property
    def is_sure(self) -> bool:
        """Whether it is known to arrive."""
        return self.confirmed_contacts > 0


async def search_subscribers(
    session: AsyncSession, search: Search, *, offset: int = 0, limit: int = 50
) -> tuple[list[Found], int]:
    """One page of the list by name, and how many there are in all."""
    conditions = _conditions(search)
    joined = and_(col(_EMAIL.subscriber_id) == col(Subscriber.id), col(_EMAIL.channel) == ChannelName.EMAIL)
    count = select(func.count()).select_from(Subscriber).outerjoin(_EMAIL, joined).where(*conditions)
    query = select(Subscriber, _EMAIL).outerjoin(_EMAIL, joined).where(*conditions)
    query = query.order_by(func.lower(col(Subscriber.name)), col(Subscriber.id)).offset(offset).limit(limit)
    found = [Found(subscriber, email) for subscriber, email in await session.exec(query)]
    return found, (await session.exec(count)).one()


async def measure_cities(
    session: AsyncSession, cities: Mapping[str, CityFact], *, network: str | None = None
) -> list[CityReach]:
    """All member cities, those of one network where ``network`` says so, with how many people stand behind each."""
    works = and_(col(_EMAIL.id).is_not(None), col(_EMAIL.suppressed_at).is_(None))
    is_contact = col(Subscriber.is_mandatory_contact)
    is_sure = and_(works, col(_EMAIL.confirmed_at).is_not(None))
    query = (
        select_columns(
            col(Subscriber.city),
            func.count(),
            func.sum(case((is_contact, 1), else_=0)),
            # A contact that the city named needs a working address, and no opt-in.
            func.sum(case((and_(is_contact, works), 1), else_=0)),
            func.sum(case((is_sure, 1), else_=0)),
            func.sum(case((and_(is_contact, is_sure), 1), else_=0)),
        )
        .outerjoin(
            _EMAIL, and_(col(_EMAIL.subscriber_id) == col(Subscriber.id), col(_EMAIL.channel) == ChannelName.EMAIL)
        )
        .where(col(Subscriber.left_at).is_(None), col(Subscriber.city).is_not(None))
        .group_by(col(Subscriber.city))
    )
    connection = await session.connection()
    known = {row[0]: row[1:] for row in (await connection.execute(query)).all()}
    members = await list_member_cities(session, cities)
    if network is not None:
        members = [city for city in members if city in cities and cities[city].national_network == network]
    return [CityReach(city, *(int(value) for value in known.get(city, (0,) * 5))) for city in members]


def _conditions(search: Search) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.text.strip():
        pattern = f"%{search.text.strip().lower().translate(_ESCAPE)}%"
        named = func.lower(col(Subscriber.name)).like(pattern, escape="\\")
        conditions.append(or_(named, col(_EMAIL.value).like(pattern, escape="\\")))
    for column, wanted in (
        (Subscriber.city, search.city),
        (Subscriber.country, search.country),
        (Subscriber.network, search.network),
    ):
        if wanted:
            conditions.append(col(column) == wanted)
    if search.topic:
        chosen = select(Subscription.subscriber_id).where(
            Subscription.topic == search.topic, Subscription.frequency != Frequency.OFF
        )
        conditions.append(col(Subscriber.id).in_(chosen))
    has_left = col(Subscriber.left_at)
    match search.state:
        case "left":
            conditions.append(has_left.is_not(None))
        case "contacts":
            conditions += [has_left.is_(None), col(Subscriber.is_mandatory_contact).is_(True)]
        case "unreachable":
            is_open = and_(col(_EMAIL.confirmed_at).is_(None), col(Subscriber.is_mandatory_contact) == false())
            conditions += [
                has_left.is_(None),
                or_(col(_EMAIL.id).is_(None), col(_EMAIL.suppressed_at).is_not(None), is_open),
            ]
        case _:
            conditions.append(has_left.is_(None))
    return conditions
