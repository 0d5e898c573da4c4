"""Questions for the team come in, are answered, and the answer goes back to where each was asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from conversation.handoffs import BY_MAIL, create_handoff
from conversation.models import Handoff, LateReply, UnansweredQuestion
from core.clock import today
from identity.operators import OperatorRole
from subscriptions.models import Delivery
from tests.factories import make_subscriber
from tests.web.office_pages import AtOffice
from web.state import Hub


@pytest.fixture
def office(client: TestClient, hub: Hub) -> AtOffice:
    return AtOffice(client, hub).join(OperatorRole.EDITOR)


def ask(office: AtOffice, *, channel: str = "web", sender: str = "s1", language: str = "fr") -> int:
    made = office.do(
        lambda session: create_handoff(
            session,
            channel=channel,
            sender_key=sender,
            language=language,
            question="Où est le guide ?",
            subject=None,
            clock=office.clock,
        )
    )
    assert made.id is not None
    return made.id


async def late_replies(session: AsyncSession) -> list[LateReply]:
    return list(await session.exec(select(LateReply)))


async def deliveries(session: AsyncSession) -> list[Delivery]:
    return list(await session.exec(select(Delivery)))


def test_a_question_from_the_chat_is_answered_in_the_chat(office: AtOffice) -> None:
    number = ask(office)
    path = f"/office/questions/{number}"
    assert "Où est le guide ?" in office.open("/office/questions").text
    office.open(path).send(path, answer="  ")
    assert office.status == 422
    office.send(path, answer="Le voici.", action="send")
    assert office.says("office.done.question_answered")
    assert office.says("office.questions.none")
    assert [(row.sender_key, row.text, row.language) for row in office.do(late_replies)] == [("s1", "Le voici.", "fr")]


def test_a_question_below_a_message_is_answered_by_mail(office: AtOffice) -> None:
    person = office.do(lambda session: make_subscriber(session, email="ada@example.org"))
    path = f"/office/questions/{ask(office, channel=BY_MAIL, sender=person.id)}"
    office.open(path).send(path, answer="Le voici.", action="send")
    assert office.do(late_replies) == []
    (letter,) = office.do(deliveries)
    assert (letter.subscriber_id, letter.language, letter.parts["answer"]) == (person.id, "fr", "Le voici.")
    assert letter.parts["question"] == "Où est le guide ?"


def test_two_answers_to_one_question_are_one(office: AtOffice, client: TestClient, hub: Hub) -> None:
    path = f"/office/questions/{ask(office)}"
    other = AtOffice(client, hub).join(OperatorRole.ADMINISTRATOR).open(path)
    office.open(path).send(path, answer="Un.", action="send")
    other.send(path, answer="Deux.", action="send")
    assert other.says("error.handoff_answered", id=1)
    assert [row.text for row in office.do(late_replies)] == ["Un."]


def test_an_answer_to_somebody_who_is_gone_is_not_marked_as_sent(office: AtOffice) -> None:
    number = ask(office, channel=BY_MAIL, sender="nobody")
    path = f"/office/questions/{number}"
    office.open(path).send(path, answer="Le voici.", action="send")
    assert office.status == 404
    assert "Le voici." in office.response.text

    async def status(session: AsyncSession) -> str:
        return (await session.get_one(Handoff, number)).status

    assert office.do(status) == "open"


def test_a_machine_drafts_the_answer_and_nothing_is_sent_by_it(client: TestClient, hub: Hub) -> None:
    async def translate(text: str, *, source: str, target: str) -> str | None:
        return f"[{source}>{target}] {text}"

    app_hub: Hub = client.app.state.hub  # type: ignore[attr-defined]
    client.app.state.hub = replace(app_hub, translator=translate)  # type: ignore[attr-defined]
    office = AtOffice(client, hub).join(OperatorRole.EDITOR)
    path = f"/office/questions/{ask(office)}"
    office.open(path)
    assert "[fr>en] Où est le guide ?" in office.text
    office.send(path, answer="Here it is.", action="translate")
    assert "[en>fr] Here it is." in office.text
    assert office.do(late_replies) == []


def test_what_the_assistant_could_not_answer_is_listed_by_how_often(office: AtOffice) -> None:
    async def add(session: AsyncSession) -> None:
        for text in ("What is a twin city?", "What is a twin city?", "Who pays?"):
            session.add(UnansweredQuestion(language="en", text=text, asked_on=today(office.clock)))
        await session.commit()

    office.do(add)
    page = office.open("/office/questions/unanswered").text
    assert page.index("What is a twin city?") < page.index("Who pays?")
    assert office.says("office.questions.unanswered_intro", count=3)


@pytest.mark.parametrize("role", [OperatorRole.NETWORK, OperatorRole.APPROVER])
def test_questions_are_for_editors(client: TestClient, hub: Hub, role: OperatorRole) -> None:
    other = AtOffice(client, hub).join(role, network="RECI")
    number = ask(other)
    for path in ("", "/unanswered", f"/{number}"):
        assert other.open(f"/office/questions{path}").status == 403
