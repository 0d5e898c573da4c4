"""The bot's name, which pages make deep links of."""

from __future__ import annotations

from app import build_telegram
from channels.telegram.runner import TelegramRunner
from tests.channels.telegram.conftest import until
from web.state import Hub


async def test_the_name_is_known_once_telegram_has_told_it(runner: TelegramRunner) -> None:
    await until(lambda: runner.find_name() is not None)
    name = runner.find_name()
    assert name is not None
    assert name.isascii()


async def test_before_that_there_is_none(hub: Hub) -> None:
    runner = build_telegram(hub)
    assert runner is not None
    assert runner.find_name() is None
    await runner.stop()
