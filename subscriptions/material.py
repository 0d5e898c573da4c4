"""What messages are written from: readers, texts, events, files, a city's papers; read for a whole batch at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.base import File
from core.languages import SOURCE_LANGUAGE
from subscriptions.membership import WITHOUT_COPY
from subscriptions.models import (
    Address,
    Attachment,
    Broadcast,
    BroadcastKind,
    BroadcastText,
    CityFile,
    Delivery,
    DeliveryStatus,
    DueDate,
    Event,
    Guest,
    Subscriber,
    TextState,
)
from subscriptions.reasons import kind_of

CHECKED = frozenset({TextState.ORIGINAL, TextState.APPROVED})
BY_PEOPLE = CHECKED | {TextState.WRITTEN}
KINDS_ABOUT_A_CITY = frozenset({"welcome", "reminder", "handover"})
MOST_FILES_KEPT = 16
"""Broadcasts whose files stay in memory."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a message goes to."""

    address: str
    name: str
    time_zone: str
    city: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """A broadcast's words in one language."""

    language: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader of one language gets: words by people, and a machine's draft below where those are not theirs."""

    words: Words
    draft: Words | None = None
    is_foreign: bool = False
    """The words are not in the reader's language."""


@dataclass(slots=True)
class Material:
    """Everything that one batch needs."""

    readers: Mapping[str, Reader] = field(default_factory=dict)
    broadcasts: Mapping[str, Broadcast] = field(default_factory=dict)
    texts: Mapping[str, Mapping[str, BroadcastText]] = field(default_factory=dict)
    events: Mapping[str, Event] = field(default_factory=dict)
    files: Mapping[str, tuple[File, ...]] = field(default_factory=dict)
    """Those of broadcasts that go alone: they hang on the message."""
    linked_files: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Ids and names of those of broadcasts inside collected messages, which only link to them."""
    invitations: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The delivery that invited an address to an event, by address and event."""
    answers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """What guests said, by subscriber and event."""
    city_files: Mapping[str, CityFile] = field(default_factory=dict)
    due_dates: Mapping[str, Sequence[DueDate]] = field(default_factory=dict)

    def event_of(self, broadcast_id: str) -> Event | None:
        """The event of a broadcast."""
        broadcast = self.broadcasts.get(broadcast_id)
        return self.events.get(broadcast.event_id) if broadcast is not None and broadcast.event_id else None

    def event_for(self, row: Delivery) -> Event | None:
        """The event that one message is about."""
        return self.event_of(row.broadcast_id) if row.broadcast_id else self.events.get(str(row.parts.get("event")))

    def read(self, broadcast_id: str, language: str) -> Reading | None:
        """The words for a reader; None when there are none at all.

        Duties are told in words that were approved, or in the original; never in a machine's.
        """
        broadcast, texts = self.broadcasts.get(broadcast_id), self.texts.get(broadcast_id, {})
        if broadcast is None:
            return None
        is_duty = broadcast.kind in {BroadcastKind.MANDATORY, BroadcastKind.URGENT}
        usable = CHECKED if is_duty else BY_PEOPLE
        own = texts.get(language)
        if own is not None and own.state in usable:
            return Reading(_words(own))
        original = texts.get(broadcast.original_language) or texts.get(SOURCE_LANGUAGE)
        if original is None or original.state not in BY_PEOPLE:
            return None
        draft = own if own is not None and own.state == TextState.MACHINE_DRAFT and not is_duty else None
        is_refused = draft is not None and bool(draft.problems)
        return Reading(_words(original), _words(draft) if draft and not is_refused else None, is_foreign=True)


class Library:
    """Reads material; keeps the files of the last broadcasts, which hang on every one of their mails."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[tuple[str, ...], tuple[File, ...]]] = {}

    async def load(self, session: AsyncSession, deliveries: Sequence[Delivery]) -> Material:
        """Everything for these deliveries, in a handful of queries."""
        own = {row.broadcast_id for row in deliveries if row.broadcast_id}
        inside = {name for row in deliveries for name in named_broadcasts(row)}
        material = Material(readers=await _load_readers(session, {row.address_id for row in deliveries}))
        if wanted := own | inside:
            found = await session.exec(select(Broadcast).where(col(Broadcast.id).in_(wanted)))
            material.broadcasts = {row.id: row for row in found}
            material.texts = await _load_texts(session, wanted)
            material.files = await self._load_files(session, own)
            material.linked_files = await _list_files(session, inside)
        events = {row.event_id for row in material.broadcasts.values() if row.event_id}
        if events := events | {str(row.parts["event"]) for row in deliveries if "event" in row.parts}:
            material.events = {
                row.id: row for row in await session.exec(select(Event).where(col(Event.id).in_(events)))
            }
            material.invitations = await _load_invitations(session, deliveries, events)
            material.answers = await _load_answers(session, deliveries, events)
        about = {row.address_id for row in deliveries if kind_of(row.message) in KINDS_ABOUT_A_CITY}
        if cities := {reader.city for key, reader in material.readers.items() if key in about and reader.city}:
            files = await session.exec(select(CityFile).where(col(CityFile.city).in_(cities)).options(WITHOUT_COPY))
            material.city_files = {row.city: row for row in files}
            dates: dict[str, list[DueDate]] = {}
            due = select(DueDate).where(col(DueDate.city).in_(cities), col(DueDate.done_on).is_(None))
            for row in await session.exec(due.order_by(col(DueDate.due_on))):
                dates.setdefault(row.city, []).append(row)
            material.due_dates = dates
        return material

    async def _load_files(self, session: AsyncSession, broadcast_ids: Collection[str]) -> dict[str, tuple[File, ...]]:
        named = await _list_files(session, broadcast_ids)
        found: dict[str, tuple[File, ...]] = {}
        for broadcast_id, infos in named.items():
            ids = [attachment_id for attachment_id, _ in infos]
            if self._files.get(broadcast_id, ((), ()))[0] != tuple(ids):
                rows = await session.exec(
                    select(Attachment).where(col(Attachment.id).in_(ids)).order_by(col(Attachment.id))
                )
                files = tuple(File(row.name, row.media_type, row.content) for row in rows)
                self._files[broadcast_id] = (tuple(ids), files)
                while len(self._files) > MOST_FILES_KEPT:
                    del self._files[next(iter(self._files))]
            found[broadcast_id] = self._files[broadcast_id][1]
        return found


def named_broadcasts(row: Delivery) -> list[str]:
    """Broadcasts inside a message: items of a digest, or what a pause withheld."""
    names = [str(item["broadcast"]) for item in row.parts.get("items", [])]
    return [*names, *(str(name) for name in row.parts.get("missed", []))]


def _words(text: BroadcastText) -> Words:
    return Words(text.language, text.subject, text.body)


async def _load_readers(session: AsyncSession, address_ids: Collection[str]) -> dict[str, Reader]:
    query = (
        select(Address.id, Address.value, Subscriber.name, Subscriber.time_zone, Subscriber.city)  # type: ignore[call-overload]
        .join(Subscriber, col(Subscriber.id) == col(Address.subscriber_id))
        .where(col(Address.id).in_(address_ids))
    )
    return {row[0]: Reader(*row[1:]) for row in await session.exec(query)}


async def _load_texts(session: AsyncSession, ids: Collection[str]) -> dict[str, dict[str, BroadcastText]]:
    texts: dict[str, dict[str, BroadcastText]] = {}
    for text in await session.exec(select(BroadcastText).where(col(BroadcastText.broadcast_id).in_(ids))):
        texts.setdefault(text.broadcast_id, {})[text.language] = text
    return texts


async def _list_files(session: AsyncSession, broadcast_ids: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    """Ids and names of the files of broadcasts, without reading them."""
    query = select(Attachment.broadcast_id, Attachment.id, Attachment.name)
    query = query.where(col(Attachment.broadcast_id).in_(broadcast_ids)).order_by(col(Attachment.id))
    named: dict[str, list[tuple[str, str]]] = {}
    for broadcast_id, attachment_id, name in await session.exec(query):
        named.setdefault(broadcast_id, []).append((attachment_id, name))
    return named


async def _load_answers(
    session: AsyncSession, deliveries: Sequence[Delivery], events: Collection[str]
) -> dict[tuple[str, str], str]:
    people = [row.subscriber_id for row in deliveries]
    query = select(Guest).where(col(Guest.event_id).in_(events), col(Guest.subscriber_id).in_(people))
    return {(guest.subscriber_id, guest.event_id): guest.answer for guest in await session.exec(query)}


async def _load_invitations(
    session: AsyncSession, deliveries: Sequence[Delivery], events: Collection[str]
) -> dict[tuple[str, str], str]:
    query = (
        select(Delivery.address_id, Broadcast.event_id, Delivery.id)
        .join(Broadcast, col(Broadcast.id) == col(Delivery.broadcast_id))
        .where(
            col(Delivery.address_id).in_([row.address_id for row in deliveries]),
            col(Broadcast.event_id).in_(events),
            Broadcast.kind == BroadcastKind.EVENT,
            Delivery.status == DeliveryStatus.SENT,
        )
    )
    return {(address, event or ""): delivery for address, event, delivery in await session.exec(query)}
