"""The missing answer: asked in vain, written in a form, published, and given by the assistant without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from conversation.models import UnansweredQuestion
from core.clock import today
from identity.operators import OperatorAct, OperatorRole
from knowledge.schema import Kind
from knowledge.written.service import list_answers
from tests.fakes import FakeAssistant
from tests.web.office_pages import AtOffice
from web.state import Hub

UNANSWERED, NEW, CHOOSE = "/office/questions/unanswered", "/office/answers/new", "/office/answers/choose"
PAGE, ENTRY = "/office/answers/who-pays-the-interpreters", "answer/who-pays-the-interpreters"
WORDS = {
    "language": "en",
    "title": "Who pays the interpreters?",
    "text": "The Council of Europe pays them.\n\nYour city asks for them four weeks before.",
    "source": "Rules of the annual meeting, section 4",
    "as_of": "2026-05-04",
    "source_url": "https://example.org/rules",
    "examples": "Who pays the interpreters?\nDo we get interpreters for free?\ncost of interpretation at the meeting",
    "link_title_1": "How to ask for one",
    "link_url_1": "https://example.org/ask",
}


@pytest.fixture
def office(client: TestClient, hub: Hub) -> Iterator[AtOffice]:
    """The knowledge base is shared by all tests, so whatever is written goes at the end."""
    yield AtOffice(client, hub).join(OperatorRole.EDITOR)
    hub.wording.base.set_answers([])


def miss(office: AtOffice, *questions: str, language: str = "en") -> None:
    async def add(session: AsyncSession) -> None:
        for text in questions:
            session.add(UnansweredQuestion(language=language, text=text, asked_on=today(office.clock)))
        await session.commit()

    office.do(add)


def say(office: AtOffice, message: str, language: str = "en") -> list[dict[str, Any]]:
    said = office.client.post("/api/chat", json={"message": message, "language": language}).json()
    replies: list[dict[str, Any]] = said["replies"]
    return replies


def tick(office: AtOffice, action: str, *texts: str) -> AtOffice:
    """Tick the questions that say this, and press a button."""
    office.open(UNANSWERED)
    numbers = [part.partition('"')[0] for part in office.response.text.split('name="question" value="')[1:]]
    asked = office.response.text.split('name="question" value="')[1:]
    chosen = [number for number, each in zip(numbers, asked, strict=True) if any(text in each for text in texts)]
    form = next(form for form in office.page.found if form["action"] == UNANSWERED)
    return office.read(office.client.post(UNANSWERED, data=form["fields"] | {"question": chosen, "action": action}))


def publish(office: AtOffice, **changed: str) -> AtOffice:
    return office.open(NEW).send(NEW, **(WORDS | changed), action="publish")


async def acts(session: AsyncSession) -> list[str]:
    return [row.act for row in await session.exec(select(OperatorAct).order_by("id"))]


def test_what_nobody_could_answer_is_written_published_and_given(office: AtOffice) -> None:
    miss(office, "Who pays the interpreters?", "who pays the interpreters", "do we get interpreters for free", "Hello")
    assert say(office, "Do we get interpreters for free?")[0]["answer"] is None
    tick(office, "write", "Who pays", "who pays", "for free")
    assert office.path == NEW
    form = next(form for form in office.page.found if "examples" in form["fields"])
    assert set(form["fields"]["examples"].split("\n")) == {
        "who pays the interpreters",
        "do we get interpreters for free",
    }
    office.send(NEW, **WORDS, action="publish")
    assert office.says("written_answers.done.published"), office.text
    assert office.path == PAGE
    (reply,) = say(office, "do we get interpreters for FREE ??")
    assert reply["answer"] == ENTRY
    for part in ("The Council of Europe pays them.", "section 4", "4 May 2026", "written by the ICC team"):
        assert part in reply["text"]
    assert [link["url"] for link in reply["links"]] == ["https://example.org/ask", "https://example.org/rules"]
    assert say(office, f"/{ENTRY}")[0]["answer"] == ENTRY
    found = office.client.get("/api/knowledge", params={"kind": "answer", "q": "interpreters"}).json()
    assert [entry["id"] for entry in found["entries"]] == [ENTRY]
    assert office.client.get(f"/api/knowledge/{ENTRY}").json()["languages"] == ["en"]
    assert "The Council of Europe pays them." in office.client.get(f"/entry/{ENTRY}").text
    assert "Who pays the interpreters?" in office.client.get("/catalogue", params={"kind": "answer"}).text
    left = office.open(UNANSWERED).text
    assert "interpreters" not in left
    assert "Hello" in left
    assert "written_answers.published" in office.do(acts)


def test_a_withdrawn_answer_is_given_by_nobody_even_by_a_model_that_knows_it(
    office: AtOffice, assistant: FakeAssistant
) -> None:
    publish(office)
    miss(office, "Who pays the interpreters?")
    office.open(PAGE).send(f"{PAGE}/withdraw")
    assert office.says("written_answers.done.withdrawn")
    assistant.understand("who translates there", "ask_entry", entry=ENTRY)
    assistant.rankings["who translates there"] = [(ENTRY, 0.9), ("tool/icc-index", 0.05)]
    for message in ("who translates there", "Who pays the interpreters?", f"/{ENTRY}"):
        replies = say(office, message)
        assert ENTRY not in str(replies), message
    assert say(office, "who translates there")[0]["buttons"][0]["payload"] == "/tool/icc-index"
    said = office.client.post("/api/chat", json={"message": "who translates there", "language": "en"}).json()
    assert said["confidence"] == 0.0
    assert "Who pays the interpreters?" in office.open(UNANSWERED).text
    assert office.client.get(f"/entry/{ENTRY}").status_code == 404
    office.open(PAGE).send(PAGE, action="publish")
    assert say(office, "Who pays the interpreters?")[0]["answer"] == ENTRY


def test_what_was_withdrawn_can_be_deleted_by_who_is_sure(office: AtOffice) -> None:
    publish(office)
    assert f"{PAGE}/delete" not in office.open(PAGE).text, "what people are given is withdrawn first"
    seen = next(form["fields"]["seen"] for form in office.page.found if "seen" in form["fields"])
    office.clock.at += timedelta(seconds=1)
    office.send(f"{PAGE}/withdraw")
    office.open(PAGE).send(f"{PAGE}/delete")
    assert (office.status, office.says("written_answers.wrong.unsure")) == (422, True)
    office.send(f"{PAGE}/delete", sure="yes", seen=seen)
    assert (office.status, office.says("written_answers.error.changed")) == (422, True)
    office.open(PAGE).send(f"{PAGE}/delete", sure="yes")
    assert office.path == "/office/answers"
    assert office.says("written_answers.done.deleted")
    assert office.says("written_answers.list.none")
    assert office.open(PAGE).status == 404
    assert "written_answers.deleted" in office.do(acts)
    assert publish(office).path == PAGE


def test_a_draft_is_seen_by_nobody_and_may_be_unfinished(office: AtOffice) -> None:
    office.open(NEW).send(NEW, title="Half of it", action="save")
    assert office.says("written_answers.done.saved"), office.text
    assert say(office, "/answer/half-of-it")[0]["answer"] is None
    office.send("/office/answers/half-of-it", action="publish")
    assert office.status == 422
    for name in ("text", "source", "as_of", "examples"):
        assert office.says(f"written_answers.wrong.{name}", least={"text": 20, "examples": 3}.get(name))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("source", "", "source"),
        ("as_of", "", "as_of"),
        ("as_of", "soon", "as_of"),
        ("source_url", "javascript:alert(1)", "source_url"),
        ("link_url_1", "ftp://x", "link"),
        ("link_title_1", "", "link"),
        ("examples", "one question here\nanother one", "examples"),
        ("examples", "same words\nSame words!\nsame   words", "examples"),
        ("title", " ", "title"),
        ("text", "Too short.", "text"),
    ],
)
def test_what_is_not_whole_is_not_published_and_nothing_is_lost(
    office: AtOffice, name: str, value: str, reason: str
) -> None:
    publish(office, **{name: value})
    assert office.status == 422
    values = {"examples": {"least": 3}, "title": {"most": 160}, "text": {"least": 20}}.get(reason, {})
    assert office.says(f"written_answers.wrong.{reason}", **values)
    if name != "text":
        assert "Your city asks for them" in office.response.text
    assert office.do(list_answers) == []


def test_an_existing_entry_takes_a_question_and_gives_it_back(office: AtOffice) -> None:
    miss(office, "what will they invoice us")
    tick(office, "entry", "invoice")
    assert office.path == CHOOSE
    office.open(f"{office.response.url.path}?{office.response.url.query.decode()}&text=fee")
    form = next(form for form in office.page.found if form["fields"].get("entry", "").startswith("membership/"))
    entry = form["fields"]["entry"]
    office.read(office.client.post(CHOOSE, data=form["fields"]))
    assert office.says("written_answers.done.added"), office.text
    assert say(office, "What will they invoice us?")[0]["answer"] == entry
    assert "invoice" not in office.open(UNANSWERED).text
    assert "what will they invoice us" in office.open("/office/answers").text
    office.send("/office/answers/added/1/remove")
    assert say(office, "What will they invoice us?")[0]["answer"] is None
    assert "written_answers.added" in office.do(acts)


def test_one_question_has_one_answer(office: AtOffice) -> None:
    publish(office)
    publish(office, title="Another one", examples="who pays the interpreters\nsecond question\nthird question")
    assert office.status == 422
    assert office.says("written_answers.wrong.example_taken", title="Who pays the interpreters?")


def test_questions_that_need_no_answer_go_and_stay_away(office: AtOffice) -> None:
    miss(office, "asdf jkl", "Who pays?")
    tick(office, "aside", "asdf")
    assert office.says("written_answers.done.aside")
    miss(office, "ASDF jkl")
    left = office.open(UNANSWERED).text
    assert "asdf" not in left.lower()
    assert "Who pays?" in left
    tick(office, "write")
    assert office.says("written_answers.unanswered.none_ticked")


def test_a_language_that_was_not_written_gets_the_original_and_is_told_so(office: AtOffice) -> None:
    publish(office)
    note, reply = say(office, f"/{ENTRY}", "it")
    assert note["text"] == office.hub.wording.texts.get("written_answers.chat.only_in", "it", language="inglese")
    assert (note["language"], reply["language"], reply["machine_translated"]) == ("it", "en", False)
    path = f"{PAGE}?language=it"
    office.open(path).send(
        PAGE,
        title="Chi paga gli interpreti?",
        text="Li paga il Consiglio d'Europa.",
        examples="chi paga gli interpreti",
    )
    assert office.says("written_answers.done.kept"), office.text
    (reply,) = say(office, "Chi paga gli interpreti", "it")
    assert (reply["language"], reply["text"].split("\n")[0]) == ("it", "Chi paga gli interpreti?")
    office.open(path).send(f"{PAGE}/remove-text")
    assert len(say(office, f"/{ENTRY}", "it")) == 2


def test_a_machine_drafts_a_language_and_its_words_stay_marked_until_somebody_has_read_them(
    client: TestClient, hub: Hub
) -> None:
    async def translate(text: str, *, source: str, target: str) -> str | None:
        return f"({source}-{target}) {text}"

    class Machine:
        def targets(self, source: str) -> list[str]:
            return ["fr"]

    app_hub: Hub = client.app.state.hub  # type: ignore[attr-defined]
    changed = replace(app_hub, translator=translate, machine=None)
    client.app.state.hub = changed  # type: ignore[attr-defined]
    object.__setattr__(changed, "machine", Machine())
    office = AtOffice(client, hub).join(OperatorRole.EDITOR)
    try:
        publish(office)
        office.open(f"{PAGE}?language=fr").send(PAGE, action="translate")
        assert "(en-fr) Who pays the interpreters?" in office.response.text
        assert len(say(office, f"/{ENTRY}", "fr")) == 2
        office.send(PAGE, action="save")
        (reply,) = say(office, f"/{ENTRY}", "fr")
        assert (reply["language"], reply["machine_translated"]) == ("fr", True)
        office.open(f"{PAGE}?language=fr").send(PAGE, action="save", checked="yes")
        assert say(office, f"/{ENTRY}", "fr")[0]["machine_translated"] is False
    finally:
        hub.wording.base.set_answers([])


def test_two_editors_do_not_overwrite_each_other(office: AtOffice, client: TestClient, hub: Hub) -> None:
    publish(office)
    other = AtOffice(client, hub).join(OperatorRole.ADMINISTRATOR).open(PAGE)
    office.clock.at += timedelta(seconds=1)
    office.open(PAGE).send(PAGE, title="Mine", action="save")
    other.send(PAGE, title="Theirs", action="save")
    assert other.status == 409
    assert other.says("written_answers.error.changed")
    assert "Theirs" in other.response.text
    assert office.hub.wording.base.get_entry(ENTRY).title("en") == "Mine"


def test_the_page_says_what_the_assistant_has_learnt(office: AtOffice) -> None:
    assert office.open("/office/answers").says("written_answers.learning.nothing")
    publish(office)
    assert office.open("/office/answers").says("written_answers.learning.learning")
    token = {"X-Hub-Internal": office.hub.internal_token}
    asked = office.client.get("/internal/rasa/examples", headers=token)
    mark = asked.headers["etag"].strip('"')
    models = office.hub.settings.models_dir
    models.mkdir()
    (models / f"0123abcd-{mark}.tar.gz").write_bytes(b"a model")
    assert "The assistant has learnt everything that is published." in office.open("/office/answers").text
    labels = {block["metadata"]["entry"] for block in yaml.safe_load(asked.text)["nlu"]}
    assert labels == {ENTRY}
    again = office.client.get("/internal/rasa/examples", headers=token | {"If-None-Match": f'"{mark}"'})
    assert (again.status_code, again.content) == (304, b"")
    assert office.client.get("/internal/rasa/examples").status_code == 404


@pytest.mark.parametrize("role", [OperatorRole.NETWORK, OperatorRole.APPROVER])
def test_answers_are_for_editors(office: AtOffice, client: TestClient, hub: Hub, role: OperatorRole) -> None:
    publish(office)
    other = AtOffice(client, hub).join(role, network="RECI")
    for path in ("/office/answers", NEW, CHOOSE, PAGE, UNANSWERED):
        assert other.open(path).status == 403, path
    token = next(form["fields"]["token"] for form in other.open("/office/account").page.found)
    for path in (NEW, CHOOSE, PAGE, f"{PAGE}/withdraw", f"{PAGE}/delete", f"{PAGE}/remove-text", UNANSWERED):
        assert other.client.post(path, data={"token": token}).status_code == 403, path
    assert hub.wording.base.entries[ENTRY].kind is Kind.ANSWER
