"""A report on Telegram from the first sentence to the desk's answer and back, on the real intake and sealed cases."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from sqlmodel import select

from app import build_reports
from channels.forms import Action, FormInput, IncomingFile
from channels.telegram.models import (
    TelegramButton,
    TelegramChat,
    TelegramForm,
    TelegramFormMessage,
    TelegramUpdate,
    TelegramWaiting,
)
from channels.telegram.runner import TelegramRunner
from core.clock import FixedClock
from core.languages import RELEASED
from core.settings import Settings
from reports.cases import list_cases, read_case
from reports.casework import reply
from reports.contents import EntryKind
from reports.evidence import check
from reports.intake.deadlines import Deadlines
from reports.intake.service import Intake
from reports.returning import CaseDoor
from tests.channels.telegram.conftest import MakePerson, reporting_runner
from tests.fakes import FakeAssistant
from tests.reports.world import World
from tests.telegram_server.server import BotApi, Person, Sent
from web.state import Hub

STORY = {
    "en": "Zebrafinch: the landlord in Bologna said no foreigners.",
    "fr": "Zebrafinch : le propriétaire à Bologne a dit pas d'étrangers.",
    "it": "Zebrafinch: il padrone di casa a Bologna ha detto niente stranieri.",
    "ar": "Zebrafinch: قال صاحب البيت في بولونيا: لا أجانب.",
}
MORE = {
    "en": "Quagga: he also shouted.",
    "fr": "Quagga : il a aussi crié.",
    "it": "Quagga: ha anche gridato.",
    "ar": "Quagga: وصرخ أيضا.",
}
LATER = "Dugong: yes, on Monday."
ANSWER = "Wombat: come to us on Monday."


@pytest.fixture
async def world(hub: Hub, clock: FixedClock) -> World:
    world = World(hub.database, clock)
    await world.make_desk("bologna", "anna", "bruno")
    return world


@pytest.fixture
async def runner(hub: Hub, world: World) -> AsyncIterator[TelegramRunner]:
    """The channel with the real intake."""
    wording = hub.wording
    intake = Intake(
        database=hub.database,
        clock=hub.clock,
        secret_key="only-for-tests",
        texts=wording.texts,
        base=wording.base,
        gazetteer=wording.gazetteer,
        service_search=wording.services,
        service_words=wording,
        web_form="https://hub.example.org/report",
    )
    runner = reporting_runner(hub, form=intake, cases=CaseDoor(hub.database, hub.clock, wording.texts))
    runner.start()
    yield runner
    await runner.stop()


def find(person: Person, part: str) -> tuple[str, Sent]:
    """The newest button whose data holds this."""
    for message in reversed(person.screen):
        for button in (button for row in message.keyboard for button in row):
            if part in button["callback_data"]:
                return button["callback_data"], message
    raise LookupError(part, [message.text[:200] for message in person.screen[-2:]])


@pytest.mark.parametrize("language", RELEASED)
async def test_the_web_page_is_offered_only_at_an_address_that_others_can_open(
    settings: Settings, hub: Hub, make_person: MakePerson, language: str
) -> None:
    texts = hub.wording.texts
    safer = texts.get("report.telegram.web_safer", language)
    for number, public_url in enumerate((None, "https://hub.example.org")):
        changed = settings.model_copy(update={"public_url": public_url})
        form, _ = build_reports(
            changed, hub.database, hub.clock, hub.wording, Deadlines.load(hub.wording.base, hub.wording.texts)
        )
        screen = await form.open(str(number), origin="telegram", language=language)
        assert texts.get("report.telegram.note", language).splitlines()[0] in screen.notes
        assert [link.url for link in screen.links] == ([f"{public_url}/report"] if public_url else [])
        assert (safer in screen.notes) == bool(public_url)


async def test_the_country_of_a_report_is_where_its_numbers_are(hub: Hub, world: World) -> None:
    assert hub.form is not None
    assert await hub.form.find_country("5") is None
    screen = await hub.form.open("5", origin="telegram", language="en")
    assert await hub.form.find_country("5") is None
    for values in ("yes", "no"):
        screen = await hub.form.take("5", FormInput(Action.ANSWER, version=screen.version, values=(values,)))
    await hub.form.take("5", FormInput(Action.ANSWER, text="Bologna"))
    assert await hub.form.find_country("5") == "IT"


async def press(person: Person, part: str) -> list[Sent]:
    data, message = find(person, part)
    return await person.sends(callback_query=person.press_data(data, on=message))


async def tell(hub: Hub, person: Person, assistant: FakeAssistant, language: str) -> Sent:
    """Everything up to the question whether to send; returns the message with the code."""
    assistant.understand(STORY[language], "report_discrimination")
    await person.types(STORY[language])
    await press(person, ":open")
    await press(person, ":a:safe:yes")
    await press(person, ":a:minor:no")
    await person.types("Bologna")
    await press(person, ":a:about_city:no")
    await press(person, ":a:desk:bologna")
    await press(person, ":n:keep_out:")
    await press(person, ":a:consent:agree")
    await person.types(MORE[language])
    await press(person, ":n:story:")
    await press(person, ":a:when:this_week")
    await press(person, ":a:area:housing")
    await press(person, ":t:grounds:origin")
    await press(person, ":t:grounds:religion")
    await press(person, ":n:grounds:")
    await press(person, ":t:who:landlord")
    await press(person, ":n:who:")
    await press(person, ":s:witnesses:")
    await press(person, ":n:wishes:")
    await press(person, ":a:for_whom:self")
    await press(person, ":a:same_event:no")
    await person.sends(message=person.file("document", PDF))
    await press(person, ":n:evidence:")
    await press(person, ":a:copies:")
    await press(person, ":a:contact:none")
    await press(person, ":a:notice:yes")
    [code, *_] = await press(person, ":n:review:")
    return code


PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


@pytest.mark.parametrize("language", RELEASED)
async def test_a_report_is_told_sent_answered_and_taken_back(
    hub: Hub,
    world: World,
    runner: TelegramRunner,
    make_person: MakePerson,
    assistant: FakeAssistant,
    clock: FixedClock,
    caplog: pytest.LogCaptureFixture,
    language: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    person = make_person(language)
    code = await tell(hub, person, assistant, language)
    receipt = code.text.strip("\u200e")
    await expect_no_word(hub, person, receipt, caplog)
    await person.types(receipt[-5:])
    await press(person, ":d:send:")
    left = "".join(message.text for message in person.screen if message is not code)
    assert "Quagga" not in left
    assert person.words == set(), "the sentence that it began with is gone too"

    anna = await world.sign_in("anna")
    async with hub.database.session() as session:
        [case] = await list_cases(session, anna, clock=clock)
        report = case.report
        assert (report.story, report.area) == (f"{STORY[language]}\n{MORE[language]}", "housing")
        assert report.grounds == ["origin", "religion"]
        assert (report.city, report.language) == ("it-bologna", language)
        assert [file.name for file in report.files] == ["letter.pdf"]
        form = await check(IncomingFile("quagga-form.pdf", "application/pdf", PDF))
        replied = await reply(session, anna, case.id, text=ANSWER, language="en", files=[form], clock=clock)
    assert replied.notice_chat == str(person.id)
    await runner.notify(int(replied.notice_chat), "telegram.notice", language)
    assert ANSWER not in person.screen[-1].text
    assert "/reply" in person.screen[-1].text

    await person.types("/reply")
    shown = "".join(message.text for message in await person.types(receipt))
    assert ANSWER in shown
    assert MORE[language] in shown
    document, _ = await press(person, ":case:file:")
    assert document.text == "document-1.pdf"
    await press(person, ":case:show")
    await press(person, ":case:add")
    await person.types(LATER)
    async with hub.database.session() as session:
        entries = (await read_case(session, anna, case.id, clock=clock)).entries
    assert [entry.text.text for entry in entries if entry.kind is EntryKind.FROM_REPORTER] == [LATER]
    await expect_no_word(hub, person, receipt, caplog)
    await press(person, ":case:show")
    for part in (":case:withdraw", ":case:withdraw-yes", ":case:withdraw-sure"):
        await press(person, part)
    async with hub.database.session() as session:
        assert await list_cases(session, anna, clock=clock) == []
    assert all(word not in message.text for message in person.screen for word in ("Wombat", "Dugong", "Quagga"))
    await expect_no_word(hub, person, receipt, caplog)


async def expect_no_word(hub: Hub, person: Person, receipt: str, caplog: pytest.LogCaptureFixture) -> None:
    """No word, code or chat of it in the channel's tables, nor in what the hub logs."""
    words = ["zebrafinch", "quagga", "wombat", "dugong", "housing", "religion", "letter.pdf", receipt, receipt[-5:]]
    words += [receipt.replace(" ", ""), str(person.id), "%PDF"]
    tables = (TelegramButton, TelegramChat, TelegramForm, TelegramFormMessage, TelegramUpdate, TelegramWaiting)
    async with hub.database.session() as session:
        rows = [str(row.model_dump()) for table in tables for row in (await session.exec(select(table))).all()]
    # The database's drivers log their rows when debugging, which no setting of ours turns on.
    logged = [
        record.getMessage() + str(record.exc_info or "")
        for record in caplog.records
        if record.levelno > logging.DEBUG
        or record.name.split(".")[0] in {"channels", "conversation", "reports", "telegram"}
    ]
    found = [(word, text) for text in [*rows, *logged] for word in words if word in text.lower()]
    assert found == []


async def test_without_a_desk_the_report_becomes_a_letter(
    hub: Hub, runner: TelegramRunner, make_person: MakePerson, api: BotApi
) -> None:
    person = make_person("en")
    await person.types("/report")
    await press(person, ":a:safe:yes")
    await press(person, ":a:minor:no")
    await person.types("Paris")
    await press(person, ":a:about_city:no")
    await press(person, ":a:desk:letter")
    await press(person, ":a:consent:agree")
    await person.types(MORE["en"])
    await press(person, ":n:story:")
    for step in ("when", "area", "grounds", "who", "witnesses", "wishes", "for_whom", "same_event", "contact"):
        await press(person, f":s:{step}:")
    await press(person, ":s:body:")
    *_, last, _tidied = await press(person, ":n:review:")
    letters = [message for message in person.screen if MORE["en"] in message.text]
    assert len(letters) >= 1
    assert all(letter.titles == ["Delete this message from the chat"] for letter in letters)
    assert last.titles == ["Back", "Delete everything"]
    [review] = await person.sends(callback_query=person.press_data(":back", on=last))
    assert MORE["en"] in review.text or "Question" in review.text
