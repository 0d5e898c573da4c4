"""A report that is told in a chat, against a stand-in for the form: what is shown, what is taken, what is deleted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from channels.forms import Action
from channels.telegram.models import TelegramButton, TelegramForm, TelegramFormMessage
from channels.telegram.runner import TelegramRunner
from conversation.errors import AssistantUnavailableError
from core.clock import FixedClock
from tests.channels.telegram.conftest import MakePerson, reporting_runner, until
from tests.channels.telegram.fakes import LONG_DESK, FakeCases, FakeForm
from tests.fakes import FakeAssistant
from tests.telegram_server.rules import RefusedError
from tests.telegram_server.server import BotApi, Person, Sent
from web.state import Hub

pytestmark = pytest.mark.usefixtures("with_reports")

STORY = "A landlord in Bologna refused me the flat."


@pytest.fixture
def person(make_person: MakePerson) -> Person:
    return make_person()


def screen_of(person: Person) -> Sent:
    """The message that asks now: the newest with buttons of the form."""
    return next(
        message
        for message in reversed(person.screen)
        if any(button["callback_data"].startswith(":") for row in message.keyboard for button in row)
    )


async def go_to_story(person: Person) -> None:
    await person.types("/report")
    await person.presses("Safe")
    await person.presses("The city's desk")


async def go_to_receipt(person: Person) -> Sent:
    """Answers everything before; returns the message with the code."""
    await go_to_story(person)
    await person.types(STORY)
    for title in ("Go on", "Skip", "Skip", "None"):
        await person.presses(title)
    code, _ = await person.presses("Go on")
    return code


async def rows(hub: Hub) -> tuple[list[TelegramForm], list[TelegramFormMessage]]:
    async with hub.database.session() as session:
        forms = (await session.exec(select(TelegramForm))).all()
        return list(forms), list((await session.exec(select(TelegramFormMessage))).all())


async def test_a_whole_report_is_told_sent_and_deleted_from_the_chat(hub: Hub, person: Person, form: FakeForm) -> None:
    code = await go_to_receipt(person)
    draft = form.drafts[str(person.id)]
    assert f"<code>12345 67890 12345 67890 {draft.code}</code>" in code.html
    assert draft.answers == {"safe": "yes", "desk": "city", "story": STORY, "contact": "none"}
    await person.types(str(draft.code))
    ended, tidied = await person.presses("Send it now")
    assert form.sent == [draft]
    assert "The end: done." in ended.text
    assert ended.keyboard == []
    assert "deleted your answers" in tidied.text
    assert person.screen == [code, ended, tidied]
    # Only the command that began it is still there.
    assert len(person.words) == 1
    assert await rows(hub) == ([], [])


async def test_the_sentence_that_told_of_it_becomes_the_first_words_and_the_assistant_forgets_it(
    hub: Hub, person: Person, form: FakeForm, assistant: FakeAssistant
) -> None:
    assistant.understand(STORY, "report_discrimination")
    [offer] = [message for message in await person.types(STORY) if "Tell what happened" in message.titles]
    [remembered] = assistant.slots.values()
    assert {name for name, value in remembered.items() if value} <= {"place", "subject", "listed", "pending"}
    assert "landlord" not in str(remembered)
    await person.presses("Tell what happened")
    assert "✓ Tell what happened" in offer.titles
    assert form.drafts[str(person.id)].words == STORY
    await person.presses("Safe")
    await person.presses("The city's desk")
    assert STORY in screen_of(person).text
    async with hub.database.session() as session:
        assert (await session.exec(select(TelegramButton))).all() == []


async def test_the_city_that_is_written_after_it_means_the_services_there(
    hub: Hub, person: Person, assistant: FakeAssistant
) -> None:
    assistant.understand("They mocked me because I am black", "report_discrimination")
    assistant.understand("Leeds", "out_of_scope")
    await person.types("They mocked me because I am black")
    said = await person.types("Leeds")
    title = hub.wording.base.get_entry("service/gb-leeds-hate-reporting").title("en")
    assert any(title in message.text for message in said)


async def test_the_place_that_was_understood_goes_along_with_the_first_words(
    person: Person, form: FakeForm, assistant: FakeAssistant
) -> None:
    story = "They refused me the flat in Bologna because of my name."
    assistant.understand(story, "report_discrimination")
    await person.types(story)
    await person.presses("Tell what happened")
    assert form.drafts[str(person.id)].place == "it-bologna"


async def test_the_first_words_are_remembered_for_an_hour_and_offered_once(
    person: Person, form: FakeForm, assistant: FakeAssistant, clock: FixedClock
) -> None:
    assistant.understand(STORY, "report_discrimination")
    await person.types(STORY)
    clock.at += timedelta(minutes=61)
    await person.presses("Tell what happened")
    assert form.drafts[str(person.id)].words == ""
    await person.types("/delete")
    await person.presses("Delete it")
    await person.types(STORY)
    await person.types("/report")
    assert form.drafts[str(person.id)].words == STORY
    await person.presses("Delete everything")
    await person.presses("Yes, everything")
    await person.types("/report")
    assert form.drafts[str(person.id)].words == ""


async def test_help_is_offered_even_if_the_assistant_cannot_forget(
    person: Person, form: FakeForm, assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: str) -> None:
        raise AssistantUnavailableError(reason="away")

    monkeypatch.setattr(assistant, "forget", fail)
    assistant.understand(STORY, "report_discrimination")
    shown = await person.types(STORY)
    assert any("Tell what happened" in message.titles for message in shown)


async def test_a_first_telling_of_any_length_is_heard_and_the_report_gets_all_of_it(
    person: Person, form: FakeForm, assistant: FakeAssistant
) -> None:
    story = " ".join([STORY] * 80)
    beginning = story[:2000].rpartition(" ")[0]
    assistant.understand(beginning, "report_discrimination")
    shown = await person.types(story)
    assert not any("too long" in message.text for message in shown)
    [offer] = [message for message in shown if "Tell what happened" in message.titles]
    await person.presses("Tell what happened", on=offer)
    assert form.drafts[str(person.id)].words == story


async def test_whoever_speaks_instead_of_writing_is_shown_where_that_is_heard(
    person: Person, form: FakeForm, assistant: FakeAssistant
) -> None:
    [answer] = await person.sends(message=person.file("voice", b"voice"))
    assert "In a report you can also speak" in answer.text
    [screen] = await person.presses("Tell what happened", on=answer)
    assert "The question safe?" in screen.text
    assert assistant.asked == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("help, he has a knife", "en"),
        ("au secours, il a un couteau", "fr"),
        ("aiuto, ha un coltello", "it"),
        ("النجدة", "ar"),
    ],
)
async def test_a_cry_for_help_in_a_report_gets_the_numbers_first_and_goes_into_the_report_too(
    hub: Hub, make_person: MakePerson, form: FakeForm, assistant: FakeAssistant, text: str, language: str
) -> None:
    person, texts = make_person(language), hub.wording.texts
    await person.types("/report")
    # At a question with buttons, while the country is not known.
    numbers, question = await person.types(text)
    assert texts.get("safety.call_where_you_are", language).splitlines()[0] in numbers.text
    assert any(button["callback_data"] == "/emergency/IT" for row in numbers.keyboard for button in row)
    assert "The question safe?" in question.text
    await person.presses("Safe")
    await person.presses("The city's desk")
    form.country = "IT"
    numbers, question = await person.types(text)
    assert "112" in numbers.text
    assert [button["callback_data"] for row in numbers.keyboard for button in row] in (["/services"], [])
    assert text in question.text
    assert form.drafts[str(person.id)].answers["story"] == text
    assert assistant.asked == []
    # The numbers are deleted with the rest, and the next question stands below them.
    await person.sends(callback_query=person.press_data(":pause", on=question))
    assert numbers not in person.screen


async def test_a_country_can_be_chosen_for_its_numbers_in_the_middle_of_a_report(
    person: Person, form: FakeForm, assistant: FakeAssistant
) -> None:
    await go_to_story(person)
    numbers, _ = await person.types("help, he has a knife")
    [italy] = await person.sends(callback_query=person.press_data("/emergency/IT", on=numbers))
    assert "112" in italy.text
    assert [text for _, text, _ in assistant.asked] == ["/danger"]


async def test_the_first_screen_is_honest_about_telegram_and_links_to_the_web_form(person: Person) -> None:
    [screen] = await person.types("/report")
    assert "confidential at best" in screen.text
    assert 'href="https://hub.example.org/report"' in screen.html
    assert "Call 112." in screen.text
    assert "Step 1. 9 are left" in screen.text


async def test_every_screen_has_the_ways_out(person: Person) -> None:
    seen = []
    await person.types("/report")
    for title in ("Safe", "The city's desk", "Skip", "Go on", "Skip", "None", "Go on", "I have it", "Send"):
        screen = screen_of(person)
        seen.append(screen.text)
        assert {"Pause", "Delete everything"} <= set(screen.titles)
        assert ("Back" in screen.titles) == (len(seen) > 1)
        await person.presses(title, on=screen)
    assert len(seen) == 9


async def test_a_press_changes_the_screen_in_its_place_and_a_typed_answer_makes_a_new_one(person: Person) -> None:
    [screen] = await person.types("/report")
    assert await person.presses("Safe") == []
    assert "The question desk?" in screen.text
    assert await person.presses("The city's desk") == []
    [again] = await person.types(STORY)
    assert screen.keyboard == []
    assert STORY in again.text
    assert await person.presses("Go on") == []
    assert "The question grounds?" in again.text


async def test_a_value_too_long_for_a_button_needs_no_table(hub: Hub, person: Person, form: FakeForm) -> None:
    await person.types("/report")
    await person.presses("Safe")
    assert all(len(button["callback_data"]) <= 64 for row in screen_of(person).keyboard for button in row)
    await person.presses("The association")
    assert form.drafts[str(person.id)].answers["desk"] == LONG_DESK
    async with hub.database.session() as session:
        assert (await session.exec(select(TelegramButton))).all() == []


async def test_several_choices_are_ticked_in_place_also_when_pressed_faster_than_shown(
    person: Person, form: FakeForm
) -> None:
    await go_to_story(person)
    await person.presses("Skip")
    screen = screen_of(person)
    first, second = person.press("Origin"), person.press("Age")
    await person.sends(callback_query=first)
    assert "✓ Origin" in screen.titles
    assert await person.sends(callback_query=second) == []
    assert {"✓ Origin", "✓ Age"} <= set(screen.titles)
    await person.presses("✓ Age")
    assert form.drafts[str(person.id)].grounds == {"origin"}


async def test_a_second_tap_changes_nothing_and_an_old_button_is_answered(person: Person, form: FakeForm) -> None:
    [screen] = await person.types("/report")
    first, second = person.press("Safe"), person.press("Not safe")
    await person.sends(callback_query=first)
    assert await person.sends(callback_query=second) == []
    assert form.drafts[str(person.id)].answers == {"safe": "yes"}
    await person.presses("The city's desk")
    old = person.press("Skip")
    await person.types(STORY)
    [note] = await person.sends(callback_query=old)
    assert "earlier question" in note.text
    assert screen.keyboard == []
    [again] = await person.presses("Go on with the report")
    assert STORY in again.text


async def test_a_button_of_a_report_that_ended_offers_to_begin_again(person: Person) -> None:
    await person.types("/report")
    old = person.press("Safe")
    await person.presses("Delete everything")
    await person.presses("Yes, everything")
    [note] = await person.sends(callback_query=old)
    assert "No report is open" in note.text
    assert note.titles == ["Tell what happened"]


async def test_withdrawing_asks_once_and_then_leaves_nothing(hub: Hub, person: Person, form: FakeForm) -> None:
    code = await go_to_receipt(person)
    await person.presses("Delete everything")
    await person.presses("No, go on")
    assert code not in person.screen, "a new code took the place of the old one"
    await person.presses("Delete everything")
    await person.presses("Yes, everything")
    assert form.drafts == {}
    assert "12345 67890" not in "".join(message.text for message in person.screen)
    assert STORY not in "".join(message.text for message in person.screen)
    assert await rows(hub) == ([], [])


async def test_a_paused_report_is_gone_from_the_chat_and_goes_on_where_it_was(
    hub: Hub, person: Person, form: FakeForm, assistant: FakeAssistant
) -> None:
    await go_to_story(person)
    await person.types(STORY)
    paused, tidied = await person.presses("Pause")
    assert paused.titles == ["Go on with the report"]
    assert person.screen == [paused, tidied]
    assistant.understand("hello", "greet")
    await person.types("hello")
    assert form.drafts[str(person.id)].answers["story"] == STORY
    [screen] = await person.types("/report")
    assert STORY in screen.text
    await person.presses("Pause")
    [screen] = await person.presses("Go on with the report")
    assert "The question story?" in screen.text


async def test_a_report_left_in_the_middle_is_deleted_from_the_chat_after_an_hour(
    hub: Hub, person: Person, form: FakeForm, assistant: FakeAssistant, clock: FixedClock
) -> None:
    await go_to_story(person)
    told = [person.message(text=STORY), person.message(text="second")]
    await person.sends(message=told[0])
    clock.at += timedelta(minutes=50)
    await person.types("/privacy")
    clock.at += timedelta(minutes=50)
    await person.sends(message=told[1])
    screen = screen_of(person)
    clock.at += timedelta(minutes=61)
    await until(lambda: "for an hour" in screen.text)
    await until(lambda: not {message["message_id"] for message in told} & person.words)
    shown = "".join(message.text for message in person.screen)
    assert STORY not in shown
    assert "The question" not in shown
    assert screen.titles == ["Go on with the report", "Pause"]
    # The report waits, and what comes next still goes into it and to nobody else.
    asked = len(assistant.asked)
    [again] = await person.types("third")
    assert form.drafts[str(person.id)].answers["story"] == f"{STORY}\nsecond\nthird"
    assert len(assistant.asked) == asked
    assert screen.keyboard == []
    await person.presses("Pause", on=again)
    assert screen not in person.screen
    assert await rows(hub) == ([], [])


async def test_a_silent_chat_is_cleared_once_and_keeps_the_code(
    hub: Hub, person: Person, form: FakeForm, api: BotApi, clock: FixedClock
) -> None:
    code = await go_to_receipt(person)
    await person.presses("I have it")
    screen = screen_of(person)
    clock.at += timedelta(minutes=61)
    await until(lambda: "for an hour" in screen.text)
    await until(lambda: [message for message in person.screen if "The question" in message.text] == [])
    edits = len(api.calls_of("editMessageText"))
    clock.at += timedelta(minutes=61)
    await asyncio.sleep(0.3)
    assert len(api.calls_of("editMessageText")) == edits
    assert code in person.screen
    [question] = await person.presses("Go on", on=screen)
    await person.presses("Send it now", on=question)
    assert len(form.sent) == 1
    assert code in person.screen
    assert screen not in person.screen


async def test_other_commands_still_work_and_the_report_goes_on(person: Person, form: FakeForm) -> None:
    await go_to_story(person)
    privacy, reminder = await person.types("/privacy")
    assert "never anonymous" in privacy.text
    assert reminder.titles == ["Go on with the report", "Pause"]
    await person.types(STORY)
    assert form.drafts[str(person.id)].answers["story"] == STORY
    await person.types("/help")
    paused, _ = await person.presses("Pause", on=person.screen[-1])
    assert "The end: paused." in paused.text


async def test_a_report_goes_on_in_a_language_chosen_anew(person: Person, form: FakeForm) -> None:
    await go_to_story(person)
    *_, reminder = await person.types("/language it")
    await person.sends(callback_query=person.press_data(":on", on=reminder))
    assert form.drafts[str(person.id)].language == "it"


async def test_the_review_changes_any_answer(person: Person, form: FakeForm) -> None:
    await go_to_story(person)
    await person.types(STORY)
    for title in ("Go on", "Skip", "Skip", "None"):
        await person.presses(title)
    screen = screen_of(person)
    assert f"3. The question story?\n{STORY}" in screen.text
    await person.presses("Change 1")
    assert "The question safe?" in screen_of(person).text


async def test_the_last_digits_are_deleted_at_once_and_wrong_ones_are_told(
    person: Person, api: BotApi, form: FakeForm
) -> None:
    code = await go_to_receipt(person)
    before = person.words
    [again] = await person.types("00000")
    assert "not the last five" in again.text
    assert person.words == before
    assert code in person.screen
    # In Arabic digits, with the whole code around them.
    last = str(form.drafts[str(person.id)].code)
    whole = "12345-67890-12345-67890-" + last
    await person.types(whole)
    assert person.words == before
    assert "The question send?" in screen_of(person).text


async def test_the_code_is_deleted_only_when_asked_twice(person: Person, api: BotApi, form: FakeForm) -> None:
    code = await go_to_receipt(person)
    await person.presses("Delete this message", on=code)
    await person.presses("No, leave it", on=code)
    assert code.titles == ["Delete this message from the chat"]
    await person.presses("Delete this message", on=code)
    await person.presses("Yes, delete it", on=code)
    assert code not in person.screen
    await person.presses("A new one")
    code = next(message for message in person.screen if "<code>" in message.html)
    api.old.add(code.message_id)
    await person.presses("Delete this message", on=code)
    [note] = await person.presses("Yes, delete it", on=code)
    assert "cannot delete this message" in note.text


@pytest.mark.parametrize("kind", ["photo", "voice", "audio", "document"])
async def test_a_file_goes_to_the_form_with_its_caption(person: Person, form: FakeForm, kind: str) -> None:
    await go_to_story(person)
    content = b"\x00\x01" * 5000
    await person.sends(message=person.file(kind, content, caption="the letter"))
    draft = form.drafts[str(person.id)]
    assert [file.content for file in draft.files] == [content]
    assert draft.files[0].is_voice == (kind == "voice")
    assert draft.answers["story"] == "the letter"
    name = draft.files[0].name
    assert f"• {name}" in screen_of(person).text
    await person.presses(f"Remove {name}")
    assert draft.files == []


async def test_an_album_makes_one_screen(person: Person, api: BotApi, form: FakeForm) -> None:
    await go_to_story(person)
    photos = [person.file("document", b"%d" % number, media_group_id="7") for number in range(4)]
    before = len(person.screen)
    for number in [await api.put(message=photo) for photo in photos]:
        await api.until_handled(number)
    assert len(form.drafts[str(person.id)].files) == 4
    assert len(person.screen) == before + 1
    assert screen_of(person).titles.count("Remove letter.pdf") == 4


async def test_files_that_cannot_be_taken_get_a_sentence(person: Person, api: BotApi, form: FakeForm) -> None:
    await go_to_story(person)
    whole = 20 * 1024 * 1024
    await person.sends(message=person.file("document", b"x" * whole))
    assert len(form.drafts[str(person.id)].files[0].content) == whole
    [refused] = await person.sends(message=person.file("document", b"x" * (whole + 1)))
    assert "at most 20 MB" in refused.text
    # Telegram does not always say how large a file is.
    unsaid = person.file("voice", b"x" * (whole + 1))
    del unsaid["voice"]["file_size"]
    [refused] = await person.sends(message=unsaid)
    assert "did not hand me" in refused.text
    lost = person.file("voice", b"x")
    api.files.clear()
    [refused] = await person.sends(message=lost)
    assert "did not hand me" in refused.text
    [refused] = await person.sends(message=person.message(location={"latitude": 44.5, "longitude": 11.3}))
    assert "voice messages" in refused.text
    [refused] = await person.sends(message=person.file("document", b"BAD"))
    assert "cannot be read" in refused.text
    assert len(form.drafts[str(person.id)].files) == 1


async def test_many_short_lines_in_a_minute_are_one_story(person: Person, api: BotApi, form: FakeForm) -> None:
    await go_to_story(person)
    lines = [f"line {number}" for number in range(40)]
    for number in [await api.put(message=person.message(text=line)) for line in lines]:
        await api.until_handled(number)
    assert form.drafts[str(person.id)].answers["story"] == "\n".join(lines)


async def test_what_a_flood_drops_is_deleted_from_the_chat_too(
    person: Person, api: BotApi, form: FakeForm, clock: FixedClock
) -> None:
    await go_to_story(person)
    before = person.words
    for number in [await api.put(message=person.message(text="x")) for _ in range(125)]:
        await api.until_handled(number)
    assert form.drafts[str(person.id)].answers["story"].count("x") < 125
    assert sum("wait" in message.text for message in person.screen) == 1
    clock.at += timedelta(minutes=2)
    await person.types("/privacy")
    await person.presses("Pause", on=person.screen[-1])
    assert person.words - before == {max(person.words)}


async def test_a_story_in_two_messages_is_one_story(person: Person, form: FakeForm) -> None:
    await go_to_story(person)
    await person.types("first")
    await person.types("second")
    assert form.drafts[str(person.id)].answers["story"] == "first\nsecond"


async def test_a_story_can_be_written_anew(person: Person, form: FakeForm) -> None:
    await go_to_story(person)
    await person.types("first")
    screen = screen_of(person)
    assert await person.presses("Write it anew") == []
    assert "first" not in screen.text
    await person.types("second")
    assert form.drafts[str(person.id)].answers["story"] == "second"


async def test_a_text_of_4096_characters_and_mixed_directions_are_taken_or_told(person: Person, form: FakeForm) -> None:
    await go_to_story(person)
    mixed = 'قال لي: "no flats" \u200f<b>للأجانب</b> — 12 345 €\u202e …'
    await person.types(mixed)
    assert mixed in screen_of(person).text
    [refused] = await person.types("ب" * 4096)
    assert "too long" in refused.text
    await person.types("ق" * 3000)
    assert "…" in screen_of(person).text
    assert form.drafts[str(person.id)].answers["story"] == mixed + "\n" + "ق" * 3000
    for title in ("Go on", "Skip", "Skip", "None"):
        await person.presses(title)
    assert mixed in "".join(message.text for message in person.screen)


async def test_an_edited_answer_is_told_how_to_change(person: Person, form: FakeForm) -> None:
    await go_to_story(person)
    message = person.message(text=STORY)
    await person.sends(message=message)
    [note] = await person.sends(edited_message=message | {"text": "something else", "edit_date": 1_795_900_000})
    assert "kept its first version" in note.text
    assert form.drafts[str(person.id)].answers["story"] == STORY


async def test_duplicated_and_reordered_updates_answer_each_question_once(
    person: Person, api: BotApi, form: FakeForm
) -> None:
    await go_to_story(person)
    first, second = api.next_number(), api.next_number()
    texts = {second: "second", first: "first"}
    updates = {number: {"update_id": number, "message": person.message(text=text)} for number, text in texts.items()}
    async with api._news:
        api.pending = dict(updates)
        api._news.notify_all()
    await until(lambda: form.drafts[str(person.id)].answers.get("story") == "first\nsecond")
    await api.until_handled(second)
    async with api._news:
        api.pending = dict(updates)
    await person.presses("Go on")
    assert form.drafts[str(person.id)].answers["story"] == "first\nsecond"
    assert "The question grounds?" in screen_of(person).text


async def test_an_answer_is_taken_once_when_telegram_is_away_after_it(
    person: Person, api: BotApi, form: FakeForm
) -> None:
    await go_to_story(person)
    away = RefusedError(502, "Bad Gateway")
    api.faults[person.id] = [away] * 4
    await person.types(STORY)
    assert form.drafts[str(person.id)].answers["story"] == STORY
    assert STORY in screen_of(person).text
    api.faults[person.id] = [away] * 4
    await person.sends(message=person.file("voice", b"voice"))
    assert len(form.drafts[str(person.id)].files) == 1


async def test_a_restart_loses_nothing_and_sends_nothing_to_the_assistant(
    hub: Hub, person: Person, form: FakeForm, cases: FakeCases, assistant: FakeAssistant, with_reports: TelegramRunner
) -> None:
    await go_to_story(person)
    await with_reports.stop()
    second = reporting_runner(hub, form=form, cases=cases)
    second.start()
    asked = len(assistant.asked)
    await person.types(STORY)
    assert form.drafts[str(person.id)].answers["story"] == STORY
    await person.presses("Go on")
    assert "The question grounds?" in screen_of(person).text
    assert len(assistant.asked) == asked
    await second.stop()


async def test_a_draft_that_is_gone_is_told_and_the_answer_goes_nowhere(
    hub: Hub, person: Person, form: FakeForm, assistant: FakeAssistant
) -> None:
    await go_to_story(person)
    form.drafts.clear()
    gone, _ = await person.types(STORY)
    assert "not here any more" in gone.text
    assert gone.titles == ["Tell what happened"]
    assert assistant.asked == []
    assert await rows(hub) == ([], [])


async def test_what_is_older_than_48_hours_is_told_as_left(
    hub: Hub, person: Person, api: BotApi, clock: FixedClock
) -> None:
    await go_to_story(person)
    for _ in range(49):
        # Never silent for an hour, since then the chat is cleared in time.
        clock.at += timedelta(minutes=59)
        [newest] = await person.types("and more")
    await person.presses("Delete everything", on=newest)
    *_, tidied = await person.presses("Yes, everything")
    assert "One message is older than 48 hours" in tidied.text


async def test_one_message_that_telegram_keeps_does_not_save_the_others(person: Person, api: BotApi) -> None:
    await go_to_story(person)
    await person.types(STORY)
    api.old.add(max(person.words))
    await person.presses("Delete everything")
    *_, tidied = await person.presses("Yes, everything")
    assert "One message is older" in tidied.text
    assert STORY not in "".join(message.text for message in person.screen)


async def test_deleting_everything_withdraws_the_report_too(
    hub: Hub, person: Person, form: FakeForm, assistant: FakeAssistant
) -> None:
    await go_to_receipt(person)
    await person.types("/delete")
    await person.presses("Delete it")
    assert form.drafts == {}
    assert await rows(hub) == ([], [])
    assert all(STORY not in message.text and "12345" not in message.text for message in person.screen)
    asked = len(assistant.asked)
    await person.types("hello")
    assert len(assistant.asked) == asked + 1


async def test_a_code_on_a_desk_s_door_opens_the_report_with_that_desk(person: Person, form: FakeForm) -> None:
    _, screen = await person.types("/start desk_bologna-spad")
    assert form.drafts[str(person.id)].desk == "bologna-spad"
    assert "The question safe?" in screen.text


async def test_actions_reach_the_form_as_they_are_meant(person: Person, form: FakeForm) -> None:
    await go_to_story(person)
    await person.presses("Back")
    actions = [given.action for given in form.inputs]
    assert actions == [Action.ANSWER, Action.ANSWER, Action.BACK]
    assert all(given.version is not None and given.step for given in form.inputs)
