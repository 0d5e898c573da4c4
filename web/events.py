"""The public events: the list, one event, and calendar feeds of all, of a topic, and of one person.

Everybody sees when and where; how to take part online is for guests. There is no cookie and no sign-in.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from channels.email.message import MailSender
from core.languages import locale_of
from core.markdown import to_html
from subscriptions.calendar_entries import CalendarEntries
from subscriptions.errors import EventNotFoundError, LinkExpiredError, SubscriberNotFoundError, TopicNotFoundError
from subscriptions.event_feeds import list_own_events, list_public_events
from subscriptions.event_words import EventWords
from subscriptions.events import description_of, get_event, list_events, title_of
from subscriptions.guests import find_opening
from subscriptions.links import LinkContent, LinkPurpose
from subscriptions.models import Event, Subscriber
from subscriptions.pages import EVENT_FEED, Pages
from subscriptions.subscribers import get_subscriber
from subscriptions.topics import Topics, load_topics
from web.pages import Page, PageParts
from web.state import Hub

router = APIRouter(include_in_schema=False)

CALENDAR = "text/calendar; charset=utf-8"
LOOK_AGAIN = timedelta(minutes=15)


@cache
def known_topics() -> Topics:
    """The topics, read once."""
    return load_topics()


@router.get("/events")
async def list_page(page: PageParts, topic: str = "", past: bool = False) -> HTMLResponse:
    """Events to come, or those that are over."""
    topics = known_topics()
    chosen = topic if topic in topics.facts else None
    async with page.hub.database.session() as session:
        found = await list_events(session, now=page.hub.clock.now(), topic=chosen, past=past)
    return page.render(
        "events/list.html",
        events=[EventShown(page, event) for event in found],
        topics=[(name, page.t(f"topic.{name}.title")) for name in topics.facts],
        topic=chosen or "",
        past=past,
        feed=page.url(f"{address_of(page.hub)}/events/{f'topic/{chosen}' if chosen else 'all'}.ics"),
    )


@router.get("/events/all.ics")
async def all_feed(page: PageParts) -> Response:
    """All public events."""
    return await _public_feed(page, None)


@router.get("/events/topic/{topic}.ics")
async def topic_feed(page: PageParts, topic: str) -> Response:
    """The public events of a topic."""
    try:
        known_topics().get(topic)
    except TopicNotFoundError:
        return page.not_found()
    return await _public_feed(page, topic)


@router.get(EVENT_FEED + "/{secret}.ics")
async def own_feed(page: PageParts, secret: str) -> Response:
    """The events that one person is invited to, in their language; the address is theirs alone."""
    hub = page.hub
    try:
        content = hub.links.read(LinkPurpose.EVENT_FEED, secret)
        async with hub.database.session() as session:
            person = await get_subscriber(session, content.subscriber_id)
            events, answers = await list_own_events(session, person.id, now=hub.clock.now())
    except (LinkExpiredError, SubscriberNotFoundError):
        return page.not_found()
    if person.left_at is not None or content.about != (person.feed_key or ""):
        return page.not_found()
    texts = hub.wording.texts
    language = person.language
    title = texts.get("event.calendar.own_feed", language)
    feed = calendar_entries(hub).publish(events, language=language, title=title, answers=answers)
    return _calendar(page, feed, is_public=False)


@router.get("/events/{event_id}.ics")
async def event_file(page: PageParts, event_id: str) -> Response:
    """One public event, to add to a calendar."""
    event = await _find_public(page, event_id)
    if event is None:
        return page.not_found()
    feed = calendar_entries(page.hub).publish([event], language=page.language, title="")
    return _calendar(page, feed, is_public=True)


@router.get("/events/{event_id}")
async def event_page(page: PageParts, event_id: str) -> HTMLResponse:
    """One public event."""
    event = await _find_public(page, event_id)
    if event is None:
        return page.not_found()
    now = page.hub.clock.now()
    async with page.hub.database.session() as session:
        opens_at = await find_opening(session, event, now=now)
    closes_at = event.registration_closes_at
    return page.render(
        "events/event.html",
        shown=EventShown(page, event),
        opens=moment(page, event, opens_at) if opens_at else "",
        is_over=event.ends_at <= now,
        is_closed=closes_at is not None and closes_at <= now,
    )


class EventShown:
    """An event as a page shows it."""

    def __init__(self, page: Page, event: Event, *, shows_link: bool = False, time_zone: str | None = None) -> None:
        words, language = EventWords(page.hub.wording.texts), page.language
        self.event = event
        self.title, self.title_language = title_of(event, language)
        description, self.language = description_of(event, language)
        # core/markdown.py cleaned it.
        self.description = Markup(to_html(description))  # noqa: S704
        self.facts = words.facts(event, language, time_zone or event.time_zone, shows_link=shows_link)
        self.form = page.t(f"event.form.{event.form}")
        self.topics = [page.t(f"topic.{name}.title") for name in event.topics if name in known_topics().facts]
        starts_at = event.starts_at.astimezone(ZoneInfo(event.time_zone))
        locale = locale_of(language)
        self.day = format_date(starts_at.date(), "d", locale)
        self.month = format_date(starts_at.date(), "MMM", locale)
        self.when = words.span(event.starts_at, event.ends_at, event.time_zone, language)


def moment(page: Page, event: Event, at: datetime) -> str:
    """A moment by the event's own clock, in words."""
    return EventWords(page.hub.wording.texts).moment(at, event.time_zone, page.language)


def address_of(hub: Hub) -> str:
    """The hub's public address without a slash at its end."""
    return (hub.settings.public_url or hub.settings.address).rstrip("/")


def feed_address(hub: Hub, person: Subscriber) -> str:
    """The secret address of a person's own feed, the one that works now."""
    content = LinkContent(person.id, about=person.feed_key or "")
    token = hub.links.sign(LinkPurpose.EVENT_FEED, content)
    return Pages(address_of(hub)).url(EVENT_FEED, token) + ".ics"


def calendar_entries(hub: Hub) -> CalendarEntries:
    """What writes calendar entries. Without an address for answers, who answers from their calendar reaches people."""
    settings = hub.settings
    texts, address = hub.wording.texts, settings.calendar_address
    if address is not None:
        return CalendarEntries(texts, organizer=address, public_url=address_of(hub), links=hub.links)
    sender = MailSender.parse(settings.mail_from).address if settings.mail_from else ""
    return CalendarEntries(texts, organizer=settings.team_address or sender, public_url=address_of(hub))


async def _find_public(page: Page, event_id: str) -> Event | None:
    async with page.hub.database.session() as session:
        try:
            event = await get_event(session, event_id)
        except EventNotFoundError:
            return None
    return event if event.is_public else None


async def _public_feed(page: Page, topic: str | None) -> Response:
    async with page.hub.database.session() as session:
        events = await list_public_events(session, now=page.hub.clock.now(), topic=topic)
    title = (
        page.t("event.calendar.topic_feed", topic=page.t(f"topic.{topic}.title"))
        if topic
        else page.t("event.calendar.feed")
    )
    return _calendar(page, calendar_entries(page.hub).publish(events, language=page.language, title=title))


def _calendar(page: Page, content: bytes, *, is_public: bool = True) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    kept = "public" if is_public else "private"
    headers = {
        "ETag": tag,
        "Cache-Control": f"{kept}, max-age={int(LOOK_AGAIN.total_seconds())}",
        "Content-Disposition": 'inline; filename="events.ics"',
        "X-Robots-Tag": "noindex",
    }
    if page.request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=CALENDAR)
