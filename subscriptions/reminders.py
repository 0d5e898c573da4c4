"""Reminders of what a city owes, and the welcome of a new contact: what the hub says by itself to those it must tell.

A reminder goes 30 and 7 days before a day, and on it; a hub that was off at one of these catches up. Its words are
approved once by the team before any goes. Each person gets each reminder once, whichever process writes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.database import Database
from subscriptions.alerts import select_unchecked_successors
from subscriptions.models import Address, Delivery, DeliveryStatus, DueDate, Subscriber
from subscriptions.people import load_people
from subscriptions.placing import insert_new
from subscriptions.rhythm import end_of_quiet, zone_of
from subscriptions.rules import Cause, Person, Rule, Said, WhyNot, find_channel
from subscriptions.subscribers import list_addresses, new_id

STAGES = (30, 7, 0)
"""Days before."""

AT_LATEST = timedelta(days=7)
"""For so long after its day something is still reminded of, where the hub was off or nobody was named on the day."""

NOT_BEFORE = time(8, 0)
"""In the reader's time zone."""

_DID_NOT_ARRIVE = (DeliveryStatus.BOUNCED, DeliveryStatus.SUPPRESSED, DeliveryStatus.FAILED)

type IsApproved = Callable[[AsyncSession, str], Awaitable[bool]]
"""Whether the team approved the words of an automatic message, such as ``reminder/index``."""


WELCOME = "welcome"
"""The same for the words of the welcome."""


def template_of(kind: str) -> str:
    """The name by which the words of a reminder are approved."""
    return f"reminder/{kind}"


async def send_due_reminders(database: Database, *, is_approved: IsApproved, clock: Clock) -> int:
    """Queue the reminders that are due now; returns how many. Commits after each date."""
    today = clock.now().date()
    query = select(DueDate.id, DueDate.kind).where(
        col(DueDate.done_on).is_(None),
        # A day more at both ends, since it is tomorrow or yesterday somewhere.
        col(DueDate.due_on).between(today - AT_LATEST - timedelta(days=1), today + timedelta(days=STAGES[0] + 1)),
    )
    async with database.session() as session:
        dates = list(await session.exec(query.order_by(col(DueDate.due_on))))
        approved = {kind: await is_approved(session, template_of(kind)) for kind in {kind for _, kind in dates}}
    count = 0
    for due_id, kind in dates:
        if approved[kind] and due_id is not None:
            # Reading and writing in two transactions: on SQLite, one that has read cannot write after another wrote.
            async with database.session() as session:
                rows = await _list_rows(session, due_id, now=clock.now())
            async with database.session() as session:
                await insert_new(session, Delivery, rows)
                await session.commit()
            count += len(rows)
    return count


async def send_welcomes(database: Database, *, is_approved: IsApproved, clock: Clock) -> int:
    """Tell everybody who was newly named by a city what it agreed; returns how many. Once for each person."""
    query = select(Subscriber.id).where(
        col(Subscriber.is_mandatory_contact).is_(True),
        col(Subscriber.city).is_not(None),
        col(Subscriber.left_at).is_(None),
        col(Subscriber.welcomed_at).is_(None),
        # The welcome holds the file of the city.
        col(Subscriber.id).not_in(select_unchecked_successors()),
    )
    async with database.session() as session:
        if not await is_approved(session, WELCOME):
            return 0
        ids = list(await session.exec(query.order_by(col(Subscriber.created_at))))
        people = await load_people(session, ids, ())
    count = 0
    for subscriber_id, person in people.items():
        async with database.session() as session:
            count += await _welcome(session, subscriber_id, person, now=clock.now())
    return count


def stage_of(due_on: date, today: date) -> int | None:
    """Which reminder is due on a day; None: none yet, or not any more."""
    left = (due_on - today).days
    if left < -AT_LATEST.days:
        return None
    return min((stage for stage in STAGES if left <= stage), default=None)


async def _list_rows(session: AsyncSession, due_id: int, *, now: datetime) -> list[dict[str, object]]:
    """The deliveries of one date that are to be written now."""
    due = await session.get(DueDate, due_id)
    if due is None or due.done_on is not None:
        return []
    named = select(Subscriber.id).where(
        Subscriber.city == due.city,
        col(Subscriber.is_mandatory_contact).is_(True),
        col(Subscriber.left_at).is_(None),
    )
    people = await load_people(session, list(await session.exec(named)), ())
    rows = []
    for subscriber_id, person in people.items():
        local = now.astimezone(zone_of(person.rhythm.time_zone))
        stage = stage_of(due.due_on, local.date())
        if stage is None or local.time() < NOT_BEFORE:
            continue
        message = f"reminder/{due.id}/{due.due_on.isoformat()}/{stage}"
        if await _was_told(session, subscriber_id, message):
            continue
        parts = {"due": due.id, "kind": due.kind, "words": due.words, "due_on": due.due_on.isoformat()}
        row = await _row_for(session, subscriber_id, person, message, now=now)
        rows += [row | {"parts": parts}] if row is not None else []
    return rows


async def _welcome(session: AsyncSession, subscriber_id: str, person: Person, *, now: datetime) -> bool:
    """Whether it was for us to write. A write comes first, which only one process can do."""
    new = col(Subscriber.id) == subscriber_id, col(Subscriber.welcomed_at).is_(None)
    connection = await session.connection()
    taken = await connection.execute(update(Subscriber).where(*new).values(welcomed_at=now))
    row = await _row_for(session, subscriber_id, person, f"welcome/{subscriber_id}", now=now)
    if taken.rowcount == 0 or row is None:
        return False
    await insert_new(session, Delivery, [row])
    await session.commit()
    return True


async def _was_told(session: AsyncSession, subscriber_id: str, message: str) -> bool:
    query = select(Delivery.id).where(
        Delivery.subscriber_id == subscriber_id,
        Delivery.message == message,
        col(Delivery.status).not_in(_DID_NOT_ARRIVE),
    )
    return (await session.exec(query)).first() is not None


async def _row_for(
    session: AsyncSession, subscriber_id: str, person: Person, message: str, *, now: datetime
) -> dict[str, object] | None:
    """A delivery by the way that duties go; None while there is none, so that it goes once there is."""
    channel = find_channel(person, Cause(Rule.MANDATORY, said=Said.MEMBERSHIP))
    if isinstance(channel, WhyNot):
        return None
    address: Address | None = (await list_addresses(session, subscriber_id)).get(channel)
    if address is None:
        return None
    at = end_of_quiet(person.rhythm, now)
    return {
        "id": new_id(),
        "message": message,
        "address_id": address.id,
        "subscriber_id": subscriber_id,
        "channel": channel,
        "language": person.language,
        "status": DeliveryStatus.QUEUED if at <= now else DeliveryStatus.WAITING,
        "because": {"rule": "mandatory"},
        "due_at": at,
        "attempts": 0,
        "parts": {},
        "created_at": now,
    }
