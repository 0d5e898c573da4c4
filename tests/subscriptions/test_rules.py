"""Who gets what, when, by which channel and why: each sentence of design.md's "Messages" that decides it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from subscriptions.models import BroadcastKind, ChannelName, Choice, Frequency
from subscriptions.rhythm import Rhythm
from subscriptions.rules import (
    AddressState,
    Message,
    Outcome,
    Person,
    Rule,
    Said,
    TopicChoice,
    WhyNot,
    decide,
)

NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
"""A Monday, noon in Brussels."""
AT_NIGHT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
WEEKLY_DIGEST = MORNING
"""Tuesday at 08:00 in Brussels."""

OPEN = Person(email=AddressState.WORKING)
CONTACT = replace(OPEN, is_mandatory_contact=True)
QUIET = Rhythm(quiet_from=time(20), quiet_to=time(8))
PAUSED = Rhythm(paused_until=date(2026, 12, 24))

REQUIRED = frozenset({"membership-notices", "annual-coordinators-meeting"})
NEWS = Message(
    BroadcastKind.NEWS, ("youth",), mandatory_topics=REQUIRED, recommended_topics=frozenset({"webinars"}) | REQUIRED
)
NOTICE = replace(NEWS, kind=BroadcastKind.MANDATORY, topics_any=("membership-notices",))
CHANGE = replace(
    NEWS,
    kind=BroadcastKind.EVENT_CHANGE,
    has_event=True,
    event_starts_at=datetime(2026, 12, 3, 9, tzinfo=UTC),
    event_ends_at=datetime(2026, 12, 3, 16, tzinfo=UTC),
)
ANSWER = replace(NEWS, kind=BroadcastKind.ANSWER, topics_any=())
URGENT = replace(NEWS, kind=BroadcastKind.URGENT, topics_any=("ukraine-and-emergencies",))
REMINDER = replace(NEWS, kind=BroadcastKind.REMINDER, topics_any=())


def chose(person: Person, **topics: Frequency) -> Person:
    choices = tuple(TopicChoice(name.replace("_", "-"), frequency) for name, frequency in topics.items())
    return replace(person, subscriptions=choices)


def test_nobody_gets_news_that_nobody_chose_for_them() -> None:
    decision = decide(NEWS, OPEN, NOW)
    assert (decision.outcome, decision.why_not) == (Outcome.NOT, WhyNot.NOT_CHOSEN)


def test_news_at_once_go_now_and_say_which_choice_caused_them() -> None:
    decision = decide(NEWS, chose(OPEN, youth=Frequency.AT_ONCE), NOW)
    assert (decision.outcome, decision.at, decision.channel) == (Outcome.SEND, NOW, ChannelName.EMAIL)
    assert decision.cause is not None
    assert decision.cause.as_data() == {
        "rule": "topic",
        "topic": "youth",
        "frequency": "at_once",
        "said": "subscription",
    }


def test_weekly_news_wait_for_the_weekly_digest() -> None:
    decision = decide(NEWS, chose(OPEN, youth=Frequency.WEEKLY), NOW)
    assert (decision.outcome, decision.at) == (Outcome.DIGEST, WEEKLY_DIGEST)


@pytest.mark.parametrize(
    ("choice", "topic", "outcome"),
    [
        (Choice.REQUIRED_ONLY, "youth", Outcome.NOT),
        (Choice.RECOMMENDED_WEEKLY, "youth", Outcome.NOT),
        (Choice.RECOMMENDED_WEEKLY, "webinars", Outcome.DIGEST),
        (Choice.EVERYTHING_AT_ONCE, "youth", Outcome.SEND),
    ],
)
def test_the_first_screens_choice_speaks_for_every_topic(choice: Choice, topic: str, outcome: Outcome) -> None:
    assert decide(replace(NEWS, topics_any=(topic,)), replace(OPEN, choice=choice), NOW).outcome is outcome


def test_a_citys_default_counts_only_for_those_who_chose_nothing() -> None:
    by_city = replace(OPEN, city_defaults=(TopicChoice("youth", Frequency.AT_ONCE),))
    decision = decide(NEWS, by_city, NOW)
    assert decision.outcome is Outcome.SEND
    assert decision.cause is not None
    assert decision.cause.said is Said.CITY
    assert decide(NEWS, replace(by_city, choice=Choice.REQUIRED_ONLY), NOW).outcome is Outcome.NOT
    assert decide(NEWS, chose(by_city, youth=Frequency.OFF), NOW).why_not is WhyNot.SWITCHED_OFF


def test_of_several_topics_any_is_enough_and_the_soonest_choice_counts() -> None:
    both = replace(NEWS, topics_any=("youth", "education"))
    decision = decide(both, chose(OPEN, youth=Frequency.WEEKLY, education=Frequency.AT_ONCE), NOW)
    assert decision.outcome is Outcome.SEND
    assert decision.cause is not None
    assert decision.cause.topic == "education"
    assert decide(both, chose(OPEN, youth=Frequency.OFF, education=Frequency.WEEKLY), NOW).outcome is Outcome.DIGEST


def test_of_topics_that_must_all_be_chosen_each_must_be() -> None:
    both = replace(NEWS, topics_any=(), topics_all=("youth", "education"))
    assert decide(both, chose(OPEN, youth=Frequency.AT_ONCE), NOW).why_not is WhyNot.NOT_CHOSEN
    assert decide(both, chose(OPEN, youth=Frequency.AT_ONCE, education=Frequency.DAILY), NOW).outcome is Outcome.SEND


def test_a_mandatory_notice_goes_to_contacts_without_opt_in_and_to_nobody_else() -> None:
    unconfirmed = replace(CONTACT, email=AddressState.UNCONFIRMED, choice=Choice.REQUIRED_ONLY)
    decision = decide(NOTICE, unconfirmed, NOW)
    assert (decision.outcome, decision.channel) == (Outcome.SEND, ChannelName.EMAIL)
    assert decision.cause is not None
    assert decision.cause.rule is Rule.MANDATORY
    assert decide(NOTICE, OPEN, NOW).outcome is Outcome.NOT


def test_an_event_on_a_required_topic_is_mandatory_too() -> None:
    meeting = replace(NEWS, kind=BroadcastKind.EVENT, topics_any=("annual-coordinators-meeting",))
    off = chose(CONTACT, annual_coordinators_meeting=Frequency.OFF)
    assert decide(meeting, off, NOW).outcome is Outcome.SEND
    assert decide(meeting, replace(off, is_mandatory_contact=False), NOW).outcome is Outcome.NOT


def test_a_required_topic_beside_one_that_must_be_chosen_too_needs_that_choice() -> None:
    message = replace(NEWS, topics_any=(), topics_all=("membership-notices", "youth"))
    assert decide(message, CONTACT, NOW).outcome is Outcome.NOT
    assert decide(message, chose(CONTACT, youth=Frequency.WEEKLY), NOW).outcome is Outcome.SEND
    unconfirmed = replace(chose(CONTACT, youth=Frequency.WEEKLY), email=AddressState.UNCONFIRMED)
    assert decide(message, unconfirmed, NOW).why_not is WhyNot.UNCONFIRMED


def test_a_pause_holds_news_but_not_what_is_mandatory_nor_changes_nor_answers() -> None:
    paused = replace(chose(CONTACT, youth=Frequency.AT_ONCE), rhythm=PAUSED, guest_answer="yes")
    assert decide(NEWS, paused, NOW).why_not is WhyNot.PAUSED
    for message in (NOTICE, CHANGE, ANSWER, URGENT):
        assert decide(message, paused, NOW).outcome is Outcome.SEND, message.kind


@pytest.mark.parametrize("message", [NEWS, NOTICE, CHANGE, ANSWER, URGENT, REMINDER])
def test_everything_waits_for_the_end_of_quiet_hours(message: Message) -> None:
    person = replace(
        chose(CONTACT, youth=Frequency.AT_ONCE), rhythm=QUIET, guest_answer="yes", choice=Choice.EVERYTHING_AT_ONCE
    )
    decision = decide(message, person, AT_NIGHT)
    assert (decision.outcome, decision.at) == (Outcome.WAIT, MORNING)
    assert decide(message, person, MORNING).outcome is Outcome.SEND


def test_only_a_change_of_an_event_on_its_day_breaks_quiet_hours() -> None:
    guest = replace(OPEN, rhythm=QUIET, guest_answer="yes")
    early = datetime(2026, 12, 3, 5, tzinfo=UTC)
    assert decide(CHANGE, guest, early).outcome is Outcome.SEND
    decision = decide(CHANGE, guest, early - timedelta(days=1))
    assert (decision.outcome, decision.at) == (Outcome.WAIT, early - timedelta(days=1) + timedelta(hours=2))


def test_a_change_that_quiet_time_would_bring_too_late_goes_when_the_day_begins() -> None:
    guest = replace(OPEN, rhythm=Rhythm(quiet_days=(3, 4)), guest_answer="yes")
    decision = decide(CHANGE, guest, datetime(2026, 12, 2, 12, tzinfo=UTC))
    assert (decision.outcome, decision.at) == (Outcome.WAIT, datetime(2026, 12, 2, 23, tzinfo=UTC))
    assert decide(CHANGE, guest, decision.at).outcome is Outcome.SEND


@pytest.mark.parametrize(("answer", "outcome"), [("yes", Outcome.SEND), ("waiting", Outcome.SEND), ("no", Outcome.NOT)])
def test_changes_go_to_guests_and_not_to_those_who_declined(answer: str, outcome: Outcome) -> None:
    assert decide(CHANGE, replace(OPEN, guest_answer=answer), NOW).outcome is outcome
    assert decide(CHANGE, chose(CONTACT, youth=Frequency.AT_ONCE), NOW).why_not is WhyNot.NOT_A_GUEST


def test_an_item_that_closes_before_the_next_digest_and_three_working_days_goes_at_once() -> None:
    weekly = chose(OPEN, youth=Frequency.WEEKLY)
    limit = WEEKLY_DIGEST + timedelta(days=3)
    just_before = decide(replace(NEWS, closes_at=limit - timedelta(minutes=1)), weekly, NOW)
    assert just_before.outcome is Outcome.SEND
    assert just_before.cause is not None
    assert just_before.cause.is_hurried
    assert decide(replace(NEWS, closes_at=limit), weekly, NOW).outcome is Outcome.DIGEST
    assert decide(replace(NEWS, closes_at=NOW - timedelta(days=1)), weekly, NOW).outcome is Outcome.DIGEST


def test_urgent_news_go_at_once_to_the_topics_subscribers_and_to_contacts() -> None:
    weekly = chose(OPEN, ukraine_and_emergencies=Frequency.WEEKLY)
    assert decide(URGENT, weekly, NOW).outcome is Outcome.SEND
    assert decide(URGENT, CONTACT, NOW).outcome is Outcome.SEND
    assert decide(URGENT, OPEN, NOW).outcome is Outcome.NOT
    assert decide(URGENT, chose(OPEN, ukraine_and_emergencies=Frequency.OFF), NOW).outcome is Outcome.NOT


def test_reminders_of_a_membership_go_to_contacts_and_those_of_an_event_to_guests() -> None:
    assert decide(REMINDER, CONTACT, NOW).outcome is Outcome.SEND
    assert decide(REMINDER, chose(OPEN, youth=Frequency.AT_ONCE), NOW).why_not is WhyNot.NOT_A_CONTACT
    of_event = replace(REMINDER, has_event=True)
    assert decide(of_event, CONTACT, NOW).why_not is WhyNot.NOT_A_GUEST
    assert decide(of_event, replace(OPEN, guest_answer="yes"), NOW).outcome is Outcome.SEND
    assert decide(of_event, replace(OPEN, guest_answer="yes", rhythm=PAUSED), NOW).why_not is WhyNot.PAUSED


BY_TELEGRAM = replace(
    chose(CONTACT, youth=Frequency.AT_ONCE), channel=ChannelName.TELEGRAM, telegram=AddressState.WORKING
)


@pytest.mark.parametrize(
    ("person", "message", "channel"),
    [
        (BY_TELEGRAM, NEWS, ChannelName.TELEGRAM),
        # Not linked yet: news do not get lost.
        (replace(BY_TELEGRAM, telegram=AddressState.NONE), NEWS, ChannelName.EMAIL),
        # Turned off by the city.
        (replace(BY_TELEGRAM, is_telegram_off=True), NEWS, ChannelName.EMAIL),
        # Stopped or blocked: that ends news, and is visible.
        (replace(BY_TELEGRAM, telegram=AddressState.SUPPRESSED), NEWS, WhyNot.SUPPRESSED),
        # What is mandatory goes by e-mail, before and after /stop.
        (BY_TELEGRAM, NOTICE, ChannelName.EMAIL),
        (replace(BY_TELEGRAM, telegram=AddressState.SUPPRESSED), NOTICE, ChannelName.EMAIL),
        (replace(BY_TELEGRAM, email=AddressState.SUPPRESSED), NOTICE, ChannelName.TELEGRAM),
        (replace(BY_TELEGRAM, email=AddressState.SUPPRESSED, is_telegram_off=True), NOTICE, WhyNot.SUPPRESSED),
        # Answers and changes go by what works.
        (BY_TELEGRAM, ANSWER, ChannelName.TELEGRAM),
        (replace(BY_TELEGRAM, telegram=AddressState.SUPPRESSED), ANSWER, ChannelName.EMAIL),
        (replace(CONTACT, email=AddressState.SUPPRESSED), ANSWER, WhyNot.SUPPRESSED),
        # An address that nobody confirmed gets no news.
        (replace(chose(OPEN, youth=Frequency.AT_ONCE), email=AddressState.UNCONFIRMED), NEWS, WhyNot.UNCONFIRMED),
        (replace(chose(OPEN, youth=Frequency.AT_ONCE), email=AddressState.NONE), NEWS, WhyNot.NO_ADDRESS),
        # E-mail was chosen, so news do not turn up in Telegram instead.
        (
            replace(BY_TELEGRAM, channel=ChannelName.EMAIL, email=AddressState.SUPPRESSED),
            NEWS,
            WhyNot.SUPPRESSED,
        ),
    ],
)
def test_the_channel_is_the_chosen_one_where_it_may_be(
    person: Person, message: Message, channel: ChannelName | WhyNot
) -> None:
    decision = decide(message, person, NOW)
    assert (decision.why_not if isinstance(channel, WhyNot) else decision.channel) == channel


def test_a_topic_may_have_a_channel_of_its_own() -> None:
    choices = (TopicChoice("youth", Frequency.AT_ONCE, ChannelName.EMAIL),)
    assert decide(NEWS, replace(BY_TELEGRAM, subscriptions=choices), NOW).channel is ChannelName.EMAIL


@pytest.mark.parametrize("message", [NEWS, NOTICE, CHANGE, ANSWER, URGENT, REMINDER])
def test_who_has_left_gets_nothing(message: Message) -> None:
    person = replace(chose(CONTACT, youth=Frequency.AT_ONCE), guest_answer="yes", has_left=True)
    assert decide(message, person, NOW).why_not is WhyNot.LEFT
