"""Coming back with a receipt: the case's status, messages both ways, adding something, taking the report back.

The code is typed once; after that a token in a hidden field keeps the case open for a while. Neither is ever in an
address. Sending a page twice adds nothing twice: a page knows how many messages it showed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.requests import ClientDisconnect

from channels.forms import COPIES, NEWEST_NEWS, CaseFile, CaseMessage, CaseReturn, IncomingFile, ReporterCase
from core.errors import HubError
from reports.errors import ReceiptUnknownError, ReturnClosedError
from web.fresh_page import is_first_use, is_fresh, make_mark
from web.guarding import note_failure
from web.limits import client_address
from web.memory_form import (
    LARGEST_FILE,
    LARGEST_FILES_TOGETHER,
    FormTooLargeError,
    FormUnreadableError,
    GivenForm,
    Refusal,
    read_form,
)
from web.pages import Page, PageParts, direction
from web.report import budget, closed, in_language_of, problem, refusal
from web.report_screen import ACCEPTED_FILES, megabytes

router = APIRouter(include_in_schema=False)
CLEANED = COPIES[0]


@dataclass(frozen=True)
class ShownMessage:
    """A message with the languages that its parts are in."""

    said: CaseMessage
    language: str
    direction: str


class CaseEmptyMessageError(HubError):
    """Neither words nor a file."""

    code = "case_message_empty"
    status = 422
    sentence = "report_page.case.empty"


class PageStaleError(HubError):
    """The page for the code was used before or is too old; what was typed in it does not count."""

    code = "return_page_stale"
    status = 410
    sentence = "report_page.return.stale"


@router.get("/report/return")
async def enter(page: PageParts) -> HTMLResponse:
    """Where the code is typed."""
    return _entry(page) if page.hub.cases is not None else closed(page)


@router.post("/report/return")
async def post(page: PageParts) -> Response:
    """Any press of a button: open, look, add, withdraw."""
    cases = page.hub.cases
    if cases is None:
        return closed(page, status=503)
    try:
        async with read_form(page.request, budget) as form:
            return await _answer(in_language_of(form, page), form, cases)
    except ClientDisconnect:
        return Response(status_code=400)
    except (FormUnreadableError, FormTooLargeError) as error:
        return problem(page, error)


async def _answer(page: Page, form: GivenForm, cases: CaseReturn) -> Response:
    """Do what was pressed; whatever goes wrong, what was typed is shown again."""
    try:
        return await _act(page, form, cases)
    except HubError as error:
        return await _show_error(page, form, cases, error)
    except Exception as error:
        # Further out, the server would log it with its message, which may hold the person's words.
        note_failure(error, part="report")
        return await _show_error(page, form, cases, HubError())


async def _act(page: Page, form: GivenForm, cases: CaseReturn) -> Response:
    token, action = form.get("token"), form.get("action")
    await page.hub.limits.check(page.request, None)
    if not token:
        # Who comes without an address that tells people apart (an onion service) has only the limit that all share.
        source = client_address(page.request, page.hub.settings.trusted_proxy_addresses) or secrets.token_hex(8)
        if not is_fresh(page, form.get("page")):
            raise PageStaleError
        case = await cases.open(form.get("code"), source=source, language=page.language)
        if not await is_first_use(page, form.get("page")):
            await cases.close(case.token)
            raise PageStaleError
        return _case(page, case, words=form.get("words"))
    if "file" in form.fields:
        return _saved(await cases.read_file(token, form.get("file")))
    if "to" in form.fields:
        return _case(page, await cases.show(token, language=page.language), words=form.get("text"))
    if action == "close":
        await cases.close(token)
        return _entry(page)
    if action in {"withdraw", "sure"}:
        await cases.show(token, language=page.language)
        return page.render("report/case_withdraw.html", token=token, is_last=action == "sure")
    if action == "delete":
        await cases.withdraw(token)
        return page.render("report/case_withdrawn.html")
    if action in {"agree", "refuse"}:
        agrees, asked = action == "agree", form.get("asked")
        case = await cases.answer(token, language=page.language, agrees=agrees, asked=asked)
        return _case(page, case, words=form.get("text"), notice=page.t("report_page.case.answered"))
    if action == "add":
        return await _add(page, form, cases, token)
    return _case(page, await cases.show(token, language=page.language), words=form.get("text"))


async def _add(page: Page, form: GivenForm, cases: CaseReturn, token: str) -> HTMLResponse:
    """Words and the first file are one message, each further file is one more."""
    text = form.get("text").strip()
    refused = [refusal(page, file.name, file.refusal) for file in form.files if file.refusal]
    files = [IncomingFile(file.name, file.media_type, file.content) for file in form.files if not file.refusal]
    if refused:
        case = await cases.show(token, language=page.language)
        return _case(page, case, words=form.get("text"), copies=form.get("copies"), errors=refused, status=422)
    if not text and not files:
        raise CaseEmptyMessageError
    case = await cases.show(token, language=page.language)
    if _was_sent(case, form.get("seen"), text, files):
        return _case(page, case, notice=page.t("report_page.case.sent_before"))
    errors: list[str] = []
    for number, file in enumerate(files or [None]):
        words = text or None if number == 0 else None
        is_taken = file is None or await page.hub.limits.takes_file(page.request)
        if file is not None and not is_taken:
            errors.append(refusal(page, file.name, Refusal.BUSY))
            if words is None:
                continue
        try:
            given = file if is_taken else None
            copies = form.get("copies") or CLEANED
            case = await cases.add(token, language=page.language, text=words, file=given, copies=copies)
        except HubError as error:
            if file is None or not number or isinstance(error, ReturnClosedError):
                raise
            reason = page.t(error.text_key, **error.values)
            errors.append(page.t("report_page.file.refused", name=file.name, reason=reason))
    return _case(page, case, errors=errors, notice=page.t("report_page.case.sent"))


def _was_sent(case: ReporterCase, seen: str, text: str, files: list[IncomingFile]) -> bool:
    """Whether this page was sent before: its words or files stand among the messages that came after it was shown."""
    since = int(seen) if seen.isdecimal() and len(seen) < 10 else 0
    own = [message for message in case.messages[since:] if not message.from_desk]
    if text:
        return any((message.original or message.text).strip() == text for message in own)
    names = {file.name for file in files}
    return bool(names) and names <= {name for message in own for name in message.file_names}


async def _show_error(page: Page, form: GivenForm, cases: CaseReturn, error: HubError) -> HTMLResponse:
    """The case again with the error above it; the page for the code where the case is not open."""
    message = page.t(error.text_key, **error.values)
    words = form.get("text") or form.get("words")
    headers = {"Retry-After": str(error.values["seconds"])} if "seconds" in error.values else {}
    token = form.get("token")
    if isinstance(error, ReturnClosedError):
        message = page.t("report_page.return.ended")
    elif token and not isinstance(error, ReceiptUnknownError):
        try:
            case = await cases.show(token, language=page.language)
            copies = form.get("copies")
            return _case(page, case, words=words, copies=copies, errors=[message], status=error.status, headers=headers)
        except HubError as failure:
            message = page.t(failure.text_key, **failure.values)
        except Exception as failure:
            note_failure(failure, part="report")
    # Whoever sends an old page again must not read the code from the answer.
    code = "" if isinstance(error, PageStaleError) else form.get("code")
    return _entry(page, message, code=code, words=words, status=error.status, headers=headers)


def _entry(
    page: Page,
    message: str | None = None,
    *,
    code: str = "",
    words: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    return page.render(
        "report/return.html",
        message=message,
        code=code,
        words=words,
        mark=make_mark(page),
        status=status,
        headers=headers,
    )


def _case(
    page: Page,
    case: ReporterCase,
    *,
    words: str = "",
    copies: str = CLEANED,
    errors: list[str] | None = None,
    notice: str | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    return page.render(
        "report/case.html",
        status=status,
        headers=headers,
        case=case,
        messages=[_shown(message) for message in case.messages],
        news_open=NEWEST_NEWS,
        copies=copies if copies in COPIES else CLEANED,
        all_copies=COPIES,
        words=words,
        errors=errors or [],
        notice=notice,
        accepted=ACCEPTED_FILES,
        largest_file=LARGEST_FILE,
        largest_together=LARGEST_FILES_TOGETHER,
        megabytes=megabytes,
    )


def _saved(file: CaseFile) -> Response:
    """Always to be saved, never shown inside this page's origin."""
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "X-Content-Type-Options": "nosniff"}
    return Response(file.content, media_type=file.media_type, headers=headers)


def _shown(message: CaseMessage) -> ShownMessage:
    return ShownMessage(message, message.language, direction(message.language))
