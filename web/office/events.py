"""Events as the team sees them: making, changing and cancelling them, the invitation, who comes and who was there.

A network's coordinator makes events of the own network and invites that network; of its guests they see totals.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import col, select

from core.errors import HubError
from core.languages import RELEASED
from identity.errors import RoleRefusedError
from identity.operators import OperatorRole
from subscriptions.broadcasts.drafts import Outline, create_draft
from subscriptions.errors import EventInvalidError, RegistrationClosedError
from subscriptions.event_entries import send_entry
from subscriptions.event_notices import EventNotices, invitation_texts, list_invitations
from subscriptions.events import EventForm, cancel_event, create_event, get_event, list_events, update_event
from subscriptions.guests import (
    GuestAnswer,
    GuestLine,
    answer_event,
    count_answers,
    fill_places,
    list_guests,
    mark_attendance,
)
from subscriptions.models import Broadcast, BroadcastKind, BroadcastText, ChannelName, Event, TextState
from subscriptions.subscribers import find_by_address
from web.events import EventShown, address_of, known_topics
from web.forms import field, fields
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.office.event_form import form_of, read_details

router = APIRouter(route_class=OfficeRoute)

EVENTS = "/office/events"
BROADCASTS = "/office/broadcasts"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""
LONGEST_NOTE = 1000
TEAM = (OperatorRole.EDITOR, OperatorRole.APPROVER)
READERS = (*TEAM, OperatorRole.NETWORK)
WRITERS = (OperatorRole.EDITOR, OperatorRole.NETWORK)


@router.get(EVENTS)
async def events_page(page: OfficeParts, past: bool = False) -> HTMLResponse:
    """All events, with how many come."""
    page.require(*READERS)
    found = await list_events(page.session, now=page.now, is_public=None, past=past, network=page.network)
    counts = await count_answers(page.session, [event.id for event in found])
    lines = [(EventShown(page, event), counts.get(event.id, Counter[str]())) for event in found]
    return page.render("events.html", lines=lines, past=past, may_write=page.may(*WRITERS))


@router.get(EVENTS + "/new")
async def new_page(page: OfficeParts) -> HTMLResponse:
    """An empty form."""
    page.require(*WRITERS)
    return _form_page(page, form_of(None, page.operator.time_zone))


@router.post(EVENTS + "/new")
async def create(page: OfficeParts) -> Response:
    """Make it. Nobody hears of it yet."""
    page.require(*WRITERS)
    given = form_of(await page.form(), page.operator.time_zone)
    try:
        event = await create_event(
            page.session,
            read_details(given, known_topics()),
            created_by=page.operator.id,
            domain=address_of(page.hub).partition("://")[2].partition("/")[0].partition(":")[0],
            topics=known_topics(),
            clock=page.clock,
            network=page.network,
        )
    except EventInvalidError as error:
        return _form_page(page, given, error=error)
    await page.record("event.created", event.id)
    return page.go(f"{EVENTS}/{event.id}", done="event.created")


@router.get(EVENTS + "/{event_id}")
async def event_page(page: OfficeParts, event_id: str) -> HTMLResponse:
    """One event: what it is, its invitations, its guests."""
    page.require(*READERS)
    return await _show(page, await _get_own(page, event_id))


@router.get(EVENTS + "/{event_id}/edit")
async def edit_page(page: OfficeParts, event_id: str) -> HTMLResponse:
    """The form with what is known."""
    page.require(*WRITERS)
    event = await _get_own(page, event_id)
    return _form_page(page, form_of(event, event.time_zone), event=event)


@router.post(EVENTS + "/{event_id}/edit")
async def edit(page: OfficeParts, event_id: str) -> Response:
    """Change it; whoever wants to come is told of what concerns them."""
    page.require(*WRITERS)
    form = await page.form()
    event = await _get_own(page, event_id)
    given = form_of(form, event.time_zone)
    await _end_reading(page)
    try:
        changed = await update_event(
            page.session, event_id, read_details(given, known_topics()), topics=known_topics(), clock=page.clock
        )
    except EventInvalidError as error:
        return _form_page(page, given, event=event, error=error)
    await page.record("event.changed", event_id)
    # More places, or another limit for each city, may let somebody move up.
    await fill_places(page.session, event_id, clock=page.clock)
    notice = None
    if changed.is_worth_telling and changed.event.cancelled_at is None and changed.event.ends_at > page.now:
        note = field(form, "note")[:LONGEST_NOTE]
        notice = await EventNotices(page.hub.wording.texts).tell_change(
            page.session, changed, note=note, by=page.operator.id, clock=page.clock
        )
    return page.go(f"{EVENTS}/{event_id}", done="event.told" if notice else "event.saved")


@router.post(EVENTS + "/{event_id}/cancel")
async def cancel(page: OfficeParts, event_id: str) -> Response:
    """It will not take place; the guests are told."""
    page.require(*WRITERS)
    form = await page.form()
    event = await _get_own(page, event_id)
    if field(form, "sure") != "yes":
        return await _show(page, event, errors=[page.t("event.problem.unsure")])
    await _end_reading(page)
    event = await cancel_event(page.session, event_id, clock=page.clock)
    await EventNotices(page.hub.wording.texts).tell_cancellation(
        page.session, event, note=field(form, "note")[:LONGEST_NOTE], by=page.operator.id, clock=page.clock
    )
    await page.record("event.cancelled", event_id)
    return page.go(f"{EVENTS}/{event_id}", done="event.cancelled")


@router.post(EVENTS + "/{event_id}/invitation")
async def write_invitation(page: OfficeParts, event_id: str) -> Response:
    """A draft in the event's own words, on to where it is written."""
    page.require(*WRITERS)
    await page.form()
    event = await _get_own(page, event_id)
    draft = await draft_invitation(page, event)
    await page.record("event.invitation", event_id)
    return page.go(f"{BROADCASTS}/{draft.id}")


@router.post(EVENTS + "/{event_id}/answers")
async def note_answer(page: OfficeParts, event_id: str) -> Response:
    """An answer that reached the team in another way."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    event = await get_event(page.session, event_id)
    email, said = field(form, "email"), field(form, "answer")
    found = await find_by_address(page.session, ChannelName.EMAIL, email)
    if found is None or found[0].left_at is not None or said not in set(GuestAnswer):
        return await _show(page, event, errors=[page.t("event.problem.unknown_person")], email=email)
    person_id = found[0].id
    await _end_reading(page)
    try:
        answered = await answer_event(page.session, event_id, person_id, GuestAnswer(said), clock=page.clock)
        await send_entry(page.session, answered, clock=page.clock)
    except RegistrationClosedError as error:
        await _end_reading(page)
        return await _show(page, await get_event(page.session, event_id), errors=[page.say(error)], email=email)
    await page.record("event.noted", event_id)
    return page.go(f"{EVENTS}/{event_id}", done="event.noted")


@router.post(EVENTS + "/{event_id}/attendance")
async def attendance(page: OfficeParts, event_id: str) -> Response:
    """Who was there."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    await get_event(page.session, event_id)
    await mark_attendance(page.session, event_id, fields(form, "present"))
    await page.record("event.present", event_id)
    return page.go(f"{EVENTS}/{event_id}", done="event.present")


@router.get(EVENTS + "/{event_id}/guests.csv")
async def guests_file(page: OfficeParts, event_id: str) -> Response:
    """The attendance list for a spreadsheet."""
    page.require(*TEAM)
    await get_event(page.session, event_id)
    out = io.StringIO()
    writer = csv.writer(out)
    names = ("name", "city", "answer", "interpretation", "needs", "present")
    writer.writerow([page.t(f"event.office.{name}") for name in names])
    for line in await list_guests(page.session, event_id):
        writer.writerow([_harmless(cell) for cell in _cells(page, line)])
    await page.record("event.list", event_id)
    headers = {"Content-Disposition": 'attachment; filename="guests.csv"', "Cache-Control": "no-store"}
    # With the mark by which spreadsheets know UTF-8.
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


async def draft_invitation(page: OfficePage, event: Event) -> Broadcast:
    """The invitation as a draft: to whoever chose one of the event's topics."""
    original, texts = invitation_texts(event)
    outline = Outline(
        kind=BroadcastKind.EVENT,
        original_language=original,
        topics_any=tuple(event.topics),
        audience={"networks": [network]} if (network := page.network or event.network) else {},
        closes_at=event.registration_closes_at,
        time_zone=event.time_zone,
    )
    draft = await create_draft(
        page.session, page.operator, outline, topics=known_topics(), clock=page.clock, event_id=event.id
    )
    for language, (subject, body) in texts.items():
        state = TextState.ORIGINAL if language == original else TextState.WRITTEN
        page.session.add(
            BroadcastText(
                broadcast_id=draft.id,
                language=language,
                state=state,
                subject=subject,
                body=body,
                changed_at=page.now,
            )
        )
    await page.session.commit()
    return draft


async def _get_own(page: OfficePage, event_id: str) -> Event:
    """An event; for a network's coordinator one of the own network. Raises EventNotFoundError, RoleRefusedError."""
    event = await get_event(page.session, event_id)
    if page.network is not None and event.network != page.network:
        raise RoleRefusedError
    return event


async def _end_reading(page: OfficePage) -> None:
    """On SQLite, a transaction that read before may not write after another one did."""
    await page.session.commit()


async def _show(page: OfficePage, event: Event, *, errors: list[str] | None = None, email: str = "") -> HTMLResponse:
    counts = (await count_answers(page.session, [event.id])).get(event.id, Counter[str]())
    sees_names = page.network is None
    return page.render(
        "event.html",
        status=422 if errors else 200,
        errors=errors or [],
        shown=EventShown(page, event, shows_link=True),
        counts={answer: counts[answer] for answer in GuestAnswer},
        guests=await list_guests(page.session, event.id) if sees_names else [],
        sees_names=sees_names,
        may_write=page.may(*WRITERS),
        invitations=await _list_invitations(page, event),
        broadcasts=BROADCASTS,
        events=EVENTS,
        is_over=event.ends_at <= page.now,
        lacks_address=event.form != EventForm.IN_PERSON and not event.online_url,
        has_begun=event.starts_at <= page.now,
        most_note=LONGEST_NOTE,
        email=email,
        answers=[
            (one.value, page.t(f"event.answer.{one}")) for one in (GuestAnswer.YES, GuestAnswer.MAYBE, GuestAnswer.NO)
        ],
    )


async def _list_invitations(page: OfficePage, event: Event) -> list[tuple[Broadcast, str]]:
    found = await list_invitations(page.session, event.id)
    texts = select(BroadcastText.broadcast_id, BroadcastText.language, BroadcastText.subject).where(
        col(BroadcastText.broadcast_id).in_([broadcast.id for broadcast in found])
    )
    subjects = {(name, language): subject for name, language, subject in await page.session.exec(texts)}
    return [(one, subjects.get((one.id, one.original_language), "")) for one in found]


def _form_page(
    page: OfficePage, given: dict[str, str | list[str]], *, event: Event | None = None, error: HubError | None = None
) -> HTMLResponse:
    topics = [(name, page.t(f"topic.{name}.title")) for name in known_topics().facts]
    problems: dict[str, str] = error.values.get("fields", {}) if error else {}
    wrong = defaultdict(str, {name: page.t(f"event.problem.{problem}") for name, problem in problems.items()})
    if event and not error:
        given = given | {"languages": page.separated(page.language_name(code) for code in event.languages)}
    return page.render(
        "event_form.html",
        status=error.status if error else 200,
        errors=list(dict.fromkeys(wrong.values())) or ([page.say(error)] if error else []),
        wrong=wrong,
        given=given,
        zones=page.zones(str(given["time_zone"]) if error is None or "time_zone" not in wrong else ""),
        event=event,
        events=EVENTS,
        topics=topics,
        forms=[(form.value, page.t(f"event.form.{form.value}")) for form in EventForm],
        has_translations=any(given[f"title-{code}"] for code in RELEASED[1:]),
        released=[(code, page.language_name(code)) for code in RELEASED],
        most_note=LONGEST_NOTE,
    )


def _cells(page: OfficePage, line: GuestLine) -> list[str]:
    guest = line.guest
    city = page.place_name(line.city) if line.city else ""
    spoken = page.language_name(guest.interpretation) if guest.interpretation else ""
    present = "" if guest.attended is None else page.t(f"event.office.{'was_there' if guest.attended else 'was_not'}")
    return [line.name, city, page.t(f"event.answer.{guest.answer}"), spoken, guest.needs or "", present]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
