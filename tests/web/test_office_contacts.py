"""Contacts of services: what the team says of them is what the assistant says, without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel.ext.asyncio.session import AsyncSession

from conversation.counting import doubt_contact
from identity.operators import OperatorRole
from knowledge.corrections import LiveCorrections, correct_contact, drop_correction
from knowledge.schema import Kind
from tests.web.office_pages import AtOffice
from web.state import Hub

SERVICE = "service/it-bologna-spad"
PAGE = "/office/contacts/it-bologna-spad"


@pytest.fixture
def office(client: TestClient, hub: Hub) -> Iterator[AtOffice]:
    """The knowledge base is shared by all tests, so whatever is corrected goes back at the end."""
    yield AtOffice(client, hub).join(OperatorRole.EDITOR)
    hub.wording.base.correct_service(SERVICE, None)
    hub.wording.services.refresh()


def told(office: AtOffice) -> dict[str, Any]:
    """What the chat says of the service."""
    said = office.client.post("/api/chat", json={"message": f"/{SERVICE}", "language": "en"}).json()
    reply: dict[str, Any] = said["replies"][0]
    return reply


def test_a_corrected_number_is_what_the_assistant_says(office: AtOffice) -> None:
    office.open(PAGE).send(PAGE, phone="+39 051 000 111", email="", is_confirmed="yes", action="keep")
    assert office.says("office.done.contact_changed")
    reply = told(office)
    assert "+39 051 000 111" in reply["text"]
    assert "confirmed by the service on" in reply["text"]
    assert "Not confirmed" not in reply["text"]
    found = office.hub.wording.services.find_named("Call +39 051 000 111")
    assert office.client.get(f"/api/knowledge/{SERVICE}").json()["phone"] == "+39 051 000 111"
    assert [match.entry.id for match in found if match.by == "number"] == [SERVICE]
    assert "+39 051 000 111" in office.client.get(f"/entry/{SERVICE}").text


def test_a_hidden_service_is_found_by_nobody_and_shows_no_contact(office: AtOffice) -> None:
    before = told(office)["text"]
    office.open(PAGE).send(PAGE, is_hidden="yes", action="keep")
    base = office.hub.wording.base
    assert SERVICE not in [entry.id for entry in base.list_entries(Kind.SERVICE)]
    assert SERVICE not in [match.entry.id for match in office.hub.wording.services.find_named("SPAD Bologna")]
    hidden = told(office)["text"]
    number = base.original_service(SERVICE).phone
    assert number is not None
    assert number.split(",")[0].split("/")[0].strip()[:8] in before
    assert number.split(",")[0].split("/")[0].strip()[:8] not in hidden
    assert office.hub.wording.texts.get("chat.contact_hidden", "en") in hidden


def test_back_to_the_sources_is_one_press(office: AtOffice) -> None:
    before = told(office)["text"]
    office.open(PAGE).send(PAGE, phone="+39 051 000 111", action="keep")
    assert told(office)["text"] != before
    office.open(PAGE).send(PAGE, action="drop")
    assert told(office)["text"] == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("phone", "call us"), ("phone", "<b>1</b>"), ("email", "nobody"), ("url", "javascript:alert(1)"), ("url", "x")],
)
def test_what_is_no_contact_is_refused(office: AtOffice, name: str, value: str) -> None:
    before = told(office)["text"]
    office.open(PAGE).send(PAGE, **{name: value}, action="keep")
    assert office.status == 422
    assert office.says(f"office.contacts.wrong_{name}")
    assert told(office)["text"] == before


def test_another_process_takes_it_up_too(office: AtOffice, hub: Hub) -> None:
    other = LiveCorrections(hub.wording.base, hub.wording.services)

    async def correct(session: AsyncSession) -> list[bool]:
        done = [await other.refresh(session)]
        await correct_contact(
            session, hub.wording.base, SERVICE, phone="112 233", email="", url="", is_hidden=False,
            is_confirmed=False, by="x", clock=hub.clock,
        )  # fmt: skip
        done += [await other.refresh(session), await other.refresh(session)]
        assert hub.wording.base.get_entry(SERVICE).service.phone == "112 233"
        await drop_correction(session, SERVICE)
        done.append(await other.refresh(session))
        return done

    assert office.do(correct) == [False, True, False, True]
    assert hub.wording.base.get_entry(SERVICE).service == hub.wording.base.original_service(SERVICE)


def test_what_people_doubt_comes_first_until_it_is_confirmed(office: AtOffice) -> None:
    office.do(lambda session: doubt_contact(session, entry=SERVICE, field="phone", clock=office.clock))
    title = office.hub.wording.base.get_entry(SERVICE).title("en")
    first = office.open("/office/contacts").response.text.partition("<tbody>")[2].partition("</tr>")[0]
    assert title in first
    assert office.says("office.contacts.doubts", count=1)
    office.clock.at += timedelta(days=1)
    office.open("/office").sign_in()
    office.open(PAGE).send(PAGE, is_confirmed="yes", action="keep")
    assert not office.open("/office/contacts").says("office.contacts.doubts", count=1)


def test_contacts_are_for_editors(client: TestClient, hub: Hub) -> None:
    other = AtOffice(client, hub).join(OperatorRole.NETWORK, network="RECI")
    assert other.open("/office/contacts").status == 403
    assert other.open(PAGE).status == 403
