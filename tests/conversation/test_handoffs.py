"""Questions that were passed on to the team end: some time after the answer, or when nobody answered in a year."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select

from conversation.handoffs import KEEP_ANSWERED, KEEP_OPEN, answer_handoff, create_handoff, expire_handoffs
from conversation.models import Handoff
from core.clock import FixedClock
from core.database import Database


async def ask(database: Database, clock: FixedClock, question: str, *, answer: str | None = None) -> None:
    async with database.session() as session:
        handoff = await create_handoff(
            session, channel="web", sender_key="k", language="en", question=question, subject=None, clock=clock
        )
        if answer is not None:
            assert handoff.id is not None
            await answer_handoff(session, handoff.id, answer=answer, clock=clock)


async def left(database: Database, clock: FixedClock) -> set[str]:
    async with database.session() as session:
        await expire_handoffs(session, clock)
        return set(await session.exec(select(Handoff.question)))


async def test_an_answered_question_ends_half_a_year_later_and_an_open_one_after_a_year(
    database: Database, clock: FixedClock
) -> None:
    await ask(database, clock, "open")
    await ask(database, clock, "answered", answer="Yes.")
    clock.at += KEEP_ANSWERED - timedelta(hours=1)
    assert await left(database, clock) == {"open", "answered"}
    clock.at += timedelta(hours=1)
    assert await left(database, clock) == {"open"}
    clock.at += KEEP_OPEN - KEEP_ANSWERED
    assert await left(database, clock) == set()


async def test_a_late_answer_is_kept_from_the_day_it_came(database: Database, clock: FixedClock) -> None:
    await ask(database, clock, "slow")
    clock.at += KEEP_OPEN - timedelta(days=1)
    async with database.session() as session:
        [handoff_id] = await session.exec(select(Handoff.id))
        assert handoff_id is not None
        await answer_handoff(session, handoff_id, answer="Sorry, late.", clock=clock)
    clock.at += timedelta(days=2)
    assert await left(database, clock) == {"slow"}
