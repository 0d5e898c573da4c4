"""A hub with a Telegram channel that talks to a local Bot API server, and people who write there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from app import build_hub, build_telegram
from channels.forms import CaseReturn, GuidedForm
from channels.telegram.limiter import Limits
from channels.telegram.runner import TelegramRunner, Timing
from channels.telegram.wiring import build_runner
from conversation.for_channels import HubForChannels
from conversation.replies import Wording
from core.clock import FixedClock
from core.settings import Settings
from tests.channels.telegram.fakes import RECEIPT, FakeCases, FakeForm
from tests.databases import copy_migrated_sqlite
from tests.fakes import FakeAssistant
from tests.telegram_server.server import TOKEN, BotApi, Person, running_bot_api
from web.state import Hub

QUICK = Timing(lease=3.0, poll=1, look=0.05, backoff=0.05, tidy=0.05)
FAST = Limits(second=0.01)
"""So that journeys need not wait; the limiter has tests of its own."""

type MakePerson = Callable[..., Person]


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with running_bot_api() as api:
        yield api
        assert api.refusals == []


@pytest.fixture
def settings(settings: Settings, api: BotApi) -> Settings:
    return settings.model_copy(update={"telegram_token": SecretStr(TOKEN), "telegram_api_url": api.url})


@pytest.fixture
async def hub(
    settings: Settings, clock: FixedClock, wording: Wording, assistant: FakeAssistant, migrated_sqlite: Path
) -> AsyncIterator[Hub]:
    copy_migrated_sqlite(migrated_sqlite, settings)
    hub = build_hub(settings, clock=clock, assistant=assistant, wording=wording)
    yield hub
    await hub.conversations.close()
    await hub.database.close()


@pytest.fixture
async def runner(hub: Hub) -> AsyncIterator[TelegramRunner]:
    """The running channel, long polling."""
    runner = build_telegram(hub, timing=QUICK, limits=FAST)
    assert runner is not None
    runner.start()
    yield runner
    await runner.stop()


@pytest.fixture
def form() -> FakeForm:
    return FakeForm()


@pytest.fixture
def cases() -> FakeCases:
    return FakeCases(RECEIPT.format(last="99999"))


@pytest.fixture
async def with_reports(hub: Hub, form: FakeForm, cases: FakeCases) -> AsyncIterator[TelegramRunner]:
    """The running channel, with a stand-in for the report and the return."""
    runner = reporting_runner(hub, form=form, cases=cases)
    runner.start()
    yield runner
    await runner.stop()


def reporting_runner(hub: Hub, *, form: GuidedForm, cases: CaseReturn) -> TelegramRunner:
    """A channel that takes reports, as app.py builds it."""
    settings = hub.settings
    assert settings.telegram_token is not None
    return build_runner(
        token=settings.telegram_token.get_secret_value(),
        api_url=settings.telegram_api_url,
        webhook_url=None,
        webhook_secret="secret",
        public_url="https://hub.example.org",
        hub=HubForChannels(hub.conversations, hub.database, hub.clock),
        database=hub.database,
        clock=hub.clock,
        texts=hub.wording.texts,
        form=form,
        cases=cases,
        timing=QUICK,
        limits=FAST,
    )


@pytest.fixture
def make_person(api: BotApi) -> MakePerson:
    """People by the language of their app; each has a chat of their own."""
    chat_ids = iter(range(5_000_000_001, 5_000_000_999))

    def make(language: str | None = "en") -> Person:
        return Person(api, chat_id=next(chat_ids), language=language)

    return make


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Until it is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
