"""Taking people from a file after a look at what it would do, and giving them out as one.

Between the look and the yes, the file waits in the page itself, so that nothing is kept and any process can go on.
"""

from __future__ import annotations

import base64
import binascii
import zlib

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import UploadFile

from core.errors import HubError
from identity.operators import OperatorRole
from subscriptions.errors import FileUnreadableError
from subscriptions.importing import Plan, import_subscribers, invite, list_rows, plan_import
from subscriptions.rows import Problem, write_csv, write_workbook
from subscriptions.topics import load_topics
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute, field

router = APIRouter(route_class=OfficeRoute)
IMPORT = "/office/subscribers/import"
LARGEST_FILE = 8 * 1024 * 1024
LARGEST_WAITING = 700_000
"""Characters in which a packed file may wait in a page."""
SHOWN_PROBLEMS = 500
ZIP = b"PK\x03\x04"


@router.get(IMPORT)
async def import_page(page: OfficeParts) -> HTMLResponse:
    """Choose a file."""
    page.require(OperatorRole.EDITOR)
    return page.render("import.html", plan=None)


@router.post(IMPORT)
async def look_or_take(page: OfficeParts) -> Response:
    """The dry run, or what was looked at before."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    try:
        if waiting := field(form, "waiting"):
            content = _unpack(waiting)
        else:
            upload = form.get("file")
            content = await upload.read(LARGEST_FILE + 1) if isinstance(upload, UploadFile) else b""
        if not content:
            return page.render("import.html", status=422, plan=None, errors=[page.t("office.import.no_file")])
        if len(content) > LARGEST_FILE:
            raise FileUnreadableError(reason="too_large")
        plan = await plan_import(
            page.session,
            content,
            is_workbook=content.startswith(ZIP),
            base=page.hub.wording.base,
            topics=load_topics(),
        )
    except FileUnreadableError as error:
        said = page.t(f"import.problem.{error.values['reason']}", **error.values)
        return page.render("import.html", status=422, plan=None, errors=[said])
    if field(form, "sure") == "yes" and not plan.problems:
        return await _take(page, plan, is_asked=field(form, "ask") == "yes")
    return _show(page, plan, content)


@router.get("/office/subscribers/export/{form}")
async def export(page: OfficeParts, form: str) -> Response:
    """Everybody who has not left, as CSV or XLSX; cells that a spreadsheet would run are made harmless."""
    page.require(OperatorRole.EDITOR)
    rows = [row async for row in list_rows(page.session)]
    await page.record("office.exported")
    is_workbook = form == "xlsx"
    content = write_workbook(rows) if is_workbook else write_csv(rows).encode("utf-8-sig")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" if is_workbook else "text/csv"
    name = "people.xlsx" if is_workbook else "people.csv"
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


async def _take(page: OfficePage, plan: Plan, *, is_asked: bool) -> Response:
    try:
        done = await import_subscribers(page.session, plan, topics=load_topics(), clock=page.clock)
    except HubError as error:
        return page.render("import.html", status=error.status, plan=None, errors=[page.say(error)])
    await page.record("office.imported")
    asked = await invite(page.session, done.new, links=page.links, clock=page.clock) if is_asked else 0
    return page.render("imported.html", new=len(done.new), changed=len(done.changed), asked=asked)


def _show(page: OfficePage, plan: Plan, content: bytes) -> HTMLResponse:
    waiting = base64.b64encode(zlib.compress(content, 9)).decode()
    return page.render(
        "import.html",
        status=422 if plan.problems else 200,
        plan=plan,
        problems=[_in_words(page, problem) for problem in plan.problems[:SHOWN_PROBLEMS]],
        more=max(0, len(plan.problems) - SHOWN_PROBLEMS),
        waiting=waiting if len(waiting) <= LARGEST_WAITING else None,
    )


def _in_words(page: OfficePage, problem: Problem) -> tuple[int, str, str]:
    return problem.row, problem.column, page.t(f"import.problem.{problem.key}", value=problem.value)


def _unpack(waiting: str) -> bytes:
    """The file as it waited. Raises FileUnreadableError for what is not ours or unpacks to more than a file may be."""
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(base64.b64decode(waiting, validate=True), LARGEST_FILE + 1)
    except (zlib.error, binascii.Error):
        raise FileUnreadableError(reason="not_text") from None
    if unpacker.unconsumed_tail:
        raise FileUnreadableError(reason="too_large")
    return content
