"""Counting what people ask, without keeping who asked. Called after the reply has gone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession as PlainSession
from sqlmodel import SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from conversation.models import ContactDoubt, Feedback, LateReply, QuestionCount, UnansweredQuestion
from core.clock import Clock, today
from core.languages import is_greeting
from core.normalise import words

KEEP_UNANSWERED = timedelta(days=180)
KEEP_LATE_REPLIES = timedelta(days=30)
FEWEST_WORDS = 3
ROWS_AT_ONCE = 200
"""Rows of one statement; databases limit its parameters."""

_WITHOUT_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]{6,}")
"""A sentence of a script that puts no blanks between words."""


async def count_questions(
    session: AsyncSession, asked: Counter[tuple[str, str]], unanswered: Iterable[tuple[str, str]], clock: Clock
) -> None:
    """Add to the day's counts of (entry, language), and keep (text, language) of what got no answer.

    The texts were redacted before (conversation/redaction.py).
    """
    day = today(clock)
    rows = [
        {"entry": entry, "language": language, "asked_on": day, "count": times}
        for (entry, language), times in sorted(asked.items())
    ]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        await _add(session, QuestionCount, rows[start : start + ROWS_AT_ONCE])
    for text, language in unanswered:
        session.add(UnansweredQuestion(language=language, text=text, asked_on=today(clock)))
    await session.commit()


async def doubt_contact(session: AsyncSession, *, entry: str, field: str, clock: Clock) -> None:
    """Add one to the day's doubts about a contact."""
    await _add(session, ContactDoubt, [{"entry": entry, "field": field, "doubted_on": today(clock), "count": 1}])
    await session.commit()


async def give_feedback(
    session: AsyncSession, *, reply: str, entry: str, language: str, helpful: bool, clock: Clock
) -> None:
    """Keep whether a reply helped; saying it again changes it."""
    row = await session.get(Feedback, reply)
    if row is None:
        row = Feedback(reply=reply, entry=entry, language=language, helpful=helpful, given_on=today(clock))
    row.helpful = helpful
    session.add(row)
    await session.commit()


async def expire(session: AsyncSession, clock: Clock) -> dict[str, int]:
    """Delete what is past its time; returns how many rows of each kind."""
    day: date = today(clock) - KEEP_UNANSWERED
    questions = await _execute(session, delete(UnansweredQuestion).where(col(UnansweredQuestion.asked_on) < day))
    moment = clock.now() - KEEP_LATE_REPLIES
    replies = await _execute(session, delete(LateReply).where(col(LateReply.created_at) < moment))
    await session.commit()
    return {"unanswered_question": questions, "late_reply": replies}


def is_worth_reading(text: str, *, names_something: bool) -> bool:
    """Whether a message without an answer tells the team anything: no greeting, no 'yes', no '???'.

    ``names_something``: a place, a body or the like, which makes even one word a question.
    """
    if is_greeting(text):
        return False
    return names_something or len(words(text)) >= FEWEST_WORDS or bool(_WITHOUT_BLANKS.search(text))


async def _add(session: AsyncSession, table: type[SQLModel], rows: list[dict[str, object]]) -> None:
    """Add each row's ``count`` to what is counted under its other values; all rows have other ones.

    Rows come in one order everywhere, so that two processes that count at once never wait for each other in a circle.
    """
    dialect = session.get_bind().dialect.name
    insert = sqlite_insert if dialect == "sqlite" else postgresql_insert
    statement = insert(table).values(rows)
    counted = {"count": statement.excluded.count + table.__table__.c.count}  # type: ignore[attr-defined]
    keys = [name for name in rows[0] if name != "count"]
    await _execute(session, statement.on_conflict_do_update(index_elements=keys, set_=counted))


async def _execute(session: AsyncSession, statement: object) -> int:
    # SQLModel's own execute() is meant for selects and warns about everything else.
    result = await PlainSession.execute(session, statement)  # type: ignore[call-overload]
    return int(result.rowcount)
