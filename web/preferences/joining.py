"""Asking for a link with one's address, and getting our news for the first time.

The answer is the same whether an address is known or not, and given before we look.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from babel.core import get_global
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.background import BackgroundTask

from core.languages import RELEASED
from knowledge.schema import CityFact
from subscriptions.asking import Newcomer, join, send_preferences_link
from subscriptions.errors import AddressInvalidError, PreferenceInvalidError
from subscriptions.models import Choice, Role
from subscriptions.subscribers import check_profile, read_email
from web.limits import client_address
from web.pages import Page, PageParts
from web.preferences.doorway import HOME, PreferenceRoute, all_topics, text_field
from web.preferences.home import show_ask

router = APIRouter(route_class=PreferenceRoute)
log = logging.getLogger(__name__)

NEW = HOME + "/new"
CITY, NETWORK, OTHER = "city:", "network:", "other"
"""Values of the field for the place."""


@router.post(HOME + "/link")
async def ask_for_link(page: PageParts) -> HTMLResponse:
    """Send a link to an address if we know it; nobody learns whether we do."""
    form = await page.request.form()
    email = text_field(form, "email")
    try:
        email = read_email(email)
    except AddressInvalidError:
        return show_ask(page, email=email[:320], errors=("email",))
    await _limit(page)

    async def work(session: AsyncSession) -> None:
        await send_preferences_link(session, email, links=page.hub.links, clock=page.hub.clock)

    response = show_ask(page, state="sent")
    response.background = _afterwards(page, work)
    return response


@router.get(NEW)
async def show_new(page: PageParts) -> HTMLResponse:
    """Where somebody new says who they are."""
    return _render_new(page, {"language": page.language})


@router.post(NEW)
async def post_new(page: PageParts) -> HTMLResponse:
    """Take them up; a mail asks them to confirm. Whoever is known gets a link to their page instead."""
    form = await page.request.form()
    names = ("name", "email", "place", "role", "language", "choice", "time_zone")
    sent = {name: text_field(form, name)[:320] for name in names}
    newcomer, errors = _read(page, sent)
    if newcomer is None:
        return _render_new(page, sent, errors=errors)
    await _limit(page)

    async def work(session: AsyncSession) -> None:
        await join(session, newcomer, topics=all_topics(), links=page.hub.links, clock=page.hub.clock)

    response = page.render("preferences/new_sent.html", email=newcomer.email)
    response.background = _afterwards(page, work)
    return response


def _read(page: Page, sent: dict[str, str]) -> tuple[Newcomer | None, list[str]]:
    errors = []
    try:
        check_profile(name=sent["name"])
    except PreferenceInvalidError:
        errors.append("name")
    try:
        email = read_email(sent["email"])
    except AddressInvalidError:
        errors.append("email")
    place = _read_place(page, sent["place"])
    errors += ["place"] if place is None else []
    errors += ["role"] if sent["role"] not in set(Role) else []
    errors += ["language"] if sent["language"] not in RELEASED else []
    errors += ["choice"] if sent["choice"] not in {"", *Choice} else []
    if errors or place is None:
        return None, errors
    profile = place | {"role": sent["role"], "language": sent["language"]}
    zone = sent["time_zone"] or _zone_of(place.get("country"))
    try:
        check_profile(time_zone=zone)
        profile["time_zone"] = zone
    except PreferenceInvalidError:
        # A script said it; the page of choices shows what is used instead.
        log.info("time_zone_unknown")
    choice = Choice(sent["choice"]) if sent["choice"] else None
    return Newcomer(sent["name"], email, choice, profile), []


def _read_place(page: Page, value: str) -> dict[str, Any] | None:
    cities = page.hub.wording.base.cities
    if value == OTHER:
        return {}
    if value.startswith(CITY):
        city = cities.get(value.removeprefix(CITY))
        return {"city": city.id, "country": city.country, "network": city.national_network} if city else None
    network = value.removeprefix(NETWORK)
    countries = {city.country for city in cities.values() if city.national_network == network}
    if not value.startswith(NETWORK) or not countries:
        return None
    return {"network": network, "country": countries.pop() if len(countries) == 1 else None}


def _zone_of(country: str | None) -> str:
    """The country's time zone where it has one; else that of most cities."""
    zones = get_global("territory_zones").get(country or "", [])
    return str(zones[0]) if len(zones) == 1 else "Europe/Brussels"


def _render_new(page: Page, sent: dict[str, str], *, errors: list[str] | None = None) -> HTMLResponse:
    cities: list[CityFact] = list(page.hub.wording.base.cities.values())
    places = sorted(((CITY + city.id, page.place_name(city.id)) for city in cities), key=lambda place: place[1])
    networks = sorted({city.national_network for city in cities if city.national_network})
    return page.render(
        "preferences/new.html",
        status=422 if errors else 200,
        sent={"name": "", "email": "", "place": "", "role": "", "choice": ""} | sent,
        errors=errors or [],
        cities=places,
        networks=[(NETWORK + name, name) for name in networks],
        roles=list(Role),
        choices=list(Choice),
        released=RELEASED,
    )


async def _limit(page: Page) -> None:
    """So many a minute from one place. Raises TooManyMessagesError."""
    source = client_address(page.request, page.hub.settings.trusted_proxy_addresses)
    await page.hub.limits.check(page.request, f"preferences/{source}")


def _afterwards(page: Page, work: Callable[[AsyncSession], Awaitable[None]]) -> BackgroundTask:
    """What is done once the answer is out, so that its time tells nothing."""

    async def run() -> None:
        try:
            async with page.hub.database.session() as session:
                await work(session)
        except Exception as error:
            # The answer is out; errors of databases quote rows, so only the kind is logged.
            log.error("preference_link_failed kind=%s", type(error).__name__)

    return BackgroundTask(run)
