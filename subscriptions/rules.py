"""Who gets a message, when, by which channel and because of what: the rules of design.md's "Messages", and only they.

``decide`` is pure. It is asked when the team looks at who would get a broadcast, when its deliveries are written, and
again when each of them is sent, so that a choice made in between counts. Precedence: mandatory notices; changes of an
event, to its guests and to who was invited and said nothing; answers to one's own question; then pauses; then what was
chosen by topic. All but a change of an event on its day wait for the end of quiet hours.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from subscriptions.models import BroadcastKind, ChannelName, Choice, Frequency
from subscriptions.rhythm import (
    Rhythm,
    add_working_days,
    day_of,
    end_of_quiet,
    is_paused,
    next_digest,
    start_of_day,
)

WORKING_DAYS_TO_JOIN = 3
"""What a reader needs between a digest and the closing of a registration; less, and the item does not wait for it."""

GUEST_ANSWERS = frozenset({"yes", "maybe", "waiting"})
INVITED = "invited"
"""Instead of an answer: an invitation reached them, and they have not answered."""


class AddressState(StrEnum):
    """Whether the address of a channel can be used."""

    NONE = "none"
    UNCONFIRMED = "unconfirmed"
    WORKING = "working"
    SUPPRESSED = "suppressed"


class Outcome(StrEnum):
    """What happens to one message for one person."""

    SEND = "send"
    WAIT = "wait"
    """For the end of quiet hours."""
    DIGEST = "digest"
    NOT = "not"


class Rule(StrEnum):
    """Why a message is for somebody."""

    MANDATORY = "mandatory"
    GUEST = "guest"
    ANSWER = "answer"
    TOPIC = "topic"


class WhyNot(StrEnum):
    """Why a message is not for somebody."""

    LEFT = "left"
    NOT_CHOSEN = "not_chosen"
    SWITCHED_OFF = "switched_off"
    NOT_A_GUEST = "not_a_guest"
    NOT_A_CONTACT = "not_a_contact"
    PAUSED = "paused"
    NO_ADDRESS = "no_address"
    UNCONFIRMED = "unconfirmed"
    SUPPRESSED = "suppressed"


class Said(StrEnum):
    """Where a choice was made; the most specific first."""

    MEMBERSHIP = "membership"
    SUBSCRIPTION = "subscription"
    CHOICE = "choice"
    CITY = "city"
    INVITATION = "invitation"
    """Nothing was said yet: they were invited."""


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """What somebody chose for one topic."""

    topic: str
    frequency: Frequency
    channel: ChannelName | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """What the rules know of a subscriber. ``subscriptions`` and ``city_defaults`` hold at least the topics asked."""

    language: str = "en"
    rhythm: Rhythm = field(default_factory=Rhythm)
    channel: ChannelName = ChannelName.EMAIL
    choice: Choice | None = None
    subscriptions: tuple[TopicChoice, ...] = ()
    city_defaults: tuple[TopicChoice, ...] = ()
    is_mandatory_contact: bool = False
    has_left: bool = False
    email: AddressState = AddressState.NONE
    telegram: AddressState = AddressState.NONE
    is_telegram_off: bool = False
    """The person's city does not let its staff use Telegram."""
    guest_answer: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What the rules know of a broadcast."""

    kind: BroadcastKind
    topics_any: tuple[str, ...] = ()
    topics_all: tuple[str, ...] = ()
    mandatory_topics: frozenset[str] = frozenset()
    recommended_topics: frozenset[str] = frozenset()
    has_event: bool = False
    closes_at: datetime | None = None
    """The end of registration, else the beginning of the event."""
    event_starts_at: datetime | None = None
    event_ends_at: datetime | None = None

    @property
    def concerns_invited(self) -> bool:
        """Whether it is also for who was invited to an event and has not said no."""
        return self.kind is BroadcastKind.EVENT_CHANGE


@dataclass(frozen=True, slots=True)
class Cause:
    """The choice or the rule that makes a message one's own; kept with the delivery and said to the reader."""

    rule: Rule
    topic: str | None = None
    frequency: Frequency | None = None
    said: Said | None = None
    is_hurried: bool = False
    """It did not wait for the digest: registration closes before, or it is urgent."""
    channel: ChannelName | None = None

    def as_data(self) -> dict[str, str | bool]:
        """For ``Delivery.because``."""
        data: dict[str, str | bool] = {"rule": self.rule.value}
        for name in ("topic", "frequency", "said"):
            if (value := getattr(self, name)) is not None:
                data[name] = str(value)
        if self.is_hurried:
            data["hurried"] = True
        return data


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one message for one person: when, by which channel, because of what; or why nothing does."""

    outcome: Outcome
    language: str
    at: datetime
    """When it goes; for NOT, the moment of the decision."""
    cause: Cause | None = None
    channel: ChannelName | None = None
    """For NOT, the one that it would have gone by, where an address is what stands in the way."""
    why_not: WhyNot | None = None


def decide(message: Message, person: Person, now: datetime) -> Decision:
    """What the rules say at this moment."""
    cause = find_cause(message, person)
    if isinstance(cause, WhyNot):
        return _not(cause, person, now)
    if _obeys_pause(message, cause) and is_paused(person.rhythm, now):
        return _not(WhyNot.PAUSED, person, now, cause)
    channel = find_channel(person, cause)
    if isinstance(channel, WhyNot):
        return replace(_not(channel, person, now, cause), channel=_wanted_channel(person, cause))
    if cause.rule is Rule.TOPIC and cause.frequency in {Frequency.DAILY, Frequency.WEEKLY}:
        digest_at = next_digest(person.rhythm, cause.frequency, now)
        if message.kind is not BroadcastKind.URGENT and not _closes_before(message, person, digest_at, now):
            return Decision(Outcome.DIGEST, person.language, digest_at, cause, channel)
        cause = replace(cause, is_hurried=True)
    at = _release_at(message, cause, person, now)
    return Decision(Outcome.SEND if at <= now else Outcome.WAIT, person.language, at, cause, channel)


def find_cause(message: Message, person: Person) -> Cause | WhyNot:
    """Why a message is for a person, before pauses and addresses are looked at; or why it is not."""
    if person.has_left:
        return WhyNot.LEFT
    if is_owed(message, person):
        topic = next((name for name in (*message.topics_any, *message.topics_all)), None)
        return Cause(Rule.MANDATORY, topic, said=Said.MEMBERSHIP)
    if message.kind is BroadcastKind.ANSWER:
        return Cause(Rule.ANSWER)
    if message.concerns_invited and person.guest_answer == INVITED:
        return Cause(Rule.GUEST, said=Said.INVITATION)
    if message.kind is BroadcastKind.EVENT_CHANGE or (message.kind is BroadcastKind.REMINDER and message.has_event):
        return Cause(Rule.GUEST) if person.guest_answer in GUEST_ANSWERS else WhyNot.NOT_A_GUEST
    if message.kind is BroadcastKind.REMINDER:
        return WhyNot.NOT_A_CONTACT
    return _cause_by_topic(message, person)


def is_owed(message: Message, person: Person) -> bool:
    """Whether a contact named by a city must get it, asked or not."""
    return person.is_mandatory_contact and is_mandatory(message)


def is_mandatory(message: Message) -> bool:
    """Whether a message goes to every contact named by a city: by its kind, or since its topic cannot be left."""
    if message.kind in {BroadcastKind.MANDATORY, BroadcastKind.URGENT}:
        return True
    if message.kind is BroadcastKind.REMINDER:
        return not message.has_event
    if message.kind not in {BroadcastKind.NEWS, BroadcastKind.EVENT}:
        return False
    required = message.mandatory_topics
    any_fits = not message.topics_any or not required.isdisjoint(message.topics_any)
    return any_fits and required.issuperset(message.topics_all) and bool(message.topics_any or message.topics_all)


def choice_for(topic: str, message: Message, person: Person) -> tuple[Frequency, Said, ChannelName | None] | None:
    """What counts for one topic: the own subscription, else the first screen's choice, else the city's default."""
    if person.is_mandatory_contact and topic in message.mandatory_topics:
        return Frequency.AT_ONCE, Said.MEMBERSHIP, None
    for own in person.subscriptions:
        if own.topic == topic:
            return own.frequency, Said.SUBSCRIPTION, own.channel
    match person.choice:
        case Choice.REQUIRED_ONLY:
            return Frequency.OFF, Said.CHOICE, None
        case Choice.RECOMMENDED_WEEKLY:
            return Frequency.WEEKLY if topic in message.recommended_topics else Frequency.OFF, Said.CHOICE, None
        case Choice.EVERYTHING_AT_ONCE:
            return Frequency.AT_ONCE, Said.CHOICE, None
    for default in person.city_defaults:
        if default.topic == topic:
            return default.frequency, Said.CITY, None
    return None


def find_channel(person: Person, cause: Cause) -> ChannelName | WhyNot:
    """The way to a person for a message, or what is wrong with the ways there are.

    What is mandatory goes by e-mail, confirmed or not, and by Telegram only where no mail address works. To guests and
    askers it goes by whatever works, their own channel first. News go by the chosen channel; by e-mail where Telegram
    is not linked yet or the city has turned it off.
    """
    telegram = AddressState.NONE if person.is_telegram_off else person.telegram
    if cause.rule is Rule.MANDATORY:
        if person.email in {AddressState.WORKING, AddressState.UNCONFIRMED}:
            return ChannelName.EMAIL
        return ChannelName.TELEGRAM if telegram is AddressState.WORKING else _what_is_wrong(person.email)
    wanted = _wanted_channel(person, cause)
    first, second = (telegram, person.email) if wanted is ChannelName.TELEGRAM else (person.email, telegram)
    if first is AddressState.WORKING:
        return wanted
    if second is AddressState.WORKING and (
        cause.rule is not Rule.TOPIC
        or (wanted is ChannelName.TELEGRAM and first in {AddressState.NONE, AddressState.UNCONFIRMED})
    ):
        return ChannelName.EMAIL if wanted is ChannelName.TELEGRAM else ChannelName.TELEGRAM
    return _what_is_wrong(first if first is not AddressState.NONE else person.email)


def _wanted_channel(person: Person, cause: Cause) -> ChannelName:
    return ChannelName.EMAIL if cause.rule is Rule.MANDATORY else cause.channel or person.channel


def _cause_by_topic(message: Message, person: Person) -> Cause | WhyNot:
    found: list[tuple[str, tuple[Frequency, Said, ChannelName | None]]] = []
    was_switched_off = False
    for topic in (*message.topics_all, *message.topics_any):
        said = choice_for(topic, message, person)
        if said is not None and said[0] is not Frequency.OFF:
            found.append((topic, said))
            continue
        was_switched_off |= said is not None
        if topic in message.topics_all:
            return WhyNot.NOT_CHOSEN if said is None else WhyNot.SWITCHED_OFF
    on = {topic for topic, _ in found}
    if not on or (message.topics_any and on.isdisjoint(message.topics_any)):
        return WhyNot.SWITCHED_OFF if was_switched_off else WhyNot.NOT_CHOSEN
    topic, (frequency, said_by, channel) = min(found, key=lambda item: (_SOONEST[item[1][0]], _NEAREST[item[1][1]]))
    return Cause(Rule.TOPIC, topic, frequency, said_by, channel=channel)


_SOONEST = {Frequency.AT_ONCE: 0, Frequency.DAILY: 1, Frequency.WEEKLY: 2}
_NEAREST = {said: number for number, said in enumerate(Said)}


def _obeys_pause(message: Message, cause: Cause) -> bool:
    # A reminder of an event is no change of it.
    return cause.rule is Rule.TOPIC or (cause.rule is Rule.GUEST and message.kind is BroadcastKind.REMINDER)


def _closes_before(message: Message, person: Person, digest_at: datetime, now: datetime) -> bool:
    if message.closes_at is None or message.closes_at <= now:
        return False
    return message.closes_at < add_working_days(person.rhythm, digest_at, WORKING_DAYS_TO_JOIN)


def _release_at(message: Message, cause: Cause, person: Person, now: datetime) -> datetime:
    """The end of quiet hours; for a change of an event not later than its own day."""
    quiet_until = end_of_quiet(person.rhythm, now)
    starts_at, ends_at = message.event_starts_at, message.event_ends_at
    if message.kind is not BroadcastKind.EVENT_CHANGE or starts_at is None or quiet_until == now:
        return quiet_until
    if day_of(person.rhythm, starts_at) <= day_of(person.rhythm, now) <= day_of(person.rhythm, ends_at or starts_at):
        return now
    if now < starts_at < quiet_until:
        return start_of_day(person.rhythm, starts_at)
    return quiet_until


def _what_is_wrong(state: AddressState) -> WhyNot:
    return {
        AddressState.NONE: WhyNot.NO_ADDRESS,
        AddressState.UNCONFIRMED: WhyNot.UNCONFIRMED,
        AddressState.SUPPRESSED: WhyNot.SUPPRESSED,
    }[state]


def _not(why: WhyNot, person: Person, now: datetime, cause: Cause | None = None) -> Decision:
    return Decision(Outcome.NOT, person.language, now, cause, why_not=why)
