"""The ways to somebody: another mail address, connecting and disconnecting Telegram, and proving one's mailbox."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from subscriptions.asking import send_link
from subscriptions.city_defaults import is_telegram_off
from subscriptions.confirmation import Purpose, issue
from subscriptions.errors import AddressInvalidError, AddressTakenError, TelegramOffError
from subscriptions.links import LinkContent, LinkPurpose
from subscriptions.models import ChannelName
from subscriptions.pages import SUCCESSOR
from subscriptions.subscribers import list_addresses, read_email, unlink_telegram
from subscriptions.telegram_linking import start_parameter
from web.pages import Page
from web.preferences.doorway import HOME, Inside, PreferenceRoute, Visit
from web.qr import qr_drawing

router = APIRouter(route_class=PreferenceRoute)

ADDRESS, TELEGRAM = HOME + "/address", HOME + "/connect"


@router.post(HOME + "/prove")
async def send_proof(visit: Inside) -> Response:
    """Send a link to the own mail address, for what needs one."""
    await send_link(visit.session, visit.subscriber.id, Purpose.PREFERENCES, links=visit.links, clock=visit.clock)
    return visit.go(done="link")


@router.get(HOME + "/successor")
async def name_successor(visit: Inside) -> Response:
    """On to the page where a successor is named; not for whoever got a message forwarded."""
    visit.require_proof()
    token = visit.links.sign(LinkPurpose.SUCCESSOR, LinkContent(visit.subscriber.id))
    return visit.go(f"{SUCCESSOR}/{token}")


@router.get(ADDRESS)
async def show_address(visit: Inside) -> HTMLResponse:
    """Where another mail address is given."""
    visit.require_proof()
    return await _address(visit)


@router.post(ADDRESS)
async def change_address(visit: Inside) -> HTMLResponse:
    """Send a link to the new address; until it is used, the present one counts.

    The answer is the same when somebody else has that address.
    """
    visit.require_proof()
    given = visit.field("email")
    person_id = visit.subscriber.id
    present = (await list_addresses(visit.session, person_id)).get(ChannelName.EMAIL)
    try:
        email = read_email(given)
    except AddressInvalidError:
        return await _address(visit, email=given[:320], error="email")
    if present is not None and present.value == email:
        return await _address(visit, email=email, error="same_email")
    try:
        await send_link(
            visit.session, person_id, Purpose.CONFIRM, links=visit.links, clock=visit.clock, new_email=email
        )
    except AddressTakenError:
        await visit.session.rollback()
    return await _address(visit, sent_to=email)


async def _address(visit: Visit, *, email: str = "", error: str = "", sent_to: str = "") -> HTMLResponse:
    return visit.render("address.html", status=422 if error else 200, email=email, error=error, sent_to=sent_to)


@router.post(TELEGRAM)
async def connect_telegram(visit: Inside) -> HTMLResponse:
    """A deep link into Telegram, which works once."""
    visit.require_proof()
    person = visit.subscriber
    if person.city is not None and await is_telegram_off(visit.session, person.city):
        raise TelegramOffError
    issued = await issue(visit.session, person.id, Purpose.TELEGRAM, links=visit.links, clock=visit.clock)
    return show_telegram(visit.page, issued.token)


@router.post(TELEGRAM + "/end")
async def disconnect_telegram(visit: Inside) -> Response:
    """Forget the chat; everything comes by mail."""
    await unlink_telegram(visit.session, visit.subscriber.id, clock=visit.clock)
    return visit.go(done="unlinked")


def show_telegram(page: Page, token: str) -> HTMLResponse:
    """The deep link for a token, as a link and as a code for another device. Without a bot the page says so."""
    find_name = page.hub.telegram_name
    name = find_name() if find_name is not None else None
    url = f"https://t.me/{name}?start={start_parameter(token)}" if name else ""
    return page.render("preferences/telegram.html", deep_link=url, code=qr_drawing(url) if url else "")
