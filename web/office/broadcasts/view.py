"""What the pages of broadcasts share: whom they know, how they read forms, and their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData

from core.clock import time_zones
from core.errors import HubError
from core.languages import LANGUAGES, locale_of
from identity.operators import Operator, list_operators
from subscriptions.broadcasts.authors import check, may_read, may_release, may_see_people, may_write
from subscriptions.broadcasts.drafts import EDITABLE, get_broadcast, list_texts
from subscriptions.broadcasts.errors import BroadcastUnfinishedError, FieldWrongError, UrgentTooSoonError
from subscriptions.broadcasts.workshop import Workshop
from subscriptions.models import Broadcast, BroadcastText
from subscriptions.rules import Cause, Rule, Said
from web.forms import field
from web.office.doorway import OfficePage

ROOT = "/office/broadcasts"
HERE = "broadcast.nav"
COMMAND_LINE = "command-line"


@dataclass(frozen=True)
class Shown:
    """A broadcast as these pages need it."""

    broadcast: Broadcast
    texts: Mapping[str, BroadcastText]
    names: Mapping[str, str]
    """Of operators, by id."""
    can_write: bool
    can_release: bool
    sees_people: bool
    """Whether whom it reaches is this operator's to see."""
    path: str

    @property
    def is_editable(self) -> bool:
        return self.can_write and self.broadcast.status in EDITABLE

    @property
    def has_begun(self) -> bool:
        """Whether its readers were settled, at least in part: what it did counts then, not today's choices."""
        return self.broadcast.expanded_to is not None or self.broadcast.expanded_at is not None

    @property
    def original(self) -> BroadcastText | None:
        return self.texts.get(self.broadcast.original_language)

    def released_by(self, unknown: str) -> str:
        """The names of those who released it; ``unknown`` for somebody who is not known any more."""
        return ", ".join(self.names.get(person, unknown) for person in self.broadcast.approved_by)


def workshop_of(page: OfficePage) -> Workshop:
    """The composer's tools."""
    assert page.hub.workshop is not None
    return page.hub.workshop


async def show(page: OfficePage, broadcast_id: str) -> Shown:
    """The broadcast, if this operator may see it."""
    broadcast = await get_broadcast(page.session, broadcast_id)
    texts = await list_texts(page.session, broadcast_id)
    check(may_read(page.operator, broadcast, list(texts.values())))
    return Shown(
        broadcast,
        texts,
        await operator_names(page),
        may_write(page.operator, broadcast),
        may_release(page.operator),
        may_see_people(page.operator, broadcast),
        f"{ROOT}/{broadcast_id}",
    )


async def operator_names(page: OfficePage) -> dict[str, str]:
    """Names of everybody who is or was of the team."""
    team = await list_operators(page.session, with_closed=True)
    return {COMMAND_LINE: page.t("broadcast.command_line")} | {operator.id: operator.name for operator in team}


async def people_who_approve(page: OfficePage, language: str) -> list[Operator]:
    """Who can be asked to check a text."""
    return [one for one in await list_operators(page.session) if one.joined_at and one.may_approve(language)]


def sentences(page: OfficePage, error: HubError) -> list[str]:
    """What is wrong, in words."""
    if isinstance(error, BroadcastUnfinishedError):
        return [page.t(f"broadcast.obstacle.{name}") for name in error.values["obstacles"]]
    if isinstance(error, FieldWrongError):
        return [page.t(error.text_key, field=page.t(f"broadcast.field.{error.values['field']}"))]
    if isinstance(error, UrgentTooSoonError):
        return [page.t(error.text_key, at=page.when(error.values["at"]))]
    return [page.say(error)]


def refuse(page: OfficePage, template: str, error: HubError, **values: Any) -> HTMLResponse:
    """The page once more, with what is wrong above it."""
    return page.render(template, status=error.status, errors=sentences(page, error), **values)


def read_moment(form: FormData, name: str, zone: str) -> datetime | None:
    """A day and a time of a form as a moment in a zone; None: no day. Raises FieldWrongError."""
    day, hour = field(form, f"{name}_day").strip(), field(form, f"{name}_time").strip() or "09:00"
    if not day:
        return None
    try:
        return datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise FieldWrongError(field=name) from None


def read_zone(form: FormData, fallback: str) -> str:
    """The time zone of a form."""
    zone = field(form, "time_zone") or fallback
    if zone not in time_zones():
        raise FieldWrongError(field="time_zone")
    return zone


def moment_fields(moment: datetime | None, zone: str) -> tuple[str, str]:
    """A moment as a form's day and time."""
    if moment is None:
        return "", ""
    local = moment.astimezone(ZoneInfo(zone))
    return local.date().isoformat(), local.strftime("%H:%M")


def at_zone(page: OfficePage, moment: datetime | None, zone: str) -> str:
    """A moment in the broadcast's own zone, in words."""
    if moment is None:
        return ""
    return str(format_datetime(moment.astimezone(ZoneInfo(zone)), "medium", locale=locale_of(page.language)))


def language_choices(page: OfficePage) -> list[tuple[str, str]]:
    """All languages that texts can be written in."""
    return [(code, page.language_name(code)) for code in LANGUAGES]


def topic_name(page: OfficePage, topic: str | None) -> str:
    """What a topic is called."""
    key = f"topic.{topic}.title"
    return page.t(key) if topic and page.hub.wording.texts.has(key, "en") else topic or ""


def cause_words(page: OfficePage, cause: Cause | None) -> str:
    """Because of what somebody gets it, for the team."""
    if cause is None:
        return ""
    return because_words(page, cause.as_data())


def because_words(page: OfficePage, because: Mapping[str, Any]) -> str:
    """The same for what a delivery keeps."""
    topic, said = because.get("topic"), because.get("said")
    match because.get("rule"):
        case Rule.MANDATORY:
            key = "mandatory" if topic else "mandatory_notice"
        case Rule.GUEST if said == Said.INVITATION:
            key = "invited"
        case Rule.GUEST | Rule.ANSWER as rule:
            key = str(rule)
        case Rule.TOPIC if topic and said in {Said.SUBSCRIPTION, Said.CHOICE, Said.CITY}:
            key = str(said)
        case _:
            key = "other"
    return page.t(f"broadcast.cause.{key}", topic=topic_name(page, topic))
