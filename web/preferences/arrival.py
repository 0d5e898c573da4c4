"""Coming to the preference centre by a link: from the foot of a message, or one that was sent and works once.

Opening a link changes nothing, since mail programs and scanners open links; what works once is used by a press.
"""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.confirmation import Purpose, list_set_topics, peek, use
from subscriptions.errors import LinkExpiredError
from subscriptions.links import LinkPurpose
from subscriptions.models import ChannelName
from subscriptions.pages import CONFIRM, HANDOVER, PREFERENCES, SIGN_IN
from subscriptions.pages import TELEGRAM as TELEGRAM_LINK
from subscriptions.subscribers import get_subscriber
from web.pages import Page, PageParts
from web.preferences.doorway import HOME, PreferenceRoute, all_topics, in_language_of, open_visit
from web.preferences.home import render_home
from web.preferences.session import OpenedBy, begin_session, set_session
from web.preferences.ways import show_telegram

router = APIRouter(route_class=PreferenceRoute)


@router.get(PREFERENCES + "/{token}")
async def open_from_message(page: PageParts, token: str) -> Response:
    """The choices of whoever got the message."""
    content = page.hub.links.read(LinkPurpose.PREFERENCES, token)
    async with page.hub.database.session() as session:
        await get_subscriber(session, content.subscriber_id)
    who = begin_session(page.hub, content.subscriber_id, OpenedBy.FOOT, content.channel)
    async with open_visit(page, who) as visit:
        response = await render_home(visit)
    set_session(response, page, who)
    return response


@router.get(SIGN_IN + "/{token}")
async def show_sign_in(page: PageParts, token: str) -> Response:
    """One press away from the own page."""
    return await _show(page, Purpose.PREFERENCES, token)


@router.post(SIGN_IN + "/{token}")
async def sign_in(page: PageParts, token: str) -> Response:
    """Use the link that was asked for."""
    return await _arrive(page, Purpose.PREFERENCES, token)


@router.get(CONFIRM + "/{token}")
async def show_confirm(page: PageParts, token: str) -> Response:
    """One press away from a confirmed address."""
    return await _show(page, Purpose.CONFIRM, token)


@router.post(CONFIRM + "/{token}")
async def confirm(page: PageParts, token: str) -> Response:
    """The address is theirs."""
    return await _arrive(page, Purpose.CONFIRM, token)


@router.get(HANDOVER + "/{token}")
async def show_handover(page: PageParts, token: str) -> Response:
    """What a successor was named for."""
    return await _show(page, Purpose.HANDOVER, token)


@router.post(HANDOVER + "/{token}")
async def take_over(page: PageParts, token: str) -> Response:
    """The successor is there."""
    return await _arrive(page, Purpose.HANDOVER, token)


@router.get(TELEGRAM_LINK + "/{token}")
async def show_telegram_link(page: PageParts, token: str) -> HTMLResponse:
    """The deep link of a mailed link. It is used in Telegram, so nothing is used here."""
    async with page.hub.database.session() as session:
        await peek(session, Purpose.TELEGRAM, token, clock=page.hub.clock)
    return show_telegram(page, token)


async def _show(page: Page, purpose: Purpose, token: str) -> Response:
    async with page.hub.database.session() as session:
        try:
            confirmation = await peek(session, purpose, token, clock=page.hub.clock)
        except LinkExpiredError:
            return await _say_confirmed(page, session, purpose, token)
        person = await get_subscriber(session, confirmation.subscriber_id)
        page = in_language_of(page, person)
        city = page.place_name(person.city) if person.city else ""
        topics = await list_set_topics(session, person) if purpose is Purpose.CONFIRM else []
    action = page.url(page.request.url.path)
    titles = [page.t(f"topic.{topic}.title") for topic in topics if topic in all_topics().facts]
    return page.render("preferences/arrive.html", action=action, purpose=purpose.value, city=city, titles=titles)


async def _arrive(page: Page, purpose: Purpose, token: str) -> Response:
    async with page.hub.database.session() as session:
        try:
            await peek(session, purpose, token, clock=page.hub.clock)
        except LinkExpiredError:
            return await _say_confirmed(page, session, purpose, token)
        confirmation = await use(session, purpose, token, topics=all_topics(), clock=page.hub.clock)
        person = await get_subscriber(session, confirmation.subscriber_id)
        # Who left and asked for a link may see the own page, and come back there.
        if person.left_at is not None and purpose is not Purpose.PREFERENCES:
            raise LinkExpiredError
        who = begin_session(page.hub, person.id, OpenedBy.ONCE, ChannelName.EMAIL)
    response = RedirectResponse(page.url(HOME), status_code=303)
    set_session(response, page, who)
    return response


async def _say_confirmed(page: Page, session: AsyncSession, purpose: Purpose, token: str) -> Response:
    """Confirming twice is no error, but the second time opens nobody's page. Raises LinkExpiredError for all others."""
    if purpose is not Purpose.CONFIRM:
        raise LinkExpiredError
    # It was used, or it is too old or not ours, which raises; so nothing is used here.
    await use(session, purpose, token, topics=all_topics(), clock=page.hub.clock)
    return RedirectResponse(page.url(HOME, done="confirmed"), status_code=303)
