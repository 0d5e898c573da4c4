"""The list of messages, a new one, and where one message stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.errors import HubError
from core.languages import LANGUAGES, RELEASED
from identity.operators import OperatorRole
from subscriptions.audience import Reach, measure_reach
from subscriptions.broadcasts.attachments import list_files
from subscriptions.broadcasts.authors import NETWORK_KINDS
from subscriptions.broadcasts.drafts import WRITTEN_KINDS, Listed, Outline, create_draft, fingerprint, list_broadcasts
from subscriptions.broadcasts.progress import measure_progress, measure_reached
from subscriptions.broadcasts.release import BEGUN, find_obstacles, needs_second_person
from subscriptions.broadcasts.texts import list_waiting_texts
from subscriptions.models import BroadcastKind, BroadcastStatus, TextState
from web.forms import field
from web.office.broadcasts.view import (
    HERE,
    ROOT,
    Shown,
    at_zone,
    language_choices,
    moment_fields,
    operator_names,
    people_who_approve,
    sentences,
    show,
    workshop_of,
)
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)


@router.get(ROOT)
async def list_page(page: OfficeParts) -> HTMLResponse:
    """All messages, and what waits for this operator."""
    return await _list(page)


@router.post(ROOT)
async def begin(page: OfficeParts) -> Response:
    """A new draft."""
    form = await page.form()
    try:
        kind = BroadcastKind(field(form, "kind") or BroadcastKind.NEWS)
        outline = Outline(
            kind=kind,
            original_language=field(form, "original_language") or page.operator.language,
            time_zone=page.operator.time_zone,
        )
        draft = await create_draft(
            page.session, page.operator, outline, topics=workshop_of(page).topics, clock=page.clock
        )
    except HubError as error:
        return await _list(page, sentences(page, error), status=error.status)
    broadcast_id = draft.id
    await page.record("broadcast.created", broadcast_id)
    return page.go(f"{ROOT}/{broadcast_id}/message", done="broadcast.created")


@router.get(ROOT + "/{broadcast_id}")
async def overview_page(page: OfficeParts, broadcast_id: str) -> HTMLResponse:
    """Where a message stands and what can be done."""
    return await show_overview(page, broadcast_id)


async def show_overview(
    page: OfficePage, broadcast_id: str, errors: Sequence[str] = (), *, status: int = 200
) -> HTMLResponse:
    """The page, also after something was refused."""
    shown = await show(page, broadcast_id)
    broadcast, workshop = shown.broadcast, workshop_of(page)
    reach = None if shown.has_begun else await measure(page, shown)
    reached = await measure_reached(page.session, broadcast_id) if reach is None else None
    readers = readers_by_language(reach) if reach else dict(reached.by_language) if reached else {}
    progress = await measure_progress(page.session, broadcast) if broadcast.status in BEGUN else None
    is_duty = needs_second_person(broadcast, workshop.topics)
    due_day, due_time = moment_fields(broadcast.due_at or page.now, broadcast.time_zone)
    pending = [code for code, text in shown.texts.items() if text.state == TextState.MACHINE_DRAFT]
    return page.render(
        "broadcast.html",
        status=status,
        errors=list(errors),
        here=HERE,
        part="overview",
        shown=shown,
        seen=await fingerprint(page.session, broadcast),
        obstacles=find_obstacles(broadcast, shown.texts, at=goes_at(page, shown), is_duty=is_duty),
        is_duty=is_duty,
        lines=[await _line(page, shown, code, readers.get(code, 0)) for code in shown.texts],
        addable=[(code, name) for code, name in language_choices(page) if code not in shown.texts],
        draftable=[
            (code, page.language_name(code))
            for code in workshop.targets(broadcast.original_language)
            if code not in shown.texts
        ],
        wanted=[code for code in LANGUAGES if code not in shown.texts and (code in RELEASED or readers.get(code))],
        has_drafting=workshop.drafting is not None,
        pending=page.listed(page.language_name(code) for code in pending),
        missed=len(reach.missed_cities) if reach else 0,
        reach=reach,
        reached=reached,
        progress=progress,
        due=at_zone(page, broadcast.due_at, broadcast.time_zone),
        due_fields=(due_day, due_time),
        zones=page.zones(broadcast.time_zone),
        test_languages=[(code, page.language_name(code)) for code in shown.texts],
        files=await list_files(page.session, broadcast_id),
        began=broadcast.status in BEGUN,
    )


async def measure(page: OfficePage, shown: Shown) -> Reach:
    """Who gets it when it goes, as far as is known now."""
    workshop = workshop_of(page)
    return await measure_reach(
        page.session, shown.broadcast, topics=workshop.topics, cities=workshop.cities, now=goes_at(page, shown)
    )


def goes_at(page: OfficePage, shown: Shown) -> datetime:
    """Its time, or now where that is past or not set."""
    return max(shown.broadcast.due_at or page.now, page.now)


def readers_by_language(reach: Reach) -> dict[str, int]:
    """How many would read it in each language."""
    counts: dict[str, int] = {}
    for share in reach.shares:
        counts[share.language] = counts.get(share.language, 0) + share.count
    return counts


async def _line(page: OfficePage, shown: Shown, language: str, readers: int) -> dict[str, Any]:
    text = shown.texts[language]
    names = shown.names
    unknown = page.t("broadcast.unknown_person")
    return {
        "language": language,
        "name": page.language_name(language),
        "state": "original" if language == shown.broadcast.original_language else text.state,
        "approved_by": names.get(text.approved_by or "", unknown) if text.approved_by else "",
        "approver": names.get(text.approver or "", unknown) if text.approver else "",
        "approver_id": text.approver or "",
        "readers": readers,
        "is_outdated": bool(text.problems) and text.state == TextState.WRITTEN,
        "people": [(one.id, one.name) for one in await people_who_approve(page, language)],
    }


async def _list(page: OfficePage, errors: Sequence[str] = (), *, status: int = 200) -> HTMLResponse:
    found = await list_broadcasts(page.session, page.operator)
    subjects = {one.broadcast.id: one.subject for one in found}
    waiting = [
        (broadcast, text, subjects.get(broadcast.id) or text.subject, page.when(broadcast.texts_due_at))
        for broadcast, text in await list_waiting_texts(page.session, page.operator)
    ]
    is_network = page.role is OperatorRole.NETWORK
    kinds = [kind for kind in WRITTEN_KINDS if not is_network or kind in NETWORK_KINDS]
    return page.render(
        "broadcasts.html",
        status=status,
        errors=list(errors),
        here=HERE,
        found=found,
        waiting=waiting,
        releases=[one for one in found if _waits_for_release(page, one)],
        kinds=kinds,
        languages=language_choices(page),
        names=await operator_names(page),
        may_begin=page.may(OperatorRole.EDITOR, OperatorRole.NETWORK),
        is_network=is_network,
    )


def _waits_for_release(page: OfficePage, one: Listed) -> bool:
    is_team = page.role is not OperatorRole.NETWORK
    return (
        is_team
        and one.broadcast.status == BroadcastStatus.IN_REVIEW
        and (page.operator.id not in one.broadcast.approved_by)
    )
