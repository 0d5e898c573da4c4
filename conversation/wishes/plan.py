"""What a wish changes for a person, from what they get now. Pure: nothing is read or written here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from conversation.wishes.wish import Move, TopicWish, Wish
from subscriptions.models import ChannelName, Choice, Frequency
from subscriptions.preferences import Edit, TopicPreference, TopicState
from subscriptions.topics import Topics

_STEPS = (Frequency.WEEKLY, Frequency.DAILY, Frequency.AT_ONCE)


class Remark(StrEnum):
    """What cannot be done as it was said."""

    REQUIRED = "required"
    TELEGRAM_UNLINKED = "telegram_unlinked"
    TELEGRAM_OFF = "telegram_off"
    NO_TOPICS = "no_topics"
    SLOWEST = "slowest"
    FASTEST = "fastest"
    QUIET_ALL = "quiet_all"


@dataclass(frozen=True)
class Present:
    """What stands now for a person. ``channel`` is their own; ``has_telegram``: linked, and their city allows it."""

    states: Sequence[TopicState]
    channel: ChannelName
    quiet_days: Sequence[int] = ()
    has_telegram: bool = False
    is_telegram_off: bool = False

    @property
    def chosen(self) -> dict[str, TopicState]:
        """Topics that come and that can be changed."""
        return {
            state.topic: state
            for state in self.states
            if not state.is_required and state.frequency is not Frequency.OFF
        }


@dataclass
class Plan:
    """The change, and what to say about it."""

    edit: Edit = field(default_factory=Edit)
    remarks: dict[Remark, list[str]] = field(default_factory=dict)
    """With the topics that a remark is about."""


def plan_wish(wish: Wish, present: Present, topics: Topics) -> Plan:
    """The change that a wish comes to."""
    plan = Plan()
    wanted = _plan_topics(wish, present, topics, plan)
    if wish.choice is not None:
        plan.edit["choice"] = wish.choice
    elif wish.only:
        # Nothing else, also of topics that come later.
        plan.edit["choice"] = Choice.REQUIRED_ONLY
    if wanted:
        plan.edit["topics"] = wanted
    _plan_channel(wish, present, plan)
    if wish.language is not None:
        plan.edit["language"] = wish.language
    if wish.resume:
        plan.edit["paused_until"] = None
    if wish.paused_until is not None:
        plan.edit["paused_until"] = wish.paused_until
    if wish.quiet_from is not None and wish.quiet_to is not None:
        plan.edit["quiet_from"], plan.edit["quiet_to"] = wish.quiet_from, wish.quiet_to
    if wish.quiet_days:
        days = sorted({*present.quiet_days, *wish.quiet_days})
        if len(days) < 7:
            plan.edit["quiet_days"] = days
        else:
            plan.remarks[Remark.QUIET_ALL] = []
    if wish.digest_on is not None:
        plan.edit["digest_on"] = wish.digest_on
    return plan


def _plan_topics(wish: Wish, present: Present, topics: Topics, plan: Plan) -> dict[str, TopicPreference | None]:
    states = {state.topic: state for state in present.states}
    wanted: dict[str, TopicPreference | None] = {}
    for topic, each in wish.topics.items():
        state = states.get(topic)
        if state is None:
            continue
        if state.is_required:
            if each.move is not Move.ON or each.frequency not in {None, Frequency.AT_ONCE}:
                plan.remarks.setdefault(Remark.REQUIRED, []).append(topic)
            continue
        frequency = _frequency(each, state, wish, present)
        wanted[topic] = TopicPreference(frequency, each.channel or _own_channel(state, present))
    general = wish.frequency if wish.choice is None else None
    rest = {} if wish.only or wish.choice else {t: s for t, s in present.chosen.items() if t not in wish.topics}
    for topic, state in rest.items():
        frequency = wish.others or general or _step(state.frequency, wish.step)
        if frequency is not state.frequency:
            wanted[topic] = TopicPreference(frequency, _own_channel(state, present))
    if (general or wish.others or wish.step) and not wanted and wish.choice is None:
        if not present.chosen:
            plan.remarks[Remark.NO_TOPICS] = []
        elif wish.step:
            plan.remarks[Remark.SLOWEST if wish.step < 0 else Remark.FASTEST] = []
    if wish.frequency is not None and wish.choice is not None and wish.choice is not Choice.REQUIRED_ONLY:
        for topic in _of_choice(wish.choice, states, topics):
            wanted.setdefault(topic, TopicPreference(wish.frequency))
    return wanted


def _of_choice(choice: Choice, states: dict[str, TopicState], topics: Topics) -> list[str]:
    """The topics that a choice of the first screen brings, without those that come anyway."""
    meant = topics.recommended if choice is Choice.RECOMMENDED_WEEKLY else states.keys()
    return [topic for topic, state in states.items() if topic in meant and not state.is_required]


def _frequency(each: TopicWish, state: TopicState, wish: Wish, present: Present) -> Frequency:
    if each.move is Move.OFF:
        return Frequency.OFF
    if each.move is Move.LESS:
        # There is nothing slower than weekly but nothing at all.
        return Frequency.OFF if state.frequency is Frequency.WEEKLY else _step(state.frequency, -1)
    if each.move is Move.MORE:
        return Frequency.WEEKLY if state.frequency is Frequency.OFF else _step(state.frequency, 1)
    said = each.frequency or wish.frequency
    if said is not None:
        return said
    return _usual(present) if state.frequency is Frequency.OFF else state.frequency


def _usual(present: Present) -> Frequency:
    """How often most topics of this person come; weekly for somebody who gets none."""
    counts = Counter(state.frequency for state in present.chosen.values())
    return counts.most_common(1)[0][0] if counts else Frequency.WEEKLY


def _step(frequency: Frequency, step: int) -> Frequency:
    if frequency is Frequency.OFF or not step:
        return frequency
    return _STEPS[min(max(_STEPS.index(frequency) + step, 0), len(_STEPS) - 1)]


def _own_channel(state: TopicState, present: Present) -> ChannelName | None:
    return state.channel if state.channel is not present.channel and present.has_telegram else None


def _plan_channel(wish: Wish, present: Present, plan: Plan) -> None:
    topics_by_telegram = any(each.channel is ChannelName.TELEGRAM for each in wish.topics.values())
    if wish.channel is ChannelName.TELEGRAM or topics_by_telegram:
        if present.is_telegram_off:
            plan.remarks[Remark.TELEGRAM_OFF] = []
        elif not present.has_telegram:
            plan.remarks[Remark.TELEGRAM_UNLINKED] = []
    if wish.channel is ChannelName.TELEGRAM and not present.has_telegram:
        return
    if wish.channel is not None:
        plan.edit["channel"] = wish.channel
        own: dict[str, TopicPreference | None] = {
            topic: TopicPreference(state.frequency)
            for topic, state in present.chosen.items()
            if state.channel is not wish.channel and state.channel is not present.channel
        }
        wanted = plan.edit.get("topics", {})
        if own and "choice" not in plan.edit:
            plan.edit["topics"] = {**own, **wanted}
