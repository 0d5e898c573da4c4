"""The page of somebody's choices, and saving them. Without a script each part has its button; with one, each change
is saved by the same forms."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import select

from core.errors import HubError
from subscriptions.confirmation import confirm_by_use
from subscriptions.errors import NothingToUndoError, PreferenceInvalidError
from subscriptions.handover import come_back
from subscriptions.models import ChannelName, Choice, Frequency, Subscription
from subscriptions.preferences import Edit, TopicPreference, change_preferences, list_topic_states, undo_last
from web.pages import Page, PageParts
from web.preferences.doorway import HOME, Inside, NotSignedInError, PreferenceRoute, Visit, open_visit
from web.preferences.forms import FormWrongError, read_choice, read_pause, read_rhythm, read_topics
from web.preferences.session import end_session
from web.preferences.view import day_of_person, see_home

router = APIRouter(route_class=PreferenceRoute)

ORIGIN = "page"

type Reading = Callable[[], Edit]


@router.get(HOME)
async def show(page: PageParts) -> Response:
    """The own choices; whoever is not signed in can ask for a link."""
    try:
        async with open_visit(page) as visit:
            return await render_home(visit)
    except NotSignedInError:
        response = show_ask(page)
        end_session(response, page)
        return response


def show_ask(page: Page, *, email: str = "", errors: tuple[str, ...] = (), state: str = "ask") -> HTMLResponse:
    """Where a link is asked for."""
    asked = page.request.query_params.get("done", "")
    if state == "ask" and asked in {"closed", "confirmed"}:
        state = asked
    return page.render(
        "preferences/ask.html", status=422 if errors else 200, state=state, email=email, errors=list(errors)
    )


async def render_home(visit: Visit, *, status: int = 200, errors: tuple[str, ...] = ()) -> HTMLResponse:
    """The page of choices; ``errors`` are names of fields."""
    return visit.render("home.html", status=status, view=await see_home(visit), errors=list(errors))


@router.post(HOME + "/choice")
async def save_choice(visit: Inside) -> Response:
    """One of the three of the first screen."""
    return await _save(visit, lambda: read_choice(visit.form))


@router.post(HOME + "/topics")
async def save_topics(visit: Inside) -> Response:
    """What was changed in the matrix."""
    rows = await visit.session.exec(select(Subscription).where(Subscription.subscriber_id == visit.subscriber.id))
    own = {row.topic: (row.frequency, row.channel or "") for row in rows}
    states = await list_topic_states(visit.session, visit.subscriber.id, topics=visit.topics)
    present = {
        state.topic: (*own.get(state.topic, ("", "")), state.otherwise) for state in states if not state.is_required
    }
    return await _save(visit, lambda: read_topics(visit.form, present))


@router.post(HOME + "/rhythm")
async def save_rhythm(visit: Inside) -> Response:
    """Where, in which language and when."""
    return await _save(visit, lambda: read_rhythm(visit.form))


@router.post(HOME + "/by-mail")
async def move_to_mail(visit: Inside) -> Response:
    """By mail from now on, also what was chosen for Telegram by itself."""
    query = select(Subscription).where(
        Subscription.subscriber_id == visit.subscriber.id, Subscription.channel == ChannelName.TELEGRAM
    )
    topics = {row.topic: TopicPreference(Frequency(row.frequency)) for row in await visit.session.exec(query)}
    known = {topic: said for topic, said in topics.items() if topic in visit.topics.facts}
    return await _save(visit, lambda: Edit(channel=ChannelName.EMAIL, topics=known))


@router.post(HOME + "/pause")
async def save_pause(visit: Inside) -> Response:
    """A pause, or its end."""
    done = "resumed" if visit.field("weeks") == "0" else "saved"
    return await _save(visit, lambda: read_pause(visit.form, day_of_person(visit)), done=done)


@router.post(HOME + "/stop")
async def stop_everything(visit: Inside) -> Response:
    """Nothing any more but what is required."""
    return await _save(visit, lambda: Edit(choice=Choice.REQUIRED_ONLY))


@router.post(HOME + "/return")
async def return_to_us(visit: Inside) -> Response:
    """Come back after having left; everything is off then."""
    visit.require_proof()
    is_back = await come_back(visit.session, visit.subscriber.id, clock=visit.clock)
    return visit.go(done="back" if is_back else "same")


@router.post(HOME + "/undo")
async def undo(visit: Inside) -> Response:
    """Take the last change back. Where there is none, the page says so."""
    try:
        await undo_last(visit.session, visit.subscriber.id, topics=visit.topics, clock=visit.clock)
    except NothingToUndoError:
        return visit.go(done="same")
    return visit.go(done="undone")


@router.post(HOME + "/close")
async def close(visit: Inside) -> Response:
    """Forget who is at this browser."""
    response = visit.go(done="closed")
    end_session(response, visit.page)
    return response


async def _save(visit: Visit, read: Reading, *, done: str = "saved") -> Response:
    """Make the change at once. Who chooses by a link that we sent to an address shows that the address is theirs."""
    person_id, who = visit.subscriber.id, visit.who
    if visit.subscriber.left_at is not None:
        return await render_home(visit, status=409)
    try:
        edit = read()
        change = await change_preferences(
            visit.session, person_id, edit, topics=visit.topics, origin=ORIGIN, clock=visit.clock
        )
    except FormWrongError as error:
        return await render_home(visit, status=422, errors=error.fields)
    except PreferenceInvalidError as error:
        await visit.session.rollback()
        return await render_home(visit, status=422, errors=(str(error.values["field"]),))
    except HubError:
        await visit.session.rollback()
        raise
    await confirm_by_use(visit.session, person_id, who.channel, clock=visit.clock)
    return visit.go(done=done if change is not None else "same")
