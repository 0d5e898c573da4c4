"""Tables of subscribers, their choices, and the messages that follow from them.

A choice that was not made is absent, never a default written down. Whether something is sent is decided when it is
due, from the choices of that moment (subscriptions/rules.py).
"""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class Frequency(StrEnum):
    """How often news of a topic come."""

    OFF = "off"
    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"


class ChannelName(StrEnum):
    """The ways to a subscriber."""

    EMAIL = "email"
    TELEGRAM = "telegram"


class Choice(StrEnum):
    """The three choices of the first screen. Nothing is ticked before."""

    REQUIRED_ONLY = "required_only"
    RECOMMENDED_WEEKLY = "recommended_weekly"
    EVERYTHING_AT_ONCE = "everything_at_once"


class Role(StrEnum):
    """What somebody is for the network."""

    COORDINATOR = "coordinator"
    STAFF = "staff"
    ELECTED = "elected"
    NETWORK = "network"
    """Coordinates a national network."""
    OTHER = "other"


def _json_list() -> Any:
    return Field(default_factory=list, sa_column=Column(JSON, nullable=False))


def _json_map() -> Any:
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def _moment(*, index: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime(), nullable=True, index=index))


def _set_moment(*, index: bool = False) -> Any:
    return Field(sa_column=Column(UtcDateTime(), nullable=False, index=index))


class Subscriber(SQLModel, table=True):
    """A person we may write to."""

    __tablename__ = "subscriber"

    id: str = Field(primary_key=True, max_length=32)
    name: str = Field(max_length=200)
    city: str | None = Field(default=None, max_length=80, index=True)
    """Id in knowledge/facts/cities.yaml; None for a national network or somebody else."""
    network: str | None = Field(default=None, max_length=120, index=True)
    country: str | None = Field(default=None, max_length=2, index=True)
    role: str = Field(default=Role.COORDINATOR, max_length=20)
    is_mandatory_contact: bool = Field(default=False, index=True)
    """The city named this person for what members must know."""
    may_set_city_defaults: bool = False
    language: str = Field(default="en", max_length=12)
    time_zone: str = Field(default="Europe/Brussels", max_length=64)
    """IANA name."""
    quiet_from: time | None = None
    quiet_to: time | None = None
    quiet_days: list[int] = _json_list()
    """ISO days of the week, 1 for Monday."""
    digest_at: time = time(8, 0)
    digest_on: int = 2
    """ISO day of the week of the weekly digest: Tuesday."""
    paused_until: date | None = None
    channel: str = Field(default=ChannelName.EMAIL, max_length=12)
    """Where news go, unless a topic says otherwise."""
    choice: str | None = Field(default=None, max_length=24)
    """Which of the three choices of the first screen (``Choice``); it speaks for every topic without a subscription of
    its own, also for topics that come later. None: not said."""
    succeeded_by: str | None = Field(default=None, max_length=32)
    left_at: datetime | None = _moment()
    """No longer the contact: nothing is sent any more."""
    created_at: datetime = _set_moment()
    joined_at: datetime | None = _moment(index=True)
    """When the person came by themselves; None: the team or a city entered them."""
    welcomed_at: datetime | None = _moment()
    feed_key: str | None = Field(default=None, max_length=32)
    """Part of the address of the own calendar feed since it was renewed; another one ends the address before."""


class Address(SQLModel, table=True):
    """The way to reach a subscriber on one channel. Confirmation belongs to it.

    There is one a channel: another mail address waits in its ``Confirmation`` until it is confirmed, then takes this
    one's place, so that what is queued goes to the new one.
    """

    __tablename__ = "subscriber_address"
    __table_args__ = (UniqueConstraint("channel", "value"), UniqueConstraint("subscriber_id", "channel"))

    id: str = Field(primary_key=True, max_length=32)
    subscriber_id: str = Field(sa_column=Column(ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False))
    channel: str = Field(max_length=12)
    value: str = Field(max_length=320)
    """The mail address in lower case, or the number of the Telegram chat."""
    confirmed_at: datetime | None = _moment()
    suppressed_at: datetime | None = _moment()
    suppression: str | None = Field(default=None, max_length=40)
    """bounced, refused, blocked, complained, stopped."""
    created_at: datetime = _set_moment()


class Confirmation(SQLModel, table=True):
    """A link that was sent: to confirm an address, to open the preferences, to link Telegram. Only its hash is kept."""

    __tablename__ = "subscriber_confirmation"

    token_hash: str = Field(primary_key=True, max_length=64)
    purpose: str = Field(max_length=20)
    """confirm, preferences, telegram, handover."""
    subscriber_id: str = Field(sa_column=Column(ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False))
    address_id: str | None = Field(default=None, max_length=32)
    value: str | None = Field(default=None, max_length=320)
    """Another mail address that takes the place of the present one when it is confirmed."""
    topics: list[str] = _json_list()
    expires_at: datetime = _set_moment(index=True)
    used_at: datetime | None = _moment()


class Subscription(SQLModel, table=True):
    """What a subscriber chose for one topic. No row: not said, so the city's default applies, else nothing."""

    __tablename__ = "subscription"

    subscriber_id: str = Field(sa_column=Column(ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True))
    topic: str = Field(primary_key=True, max_length=80, index=True)
    frequency: str = Field(max_length=12)
    channel: str | None = Field(default=None, max_length=12)
    chosen_at: datetime = _set_moment()
    origin: str = Field(default="page", max_length=20)
    """page, chat, telegram, import, handover, link."""


class CityDefault(SQLModel, table=True):
    """What a city's own people set for those of them who did not choose."""

    __tablename__ = "city_default"

    city: str = Field(primary_key=True, max_length=80)
    topic: str = Field(primary_key=True, max_length=80)
    frequency: str = Field(max_length=12)
    set_by: str = Field(max_length=32)
    set_at: datetime = _set_moment()


class CityRule(SQLModel, table=True):
    """What a city decided for its staff as a whole."""

    __tablename__ = "city_rule"

    city: str = Field(primary_key=True, max_length=80)
    telegram_off: bool = False


class PreferenceChange(SQLModel, table=True):
    """What stood before a change, so that it can be undone, and what was changed, for the record."""

    __tablename__ = "preference_change"

    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: str = Field(
        sa_column=Column(ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    before: dict[str, Any] = _json_map()
    origin: str = Field(max_length=20)
    changed_at: datetime = _set_moment()
    undone_at: datetime | None = _moment()


class Missed(SQLModel, table=True):
    """A broadcast that was not sent to somebody because of a pause; told at its end while it can still be joined."""

    __tablename__ = "missed_broadcast"

    subscriber_id: str = Field(sa_column=Column(ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True))
    broadcast_id: str = Field(sa_column=Column(ForeignKey("broadcast.id", ondelete="CASCADE"), primary_key=True))


class BroadcastKind(StrEnum):
    """Which precedence a message has (design: Messages)."""

    NEWS = "news"
    MANDATORY = "mandatory"
    EVENT = "event"
    EVENT_CHANGE = "event_change"
    """Changes and cancellations, to the event's guests."""
    REMINDER = "reminder"
    URGENT = "urgent"
    ANSWER = "answer"
    """To one's own question."""


class BroadcastStatus(StrEnum):
    """Where a broadcast stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class Broadcast(SQLModel, table=True):
    """One message to everyone who chose its topics, now or at a time."""

    __tablename__ = "broadcast"

    id: str = Field(primary_key=True, max_length=32)
    kind: str = Field(max_length=20)
    status: str = Field(default=BroadcastStatus.DRAFT, max_length=20, index=True)
    original_language: str = Field(default="en", max_length=12)
    topics_any: list[str] = _json_list()
    topics_all: list[str] = _json_list()
    audience: dict[str, list[str]] = _json_map()
    """countries, cities, networks, roles, subscribers; absent: everyone."""
    event_id: str | None = Field(default=None, max_length=32, index=True)
    corrects: str | None = Field(default=None, max_length=32)
    """The broadcast that this one corrects."""
    reason: str | None = Field(default=None, max_length=400)
    """Why it is urgent, or which mandatory notice it is."""
    closes_at: datetime | None = _moment()
    """When registration closes, so that a digest is not too late for it."""
    due_at: datetime | None = _moment(index=True)
    time_zone: str = Field(default="Europe/Brussels", max_length=64)
    texts_due_at: datetime | None = _moment()
    """After this, the original goes with the unapproved draft below it."""
    created_by: str = Field(max_length=32)
    created_at: datetime = _set_moment()
    approved_by: list[str] = _json_list()
    """Operators who released it; mandatory and urgent ones need two."""
    expanded_at: datetime | None = _moment()
    """When its deliveries were written."""
    expanded_to: str | None = Field(default=None, max_length=32)
    """The last subscriber whose delivery was written, so that writing them goes on where it stopped."""
    finished_at: datetime | None = _moment()


class TextState(StrEnum):
    """How a text of a broadcast came to be."""

    ORIGINAL = "original"
    WRITTEN = "written"
    MACHINE_DRAFT = "machine_draft"
    APPROVED = "approved"


class BroadcastText(SQLModel, table=True):
    """A broadcast's words in one language."""

    __tablename__ = "broadcast_text"

    broadcast_id: str = Field(sa_column=Column(ForeignKey("broadcast.id", ondelete="CASCADE"), primary_key=True))
    language: str = Field(primary_key=True, max_length=12)
    state: str = Field(max_length=20)
    subject: str = Field(max_length=300)
    body: str = Field(sa_column=Column(Text, nullable=False))
    """Markdown."""
    problems: list[dict[str, Any]] = _json_list()
    """What the automatic checks of a machine draft found."""
    approver: str | None = Field(default=None, max_length=32)
    """The operator who is asked."""
    approved_by: str | None = Field(default=None, max_length=32)
    changed_at: datetime = _set_moment()


class Attachment(SQLModel, table=True):
    """A file of a broadcast."""

    __tablename__ = "broadcast_attachment"

    id: str = Field(primary_key=True, max_length=32)
    broadcast_id: str = Field(
        sa_column=Column(ForeignKey("broadcast.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    name: str = Field(max_length=200)
    media_type: str = Field(max_length=100)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class DeliveryStatus(StrEnum):
    """Where one message to one address stands."""

    WAITING = "waiting"
    """For a digest, or for the end of quiet hours; not in the queue yet."""
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


class Delivery(SQLModel, table=True):
    """One message to one address. The table is the truth about what was sent; a task carries only ids of it."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("message", "address_id"),
        Index("ix_delivery_status_due_at", "status", "due_at"),
        Index("ix_delivery_broadcast_id_status", "broadcast_id", "status"),
        Index(
            "ix_delivery_lease_until",
            "lease_until",
            postgresql_where=text("lease_until IS NOT NULL"),
            sqlite_where=text("lease_until IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True, max_length=32)
    message: str = Field(max_length=80)
    """``broadcast/<id>``, ``digest/<id>``, ``reminder/…``, ``confirm/…``: what must not go twice."""
    address_id: str = Field(max_length=32, index=True)
    subscriber_id: str = Field(max_length=32, index=True)
    broadcast_id: str | None = Field(default=None, max_length=32)
    channel: str = Field(max_length=12)
    language: str = Field(max_length=12)
    status: str = Field(default=DeliveryStatus.QUEUED, max_length=12)
    because: dict[str, Any] = _json_map()
    """The choice that caused it: rule, topic, frequency, where it was said."""
    reason: str | None = Field(default=None, max_length=300)
    """Why it failed, was suppressed or cancelled; no address in it."""
    due_at: datetime = _set_moment()
    """Not before this."""
    lease_until: datetime | None = _moment()
    """Queued: handed out until then. Being sent: the sender's until then; afterwards it goes back into the queue."""
    holder: str | None = Field(default=None, max_length=32)
    """The process that sends it."""
    attempts: int = 0
    parts: dict[str, Any] = _json_map()
    """What a message needs beyond its broadcast: items of a digest, values of a template."""
    created_at: datetime = _set_moment()
    finished_at: datetime | None = _moment()


class ChannelPause(SQLModel, table=True):
    """A channel that delivers to nobody now, such as a mail server that is silent. Gone when it delivers again."""

    __tablename__ = "channel_pause"

    channel: str = Field(primary_key=True, max_length=12)
    until: datetime = _set_moment()
    """The next try."""
    since: datetime = _set_moment()
    failures: int = 1
    reason: str = Field(max_length=120)


class DigestItem(SQLModel, table=True):
    """News that wait for somebody's next digest. Never the same broadcast twice for one person."""

    __tablename__ = "digest_item"

    subscriber_id: str = Field(sa_column=Column(ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True))
    broadcast_id: str = Field(sa_column=Column(ForeignKey("broadcast.id", ondelete="CASCADE"), primary_key=True))
    topic: str = Field(max_length=80)
    because: dict[str, Any] = _json_map()
    """As in ``Delivery``."""
    added_at: datetime = _set_moment()
    due_at: datetime = _set_moment(index=True)
    """The digest that it waits for, by the choices of now; planned anew when they change."""
    sent_in: str | None = Field(default=None, max_length=32)
    """The delivery that carried it."""
    dropped_at: datetime | None = _moment()
    """Not wanted any more, or sent by itself; kept so that a change can be undone."""


class Event(SQLModel, table=True):
    """Something with a date."""

    __tablename__ = "event"

    id: str = Field(primary_key=True, max_length=32)
    uid: str = Field(max_length=120, unique=True)
    """Of the calendar entry (RFC 5545); never changes."""
    sequence: int = 0
    form: str = Field(max_length=12)
    """in_person, online, both."""
    titles: dict[str, str] = _json_map()
    descriptions: dict[str, str] = _json_map()
    topics: list[str] = _json_list()
    starts_at: datetime = _set_moment(index=True)
    ends_at: datetime = _set_moment()
    time_zone: str = Field(max_length=64)
    place: str | None = Field(default=None, max_length=400)
    online_url: str | None = Field(default=None, max_length=500)
    registration_opens_at: datetime | None = _moment()
    registration_closes_at: datetime | None = _moment()
    places: int | None = None
    places_per_city: int | None = None
    languages: list[str] = _json_list()
    """Spoken or interpreted."""
    who_pays: str | None = Field(default=None, max_length=400)
    is_public: bool = True
    reminder_days: list[int] = _json_list()
    cancelled_at: datetime | None = _moment()
    network: str | None = Field(default=None, max_length=120)
    """The national network whose coordinators made it; they see and change no other."""
    created_by: str = Field(max_length=32)
    changed_at: datetime = _set_moment()


class Guest(SQLModel, table=True):
    """Who said yes, maybe or no to an event."""

    __tablename__ = "event_guest"

    event_id: str = Field(sa_column=Column(ForeignKey("event.id", ondelete="CASCADE"), primary_key=True))
    subscriber_id: str = Field(
        sa_column=Column(ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    answer: str = Field(max_length=12)
    """yes, maybe, no, waiting."""
    needs: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    """Interpretation, access, diet; deleted 30 days after the event."""
    interpretation: str | None = Field(default=None, max_length=12)
    attended: bool | None = None
    answered_at: datetime = _set_moment()


class CityFile(SQLModel, table=True):
    """What the team knows of a city's membership: its Statement of Intent, contribution, Index, next dates."""

    __tablename__ = "city_file"

    city: str = Field(primary_key=True, max_length=80)
    joined_on: date | None = None
    statement_text: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    statement_name: str | None = Field(default=None, max_length=200)
    statement_copy: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    contribution: str | None = Field(default=None, max_length=200)
    last_index_on: date | None = None
    index_follow_up: str | None = Field(default=None, max_length=400)
    changed_by: str | None = Field(default=None, max_length=32)
    changed_at: datetime = _set_moment()


class DueDate(SQLModel, table=True):
    """Something that a city owes at a day; reminded 30 and 7 days before, and on the day."""

    __tablename__ = "due_date"
    __table_args__ = (UniqueConstraint("city", "kind", "due_on"),)

    id: int | None = Field(default=None, primary_key=True)
    city: str = Field(max_length=80, index=True)
    kind: str = Field(max_length=40)
    """contribution, index, coordinator, survey, other."""
    words: str | None = Field(default=None, max_length=300)
    due_on: date = Field(index=True)
    done_on: date | None = None


class TeamAlert(SQLModel, table=True):
    """Something that the team should look at: a contact who left, a city that nobody is named for."""

    __tablename__ = "team_alert"

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=40)
    """contact_left, contact_succeeded, contact_unreachable."""
    city: str | None = Field(default=None, max_length=80)
    subscriber_id: str | None = Field(default=None, max_length=32)
    raised_at: datetime = _set_moment(index=True)
    settled_at: datetime | None = _moment()
    settled_by: str | None = Field(default=None, max_length=32)


class SubscriberErasure(SQLModel, table=True):
    """People who were erased before all erasures stood in one table (core/erasures.py). A restore reads it still."""

    __tablename__ = "subscriber_erasure"

    subscriber_hash: str = Field(primary_key=True, max_length=64)
    erased_on: date


class TopicOpinion(SQLModel, table=True):
    """Useful or not for us: counted by topic and month, without names."""

    __tablename__ = "topic_opinion"

    topic: str = Field(primary_key=True, max_length=80)
    month: str = Field(primary_key=True, max_length=7)
    opinion: str = Field(primary_key=True, max_length=12)
    count: int = 0
