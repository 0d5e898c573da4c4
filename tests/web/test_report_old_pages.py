"""Pages of an unfinished report that are sent again later ("Back", a second tab), on the real intake, without a script.

Nothing is asked twice, no later answer is lost, and the page says where the person is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import build_app
from core.clock import FixedClock
from core.languages import RELEASED
from core.settings import Settings
from reports.intake.drafts import Drafts, Sheet
from tests.databases import copy_migrated_sqlite
from tests.reports.intake.teller import open_desk
from tests.reports.samples_of_files import jpeg
from tests.web.test_report_pages import Person
from web.state import Hub

STORY = "The landlord said: no foreigners."
TYPED = "typed on the old page"
ANSWERS = {"where": "Bologna", "story": STORY, "who": "the landlord", "wishes": "an apology"}
CHOSEN = {"desk": "bologna", "consent": "agree", "area": "housing", "grounds": "origin", "for_whom": "self"}
PRESSES = ("answer", "next", "skip", "back", "send", "pause", "add")


class RealPerson(Person):
    """Answers the real questions, and keeps every page that was open, as a browser does."""

    def __init__(self, client: TestClient, language: str = "en") -> None:
        super().__init__(client, language=language)
        self.landing = self.fields()
        self.old: dict[str, dict[str, Any]] = {}
        self.press("begin")

    @property
    def step(self) -> str:
        return str(self.fields()["step"])

    @property
    def words(self) -> str:
        """What stands in the field of the question."""
        return self.response.text.partition("<textarea")[2].partition("</textarea>")[0]

    def go_on(self, until: str) -> None:
        while (step := self.step) != until:
            self.old[step] = self.fields()
            values = [field["value"] for field in self.page.all("input") if field.get("name") == "values"]
            if step in ANSWERS:
                self.press("answer", text=ANSWERS[step])
            elif step in CHOSEN:
                assert CHOSEN[step] in values
                self.press("answer", values=CHOSEN[step])
            elif step == "review":
                self.press("next")
            elif step == "receipt":
                self.press("kept")
            else:
                self.press("skip")
            assert self.fields()["step"] != step, self.page.text

    def send_old(self, fields: dict[str, Any], **pressed: str) -> None:
        self.read(self.client.post("/report", data=fields | pressed))


@pytest.fixture
def client(hub: Hub, settings: Settings, clock: FixedClock, migrated_sqlite: Path) -> Iterator[TestClient]:
    copy_migrated_sqlite(migrated_sqlite, settings)
    with TestClient(build_app(settings, hub=hub)) as client:
        assert client.portal is not None
        client.portal.call(open_desk, hub.database, clock, "bologna")
        yield client


def read_sheet(client: TestClient, hub: Hub, key: str) -> Sheet:
    async def read() -> Sheet:
        async with hub.database.session() as session:
            draft = await Drafts(hub.settings.load_secret_key(), hub.clock).load(session, key)
        assert draft is not None
        return draft.sheet

    assert client.portal is not None
    return client.portal.call(read)


@pytest.mark.parametrize("until", ["when", "organisation", "send"])
def test_every_old_page_sent_again_changes_nothing_and_says_where_one_is(
    client: TestClient, hub: Hub, monkeypatch: pytest.MonkeyPatch, until: str
) -> None:
    if until == "organisation":
        monkeypatch.setitem(CHOSEN, "for_whom", "organisation")
    person = RealPerson(client)
    person.go_on(until)
    before = read_sheet(client, hub, person.landing["key"])
    assert before.answers["story"].text == STORY
    assert len(person.old) >= 8
    says = hub.wording.texts.get("report.error.stale", "en")
    for step, fields in person.old.items():
        for action in PRESSES:
            person.send_old(fields, action=action, text=TYPED, values="no")
            where = (step, action, person.response.status_code)
            assert person.step == until, where
            assert says in person.page.text, where
            assert TYPED not in person.words, where
        for name, value in (("change", "where"), ("remove", "0" * 32), ("kept", "kept"), ("kept", "new")):
            person.send_old(fields, **{name: value})
            assert person.step == until, (step, name)
            assert says in person.page.text, (step, name)
    assert read_sheet(client, hub, person.landing["key"]) == before


def test_deleting_everything_from_an_old_page_asks_first_and_going_on_leads_to_the_question_that_waits(
    client: TestClient, hub: Hub
) -> None:
    person = RealPerson(client)
    person.go_on("when")
    before = read_sheet(client, hub, person.landing["key"])
    person.send_old(person.old["where"], action="withdraw")
    assert person.step == "withdraw"
    person.press("back")
    assert person.step == "when"
    assert read_sheet(client, hub, person.landing["key"]) == before


def test_beginning_again_from_the_first_page_goes_on_and_says_so(client: TestClient, hub: Hub) -> None:
    person = RealPerson(client)
    person.go_on("when")
    before = read_sheet(client, hub, person.landing["key"])
    person.send_old(person.landing, action="begin")
    assert person.step == "when"
    assert hub.wording.texts.get("report_page.step.goes_on", "en") in person.page.text
    assert read_sheet(client, hub, person.landing["key"]) == before


@pytest.mark.parametrize("language", RELEASED)
def test_a_language_pressed_on_an_old_page_puts_its_words_into_no_other_answer(
    client: TestClient, hub: Hub, language: str
) -> None:
    person = RealPerson(client)
    person.go_on("witnesses")
    person.send_old(person.old["story"], to=language, text=TYPED)
    assert person.step == "witnesses"
    assert hub.wording.texts.get("report.error.stale", language) in person.page.text
    assert TYPED not in person.words
    assert TYPED in person.page.text, "the words can be copied"
    person.press("answer")
    answer = read_sheet(client, hub, person.landing["key"]).answers.get("witnesses")
    assert answer is None or answer.text != TYPED


def test_a_language_pressed_on_the_page_that_waits_keeps_what_was_typed(client: TestClient, hub: Hub) -> None:
    person = RealPerson(client)
    person.go_on("witnesses")
    person.press("fr", text=TYPED)
    assert TYPED in person.words
    assert hub.wording.texts.get("report.error.stale", "fr") not in person.page.text


def test_files_that_were_taken_and_one_that_was_not_leave_the_page_a_present_one(client: TestClient, hub: Hub) -> None:
    person = RealPerson(client)
    person.go_on("story")
    good = [("files", (f"{number}.jpg", jpeg(number), "image/jpeg")) for number in (1, 3, 6)]
    person.press("answer", text=TYPED, files=[*good, ("files", ("letter.txt", b"words alone", "text/plain"))])
    assert person.step == "story"
    assert "letter.txt" in person.page.text
    assert TYPED in person.words
    assert hub.wording.texts.get("report.error.stale", "en") not in person.page.text
