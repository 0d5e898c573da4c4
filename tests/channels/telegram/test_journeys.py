"""What people live through on Telegram, from the app's side, against the local Bot API server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlmodel import select

from channels.telegram.models import TelegramChat, TelegramWaiting
from channels.telegram.runner import TelegramRunner
from conversation.handoffs import answer_handoff, list_handoffs
from conversation.models import Feedback, Handoff, LateReply
from core.clock import FixedClock
from core.languages import LANGUAGES, RELEASED
from knowledge.page_links import page_for_reader
from tests.channels.telegram.conftest import MakePerson
from tests.fakes import FakeAssistant
from tests.telegram_server.rules import RefusedError
from tests.telegram_server.server import BotApi, Sent
from web.state import Hub

pytestmark = pytest.mark.usefixtures("runner")

QUESTION = {
    "en": "Where is the anti-rumours handbook?",
    "fr": "Où se trouve le manuel anti-rumeurs ?",
    "it": "Dove si trova il manuale antidicerie?",
    "ar": "أين أجد دليل مكافحة الشائعات؟",
}
TO_THE_TEAM = {
    "en": "When does our first year as a member of the network end?",
    "fr": "Quand notre première année comme membre du réseau se termine-t-elle ?",
    "it": "Quando finisce il nostro primo anno come membri della rete?",
    "ar": "متى تنتهي سنتنا الأولى بصفتنا مدينة عضوا في الشبكة؟",
}


def say(hub: Hub, key: str, language: str) -> str:
    return hub.wording.texts.get(key, language)


def first_line(text: str) -> str:
    return text.split("\n", maxsplit=1)[0].strip("\u200e\u200f")


@pytest.mark.parametrize("language", RELEASED)
async def test_a_question_gets_its_answer_with_link_buttons_and_thumbs(
    hub: Hub, make_person: MakePerson, assistant: FakeAssistant, language: str
) -> None:
    assistant.understand(QUESTION[language], "ask_entry", entry="tool/icc-index")
    entry = hub.wording.base.get_entry("tool/icc-index")
    [answer] = await make_person(language).types(QUESTION[language])
    assert first_line(answer.text) == entry.title(language)
    assert f'href="{page_for_reader(str(entry.tool.url), language)}"' in answer.html
    assert answer.titles[-2:] == [say(hub, f"telegram.helpful_{word}", language) for word in ("yes", "no")]
    if language == "ar":
        assert all(line[0] == "\u200f" or "\u0600" <= line[0] <= "\u06ff" for line in answer.text.split("\n") if line)


@pytest.mark.parametrize("language", RELEASED)
async def test_a_button_is_ticked_where_it_stands_and_its_answer_follows(
    hub: Hub, make_person: MakePerson, api: BotApi, language: str
) -> None:
    person = make_person(language)
    [choice] = await person.types("/tools")
    title = choice.titles[0]
    [answer] = await person.presses(title)
    assert first_line(answer.text) == title
    assert choice.titles[0] == f"✓ {title}"
    assert (choice.edits, len(choice.titles)) == (1, 6)
    second = choice.titles[1]
    await person.presses(second, on=choice)
    assert choice.titles[:2] == [title, f"✓ {second}"]
    assert api.open_presses == set()


async def test_a_follow_up_knows_what_was_answered(hub: Hub, make_person: MakePerson, assistant: FakeAssistant) -> None:
    assistant.understand("who is it for?", "follow_up", aspect="audience")
    person = make_person()
    await person.types("/tool/icc-index")
    [answer] = await person.types("who is it for?")
    assert hub.wording.base.get_entry("tool/icc-index").text("en").audience in answer.text  # type: ignore[union-attr]


@pytest.mark.parametrize("language", RELEASED)
async def test_services_are_found_by_a_country_button(hub: Hub, make_person: MakePerson, language: str) -> None:
    person = make_person(language)
    [where] = await person.types("/services")
    country = hub.wording.country_buttons("place", language)[0].title
    assert country in where.titles
    found = await person.presses(country, on=where)
    assert 1 <= len(found) <= 4
    assert all(say(hub, "telegram.helpful_yes", language) in answer.titles for answer in found)


async def test_services_are_found_by_the_name_of_a_place(make_person: MakePerson, assistant: FakeAssistant) -> None:
    assistant.understand("Bologna", "find_service")
    found = await make_person("it").types("/services Bologna")
    assert "Bologna" in found[0].text
    assert "051" in found[0].text


@pytest.mark.parametrize("language", RELEASED)
async def test_a_chosen_language_stays_and_the_choice_is_shown_in_its_place(
    hub: Hub, make_person: MakePerson, language: str
) -> None:
    person = make_person("de")
    [asked] = await person.types("/language")
    own_name = LANGUAGES[language].own_name
    assert await person.presses(own_name) == []
    assert asked.text.strip("\u200e\u200f") == say(hub, "language.switched", language)
    assert f"✓ {own_name}" in asked.titles
    async with hub.database.session() as session:
        [row] = (await session.exec(select(TelegramChat))).all()
    assert row.language == language
    # A new process knows nothing of the last hour.
    await hub.conversations._languages.drop(row.chat_key)
    [privacy] = await person.types("/privacy")
    assert say(hub, "telegram.privacy", language)[:30] in privacy.text


@pytest.mark.parametrize("language", RELEASED)
async def test_a_question_to_the_team_comes_back_to_the_chat(
    hub: Hub, make_person: MakePerson, clock: FixedClock, language: str
) -> None:
    person = make_person(language)
    await person.types("/flow/handoff")
    [shown] = await person.types(TO_THE_TEAM[language])
    assert TO_THE_TEAM[language] in shown.text
    [sent] = await person.presses(say(hub, "button.send", language))
    assert shown.titles == [f"✓ {say(hub, 'button.send', language)}"]
    async with hub.database.session() as session:
        [handoff] = await list_handoffs(session)
        [waiting] = (await session.exec(select(TelegramWaiting))).all()
        assert (handoff.channel, waiting.chat_id) == ("telegram", person.id)
        assert str(person.id) not in handoff.sender_key
        await answer_handoff(session, handoff.id or 0, answer="<In June> & no later.", clock=clock)
    *_, late = await person.waits_for(len(person.screen) + 1)
    assert "<In June> & no later." in late.text

    async def rows_left() -> int:
        async with hub.database.session() as session:
            waiting = (await session.exec(select(TelegramWaiting))).all()
            return len(waiting) + len((await session.exec(select(LateReply))).all())

    async with asyncio.timeout(5):
        while await rows_left():
            await asyncio.sleep(0.02)
    assert person.screen[-1] is late
    assert sent.text


async def test_sending_is_pressed_twice_and_sent_once(hub: Hub, make_person: MakePerson) -> None:
    person = make_person()
    await person.types("/flow/handoff")
    [shown] = await person.types(TO_THE_TEAM["en"])
    first, second = person.press("Send", on=shown), person.press("Send", on=shown)
    await person.sends(callback_query=first)
    assert await person.sends(callback_query=second) == []
    async with hub.database.session() as session:
        assert len(await list_handoffs(session)) == 1


@pytest.mark.parametrize("language", RELEASED)
async def test_thumbs_are_kept_and_the_last_one_counts(hub: Hub, make_person: MakePerson, language: str) -> None:
    person = make_person(language)
    [answer] = await person.types("/tool/icc-index")
    assert await person.presses("👍") == []
    assert await person.presses("👎") == []
    assert [title[:1] for title in answer.titles[-2:]] == ["👍", "✓"]
    async with hub.database.session() as session:
        [feedback] = (await session.exec(select(Feedback))).all()
    assert (feedback.entry, feedback.helpful) == ("tool/icc-index", False)


@pytest.mark.parametrize("language", RELEASED)
async def test_deleting_asks_first_and_then_nothing_is_left(
    hub: Hub, make_person: MakePerson, assistant: FakeAssistant, language: str
) -> None:
    person = make_person("de")
    await person.types(f"/language {language}")
    await person.types("/flow/handoff")
    await person.types(TO_THE_TEAM[language])
    await person.types("/confirm")
    [asked] = await person.types("/delete")
    await person.presses(say(hub, "telegram.delete_no", language))
    assert say(hub, "telegram.delete_kept", language) in asked.text
    async with hub.database.session() as session:
        assert len((await session.exec(select(TelegramWaiting))).all()) == 1
    [asked] = await person.types("/delete")
    assert await person.presses(say(hub, "telegram.delete_yes", language)) == []
    assert first_line(say(hub, "telegram.deleted", language)) in asked.text
    assert asked.keyboard == []
    async with hub.database.session() as session:
        for table in (TelegramChat, TelegramWaiting, Handoff, LateReply):
            assert (await session.exec(select(table))).all() == []
    assert assistant.slots == {}


@pytest.mark.parametrize("by_button", [True, False])
@pytest.mark.parametrize("language", RELEASED)
async def test_who_asks_what_is_kept_can_have_it_all_deleted(
    hub: Hub, make_person: MakePerson, assistant: FakeAssistant, language: str, by_button: bool
) -> None:
    assistant.understand("what do you keep?", "ask_privacy")
    assistant.understand("delete", "affirm")
    person = make_person("de")
    await person.types(f"/language {language}")
    await person.types("/flow/handoff")
    await person.types(TO_THE_TEAM[language])
    await person.types("/confirm")
    await person.types("what do you keep?")
    if by_button:
        [asked] = await person.presses(say(hub, "button.forget", language))
        assert first_line(say(hub, "telegram.delete_ask", language)) in asked.text
        await person.presses(say(hub, "telegram.delete_yes", language))
    else:
        [asked] = await person.types("delete")
    assert first_line(say(hub, "telegram.deleted", language)) in asked.text
    async with hub.database.session() as session:
        for table in (TelegramChat, TelegramWaiting, Handoff, LateReply):
            assert (await session.exec(select(table))).all() == []
    assert assistant.slots == {}


@pytest.mark.parametrize("language", RELEASED)
async def test_every_command_answers_in_the_language_and_the_menu_too(
    hub: Hub, make_person: MakePerson, api: BotApi, language: str
) -> None:
    person = make_person(language)
    expected = {
        "start": "telegram.start",
        "help": "telegram.help",
        "report": "report.step.safe.title",
        "reply": "telegram.case.ask",
        "preferences": "preferences_talk.unknown.telegram",
        "privacy": "telegram.privacy",
        "stop": "telegram.stopped",
    }
    for command, key in expected.items():
        answers = await person.types(f"/{command}")
        assert first_line(say(hub, key, language)).split("{")[0] in answers[0].text
    assert [command["command"] for command in api.commands[language]] == [
        *("start", "help", "report", "reply", "services", "language", "preferences", "privacy", "delete", "stop")
    ]
    assert api.commands[language][1]["description"] == say(hub, "telegram.command.help", language)


async def test_stopping_is_respected_until_the_person_writes_again(hub: Hub, make_person: MakePerson) -> None:
    person = make_person()
    await person.types("/flow/handoff")
    await person.types(TO_THE_TEAM["en"])
    await person.types("/confirm")
    await person.types("/stop")
    async with hub.database.session() as session:
        assert (await session.exec(select(TelegramWaiting))).all() == []
        assert (await session.exec(select(TelegramChat))).one().stopped_at is not None
    await person.types("/tool/icc-index")
    async with hub.database.session() as session:
        assert (await session.exec(select(TelegramChat))).one().stopped_at is None


async def test_typing_is_shown_while_an_answer_takes_long(
    hub: Hub, make_person: MakePerson, api: BotApi, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_at_once = assistant.ask

    async def answer_late(sender: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0.6)
        return await answer_at_once(sender, text, metadata)

    monkeypatch.setattr(assistant, "ask", answer_late)
    person = make_person()
    await person.types("/tool/icc-index")
    assert api.calls_of("sendChatAction")[0] == {"chat_id": person.id, "action": "typing"}


async def test_a_report_says_first_that_telegram_is_not_anonymous(make_person: MakePerson) -> None:
    [opening] = await make_person().types("/report")
    assert "Telegram is not anonymous" in opening.text
    assert "127.0.0.1" not in opening.html, "without a public address there is no page to lead to"


async def test_the_team_s_answer_waits_for_a_chat_that_telegram_slows_down(
    hub: Hub, make_person: MakePerson, api: BotApi, clock: FixedClock, runner: TelegramRunner
) -> None:
    person = make_person()
    await person.types("/flow/handoff")
    await person.types(TO_THE_TEAM["en"])
    await person.types("/confirm")
    api.faults[person.id] = [RefusedError(429, "Too Many Requests: retry after 1", retry_after=1)]
    async with hub.database.session() as session:
        [handoff] = await list_handoffs(session)
        await answer_handoff(session, handoff.id or 0, answer="In June.", clock=clock)
    other = make_person()
    [quick] = await other.types("/tool/icc-index")
    late: Sent = (await person.waits_for(len(person.screen) + 1))[-1]
    assert "In June." in late.text
    assert late.at > quick.at
