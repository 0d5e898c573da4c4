"""Where the links of a message lead: stop it, say what one thinks of it, ask, save a file, name a successor.

Opening such a page changes nothing, since mail programs and scanners open links; a press does. There is no cookie and
no sign-in: what a link may do is signed into it. A mail program's one-click request (RFC 8058) is a POST of the
unsubscribe page without any page before it.
"""

from __future__ import annotations

from functools import cache
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from conversation.handoffs import BY_MAIL, create_handoff
from core.errors import HubError
from core.normalise import clean
from subscriptions.broadcasts.attachments import open_file
from subscriptions.errors import HandedOverError, LinkExpiredError, SubscriberNotFoundError
from subscriptions.handover import hand_over, leave
from subscriptions.links import ALL, LinkContent, LinkPurpose
from subscriptions.message_answers import Opinion, count_opinion_once, digest_of, stop_by_link, take_back_stop
from subscriptions.pages import ASK, FILE, OPINION, SUCCESSOR, UNSUBSCRIBE
from subscriptions.subscribers import get_subscriber
from subscriptions.topics import Topics, load_topics
from web.forms import field
from web.pages import Page, PageParts

router = APIRouter(include_in_schema=False)

MOST_QUESTION = 2000


@cache
def _topics() -> Topics:
    return load_topics()


# Unsubscribe


@router.get(UNSUBSCRIBE + "/{token}")
async def show_unsubscribe(page: PageParts, token: str) -> HTMLResponse:
    """What would stop; nothing stops yet."""
    try:
        content = _read(page, LinkPurpose.UNSUBSCRIBE, token)
    except LinkExpiredError as error:
        return _broken(page, error)
    return _unsubscribe(page, content, token)


@router.post(UNSUBSCRIBE + "/{token}")
async def post_unsubscribe(page: PageParts, token: str) -> HTMLResponse:
    """Stop it: a press on the page, or a mail program's one click. Take it back; or stop everything."""
    try:
        content = _read(page, LinkPurpose.UNSUBSCRIBE, token)
        form = await page.request.form()
        action = field(form, "action")
        async with page.hub.database.session() as session:
            if action == "undo":
                await take_back_stop(session, content, topics=_topics(), clock=page.hub.clock)
                return _unsubscribe(page, content, token, state="undone")
            is_everything = action == "everything"
            stopped = await stop_by_link(
                session, content, everything=is_everything, topics=_topics(), clock=page.hub.clock
            )
    except HubError as error:
        return _broken(page, error)
    state = "required" if not stopped else "everything" if is_everything else "stopped"
    return _unsubscribe(page, content, token, state=state)


def _unsubscribe(page: Page, content: LinkContent, token: str, *, state: str = "ask") -> HTMLResponse:
    digest = digest_of(content)
    topic = _topic_title(page, content.topic)
    what = page.t(f"message_page.unsubscribe.{digest}") if digest else topic
    return page.render(
        "message/unsubscribe.html",
        state=state,
        what=what,
        is_everything=not digest and not topic,
        is_telegram=content.channel == "telegram",
        action=_here(UNSUBSCRIBE, token),
    )


# Opinion


@router.get(OPINION + "/{token}")
async def show_opinion(page: PageParts, token: str, say: str = "") -> HTMLResponse:
    """What would be counted; nothing is counted yet."""
    try:
        content = _read(page, LinkPurpose.OPINION, token)
    except LinkExpiredError as error:
        return _broken(page, error)
    return _opinion(page, content, token, say=say)


@router.post(OPINION + "/{token}")
async def post_opinion(page: PageParts, token: str) -> HTMLResponse:
    """Count it, once for each message."""
    try:
        content = _read(page, LinkPurpose.OPINION, token)
        said = field(await page.request.form(), "say")
        if said not in set(Opinion):
            return _opinion(page, content, token)
        async with page.hub.database.session() as session:
            await count_opinion_once(
                session, token, content.topic, Opinion(said), topics=_topics(), clock=page.hub.clock
            )
    except HubError as error:
        return _broken(page, error)
    return _opinion(page, content, token, say=said, is_counted=True)


def _opinion(page: Page, content: LinkContent, token: str, *, say: str = "", is_counted: bool = False) -> HTMLResponse:
    return page.render(
        "message/opinion.html",
        topic=_topic_title(page, content.topic),
        say=say if say in set(Opinion) else "",
        opinions=list(Opinion),
        is_counted=is_counted,
        action=_here(OPINION, token),
    )


# A question


@router.get(ASK + "/{token}")
async def show_ask(page: PageParts, token: str) -> HTMLResponse:
    """Where the question is written."""
    try:
        _read(page, LinkPurpose.ASK, token)
    except LinkExpiredError as error:
        return _broken(page, error)
    return _ask(page, token)


@router.post(ASK + "/{token}")
async def post_ask(page: PageParts, token: str) -> HTMLResponse:
    """Put the question into the team's inbox; its answer goes to the asker's own address."""
    try:
        content = _read(page, LinkPurpose.ASK, token)
        question = clean(field(await page.request.form(), "question"))
        async with page.hub.database.session() as session:
            person = await get_subscriber(session, content.subscriber_id)
            if not question:
                return _ask(page, token, error=page.t("message_page.ask.empty"))
            if len(question) > MOST_QUESTION:
                return _ask(page, token, question=question, error=page.t("message_page.ask.too_long"))
            await page.hub.limits.check(page.request, f"ask/{person.id}")
            await create_handoff(
                session,
                channel=BY_MAIL,
                sender_key=person.id,
                language=page.language,
                question=question,
                subject=content.topic if content.topic != ALL else None,
                clock=page.hub.clock,
            )
    except HubError as error:
        return _broken(page, error)
    return _ask(page, token, is_sent=True)


def _ask(
    page: Page, token: str, *, question: str = "", error: str | None = None, is_sent: bool = False
) -> HTMLResponse:
    return page.render(
        "message/ask.html",
        status=422 if error else 200,
        question=question,
        error=error,
        is_sent=is_sent,
        most=MOST_QUESTION,
        action=_here(ASK, token),
    )


# A file


@router.get(FILE + "/{token}")
async def get_file(page: PageParts, token: str) -> Response:
    """A file of a broadcast that came in a collected message; always to be saved, never shown inside our origin."""
    try:
        content = _read(page, LinkPurpose.FILE, token)
        async with page.hub.database.session() as session:
            file = await open_file(session, content.about)
    except LinkExpiredError as error:
        return _broken(page, error)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(file.content, media_type=file.media_type, headers=headers)


# A successor


@router.get(SUCCESSOR + "/{token}")
async def show_successor(page: PageParts, token: str) -> HTMLResponse:
    """Where a successor is named."""
    try:
        _read(page, LinkPurpose.SUCCESSOR, token)
    except LinkExpiredError as error:
        return _broken(page, error)
    return _successor(page, token)


@router.post(SUCCESSOR + "/{token}")
async def post_successor(page: PageParts, token: str) -> HTMLResponse:
    """Mail to this person stops at once; a successor is invited, and the team is told."""
    hub = page.hub
    name = email = ""
    try:
        content = _read(page, LinkPurpose.SUCCESSOR, token)
        form = await page.request.form()
        name, email = " ".join(field(form, "name").split()), field(form, "email").strip()
        async with hub.database.session() as session:
            await get_subscriber(session, content.subscriber_id)
            if field(form, "action") == "leave":
                await leave(session, content.subscriber_id, clock=hub.clock)
                return _successor(page, token, state="left")
            try:
                await hand_over(
                    session,
                    content.subscriber_id,
                    successor_name=name,
                    successor_email=email,
                    links=page.hub.links,
                    clock=hub.clock,
                )
            except HubError as error:
                await session.rollback()
                return _successor(page, token, name=name, email=email, error=error)
    except HubError as error:
        return _broken(page, error)
    return _successor(page, token, state="named", name=name)


def _successor(
    page: Page, token: str, *, state: str = "ask", name: str = "", email: str = "", error: HubError | None = None
) -> HTMLResponse:
    wrong = "name" if error is not None and error.values.get("field") == "name" else "email"
    message = page.t(f"message_page.successor.wrong_{wrong}") if error else None
    if isinstance(error, HandedOverError):
        message = page.t(error.text_key)
    return page.render(
        "message/successor.html",
        status=error.status if error else 200,
        state=state,
        name=name,
        email=email,
        error=message,
        field=wrong,
        action=_here(SUCCESSOR, token),
    )


# What all share


def _read(page: Page, purpose: LinkPurpose, token: str) -> LinkContent:
    return page.hub.links.read(purpose, token)


def _broken(page: Page, error: HubError) -> HTMLResponse:
    """The page for a link that does not work, in words and with ways on."""
    if isinstance(error, SubscriberNotFoundError):
        error = LinkExpiredError()
    message = page.t(error.text_key, **error.values)
    return page.render("message/problem.html", status=error.status, message=message)


def _here(path: str, token: str) -> str:
    return f"{path}/{token}"


def _topic_title(page: Page, topic: str) -> str:
    return page.t(f"topic.{topic}.title") if topic in _topics().facts else ""
