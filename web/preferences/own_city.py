"""What a city agreed and what is due for it, for its own contacts, without the chat and without a script."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.languages import format_day
from subscriptions.errors import NotTheirCityError, SuccessorUncheckedError
from subscriptions.membership import find_city_file, get_copy, is_checked, list_due_dates, may_know
from subscriptions.pages import OWN_CITY
from web.preferences.doorway import Inside, PreferenceRoute, Visit

router = APIRouter(route_class=PreferenceRoute)


@router.get(OWN_CITY)
async def show_own_city(visit: Inside) -> HTMLResponse:
    """The file of one's city."""
    city = await _city_of(visit)
    file = await find_city_file(visit.session, city)
    dates = await list_due_dates(visit.session, city)
    page = visit.page
    today = visit.clock.now().date()
    return visit.render(
        "own_city.html",
        city=page.place_name(city),
        file=file,
        dates=[
            (_day(visit, due.due_on), due.words or page.t(f"mail.reminder.kind.{due.kind}"), due.due_on < today)
            for due in dates
        ],
        joined=_day(visit, file.joined_on) if file else "",
        last_index=_day(visit, file.last_index_on) if file else "",
    )


@router.get(OWN_CITY + "/copy")
async def own_copy(visit: Inside) -> Response:
    """The signed Statement of Intent."""
    copy = await get_copy(visit.session, await _city_of(visit))
    name = copy.name.encode("ascii", "ignore").decode() or "statement"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(copy.content, media_type=copy.media_type, headers=headers)


async def _city_of(visit: Visit) -> str:
    person = visit.subscriber
    if person.city is None or not may_know(person):
        raise NotTheirCityError
    visit.require_proof()
    if not await is_checked(visit.session, person):
        raise SuccessorUncheckedError
    return person.city


def _day(visit: Visit, day: date | None) -> str:
    return format_day(day, visit.page.language) if day is not None else ""
