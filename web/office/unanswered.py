"""What people asked and did not find: one question, or several together, get an entry, an answer or neither."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from conversation.models import UnansweredQuestion
from identity.operators import OperatorRole
from knowledge.written.service import list_settled, question_key, settle_questions
from web.forms import fields
from web.office.doorway import OfficePage, OfficeParts, OfficeRoute

router = APIRouter(route_class=OfficeRoute)
UNANSWERED = "/office/questions/unanswered"
SHOWN = 300
MOST_TICKED = 40


@dataclass
class Asked:
    """One question in the words of whoever asked it last, and how often it was asked. ``id`` stands for all of them."""

    id: int
    text: str
    language: str
    times: int = 0


@router.get(UNANSWERED)
async def unanswered_page(page: OfficeParts) -> HTMLResponse:
    """With names and numbers removed; the most frequent first."""
    return await _show(page)


@router.post(UNANSWERED)
async def settle(page: OfficeParts) -> Response:
    """On with those that were ticked: to the entries, to the form, or off the list."""
    page.require(OperatorRole.EDITOR)
    form = await page.form()
    ticked = await find_asked(page.session, fields(form, "question"))
    if not ticked:
        return await _show(page, [page.t("written_answers.unanswered.none_ticked")], status=422)
    action = form.get("action")
    if action == "aside":
        settled = [(asked.language, asked.text) for asked in ticked]
        await settle_questions(page.session, settled, entry=None, clock=page.clock)
        await page.record("written_answers.aside", str(len(ticked)))
        return page.go(UNANSWERED, done="written_answers.aside")
    path = "/office/answers/choose" if action == "entry" else "/office/answers/new"
    return page.go(path, question=join_numbers(ticked))


async def _show(page: OfficePage, errors: list[str] | None = None, *, status: int = 200) -> HTMLResponse:
    page.require(OperatorRole.EDITOR)
    asked = await _list_asked(page.session)
    return page.render(
        "unanswered.html",
        status=status,
        errors=errors or [],
        questions=[(each, page.language_name(each.language)) for each in asked[:SHOWN]],
        total=sum(each.times for each in asked),
    )


async def _list_asked(session: AsyncSession) -> list[Asked]:
    settled = await list_settled(session)
    found: dict[tuple[str, str], Asked] = {}
    for row in await session.exec(select(UnansweredQuestion).order_by(col(UnansweredQuestion.id).desc())):
        key = (row.language, question_key(row.text))
        if key in settled:
            continue
        asked = found.setdefault(key, Asked(row.id or 0, row.text, row.language))
        asked.times += 1
    return sorted(found.values(), key=lambda asked: -asked.times)


async def find_asked(session: AsyncSession, numbers: Iterable[str]) -> list[Asked]:
    """The questions with these numbers that are still there; each item may also name several ('3-17')."""
    wanted = [int(part) for each in numbers for part in each.split("-") if part.isdecimal() and len(part) < 10]
    query = select(UnansweredQuestion).where(col(UnansweredQuestion.id).in_(wanted[:MOST_TICKED]))
    return [Asked(row.id or 0, row.text, row.language) for row in await session.exec(query.order_by("id"))]


def join_numbers(asked: Iterable[Asked]) -> str:
    """What ``find_asked`` reads back from a form or an address."""
    return "-".join(str(each.id) for each in asked)
