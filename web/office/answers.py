"""The team's answers as a list, with what the assistant has learnt of them; and questions given to an entry."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from core.errors import HubError
from core.languages import RELEASED, SOURCE_LANGUAGE
from identity.operators import OperatorRole
from knowledge.base import Entry
from knowledge.catalogue import search
from knowledge.schema import Kind
from knowledge.written.errors import AnswerInvalidError
from knowledge.written.lessons import read_lessons
from knowledge.written.service import (
    add_examples,
    list_added_examples,
    list_answers,
    remove_example,
    settle_questions,
)
from web.assistant_models import find_newest_model
from web.forms import field
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute
from web.office.unanswered import UNANSWERED, find_asked, join_numbers

router = APIRouter(route_class=OfficeRoute)
ANSWERS = "/office/answers"
SHOWN_ENTRIES = 10
LEARNING_TAKES = timedelta(minutes=30)
"""After this time something has to be done by hand, or the machine is very busy."""


@router.get(ANSWERS)
async def answers_page(page: OfficeParts) -> HTMLResponse:
    """All answers, the one changed last first."""
    page.require(OperatorRole.EDITOR)
    base = page.hub.wording.base
    added = [
        (row, known.title(page.language) if (known := base.entries.get(row.entry)) else row.entry)
        for row in await list_added_examples(page.session)
    ]
    return page.render(
        "answers.html",
        answers=[
            (
                whole,
                page.separated(page.language_name(code) for code in whole.texts),
                page.when(whole.answer.changed_at),
            )
            for whole in await list_answers(page.session)
        ],
        added=added,
        learning=await _describe_learning(page),
    )


@router.get(ANSWERS + "/choose")
async def choose_page(page: OfficeParts, question: str = "", text: str = "") -> HTMLResponse:
    """Entries that may answer the questions."""
    return await _show_choice(page, question, text)


@router.post(ANSWERS + "/choose")
async def choose(page: OfficeParts) -> Response:
    """The questions become examples of the entry; this process answers them at once, the others within a minute."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    numbers, entry = field(form, "question"), field(form, "entry")
    asked = await find_asked(page.session, [numbers])
    questions = [(each.language, each.text) for each in asked if each.language in RELEASED]
    try:
        await add_examples(page.session, entry, questions, base=page.hub.wording.base, clock=page.clock)
    except HubError as error:
        await page.session.rollback()
        return await _show_choice(page, numbers, "", say_problems(page, error), status=error.status)
    await settle_questions(page.session, questions, entry=entry, clock=page.clock)
    await page.record("written_answers.added", entry)
    await take_up(page)
    return page.go(UNANSWERED, done="written_answers.added")


@router.post(ANSWERS + "/added/{number}/remove")
async def remove(page: OfficeParts, number: int) -> Response:
    """A question that was added to an entry by mistake."""
    page.require(OperatorRole.EDITOR)
    await page.form()
    row = await remove_example(page.session, number)
    if row is not None:
        await page.record("written_answers.example_removed", row.entry)
        await take_up(page)
    return page.go(ANSWERS, done="written_answers.removed")


async def take_up(page: OfficePage) -> None:
    """Let this process say at once what was saved."""
    if page.hub.answers is not None:
        await page.hub.answers.refresh(page.session)


def say_problems(page: OfficePage, error: HubError) -> list[str]:
    """Every reason of an error, as sentences."""
    if isinstance(error, AnswerInvalidError):
        return [page.t(f"written_answers.wrong.{name}", **values) for name, values in error.problems]
    return [page.say(error)]


async def _show_choice(
    page: OfficePage, numbers: str, text: str, errors: list[str] | None = None, *, status: int = 200
) -> HTMLResponse:
    page.require(OperatorRole.EDITOR)
    asked = await find_asked(page.session, [numbers])
    entries = [entry for entry in page.hub.wording.base.entries.values() if entry.kind is not Kind.SERVICE]
    found: dict[str, Entry] = {}
    for words, language in [(text, page.language)] if text.strip() else [(each.text, each.language) for each in asked]:
        read_in = language if language in RELEASED else SOURCE_LANGUAGE
        found |= {entry.id: entry for entry in search(page.hub.wording.base, words, read_in, entries=entries)}
    return page.render(
        "answer_choose.html",
        status=status,
        errors=errors or [],
        asked=asked,
        numbers=join_numbers(asked),
        text=text,
        entries=list(found.values())[:SHOWN_ENTRIES],
    )


async def _describe_learning(page: OfficePage) -> str:
    """How far the assistant's training is, as a sentence."""
    lessons = await read_lessons(page.session)
    model = await asyncio.to_thread(find_newest_model, page.hub.settings)
    if not lessons.examples and (model is None or not model.mark):
        return page.t("written_answers.learning.nothing")
    if model is not None and model.mark == lessons.mark:
        return page.t("written_answers.learning.learnt", when=page.when(model.changed_at))
    if lessons.changed_at is not None and page.now - lessons.changed_at < LEARNING_TAKES:
        return page.t("written_answers.learning.learning")
    return page.t("written_answers.learning.by_hand")
