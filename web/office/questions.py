"""Questions that people passed on to the team."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import col, select

from conversation.errors import HandoffNotFoundError
from conversation.handoffs import answer_handoff, list_handoffs
from conversation.models import Handoff, HandoffStatus
from core.errors import HubError
from core.languages import SOURCE_LANGUAGE
from core.normalise import clean
from identity.operators import OperatorRole
from web.forms import field
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.pages import direction

router = APIRouter(route_class=OfficeRoute)
LONGEST_ANSWER = 5000
SHOWN_ANSWERED = 50


@router.get("/office/questions")
async def questions_page(page: OfficeParts, all: str = "") -> HTMLResponse:  # noqa: A002  (name of the query)
    """The inbox, oldest first; answered ones where they are asked for."""
    page.require(OperatorRole.EDITOR)
    waiting = await list_handoffs(page.session)
    answered: list[Handoff] = []
    if all:
        query = select(Handoff).where(Handoff.status == HandoffStatus.ANSWERED)
        answered = list(await page.session.exec(query.order_by(col(Handoff.id).desc()).limit(SHOWN_ANSWERED)))
    return page.render(
        "questions.html",
        waiting=[(one, page.when(one.created_at)) for one in waiting],
        answered=[(one, page.when(one.answered_at)) for one in answered],
        shows_all=bool(all),
    )


@router.get("/office/questions/{number}")
async def question_page(page: OfficeParts, number: int) -> HTMLResponse:
    """One question, with a machine's translation beside it where one is installed."""
    return await _show(page, number)


@router.post("/office/questions/{number}")
async def answer(page: OfficeParts, number: int) -> Response:
    """Answer it, or let a machine draft the answer in the asker's language first, to be looked at."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    text = clean(field(form, "answer"))
    if not text:
        return await _show(page, number, [page.t("office.questions.empty")], status=422)
    if len(text) > LONGEST_ANSWER:
        return await _show(page, number, [page.t("office.questions.too_long")], typed=text, status=422)
    if field(form, "action") == "translate":
        question = await _get(page, number)
        draft = await _translate(page, text, source=page.language, target=question.language)
        errors = [] if draft else [page.t("office.questions.no_draft")]
        return await _show(page, number, errors, typed=draft or text, is_draft=draft is not None)
    try:
        await answer_handoff(page.session, number, answer=text, clock=page.clock)
    except HubError as error:
        await page.session.rollback()
        return await _show(page, number, [page.say(error)], typed=text, status=error.status)
    await page.record("office.question_answered", str(number))
    return page.go("/office/questions", done="office.question_answered")


async def _get(page: OfficePage, number: int) -> Handoff:
    question = await page.session.get(Handoff, number)
    if question is None:
        raise HandoffNotFoundError(id=number)
    return question


async def _show(
    page: OfficePage,
    number: int,
    errors: list[str] | None = None,
    *,
    typed: str = "",
    is_draft: bool = False,
    status: int = 200,
) -> HTMLResponse:
    page.require(OperatorRole.EDITOR)
    question = await _get(page, number)
    channel = f"office.questions.by_{question.channel}"
    is_known = page.hub.wording.texts.has(channel, SOURCE_LANGUAGE)
    return page.render(
        "question.html",
        status=status,
        errors=errors or [],
        question=question,
        language_name=page.language_name(question.language),
        direction_of=direction(question.language),
        asked=page.when(question.created_at),
        answered=page.when(question.answered_at),
        where=page.t(channel) if is_known else page.t("office.questions.by_chat"),
        translation=await _translate(page, question.question, source=question.language, target=page.language),
        may_draft=page.hub.translator is not None and question.language != page.language,
        typed=typed,
        is_draft=is_draft,
        longest=LONGEST_ANSWER,
    )


async def _translate(page: OfficePage, text: str, *, source: str, target: str) -> str | None:
    if page.hub.translator is None or source == target:
        return None
    return await page.hub.translator(text, source=source, target=target)
