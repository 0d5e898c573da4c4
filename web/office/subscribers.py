"""The people who may be written to: finding them, and totals for coordinators of a network."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.errors import HubError
from core.languages import LANGUAGES
from identity.operators import OperatorRole
from subscriptions.directory import Search, measure_cities, search_subscribers
from subscriptions.importing import invite
from subscriptions.models import Role
from subscriptions.rows import main_time_zone
from subscriptions.subscribers import create_subscriber
from subscriptions.topics import load_topics
from web.forms import field
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.office.places import city_options, country_options, network_options

router = APIRouter(route_class=OfficeRoute)
MOST = 50
STATES = ("contacts", "unreachable", "left")


@router.get("/office/subscribers")
async def subscribers_page(
    page: OfficeParts,
    text: str = "",
    city: str = "",
    country: str = "",
    network: str = "",
    topic: str = "",
    state: str = "",
    offset: int = 0,
) -> HTMLResponse:
    """The list with its filters. A network coordinator sees the own network's cities as totals, and nobody's name."""
    if page.network is not None:
        reach = await measure_cities(page.session, page.hub.wording.base.cities, network=page.network)
        return page.render("network.html", reach=[(page.place_name(one.city), one) for one in reach])
    page.require(OperatorRole.EDITOR, OperatorRole.APPROVER)
    search = Search(text[:200], city, country, network, topic, state)
    offset = max(0, offset)
    found, count = await search_subscribers(page.session, search, offset=offset, limit=MOST)
    kept = {name: value for name, value in asdict(search).items() if value}
    return page.render(
        "subscribers.html",
        search=search,
        found=[(one, page.place_name(one.subscriber.city or ""), address_state(one.email)) for one in found],
        count=count,
        cities=city_options(page),
        countries=country_options(page),
        networks=network_options(page),
        topics=[(topic, page.t(f"topic.{topic}.title")) for topic in load_topics().facts],
        states=[(name, page.t(f"office.subscribers.state_{name}")) for name in STATES],
        newer=page.url("/office/subscribers", **kept, offset=max(0, offset - MOST)) if offset else None,
        older=page.url("/office/subscribers", **kept, offset=offset + MOST) if offset + MOST < count else None,
        may_edit=page.may(OperatorRole.EDITOR),
    )


@router.get("/office/subscribers/new")
async def new_page(page: OfficeParts, city: str = "", contact: str = "") -> HTMLResponse:
    """A form for one person; for a city that nobody is named for, it begins with that city."""
    page.require(OperatorRole.EDITOR)
    return _new(page, {"city": city, "is_mandatory_contact": "yes" if contact else ""})


@router.post("/office/subscribers/new")
async def create(page: OfficeParts) -> Response:
    """Add somebody. Chosen topics wait for the person's own yes; what members must know goes to contacts at once."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    typed = {name: field(form, name) for name in form}
    try:
        subscriber = await create_subscriber(
            page.session, email=typed.get("email", ""), clock=page.clock, **read_profile(page, typed)
        )
    except HubError as error:
        await page.session.rollback()
        return _new(page, typed, [page.say(error)], status=error.status)
    await page.record("office.subscriber_added", subscriber.id)
    if typed.get("ask") == "yes":
        await invite(page.session, [subscriber.id], links=page.links, clock=page.clock)
    return page.go(f"/office/subscribers/{subscriber.id}", done="office.subscriber_added")


def address_state(address: object) -> str:
    """none, suppressed, unconfirmed or works."""
    if address is None:
        return "none"
    if getattr(address, "suppressed_at", None) is not None:
        return "suppressed"
    return "works" if getattr(address, "confirmed_at", None) is not None else "unconfirmed"


def read_profile(page: OfficePage, typed: dict[str, str]) -> dict[str, Any]:
    """What the form says of a person; country and network follow from the city."""
    fact = page.hub.wording.base.cities.get(typed.get("city", ""))
    country = fact.country if fact else typed.get("country") or None
    zone = typed.get("time_zone") or (main_time_zone(country) if country else None) or page.operator.time_zone
    return {
        "name": typed.get("name", ""),
        "city": fact.id if fact else None,
        "country": country,
        "network": (fact.national_network if fact else None) or typed.get("network") or None,
        "role": typed.get("role", Role.COORDINATOR),
        "language": typed.get("language", "en"),
        "time_zone": zone,
        "is_mandatory_contact": typed.get("is_mandatory_contact") == "yes",
        "may_set_city_defaults": typed.get("may_set_city_defaults") == "yes",
    }


def profile_options(page: OfficePage) -> dict[str, object]:
    """The choices of a person's form."""
    return {
        "cities": city_options(page),
        "countries": country_options(page),
        "networks": network_options(page),
        "roles": [(role.value, page.t(f"office.subscriber_role.{role}")) for role in Role],
        "languages": [(code, page.language_name(code)) for code in LANGUAGES],
    }


def _new(
    page: OfficePage, typed: dict[str, str], errors: list[str] | None = None, *, status: int = 200
) -> HTMLResponse:
    return page.render("subscriber_new.html", status=status, errors=errors or [], typed=typed, **profile_options(page))
