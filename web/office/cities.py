"""Cities of the network: what each signed, what it pays, what is due when, and who would hear of it."""

from __future__ import annotations

from datetime import date, timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData, UploadFile

from core.errors import HubError
from core.normalise import fold
from identity.operators import OperatorRole
from subscriptions import membership
from subscriptions.broadcasts.templates import is_template_approved
from subscriptions.errors import MembershipInvalidError, MembershipNotFoundError
from subscriptions.membership import KINDS, LARGEST_COPY, CityState, Membership
from subscriptions.models import DueDate
from subscriptions.reminders import WELCOME, template_of
from web.forms import field
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)
CITIES = "/office/cities"
SOON = timedelta(days=60)
TEMPLATES = "/office/broadcasts/templates"


@router.get(CITIES)
async def cities_page(page: OfficeParts, q: str = "", which: str = "") -> HTMLResponse:
    """Every member city; those with something to do first are a filter away."""
    page.require(OperatorRole.EDITOR, OperatorRole.APPROVER)
    states = await membership.list_cities(page.session, page.hub.wording.base.cities)
    lines = sorted(
        (
            (page.place_name(state.city), _country(page, state.city), state)
            for state in states
            if _fits(page, state, which)
        ),
        key=lambda line: fold(line[0]),
    )
    asked = fold(q).strip()
    return page.render(
        "cities.html",
        lines=[line for line in lines if asked in fold(f"{line[0]} {line[1]}")],
        q=q[:100],
        which=which,
        today=page.now.date(),
        unapproved=await _list_unapproved(page),
        templates=TEMPLATES,
    )


@router.get(CITIES + "/{city}")
async def city_page(page: OfficeParts, city: str) -> HTMLResponse:
    """One city."""
    page.require(OperatorRole.EDITOR, OperatorRole.APPROVER)
    return await _show(page, city)


@router.post(CITIES + "/{city}/files")
async def save(page: OfficeParts, city: str) -> Response:
    """The city's file, and its signed copy where one was chosen."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    cities = page.hub.wording.base.cities
    try:
        said = Membership(
            joined_on=_day(form, "joined_on"),
            contribution=field(form, "contribution"),
            last_index_on=_day(form, "last_index_on"),
            index_follow_up=field(form, "index_follow_up"),
            statement_text=field(form, "statement_text"),
        ).checked()
        copy = form.get("copy")
        if isinstance(copy, UploadFile) and copy.filename:
            content = await copy.read(LARGEST_COPY + 1)
            await membership.save_copy(
                page.session, city, copy.filename, content, by=page.operator.id, cities=cities, clock=page.clock
            )
        await membership.save_city_file(page.session, city, said, by=page.operator.id, cities=cities, clock=page.clock)
    except MembershipInvalidError as error:
        return await _show(page, city, error, typed=form)
    finally:
        await form.close()
    await page.record("membership.saved", city)
    return page.go(f"{CITIES}/{city}", done="membership.saved")


@router.get(CITIES + "/{city}/copy")
async def copy_of_statement(page: OfficeParts, city: str) -> Response:
    """The signed copy, as a download."""
    page.require(OperatorRole.EDITOR, OperatorRole.APPROVER)
    copy = await membership.get_copy(page.session, city)
    name = copy.name.encode("ascii", "ignore").decode() or "statement"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(copy.content, media_type=copy.media_type, headers=headers)


@router.post(CITIES + "/{city}/copy/delete")
async def delete_copy(page: OfficeParts, city: str) -> Response:
    """Forget the signed copy."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    if field(form, "sure") != "yes":
        return await _show(page, city, MembershipInvalidError(problem="unsure"))
    await membership.delete_copy(page.session, city, by=page.operator.id, clock=page.clock)
    await page.record("membership.copy_deleted", city)
    return page.go(f"{CITIES}/{city}", done="membership.copy_deleted")


@router.post(CITIES + "/{city}/dates")
async def add_date(page: OfficeParts, city: str) -> Response:
    """Something that the city owes."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    try:
        day = _day(form, "due_on")
        if day is None:
            raise MembershipInvalidError(problem="date_missing")
        await membership.add_due_date(
            page.session, city, field(form, "kind"), day, field(form, "words"), cities=page.hub.wording.base.cities
        )
    except MembershipInvalidError as error:
        return await _show(page, city, error, typed=form)
    await page.record("membership.date_added", city)
    return page.go(f"{CITIES}/{city}", done="membership.date_added")


@router.post(CITIES + "/{city}/dates/{due_id}")
async def change_date(page: OfficeParts, city: str, due_id: int) -> Response:
    """Done, not done after all, or written by mistake."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    due = await membership.get_due_date(page.session, due_id)
    if due.city != city:
        raise MembershipNotFoundError(what="date")
    match field(form, "action"):
        case "delete":
            await membership.delete_due_date(page.session, due_id)
            act = "date_deleted"
        case "undone":
            await membership.finish_due_date(page.session, due_id, on=None)
            act = "date_undone"
        case _:
            again = field(form, "again") == "yes"
            await membership.finish_due_date(page.session, due_id, on=page.now.date(), again=again)
            act = "date_done"
    await page.record(f"membership.{act}", city)
    return page.go(f"{CITIES}/{city}", done=f"membership.{act}")


async def _show(
    page: OfficePage, city: str, error: HubError | None = None, *, typed: FormData | None = None
) -> HTMLResponse:
    if city not in page.hub.wording.base.cities:
        raise MembershipNotFoundError(what="city")
    session = page.session
    file = await membership.find_city_file(session, city)
    names = ("joined_on", "contribution", "last_index_on", "index_follow_up", "statement_text")
    values = {name: str(getattr(file, name, None) or "") for name in names}
    if typed is not None and "contribution" in typed:
        values = {name: field(typed, name) for name in names}
    return page.render(
        "city.html",
        status=error.status if error else 200,
        errors=[page.say(error)] if error else [],
        city=city,
        name=page.place_name(city),
        country=_country(page, city),
        file=file,
        values=values,
        typed={name: field(typed, name) if typed is not None else "" for name in ("kind", "due_on", "words")},
        dates=await membership.list_due_dates(session, city, with_done=True),
        contacts=await membership.list_contacts(session, city),
        kinds=[(kind, page.t(f"membership.kind.{kind}")) for kind in KINDS],
        today=page.now.date(),
        what=lambda due: what_is_due(page, due),
        megabytes=LARGEST_COPY // 2**20,
    )


def what_is_due(page: OfficePage, due: DueDate) -> str:
    """The team's own words, else ours."""
    return due.words or page.t(f"membership.kind.{due.kind if due.kind in KINDS else 'other'}")


def _fits(page: OfficePage, state: CityState, which: str) -> bool:
    match which:
        case "soon":
            return state.next_due is not None and state.next_due.due_on <= page.now.date() + SOON
        case "nobody":
            return state.contacts == 0
        case "no_file":
            return not state.has_file
    return True


def _country(page: OfficePage, city: str) -> str:
    fact = page.hub.wording.base.cities.get(city)
    return page.place_name(fact.country) if fact is not None else ""


async def _list_unapproved(page: OfficePage) -> list[str]:
    """Automatic messages whose words nobody approved, so that they do not go."""
    texts, found = page.hub.wording.texts, []
    for template in (WELCOME, *(template_of(kind) for kind in KINDS)):
        if not await is_template_approved(page.session, template, texts):
            found.append(page.t(f"membership.template.{template.rpartition('/')[2]}"))
    return found


def _day(form: FormData, name: str) -> date | None:
    """A day of a form; None for an empty field. Raises MembershipInvalidError."""
    text = field(form, name).strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MembershipInvalidError(problem="date_unreadable", value=text[:40]) from None
