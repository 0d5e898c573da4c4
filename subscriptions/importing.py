"""Taking subscribers from a file, and giving them out as one.

A dry run says what would happen and lists every bad row with its reason. A file with a bad row changes nothing. The
file adds people and corrects what is known of them, by their mail address. What is somebody's own to say stays as it
is: topics that they chose, language and time zone, an address that must not be written to, and that they have left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from knowledge.base import KnowledgeBase
from subscriptions.columns import Vocabulary
from subscriptions.confirmation import FROM_FILE, Purpose, issue, queue_link
from subscriptions.errors import AddressTakenError, FileHasProblemsError
from subscriptions.links import Links
from subscriptions.models import Address, ChannelName, Subscriber, Subscription
from subscriptions.rechecking import replan
from subscriptions.rows import Entry, Problem, RowReader, read_rows
from subscriptions.subscribers import new_id
from subscriptions.topics import Topics

BATCH = 500
OWN = frozenset({"language", "time_zone"})
"""Only new people get these from a file."""


@dataclass(frozen=True)
class Plan:
    """What a file would do. ``new`` and ``changed`` count people; ``same`` need no change. Bad rows count nowhere."""

    entries: Sequence[Entry]
    problems: Sequence[Problem]
    new: int = 0
    changed: int = 0
    same: int = 0
    fates: Mapping[int, str] = field(default_factory=dict)
    """By row: new, changed, same. Bad rows are not there."""

    def without_bad_rows(self) -> Plan:
        """The same for the good rows alone, which can be taken."""
        return replace(self, entries=[entry for entry in self.entries if entry.row in self.fates], problems=[])


@dataclass
class Imported:
    """What an import did: ids of the new people, and how many known ones changed."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


async def plan_import(
    session: AsyncSession,
    content: bytes,
    *,
    is_workbook: bool,
    base: KnowledgeBase,
    topics: Topics,
    vocabulary: Vocabulary | None = None,
    encoding: str | None = None,
) -> Plan:
    """The dry run: reads and checks everything, writes nothing. Raises FileUnreadableError.

    ``encoding``: how letters are written, for a file that does not say it (``rows.is_guessed``).

    With a ``vocabulary``, cells may hold titles of topics, roles and frequencies in any language beside their ids.
    """
    reader = RowReader(base, topics, vocabulary)
    entries = []
    for number, row in enumerate(read_rows(content, is_workbook=is_workbook, encoding=encoding), 2):
        entry = reader.read(number, row)
        if entry is not None:
            entries.append(entry)
    problems, fates = reader.problems, dict[int, str]()
    for some in batched(entries, BATCH):
        known = await _known(session, some)
        chosen = await _chosen(session, [subscriber.id for subscriber in known.values()])
        for entry in some:
            verdict = _judge(entry, known.get(entry.email), chosen)
            if isinstance(verdict, Problem):
                problems.append(verdict)
            else:
                fates[entry.row] = verdict
    problems.sort(key=lambda problem: problem.row)
    counts = Counter(fates.values())
    return Plan(entries, problems, new=counts["new"], changed=counts["changed"], same=counts["same"], fates=fates)


async def has_contacts(session: AsyncSession) -> bool:
    """Whether the hub knows any contact of a city."""
    query = select(Subscriber.id).where(col(Subscriber.is_mandatory_contact).is_(True)).limit(1)
    return (await session.exec(query)).first() is not None


async def import_subscribers(
    session: AsyncSession, plan: Plan, *, topics: Topics, clock: Clock, are_known: bool = False
) -> Imported:
    """Do what was planned, in one transaction. Raises FileHasProblemsError when a row is bad: nothing is taken then.

    ``are_known``: the contacts in it have been contacts for some time, so nobody welcomes them as new ones.
    """
    if plan.problems:
        raise FileHasProblemsError(count=len(plan.problems))
    done = Imported()
    for some in batched(plan.entries, BATCH):
        known = await _known(session, some)
        chosen = await _chosen(session, [subscriber.id for subscriber in known.values()])
        created = [_new_person(entry, clock) for entry in some if entry.email not in known]
        if are_known:
            for person, _ in created:
                person.welcomed_at = clock.now() if person.is_mandatory_contact else None
        session.add_all(person for person, _ in created)
        await session.flush()
        session.add_all(row for _, rows in created for row in rows)
        for entry in some:
            subscriber = known.get(entry.email)
            if subscriber is not None and _differs(entry, subscriber, chosen):
                _update(session, entry, subscriber, chosen, clock)
                if are_known and subscriber.is_mandatory_contact and subscriber.welcomed_at is None:
                    subscriber.welcomed_at = clock.now()
                done.changed.append(subscriber.id)
        done.new += [person.id for person, _ in created]
        try:
            await session.flush()
        except IntegrityError:
            # Somebody added one of them since the plan was made.
            await session.rollback()
            raise AddressTakenError from None
    for ids in batched(done.changed, BATCH):
        await replan(session, ids, topics=topics, now=clock.now())
    await session.commit()
    return done


async def invite(session: AsyncSession, subscriber_ids: Sequence[str], *, links: Links, clock: Clock) -> int:
    """Ask people to confirm their address, where it is not confirmed yet; returns how many are asked. Commits."""
    count = 0
    for subscriber_id in subscriber_ids:
        address = (
            await session.exec(
                select(Address).where(Address.subscriber_id == subscriber_id, Address.channel == ChannelName.EMAIL)
            )
        ).first()
        if address is None or address.confirmed_at is not None or address.suppressed_at is not None:
            continue
        issued = await issue(session, subscriber_id, Purpose.CONFIRM, links=links, clock=clock)
        count += await queue_link(session, issued, clock=clock) is not None
    return count


async def list_rows(session: AsyncSession, *, city: str | None = None) -> AsyncIterator[dict[str, str]]:
    """Everybody who has not left, as rows of a file."""
    after = ""
    while True:
        query = (
            select(Subscriber, Address.value)
            .join(Address, col(Address.subscriber_id) == col(Subscriber.id))
            .where(Address.channel == ChannelName.EMAIL, col(Subscriber.left_at).is_(None))
            .where(col(Subscriber.id) > after)
        )
        if city is not None:
            query = query.where(Subscriber.city == city)
        found = list(await session.exec(query.order_by(col(Subscriber.id)).limit(BATCH)))
        if not found:
            return
        after = found[-1][0].id
        chosen = await _chosen(session, [subscriber.id for subscriber, _ in found])
        for subscriber, email in found:
            yield _row_of(subscriber, email, chosen.get(subscriber.id, {}))
        session.expunge_all()


def _row_of(subscriber: Subscriber, email: str, chosen: dict[str, Subscription]) -> dict[str, str]:
    return {
        "email": email,
        "name": subscriber.name,
        "city": subscriber.city or "",
        "country": subscriber.country or "",
        "network": subscriber.network or "",
        "role": subscriber.role,
        "language": subscriber.language,
        "time_zone": subscriber.time_zone,
        "contact": "yes" if subscriber.is_mandatory_contact else "no",
        "city_defaults": "yes" if subscriber.may_set_city_defaults else "no",
        "topics": " ".join(f"{row.topic}:{row.frequency}" for row in chosen.values()),
    }


async def _known(session: AsyncSession, entries: Sequence[Entry]) -> dict[str, Subscriber]:
    query = (
        select(Address.value, Subscriber)
        .join(Subscriber, col(Subscriber.id) == col(Address.subscriber_id))
        .where(Address.channel == ChannelName.EMAIL, col(Address.value).in_([entry.email for entry in entries]))
    )
    return dict((await session.exec(query)).all())


async def _chosen(session: AsyncSession, ids: Sequence[str]) -> dict[str, dict[str, Subscription]]:
    query = select(Subscription).where(col(Subscription.subscriber_id).in_(ids)).order_by(col(Subscription.topic))
    found: dict[str, dict[str, Subscription]] = {}
    for row in await session.exec(query):
        found.setdefault(row.subscriber_id, {})[row.topic] = row
    return found


def _judge(entry: Entry, known: Subscriber | None, chosen: dict[str, dict[str, Subscription]]) -> str | Problem:
    """What a row would do: new, changed, same; or why it cannot."""
    if known is None:
        return "new" if entry.name is not None else Problem(entry.row, "name", "name_missing")
    if known.left_at is not None:
        return Problem(entry.row, "email", "has_left", entry.email)
    return "changed" if _differs(entry, known, chosen) else "same"


def _corrections(entry: Entry, known: Subscriber) -> dict[str, str | bool | None]:
    profile = dict(entry.profile)
    if entry.name is not None:
        profile["name"] = entry.name
    return {name: value for name, value in profile.items() if name not in OWN and getattr(known, name) != value}


def _open_topics(entry: Entry, known: Subscriber, chosen: dict[str, dict[str, Subscription]]) -> dict[str, str]:
    """Topics of a row that the person did not choose themselves."""
    if known.choice is not None:
        return {}
    own = chosen.get(known.id, {})
    return {
        topic: frequency
        for topic, frequency in entry.topics.items()
        if topic not in own or (own[topic].origin == FROM_FILE and own[topic].frequency != frequency)
    }


def _differs(entry: Entry, known: Subscriber, chosen: dict[str, dict[str, Subscription]]) -> bool:
    return bool(_corrections(entry, known) or _open_topics(entry, known, chosen) or known.joined_at)


def _new_person(entry: Entry, clock: Clock) -> tuple[Subscriber, list[Address | Subscription]]:
    """A new subscriber, and the rows that refer to it."""
    subscriber = Subscriber(id=new_id(), name=entry.name or "", created_at=clock.now())
    for name, value in entry.profile.items():
        setattr(subscriber, name, value)
    address = Address(
        id=new_id(),
        subscriber_id=subscriber.id,
        channel=ChannelName.EMAIL,
        value=entry.email,
        created_at=clock.now(),
    )
    topics = [_subscription(subscriber.id, topic, frequency, clock) for topic, frequency in entry.topics.items()]
    return subscriber, [address, *topics]


def _update(
    session: AsyncSession,
    entry: Entry,
    known: Subscriber,
    chosen: dict[str, dict[str, Subscription]],
    clock: Clock,
) -> None:
    for name, value in _corrections(entry, known).items():
        setattr(known, name, value)
    # Whom the team has on its list is no newcomer any more, whose address must be confirmed soon.
    known.joined_at = None
    session.add(known)
    for topic, frequency in _open_topics(entry, known, chosen).items():
        row = chosen.get(known.id, {}).get(topic)
        if row is None:
            session.add(_subscription(known.id, topic, frequency, clock))
        else:
            row.frequency, row.chosen_at = frequency, clock.now()
            session.add(row)


def _subscription(subscriber_id: str, topic: str, frequency: str, clock: Clock) -> Subscription:
    return Subscription(
        subscriber_id=subscriber_id, topic=topic, frequency=frequency, chosen_at=clock.now(), origin=FROM_FILE
    )
