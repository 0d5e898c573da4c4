"""A message's words in other languages: drafted by a machine, beside the original, checked by a person."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.background import BackgroundTask
from starlette.datastructures import FormData

from core.errors import HubError
from core.languages import LANGUAGES
from core.markdown import to_html
from identity.operators import Operator
from subscriptions.broadcasts.authors import check, may_approve
from subscriptions.broadcasts.errors import DraftingUnavailableError, FieldWrongError
from subscriptions.broadcasts.texts import (
    CHANGEABLE,
    LONGEST_BODY,
    LONGEST_SUBJECT,
    drop_text,
    make_draft,
    name_approver,
    write_text,
)
from subscriptions.models import BroadcastText, TextState
from web.forms import field, fields
from web.office.broadcasts.asking import ask_approver
from web.office.broadcasts.overview import show_overview
from web.office.broadcasts.view import HERE, ROOT, people_who_approve, sentences, show, workshop_of
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.state import Hub

log = logging.getLogger(__name__)
router = APIRouter(route_class=OfficeRoute)


@router.get(ROOT + "/{broadcast_id}/text/{language}")
async def text_page(page: OfficeParts, broadcast_id: str, language: str) -> HTMLResponse:
    """One language beside the original."""
    return await _show(page, broadcast_id, language)


@router.post(ROOT + "/{broadcast_id}/text/{language}")
async def save(page: OfficeParts, broadcast_id: str, language: str) -> Response:
    """Save it, and approve it where that button was pressed."""
    form = await page.form()
    approve = field(form, "do") == "approve"
    try:
        text = (await show(page, broadcast_id)).texts.get(language)
        seen = field(form, "seen_at")
        seen_at = text.changed_at if text is not None and text.changed_at.isoformat() == seen else None
        await write_text(
            page.session,
            page.operator,
            broadcast_id,
            language,
            subject=field(form, "subject"),
            body=field(form, "body"),
            clock=page.clock,
            seen_at=seen_at,
            approve=approve,
        )
    except HubError as error:
        return await _show(page, broadcast_id, language, sentences(page, error), form=form, status=error.status)
    what = "approved" if approve else "written"
    await page.record(f"broadcast.{what}", broadcast_id)
    return page.go(f"{ROOT}/{broadcast_id}/text/{language}", done=f"broadcast.{'approved' if approve else 'saved'}")


@router.post(ROOT + "/{broadcast_id}/text/{language}/remove")
async def remove(page: OfficeParts, broadcast_id: str, language: str) -> Response:
    """Take a translation away."""
    await page.form()
    try:
        await drop_text(page.session, page.operator, broadcast_id, language)
    except HubError as error:
        return await _show(page, broadcast_id, language, sentences(page, error), status=error.status)
    await page.record("broadcast.removed", broadcast_id)
    return page.go(f"{ROOT}/{broadcast_id}", done="broadcast.removed")


@router.post(ROOT + "/{broadcast_id}/text/{language}/ask")
async def ask(page: OfficeParts, broadcast_id: str, language: str) -> Response:
    """Name who checks it."""
    form = await page.form()
    try:
        approver = field(form, "approver") or None
        people = {one.id: one for one in await people_who_approve(page, language)}
        if approver is not None and approver not in people:
            raise FieldWrongError(field="language")
        await name_approver(page.session, page.operator, broadcast_id, language, approver=approver)
    except HubError as error:
        return await show_overview(page, broadcast_id, sentences(page, error), status=error.status)
    await page.record("broadcast.asked", broadcast_id)
    shown = await show(page, broadcast_id)
    is_other = approver is not None and approver != page.operator.id
    later = ask_approver(page, shown, language, people[approver]) if is_other and approver else None
    return page.go(f"{ROOT}/{broadcast_id}", done="broadcast.asked", later=later)


@router.post(ROOT + "/{broadcast_id}/languages")
async def add_languages(page: OfficeParts, broadcast_id: str) -> Response:
    """Add one language by hand, or have a machine draft some; the machine works on after the page has answered."""
    form = await page.form()
    language = field(form, "language")
    try:
        shown = await show(page, broadcast_id)
        check(shown.can_write)
        if field(form, "do") != "draft":
            if language not in LANGUAGES:
                raise FieldWrongError(field="language")
            return page.go(f"{ROOT}/{broadcast_id}/text/{language}")
        targets = set(workshop_of(page).targets(shown.broadcast.original_language))
        wanted = [code for code in fields(form, "languages") or [language] if code in targets]
        if not wanted:
            raise DraftingUnavailableError(language=language)
    except HubError as error:
        return await show_overview(page, broadcast_id, sentences(page, error), status=error.status)
    # One who is asked by themselves need not be chosen.
    approvers = {code: await _only_approver(page, code) for code in wanted}
    await page.record("broadcast.drafted", broadcast_id)
    later = BackgroundTask(draft_all, page.hub, page.operator, broadcast_id, approvers)
    return page.go(f"{ROOT}/{broadcast_id}", done="broadcast.drafting", later=later)


async def draft_all(hub: Hub, operator: Operator, broadcast_id: str, approvers: dict[str, str | None]) -> None:
    """Have a machine draft languages one after the other, in sessions of its own."""
    assert hub.workshop is not None
    for language, approver in approvers.items():
        try:
            async with hub.database.session() as session:
                await make_draft(
                    session,
                    operator,
                    broadcast_id,
                    language,
                    drafting=hub.workshop.drafting,
                    clock=hub.clock,
                    approver=approver,
                )
        except Exception as error:
            # Its message may quote the text.
            log.warning("draft_not_made broadcast=%s to=%s error=%s", broadcast_id, language, type(error).__name__)


async def _only_approver(page: OfficePage, language: str) -> str | None:
    people = await people_who_approve(page, language)
    return people[0].id if len(people) == 1 else None


async def _show(
    page: OfficePage,
    broadcast_id: str,
    language: str,
    errors: Sequence[str] = (),
    *,
    form: FormData | None = None,
    status: int = 200,
) -> HTMLResponse:
    shown = await show(page, broadcast_id)
    if language not in LANGUAGES or language == shown.broadcast.original_language:
        return page.not_found()
    text, original = shown.texts.get(language), shown.original
    can_approve = may_approve(page.operator, text, language) and shown.broadcast.status in CHANGEABLE
    return page.render(
        "broadcast_text.html",
        status=status,
        errors=list(errors),
        here=HERE,
        part="",
        shown=shown,
        language=language,
        language_name=page.language_name(language),
        original=original,
        original_html=to_html(original.body) if original else "",
        text=text,
        subject=field(form, "subject") if form is not None else text.subject if text else "",
        body=field(form, "body") if form is not None else text.body if text else "",
        seen_at=text.changed_at.isoformat() if text else "",
        problems=_problems(page, text),
        state=text.state if text else TextState.WRITTEN,
        can_approve=can_approve,
        can_save=shown.is_editable or (can_approve and text is not None),
        longest=(LONGEST_SUBJECT, LONGEST_BODY),
        people=[(one.id, one.name) for one in await people_who_approve(page, language)],
    )


def _problems(page: OfficePage, text: BroadcastText | None) -> list[str]:
    found = []
    for problem in text.problems if text else ():
        name: Any = problem.get("check", "other")
        key = f"broadcast.texts.check.{name}"
        known = page.hub.wording.texts.has(key, "en") and name != "other"
        words = page.t(key) if known else page.t("broadcast.texts.check.other", check=name)
        sentence = problem.get("text")
        found.append(page.t("broadcast.texts.check_in", problem=words, text=sentence) if sentence else words)
    return list(dict.fromkeys(found))
