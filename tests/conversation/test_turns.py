"""A turn through the hub with a stand-in for the assistant: payloads, flows, misses, languages, limits of the text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text as text_of_sql
from sqlmodel import select

from channels.base import Answer, IncomingMessage
from conversation.counting import is_worth_reading
from conversation.errors import HandoffAnsweredError, MessageTooLongError, ReplyUnknownError
from conversation.handoffs import answer_handoff, list_handoffs, list_late_replies
from conversation.models import QuestionCount, UnansweredQuestion
from conversation.question_counter import QuestionCounter
from conversation.redaction import LONGEST_KEPT, Redaction
from conversation.replies import Wording
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


@pytest.mark.parametrize("language", ["en", "fr", "it", "ar"])
@pytest.mark.parametrize("intent", ["danger", "distress", "child"])
async def test_a_country_without_known_numbers_is_not_asked_for_again(
    chat: Chat, assistant: FakeAssistant, language: str, intent: str
) -> None:
    assert "BE" not in chat.hub.wording.base.emergency
    assistant.understand("I am in Brussels", intent)
    answer = await chat.say("I am in Brussels", language=language)
    payloads = [button.payload for reply in answer.replies for button in reply.buttons]
    assert not any(payload.startswith("/emergency/") for payload in payloads)
    country = chat.hub.wording._country("BE", language)
    assert country in answer.replies[-1].text
    assert "112" in answer.replies[-1].text


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
    hub = chat.hub
    counter = QuestionCounter(hub.wording, Redaction(hub.wording), hub.database, hub.clock)
    for text in ("oui", "Bergen", "zzz"):
        counter.count([], "en", text)
    await counter.finish()
    async with hub.database.session() as session:
        assert [kept.text for kept in await session.exec(select(UnansweredQuestion))] == ["Bergen"]


def test_redaction_is_bounded(wording: Wording) -> None:
    assert len(Redaction(wording).redact("guide " * 500, "en")) == LONGEST_KEPT


@pytest.fixture(scope="module")
def redaction(wording: Wording) -> Redaction:
    return Redaction(wording)


@pytest.mark.parametrize(
    ("language", "text", "kept"),
    [
        ("en", "my neighbour ahmed hassan lives in via roma 12", "my neighbour … lives in via …"),
        ("en", "Ahmed said no. Fatima too", "… said no. … too"),
        ("en", "call me on 1 2 3 4 5 6", "call me on …"),
        ("en", "Is there a tool for planning near 14 Baker Street?", "Is there a tool for planning near …?"),
        ("en", "Which languages does the Index exist in?", "Which languages does the Index exist in?"),
        ("en", "WHERE IS THE GUIDE FOR TEACHERS", "WHERE IS THE GUIDE FOR TEACHERS"),
        ("it", "sono maria rossi di torino, dove trovo il modulo?", "sono … di torino, dove trovo il modulo?"),
        ("it", "Quali strumenti ci sono per le biblioteche?", "Quali strumenti ci sono per le biblioteche?"),
        ("fr", "dove trovo il modulo per la mia città, grazie?", "dove trovo il modulo per la mia città, grazie?"),
        (
            "fr",
            "Je m'appelle nadia Benali, où est le formulaire pour Lyon ?",
            "Je m'appelle …, où est le formulaire pour Lyon ?",
        ),
        ("ar", "أين أجد دليل المدن الصديقة للأطفال", "أين أجد دليل المدن الصديقة للأطفال"),
        ("ar", "هل يوجد استبيان للمدن الصغيرة بالفرنسية؟", "هل يوجد استبيان للمدن الصغيرة بالفرنسية؟"),
        ("ar", "اتصلوا بي على ٠٦١٢٣٤٥٦ أنا يوسف العلوي من طنجة", "اتصلوا بي … أنا … من طنجة"),
        ("en", "oleksandra kovalenko", ""),
    ],
)
def test_what_is_kept_names_nobody_and_can_be_read_in_every_script(
    redaction: Redaction, language: str, text: str, kept: str
) -> None:
    assert redaction.redact(text, language) == kept


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "my boss insulted my hijab"),
        ("en", "he spat at me on the bus because I am black"),
        ("fr", "mon patron a insulté mon voile"),
        ("it", "a Torino il barista non serve noi stranieri"),
        ("ar", "مديري أهان حجابي"),
    ],
)
@pytest.mark.parametrize("heard_as", ["out_of_scope", "unclear"])
async def test_a_story_that_was_not_understood_is_not_kept_and_not_offered_to_the_team(
    chat: Chat, assistant: FakeAssistant, language: str, text: str, heard_as: str
) -> None:
    assistant.understand(text, heard_as)
    for _ in range(2):
        answer = await chat.say(text, language=language)
    payloads = [button.payload for reply in answer.replies for button in reply.buttons]
    assert "/flow/handoff" not in payloads
    assert {"/flow/report", "/services"} <= set(payloads) or answer.replies[0].answer
    await chat.hub.conversations.wait_for_background()
    async with chat.hub.database.session() as session:
        assert (await session.exec(select(UnansweredQuestion))).all() == []


async def test_who_sends_a_story_to_the_team_reads_first_that_it_takes_up_no_cases(chat: Chat) -> None:
    no_cases = chat.hub.wording.texts.get("flow.handoff_no_cases", "en")
    await chat.say("/flow/handoff")
    assert no_cases in (await chat.say("my boss insulted my hijab")).replies[0].text
    await chat.say("/cancel")
    await chat.say("/flow/handoff")
    assert no_cases not in (await chat.say("When does the notice period end for us?")).replies[0].text


async def test_an_answer_says_that_words_went_to_the_team_only_when_they_did(
    chat: Chat, assistant: FakeAssistant
) -> None:
    await chat.say("/flow/handoff")
    assert not (await chat.say("When does the notice period end for us?")).passed_on
    assistant.understand("hm", "unclear")
    assert not (await chat.say("hm")).passed_on
    assert (await chat.say("/confirm")).passed_on
    assert not (await chat.say("/confirm")).passed_on


async def test_a_choice_of_a_language_that_the_hub_lacks_is_no_choice_of_english(chat: Chat) -> None:
    await chat.say("/tool/icc-index", language="de")
    assert await chat.hub.conversations.spoken_language("webchat", "somebody") == ("en", False)
    await chat.say("/tool/icc-index", language="fr")
    assert await chat.hub.conversations.spoken_language("webchat", "somebody") == ("fr", True)


async def test_what_could_not_be_counted_is_logged_without_its_words(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    async with chat.hub.database.session() as session:
        await session.exec(text_of_sql("DROP TABLE unanswered_question"))  # type: ignore[call-overload]
        await session.commit()
    await chat.say("please tell me about the purple form")
    await chat.hub.conversations.wait_for_background()
    assert "counting_failed kind=OperationalError" in caplog.text
    assert "purple" not in caplog.text


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


@pytest.mark.parametrize(
    ("language", "text", "service"),
    [
        ("en", "help against racism in Bologna", "service/it-"),
        ("it", "a chi mi rivolgo a Torino contro il razzismo?", "service/it-"),
        ("fr", "où porter plainte à Lyon", "service/fr-"),
        ("ar", "مساعدة ضد العنصرية في بولونيا", "service/it-"),
        ("en", "Bologna", "service/it-"),
    ],
)
async def test_without_the_assistant_a_typed_place_still_finds_who_helps_there(
    chat: Chat, assistant: FakeAssistant, language: str, text: str, service: str
) -> None:
    assistant.is_down = True
    answer = await chat.say(text, language=language)
    found = [reply.answer for reply in answer.replies if reply.answer]
    assert found
    assert all(each.startswith((service, "service/eu-")) for each in found)


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "my landlord does not rent to foreigners"), ("ar", "صاحب البيت لا يؤجر للأجانب"), ("fr", "blabla")],
)
async def test_without_the_assistant_there_is_always_a_way_to_help(
    chat: Chat, assistant: FakeAssistant, language: str, text: str
) -> None:
    assistant.is_down = True
    answer = await chat.say(text, language=language)
    assert "112" in answer.replies[-1].text
    assert {button.payload for button in answer.replies[-1].buttons} == {"/services", "/flow/report"}
    asks_where = chat.hub.wording.texts.get("chat.ask_place", language)
    assert (text == "blabla") is (asks_where not in {reply.text for reply in answer.replies})


async def test_without_the_assistant_a_need_in_the_catalogue_is_still_searched(
    chat: Chat, assistant: FakeAssistant
) -> None:
    assistant.is_down = True
    answer = await chat.say("tools on housing")
    payloads = {button.payload for reply in answer.replies for button in reply.buttons}
    assert "/tool/icc-policy-brief-housing" in payloads
    assert chat.hub.wording.texts.get("chat.ask_place", "en") not in {reply.text for reply in answer.replies}


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
