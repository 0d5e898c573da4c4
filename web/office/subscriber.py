"""One person: what is known, how to reach them, what they chose, what was sent and why, and what was not."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import col, select

from core.errors import HubError
from core.languages import SOURCE_LANGUAGE
from identity.operators import OperatorRole
from subscriptions.confirmation import Purpose, issue, queue_link
from subscriptions.handover import hand_over, leave
from subscriptions.importing import invite
from subscriptions.models import ChannelName, Delivery
from subscriptions.preferences import list_topic_states
from subscriptions.reasons import kind_of, tell_reason
from subscriptions.subscribers import (
    add_email,
    get_subscriber,
    lift_suppression,
    list_addresses,
    update_subscriber,
)
from subscriptions.topics import load_topics
from web.forms import field
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.office.subscribers import address_state, profile_options, read_profile

router = APIRouter(route_class=OfficeRoute)
SHOWN_DELIVERIES = 40


@router.get("/office/subscribers/{subscriber_id}")
async def subscriber_page(page: OfficeParts, subscriber_id: str) -> HTMLResponse:
    """Everything about one person."""
    return await _show(page, subscriber_id)


@router.post("/office/subscribers/{subscriber_id}")
async def change(page: OfficeParts, subscriber_id: str) -> Response:
    """Correct what is known. What the person chose is theirs, and is not changed here."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    typed = {name: field(form, name) for name in form}
    try:
        person = await get_subscriber(page.session, subscriber_id)
        profile = read_profile(page, {"time_zone": person.time_zone} | typed)
        await update_subscriber(page.session, subscriber_id, **profile)
    except HubError as error:
        return await _refused(page, subscriber_id, error)
    await page.record("office.subscriber_changed", subscriber_id)
    return page.go(f"/office/subscribers/{subscriber_id}", done="office.saved")


@router.post("/office/subscribers/{subscriber_id}/address")
async def change_address(page: OfficeParts, subscriber_id: str) -> Response:
    """Another mail address. It takes the old one's place when the person confirms it, so nobody is cut off."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    email = field(form, "email")
    try:
        if ChannelName.EMAIL in await list_addresses(page.session, subscriber_id):
            issued = await issue(
                page.session,
                subscriber_id,
                Purpose.CONFIRM,
                links=page.links,
                clock=page.clock,
                new_email=email,
            )
            await queue_link(page.session, issued, clock=page.clock)
        else:
            await add_email(page.session, subscriber_id, email, clock=page.clock)
            await invite(page.session, [subscriber_id], links=page.links, clock=page.clock)
    except HubError as error:
        return await _refused(page, subscriber_id, error)
    await page.record("office.address_asked", subscriber_id)
    return page.go(f"/office/subscribers/{subscriber_id}", done="office.address_asked")


@router.post("/office/subscribers/{subscriber_id}/confirm")
async def ask_again(page: OfficeParts, subscriber_id: str) -> Response:
    """Ask the person once more to confirm the address."""
    page.require(OperatorRole.EDITOR)
    await page.form()
    await get_subscriber(page.session, subscriber_id)
    await invite(page.session, [subscriber_id], links=page.links, clock=page.clock)
    await page.record("office.address_asked", subscriber_id)
    return page.go(f"/office/subscribers/{subscriber_id}", done="office.address_asked")


@router.post("/office/subscribers/{subscriber_id}/lift")
async def lift(page: OfficeParts, subscriber_id: str) -> Response:
    """Write to an address again that mail came back from, since it was mended."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    own = await list_addresses(page.session, subscriber_id)
    address = next((one for one in own.values() if one.id == field(form, "address")), None)
    if address is not None and address.suppression in {"bounced", "refused"}:
        await lift_suppression(page.session, address.id)
        await page.record("office.suppression_lifted", subscriber_id)
    return page.go(f"/office/subscribers/{subscriber_id}", done="office.saved")


@router.post("/office/subscribers/{subscriber_id}/leave")
async def leaves(page: OfficeParts, subscriber_id: str) -> Response:
    """The person is no longer the contact; a successor can be named at once."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    if field(form, "sure") != "yes":
        return await _show(page, subscriber_id, [page.t("office.operators.unsure")], status=422)
    name, email = field(form, "successor_name"), field(form, "successor_email")
    try:
        if name.strip() or email.strip():
            await hand_over(
                page.session,
                subscriber_id,
                successor_name=name,
                successor_email=email,
                links=page.links,
                clock=page.clock,
                by_team=True,
            )
        else:
            await leave(page.session, subscriber_id, clock=page.clock)
    except HubError as error:
        return await _refused(page, subscriber_id, error)
    await page.record("office.subscriber_left", subscriber_id)
    return page.go(f"/office/subscribers/{subscriber_id}", done="office.saved")


async def _refused(page: OfficePage, subscriber_id: str, error: HubError) -> HTMLResponse:
    await page.session.rollback()
    return await _show(page, subscriber_id, [page.say(error)], status=error.status)


async def _show(
    page: OfficePage, subscriber_id: str, errors: list[str] | None = None, *, status: int = 200
) -> HTMLResponse:
    page.require(OperatorRole.EDITOR)
    person = await get_subscriber(page.session, subscriber_id)
    topics = load_topics()
    states = await list_topic_states(page.session, subscriber_id, topics=topics)
    addresses = (await list_addresses(page.session, subscriber_id)).values()
    query = select(Delivery).where(Delivery.subscriber_id == subscriber_id)
    query = query.order_by(col(Delivery.created_at).desc()).limit(SHOWN_DELIVERIES)
    return page.render(
        "subscriber.html",
        status=status,
        errors=errors or [],
        person=person,
        city=page.place_name(person.city) if person.city else "",
        addresses=[(one, address_state(one)) for one in addresses],
        states=[(page.t(f"topic.{state.topic}.title"), state) for state in states if state.said is not None],
        deliveries=[
            (
                page.when(one.finished_at or one.due_at),
                page.t(f"office.delivery.{one.status}"),
                tell_reason(page.hub.wording.texts, kind_of(one.message), one.because, page.language),
                why_in_words(page, one.reason),
            )
            for one in await page.session.exec(query)
        ],
        left=page.when(person.left_at),
        **profile_options(page),
    )


def why_in_words(page: OfficePage, reason: str | None) -> str:
    """Why something was not sent; a server's own code stays as it is."""
    key = f"office.why.{reason}"
    return page.t(key) if page.hub.wording.texts.has(key, SOURCE_LANGUAGE) else reason or ""
