"""The page of one's own city, and the chat of the same browser."""

from __future__ import annotations

from datetime import date

import pytest
from fastapi.testclient import TestClient
from sqlmodel.ext.asyncio.session import AsyncSession

from subscriptions.alerts import list_alerts, settle_alert
from subscriptions.handover import hand_over
from subscriptions.models import CityFile, DueDate
from tests.web.preference_pages import LINKS, Centre
from web.state import Hub

PAGE = "/preferences/own-city"
CITY = "no-bergen"


@pytest.fixture
def centre(client: TestClient, hub: Hub) -> Centre:
    centre = Centre(client, hub)

    async def fill(session: AsyncSession) -> None:
        file = CityFile(city=CITY, contribution="<b>5000</b>", changed_at=hub.clock.now())
        file.statement_text = "We agree.\n\nTo all."
        file.statement_name, file.statement_copy = "signed.pdf", b"%PDF-1.7"
        session.add(file)
        session.add(DueDate(city=CITY, kind="index", due_on=date(2027, 1, 31)))
        await session.commit()

    centre.do(fill)
    return centre


def test_a_contact_sees_what_the_city_agreed_and_what_is_due(centre: Centre) -> None:
    centre.sign_in(centre.person(city=CITY, is_mandatory_contact=True))
    page = centre.client.get(PAGE)
    assert page.status_code == 200
    for words in ("Bergen", "31 January 2027", "the Intercultural Cities Index", "&lt;b&gt;5000", "To all."):
        assert words in page.text, words
    assert centre.client.get(PAGE + "/copy").content == b"%PDF-1.7"
    assert PAGE in centre.client.get("/preferences").text


def test_a_successor_sees_it_once_the_team_has_looked(centre: Centre) -> None:
    leaver = centre.person(city=CITY, is_mandatory_contact=True)

    async def name(session: AsyncSession) -> str:
        done = await hand_over(
            session,
            leaver,
            successor_name="Bo",
            successor_email="bo@example.org",
            links=LINKS,
            clock=centre.hub.clock,
        )
        assert done.successor is not None
        return done.successor.id

    async def settle(session: AsyncSession) -> None:
        [alert] = await list_alerts(session)
        await settle_alert(session, alert.id or 0, "vera", clock=centre.hub.clock)

    centre.sign_in(centre.do(name))
    for path in (PAGE, PAGE + "/copy"):
        answer = centre.client.get(path)
        assert answer.status_code == 403
        assert "The team has not confirmed yet" in answer.text
    told = centre.client.post("/api/chat", json={"message": "What is due for my city?"}).json()["replies"][0]["text"]
    assert "The team has not confirmed yet" in told
    centre.do(settle)
    assert centre.client.get(PAGE).status_code == 200


def test_nobody_else_sees_it(centre: Centre) -> None:
    assert centre.client.get(PAGE).url.path == "/preferences", "who is not signed in is asked for the address"
    centre.sign_in(centre.person(city=CITY, role="coordinator"))
    assert centre.client.get(PAGE).status_code == 403
    assert centre.client.get(PAGE + "/copy").status_code == 403
    assert PAGE not in centre.client.get("/preferences").text


def test_the_chat_of_the_same_browser_knows_the_contact(centre: Centre) -> None:
    def ask() -> str:
        answer = centre.client.post("/api/chat", json={"message": "What is due for my city?"})
        return str(answer.json()["replies"][0]["text"])

    assert "2027" not in ask()
    centre.sign_in(centre.person(city=CITY, is_mandatory_contact=True))
    assert "31 January 2027" in ask()
