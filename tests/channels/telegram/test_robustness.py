"""What goes wrong on the way: duplicates, edits, restarts, refusals, broken updates. Nothing is lost or said twice."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlmodel import select

from app import build_app, build_telegram
from channels.telegram.models import TelegramButton, TelegramChat, TelegramUpdate, TelegramWaiting
from channels.telegram.runner import TelegramRunner
from channels.telegram.state import Claim, TelegramState
from conversation.errors import AssistantUnavailableError
from conversation.models import Handoff
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from tests.channels.telegram.conftest import FAST, QUICK, MakePerson, until
from tests.fakes import FakeAssistant
from tests.telegram_server.rules import RefusedError
from tests.telegram_server.server import BotApi, deliver
from web.state import Hub


@pytest.mark.usefixtures("runner")
async def test_a_duplicated_update_is_handled_once(make_person: MakePerson, api: BotApi) -> None:
    person = make_person()
    update_id = await api.put(message=person.message(text="/tool/icc-index"))
    update = dict(api.pending[update_id])
    await api.until_handled(update_id)
    # Telegram offers it once more, beside a new one.
    async with api._news:
        api.pending = {update_id: update}
    await person.types("/privacy")
    assert len([message for message in person.screen if "👍 Helpful" in message.titles]) == 1


@pytest.mark.usefixtures("runner")
async def test_reordered_updates_are_all_answered_in_their_order(make_person: MakePerson, api: BotApi) -> None:
    person = make_person()
    first, second = api.next_number(), api.next_number()
    texts = {second: "/help", first: "/reply"}
    async with api._news:
        api.pending = {
            number: {"update_id": number, "message": person.message(text=text)} for number, text in texts.items()
        }
        api._news.notify_all()
    await person.waits_for(2)
    assert ["25 digits" in message.text for message in person.screen] == [True, False]


@pytest.mark.usefixtures("runner")
async def test_an_edited_message_is_no_new_question(make_person: MakePerson, assistant: FakeAssistant) -> None:
    person = make_person()
    message = person.message(text="/tool/icc-index")
    await person.sends(message=message)
    asked = len(assistant.asked)
    [note] = await person.sends(edited_message=message | {"text": "/tool/welcome-pack", "edit_date": 1_795_000_001})
    assert "message of its own" in note.text
    assert len(assistant.asked) == asked


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize(
    "part",
    [
        {"message": {"text": "no chat, no date"}},
        {"message": 7},
        {"message": {"message_id": "x", "date": "y", "chat": {"id": 1, "type": "private"}, "text": 5}},
        {"callback_query": {"id": "1"}},
        {"my_chat_member": {"chat": None}},
        {"purchased_paid_media": {}},
        {},
    ],
)
async def test_a_broken_update_stops_nobody(make_person: MakePerson, api: BotApi, part: dict[str, Any]) -> None:
    person = make_person()
    await api.until_handled(await api.put(**part))
    [answer] = await person.types("/tool/icc-index")
    assert answer.text


@pytest.mark.usefixtures("runner")
async def test_the_beginning_of_a_text_of_4096_characters_is_read(
    make_person: MakePerson, assistant: FakeAssistant
) -> None:
    *answers, note = await make_person("fr").types("é" * 4096)
    assert answers
    assert [len(text) for _, text, _ in assistant.asked] == [2000]
    assert "que le début" in note.text


@pytest.mark.usefixtures("runner")
async def test_a_picture_gets_a_sentence_and_its_caption_an_answer(make_person: MakePerson) -> None:
    person = make_person("it")
    photo = [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]
    [alone] = await person.sends(message=person.message(photo=photo))
    assert "solo testo" in alone.text
    both = await person.sends(message=person.message(photo=photo, caption="/tool/icc-index"))
    assert len(both) == 2


@pytest.mark.usefixtures("runner")
async def test_markup_in_a_text_is_shown_as_it_is(make_person: MakePerson) -> None:
    person = make_person()
    await person.types("/flow/handoff")
    [shown] = await person.types("Is <b>2 & 2</b> &lt; 5? </a> مرحبا 12 345 \u202eabc")
    assert "Is <b>2 & 2</b> &lt; 5? </a> مرحبا 12 345 abc" in shown.text


@pytest.mark.usefixtures("runner")
async def test_old_and_unknown_buttons_are_answered(make_person: MakePerson, api: BotApi) -> None:
    person = make_person()
    [choice] = await person.types("/tools")
    for data in ("#/0123456789abcdef01234567", "?what", "!what"):
        [answer] = await person.sends(callback_query=person.press_data(data, on=choice))
        assert "too old" in answer.text
    # A message so old that Telegram does not show it to bots any more.
    press = person.press(choice.titles[0])
    press["message"] = {"message_id": choice.message_id, "date": 0, "chat": person.chat}
    [answer] = await person.sends(callback_query=press)
    assert "👍 Helpful" in answer.titles
    assert api.open_presses == set()


@pytest.mark.usefixtures("runner")
async def test_a_press_that_is_too_old_for_telegram_is_still_answered(make_person: MakePerson, api: BotApi) -> None:
    person = make_person()
    [choice] = await person.types("/tools")
    press = person.press(choice.titles[0])
    api.open_presses.clear()
    [answer] = await person.sends(callback_query=press)
    assert "👍 Helpful" in answer.titles


@pytest.mark.usefixtures("runner")
async def test_a_blocked_bot_is_noticed_and_the_next_message_lets_it_in_again(
    hub: Hub, make_person: MakePerson, api: BotApi
) -> None:
    person, other = make_person(), make_person()
    await person.types("/flow/handoff")
    await person.types("When does our first year as a member end?")
    await person.types("/confirm")
    api.blocked.add(person.id)
    assert await person.types("/privacy") == []
    async with hub.database.session() as session:
        assert (await session.exec(select(TelegramChat))).one().blocked_at is not None
        assert (await session.exec(select(TelegramWaiting))).all() == []
    assert len(await other.types("/privacy")) == 1
    api.blocked.clear()
    assert len(await person.types("/privacy")) == 1
    async with hub.database.session() as session:
        assert (await session.exec(select(TelegramChat))).one().blocked_at is None


@pytest.mark.usefixtures("runner")
async def test_blocking_without_a_message_is_noticed(hub: Hub, make_person: MakePerson) -> None:
    person = make_person()
    bot = {"id": 123456, "is_bot": True, "first_name": "ICC Hub"}
    change = {"chat": person.chat, "from": person.user, "date": 1_795_000_000}
    kicked = {"status": "kicked", "user": bot, "until_date": 0}
    await person.sends(
        my_chat_member=change | {"old_chat_member": {"status": "member", "user": bot}, "new_chat_member": kicked}
    )
    async with hub.database.session() as session:
        assert (await session.exec(select(TelegramChat))).one().blocked_at is not None


@pytest.mark.usefixtures("runner")
async def test_telegram_being_away_for_a_moment_loses_nothing(make_person: MakePerson, api: BotApi) -> None:
    person = make_person()
    away = [RefusedError(502, "Bad Gateway") for _ in range(4)]
    api.faults[person.id] = [RefusedError(429, "Too Many Requests: retry after 0", retry_after=0), *away]
    [answer] = await person.types("/tool/icc-index")
    assert "👍 Helpful" in answer.titles


@pytest.mark.usefixtures("runner")
async def test_a_fault_of_ours_is_told_and_stops_nobody(
    hub: Hub, make_person: MakePerson, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> dict[str, Any]:
        raise KeyError("landlord in Bologna")

    person = make_person()
    with monkeypatch.context() as patch:
        patch.setattr(assistant, "ask", fail)
        [sorry] = await person.types("my landlord")
    assert sorry.text == hub.wording.texts.get("error.unexpected", "en")
    assert len(await person.types("/tool/icc-index")) == 1


@pytest.mark.usefixtures("runner")
async def test_a_flood_of_one_chat_gets_one_sentence_and_others_are_served(
    make_person: MakePerson, api: BotApi
) -> None:
    person = make_person()
    numbers = [await api.put(message=person.message(text="/reply")) for _ in range(35)]
    await api.until_handled(numbers[-1])
    assert sum("25 digits" in message.text for message in person.screen) == 30
    assert sum("wait" in message.text for message in person.screen) == 1
    assert len(await make_person().types("/reply")) == 1


@pytest.mark.usefixtures("runner")
async def test_a_group_gets_no_answers(make_person: MakePerson, api: BotApi) -> None:
    person = make_person()
    person.chat = {"id": -100123, "type": "supergroup", "title": "City hall"}
    assert await person.types("/tool/icc-index") == []
    [note] = await person.types("/start@IccHubTestBot")
    assert "a chat with me alone" in note.text


async def test_a_crash_in_the_middle_loses_no_answer_and_no_state(
    settings: Settings, hub: Hub, make_person: MakePerson, api: BotApi, assistant: FakeAssistant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    person = make_person("de")
    first = build_telegram(hub, timing=QUICK, limits=FAST)
    assert first is not None
    first.start()
    await person.types("/language it")

    reached = asyncio.Event()

    async def hang(*_: object) -> dict[str, Any]:
        reached.set()
        await asyncio.sleep(3600)
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(assistant, "ask", hang)
        update_id = await api.put(message=person.message(text="/tool/icc-index"))
        await reached.wait()
        asked = len(api.calls_of("getUpdates"))
        await until(lambda: len(api.calls_of("getUpdates")) > asked + 1)
        # As at a crash: nothing is finished, nothing handed over but the lease.
        await first.stop()
    assert update_id in api.pending
    await hub.conversations._languages.close()
    second = build_telegram(hub, timing=QUICK, limits=FAST)
    assert second is not None
    second.start()
    await api.until_handled(update_id)
    await second.stop()
    titles = [message.text.split("\n")[0] for message in person.screen]
    assert titles.count(hub.wording.base.get_entry("tool/icc-index").title("it")) == 1


async def test_a_second_process_takes_over_when_the_first_dies(
    hub: Hub, make_person: MakePerson, api: BotApi, clock: FixedClock
) -> None:
    first, second = (build_telegram(hub, timing=QUICK, limits=FAST) for _ in range(2))
    assert first is not None
    assert second is not None
    first.start()
    await until(lambda: bool(api.calls_of("getUpdates")))
    second.start()
    person = make_person()
    assert len(await person.types("/reply")) == 1
    assert first._task is not None
    # Dead without a word: its lease runs out.
    first._task.cancel()
    await asyncio.sleep(0)
    clock.at += timedelta(seconds=10)
    assert len(await person.types("/reply")) == 1
    await second.stop()
    await first.stop()


@pytest.mark.usefixtures("runner")
async def test_a_deletion_that_the_assistant_refuses_is_told(
    hub: Hub, make_person: MakePerson, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: str) -> None:
        raise AssistantUnavailableError(reason="status 500")

    monkeypatch.setattr(assistant, "forget", fail)
    person = make_person()
    await person.types("/flow/handoff")
    await person.types("When does our first year as a member end?")
    await person.types("/confirm")
    [asked] = await person.types("/delete")
    await person.presses("Delete it")
    assert "could not be deleted now" in asked.text
    async with hub.database.session() as session:
        for table in (TelegramChat, TelegramWaiting, Handoff):
            assert (await session.exec(select(table))).all() == []


async def test_an_update_is_claimed_once_and_given_up_after_three_attempts(
    database: Database, clock: FixedClock
) -> None:
    state = TelegramState(database, clock)
    assert await state.claim(1, holder="a", alone=False) is Claim.OURS
    assert await state.claim(1, holder="b", alone=False) is Claim.BUSY
    assert await state.claim(1, holder="b", alone=True) is Claim.OURS
    await state.release(1)
    assert await state.claim(1, holder="c", alone=False) is Claim.OURS
    assert await state.claim(1, holder="c", alone=True) is Claim.DONE
    assert await state.claim(2, holder="a", alone=True) is Claim.OURS
    await state.finish(2)
    assert await state.claim(2, holder="a", alone=True) is Claim.DONE


async def test_long_data_of_a_button_goes_through_the_table(database: Database, clock: FixedClock) -> None:
    state = TelegramState(database, clock)
    long = "/service/" + "x" * 80
    short = await state.shorten(long)
    assert len(short.encode()) <= 64
    assert await state.shorten(long) == short
    assert await state.lengthen(short) == long
    assert await state.shorten("/tools") == await state.lengthen("/tools") == "/tools"
    assert await state.lengthen("#/unknown") is None


async def test_what_is_past_its_time_is_deleted(database: Database, clock: FixedClock) -> None:

    state = TelegramState(database, clock)
    await state.claim(1, holder="a", alone=True)
    await state.update_chat("key", language="it")
    await state.shorten("/" + "y" * 80)
    await state.wait_for_team("key", 5)
    clock.at += timedelta(days=59)
    assert await state.expire() == {"update": 1, "chat": 0, "button": 0, "waiting": 0}
    clock.at += timedelta(days=122)
    assert await state.expire() == {"update": 0, "chat": 1, "button": 1, "waiting": 1}
    async with database.session() as session:
        for table in (TelegramUpdate, TelegramChat, TelegramButton, TelegramWaiting):
            assert (await session.exec(select(table))).all() == []


async def test_the_webhook_takes_updates_with_its_secret_only(
    settings: Settings, hub: Hub, make_person: MakePerson, api: BotApi
) -> None:

    settings = settings.model_copy(update={"telegram_webhook_url": "https://hub.example.org/telegram/webhook"})
    app = build_app(settings, hub=replace(hub, settings=settings))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="https://hub.example.org") as client,
    ):
        await until(lambda: bool(api.webhook))
        person = make_person()
        update = {"update_id": 7, "message": person.message(text="/reply")}
        assert await deliver(api, update, client) == 200
        assert await deliver(api, update, client) == 200
        assert len(person.screen) == 1
        assert await deliver(api, {"update_id": 8, "message": "broken"}, client) == 200
        api.webhook["secret_token"] = "guessed"
        assert await deliver(api, update | {"update_id": 9}, client) == 404
    assert api.calls_of("getUpdates") == []


async def test_while_reports_are_not_open_the_commands_say_so(hub: Hub, make_person: MakePerson) -> None:
    runner = build_telegram(replace(hub, form=None, cases=None), timing=QUICK, limits=FAST)
    assert runner is not None
    runner.start()
    person = make_person()
    first, _ = await person.types("/report")
    assert "never anonymous" in first.text
    [note] = await person.types("/reply")
    assert "not ready yet" in note.text
    await runner.stop()


async def test_without_a_token_the_channel_is_off(hub: Hub, settings: Settings) -> None:

    off = replace(hub, settings=settings.model_copy(update={"telegram_token": None}))
    assert build_telegram(off) is None


async def test_a_refused_token_ends_the_channel_and_not_the_hub(hub: Hub, settings: Settings) -> None:

    wrong = settings.model_copy(update={"telegram_token": SecretStr("1:wrong")})
    runner = build_telegram(replace(hub, settings=wrong), timing=QUICK)
    assert runner is not None
    runner.start()
    assert runner._task is not None
    await asyncio.wait_for(runner._task, 5)
    await runner.stop()


async def test_logs_hold_no_text_no_chat_and_no_token(
    runner: TelegramRunner, make_person: MakePerson, api: BotApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    person = make_person()
    await person.types("my landlord refused me")
    api.faults[person.id] = [RefusedError(403, "Forbidden: bot was blocked by the user")]
    await person.types("my landlord refused me")
    api.faults[person.id] = [RefusedError(400, "Bad Request: my landlord refused me")]
    await person.types("my landlord refused me")
    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn"))
    assert "telegram_update_failed" in ours
    for word in ("landlord", str(person.id), "TEST-token"):
        assert word not in ours
