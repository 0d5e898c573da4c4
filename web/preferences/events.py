"""My events: what one is invited to or has answered, and the own calendar feed."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from subscriptions.event_feeds import list_own_events, renew_feed
from subscriptions.links import LinkContent, LinkPurpose
from subscriptions.pages import EVENT_ANSWER
from web.events import EventShown, feed_address
from web.preferences.doorway import HOME, Inside, PreferenceRoute

router = APIRouter(route_class=PreferenceRoute)


EVENTS = HOME + "/events"


@router.get(EVENTS)
async def show_events(visit: Inside) -> HTMLResponse:
    """For whoever proved the mailbox: how to take part stands there, and the feed's address is theirs alone."""
    visit.require_proof()
    hub, person = visit.page.hub, visit.subscriber
    now = hub.clock.now()
    found, answers = await list_own_events(visit.session, person.id, now=now)
    links = hub.links

    def path(event_id: str) -> str:
        return f"{EVENT_ANSWER}/{links.sign(LinkPurpose.ANSWER_EVENT, LinkContent(person.id, about=event_id))}"

    return visit.render(
        "events.html",
        events=[
            (EventShown(visit.page, event, time_zone=person.time_zone), answers[event.id], path(event.id))
            for event in found
            if event.ends_at > now
        ],
        feed=feed_address(hub, person),
    )


@router.post(EVENTS + "/address")
async def renew_address(visit: Inside) -> Response:
    """A new address for the own calendar feed, such as when the one before was passed on."""
    visit.require_proof()
    await renew_feed(visit.session, visit.subscriber.id)
    return visit.go(EVENTS, done="feed")
