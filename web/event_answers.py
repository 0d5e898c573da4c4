"""Answering an invitation by the link in it: yes, maybe or no, and what one needs.

Opening the page changes nothing, since mail programs and scanners open links; a press does. There is no cookie and no
sign-in: whom the answer is for is signed into the link, and the page says so by name.
"""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.datastructures import FormData

from core.errors import HubError
from core.languages import LANGUAGES
from subscriptions.errors import LinkExpiredError, SubscriberNotFoundError
from subscriptions.event_entries import send_entry
from subscriptions.events import get_event
from subscriptions.guests import (
    LONGEST_NEEDS,
    Answered,
    GuestAnswer,
    Needs,
    answer_event,
    check_open,
    find_guest,
    find_opening,
    is_full_for,
)
from subscriptions.links import LinkContent, LinkPurpose
from subscriptions.models import Event
from subscriptions.pages import EVENT_ANSWER
from subscriptions.subscribers import get_subscriber
from web.events import EventShown, feed_address, moment
from web.forms import field
from web.pages import Page, PageParts

router = APIRouter(include_in_schema=False)

SAID = (GuestAnswer.YES, GuestAnswer.MAYBE, GuestAnswer.NO)


@router.get(EVENT_ANSWER + "/{token}")
async def show_answer(page: PageParts, token: str, say: str = "") -> HTMLResponse:
    """The event, and what would be answered; nothing is answered yet."""
    try:
        content = _read(page, token)
        async with page.hub.database.session() as session:
            return await _form(page, session, content, token, say=say if say in set(SAID) else "")
    except HubError as error:
        return _broken(page, error)


@router.post(EVENT_ANSWER + "/{token}")
async def post_answer(page: PageParts, token: str) -> HTMLResponse:
    """Note the answer. The same again changes nothing."""
    hub = page.hub
    try:
        content = _read(page, token)
        form = await page.request.form()
        said, needs = field(form, "say"), _read_needs(form)
        async with hub.database.session() as session:
            if said not in set(SAID):
                return await _form(page, session, content, token, needs=needs, error=page.t("event.problem.answer"))
            await hub.limits.check(page.request, f"event/{content.subscriber_id}")
            try:
                answered = await answer_event(
                    session,
                    content.about,
                    content.subscriber_id,
                    GuestAnswer(said),
                    needs=needs,
                    clock=hub.clock,
                )
            except HubError as error:
                await session.rollback()
                if error.status != 409:
                    raise
                return await _form(page, session, content, token, say=said, error=page.t(error.text_key))
            has_mail = await send_entry(session, answered, clock=hub.clock)
            return await _form(page, session, content, token, answered=answered, has_mail=has_mail)
    except HubError as error:
        return _broken(page, error)


async def _form(
    page: Page,
    session: AsyncSession,
    content: LinkContent,
    token: str,
    *,
    say: str = "",
    needs: Needs | None = None,
    error: str | None = None,
    answered: Answered | None = None,
    has_mail: bool = False,
) -> HTMLResponse:
    event = await get_event(session, content.about)
    person = await get_subscriber(session, content.subscriber_id)
    if person.left_at is not None:
        raise LinkExpiredError
    now = page.hub.clock.now()
    guest = await find_guest(session, event.id, person.id)
    before = guest.answer if guest else None
    is_coming = before in {GuestAnswer.YES, GuestAnswer.WAITING}
    opens_at = None if is_coming else await find_opening(session, event, now=now)
    if answered is not None:
        opens_at = answered.opens_at
    known = needs or Needs(guest.needs or "", guest.interpretation) if guest else needs or Needs()
    return page.render(
        "events/answer.html",
        status=409 if error and say else 422 if error else 200,
        shown=EventShown(page, event, shows_link=before != GuestAnswer.NO, time_zone=person.time_zone),
        name=person.name,
        before=before,
        say=say or (before if before in set(SAID) else GuestAnswer.YES if is_coming else ""),
        said=SAID,
        why_not=_why_not(event, before, page),
        opens=moment(page, event, opens_at) if opens_at else "",
        full=None if is_coming else await is_full_for(session, event, person),
        needs=known,
        most_needs=LONGEST_NEEDS,
        languages=sorted((page.language_name(code), code) for code in event.languages),
        error=error,
        is_done=answered is not None,
        has_mail=has_mail,
        feed=feed_address(page.hub, person),
        action=f"{EVENT_ANSWER}/{token}",
    )


def _why_not(event: Event, before: str | None, page: Page) -> str:
    """Why a yes is not possible any more, in words; empty when it is."""
    for said in (GuestAnswer.YES, GuestAnswer.NO):
        try:
            check_open(event, said, before, page.hub.clock.now())
        except HubError as error:
            return page.t(error.text_key)
    return ""


def _read(page: Page, token: str) -> LinkContent:
    return page.hub.links.read(LinkPurpose.ANSWER_EVENT, token)


def _read_needs(form: FormData) -> Needs:
    language = field(form, "interpretation")
    return Needs(field(form, "needs")[:LONGEST_NEEDS], language if language in LANGUAGES else None)


def _broken(page: Page, error: HubError) -> HTMLResponse:
    if isinstance(error, SubscriberNotFoundError):
        error = LinkExpiredError()
    message = page.t(error.text_key, **error.values)
    return page.render("message/problem.html", status=error.status, message=message)
