"""What the forms of a case do. Each leads back to the case, which then says what was done."""

from __future__ import annotations

from datetime import date, time

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.background import BackgroundTask

from channels.forms import IncomingFile
from core.errors import HubError
from core.languages import format_day
from reports import casework
from reports.case_files import list_desk_files
from reports.cases import read_case
from reports.casework import Replied
from reports.contents import DeskLabels, Phrase, Translation
from reports.errors import CaseNotFoundError, FileRefusedError, KeptLongEnoughError, NobodyReadsError
from reports.evidence import Evidence, check
from reports.models import CaseStatus
from reports.phrases import PHRASES, is_whole
from web.desk.case_page import LONGEST, MOST_PHRASES, show_case
from web.desk.doorway import DeskRoute, Inside, Visit
from web.desk.notices import tell
from web.report import refusal

router = APIRouter(route_class=DeskRoute)

MOST_LABELS = 10
LONGEST_LABEL = 40
LONGEST_NUMBER = 18
"""Digits of an entry's number; what is longer did not come from the page."""


@router.post("/desk/case/{case_id}/reply")
async def reply(case_id: str, visit: Inside) -> Response:
    """Write to the reporter, in the officer's language, with sentences that are right in every language."""
    text = visit.form.get("text").strip()
    phrases = _read_phrases(visit)
    if phrases is None:
        return await show_case(visit, case_id, message=visit.t("desk.case.phrase_unfinished"))
    if not text and not phrases and not visit.form.files:
        return await show_case(visit, case_id, message=visit.t("desk.case.empty"))
    if len(text) > LONGEST:
        return await show_case(visit, case_id, message=visit.t("desk.case.too_long", most=LONGEST))
    files, refused = await _read_files(visit, case_id)
    if refused:
        return await show_case(visit, case_id, messages=[*refused, visit.t("desk.case.attach_again")])
    replied = await casework.reply(
        visit.session,
        visit.signed_in,
        case_id,
        text=text,
        language=_language(visit),
        phrases=phrases,
        files=files,
        translations=await _translations(visit, case_id, text),
        clock=visit.clock,
    )
    return visit.go(f"/desk/case/{case_id}", done="replied", later=_notice(visit, case_id, replied))


@router.post("/desk/case/{case_id}/note")
async def note(case_id: str, visit: Inside) -> Response:
    """Something for colleagues."""
    text = visit.form.get("note").strip()
    if not text:
        return await show_case(visit, case_id, message=visit.t("desk.case.empty"))
    if len(text) > LONGEST:
        return await show_case(visit, case_id, message=visit.t("desk.case.too_long", most=LONGEST))
    await casework.add_note(visit.session, visit.signed_in, case_id, text=text, clock=visit.clock)
    return visit.go(f"/desk/case/{case_id}", done="noted")


@router.post("/desk/case/{case_id}/status")
async def status(case_id: str, visit: Inside) -> Response:
    """Where the case stands."""
    wanted = visit.form.get("status")
    if wanted not in {"read", "in_work", "waiting", "closed"}:
        return await show_case(visit, case_id, message=visit.t("desk.problem.choose"))
    await casework.set_status(visit.session, visit.signed_in, case_id, CaseStatus(wanted), clock=visit.clock)
    return visit.go(f"/desk/case/{case_id}", done="status")


@router.post("/desk/case/{case_id}/settle")
async def settle(case_id: str, visit: Inside) -> Response:
    """What the reporter wrote, as far as this page showed it, needs no answer."""
    seen = visit.form.get("seen")
    if not seen.isdecimal() or len(seen) > LONGEST_NUMBER:
        return await show_case(visit, case_id, message=visit.t("desk.problem.choose"))
    await casework.settle(visit.session, visit.signed_in, case_id, until=int(seen), clock=visit.clock)
    return visit.go(f"/desk/case/{case_id}", done="settled")


@router.post("/desk/case/{case_id}/labels")
async def labels(case_id: str, visit: Inside) -> Response:
    """The desk's marks, the mass event, and who works on it."""
    form = visit.form
    words = [part.strip()[:LONGEST_LABEL] for part in form.get("labels").replace(";", ",").split(",")]
    marks = DeskLabels(
        labels=list(dict.fromkeys(word for word in words if word))[:MOST_LABELS],
        event=form.get("event").strip()[:100] or None,
        assigned_to=form.get("assigned") or None,
    )
    await casework.set_labels(visit.session, visit.signed_in, case_id, marks, clock=visit.clock)
    return visit.go(f"/desk/case/{case_id}", done="labels")


@router.post("/desk/case/{case_id}/apart")
async def apart(case_id: str, visit: Inside) -> Response:
    """To the pile of suspected junk, or back from it."""
    is_apart = visit.form.get("apart") == "yes"
    await casework.set_apart(visit.session, visit.signed_in, case_id, is_apart=is_apart, clock=visit.clock)
    return visit.go(f"/desk/case/{case_id}", done="apart" if is_apart else "put_back")


@router.post("/desk/case/{case_id}/keep")
async def keep(case_id: str, visit: Inside) -> Response:
    """Count the retention anew, where it ends soon; the reporter is told."""
    try:
        told = await casework.keep_longer(visit.session, visit.signed_in, case_id, clock=visit.clock)
    except KeptLongEnoughError as error:
        day = format_day(date.fromisoformat(error.values["day"]), visit.page.language)
        return await show_case(visit, case_id, message=visit.t("desk.case.keep_from", day=day))
    return visit.go(f"/desk/case/{case_id}", done="kept_longer", later=_notice(visit, case_id, told))


@router.post("/desk/case/{case_id}/keep-out")
async def keep_out(case_id: str, visit: Inside) -> Response:
    """Keep somebody out. Who keeps themselves out cannot read the case any more."""
    officer_id = visit.form.get("officer")
    if not officer_id:
        return await show_case(visit, case_id, message=visit.t("desk.problem.choose"))
    try:
        await casework.exclude_officer(visit.session, visit.signed_in, case_id, officer_id, clock=visit.clock)
    except NobodyReadsError as error:
        return await show_case(visit, case_id, error)
    is_own = officer_id == visit.signed_in.officer.id
    return visit.go("/desk" if is_own else f"/desk/case/{case_id}", done="kept_out")


@router.post("/desk/case/{case_id}/share")
async def share(case_id: str, visit: Inside) -> Response:
    """Let in a colleague who joined later."""
    try:
        await casework.share_with(visit.session, visit.signed_in, case_id, visit.form.get("officer"), clock=visit.clock)
    except CaseNotFoundError:
        return await show_case(visit, case_id, message=visit.t("desk.case.share_refused"))
    return visit.go(f"/desk/case/{case_id}", done="shared")


@router.post("/desk/case/{case_id}/hand-over")
async def hand_over(case_id: str, visit: Inside) -> Response:
    """Ask the reporter; nothing moves before they agree."""
    text = visit.form.get("why").strip()
    if not visit.form.get("desk") or not text or len(text) > LONGEST:
        return await show_case(visit, case_id, message=visit.t("desk.case.hand_over_incomplete"))
    try:
        replied = await casework.ask_hand_over(
            visit.session,
            visit.signed_in,
            case_id,
            desk_id=visit.form.get("desk"),
            text=text,
            language=_language(visit),
            translations=await _translations(visit, case_id, text, field="why_translation"),
            clock=visit.clock,
        )
    except CaseNotFoundError:
        raise
    except HubError as error:
        return await show_case(visit, case_id, error)
    return visit.go(f"/desk/case/{case_id}", done="hand_over", later=_notice(visit, case_id, replied))


async def _read_files(visit: Visit, case_id: str) -> tuple[list[Evidence], list[str]]:
    """The attached files, checked and cleaned as evidence is, and why some were not taken."""
    files: list[Evidence] = []
    refused: list[str] = []
    if not visit.form.files:
        return files, refused
    sent = await list_desk_files(visit.session, visit.signed_in, case_id)
    for given in visit.form.files:
        if given.refusal is not None:
            refused.append(refusal(visit.page, given.name, given.refusal))
            continue
        try:
            file = IncomingFile(given.name, given.media_type, given.content)
            files.append(await check(file, taken=[*sent, *files]))
        except FileRefusedError as error:
            reason = visit.t(error.text_key, **error.values)
            refused.append(visit.t("report_page.file.refused", name=given.name, reason=reason))
    return files, refused


def _language(visit: Visit) -> str:
    return visit.signed_in.officer.language


def _read_phrases(visit: Visit) -> list[Phrase] | None:
    """The sentences that were chosen, or None where one lacks a value that it needs."""
    phrases = []
    for number in range(MOST_PHRASES):
        key = visit.form.get(f"phrase{number}")
        if not key:
            continue
        needs = PHRASES.get(key, ())
        try:
            day, hour = visit.form.get(f"day{number}"), visit.form.get(f"hour{number}")
            phrase = Phrase(
                key=key,
                day=date.fromisoformat(day) if day and "day" in needs else None,
                hour=time.fromisoformat(hour) if hour and "hour" in needs else None,
                place=visit.form.get(f"place{number}").strip()[:300] or None if "place" in needs else None,
            )
        except ValueError:
            return None
        if not is_whole(phrase):
            return None
        phrases.append(phrase)
    return phrases


async def _translations(visit: Visit, case_id: str, text: str, *, field: str = "translation") -> dict[str, Translation]:
    """The officer's own words in the reporter's language, else a machine's, which is marked as such."""
    own = visit.form.get(field).strip()[:LONGEST]
    translator = visit.page.hub.translator
    if not text or (not own and translator is None):
        return {}
    case = await read_case(visit.session, visit.signed_in, case_id, clock=visit.clock)
    target = case.summary.report.language
    if target == _language(visit):
        return {}
    if own:
        return {target: Translation(text=own, by_machine=False)}
    assert translator is not None
    made = await translator(text, source=_language(visit), target=target)
    return {target: Translation(text=made, by_machine=True)} if made else {}


def _notice(visit: Visit, case_id: str, replied: Replied) -> BackgroundTask | None:
    notify = visit.page.hub.notify
    if notify is None or replied.notice_chat is None:
        return None
    return BackgroundTask(tell, visit, case_id, notify, replied)
