"""Messages to subscribers over Telegram: the two errors of every channel, and never behind the limiter's back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from channels.base import ChannelUnavailableError, File, Link, ReadyChat, RecipientRefusedError, Reply
from channels.telegram.bot import TelegramBot
from channels.telegram.delivery import TelegramDelivery
from channels.telegram.limiter import Limits, TelegramLimiter
from channels.telegram.state import TelegramState
from core.clock import FixedClock
from core.database import Database
from tests.telegram_server.rules import RefusedError
from tests.telegram_server.server import TOKEN, BotApi

LIMITS = Limits(second=0.01, patience=0.5)


@pytest.fixture
async def delivery(api: BotApi, database: Database, clock: FixedClock) -> AsyncIterator[TelegramDelivery]:
    bot = TelegramBot(TOKEN, api_url=api.url, limiter=TelegramLimiter(LIMITS))
    delivery = TelegramDelivery(bot, TelegramState(database, clock), public_url=None, owns_bot=True)
    yield delivery
    await delivery.close()


def message(*, markdown: str = "# News\n\nHello", files: tuple[File, ...] = ()) -> ReadyChat:
    link = Link(title="Change what you get", url="https://hub.example.org/p")
    reply = Reply(text="You chose webinars.", language="en", links=[link])
    return ReadyChat(id="1" * 32, to="77", reply=reply, markdown=markdown, files=files)


async def test_a_message_arrives_with_its_reason_its_link_and_its_file(delivery: TelegramDelivery, api: BotApi) -> None:
    await delivery.send(message(files=(File("invite.ics", "text/calendar", b"BEGIN:VCALENDAR"),)))
    [words, file] = api.messages_to(77)
    assert "Hello" in words.text
    assert "You chose webinars." in words.text
    assert 'href="https://hub.example.org/p"' in words.html
    assert file.html == "invite.ics"
    assert api.uploads == [("invite.ics", b"BEGIN:VCALENDAR")]


async def test_who_blocked_the_bot_is_gone(delivery: TelegramDelivery, api: BotApi) -> None:
    api.blocked.add(77)
    with pytest.raises(RecipientRefusedError) as refused:
        await delivery.send(message())
    assert refused.value.lasting


async def test_telegrams_waiting_time_is_handed_on_when_it_is_long(delivery: TelegramDelivery, api: BotApi) -> None:
    api.faults[77] = [RefusedError(429, "Too Many Requests: retry after 40", retry_after=40)]
    with pytest.raises(ChannelUnavailableError) as away:
        await delivery.send(message())
    assert 39 < (away.value.retry_after or 0) <= 40
    assert not away.value.whole


async def test_a_message_that_telegram_does_not_take_is_no_fault_of_the_chat(
    delivery: TelegramDelivery, api: BotApi
) -> None:
    api.faults[77] = [RefusedError(400, "Bad Request: something about the text Hello")]
    with pytest.raises(RecipientRefusedError) as refused:
        await delivery.send(message())
    assert not refused.value.lasting
    assert "Hello" not in str(refused.value)


async def test_a_long_message_that_broke_off_goes_on_where_it_stopped(delivery: TelegramDelivery, api: BotApi) -> None:
    long = message(markdown="\n\n".join(f"Paragraph {number} " + "word " * 300 for number in range(6)))
    await delivery.send(long)
    whole = [sent.html for sent in api.messages_to(77)]
    assert len(whole) >= 3
    api.sent.clear()
    api.faults[77] = [None, RefusedError(429, "Too Many Requests", retry_after=1)]
    with pytest.raises(ChannelUnavailableError):
        await delivery.send(long)
    await asyncio.sleep(1.0)
    await delivery.send(long)
    assert [sent.html for sent in api.messages_to(77)] == whole


async def test_a_wrong_token_is_away_for_everybody(api: BotApi, database: Database, clock: FixedClock) -> None:
    bot = TelegramBot("1:wrong", api_url=api.url, limiter=TelegramLimiter(LIMITS))
    delivery = TelegramDelivery(bot, TelegramState(database, clock), public_url=None, owns_bot=True)
    with pytest.raises(ChannelUnavailableError) as away:
        await delivery.send(message())
    assert away.value.whole
    await bot.shutdown()
