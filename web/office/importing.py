"""Taking people from a file after a look at what it would do, and giving them out as one.

Between the look and the yes, the file waits in the page itself, so that nothing is kept and any process can go on.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import UploadFile

from core.errors import HubError
from identity.operators import OperatorRole
from subscriptions.columns import COLUMNS, REASON, Vocabulary
from subscriptions.errors import FileUnreadableError
from subscriptions.importing import Plan, has_contacts, import_subscribers, invite, list_rows, plan_import
from subscriptions.models import Frequency, Role
from subscriptions.rows import ENCODINGS, Entry, Problem, is_guessed, read_rows, write_csv, write_workbook
from subscriptions.topics import load_topics
from web.forms import field
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)
IMPORT = "/office/subscribers/import"
LARGEST_FILE = 8 * 1024 * 1024
LARGEST_WAITING = 700_000
"""Characters in which a packed file may wait in a page."""
SHOWN_PROBLEMS = 500
SHOWN_ROWS = 300
SHOWN_NAMES = 5
SAMPLE = (
    "ada@example.org,Ada Example,Reggio Emilia,,,coordinator,it,,yes,no,youth:weekly; webinars:at_once",
    "bo@example.org,Bo Example,,FR,,staff,fr,,no,no,",
)
ZIP = b"PK\x03\x04"


@router.get(IMPORT)
async def import_page(page: OfficeParts) -> HTMLResponse:
    """Choose a file; what it may hold is told beside."""
    page.require(OperatorRole.EDITOR)
    return _page(page)


@router.get(IMPORT + "/sample.csv")
async def sample(page: OfficeParts) -> Response:
    """A file to fill in."""
    page.require(OperatorRole.EDITOR)
    return _file("\n".join((",".join(COLUMNS), *SAMPLE, "")), "people-sample.csv")


@router.post(IMPORT)
async def look_or_take(page: OfficeParts) -> Response:
    """The dry run; or, of what was looked at before, the good rows into the hub or the bad ones into a file."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    try:
        if waiting := field(form, "waiting"):
            content = _unpack(waiting)
        else:
            upload = form.get("file")
            content = await upload.read(LARGEST_FILE + 1) if isinstance(upload, UploadFile) else b""
        if not content:
            return _page(page, errors=[page.t("office.import.no_file")])
        if len(content) > LARGEST_FILE:
            raise FileUnreadableError(reason="too_large")
        topics = load_topics()
        plan = await plan_import(
            page.session,
            content,
            is_workbook=content.startswith(ZIP),
            base=page.hub.wording.base,
            topics=topics,
            vocabulary=Vocabulary.load(page.hub.wording.texts, topics.facts),
            encoding=field(form, "encoding"),
        )
    except FileUnreadableError as error:
        return _page(page, errors=[page.t(f"import.problem.{error.values['reason']}", **error.values)])
    match field(form, "do"):
        case "bad_rows":
            bad = _write_bad_rows(page, plan, content, field(form, "encoding"))
            return _file(bad, "people-to-mend.csv")
        case "take" if plan.fates:
            is_asked, are_known = field(form, "ask") == "yes", field(form, "known") == "yes"
            return await _take(page, plan, is_asked=is_asked, are_known=are_known)
    return await _show(page, plan, content, field(form, "encoding"))


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


async def _take(page: OfficePage, plan: Plan, *, is_asked: bool, are_known: bool) -> Response:
    try:
        done = await import_subscribers(
            page.session, plan.without_bad_rows(), topics=load_topics(), clock=page.clock, are_known=are_known
        )
    except HubError as error:
        return _page(page, errors=[page.say(error)], status=error.status)
    await page.record("office.imported")
    asked = await invite(page.session, done.new, links=page.links, clock=page.clock) if is_asked else 0
    left = len({problem.row for problem in plan.problems})
    return page.render("imported.html", new=len(done.new), changed=len(done.changed), asked=asked, left=left)


def _page(page: OfficePage, *, errors: Sequence[str] = (), status: int = 0, **values: Any) -> HTMLResponse:
    """The page with what a file may hold below it."""
    shown: dict[str, Any] = {
        "plan": None,
        "columns": [(name, page.t(f"import.column.{name}")) for name in COLUMNS],
        "topics": [(topic, page.t(f"topic.{topic}.title")) for topic in load_topics().facts],
        "roles": [(role.value, page.t(f"office.subscriber_role.{role}")) for role in Role],
        "frequencies": [(each.value, page.t(f"office.frequency.{each}")) for each in Frequency],
    }
    return page.render(
        "import.html", status=status or (422 if errors else 200), errors=list(errors), **(shown | values)
    )


async def _show(page: OfficePage, plan: Plan, content: bytes, encoding: str) -> HTMLResponse:
    waiting = base64.b64encode(zlib.compress(content, 9)).decode()
    good = [entry for entry in plan.entries if entry.row in plan.fates]
    return _page(
        page,
        status=422 if plan.problems else 200,
        plan=plan,
        good=[_fate(page, entry, plan.fates[entry.row]) for entry in good[:SHOWN_ROWS]],
        more_good=max(0, len(good) - SHOWN_ROWS),
        bad=len({problem.row for problem in plan.problems}),
        problems=[_in_words(page, problem) for problem in plan.problems[:SHOWN_PROBLEMS]],
        more=max(0, len(plan.problems) - SHOWN_PROBLEMS),
        waiting=waiting if len(waiting) <= LARGEST_WAITING else None,
        encodings=ENCODINGS if is_guessed(content, is_workbook=content.startswith(ZIP)) else (),
        encoding=encoding if encoding in ENCODINGS else ENCODINGS[0],
        names=[entry.name for entry in plan.entries if entry.name and not entry.name.isascii()][:SHOWN_NAMES],
        are_known=not await has_contacts(page.session),
    )


def _fate(page: OfficePage, entry: Entry, fate: str) -> dict[str, Any]:
    """What a row does, and what its person will receive because of it."""
    gets = [
        page.t(
            "office.import.topic_at",
            topic=page.t(f"topic.{topic}.title"),
            how_often=page.t(f"office.frequency.{often}"),
        )
        for topic, often in entry.topics.items()
        if often is not Frequency.OFF
    ]
    if entry.profile.get("is_mandatory_contact"):
        gets.insert(0, page.t("office.import.gets_required"))
    if not gets and fate == "new":
        gets = [page.t("office.import.gets_nothing")]
    name = entry.name or ""
    return {"row": entry.row, "name": name, "email": entry.email, "fate": fate, "gets": gets}


def _write_bad_rows(page: OfficePage, plan: Plan, content: bytes, encoding: str) -> str:
    """The rows that are not taken, as they were, with what is wrong in one more column."""
    wrong: dict[int, list[str]] = {}
    for problem in plan.problems:
        wrong.setdefault(problem.row, []).append(_in_words(page, problem)[2])
    rows = enumerate(read_rows(content, is_workbook=content.startswith(ZIP), encoding=encoding), 2)
    bad = [row | {REASON: " ".join(wrong[number])} for number, row in rows if number in wrong]
    return write_csv(bad, (*COLUMNS, REASON))


def _file(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv", headers=headers)


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
