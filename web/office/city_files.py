"""The team's own table of cities: looked at first, imported then; and all of it given out as a file."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData, UploadFile

from core.languages import SOURCE_LANGUAGE
from identity.operators import OperatorRole
from subscriptions.audience import list_member_cities
from subscriptions.errors import FileUnreadableError, MembershipInvalidError
from subscriptions.membership import KINDS
from subscriptions.membership_import import (
    COLUMNS,
    MembershipPlan,
    import_membership,
    list_membership_rows,
    plan_membership,
)
from subscriptions.rows import Problem, write_csv
from web.forms import field
from web.office.cities import CITIES
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)
IMPORT = CITIES + "/import"
LARGEST_FILE = 700 * 1024
"""It comes back in the form of the second step: a field holds a megabyte, and four letters stand for three bytes."""
MOST_PROBLEMS = 200


@router.get(IMPORT)
async def import_page(page: OfficeParts) -> HTMLResponse:
    """Where the file is chosen."""
    page.require(OperatorRole.EDITOR)
    return _show(page)


@router.post(IMPORT)
async def import_table(page: OfficeParts) -> Response:
    """Look at the file; and, once somebody saw what it would do, do that."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    base = page.hub.wording.base
    try:
        content = await _read(form)
        is_workbook = content.startswith(b"PK")
        plan = await plan_membership(page.session, content, is_workbook=is_workbook, base=base)
    except FileUnreadableError as error:
        return _show(page, errors=[_reason(page, str(error.values["reason"]), str(error.values.get("value", "")))])
    except MembershipInvalidError as error:
        return _show(page, errors=[page.say(error)])
    finally:
        await form.close()
    if plan.problems or field(form, "action") != "take":
        return _show(page, plan=plan, kept=base64.b64encode(content).decode())
    await import_membership(page.session, plan, by=page.operator.id, clock=page.clock)
    await page.record("membership.imported")
    return page.go(CITIES, done="membership.imported")


@router.get(CITIES + "/export.csv")
async def export_table(page: OfficeParts) -> Response:
    """Everything that is known, as a table that can be imported again."""
    page.require(OperatorRole.EDITOR, OperatorRole.APPROVER)
    cities = await list_member_cities(page.session, page.hub.wording.base.cities)
    content = write_csv(await list_membership_rows(page.session, cities), COLUMNS)
    await page.record("membership.exported")
    headers = {"Content-Disposition": 'attachment; filename="cities.csv"', "Cache-Control": "no-store"}
    # The mark at the beginning makes spreadsheets read it as UTF-8.
    return Response("\ufeff" + content, media_type="text/csv; charset=utf-8", headers=headers)


def _show(
    page: OfficePage, *, plan: MembershipPlan | None = None, kept: str = "", errors: list[str] | None = None
) -> HTMLResponse:
    shown: dict[str, Any] = {"plan": plan, "kept": kept, "problems": []}
    if plan is not None:
        shown["problems"] = [_problem(page, problem) for problem in plan.problems[:MOST_PROBLEMS]]
        shown["bad_rows"] = len({problem.row for problem in plan.problems})
    return page.render(
        "cities_import.html",
        status=422 if errors else 200,
        errors=errors or [],
        columns=", ".join(COLUMNS),
        kinds=", ".join(KINDS),
        **shown,
    )


async def _read(form: FormData) -> bytes:
    """The chosen file, or the one of the first step. Raises MembershipInvalidError."""
    chosen = form.get("file")
    if isinstance(chosen, UploadFile) and chosen.filename:
        content = await chosen.read(LARGEST_FILE + 1)
    else:
        try:
            content = base64.b64decode(field(form, "kept"), validate=True)
        except binascii.Error:
            content = b""
    if not content:
        raise MembershipInvalidError(problem="file_missing")
    if len(content) > LARGEST_FILE:
        raise MembershipInvalidError(problem="file_too_large")
    return content


def _problem(page: OfficePage, problem: Problem) -> str:
    reason = _reason(page, problem.key, problem.value)
    return page.t("membership.import.row", row=problem.row, column=problem.column, reason=reason)


def _reason(page: OfficePage, key: str, value: str) -> str:
    """In the words of this table, else in those of every table."""
    for own in (f"membership.problem.{key}_cell", f"membership.problem.{key}"):
        if page.hub.wording.texts.has(own, SOURCE_LANGUAGE):
            return page.t(own, value=value)
    return page.t(f"import.problem.{key}", value=value)
