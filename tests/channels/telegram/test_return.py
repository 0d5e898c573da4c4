"""Coming back to a report with its code, against a stand-in for the case."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from channels.forms import CaseMessage, CaseNews, ShownFile
from channels.telegram.codes import is_code, looks_like_code
from channels.telegram.models import TelegramForm, TelegramFormMessage
from channels.telegram.runner import TelegramRunner
from core.clock import FixedClock
from core.languages import RELEASED
from tests.channels.telegram.conftest import MakePerson, reporting_runner, until
from tests.channels.telegram.fakes import FakeCases, FakeForm, ThrottledError
from tests.fakes import FakeAssistant
from tests.telegram_server.rules import RefusedError
from tests.telegram_server.server import BotApi, Person
from web.state import Hub

pytestmark = pytest.mark.usefixtures("with_reports")

CODE = "12345 67890 12345 67890 99999"
ANSWER = "Yes, on Monday at ten."


@pytest.fixture
def person(make_person: MakePerson) -> Person:
    return make_person()


async def open_case(person: Person) -> None:
    await person.types("/reply")
    await person.types(CODE)


async def tracked(hub: Hub) -> int:
    async with hub.database.session() as session:
        return len((await session.exec(select(TelegramFormMessage))).all())


async def test_the_code_opens_the_case_and_is_deleted_at_once(person: Person) -> None:
    [asked] = await person.types("/reply")
    assert "25 digits" in asked.text
    before = person.words
    [case] = await person.types(CODE)
    assert person.words == before
    for words in ("Desk of Bologna", "Somebody reads it.", "Please call us.", "Chiamateci.", "The deadline is in May."):
        assert words in case.text
    assert case.titles == ["Write something or send a file", "Take my report back", "Close my report"]


@pytest.mark.parametrize(
    "code",
    [CODE, CODE.replace(" ", "-"), CODE.replace(" ", ""), "١٢٣٤٥ ٦٧٨٩٠ ١٢٣٤٥ ٦٧٨٩٠ ٩٩٩٩٩", f"code: {CODE}"],
)
async def test_a_code_is_taken_in_any_script_also_where_nobody_asked_for_it(
    person: Person, assistant: FakeAssistant, cases: FakeCases, code: str
) -> None:
    await person.types(code)
    assert len(cases.tries) == 1
    assert assistant.asked == []
    assert person.words == set()


async def test_a_code_behind_the_command_is_deleted_too(person: Person, cases: FakeCases) -> None:
    await person.types(f"/reply {CODE}")
    assert len(cases.tries) == 1
    assert person.words == set()


async def test_every_wrong_code_gets_the_same_sentence(
    hub: Hub, person: Person, cases: FakeCases, assistant: FakeAssistant
) -> None:
    await person.types("/reply")
    said = set()
    for code in ("00000 00000 00000 00000 00000", "12345", CODE + "7"):
        [refused] = await person.types(code)
        said.add(refused.text)
    cases.is_withdrawn = True
    [refused] = await person.types(CODE)
    said.add(refused.text)
    assert said == {hub.wording.texts.get("error.receipt_unknown", "en")}
    assert len(person.words) == 1
    cases.is_throttled = True
    [refused] = await person.types(CODE)
    assert "60 seconds" in refused.text
    assert assistant.asked == []


async def test_a_question_instead_of_the_code_is_a_question(person: Person, assistant: FakeAssistant) -> None:
    await person.types("/reply")
    await person.types("/tool/icc-index")
    assert len(assistant.asked) == 1


async def test_a_long_case_is_split_and_only_its_end_has_buttons(person: Person, cases: FakeCases) -> None:
    cases.messages += [CaseMessage(True, "حرف وكلمة. " * 300, "ar", "5 November 2026") for _ in range(3)]
    await person.types("/reply")
    *parts, last = await person.types(CODE)
    assert len(parts) >= 3
    assert all(part.keyboard == [] for part in parts)
    assert "Close my report" in last.titles


async def test_what_is_added_goes_to_the_desk_and_not_to_the_assistant(
    person: Person, cases: FakeCases, assistant: FakeAssistant
) -> None:
    await open_case(person)
    await person.presses("Write something")
    [added] = await person.types(ANSWER)
    assert "Passed on to Desk of Bologna" in added.text
    await person.sends(message=person.file("voice", b"voice", caption="listen"))
    assert [(message.text, message.file_names) for message in cases.messages[1:]] == [
        (ANSWER, []),
        ("listen", ["voice.ogg"]),
    ]
    assert cases.files[0].is_voice
    [case] = await person.presses("Show my report")
    assert ANSWER in case.text
    assert assistant.asked == []


async def test_a_text_that_nobody_asked_for_is_shown_back_first(
    person: Person, cases: FakeCases, assistant: FakeAssistant
) -> None:
    await open_case(person)
    [held] = await person.types(ANSWER)
    assert len(cases.messages) == 1
    await person.presses("No, do not pass it on", on=held)
    assert len(cases.messages) == 1
    [held] = await person.types(ANSWER)
    await person.presses("Yes, pass it on", on=held)
    assert cases.messages[-1].text == ANSWER
    assert assistant.asked == []


async def test_each_question_is_about_its_own_message(
    person: Person, cases: FakeCases, assistant: FakeAssistant
) -> None:
    await open_case(person)
    [first] = await person.types("for the desk")
    [second] = await person.types("not for the desk")
    await person.presses("No, do not pass it on", on=second)
    await person.presses("Show my report")
    yes = person.press("Yes, pass it on", on=first)
    await person.sends(callback_query=yes)
    assert [message.text for message in cases.messages[1:]] == ["for the desk"]
    assert first.titles == second.titles == []
    # A second tap on the same button.
    assert await person.sends(callback_query=yes) == []
    assert len(cases.messages) == 2
    assert assistant.asked == []


async def test_an_album_for_a_desk_is_decided_on_piece_by_piece(person: Person, api: BotApi, cases: FakeCases) -> None:
    await open_case(person)
    before = len(person.screen)
    photos = [person.file("document", b"%d" % number, media_group_id="7") for number in range(3)]
    for number in [await api.put(message=photo) for photo in photos]:
        await api.until_handled(number)
    questions = person.screen[before:]
    assert len(questions) == 3
    await person.presses("Without hidden data", on=questions[2])
    await person.presses("No, do not pass it on", on=questions[1])
    await person.presses("Without hidden data", on=questions[0])
    assert [file.content for file in cases.files] == [b"2", b"0"]


@pytest.mark.parametrize("is_adding", [True, False])
@pytest.mark.parametrize(
    ("title", "copies", "said"),
    [
        ("Without hidden data", "cleaned", "without hidden data"),
        ("As they are", "original", "as it is, with its hidden data"),
        ("Both forms", "both", "in both forms"),
    ],
)
async def test_of_a_file_that_is_added_later_the_person_chooses_what_the_desk_gets(
    person: Person, cases: FakeCases, *, is_adding: bool, title: str, copies: str, said: str
) -> None:
    await open_case(person)
    if is_adding:
        await person.presses("Write something")
    [question] = await person.sends(message=person.file("document", b"photo", caption="the letter"))
    assert cases.files == [], "nothing goes before the choice"
    assert ("Shall I pass this on" in question.text) is not is_adding
    assert "can hold hidden data" in question.text
    assert "This is the safer choice." in question.text
    assert question.titles == ["Without hidden data", "As they are", "Both forms", "No, do not pass it on"]
    [added] = await person.presses(title, on=question)
    assert [file.content for file in cases.files] == [b"photo"]
    assert (cases.copies, cases.messages[-1].text) == (copies, "the letter")
    assert said in added.text
    assert question.titles == []


async def test_a_file_that_was_not_chosen_a_form_for_does_not_go(person: Person, cases: FakeCases) -> None:
    await open_case(person)
    await person.presses("Write something")
    [question] = await person.sends(message=person.file("document", b"photo"))
    [dropped] = await person.presses("No, do not pass it on", on=question)
    assert "Nothing was passed on" in dropped.text
    assert (cases.files, len(cases.messages)) == ([], 1)


async def test_a_voice_message_has_one_form_and_is_asked_for_none(person: Person, cases: FakeCases) -> None:
    await open_case(person)
    [question] = await person.sends(message=person.file("voice", b"voice"))
    assert question.titles == ["Yes, pass it on", "No, do not pass it on"]
    [added] = await person.presses("Yes, pass it on", on=question)
    assert "hidden" not in added.text
    assert [file.content for file in cases.files] == [b"voice"]


@pytest.mark.parametrize("language", RELEASED)
async def test_what_changed_is_shown_by_period_and_the_older_ones_one_press_away(
    make_person: MakePerson, hub: Hub, cases: FakeCases, language: str
) -> None:
    person = make_person(language)
    cases.news = [CaseNews(f"Quarter {number}", f"We changed {number}.", "en") for number in (5, 4, 3, 2, 1)]
    await person.types("/reply")
    [case] = await person.types(CODE)
    assert [number for number in range(1, 6) if f"We changed {number}." in case.text] == [4, 5]
    title = hub.wording.texts.get("telegram.case.older", language)
    assert title in case.titles
    [older] = await person.presses(title, on=case)
    for number in (3, 2, 1):
        assert f"Quarter {number}" in older.text
        assert f"We changed {number}." in older.text
    assert "We changed 4." not in older.text
    before = {message.message_id for message in person.screen}
    assert older.message_id in before
    await person.presses(hub.wording.texts.get("telegram.case.close", language), on=older)
    assert older.message_id not in {message.message_id for message in person.screen}


async def test_without_older_news_no_button_offers_them(person: Person, cases: FakeCases) -> None:
    cases.news = [CaseNews(f"Quarter {number}", f"We changed {number}.", "en") for number in (2, 1)]
    await person.types("/reply")
    [case] = await person.types(CODE)
    assert "We changed 1." in case.text
    assert case.titles == ["Write something or send a file", "Take my report back", "Close my report"]


async def test_what_could_not_be_passed_on_can_be_tried_again(
    person: Person, cases: FakeCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_case(person)
    [held] = await person.types(ANSWER)

    async def refuse(*_: object, **__: object) -> None:
        raise ThrottledError(seconds=60)

    with monkeypatch.context() as patch:
        patch.setattr(cases, "add", refuse)
        [refused] = await person.presses("Yes, pass it on", on=held)
    assert "60 seconds" in refused.text
    await person.presses("Yes, pass it on", on=held)
    assert [message.text for message in cases.messages[1:]] == [ANSWER]


async def test_a_question_of_an_earlier_time_says_that_its_message_is_gone(person: Person, cases: FakeCases) -> None:
    await open_case(person)
    [held] = await person.types(ANSWER)
    yes = person.press("Yes, pass it on", on=held)
    await person.presses("Close my report")
    await open_case(person)
    [gone] = await person.sends(callback_query=yes)
    assert "Nothing was passed on" in gone.text
    assert len(cases.messages) == 1


async def test_what_nobody_decided_on_waits_for_the_code(
    person: Person, cases: FakeCases, clock: FixedClock, assistant: FakeAssistant
) -> None:
    await open_case(person)
    await person.types(ANSWER)
    clock.at += timedelta(minutes=16)
    await until(lambda: any("I keep what you wrote last" in message.text for message in person.screen))
    assert ANSWER not in "".join(message.text for message in person.screen)
    _, held = await person.types(CODE)
    assert ANSWER in held.text
    await person.presses("Yes, pass it on", on=held)
    assert [message.text for message in cases.messages[1:]] == [ANSWER]
    assert assistant.asked == []


async def test_several_messages_for_a_closed_case_wait_together(
    person: Person, api: BotApi, cases: FakeCases, clock: FixedClock, assistant: FakeAssistant
) -> None:
    await open_case(person)
    clock.at += timedelta(minutes=16)
    await until(lambda: any("without a message from you" in message.text for message in person.screen))
    before, before_words = len(person.screen), person.words
    photos = [person.file("document", b"%d" % number, media_group_id="7") for number in range(3)]
    for number in [await api.put(message=photo) for photo in photos]:
        await api.until_handled(number)
    [closed] = person.screen[before:]
    assert "I keep what you wrote" in closed.text
    assert person.words == before_words
    _, *held = await person.types(CODE)
    assert len(held) == 3
    for question in held:
        await person.presses("As they are", on=question)
    assert [file.content for file in cases.files] == [b"0", b"1", b"2"]
    assert assistant.asked == []


async def test_what_waited_for_the_code_is_gone_after_15_minutes(
    person: Person, cases: FakeCases, clock: FixedClock
) -> None:
    await open_case(person)
    clock.at += timedelta(minutes=16)
    await until(lambda: any("without a message from you" in message.text for message in person.screen))
    await person.types(ANSWER)
    clock.at += timedelta(minutes=16)
    [case] = await person.types(CODE)
    assert ANSWER not in case.text
    assert len(cases.messages) == 1


async def test_hours_after_a_case_was_closed_a_question_is_a_question(
    person: Person, clock: FixedClock, assistant: FakeAssistant
) -> None:
    await open_case(person)
    clock.at += timedelta(minutes=16)
    await until(lambda: any("without a message from you" in message.text for message in person.screen))
    clock.at += timedelta(hours=2)
    before = len(person.words)
    await person.types("/tool/icc-index")
    assert len(assistant.asked) == 1
    assert len(person.words) == before + 1


async def test_a_report_that_is_told_here_too_goes_on_when_the_case_is_left_alone(
    person: Person, clock: FixedClock, form: FakeForm
) -> None:
    await person.types("/report")
    await person.presses("Safe")
    await person.presses("The city's desk")
    await open_case(person)
    clock.at += timedelta(minutes=16)
    await until(lambda: any("without a message from you" in message.text for message in person.screen))
    await person.types("my story")
    assert form.drafts[str(person.id)].answers["story"] == "my story"


async def test_a_cry_for_help_to_a_desk_gets_the_number_first(
    person: Person, cases: FakeCases, form: FakeForm, assistant: FakeAssistant
) -> None:
    form.country = "IT"
    await open_case(person)
    numbers, held = await person.types("help, he has a knife")
    assert "112" in numbers.text
    assert "Italy" in numbers.text
    assert "Shall I pass this on" in held.text
    await person.presses("Yes, pass it on", on=held)
    assert cases.messages[-1].text == "help, he has a knife"
    assert assistant.asked == []


async def test_something_is_added_once_when_telegram_is_away_after_it(
    person: Person, api: BotApi, cases: FakeCases
) -> None:
    await open_case(person)
    await person.presses("Write something")
    api.faults[person.id] = [RefusedError(502, "Bad Gateway")] * 4
    [added] = await person.types(ANSWER)
    assert "Passed on" in added.text
    assert len(cases.messages) == 2


async def test_files_that_cannot_be_taken_get_a_sentence(person: Person, cases: FakeCases) -> None:
    await open_case(person)
    await person.presses("Write something")
    [refused] = await person.sends(message=person.file("document", b"x" * (20 * 1024 * 1024 + 1)))
    assert "at most 20 MB" in refused.text
    [refused] = await person.sends(message=person.message(dice={"emoji": "🎲", "value": 3}))
    assert "voice messages" in refused.text
    assert cases.files == []


async def test_closing_deletes_the_case_from_the_chat(hub: Hub, person: Person) -> None:
    await open_case(person)
    await person.presses("Write something")
    await person.types(ANSWER)
    [closed] = await person.presses("Close my report")
    assert "closed your report" in closed.text
    shown = "".join(message.text for message in person.screen)
    assert "Please call us." not in shown
    assert len(person.words) == 1
    assert await tracked(hub) == 0
    async with hub.database.session() as session:
        assert (await session.exec(select(TelegramForm))).all() == []


async def test_withdrawing_is_asked_twice(person: Person, cases: FakeCases) -> None:
    await open_case(person)
    await person.presses("Take my report back")
    await person.presses("No, leave it")
    await person.presses("Take my report back")
    await person.presses("Yes, take it back")
    assert not cases.is_withdrawn
    [done] = await person.presses("Yes, delete everything now")
    assert cases.is_withdrawn
    assert "taken back" in done.text
    assert "Please call us." not in "".join(message.text for message in person.screen)


async def test_a_question_for_consent_is_answered_with_a_button(person: Person, cases: FakeCases) -> None:
    cases.asked = "May Desk of Modena have your report?"
    await person.types("/reply")
    [case] = await person.types(CODE)
    assert "May Desk of Modena" in case.text
    [case] = await person.presses("Yes, I agree")
    assert cases.agreed is True
    assert "Yes, I agree" not in case.titles


async def test_a_question_says_what_one_would_agree_to_and_an_old_button_agrees_to_nothing_else(
    person: Person, cases: FakeCases
) -> None:
    cases.asked, cases.asked_mark = "May Desk of Modena have your report?", "0123456789abcdef"
    cases.asked_notes = ["It belongs to the city.", "By law it tells the police."]
    await person.types("/reply")
    [case] = await person.types(CODE)
    assert case.text.index("Desk of Modena") < case.text.index("By law it tells the police.")
    cases.asked, cases.asked_mark = "May Desk of Parma have your report?", "fedcba9876543210"
    [changed, anew] = await person.presses("Yes, I agree")
    assert cases.agreed is None
    assert "has changed" in changed.text
    assert "Desk of Parma" in anew.text
    await person.presses("Yes, I agree")
    assert cases.agreed is True


async def test_a_case_left_alone_is_closed_and_deleted_after_15_minutes(
    hub: Hub, person: Person, cases: FakeCases, assistant: FakeAssistant, clock: FixedClock
) -> None:
    await open_case(person)
    clock.at += timedelta(minutes=14)
    await person.presses("Write something")
    clock.at += timedelta(minutes=14)
    await person.types(ANSWER)
    clock.at += timedelta(minutes=16)
    await until(lambda: any("without a message from you" in message.text for message in person.screen))
    assert "Please call us." not in "".join(message.text for message in person.screen)
    [closed] = await person.types("and one thing more")
    assert "Nothing was passed on" in closed.text
    assert assistant.asked == []
    assert len(cases.messages) == 2
    case, held = await person.types(CODE)
    assert ANSWER in case.text
    assert "and one thing more" in held.text
    await person.presses("Yes, pass it on", on=held)
    assert cases.messages[-1].text == "and one thing more"


async def test_the_key_to_a_case_survives_no_restart(
    hub: Hub, person: Person, form: FakeForm, cases: FakeCases, assistant: FakeAssistant, with_reports: TelegramRunner
) -> None:
    await open_case(person)
    await person.presses("Write something")
    await with_reports.stop()
    second = reporting_runner(hub, form=form, cases=cases)
    second.start()
    [closed] = await person.types(ANSWER)
    assert "Nothing was passed on" in closed.text
    assert assistant.asked == []
    assert len(cases.messages) == 1
    case, held = await person.types(CODE)
    assert "Please call us." in case.text
    assert ANSWER in held.text
    await second.stop()


async def test_a_case_that_the_hub_closed_is_opened_with_the_code_again(person: Person, cases: FakeCases) -> None:
    await open_case(person)
    cases.tokens.clear()
    await person.presses("Write something")
    [closed] = await person.types(ANSWER)
    assert "type your code again" in closed.text
    _, held = await person.types(CODE)
    assert ANSWER in held.text
    await person.presses("Yes, pass it on", on=held)
    assert [message.text for message in cases.messages[1:]] == [ANSWER]


async def test_a_return_in_the_middle_of_a_report_leaves_the_report_as_it_is(
    person: Person, form: FakeForm, cases: FakeCases
) -> None:
    await person.types("/report")
    await person.presses("Safe")
    await person.presses("The city's desk")
    await open_case(person)
    await person.presses("Write something")
    await person.types(ANSWER)
    await person.presses("Close my report")
    await person.types("my story")
    assert cases.messages[-1].text == ANSWER
    assert form.drafts[str(person.id)].answers["story"] == "my story"


async def test_a_code_that_could_not_be_deleted_is_told(person: Person, api: BotApi) -> None:
    message = person.message(text=CODE)
    api.old.add(message["message_id"])
    note, _ = await person.sends(message=message)
    assert "delete it yourself" in note.text


@pytest.mark.parametrize(
    ("text", "whole", "asked_for"),
    [
        (CODE, True, True),
        (CODE[:-1], True, True),
        ("12345", False, True),
        ("1234", False, False),
        ("How do I reach 051 219 4747?", False, False),
        ("", False, False),
    ],
)
def test_a_code_is_told_from_other_texts(text: str, whole: bool, asked_for: bool) -> None:
    assert (is_code(text), looks_like_code(text)) == (whole, asked_for)


async def test_a_file_from_the_desk_comes_under_a_name_that_says_nothing_and_goes_with_the_rest(
    person: Person, api: BotApi, cases: FakeCases, hub: Hub
) -> None:
    letter = ShownFile("f" * 32, "complaint-against-" + "the-landlord-" * 5 + ".pdf", 9)
    cases.messages.append(CaseMessage(True, "Please sign this.", "en", "22 November 2026", files=[letter]))
    await person.types("/reply")
    [case] = await person.types(CODE)
    assert letter.name in case.text
    [title] = [title for title in case.titles if title.startswith("Get the file")]
    assert len(title) <= 60
    document, said = await person.presses("Get the file", on=case)
    assert document.text == "document-1.pdf"
    assert "stays on your device" in said.text
    await person.presses("Close my report", on=said)
    assert not {document.message_id, said.message_id} & {sent.message_id for sent in person.screen}
    assert await tracked(hub) == 0


async def test_a_file_that_is_not_there_is_said_in_words(person: Person, cases: FakeCases, hub: Hub) -> None:
    gone = ShownFile("0" * 32, "form.pdf", 9)
    cases.messages.append(CaseMessage(True, "Please sign this.", "en", "22 November 2026", files=[gone]))
    await person.types("/reply")
    [case] = await person.types(CODE)
    [said] = await person.presses("Get the file", on=case)
    assert said.text == hub.wording.texts.get("error.file_gone", "en")
