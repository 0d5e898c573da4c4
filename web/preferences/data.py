"""What is kept of somebody: what changed, what was sent, a file to take along, and the end of all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import col, select

from channels.email.outbox import forget_mail_of, list_mail_of
from conversation.handoffs import forget_sender, list_questions_of
from core.languages import format_moment
from subscriptions.models import Delivery, DeliveryStatus, PreferenceChange
from subscriptions.personal_data import erase_person, export_person, list_mail_addresses
from subscriptions.preferences import snapshot
from subscriptions.reasons import kind_of, tell_reason
from web.preferences.doorway import HOME, Inside, PreferenceRoute, Visit
from web.preferences.session import end_session

router = APIRouter(route_class=PreferenceRoute)

HISTORY, DATA = HOME + "/history", HOME + "/data"
MOST_SHOWN = 30
_FIELDS = {
    "quiet_from": "quiet",
    "quiet_to": "quiet",
    "quiet_days": "quiet",
    "digest_at": "digest",
    "digest_on": "digest",
}


@dataclass(frozen=True)
class ShownChange:
    """One change: when, what and where it was made."""

    when: str
    fields: list[str]
    origin: str
    is_undone: bool


@router.get(HISTORY)
async def show_history(visit: Inside) -> HTMLResponse:
    """The last changes, and the last messages with why each came."""
    mine = PreferenceChange.subscriber_id == visit.subscriber.id
    query = select(PreferenceChange).where(mine).order_by(col(PreferenceChange.id).desc()).limit(MOST_SHOWN)
    changes = list(await visit.session.exec(query))
    after: Mapping[str, Any] = await snapshot(visit.session, visit.subscriber)
    shown = []
    for change in changes:
        # What was undone lies beside the line from change to change: it began and ended with the same.
        shown.append(_show(visit, change, after))
        if change.undone_at is None:
            after = change.before
    deliveries = (
        select(Delivery)
        .where(Delivery.subscriber_id == visit.subscriber.id, Delivery.status == DeliveryStatus.SENT)
        .order_by(col(Delivery.finished_at).desc())
        .limit(MOST_SHOWN)
    )
    texts, language = visit.page.hub.wording.texts, visit.page.language
    messages = [
        (
            _moment(visit, row.finished_at or row.created_at),
            visit.t(f"channel.{row.channel}"),
            tell_reason(texts, kind_of(row.message), row.because, language),
        )
        for row in await visit.session.exec(deliveries)
    ]
    can_undo = any(change.undone_at is None for change in changes)
    return visit.render("history.html", changes=shown, messages=messages, can_undo=can_undo)


@router.get(DATA)
async def show_data(visit: Inside) -> HTMLResponse:
    """Taking the own data along, and deleting it."""
    visit.require_proof()
    return visit.render("data.html")


@router.get(DATA + "/file")
async def download(visit: Inside) -> Response:
    """Everything that is kept, as JSON."""
    visit.require_proof()
    person_id = visit.subscriber.id
    data = await export_person(visit.session, person_id)
    data["question"] = [row.model_dump() for row in await list_questions_of(visit.session, person_id)]
    mails = await list_mail_of(visit.session, await list_mail_addresses(visit.session, person_id))
    data["mail"] = [row.model_dump(exclude={"content"}) for row in mails]
    content = json.dumps(data, ensure_ascii=False, indent=2, default=str)
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return Response(content, media_type="application/json", headers=headers)


@router.post(DATA + "/erase")
async def erase(visit: Inside) -> Response:
    """Delete the person, after a tick that says that they are sure."""
    visit.require_proof()
    if visit.field("sure") != "yes":
        return visit.render("data.html", status=422, errors=["sure"])
    person_id = visit.subscriber.id
    addresses = await list_mail_addresses(visit.session, person_id)
    # The person goes last: who cannot be erased now can press again and finds everything.
    await forget_sender(visit.session, person_id, clock=visit.clock)
    await forget_mail_of(visit.session, addresses, clock=visit.clock)
    await erase_person(visit.session, person_id, clock=visit.clock)
    response = visit.page.render("preferences/erased.html")
    end_session(response, visit.page)
    return response


def _show(visit: Visit, change: PreferenceChange, after: Mapping[str, Any]) -> ShownChange:
    before = change.before
    fields = {_FIELDS.get(name, name) for name in before if _said(before[name]) != _said(after.get(name))}
    if change.undone_at is not None:
        fields = set()
    texts = visit.page.hub.wording.texts
    origin = f"preferences.history.origin.{change.origin}"
    return ShownChange(
        _moment(visit, change.changed_at),
        [visit.t(f"history.field.{name}") for name in sorted(fields)],
        visit.page.t(origin) if texts.has(origin, "en") else "",
        change.undone_at is not None,
    )


def _said(value: Any) -> Any:
    """Of single topics, what was chosen, not when."""
    return {topic: row[:2] for topic, row in value.items()} if isinstance(value, dict) else value


def _moment(visit: Visit, at: datetime) -> str:
    return format_moment(at.astimezone(ZoneInfo(visit.subscriber.time_zone)), visit.page.language)
