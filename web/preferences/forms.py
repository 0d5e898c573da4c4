"""Reads the forms of the preference centre into changes of choices. All that is wrong is named at once, by field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta

from starlette.datastructures import FormData

from core.clock import time_zones
from core.languages import LANGUAGES
from subscriptions.models import ChannelName, Choice, Frequency
from subscriptions.preferences import Edit, TopicPreference
from web.preferences.doorway import text_field

OWN_FREQUENCY, OWN_CHANNEL = "often.", "how."
"""Before a topic's id in the names of the matrix's fields."""
LONGEST_PAUSE = timedelta(days=366)


class FormWrongError(Exception):
    """Fields that cannot be as they were sent. Never leaves the preference centre."""

    def __init__(self, *fields: str) -> None:
        super().__init__(fields)
        self.fields = fields


def read_choice(form: FormData) -> Edit:
    """One of the three of the first screen."""
    value = text_field(form, "choice")
    if value not in set(Choice):
        raise FormWrongError("choice")
    return {"choice": Choice(value)}


def read_topics(form: FormData, present: Mapping[str, tuple[str, str, Frequency]]) -> Edit:
    """What was changed in the matrix.

    ``present`` holds for each topic what stood in its two fields, and what counts where nothing is chosen for it.
    Topics that the form does not speak of stay as they are.
    """
    changed: dict[str, TopicPreference | None] = {}
    for topic, (had_frequency, had_channel, otherwise) in present.items():
        if OWN_FREQUENCY + topic not in form:
            continue
        frequency = text_field(form, OWN_FREQUENCY + topic)
        channel = text_field(form, OWN_CHANNEL + topic) if OWN_CHANNEL + topic in form else had_channel
        if frequency not in {"", *Frequency} or channel not in {"", *ChannelName}:
            raise FormWrongError("frequency")
        if (frequency, channel) == (had_frequency, had_channel):
            continue
        how = ChannelName(channel) if channel else None
        if frequency:
            changed[topic] = TopicPreference(Frequency(frequency), how)
        elif had_frequency:
            changed[topic] = None
        elif otherwise is not Frequency.OFF:
            changed[topic] = TopicPreference(otherwise, how)
    return {"topics": changed}


def read_rhythm(form: FormData) -> Edit:
    """Where, in which language and when."""
    wrong = []
    edit: Edit = {}
    if channel := text_field(form, "channel"):
        if channel in set(ChannelName):
            edit["channel"] = ChannelName(channel)
        else:
            wrong.append("channel")
    language, zone = text_field(form, "language"), text_field(form, "time_zone")
    wrong += ["language"] if language not in LANGUAGES else []
    wrong += ["time_zone"] if zone not in time_zones() else []
    edit["language"], edit["time_zone"] = language, zone
    try:
        begins, ends = _time(form, "quiet_from"), _time(form, "quiet_to")
        if (begins is None) is not (ends is None):
            raise ValueError
        edit["quiet_from"], edit["quiet_to"] = begins, ends
    except ValueError:
        wrong.append("quiet_from")
    try:
        edit["quiet_days"] = _days(form)
    except ValueError:
        wrong.append("quiet_days")
    try:
        digest_at = _time(form, "digest_at")
        if digest_at is None:
            raise ValueError
        edit["digest_at"] = digest_at
    except ValueError:
        wrong.append("digest_at")
    day = text_field(form, "digest_on")
    if day in {str(number) for number in range(1, 8)}:
        edit["digest_on"] = int(day)
    else:
        wrong.append("digest_on")
    if wrong:
        raise FormWrongError(*wrong)
    return edit


def read_pause(form: FormData, today: date) -> Edit:
    """Until when; ``weeks`` is a button's value, and "0" ends the pause."""
    weeks = text_field(form, "weeks")
    if weeks == "0":
        return {"paused_until": None}
    try:
        until = today + timedelta(weeks=int(weeks)) if weeks else date.fromisoformat(text_field(form, "paused_until"))
    except (ValueError, OverflowError):
        raise FormWrongError("paused_until") from None
    if not today < until <= today + LONGEST_PAUSE:
        raise FormWrongError("paused_until")
    return {"paused_until": until}


def _time(form: FormData, name: str) -> time | None:
    value = text_field(form, name)
    return time.fromisoformat(value).replace(second=0, microsecond=0, tzinfo=None) if value else None


def _days(form: FormData) -> list[int]:
    days = sorted({int(value) for value in form.getlist("quiet_days") if isinstance(value, str)})
    if not set(days) <= set(range(1, 8)) or len(days) == 7:
        raise ValueError
    return days
