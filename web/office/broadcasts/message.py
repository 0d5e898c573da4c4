"""Writing the message itself: what it is, whom it is for, its original text, its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData, UploadFile

from core.errors import HubError
from identity.operators import OperatorRole
from subscriptions.broadcasts.attachments import LARGEST, attach, detach, list_files
from subscriptions.broadcasts.authors import NETWORK_KINDS
from subscriptions.broadcasts.drafts import FILTERS, WRITTEN_KINDS, Outline, fingerprint, update_draft
from subscriptions.broadcasts.errors import BroadcastLockedError, FieldWrongError
from subscriptions.broadcasts.texts import LONGEST_BODY, LONGEST_SUBJECT, write_text
from subscriptions.models import BroadcastKind, Role
from web.forms import field, fields
from web.office.broadcasts.view import (
    HERE,
    ROOT,
    Shown,
    moment_fields,
    read_moment,
    read_zone,
    sentences,
    show,
    topic_name,
    workshop_of,
)
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)


@router.get(ROOT + "/{broadcast_id}/message")
async def message_page(page: OfficeParts, broadcast_id: str) -> HTMLResponse:
    """The form, or the message as it is where it cannot be changed any more."""
    return await _show(page, broadcast_id)


@router.post(ROOT + "/{broadcast_id}/message")
async def save(page: OfficeParts, broadcast_id: str) -> Response:
    """Save all of it; what was typed is shown again when something is refused."""
    form = await page.form()
    shown = await show(page, broadcast_id)
    try:
        outline = _read_outline(page, form, shown)
        await update_draft(
            page.session,
            page.operator,
            broadcast_id,
            outline,
            topics=workshop_of(page).topics,
            seen=field(form, "seen"),
        )
        subject, body = field(form, "subject").strip(), field(form, "body").strip()
        if subject or body or shown.original is not None:
            await write_text(
                page.session,
                page.operator,
                broadcast_id,
                shown.broadcast.original_language,
                subject=subject,
                body=body,
                clock=page.clock,
                seen_at=shown.original.changed_at if shown.original else None,
            )
    except HubError as error:
        return await _show(page, broadcast_id, sentences(page, error), form=form, status=error.status)
    await page.record("broadcast.saved", broadcast_id)
    return page.go(f"{ROOT}/{broadcast_id}/message", done="broadcast.saved")


@router.post(ROOT + "/{broadcast_id}/files")
async def add_file(page: OfficeParts, broadcast_id: str) -> Response:
    """Attach a file."""
    form = await page.form()
    file = form.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise FieldWrongError(field="file")
        content = await file.read(LARGEST + 1)
        await attach(page.session, page.operator, broadcast_id, name=file.filename, content=content)
    except HubError as error:
        return await _show(page, broadcast_id, sentences(page, error), status=error.status)
    await page.record("broadcast.file_added", broadcast_id)
    return page.go(f"{ROOT}/{broadcast_id}/message", done="broadcast.file_added")


@router.post(ROOT + "/{broadcast_id}/remove-file")
async def remove_file(page: OfficeParts, broadcast_id: str) -> Response:
    """Take a file away."""
    form = await page.form()
    try:
        await detach(page.session, page.operator, broadcast_id, field(form, "file"))
    except HubError as error:
        return await _show(page, broadcast_id, sentences(page, error), status=error.status)
    await page.record("broadcast.file_removed", broadcast_id)
    return page.go(f"{ROOT}/{broadcast_id}/message", done="broadcast.file_removed")


async def _show(
    page: OfficePage,
    broadcast_id: str,
    errors: Sequence[str] = (),
    *,
    form: FormData | None = None,
    status: int = 200,
) -> HTMLResponse:
    shown = await show(page, broadcast_id)
    return page.render(
        "broadcast_message.html" if shown.is_editable else "broadcast_read.html",
        status=status,
        errors=list(errors),
        here=HERE,
        part="message",
        shown=shown,
        seen=await fingerprint(page.session, shown.broadcast),
        files=await list_files(page.session, broadcast_id),
        longest=(LONGEST_SUBJECT, LONGEST_BODY),
        **_values(shown, form),
        **_options(page, shown.broadcast.time_zone),
    )


def _read_outline(page: OfficePage, form: FormData, shown: Shown) -> Outline:
    broadcast = shown.broadcast
    zone = read_zone(form, broadcast.time_zone)
    kind = field(form, "kind") or broadcast.kind
    if broadcast.event_id is None and kind not in WRITTEN_KINDS:
        raise FieldWrongError(field="kind")
    if not shown.is_editable:
        raise BroadcastLockedError
    kept = {"subscribers": broadcast.audience["subscribers"]} if broadcast.audience.get("subscribers") else {}
    return Outline(
        kind=BroadcastKind(kind) if broadcast.event_id is None else BroadcastKind(broadcast.kind),
        original_language=broadcast.original_language,
        topics_any=fields(form, "topics_any"),
        topics_all=fields(form, "topics_all"),
        audience={name: fields(form, name) for name in FILTERS} | kept,
        reason=field(form, "reason"),
        closes_at=read_moment(form, "closes_at", zone),
        texts_due_at=read_moment(form, "texts_due_at", zone),
        time_zone=zone,
    )


def _values(shown: Shown, form: FormData | None) -> dict[str, Any]:
    """What stands in the form: what was typed, else what is saved."""
    broadcast, original = shown.broadcast, shown.original
    values: dict[str, Any] = {
        "kind": broadcast.kind,
        "reason": broadcast.reason or "",
        "time_zone": broadcast.time_zone,
        "subject": original.subject if original else "",
        "body": original.body if original else "",
        "topics_any": broadcast.topics_any,
        "topics_all": broadcast.topics_all,
        "audience": {name: broadcast.audience.get(name, []) for name in FILTERS},
        "closes_at": moment_fields(broadcast.closes_at, broadcast.time_zone),
        "texts_due_at": moment_fields(broadcast.texts_due_at, broadcast.time_zone),
    }
    if form is not None:
        values |= {name: field(form, name) for name in ("kind", "reason", "time_zone", "subject", "body")}
        values |= {name: fields(form, name) for name in ("topics_any", "topics_all")}
        values["audience"] = {name: fields(form, name) for name in FILTERS}
        for name in ("closes_at", "texts_due_at"):
            values[name] = (field(form, f"{name}_day"), field(form, f"{name}_time"))
        values["kind"] = values["kind"] or broadcast.kind
    return {"values": values}


def _options(page: OfficePage, time_zone: str) -> dict[str, Any]:
    workshop = workshop_of(page)
    cities = workshop.cities.values()
    is_network = page.role is OperatorRole.NETWORK
    return {
        "topics": [(topic, topic_name(page, topic), fact.mandatory) for topic, fact in workshop.topics.facts.items()],
        "countries": _named(page, {city.country for city in cities}),
        "cities": _named(page, {city.id for city in cities if not is_network or city.national_network == page.network}),
        "networks": sorted((name, name) for name in {city.national_network for city in cities} if name),
        "roles": [(role.value, page.t(f"broadcast.role.{role}")) for role in Role],
        "kinds": [kind for kind in WRITTEN_KINDS if not is_network or kind in NETWORK_KINDS],
        "zones": page.zones(time_zone),
        "is_network": is_network,
    }


def _named(page: OfficePage, ids: set[str]) -> list[tuple[str, str]]:
    return sorted(((one, page.place_name(one)) for one in ids), key=lambda pair: pair[1].casefold())
