"""Where no desk fits: help, and a letter of the person's own that nobody here reads."""

from __future__ import annotations

import pytest
from sqlmodel import select

from channels.forms import Action, AnswerKind
from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from core.texts import Texts
from reports.errors import DraftGoneError
from reports.intake.letter import Letters
from reports.intake.routing import Routing
from reports.intake.service import Intake
from reports.intake.steps import Steps
from reports.models import Case, DeskKind
from tests.reports.intake.teller import Teller, Told, open_desk

STORY = "رفضوا أن يؤجروا لي الشقة بسبب اسمي وقالوا إنها ليست لأمثالي"
TOLD: Told = {
    "where": "Lyon",
    "desk": ("letter",),
    "story": STORY,
    "area": ("housing",),
    "grounds": ("origin", "religion"),
    "contact": ("email",),
    "contact_value": "jane@example.org",
    "body": ("service/fr-defenseur-des-droits",),
}


async def test_where_nobody_takes_reports_the_bodies_and_a_letter_are_offered(teller: Teller) -> None:
    await teller.open()
    await teller.walk("desk", {"where": "Lyon"})
    assert teller.screen.title == "Nobody takes reports here for that place yet"
    assert teller.screen.replies[0].answer == "service/fr-defenseur-des-droits"
    assert teller.screen.replies[0].contacts
    assert [(choice.value, choice.title) for choice in teller.screen.choices] == [
        ("letter", "Write a letter of my own")
    ]


async def test_the_letter_holds_what_was_told_and_own_words_untouched(teller: Teller, database: Database) -> None:
    await teller.open()
    await teller.walk("letter", TOLD)
    letter = teller.screen.letter
    assert teller.screen.kind is AnswerKind.DONE
    assert letter is not None
    assert letter.to == "Défenseur des droits - antidiscriminations.fr"
    text = letter.texts["en"]
    for part in (
        "Where: Lyon (France)",
        "What it was about: Housing",
        "Where I or my family come from, My religion or belief",
        "in my own words (Arabic):",
        STORY,
        "jane@example.org",
        "22 November 2026",
    ):
        assert part in text
    assert any(reply.answer == "service/fr-defenseur-des-droits" for reply in teller.screen.replies)
    assert any(note.startswith("Housing: the limit depends") for note in teller.screen.notes)
    async with database.session() as session:
        assert list(await session.exec(select(Case))) == []


async def test_who_writes_a_letter_agrees_to_no_reader(teller: Teller) -> None:
    await teller.open()
    await teller.walk("consent", TOLD)
    assert [choice.title for choice in teller.screen.choices] == ["Yes, write my letter", "No, go back"]
    await teller.choose("other")
    assert teller.screen.step == "desk"


async def test_who_did_not_say_where_is_told_so_and_nothing_is_promised_below(teller: Teller) -> None:
    await teller.open()
    await teller.walk("desk")
    assert teller.screen.title == "You have not said where it happened"
    assert not teller.screen.replies
    assert not any("below" in note for note in teller.screen.notes)


async def test_services_are_announced_where_they_stand_below(teller: Teller) -> None:
    await teller.open()
    await teller.walk("desk", TOLD)
    assert teller.screen.title == "Nobody takes reports here for that place yet"
    assert bool(teller.screen.replies) == any("below" in note for note in teller.screen.notes) is True


async def test_nobody_is_asked_for_files_notices_or_a_code_for_a_letter(intake: Intake) -> None:
    teller = Teller(intake, "1", origin="telegram")
    await teller.open()
    await teller.walk("letter", TOLD)
    assert not {"keep_out", "evidence", "copies", "notice", "receipt", "send"} & set(teller.asked)


async def test_a_letter_can_be_changed_and_deleted(teller: Teller) -> None:
    await teller.open()
    await teller.walk("letter", TOLD)
    await teller.act(Action.BACK)
    assert teller.screen.step == "review"
    await teller.act(Action.CHANGE, values=("area",))
    await teller.choose("health")
    await teller.walk("letter")
    assert teller.screen.letter is not None
    assert "What it was about: Health" in teller.screen.letter.texts["en"]
    shown = await teller.intake.show(teller.key)
    assert shown is not None
    assert shown.letter == teller.screen.letter
    await teller.act(Action.WITHDRAW)
    await teller.choose("delete")
    with pytest.raises(DraftGoneError):
        await teller.type("more")


async def test_changing_from_a_letter_to_a_desk_keeps_every_answer(
    teller: Teller, database: Database, clock: FixedClock
) -> None:
    await teller.open()
    await teller.walk("letter", TOLD)
    await open_desk(database, clock, "lyon", places=("FR",))
    await teller.act(Action.CHANGE, values=("desk",))
    await teller.choose("lyon")
    asked = len(teller.asked)
    await teller.walk("send", {"desk": ("lyon",)})
    assert not {"story", "area", "grounds"} & set(teller.asked[asked:])
    await teller.send()
    assert teller.screen.step == "done"


async def test_where_the_city_is_accused_the_bodies_of_the_city_come_last(intake: Intake) -> None:
    """Zürich has a service of the city, and one for the country."""
    order: dict[str, list[str]] = {}
    for about_city in ("no", "yes"):
        teller = Teller(intake, about_city)
        await teller.open()
        await teller.walk("body", {"where": "Barcelona", "about_city": (about_city,), "desk": ("letter",)})
        order[about_city] = [choice.value for choice in teller.screen.choices]
    assert set(order["yes"]) == set(order["no"])
    first = order["no"][0]
    assert order["yes"].index(first) > 0
    assert order["yes"][-1] == "somebody_else"


async def test_without_a_place_the_letter_is_to_whom_it_may_concern(teller: Teller) -> None:
    await teller.open()
    await teller.walk("letter", {"desk": ("letter",), "story": "They laughed at me."})
    assert teller.screen.letter is not None
    assert teller.screen.letter.to == "To whom it may concern"


@pytest.mark.parametrize(
    ("own", "written_in", "expected"),
    [
        ("ar", {"en", "fr", "ar"}, ["ar", "fr"]),
        ("fr", {"en", "fr", "ar"}, ["fr"]),
        ("ar", {"en", "ar"}, ["ar", "en"]),
        ("en", {"en", "ar"}, ["en"]),
        ("en", {"en", "fr"}, ["en", "fr"]),
    ],
)
async def test_the_letter_stands_in_ones_own_language_beside_the_bodys(
    wording: Wording, clock: FixedClock, own: str, written_in: set[str], expected: list[str]
) -> None:
    english = {key: wording.texts.raw(key, "en") for key in wording.texts.keys("en")}
    texts = Texts({code: english if code in written_in or code == "en" else {} for code in ("en", "fr", "it", "ar")})
    routing = Routing(wording.base, wording.gazetteer, wording.services, clock)
    letters = Letters(texts, routing, Steps.load())
    body = wording.base.get_entry("service/fr-defenseur-des-droits")
    from reports.intake.drafts import Sheet

    letter = letters.write(Sheet.model_validate({"origin": "web", "language": own}), {}, body, today=clock.now().date())
    assert list(letter.texts) == expected


async def test_a_city_desk_alone_leaves_an_independent_way_open(
    teller: Teller, database: Database, clock: FixedClock
) -> None:
    await open_desk(database, clock, "city", kind=DeskKind.CITY)
    await teller.open()
    await teller.walk("desk", {"where": "Bologna", "about_city": ("yes",)})
    assert [choice.value for choice in teller.screen.choices] == ["city", "letter"]
    assert teller.screen.choices[1].title == "None of them. I write a letter of my own."
