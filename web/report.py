"""Where residents tell what happened: the guided form as plain pages that work without script, cookies or addresses.

Every step is posted to the same address. What names the unfinished report is 25 digits in a hidden field; the same
digits are the code with which a paused report is continued. No word, code or file is in an address, a log or on disk.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import ClientDisconnect

from channels.forms import Action, GuidedForm, Screen
from conversation.errors import TooManyMessagesError
from core.errors import HubError
from core.languages import RELEASED
from knowledge.schema import Kind
from reports.errors import DraftGoneError, ReceiptIncompleteError
from reports.receipts import new_receipt, show_receipt
from web.guarding import note_failure
from web.limits import client_address
from web.memory_form import (
    LARGEST_FILE,
    LARGEST_FILES_TOGETHER,
    FormTooLargeError,
    FormUnreadableError,
    GivenForm,
    MemoryBudget,
    Refusal,
    read_form,
)
from web.pages import PLAIN, Page, PageParts
from web.report_screen import (
    ACCEPTED_FILES,
    ACCEPTED_VOICE,
    ADD_FILES,
    WITHDRAW,
    Press,
    Shown,
    Typed,
    megabytes,
    read_key,
    read_shown,
    read_version,
)

log = logging.getLogger(__name__)

ORIGIN = "web"
LEAVE_TRACES = '"cache", "storage"'
"""What the browser is asked to forget when somebody leaves quickly (Clear-Site-Data)."""

router = APIRouter(include_in_schema=False)
budget = MemoryBudget()


class PauseCodeUnknownError(HubError):
    """No unfinished report answers to this code: mistyped, older than 24 hours, sent or withdrawn."""

    code = "pause_code_unknown"
    status = 404
    sentence = "report_page.problem.pause_code"


@dataclass(frozen=True)
class Posted:
    """A form that came in, with the page in the language that the person chose on it."""

    page: Page
    form: GivenForm
    guide: GuidedForm
    source: str | None

    @property
    def typed(self) -> Typed:
        return Typed.of(self.form)

    def is_old_for(self, screen: Screen) -> bool:
        """Whether the page asked something else than what waits now. A language chosen anew is one version more."""
        step = self.form.get("step")
        if step in {"", WITHDRAW}:
            return False
        version = read_version(self.form)
        return step != screen.step or version not in {screen.version, screen.version - 1}


@router.get("/report")
async def landing(page: PageParts) -> HTMLResponse:
    """What this is and who reads it; nothing is asked yet."""
    return _landing(page) if page.hub.form is not None else closed(page)


@router.get("/report/leave")
async def leave(page: PageParts) -> Response:
    """Away at once, to a page that says nothing of reports. A redirect leaves no line of its own in the history."""
    headers = {"Clear-Site-Data": LEAVE_TRACES}
    address = page.url("/catalogue", kind=Kind.TOOL, **{PLAIN: 1})
    return RedirectResponse(address, status_code=303, headers=headers)


@router.post("/report")
async def post(page: PageParts) -> Response:
    """Any press of a button: begin, go on, go back, pause, send."""
    if page.hub.form is None:
        return closed(page, status=503)
    try:
        async with read_form(page.request, budget) as form:
            source = client_address(page.request, page.hub.settings.trusted_proxy_addresses)
            return await _answer(Posted(in_language_of(form, page), form, page.hub.form, source))
    except ClientDisconnect:
        return Response(status_code=400)
    except (FormUnreadableError, FormTooLargeError) as error:
        return problem(page, error)


def in_language_of(form: GivenForm, page: Page) -> Page:
    """The page in the language chosen on it; pressing a language chooses anew."""
    language = form.get("to") or form.get("lang")
    return replace(page, language=language, chosen=True) if language in RELEASED else page


def closed(page: Page, *, status: int = 200) -> HTMLResponse:
    """Reports are not open here: who can help instead."""
    return page.render("report/closed.html", status=status)


def problem(page: Page, error: HubError) -> HTMLResponse:
    """The form itself could not be read, so that nothing can be shown again: the browser's own Back helps."""
    return page.render("report/problem.html", status=error.status, message=page.t(error.text_key, **error.values))


async def _answer(posted: Posted) -> HTMLResponse:
    """Do what was pressed; whatever goes wrong, what was typed is shown again."""
    key = None
    try:
        key = read_key(posted.form.get("code" if posted.form.get("action") == "resume" else "key"))
        await posted.page.hub.limits.check(posted.page.request, None)
        return await _act(posted, key)
    except DraftGoneError as error:
        words = posted.typed.text or posted.form.get("words")
        return posted.page.render("report/gone.html", status=error.status, words=words)
    except HubError as error:
        return await _show_error(posted, key, error)
    except Exception as error:
        # Further out, the server would log it with its message, which may hold the person's words.
        note_failure(error, part="report")
        return await _show_error(posted, key, HubError())


async def _act(posted: Posted, key: str | None) -> HTMLResponse:
    form, page, guide = posted.form, posted.page, posted.guide
    action = form.get("action")
    if "gone" in form.fields and form.get("to") in RELEASED:
        # Only the page that says so is wanted, in another language.
        raise DraftGoneError
    if "sent" in form.fields:
        sent = await guide.show_again(form.get("sent"), language=page.language)
        return show(page, Shown(sent, ""), sent=True)
    if action == "resume":
        screen = await guide.show(key, language=_chosen(page)) if key else None
        if key is None or screen is None:
            raise PauseCodeUnknownError
        return show(page, Shown(screen, key))
    if action == "begin" or key is None:
        key = key or new_receipt()
        return show(page, _begun(page, await _begin(posted, key), key))
    if form.get("to") in RELEASED:
        screen = await guide.show(key, language=page.language, receipt=read_shown(form))
        if screen is None:
            raise DraftGoneError
        return show(page, _standing(posted, screen, key))
    return await _take(posted, key, Press.of(form, source=posted.source))


async def _begin(posted: Posted, key: str) -> Screen:
    form = posted.form
    return await posted.guide.open(
        key,
        origin=ORIGIN,
        language=posted.page.language,
        words=form.get("words").strip() or None,
        city=form.get("city").strip()[:120] or None,
        place=form.get("place").strip()[:120] or None,
        desk=form.get("desk").strip()[:60] or None,
    )


async def _take(posted: Posted, key: str, press: Press) -> HTMLResponse:
    """Files first, since any button may be pressed while files are chosen; then the press itself."""
    page, guide = posted.page, posted.guide
    errors = [refusal(page, file.name, file.refusal) for file in posted.form.files if file.refusal]
    screen: Screen | None = None
    for file in press.files:
        if not await page.hub.limits.takes_file(page.request):
            errors.append(refusal(page, file.name, Refusal.BUSY))
            continue
        screen = await guide.take(key, press.file_input(file, press.version))
        if press.is_old_for(screen, press.version):
            return show(page, Shown(screen, key, is_old_page=True, typed=posted.typed))
        if screen.error:
            errors.append(page.t("report_page.file.refused", name=file.name, reason=screen.error))
        press = replace(press, version=screen.version)
    goes_on = press.action in {Action.ANSWER, Action.NEXT, Action.SEND}
    if press.action is None or (errors and goes_on):
        if screen is not None:
            return show(page, Shown(screen, key, errors=errors, typed=posted.typed))
        screen = await guide.show(key, language=_chosen(page))
        if screen is None:
            raise DraftGoneError
        return show(page, _standing(posted, screen, key, errors))
    screen = await guide.take(key, press.input())
    if press.is_old_for(screen, press.version):
        return show(page, Shown(screen, key, is_old_page=True, typed=posted.typed))
    if screen.error:
        return show(page, Shown(screen, key, errors=[screen.error], typed=posted.typed))
    shown = Shown(screen, key, errors=errors)
    return show(page, shown, paused=press.action is Action.PAUSE, sent=press.action is Action.SEND)


async def _show_error(posted: Posted, key: str | None, error: HubError) -> HTMLResponse:
    """The screen again with the error above it, or the first page where there is no screen."""
    message = posted.page.t(error.text_key, **error.values)
    if isinstance(error, ReceiptIncompleteError):
        message = posted.page.t(PauseCodeUnknownError().text_key)
    headers = {"Retry-After": str(error.values["seconds"])} if isinstance(error, TooManyMessagesError) else {}
    try:
        is_here = key is not None and posted.form.get("action") != "resume"
        screen = await posted.guide.show(key, receipt=read_shown(posted.form)) if key and is_here else None
    except Exception as failure:
        note_failure(failure, part="report")
        screen = None
    if screen is None or key is None:
        return _landing(posted.page, posted=posted, message=message, status=error.status, headers=headers)
    shown = _standing(posted, screen, key, [message])
    return show(posted.page, shown, status=error.status, headers=headers)


def _begun(page: Page, screen: Screen, key: str) -> Shown:
    """The first question; where the page before it was sent again later, the one that waits, and that it goes on."""
    if not screen.can_go_back:
        return Shown(screen, key)
    return Shown(replace(screen, error=page.t("report_page.step.goes_on")), key, is_old_page=True)


def _standing(posted: Posted, screen: Screen, key: str, errors: Sequence[str] = ()) -> Shown:
    """The question that waits, with what was typed; what stood on the page of another question fills none of it."""
    if not posted.is_old_for(screen):
        return Shown(screen, key, errors=list(errors), typed=posted.typed)
    screen = replace(screen, error=posted.page.t("report.error.stale"))
    return Shown(screen, key, errors=list(errors), is_old_page=True, typed=posted.typed)


def _landing(
    page: Page,
    *,
    posted: Posted | None = None,
    message: str | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """The first page. The key stands in it already, so that pressing Begin twice begins one report."""
    form = posted.form if posted else GivenForm()
    numbers = page.hub.wording.emergency_anywhere(page.language)
    return page.render(
        "report/landing.html",
        status=status,
        headers=headers,
        key=new_receipt(),
        numbers=numbers,
        countries=[(button.payload.rpartition("/")[2], button.title) for button in numbers.buttons],
        message=message,
        is_resuming=form.get("action") == "resume",
        code=form.get("code"),
        words=form.get("words") or (posted.typed.text or "" if posted else ""),
        desk=form.get("desk"),
        city=form.get("city"),
        place=form.get("place"),
    )


def show(
    page: Page,
    shown: Shown,
    *,
    paused: bool = False,
    sent: bool = False,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """A screen as a page, in the screen's language where none was chosen on the page."""
    if not page.chosen:
        page = replace(page, language=shown.screen.language, chosen=True)
    template = "report/paused.html" if paused and shown.is_done else "report/screen.html"
    return page.render(
        template,
        status=status,
        headers=headers,
        shown=shown,
        screen=shown.screen,
        sent=sent,
        pause_code=show_receipt(shown.key),
        accepted=ACCEPTED_VOICE if shown.takes_only_voice else ACCEPTED_FILES,
        add_files=ADD_FILES,
        largest_file=LARGEST_FILE,
        largest_together=LARGEST_FILES_TOGETHER,
        megabytes=megabytes,
    )


def refusal(page: Page, name: str, reason: Refusal) -> str:
    """Why a file was not taken."""
    return page.t(f"report_page.file.{reason}", name=name)


def _chosen(page: Page) -> str | None:
    return page.language if page.chosen else None
