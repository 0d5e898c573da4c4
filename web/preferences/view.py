"""What the page of somebody's choices shows, made from what counts for them now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import get_day_names
from sqlmodel import select

from core.languages import LANGUAGES, RELEASED, format_day, locale_of
from core.zones import ZoneGroups
from subscriptions.city_defaults import get_city_defaults, is_telegram_off
from subscriptions.models import Address, ChannelName, Choice, Frequency, Subscription
from subscriptions.preferences import TopicState, list_topic_states
from subscriptions.rhythm import Rhythm, day_of
from subscriptions.subscribers import list_addresses
from subscriptions.topics import Topics, expected_messages, measure_volumes
from web.preferences.doorway import Visit
from web.preferences.forms import LONGEST_PAUSE

DAYS = range(1, 8)

type Options = list[tuple[str, str]]
type Volumes = Mapping[str, float | None]


@dataclass(frozen=True)
class TopicRow:
    """One topic of the matrix. ``own`` is the frequency chosen for it alone, empty where none is."""

    id: str
    title: str
    description: str
    volume: str
    own: str
    own_channel: str
    otherwise: str


@dataclass(frozen=True)
class ShownChoice:
    """One of the three choices of the first screen."""

    value: Choice
    text: str
    """What comes then."""
    effect: str
    """How much that is; empty where nothing comes by itself."""
    is_chosen: bool


@dataclass(frozen=True)
class HomeView:
    """Everything that the page of choices needs."""

    effect: list[str]
    notes: list[str]
    is_telegram_in_vain: bool
    """What was chosen would go by Telegram, where it is stopped, so it does not arrive."""
    choices: list[ShownChoice]
    has_own_topics: bool
    required: list[str]
    topics: list[TopicRow]
    email: str
    telegram: str
    """on, blocked, none, off or absent."""
    can_use_telegram: bool
    day_names: Options
    zones: ZoneGroups
    languages: Options
    is_paused: bool
    first_day: str
    """The first and the last day that a pause can end on."""
    last_day: str


async def see_home(visit: Visit) -> HomeView:
    """What the page shows now."""
    session, person, topics = visit.session, visit.subscriber, visit.topics
    states = await list_topic_states(session, person.id, topics=topics)
    volumes = await measure_volumes(session, topics, now=visit.clock.now())
    addresses = await list_addresses(session, person.id)
    own = {
        row.topic: row
        for row in await session.exec(select(Subscription).where(Subscription.subscriber_id == person.id))
        if row.topic in topics.facts
    }
    has_city_defaults = bool(person.city and await get_city_defaults(session, person.city))
    today = day_of_person(visit)
    is_paused = person.paused_until is not None and person.paused_until > today
    telegram = await telegram_state(visit, addresses)
    optional = [state for state in states if not state.is_required]
    return HomeView(
        effect=_tell_effect(visit, [(state.topic, state.frequency) for state in states], volumes),
        notes=_notes(visit, addresses, is_paused=is_paused, has_said=bool(own), has_city_defaults=has_city_defaults),
        is_telegram_in_vain=_is_in_vain(states, addresses),
        choices=[_show_choice(visit, choice, topics, volumes) for choice in Choice],
        has_own_topics=bool(own),
        required=[_title(visit, state.topic) for state in states if state.is_required],
        topics=[_row(visit, state, own.get(state.topic), volumes, has_city_defaults) for state in optional],
        email=shown_email(visit, addresses.get(ChannelName.EMAIL)),
        telegram=telegram,
        can_use_telegram=telegram in {"on", "blocked"},
        day_names=day_names(visit.page.language),
        zones=visit.page.zones(person.time_zone),
        languages=[(code, LANGUAGES[code].own_name) for code in _languages(person.language)],
        is_paused=is_paused,
        first_day=(today + timedelta(days=1)).isoformat(),
        last_day=(today + LONGEST_PAUSE).isoformat(),
    )


def day_of_person(visit: Visit) -> date:
    """Today, where the person is."""
    return day_of(Rhythm(time_zone=visit.subscriber.time_zone), visit.clock.now())


async def telegram_state(visit: Visit, addresses: Mapping[ChannelName, Address]) -> str:
    """Whether the person can get messages by Telegram: on, blocked, none, off (by the city) or absent (no bot)."""
    person, address = visit.subscriber, addresses.get(ChannelName.TELEGRAM)
    if person.city is not None and await is_telegram_off(visit.session, person.city):
        return "off"
    if address is not None:
        return "blocked" if address.suppressed_at is not None else "on"
    return "none" if bot_name(visit) else "absent"


def bot_name(visit: Visit) -> str | None:
    """What the bot is called in Telegram; None while that channel is off."""
    find_name = visit.page.hub.telegram_name
    return find_name() if find_name is not None else None


def shown_email(visit: Visit, address: Address | None) -> str:
    """The mail address; to somebody who came by a message that may have been passed on, only a part of it."""
    if address is None:
        return ""
    name, _, host = address.value.partition("@")
    return address.value if visit.who.is_proven else f"{name[:1]}…@{host}"


def day_names(language: str) -> Options:
    """The days of the week by their ISO number."""
    names = get_day_names("wide", "stand-alone", locale_of(language))
    return [(str(day), names[day - 1]) for day in DAYS]


def _notes(
    visit: Visit,
    addresses: Mapping[ChannelName, Address],
    *,
    is_paused: bool,
    has_said: bool,
    has_city_defaults: bool,
) -> list[str]:
    person, email = visit.subscriber, addresses.get(ChannelName.EMAIL)
    if person.left_at is not None:
        return [visit.t("home.left")]
    notes = []
    if is_paused:
        notes.append(visit.t("home.paused", date=_day(visit, person.paused_until)))
    if email is not None and email.suppressed_at is not None:
        notes.append(visit.t("home.bounced"))
    elif email is not None and email.confirmed_at is None:
        notes.append(visit.t("home.unconfirmed"))
    if person.choice is None and not has_said:
        notes.append(visit.t("home.nothing_said_city" if has_city_defaults else "home.nothing_said"))
    return notes


def _is_in_vain(states: Iterable[TopicState], addresses: Mapping[ChannelName, Address]) -> bool:
    """Only a stop or a block counts: whatever is not linked yet goes by mail."""
    telegram = addresses.get(ChannelName.TELEGRAM)
    return telegram is not None and telegram.suppressed_at is not None and bool(chosen_for_telegram(states))


def chosen_for_telegram(states: Iterable[TopicState]) -> list[TopicState]:
    """Topics that are on and go by Telegram."""
    return [
        state
        for state in states
        if state.channel is ChannelName.TELEGRAM and state.frequency is not Frequency.OFF and not state.is_required
    ]


def _tell_effect(visit: Visit, chosen: Iterable[tuple[str, Frequency]], volumes: Volumes) -> list[str]:
    chosen = list(chosen)
    messages, unknown = expected_messages(chosen, volumes)
    if all(frequency is Frequency.OFF for _, frequency in chosen):
        return [visit.t("home.none")]
    told = [visit.t("home.count", count=messages) if messages else visit.t("home.only_unknown")]
    if unknown:
        told.append(visit.t("home.unknown", count=len(unknown)))
    return told


def _show_choice(visit: Visit, choice: Choice, topics: Topics, volumes: Volumes) -> ShownChoice:
    person = visit.subscriber
    brings = _would_bring(choice, topics, is_contact=person.is_mandatory_contact)
    is_anything = any(frequency is not Frequency.OFF for _, frequency in brings)
    is_duty = choice is Choice.REQUIRED_ONLY and person.is_mandatory_contact
    text = visit.t("choice.required_only_contact_text" if is_duty else f"choice.{choice}_text")
    return ShownChoice(
        choice, text, _tell_effect(visit, brings, volumes)[0] if is_anything else "", person.choice == choice
    )


def _would_bring(choice: Choice, topics: Topics, *, is_contact: bool) -> list[tuple[str, Frequency]]:
    def frequency(topic: str) -> Frequency:
        if is_contact and topic in topics.mandatory:
            return Frequency.AT_ONCE
        match choice:
            case Choice.REQUIRED_ONLY:
                return Frequency.OFF
            case Choice.RECOMMENDED_WEEKLY:
                return Frequency.WEEKLY if topic in topics.recommended else Frequency.OFF
        return Frequency.AT_ONCE

    return [(topic, frequency(topic)) for topic in topics.facts]


def _row(
    visit: Visit, state: TopicState, own: Subscription | None, volumes: Volumes, has_city_defaults: bool
) -> TopicRow:
    is_by_city = has_city_defaults and visit.subscriber.choice is None
    said = visit.t(f"frequency.{state.otherwise}")
    return TopicRow(
        id=state.topic,
        title=_title(visit, state.topic),
        description=visit.page.t(f"topic.{state.topic}.description"),
        volume=tell_volume(visit, volumes.get(state.topic)),
        own=own.frequency if own else "",
        own_channel=(own.channel or "") if own else "",
        otherwise=visit.t("topics.as_city" if is_by_city else "topics.as_above", what=said),
    )


def tell_volume(visit: Visit, volume: float | None) -> str:
    """How many messages a month a topic brings."""
    if volume is None:
        return visit.t("topics.no_volume")
    return visit.t("topics.volume", count=round(volume)) if round(volume) else visit.t("topics.few")


def _title(visit: Visit, topic: str) -> str:
    return visit.page.t(f"topic.{topic}.title")


def _languages(present: str) -> list[str]:
    return [*RELEASED, *([present] if present not in RELEASED else [])]


def _day(visit: Visit, day: date | None) -> str:
    return format_day(day, visit.page.language) if day else ""
