"""Answers of every kind, and bad ones: the same screen comes back with a sentence, and nothing is lost."""

from __future__ import annotations

import io
import re
import wave
from datetime import date

import pytest
from PIL import Image

from channels.forms import Action, FormInput, IncomingFile
from core.database import Database
from core.languages import RELEASED, format_day
from reports.contents import ContactWish
from reports.intake.service import Intake
from reports.intake.taking import read_day, tidy
from tests.reports.intake.teller import OpenDesk, Teller, Told, read_reports

TO_THE_STORY: Told = {"where": "Bologna", "desk": ("bologna",)}


def picture() -> bytes:
    """A small photograph with hidden data."""
    image = Image.effect_noise((40, 30), 50)
    exif = Image.Exif()
    exif[0x010F] = "Camera of Jane"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def sound() -> bytes:
    """A tenth of a second of silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    return buffer.getvalue()


SOUND = sound()


async def at(teller: Teller, step: str, **answers: str | tuple[str, ...]) -> Teller:
    await teller.open()
    await teller.walk(step, {**TO_THE_STORY, **answers})
    return teller


async def test_a_text_that_is_too_long_is_refused_with_both_figures_and_shown_again(
    teller: Teller, desk: OpenDesk
) -> None:
    await at(teller, "organisation", for_whom=("organisation",))
    version = teller.screen.version
    await teller.write("x" * 201)
    assert teller.screen.error is not None
    assert "201" in teller.screen.error
    assert "200" in teller.screen.error
    assert (teller.screen.step, teller.screen.version, teller.screen.text) == ("organisation", version, "x" * 201)
    await teller.write("x" * 200)
    assert teller.screen.step == "same_event"


async def test_the_longest_message_of_a_chat_fits_into_the_story(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "story")
    await teller.type("ب" * 4096)
    assert teller.screen.error is None


@pytest.mark.parametrize("values", [("house",), ("housing", "health"), ("",), ("'; drop table",)])
async def test_a_choice_that_is_not_there_is_refused(teller: Teller, desk: OpenDesk, values: tuple[str, ...]) -> None:
    await at(teller, "area")
    await teller.choose(*values)
    assert (teller.screen.step, teller.screen.error) == ("area", "Please choose one of these.")


async def test_a_choice_may_be_typed_in_words(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "area")
    await teller.type("  housing ")
    assert teller.screen.step == "grounds"


async def test_words_where_only_choices_fit_are_refused(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "area")
    await teller.type("it was the rent")
    assert (teller.screen.step, teller.screen.error) == ("area", "Please choose one of these.")


async def test_an_old_button_changes_nothing_and_says_so(teller: Teller) -> None:
    await teller.open()
    old = teller.screen
    await teller.choose("yes")
    await teller.give(FormInput(Action.ANSWER, old.step, old.version, ("no",)))
    assert teller.screen.step == "minor"
    assert teller.screen.error is not None
    assert "earlier question" in teller.screen.error


async def test_a_button_of_the_same_question_as_it_stood_before_is_old_too(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "grounds")
    old = teller.screen
    await teller.act(Action.TOGGLE, values=("origin",))
    await teller.give(FormInput(Action.TOGGLE, old.step, old.version, ("age",)))
    assert teller.screen.error
    assert [choice.value for choice in teller.screen.choices if choice.is_chosen] == ["origin"]


@pytest.mark.parametrize("step", ["nothing_like_it", "story", ""])
async def test_an_answer_to_another_step_is_refused(teller: Teller, step: str) -> None:
    await teller.open()
    await teller.give(FormInput(Action.ANSWER, step, teller.screen.version, ("yes",)))
    assert (teller.screen.step, teller.screen.version) == ("safe", 1)
    assert teller.screen.error


async def test_several_are_switched_one_by_one_or_given_at_once(
    intake: Intake, desk: OpenDesk, database: Database
) -> None:
    chat, page = Teller(intake, "chat"), Teller(intake, "page")
    await at(chat, "grounds")
    for value in ("origin", "age", "language", "age"):
        await chat.act(Action.TOGGLE, values=(value,))
        assert chat.screen.step == "grounds"
    assert [choice.value for choice in chat.screen.choices if choice.is_chosen] == ["origin", "language"]
    await chat.type("and my name")
    await at(page, "grounds")
    await page.choose("language", "origin", text="and my name")
    for teller in (chat, page):
        assert teller.screen.step == "who"
        await teller.walk("send")
        await teller.send()
    for report in await read_reports(database, desk):
        assert (set(report.grounds), report.grounds_words) == ({"origin", "language"}, "and my name")


async def test_a_page_can_take_every_choice_back(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "grounds")
    await teller.choose("origin")
    await teller.act(Action.BACK)
    await teller.act(Action.NEXT, text="")
    await teller.walk("review")
    assert next(line.answer for line in teller.screen.review if line.step == "grounds") == "Not answered"


async def test_a_story_in_several_messages_is_one_story(teller: Teller, desk: OpenDesk, database: Database) -> None:
    await at(teller, "story")
    for message in ("First this.", "ثم هذا", "Then that."):
        await teller.type(message)
        assert teller.screen.step == "story"
    await teller.act(Action.NEXT)
    assert teller.screen.step == "when"
    await teller.walk("send")
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert report.story == "First this.\nثم هذا\nThen that."


async def test_a_choice_pressed_after_words_keeps_the_words(teller: Teller, desk: OpenDesk, database: Database) -> None:
    await at(teller, "witnesses")
    await teller.type("A woman with a dog.")
    await teller.choose("some")
    await teller.walk("send")
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert (report.witnesses, report.witnesses_words) == ("some", "A woman with a dog.")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-05-31", date(2026, 5, 31)),
        ("٢٠٢٦-٠٥-٣١", date(2026, 5, 31)),
        ("31.5.2026", date(2026, 5, 31)),
        ("5/5/2026", date(2026, 5, 5)),
        ("3/4/2026", None),
        ("3.4.2026", date(2026, 4, 3)),
        ("2026-02-30", None),
        ("last spring", None),
        ("", None),
    ],
)
def test_a_day_is_read_only_where_it_can_be_one_day(written: str, day: date | None) -> None:
    assert read_day(written) == day


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("fr", "03/04/2026"),
        ("it", "3/4/2026"),
        ("ar", "٣/٤/٢٠٢٦"),
        ("ar", "٣\u200f/٤\u200f/٢٠٢٦"),
        ("it", "2026-04-03"),
    ],
)
async def test_a_day_is_read_and_shown_as_people_of_the_language_write_it(
    intake: Intake, desk: OpenDesk, database: Database, language: str, written: str
) -> None:
    teller = Teller(intake, language=language)
    await at(teller, "review", when=written)
    [line] = [line for line in teller.screen.review if line.step == "when"]
    assert line.answer == format_day(date(2026, 4, 3), language)
    await teller.walk("send")
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert report.when.day == date(2026, 4, 3)


async def test_yesterday_can_be_written(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "when")
    await teller.type("yesterday")
    await teller.walk("review")
    assert "Yesterday" in [line.answer for line in teller.screen.review]


@pytest.mark.parametrize("language", RELEASED)
async def test_the_example_of_a_day_is_one_that_is_understood(intake: Intake, desk: OpenDesk, language: str) -> None:
    teller = Teller(intake, language=language)
    await at(teller, "when")
    [example] = re.findall(r"\d+/\d+/\d+", teller.screen.hint or "")
    assert read_day(example, language) == date(2026, 5, 31)


async def test_a_day_that_has_not_come_is_refused(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "when")
    await teller.write("2026-11-23")
    assert teller.screen.error == "That day has not come yet. Please check it."
    await teller.write("2026-11-22")
    assert teller.screen.step == "area"


@pytest.mark.parametrize(
    ("kind", "wrong", "right"), [("email", "jane", "jane@example.org"), ("phone", "none", "+39 051 123456")]
)
async def test_a_contact_that_reaches_nobody_is_noticed(
    teller: Teller, desk: OpenDesk, kind: str, wrong: str, right: str
) -> None:
    await at(teller, "contact_value", contact=(kind,))
    await teller.write(wrong)
    assert teller.screen.error is not None
    await teller.write(right)
    assert teller.screen.step == "review"


async def test_without_an_address_nobody_is_contacted(teller: Teller, desk: OpenDesk, database: Database) -> None:
    await at(teller, "send", contact=("email",))
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert report.contact == ContactWish()


async def test_only_who_says_so_wishes_not_to_be_contacted(teller: Teller, desk: OpenDesk, database: Database) -> None:
    await at(teller, "contact")
    assert not any(choice.is_chosen for choice in teller.screen.choices)
    await teller.act(Action.NEXT)
    assert teller.screen.step == "contact"
    assert teller.screen.error
    await teller.walk("send")
    await teller.send()
    await at(teller, "send", contact=("none",))
    await teller.send()
    reports = await read_reports(database, desk)
    assert {report.contact.kind for report in reports} == {None, "none"}


async def test_the_four_questions_that_need_an_answer_cannot_be_skipped(teller: Teller, desk: OpenDesk) -> None:
    await teller.open()
    for step in ("desk", "consent", "review", "receipt", "send"):
        await teller.walk(step, TO_THE_STORY)
        await teller.act(Action.SKIP)
        assert teller.screen.step == step
        assert teller.screen.error
        assert not teller.screen.can_skip


async def test_going_back_and_answering_leads_on_to_where_one_was(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "grounds", area=("health",))
    for expected in ("area", "when", "story"):
        await teller.act(Action.BACK)
        assert teller.screen.step == expected
    await teller.write("Now I tell it.")
    assert teller.screen.step == "grounds"


async def test_every_answer_can_be_changed_from_the_review(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "review", story="One.", area=("health",))
    for line in teller.screen.review:
        await teller.act(Action.CHANGE, values=(line.step,))
        assert teller.screen.step == line.step, line
        await teller.act(Action.NEXT)
        if teller.screen.error:
            await teller.act(Action.SKIP)
        await teller.walk("review", TO_THE_STORY)
    assert next(line.answer for line in teller.screen.review if line.step == "story") == "One."


@pytest.mark.parametrize("step", ["nothing", "consent", "send", "contact_value"])
async def test_what_is_not_in_the_review_cannot_be_jumped_to(teller: Teller, desk: OpenDesk, step: str) -> None:
    await at(teller, "review")
    await teller.act(Action.CHANGE, values=(step,))
    assert teller.screen.step == "review"
    assert teller.screen.error


async def test_a_file_is_taken_shown_and_taken_away(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "evidence")
    await teller.attach(picture())
    assert [file.name for file in teller.screen.files] == ["photo.jpg"]
    assert not teller.screen.can_skip
    await teller.act(Action.REMOVE_FILE, values=(teller.screen.files[0].id,))
    assert teller.screen.files == []
    await teller.act(Action.NEXT)
    assert teller.screen.step == "contact"


async def test_a_file_that_is_not_what_it_says_is_refused_in_words(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "evidence")
    await teller.attach(b"MZ\x90\x00 this is a program", "photo.jpg")
    assert teller.screen.error
    assert teller.screen.error.startswith("We cannot take this kind of file.")
    assert teller.screen.files == []


async def test_a_full_disk_takes_words_and_no_files(
    teller: Teller, intake: Intake, desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.intake.changing.MOST_PIECES_OF_DRAFTS", 2)
    await at(teller, "evidence")
    await teller.attach(picture())
    assert teller.screen.error is None
    other = Teller(intake, key="conversation-2")
    await at(other, "evidence")
    await other.attach(picture())
    assert other.screen.error
    assert "later" in other.screen.error
    await other.act(Action.NEXT)
    assert other.screen.error is None
    # There is room again once the first one is sent or deleted.
    await teller.act(Action.REMOVE_FILE, values=(teller.screen.files[0].id,))
    await other.act(Action.BACK)
    await other.attach(picture())
    assert other.screen.error is None


@pytest.mark.parametrize(
    "reason", ["empty", "busy", "too_large", "too_many", "too_large_together", "archive", "kind", "broken"]
)
async def test_every_reason_against_a_file_has_a_sentence(intake: Intake, reason: str) -> None:
    assert intake._texts.has(f"error.file_{reason}", "en")


async def test_a_voice_message_tells_the_story(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "story")
    await teller.give(FormInput(Action.ANSWER, file=IncomingFile("note.jpg", "image/jpeg", picture(), is_voice=True)))
    assert teller.screen.step == "story"
    assert len(teller.screen.files) == 1
    await teller.act(Action.NEXT)
    assert teller.screen.step == "when"


@pytest.mark.parametrize("step", ["when", "grounds", "witnesses", "wishes"])
async def test_any_question_that_words_could_answer_takes_a_voice_message(
    teller: Teller, desk: OpenDesk, database: Database, step: str
) -> None:
    await at(teller, step)
    voice = IncomingFile("file_31.oga", "audio/ogg", SOUND, is_voice=True)
    await teller.give(FormInput(Action.ANSWER, file=voice))
    assert (teller.screen.step, teller.screen.error) == (step, None)
    (taken,) = teller.screen.files
    await teller.act(Action.NEXT)
    assert teller.screen.step != step
    await teller.walk("review")
    assert next(line.answer for line in teller.screen.review if line.step == step) == taken.name
    await teller.walk("send")
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert [(note.is_voice, note.name.startswith(step)) for note in report.files] == [(True, True)]


@pytest.mark.parametrize("step", ["when", "grounds", "who", "witnesses", "wishes", "same_event"])
async def test_on_a_page_a_voice_message_is_the_whole_answer(teller: Teller, desk: OpenDesk, step: str) -> None:
    await at(teller, step)
    assert (teller.screen.takes_voice, teller.screen.takes_files) == (True, False)
    voice = IncomingFile("file_31.oga", "audio/ogg", SOUND, is_voice=True)
    await teller.act(Action.ANSWER, file=voice)
    await teller.act(Action.ANSWER, text="")
    assert (teller.screen.step != step, teller.screen.error) == (True, None)
    await teller.walk("review")
    line = next(line for line in teller.screen.review if line.step == step)
    assert line.answer.startswith(step)


async def test_no_voice_message_is_asked_for_where_nobody_would_hear_it(teller: Teller) -> None:
    await teller.open()
    await teller.walk("when", {"where": "Lyon", "desk": ("letter",)})
    assert not teller.screen.takes_voice


async def test_a_voice_message_where_only_a_choice_fits_is_refused(teller: Teller, desk: OpenDesk) -> None:
    await at(teller, "area")
    await teller.give(FormInput(Action.ANSWER, file=IncomingFile("a.oga", "audio/ogg", SOUND, is_voice=True)))
    assert (teller.screen.step, teller.screen.error) == ("area", "Files cannot be added here.")


async def test_words_under_a_photo_are_not_lost(teller: Teller, desk: OpenDesk, database: Database) -> None:
    await at(teller, "evidence", story="They sent me away.")
    photo = IncomingFile("door.jpg", "image/jpeg", picture())
    await teller.give(FormInput(Action.ANSWER, text="This is the door.", file=photo))
    await teller.walk("send")
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert report.story == "They sent me away.\ndoor.jpg: This is the door."


@pytest.mark.parametrize("action", [Action.BACK, Action.PAUSE])
async def test_what_was_typed_when_going_away_is_there_when_coming_back(
    teller: Teller, desk: OpenDesk, action: Action
) -> None:
    await at(teller, "story")
    await teller.act(action, text="half a sent")
    await teller.open()
    if action is Action.BACK:
        assert teller.screen.step == "consent"
        await teller.choose("agree")
    assert (teller.screen.step, teller.screen.text) == ("story", "half a sent")


async def test_another_country_chosen_beside_the_words_of_before_is_the_answer(teller: Teller) -> None:
    await teller.open()
    await teller.walk("where")
    await teller.choose(text="Bologna")
    await teller.act(Action.BACK)
    assert teller.screen.text == "Bologna"
    await teller.choose("FR", text="Bologna")
    assert any("France" in note for note in teller.screen.notes)


async def test_files_are_not_taken_where_nobody_could_get_them(teller: Teller) -> None:
    await teller.open()
    await teller.walk("story", {"where": "Lyon", "desk": ("letter",)})
    assert not teller.screen.takes_files
    await teller.attach(picture())
    assert teller.screen.error == "Files cannot be added here."


def test_own_words_are_kept_but_what_no_text_can_hold_goes() -> None:
    assert tidy("  a\ud800b\x00c\u200fd\nהe\r\nf ") == "a?bc\u200fd\nהe\nf"
