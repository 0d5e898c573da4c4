"""What a desk must have before it opens, its statement, and opening and closing it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from core.errors import HubError
from core.languages import RELEASED
from reports.desks import (
    Duty,
    PassesOn,
    Statement,
    close_desk,
    is_open,
    list_missing,
    list_officers,
    open_desk,
    statement_of,
    update_statement,
)
from web.desk.doorway import DeskRoute, Inside, Visit
from web.memory_form import GivenForm

router = APIRouter(route_class=DeskRoute)

PLAIN = ("controller", "data_protection_contact", "legal_basis")
NUMBERS = ("retention_days", "answer_within_days")


@router.get("/desk/setup")
async def setup_page(visit: Inside) -> HTMLResponse:
    """What is there and what lacks."""
    return await _setup(visit)


@router.post("/desk/setup/open")
async def open_(visit: Inside) -> Response:
    """Take reports from now on."""
    try:
        await open_desk(visit.session, visit.signed_in, clock=visit.clock)
    except HubError as error:
        return await _setup(visit, [visit.say(error)], status=error.status)
    return visit.go("/desk/setup", done="opened")


@router.post("/desk/setup/close")
async def close(visit: Inside) -> Response:
    """Take no new reports."""
    if visit.form.get("sure") != "yes":
        return await _setup(visit, [visit.t("desk.setup.close_unsure")], status=422)
    visit.signed_in.require_desk_keys()
    officer_id = visit.signed_in.officer.id
    await close_desk(visit.session, visit.signed_in.desk, clock=visit.clock, officer_id=officer_id)
    return visit.go("/desk/setup", done="closed")


@router.get("/desk/statement")
async def statement_page(visit: Inside) -> HTMLResponse:
    """What the desk says of itself."""
    return _statement(visit, _typed(statement_of(visit.signed_in.desk)))


@router.post("/desk/statement")
async def save_statement(visit: Inside) -> Response:
    """Keep it; an unfinished one may be kept while the desk is not open."""
    typed = {name: visit.form.get(name).strip() for name in visit.form.fields}
    statement, wrong = _read(visit.form)
    if statement is None:
        errors = [visit.t("desk.statement.wrong", field=visit.t(f"desk.statement.{name}")) for name in wrong]
        return _statement(visit, typed, errors, status=422)
    try:
        visit.signed_in.require_desk_keys()
        await update_statement(visit.session, visit.signed_in, statement, clock=visit.clock)
    except HubError as error:
        return _statement(visit, typed, [visit.say(error)], status=error.status)
    return visit.go("/desk/setup", done="statement")


async def _setup(visit: Visit, errors: list[str] | None = None, *, status: int = 200) -> HTMLResponse:
    desk = visit.signed_in.desk
    own = visit.page.hub.settings.public_url or str(visit.page.request.base_url).rstrip("/")
    return visit.render(
        "setup.html",
        status=status,
        errors=errors or [],
        desk=desk,
        is_open=is_open(desk),
        missing=await list_missing(visit.session, desk),
        readers=sum(officer.sealed_desk_key is not None for officer in await list_officers(visit.session, desk.id)),
        statement=statement_of(desk),
        poster=f"/report/desk/{desk.id}",
        address=f"{own}/report/desk/{desk.id}",
    )


def _statement(
    visit: Visit, typed: dict[str, str], errors: list[str] | None = None, *, status: int = 200
) -> HTMLResponse:
    return visit.render(
        "statement.html",
        status=status,
        errors=errors or [],
        typed=typed,
        plain=PLAIN,
        numbers=NUMBERS,
        duties=list(Duty),
        languages=RELEASED,
    )


def _typed(statement: Statement) -> dict[str, str]:
    """The statement as the fields of its form."""
    typed = {name: str(getattr(statement, name) or "") for name in (*PLAIN, *NUMBERS)}
    typed["no_duty"] = "yes" if statement.no_duty else ""
    for duty in statement.passes_on:
        typed[f"law_{duty.what}"] = duty.law
        typed |= {f"text_{duty.what}_{language}": text for language, text in duty.texts.items()}
    return typed


def _read(form: GivenForm) -> tuple[Statement | None, list[str]]:
    """The statement, or the fields that are not as they should be."""
    given: dict[str, object] = {name: form.get(name).strip() or None for name in (*PLAIN, *NUMBERS)}
    given["no_duty"] = form.get("no_duty") == "yes"
    try:
        given["passes_on"] = [duty for what in Duty if (duty := _read_duty(form, what)) is not None]
        return Statement.model_validate(given), []
    except ValidationError as error:
        known = {*PLAIN, *NUMBERS}
        fields = [str(item["loc"][0]) if item["loc"] else "law" for item in error.errors()]
        return None, list(dict.fromkeys(name if name in known else "law" for name in fields))


def _read_duty(form: GivenForm, what: Duty) -> PassesOn | None:
    texts = {language: form.get(f"text_{what}_{language}").strip() for language in RELEASED}
    law = form.get(f"law_{what}").strip()
    return PassesOn(what=what, law=law, texts=texts) if law or any(texts.values()) else None
