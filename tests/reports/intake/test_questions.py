"""What is asked in which situation, and what is said before it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channels.forms import Action, AnswerKind
from core.clock import FixedClock
from core.database import Database
from core.languages import RELEASED
from reports.intake.service import Intake
from reports.models import DeskKind
from tests.reports.intake.teller import OpenDesk, Teller, Told, open_desk, read_reports


async def test_the_first_screen_says_what_is_kept_and_what_to_do_in_danger(teller: Teller) -> None:
    screen = await teller.open()
    said = "\n".join(screen.notes)
    assert screen.step == "safe"
    assert "24 hours" in said
    assert "call the emergency number of the country where you are" in screen.replies[0].text
    assert "papers" in said


@pytest.mark.parametrize("language", RELEASED)
async def test_where_the_country_is_not_known_its_numbers_are_one_press_away(intake: Intake, language: str) -> None:
    screen = await Teller(intake, language=language).open()
    [reply] = screen.replies
    assert {"/emergency/IT", "/emergency/FR"} <= {button.payload for button in reply.buttons}
    assert "112" in reply.text
    assert "?" not in reply.text
    assert "؟" not in reply.text, "the one question is whether they are safe"


async def test_where_the_numbers_of_a_known_country_are_not_no_other_countrys_are_offered(teller: Teller) -> None:
    screen = await teller.open(city="Brussels")
    assert screen.replies == []
    assert "call the emergency number of the country where you are" in screen.notes[0]


async def test_the_web_is_not_told_about_telegram_and_telegram_is_told_before_the_first_question(
    intake: Intake,
) -> None:
    web = await Teller(intake, "1").open()
    telegram = await Teller(intake, "2", origin="telegram").open()
    assert not any("Telegram" in note for note in web.notes)
    assert any(note.startswith("Telegram is not anonymous.") for note in telegram.notes)
    assert [link.url for link in telegram.links] == ["https://hub.example/report"]
    assert web.links == []


async def test_somebody_in_danger_gets_the_numbers_of_the_country_where_they_are(teller: Teller) -> None:
    await teller.open()
    await teller.choose("no")
    assert teller.screen.step == "danger_where"
    await teller.write("je suis à Lyon")
    assert teller.screen.step == "danger"
    assert "France" in teller.screen.replies[0].text
    assert any(contact.value == "112" for contact in teller.screen.replies[0].contacts)


async def test_where_no_number_is_known_it_is_said_to_call_where_one_is(teller: Teller) -> None:
    await teller.open()
    await teller.choose("no")
    await teller.write("Belgium")
    assert teller.screen.replies == []
    assert teller.screen.notes[0].startswith("If you are in danger, call the emergency number of the country")


async def test_the_police_is_a_choice_and_its_risk_without_papers_is_said(teller: Teller) -> None:
    await teller.open(city="Bologna")
    await teller.choose("unsure")
    assert teller.screen.step == "danger"
    said = "\n".join(teller.screen.notes)
    assert "Calling the police is your choice." in said
    assert "no residence papers" in said


async def test_a_conversation_that_knows_the_city_is_not_asked_for_the_country(teller: Teller) -> None:
    screen = await teller.open(city="Bologna")
    assert "Italy" in screen.replies[0].text
    await teller.choose("no")
    assert teller.screen.step == "danger"


async def test_under_18_gets_the_child_helpline_and_what_happens_first(teller: Teller) -> None:
    await teller.open(city="Bologna")
    await teller.walk("minor")
    await teller.choose("yes")
    assert teller.screen.step == "minor_help"
    assert any(contact.value == "114" for reply in teller.screen.replies for contact in reply.contacts)
    assert any("child protection" in note for note in teller.screen.notes)


async def test_a_child_is_asked_for_the_country_once(teller: Teller) -> None:
    await teller.open()
    await teller.choose("no")
    await teller.choose("IT")
    await teller.walk("minor")
    await teller.choose("yes")
    assert teller.screen.step == "minor_help"
    assert teller.screen.replies


async def test_a_place_that_is_not_known_is_kept_in_words_and_its_country_asked(teller: Teller) -> None:
    await teller.open()
    await teller.walk("where")
    await teller.write("Xyzzytown")
    assert teller.screen.step == "where_country"
    assert any("Xyzzytown" in note for note in teller.screen.notes)
    await teller.write("qwertz")
    assert teller.screen.error == "I do not know that place. Please write the country, or choose one."
    await teller.write("in Italia")
    assert teller.screen.step == "about_city"


async def test_a_desk_says_what_it_promises_and_what_it_must_pass_on(teller: Teller, desk: OpenDesk) -> None:
    await teller.open()
    await teller.walk("desk", {"where": "Bologna"})
    offered = {choice.value: choice for choice in teller.screen.choices}
    assert list(offered) == ["bologna", "letter"]
    note = offered["bologna"].note or ""
    assert "within 14 days" in note
    assert "It tells the prosecutor of a serious crime. (Law 12, article 3)" in note
    assert "no duty" not in note


async def test_beside_a_duty_there_is_always_a_way_without_it(
    teller: Teller, desk: OpenDesk, database: Database, clock: FixedClock
) -> None:
    await open_desk(database, clock, "free", no_duty=True)
    await teller.open()
    await teller.walk("desk", {"where": "Bologna"})
    notes = {choice.value: choice.note or "" for choice in teller.screen.choices}
    assert "No law makes it pass anything on" in notes["free"]
    assert "nobody here must pass anything on" in notes["letter"]


async def test_where_the_city_is_accused_its_own_desk_comes_last_with_a_warning(
    teller: Teller, desk: OpenDesk, database: Database, clock: FixedClock
) -> None:
    await open_desk(database, clock, "a-city-desk", kind=DeskKind.CITY)
    await teller.open()
    await teller.walk("desk", {"where": "Bologna", "about_city": ("yes",)})
    assert [choice.value for choice in teller.screen.choices] == ["bologna", "a-city-desk", "letter"]
    assert "belongs to the city. Choose another one" in (teller.screen.choices[1].note or "")


async def test_who_does_not_say_whether_it_is_about_the_city_sees_independent_readers_first(
    teller: Teller, desk: OpenDesk, database: Database, clock: FixedClock
) -> None:
    await open_desk(database, clock, "a-city-desk", kind=DeskKind.CITY)
    await teller.open(desk="a-city-desk")
    await teller.walk("desk", {"where": "Bologna"})
    assert "about_city" in teller.asked
    assert [choice.value for choice in teller.screen.choices] == ["bologna", "a-city-desk", "letter"]
    assert "belongs to the city. Choose another one" in (teller.screen.choices[1].note or "")
    assert teller.screen.replies == []


@pytest.mark.parametrize("about_city", ["yes", "unsure", None])
async def test_where_only_the_accused_city_has_a_desk_other_bodies_are_shown_before_it(
    teller: Teller, database: Database, clock: FixedClock, about_city: str | None
) -> None:
    await open_desk(database, clock, "city", kind=DeskKind.CITY)
    await teller.open()
    told: Told = {"where": "Bologna"}
    await teller.walk("desk", told | {"about_city": (about_city,)} if about_city else told)
    assert [choice.value for choice in teller.screen.choices] == ["city", "letter"]
    assert "The services below can help." in teller.screen.notes
    assert any(contact.kind == "phone" for reply in teller.screen.replies for contact in reply.contacts)


async def test_where_the_city_is_not_accused_its_desk_stands_alone(
    teller: Teller, database: Database, clock: FixedClock
) -> None:
    await open_desk(database, clock, "city", kind=DeskKind.CITY)
    await teller.open()
    await teller.walk("desk", {"where": "Bologna", "about_city": ("no",)})
    assert teller.screen.replies == []
    assert "The services below can help." not in teller.screen.notes


async def test_saying_later_that_it_is_about_the_city_asks_again_who_should_read_it(
    teller: Teller, database: Database, clock: FixedClock
) -> None:
    await open_desk(database, clock, "city", kind=DeskKind.CITY)
    await teller.open()
    await teller.walk("review", {"where": "Bologna", "about_city": ("no",), "story": "It was at the counter."})
    await teller.act(Action.CHANGE, values=("about_city",))
    await teller.choose("yes")
    assert teller.screen.step == "desk"
    assert teller.screen.choices[0].is_chosen
    await teller.walk("review", {"desk": ("city",)})
    assert next(line.answer for line in teller.screen.review if line.step == "story") == "It was at the counter."


async def test_a_desk_where_nobody_signs_in_says_so(teller: Teller, desk: OpenDesk, clock: FixedClock) -> None:
    clock.at += timedelta(days=8)
    await teller.open()
    await teller.walk("desk", {"where": "Bologna"})
    assert "Nobody has signed in there for 7 days or more." in (teller.screen.choices[0].note or "")
    assert teller.screen.replies, "the other routes"
    assert "The services below can help." in teller.screen.notes


async def test_the_desk_of_a_qr_code_comes_first_wherever_it_happened(
    teller: Teller, desk: OpenDesk, database: Database, clock: FixedClock
) -> None:
    await open_desk(database, clock, "lyon", places=("fr-lyon",))
    await teller.open(desk="bologna")
    await teller.walk("desk")
    assert [(choice.value, choice.is_chosen) for choice in teller.screen.choices] == [
        ("bologna", True),
        ("letter", False),
    ]


async def test_who_comes_to_telegram_from_a_desk_hears_what_it_must_pass_on_before_the_first_question(
    intake: Intake, desk: OpenDesk
) -> None:
    screen = await Teller(intake, "1", origin="telegram").open(desk="bologna")
    said = "\n".join(screen.notes)
    assert screen.step == "safe"
    assert "You came here from Desk bologna." in said
    assert "It tells the prosecutor of a serious crime. (Law 12, article 3)" in said
    assert "within 14 days" in said
    other = await Teller(intake, "2", origin="telegram").open()
    assert "serious crime" not in "\n".join(other.notes)


@pytest.mark.parametrize("origin", ["web", "telegram"])
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "what that reader must pass on by law"),
        ("fr", "ce que la loi oblige ce destinataire à transmettre"),
        ("it", "per legge, chi legge deve comunicare ad altri"),
        ("ar", "يلزم القانون من يقرأ بأن يبلغ غيره"),
    ],
)
async def test_who_comes_without_a_desk_hears_before_the_first_question_that_a_law_can_make_a_reader_pass_things_on(
    intake: Intake, desk: OpenDesk, origin: str, language: str, words: str
) -> None:
    screen = await Teller(intake, "1", origin=origin, language=language).open()
    assert screen.step == "safe"
    assert any(words in note for note in screen.notes)


async def test_the_qr_code_of_a_city_does_not_put_the_accused_first(
    teller: Teller, desk: OpenDesk, database: Database, clock: FixedClock
) -> None:
    await open_desk(database, clock, "a-city-desk", kind=DeskKind.CITY)
    await teller.open(desk="a-city-desk")
    await teller.walk("desk", {"where": "Bologna", "about_city": ("yes",)})
    assert [choice.value for choice in teller.screen.choices] == ["bologna", "a-city-desk", "letter"]


async def test_before_consent_all_is_said_that_it_rests_on(teller: Teller, desk: OpenDesk) -> None:
    await teller.open()
    await teller.walk("consent", {"where": "Bologna", "desk": ("bologna",)})
    said = "\n".join(teller.screen.notes)
    assert "Desk bologna" in teller.screen.title
    assert "Controller of bologna" in said
    assert "privacy@desk.example" in said
    assert "GDPR article 9(2)(a)" in said
    assert "365 days" in said
    assert "within 14 days" in said
    assert "serious crime" in said
    assert "Telling it here stops no legal time limit." in said
    assert "60 days" in said
    assert not any(step in teller.asked for step in ("story", "when", "area"))


async def test_no_consent_leads_back_to_the_choice_and_not_to_the_story(teller: Teller, desk: OpenDesk) -> None:
    await teller.open()
    await teller.walk("consent", {"where": "Bologna", "desk": ("bologna",)})
    await teller.act(Action.NEXT)
    assert teller.screen.step == "consent"
    assert teller.screen.error
    await teller.choose("other")
    assert teller.screen.step == "desk"
    await teller.choose("bologna")
    assert teller.screen.step == "keep_out"
    await teller.act(Action.SKIP)
    assert teller.screen.step == "consent"


async def test_a_yes_to_one_desk_is_no_yes_to_another(
    teller: Teller, desk: OpenDesk, database: Database, clock: FixedClock
) -> None:
    await open_desk(database, clock, "other")
    await teller.open()
    await teller.walk("review", {"where": "Bologna", "desk": ("bologna",)})
    await teller.act(Action.CHANGE, values=("desk",))
    await teller.choose("other")
    await teller.act(Action.SKIP)
    assert teller.screen.step == "consent"
    assert "Desk other" in teller.screen.title
    assert not any(choice.is_chosen for choice in teller.screen.choices)
    await teller.act(Action.NEXT)
    assert (teller.screen.step, teller.screen.error) == ("consent", "Please choose one of these.")


async def test_before_sending_it_is_said_again_who_reads_it_and_after_it_the_limit_of_the_area(
    teller: Teller, desk: OpenDesk
) -> None:
    await teller.open()
    await teller.walk("send", {"where": "Bologna", "desk": ("bologna",), "area": ("employment",), "story": "So."})
    assert teller.screen.kind is AnswerKind.SEND
    assert "you agree once more that Desk bologna reads it" in "\n".join(teller.screen.notes)
    assert "serious crime" in "\n".join(teller.screen.notes)
    done = await teller.send()
    said = "\n".join(done.notes)
    assert done.kind is AnswerKind.DONE
    assert "within 14 days" in said
    assert "Work: the limit depends on the case. The shortest that we heard of is 60 days." in said


async def test_notices_are_offered_in_telegram_alone_and_never_ticked(intake: Intake, desk: OpenDesk) -> None:
    telegram = Teller(intake, "4242", origin="telegram")
    await telegram.open()
    await telegram.walk("notice", {"where": "Bologna", "desk": ("bologna",)})
    assert [choice.value for choice in telegram.screen.choices if choice.is_chosen] == ["no"]
    web = Teller(intake, "web")
    await web.open()
    await web.walk("review", {"where": "Bologna", "desk": ("bologna",)})
    assert "notice" not in web.asked


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_every_screen_is_in_the_language_that_was_chosen(intake: Intake, desk: OpenDesk, language: str) -> None:
    teller = Teller(intake, language=language)
    await teller.open()
    await teller.choose("yes")
    assert teller.screen.language == language
    shown = await intake.show(teller.key, language="fr")
    assert shown is not None
    assert (shown.language, shown.step) == ("fr", "minor")


async def test_words_written_before_are_offered_and_may_be_deleted(intake: Intake, desk: OpenDesk) -> None:
    kept, deleted = Teller(intake, "kept"), Teller(intake, "deleted")
    for teller in (kept, deleted):
        await teller.open(words="they refused me the flat")
        await teller.walk("story", {"where": "Bologna", "desk": ("bologna",)})
        assert teller.screen.text == "they refused me the flat"
    await kept.act(Action.NEXT)
    await deleted.write("")
    for teller, expected in ((kept, "they refused me the flat"), (deleted, "Not answered")):
        await teller.walk("review")
        assert next(line.answer for line in teller.screen.review if line.step == "story") == expected


async def test_a_witness_and_an_event_that_hit_many_are_taken_down(
    teller: Teller, desk: OpenDesk, database: Database
) -> None:
    await teller.open()
    await teller.walk(
        "send",
        {"where": "Bologna", "desk": ("bologna",), "for_whom": ("witness",), "same_event": "Speech of 3 May"},
    )
    await teller.send()
    (report,) = await read_reports(database, desk)
    assert (report.for_whom, report.same_event) == ("witness", "Speech of 3 May")


async def test_an_organisation_is_asked_for_its_name(teller: Teller, desk: OpenDesk) -> None:
    await teller.open()
    await teller.walk("for_whom", {"where": "Bologna", "desk": ("bologna",)})
    await teller.choose("organisation")
    assert teller.screen.step == "organisation"


@pytest.mark.parametrize("given", [{"words": "They refused me the flat in Bologna."}, {"place": "it-bologna"}])
async def test_a_place_that_was_named_before_is_the_first_to_choose_from(teller: Teller, given: dict[str, str]) -> None:
    await teller.open(**given)
    await teller.walk("where")
    assert (teller.screen.choices[0].value, teller.screen.choices[0].title) == ("it-bologna", "Bologna (Italy)")
    assert not teller.screen.choices[0].is_chosen


async def test_a_place_that_was_named_is_never_taken_for_where_the_person_is(teller: Teller) -> None:
    await teller.open(words="They refused me the flat in Bologna.")
    await teller.choose("no")
    assert teller.screen.step == "danger_where"
    assert teller.screen.choices[0].value == "IT"


async def test_a_country_that_somebody_comes_from_is_not_offered_as_where_it_happened(teller: Teller) -> None:
    await teller.open(words="they did not hire me because i am from Nigeria")
    await teller.walk("where")
    assert "NG" not in [choice.value for choice in teller.screen.choices]


async def test_the_progress_counts_what_needs_an_answer(teller: Teller, desk: OpenDesk) -> None:
    await teller.open()
    assert teller.screen.progress == ("Step 1. From here on, only 5 steps need an answer. You can skip the others.")
    await teller.walk("review", {"where": "Bologna", "desk": ("bologna",)})
    assert teller.screen.progress.endswith("3 steps are left, with this one.")
    await teller.walk("send")
    assert teller.screen.progress.endswith(", the last one.")
