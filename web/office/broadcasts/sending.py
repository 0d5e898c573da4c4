"""Letting a message go, stopping it, and watching it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.datastructures import FormData

from core.errors import HubError
from identity.operators import OperatorRole
from subscriptions.audience import Reach, measure_reach
from subscriptions.broadcasts import release
from subscriptions.broadcasts.authors import check
from subscriptions.broadcasts.city_results import list_unreached_cities
from subscriptions.broadcasts.errors import (
    BroadcastLockedError,
    BroadcastUnfinishedError,
    FieldWrongError,
    NobodyGetsItError,
)
from subscriptions.broadcasts.progress import BY_DIGEST, IN_DIGESTS, PAUSED, UNREACHED, list_lines, measure_progress
from subscriptions.models import Broadcast, BroadcastStatus, DeliveryStatus
from subscriptions.topics import TO_SUBSCRIBERS
from web.forms import field
from web.office.broadcasts.asking import ask_second_person
from web.office.broadcasts.overview import measure, readers_by_language, show_overview
from web.office.broadcasts.view import (
    HERE,
    ROOT,
    Shown,
    at_zone,
    because_words,
    read_moment,
    read_zone,
    sentences,
    show,
    workshop_of,
)
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)


UNDO = timedelta(minutes=1)
"""How long a message that goes now can still be taken back."""
WAYS = (IN_DIGESTS, BY_DIGEST, PAUSED)


@router.post(ROOT + "/{broadcast_id}/schedule")
async def schedule(page: OfficeParts, broadcast_id: str) -> Response:
    """Now, or at a time in a zone: first a page that says whom it reaches, then, with its yes, for real."""
    form = await page.form()
    try:
        zone = read_zone(form, page.operator.time_zone)
        is_now = field(form, "when") != "at"
        at = None if is_now else read_moment(form, "due_at", zone)
        if at is None and not is_now:
            raise FieldWrongError(field="due_at")
        shown = await show(page, broadcast_id)
        reach = await _check_reach(page, shown, at)
    except HubError as error:
        return await show_overview(page, broadcast_id, sentences(page, error), status=error.status)
    if field(form, "sure") != "yes":
        return _ask_once_more(page, shown, reach, form, at=at, zone=zone)

    async def work() -> str:
        done = await release.schedule(
            page.session,
            page.operator,
            broadcast_id,
            at=at or page.now + UNDO,
            time_zone=zone,
            topics=workshop_of(page).topics,
            clock=page.clock,
            seen=field(form, "seen"),
        )
        if done.status == BroadcastStatus.IN_REVIEW:
            return "in_review"
        return "scheduled" if at else "soon"

    return await _do(page, broadcast_id, work)


async def _check_reach(page: OfficePage, shown: Shown, at: datetime | None) -> Reach:
    """Whom it reaches at its time. Raises what stands in its way, also that it reaches nobody."""
    check(shown.can_write)
    if shown.broadcast.status not in release.EDITABLE:
        raise BroadcastLockedError(status=shown.broadcast.status)
    due_at = max(at or page.now, page.now)
    workshop = workshop_of(page)
    is_duty = release.needs_second_person(shown.broadcast, workshop.topics)
    if obstacles := release.find_obstacles(shown.broadcast, shown.texts, at=due_at, is_duty=is_duty):
        raise BroadcastUnfinishedError(obstacles=obstacles)
    reach = await measure_reach(
        page.session, shown.broadcast, topics=workshop.topics, cities=workshop.cities, now=due_at
    )
    if not reach.count:
        raise NobodyGetsItError
    return reach


def _ask_once_more(
    page: OfficePage, shown: Shown, reach: Reach, form: FormData, *, at: datetime | None, zone: str
) -> HTMLResponse:
    readers = readers_by_language(reach)
    with_text = {code for code in readers if code in shown.texts}
    others = sorted(page.language_name(code) for code in readers if code not in with_text)
    given = {name: field(form, name) for name in ("seen", "when", "due_at_day", "due_at_time", "time_zone")}
    return page.render(
        "broadcast_confirm.html",
        here=HERE,
        shown=shown,
        reach=reach,
        languages=sorted(readers.items(), key=lambda pair: -pair[1]),
        original_for=page.listed(others),
        is_duty=release.needs_second_person(shown.broadcast, workshop_of(page).topics),
        at=at_zone(page, at, zone),
        zone=zone,
        given=given,
    )


@router.post(ROOT + "/{broadcast_id}/release")
async def second_person(page: OfficeParts, broadcast_id: str) -> Response:
    """The second of two."""
    form = await page.form()

    async def work() -> str:
        seen = field(form, "seen")
        shown = await show(page, broadcast_id)
        if shown.can_release and not (await measure(page, shown)).count:
            raise NobodyGetsItError
        await release.release(page.session, page.operator, broadcast_id, seen=seen, clock=page.clock)
        return "released"

    return await _do(page, broadcast_id, work)


@router.post(ROOT + "/{broadcast_id}/stop")
async def stop(page: OfficeParts, broadcast_id: str) -> Response:
    """Take back, pause, resume or cancel: which, is in the button that was pressed."""
    form = await page.form()

    async def work() -> str:
        match field(form, "do"):
            case "take_back":
                await release.take_back(page.session, page.operator, broadcast_id)
                return "taken_back"
            case "pause":
                await release.pause(page.session, page.operator, broadcast_id)
                return "paused"
            case "resume":
                await release.resume(page.session, page.operator, broadcast_id)
                return "resumed"
            case "cancel":
                await release.cancel(page.session, page.operator, broadcast_id, clock=page.clock)
                return "cancelled"
        raise FieldWrongError(field="kind")

    return await _do(page, broadcast_id, work)


@router.post(ROOT + "/{broadcast_id}/correct")
async def correct(page: OfficeParts, broadcast_id: str) -> Response:
    """Hold it and begin a correction."""
    await page.form()
    shown = await show(page, broadcast_id)
    texts = page.hub.wording.texts
    subjects = {
        code: texts.get("broadcast.correction.subject", code, subject=text.subject)
        for code, text in shown.texts.items()
    }
    try:
        draft: Broadcast = await release.correct(
            page.session,
            page.operator,
            broadcast_id,
            subjects=subjects,
            topics=workshop_of(page).topics,
            clock=page.clock,
        )
    except HubError as error:
        return await show_overview(page, broadcast_id, sentences(page, error), status=error.status)
    draft_id = draft.id
    await page.record("broadcast.corrected", broadcast_id)
    return page.go(f"{ROOT}/{draft_id}/message", done="broadcast.corrected")


@router.post(ROOT + "/{broadcast_id}/again")
async def again(page: OfficeParts, broadcast_id: str) -> Response:
    """To those whom it did not reach."""
    await page.form()

    async def work() -> str:
        await release.send_again(page.session, page.operator, broadcast_id, clock=page.clock)
        return "sent_again"

    return await _do(page, broadcast_id, work, on="/progress")


@router.get(ROOT + "/{broadcast_id}/progress")
async def progress_page(page: OfficeParts, broadcast_id: str, status: str = "", after: str = "") -> HTMLResponse:
    """Counts, looked at again and again by a script, and a row for each person, and the cities left to be reached."""
    shown = await show(page, broadcast_id)
    check(shown.sees_people)
    progress = await measure_progress(page.session, shown.broadcast)
    with_names = page.role is not OperatorRole.NETWORK
    wanted = (status,) if status in {*DeliveryStatus, *WAYS} else ()
    statuses = UNREACHED if status == "unreached" else wanted
    cities = None
    if shown.has_begun and shown.broadcast.kind in TO_SUBSCRIBERS and not shown.broadcast.audience.get("subscribers"):
        cities = await list_unreached_cities(page.session, shown.broadcast, cities=workshop_of(page).cities)
    lines = None
    if with_names:
        lines = await list_lines(page.session, broadcast_id, statuses=statuses, after=after or None)
    return page.render(
        "broadcast_progress.html",
        here=HERE,
        part="progress",
        shown=shown,
        progress=progress,
        lines=lines,
        because=[because_words(page, line.because) for line in lines.lines] if lines else [],
        reasons=[_reason(page, line.reason) for line in lines.lines] if lines else [],
        only=status,
        statuses=list(DeliveryStatus),
        ways=WAYS,
        cities=cities,
        is_live=shown.broadcast.status in {BroadcastStatus.SENDING, BroadcastStatus.SCHEDULED},
    )


@router.get(ROOT + "/{broadcast_id}/progress.json")
async def progress_data(page: OfficeParts, broadcast_id: str) -> JSONResponse:
    """The counts alone."""
    shown = await show(page, broadcast_id)
    check(shown.sees_people)
    progress = await measure_progress(page.session, shown.broadcast)
    words = {
        "bar": page.t("broadcast.progress.bar", over=progress.over, total=progress.total),
        "status_words": page.t(f"broadcast.status.{progress.status}"),
    }
    return JSONResponse(progress.as_data() | words)


def _reason(page: OfficePage, reason: str | None) -> str:
    """A reason of the rules in words; one of a mail server as it said it."""
    key = f"broadcast.why_not.{reason}"
    return page.t(key) if reason and page.hub.wording.texts.has(key, "en") else reason or ""


async def _do(page: OfficePage, broadcast_id: str, work: Callable[[], Awaitable[str]], *, on: str = "") -> Response:
    """Do it, note it in the trail, and say on the next page what was done."""
    try:
        done = await work()
    except HubError as error:
        return await show_overview(page, broadcast_id, sentences(page, error), status=error.status)
    await page.record(f"broadcast.{done}", broadcast_id)
    later = await ask_second_person(page, await show(page, broadcast_id)) if done == "in_review" else None
    return page.go(f"{ROOT}/{broadcast_id}{on}", done=f"broadcast.{done}", later=later)
