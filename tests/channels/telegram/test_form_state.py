"""What reports leave in the channel's tables, on both databases: numbers only, and for 48 hours."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select

from channels.telegram.form_state import Asks, FormState
from channels.telegram.models import TelegramForm, TelegramFormMessage
from channels.telegram.recall import Recall
from core.clock import FixedClock
from core.database import Database


async def test_a_row_that_says_nothing_any_more_is_deleted(database: Database, clock: FixedClock) -> None:
    state = FormState(database, clock)
    row = await state.get("key")
    row.version, row.screen_id, row.screen_at = 3, 9_000_000_000, clock.now()
    await state.save(row)
    found = await state.find("key")
    assert found is not None
    assert (found.version, found.screen_id, found.screen_at) == (3, 9_000_000_000, clock.now())
    found.version, found.asks = None, Asks.CODE
    await state.save(found)
    again = await state.find("key")
    assert again is not None
    again.asks = None
    await state.save(again)
    assert await state.find("key") is None


async def test_a_message_is_noted_once(database: Database, clock: FixedClock) -> None:
    state = FormState(database, clock)
    assert await state.track("key", 9_000_000_000)
    assert not await state.track("key", 9_000_000_000, is_kept=True)
    assert await state.track("other", 9_000_000_000, of_return=True)
    [message] = await state.list_tracked("key")
    assert (message.is_kept, message.of_return) == (False, False)
    await state.untrack("key", [message.message_id])
    assert await state.list_tracked("key") == []
    assert len(await state.list_tracked("other")) == 1


async def test_nothing_is_kept_for_longer_than_48_hours(database: Database, clock: FixedClock) -> None:
    state = FormState(database, clock)
    row = await state.get("key")
    row.version = 1
    await state.save(row)
    await state.track("key", 1)
    clock.at += timedelta(hours=47)
    assert await state.expire() == {"form": 0, "form_message": 0}
    clock.at += timedelta(hours=1)
    assert await state.find("key") is None
    assert await state.expire() == {"form": 1, "form_message": 1}
    async with database.session() as session:
        for table in (TelegramForm, TelegramFormMessage):
            assert (await session.exec(select(table))).all() == []


def test_what_a_process_remembers_is_forgotten_in_time(clock: FixedClock) -> None:
    recall: Recall[str] = Recall(clock, timedelta(minutes=15))
    recall.put(1, "one")
    clock.at += timedelta(minutes=10)
    recall.put(2, "two")
    assert (recall.find(1), recall.sweep()) == ("one", [])
    clock.at += timedelta(minutes=5)
    assert recall.find(1) is None
    assert recall.sweep() == ["one"]
    recall.drop(2)
    recall.drop(2)
    assert recall.find(2) is None
