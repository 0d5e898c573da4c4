"""Writing an answer: its words in each language, its source, the questions it answers; publish, withdraw, delete."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData

from core.errors import HubError
from core.languages import RELEASED
from identity.operators import OperatorRole
from knowledge.written.errors import AnswerChangedError, AnswerInvalidError, AnswerNotFoundError
from knowledge.written.forms import LONGEST_TEXT, LONGEST_TITLE, MOST_LINKS, AnswerForm
from knowledge.written.models import AnswerStatus
from knowledge.written.service import (
    WholeAnswer,
    delete_answer,
    get_answer,
    publish_answer,
    remove_text,
    save_answer,
    settle_questions,
    withdraw_answer,
)
from web.forms import field
from web.office.answers import ANSWERS, say_problems, take_up
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.office.unanswered import find_asked, join_numbers
from web.pages import direction

router = APIRouter(route_class=OfficeRoute)


@router.get(ANSWERS + "/new")
async def new_page(page: OfficeParts, question: str = "") -> HTMLResponse:
    """An empty form, with the questions that were ticked."""
    asked = await find_asked(page.session, [question])
    spoken = [each.language for each in asked if each.language in RELEASED]
    language = max(spoken, key=spoken.count, default=page.language)
    examples = [each.text for each in asked if each.language == language]
    given = {"language": language, "examples": "\n".join(examples)}
    return await _show(page, None, given, numbers=join_numbers(asked))


@router.post(ANSWERS + "/new")
async def create(page: OfficeParts) -> Response:
    """A draft, or published at once."""
    return await _save(page, None)


@router.get(ANSWERS + "/{name}")
async def answer_page(page: OfficeParts, name: str, language: str = "") -> HTMLResponse:
    """One answer in one of its languages, or in one that it lacks."""
    page.require(OperatorRole.EDITOR)
    whole = await get_answer(page.session, name)
    language = language if language in RELEASED else whole.answer.original
    return await _show(page, whole, _given(whole, language))


@router.post(ANSWERS + "/{name}")
async def save(page: OfficeParts, name: str) -> Response:
    """Save, publish, or let a machine draft another language."""
    return await _save(page, name)


@router.post(ANSWERS + "/{name}/withdraw")
async def withdraw(page: OfficeParts, name: str) -> Response:
    """This process gives it no more at once, the others within a minute."""
    page.require(OperatorRole.EDITOR)
    await page.form()
    await withdraw_answer(page.session, name, by=page.operator.id, clock=page.clock)
    await page.record("written_answers.withdrawn", name)
    await take_up(page)
    return page.go(f"{ANSWERS}/{name}", done="written_answers.withdrawn")


@router.post(ANSWERS + "/{name}/delete")
async def delete(page: OfficeParts, name: str) -> Response:
    """What nobody is given any more, or was not yet, for ever."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    errors = [page.t("written_answers.wrong.unsure")] if field(form, "sure") != "yes" else []
    if not errors:
        try:
            await delete_answer(page.session, name, seen=field(form, "seen"))
        except AnswerChangedError as error:
            await page.session.rollback()
            errors = say_problems(page, error)
    if errors:
        whole = await get_answer(page.session, name)
        return await _show(page, whole, _given(whole, whole.answer.original), errors, status=422)
    await page.record("written_answers.deleted", name)
    return page.go(ANSWERS, done="written_answers.deleted")


@router.post(ANSWERS + "/{name}/remove-text")
async def remove(page: OfficeParts, name: str) -> Response:
    """Take a translation away."""
    page.require(OperatorRole.EDITOR)
    language = field(await page.form(), "language")
    await remove_text(page.session, name, language, by=page.operator.id, clock=page.clock)
    await page.record("written_answers.removed", name)
    await take_up(page)
    return page.go(f"{ANSWERS}/{name}", done="written_answers.removed")


async def _save(page: OfficePage, name: str | None) -> Response:
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    given = {key: field(form, key) for key in form if key != "token"}
    numbers, action = field(form, "question"), field(form, "action")
    before = await get_answer(page.session, name) if name else None
    if action == "translate":
        return await _draft(page, before, given)
    try:
        whole = await _keep(page, name, form, publish=action == "publish")
    except HubError as error:
        await page.session.rollback()
        before = await get_answer(page.session, name) if name else None
        return await _show(page, before, given, say_problems(page, error), status=error.status, numbers=numbers)
    settled = [(each.language, each.text) for each in await find_asked(page.session, [numbers])]
    await settle_questions(page.session, settled, entry=whole.answer.entry, clock=page.clock)
    path, language = f"{ANSWERS}/{whole.answer.id}", given.get("language", "")
    if action == "publish":
        await page.record("written_answers.published", whole.answer.id)
        await take_up(page)
        return page.go(path, done="written_answers.published", language=language)
    await page.record("written_answers.saved", whole.answer.id)
    if whole.answer.status != AnswerStatus.PUBLISHED:
        return page.go(path, done="written_answers.saved", language=language)
    await take_up(page)
    return page.go(path, done="written_answers.kept", language=language)


async def _keep(page: OfficePage, name: str | None, form: FormData, *, publish: bool) -> WholeAnswer:
    by, clock = page.operator.id, page.clock
    if field(form, "language") not in RELEASED:
        raise AnswerInvalidError([("language", {})])
    whole = await save_answer(page.session, name, _read(form), base=page.hub.wording.base, by=by, clock=clock)
    if not publish:
        return whole
    return await publish_answer(page.session, whole.answer.id, seen=whole.seen, by=by, clock=clock)


def _read(form: FormData) -> AnswerForm:
    return AnswerForm(
        language=field(form, "language"),
        title=field(form, "title"),
        text=field(form, "text"),
        links=tuple((field(form, f"link_title_{n}"), field(form, f"link_url_{n}")) for n in range(1, MOST_LINKS + 1)),
        examples=tuple(field(form, "examples").splitlines()),
        source=field(form, "source"),
        source_url=field(form, "source_url"),
        as_of=field(form, "as_of"),
        is_machine_draft=field(form, "drafted") == "yes" and field(form, "checked") != "yes",
        seen=field(form, "seen"),
    )


def _given(whole: WholeAnswer, language: str) -> dict[str, str]:
    """What the form shows of a saved answer."""
    answer, text = whole.answer, whole.texts.get(language)
    given = {
        "language": language,
        "title": text.title if text else "",
        "text": text.text if text else "",
        "examples": "\n".join(whole.examples.get(language, [])),
        "source": answer.source,
        "source_url": answer.source_url,
        "as_of": answer.as_of.isoformat() if answer.as_of else "",
        "drafted": "yes" if text and text.is_machine_draft else "",
    }
    for number, link in enumerate(text.links if text else [], start=1):
        given |= {f"link_title_{number}": link["title"], f"link_url_{number}": link["url"]}
    return given


async def _draft(page: OfficePage, whole: WholeAnswer | None, given: dict[str, str]) -> HTMLResponse:
    """A machine's draft in the form; nothing is saved by it."""
    if whole is None:
        raise AnswerNotFoundError
    language, original = given.get("language", ""), whole.answer.original
    text, translate = whole.texts[original], page.hub.translator
    if translate is None or language not in RELEASED or language == original:
        return await _show(page, whole, given, [page.t("written_answers.form.no_draft")], status=422)
    drafted = [await translate(each, source=original, target=language) for each in (text.title, text.text)]
    if not all(drafted):
        return await _show(page, whole, given, [page.t("written_answers.form.no_draft")])
    examples = [await translate(each, source=original, target=language) for each in whole.examples.get(original, [])]
    given |= {"title": drafted[0] or "", "text": drafted[1] or "", "drafted": "yes"}
    given["examples"] = given.get("examples") or "\n".join(each for each in examples if each)
    return await _show(page, whole, given)


async def _show(
    page: OfficePage,
    whole: WholeAnswer | None,
    given: dict[str, str],
    errors: list[str] | None = None,
    *,
    status: int = 200,
    numbers: str = "",
) -> HTMLResponse:
    page.require(OperatorRole.EDITOR)
    language = given.get("language", "")
    language = language if language in RELEASED else page.language
    original = whole.answer.original if whole else language
    shown: dict[str, Any] = {
        "whole": whole,
        "given": defaultdict(str, given),
        "language": language,
        "is_original": language == original,
        "languages": [(code, page.language_name(code)) for code in RELEASED],
        "may_draft": whole is not None and language != original and _may_draft(page, original, language),
        "direction_of": direction(language),
        "numbers": numbers,
        "seen": given.get("seen") or (whole.seen if whole else ""),
        "longest": (LONGEST_TITLE, LONGEST_TEXT),
        "link_numbers": range(1, MOST_LINKS + 1),
    }
    return page.render("answer.html", status=status, errors=errors or [], **shown)


def _may_draft(page: OfficePage, source: str, target: str) -> bool:
    return page.hub.machine is not None and target in page.hub.machine.targets(source)
