"""The notice that there is a message: said to those who asked for it, and without a word of what it is about."""

from __future__ import annotations

import pytest

from channels.base import ChannelUnavailableError
from channels.telegram.runner import TelegramRunner
from tests.channels.telegram.conftest import MakePerson
from tests.telegram_server.rules import RefusedError
from tests.telegram_server.server import BotApi

NOTICE = "telegram.notice"


async def test_a_notice_names_nothing(with_reports: TelegramRunner, make_person: MakePerson) -> None:
    person = make_person()
    assert await with_reports.notify(person.id, NOTICE, "en")
    assert [message.text for message in person.screen] == ["There is a message for you. Press /reply to read it."]


async def test_whoever_blocked_or_stopped_the_bot_gets_none(
    with_reports: TelegramRunner, make_person: MakePerson, api: BotApi
) -> None:
    blocked, stopped = make_person(), make_person()
    api.blocked.add(blocked.id)
    assert not await with_reports.notify(blocked.id, NOTICE, "en")
    asked = len(api.calls)
    assert not await with_reports.notify(blocked.id, NOTICE, "en")
    await stopped.types("/stop")
    assert not await with_reports.notify(stopped.id, NOTICE, "en")
    assert "sendMessage" not in [name for name, values in api.calls[asked:] if values.get("chat_id") == blocked.id]
    assert len(stopped.screen) == 1


async def test_a_notice_that_cannot_go_now_is_to_be_tried_later(
    with_reports: TelegramRunner, make_person: MakePerson, api: BotApi
) -> None:
    person = make_person()
    api.faults[person.id] = [RefusedError(502, "Bad Gateway")] * 3
    with pytest.raises(ChannelUnavailableError):
        await with_reports.notify(person.id, NOTICE, "en")
    assert await with_reports.notify(person.id, NOTICE, "en")
