"""A turn through the hub with a stand-in for the assistant: payloads, flows, misses, languages, limits of the text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlmodel import select

from channels.base import Answer, IncomingMessage
from conversation.counting import is_worth_reading, redact
from conversation.errors import HandoffAnsweredError, MessageTooLongError, ReplyUnknownError
from conversation.handoffs import answer_handoff, list_handoffs, list_late_replies
from conversation.models import QuestionCount, UnansweredQuestion
from core.clock import FixedClock
from core.settings import Settings
from tests.databases import copy_migrated_sqlite
from tests.fakes import FakeAssistant
from web.state import Hub


class Chat:
    """One person's conversation."""

    def __init__(self, hub: Hub, sender: str = "somebody") -> None:
        self.hub = hub
        self.sender = sender

    async def say(
        self, text: str, *, language: str | None = None, stated: str | None = None, city: str | None = None
    ) -> Answer:
        message = IncomingMessage("webchat", self.sender, text, language, stated, city)
        return await self.hub.conversations.handle(message)


@pytest.fixture
async def chat(hub: Hub, settings: Settings, migrated_sqlite: Path) -> AsyncIterator[Chat]:
    copy_migrated_sqlite(migrated_sqlite, settings)
    yield Chat(hub)
    await hub.conversations.wait_for_background()
    await hub.database.close()


async def test_an_entry_is_answered_with_its_official_link(chat: Chat) -> None:
    answer = await chat.say("/tool/icc-index")
    [reply] = answer.replies
    assert (reply.answer, answer.confidence, answer.understood) == ("tool/icc-index", 1.0, True)
    assert reply.links[0].url.startswith("https://www.coe.int/")


async def test_a_follow_up_keeps_its_subject(chat: Chat, assistant: FakeAssistant) -> None:
    assistant.understand("who is it for?", "follow_up", aspect="audience")
    await chat.say("/tool/icc-index")
    answer = await chat.say("who is it for?")
    assert answer.replies[0].answer == "tool/icc-index"
    assert chat.hub.wording.base.get_entry("tool/icc-index").text("en").audience in answer.replies[0].text  # type: ignore[union-attr]


async def test_a_follow_up_to_another_place_finds_services_there(chat: Chat, assistant: FakeAssistant) -> None:
    assistant.understand("who helps in Turin?", "find_service")
    assistant.understand("and in Bologna?", "follow_up", aspect="place")
    await chat.say("who helps in Turin?")
    answer = await chat.say("and in Bologna?")
    assert answer.replies[0].answer == "service/it-bologna-spad"


async def test_entries_of_one_question_are_told_together(chat: Chat) -> None:
    [reply] = (await chat.say("/membership/fee-5000-portugal")).replies
    assert reply.covers == ["membership/fee-5000-krakow", "membership/fee-coe-page"]
    assert [link.url for link in reply.links[3:]] == ["/entry/membership/fee-5000-portugal"]


@pytest.mark.parametrize(
    "text", ["/restart", "/tool/does-not-exist", '/ask_entry{"entry": "tool/icc-index"}', "/../etc"]
)
async def test_an_unknown_payload_loses_its_slash(chat: Chat, assistant: FakeAssistant, text: str) -> None:
    await chat.say(text)
    assert not assistant.asked[-1][1].startswith("/")


async def test_two_misses_in_a_row_offer_a_person_and_a_hit_forgets_them(chat: Chat, assistant: FakeAssistant) -> None:
    assistant.understand("will it rain in Limassol?", "out_of_scope")
    first = await chat.say("will it rain in Limassol?")
    assert not first.understood
    assert len(first.replies) == 1
    second = await chat.say("will it rain in Limassol?")
    assert [button.payload for button in second.replies[-1].buttons] == ["/flow/handoff"]
    await chat.say("/tool/icc-index")
    assert len((await chat.say("will it rain in Limassol?")).replies) == 1


async def test_a_handoff_shows_the_exact_words_asks_and_comes_back(chat: Chat, clock: FixedClock) -> None:
    asked = await chat.say("/flow/handoff")
    assert asked.replies[0].answer == "flow/handoff"
    shown = await chat.say("When does the notice period end for us?")
    assert "“When does the notice period end for us?”" in shown.replies[0].text
    async with chat.hub.database.session() as session:
        assert await list_handoffs(session) == []
    await chat.say("/confirm")
    async with chat.hub.database.session() as session:
        [handoff] = await list_handoffs(session)
        assert handoff.question == "When does the notice period end for us?"
        assert handoff.id is not None
        await answer_handoff(session, handoff.id, answer="In June.", clock=clock)
        with pytest.raises(HandoffAnsweredError):
            await answer_handoff(session, handoff.id, answer="In July.", clock=clock)
        [late] = await list_late_replies(session, handoff.sender_key, after=0)
    assert late.text == "In June."


async def test_a_cancelled_handoff_stores_nothing(chat: Chat) -> None:
    await chat.say("/flow/handoff")
    await chat.say("When does the notice period end for us?")
    await chat.say("/cancel")
    await chat.say("/confirm")
    async with chat.hub.database.session() as session:
        assert await list_handoffs(session) == []


async def test_what_people_tell_of_discrimination_is_neither_counted_nor_kept(
    chat: Chat, assistant: FakeAssistant
) -> None:
    text = "il padrone di casa ha detto che non affitta agli stranieri"
    assistant.understand(text, "report_discrimination")
    answer = await chat.say(text, language="it", city="Bologna")
    assert [reply.answer for reply in answer.replies][:2] == ["flow/report", "service/it-bologna-spad"]
    await chat.hub.conversations.wait_for_background()
    async with chat.hub.database.session() as session:
        assert (await session.exec(select(QuestionCount))).all() == []
        assert (await session.exec(select(UnansweredQuestion))).all() == []
    key = next(iter(assistant.slots))
    assert assistant.slots[key].get("last_question") is None


@pytest.mark.parametrize("starter", ["/tools", "/membership"])
async def test_a_starter_offers_what_is_asked_most(chat: Chat, starter: str) -> None:
    [reply] = (await chat.say(starter)).replies
    assert len(reply.buttons) == 6
    assert all(button.payload.startswith(f"/{starter[1:].removesuffix('s')}") for button in reply.buttons)


async def test_danger_gives_the_numbers_of_the_country(chat: Chat, assistant: FakeAssistant) -> None:
    assistant.understand("a man follows me in Oslo", "danger")
    [reply] = (await chat.say("a man follows me in Oslo")).replies
    assert reply.answer is None
    assert {contact.href for contact in reply.contacts} >= {"tel:112", "tel:113"}


async def test_danger_without_a_country_says_call_where_you_are_and_offers_countries(
    chat: Chat, assistant: FakeAssistant
) -> None:
    assistant.understand("somebody is beating my neighbour", "danger")
    [reply] = (await chat.say("somebody is beating my neighbour")).replies
    assert "/emergency/IT" in {button.payload for button in reply.buttons}
    [numbers] = (await chat.say("/emergency/IT")).replies
    assert "tel:112" in {contact.href for contact in numbers.contacts}


async def test_questions_are_counted_by_entry_language_and_day(chat: Chat) -> None:
    for _ in range(3):
        await chat.say("/tool/icc-index")
    await chat.hub.conversations.wait_for_background()
    async with chat.hub.database.session() as session:
        [count] = (await session.exec(select(QuestionCount))).all()
    assert (count.entry, count.language, count.count) == ("tool/icc-index", "en", 3)


async def test_an_unanswered_question_is_kept_without_what_points_to_a_person(chat: Chat) -> None:
    await chat.say("please ask Giovanni on +39 333 1234567 or g.rossi@comune.it about the purple form")
    await chat.hub.conversations.wait_for_background()
    async with chat.hub.database.session() as session:
        [kept] = (await session.exec(select(UnansweredQuestion))).all()
    assert "purple form" in kept.text
    assert not any(secret in kept.text for secret in ("Giovanni", "333", "rossi"))


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("ciao", False), ("Good morning, thank you", False), ("oui", False), ("???", False), ("ok super", False),
        ("مرحبا", False), ("what about bicycles", True), ("自転車の置き場はどこですか", True),
    ],
)  # fmt: skip
def test_only_what_may_be_a_question_is_kept(text: str, is_kept: bool) -> None:
    assert is_worth_reading(text, names_something=False) is is_kept


async def test_one_word_that_names_a_place_is_kept_and_a_yes_is_not(chat: Chat) -> None:
    conversations = chat.hub.conversations
    for text in ("oui", "Bergen", "zzz"):
        conversations._count([], "en", text)
    assert conversations._unanswered == [("Bergen", "en")]


def test_redaction_is_bounded() -> None:
    assert len(redact("x" * 5000)) == 300


async def test_feedback_is_only_taken_for_a_reply_of_the_same_conversation(chat: Chat) -> None:
    reply = (await chat.say("/tool/icc-index")).replies[0]
    await chat.hub.conversations.give_feedback("webchat", "somebody", reply.id, helpful=False)
    await chat.hub.conversations.give_feedback("webchat", "somebody", reply.id, helpful=True)
    with pytest.raises(ReplyUnknownError):
        await chat.hub.conversations.give_feedback("webchat", "somebody else", reply.id, helpful=True)


@pytest.mark.parametrize("text", ["", "   ", "/", "\u0000\u0007", "\u202e"])
async def test_an_empty_message_gets_a_kind_answer(chat: Chat, text: str) -> None:
    answer = await chat.say(text)
    assert answer.replies[0].text == chat.hub.wording.texts.get("chat.empty", "en")


async def test_a_message_beyond_the_limit_is_refused_in_words(chat: Chat) -> None:
    with pytest.raises(MessageTooLongError):
        await chat.say("x" * 2001)


async def test_emoji_alone_are_answered(chat: Chat) -> None:
    assert (await chat.say("😀" * 2000)).replies


async def test_without_the_assistant_entries_places_and_flows_still_answer(
    chat: Chat, assistant: FakeAssistant
) -> None:
    assistant.is_down = True
    assert (await chat.say("/tool/icc-index")).replies[0].answer == "tool/icc-index"
    assert (await chat.say("/place/it-bologna")).replies[0].answer == "service/it-bologna-spad"
    assert (await chat.say("/flow/report")).replies[0].answer == "flow/report"
    waiting = await chat.say("anti-rumours handbook")
    assert waiting.replies[0].text == chat.hub.wording.texts.get("chat.assistant_away", "en")
    assert "/tool/icc-anti-rumours-handbook" in {button.payload for button in waiting.replies[1].buttons}
    assistant.is_down = False
    assert len((await chat.say("/tool/icc-index")).replies) == 1


async def test_a_vague_question_gets_a_short_list_and_the_filtered_catalogue(
    chat: Chat, assistant: FakeAssistant
) -> None:
    assistant.understand("tools on housing", "browse_entries")
    [reply] = (await chat.say("tools on housing")).replies
    assert reply.answer is None
    assert "/tool/icc-policy-brief-housing" in {button.payload for button in reply.buttons}
    assert [link.url for link in reply.links] == ["/catalogue?kind=tool&area=housing"]


async def test_who_has_reported_is_shown_the_way_back_and_nothing_of_it_is_kept(
    chat: Chat, assistant: FakeAssistant
) -> None:
    assistant.understand("what happens to my report, my code is 12345", "report_status")
    answer = await chat.say("what happens to my report, my code is 12345")
    [reply] = answer.replies
    assert reply.links[0].url.endswith("/report/return")
    assert "12345" not in reply.text
    await chat.hub.conversations.wait_for_background()
    async with chat.hub.database.session() as session:
        assert (await session.exec(select(UnansweredQuestion))).all() == []


@pytest.mark.parametrize("heard_as", ["out_of_scope", "follow_up", "unclear", "ask_entry"])
async def test_a_place_said_after_the_question_where_gives_the_numbers_whatever_else_it_could_mean(
    chat: Chat, assistant: FakeAssistant, heard_as: str
) -> None:
    await chat.say("/emergency")
    assistant.understand("numéro de la police", "danger")
    await chat.say("numéro de la police", language="fr")
    assistant.understand("en France", heard_as)
    answer = await chat.say("en France", language="fr")
    assert answer.replies[0].answer is None
    assert "17" in answer.replies[0].text


@pytest.mark.parametrize("heard_as", ["out_of_scope", "follow_up", "unclear"])
async def test_a_place_said_after_a_story_finds_the_services_there(
    chat: Chat, assistant: FakeAssistant, heard_as: str
) -> None:
    assistant.understand("he called me names at work", "report_discrimination")
    await chat.say("he called me names at work")
    assistant.understand("I am in Bologna", heard_as)
    answer = await chat.say("I am in Bologna")
    assert str(answer.replies[0].answer).startswith("service/it-bologna")
