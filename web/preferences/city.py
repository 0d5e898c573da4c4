"""What a city's own people set for their colleagues who did not choose, and whether Telegram may be used."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from subscriptions.city_defaults import get_city_defaults, is_telegram_off, set_city_defaults, set_telegram_off
from subscriptions.errors import NotTheirCityError
from subscriptions.models import Frequency
from subscriptions.topics import measure_volumes
from web.preferences.doorway import HOME, Inside, PreferenceRoute, Visit
from web.preferences.view import tell_volume

router = APIRouter(route_class=PreferenceRoute)

CITY = HOME + "/city"
FIELD = "often."


@router.get(CITY)
async def show_city(visit: Inside) -> HTMLResponse:
    """The city's defaults by topic."""
    return await _render(visit, _city_of(visit))


@router.post(CITY)
async def save_city(visit: Inside) -> Response:
    """Set them; they take effect at once, also on what waits."""
    city = _city_of(visit)
    person_id = visit.subscriber.id
    wanted = {topic: visit.field(FIELD + topic) for topic in visit.topics.facts if FIELD + topic in visit.form}
    if not set(wanted.values()) <= {"", *Frequency}:
        return await _render(visit, city, is_wrong=True)
    present = await get_city_defaults(visit.session, city)
    changed = {
        topic: Frequency(value) if value else None for topic, value in wanted.items() if value != present.get(topic, "")
    }
    is_off = visit.field("telegram_off") == "yes"
    was_off = await is_telegram_off(visit.session, city)
    if changed:
        await set_city_defaults(visit.session, person_id, changed, topics=visit.topics, clock=visit.clock)
    if is_off is not was_off:
        await set_telegram_off(visit.session, person_id, is_off=is_off, topics=visit.topics, clock=visit.clock)
    return visit.go(CITY, done="city")


def _city_of(visit: Visit) -> str:
    person = visit.subscriber
    if person.city is None or not person.may_set_city_defaults or person.left_at is not None:
        raise NotTheirCityError
    visit.require_proof()
    return person.city


async def _render(visit: Visit, city: str, *, is_wrong: bool = False) -> HTMLResponse:
    defaults = await get_city_defaults(visit.session, city)
    volumes = await measure_volumes(visit.session, visit.topics, now=visit.clock.now())
    rows = [
        (topic, visit.page.t(f"topic.{topic}.title"), tell_volume(visit, volumes.get(topic)), defaults.get(topic, ""))
        for topic in visit.topics.facts
    ]
    return visit.render(
        "city.html",
        status=422 if is_wrong else 200,
        errors=["frequency"] if is_wrong else [],
        city=visit.page.place_name(city),
        rows=rows,
        is_telegram_off=await is_telegram_off(visit.session, city),
    )
