"""A desk set up through its pages alone: invited, joined, recovery key, a colleague let in, statement, open."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.clock import FixedClock
from reports.desks import create_desk, get_desk, is_open
from reports.models import DeskKind
from reports.officers import create_officer
from tests.reports.world import PASSWORD
from tests.web.desk_pages import AtDesk
from web.state import Hub

STATEMENT = {
    "controller": "City of Bologna",
    "data_protection_contact": "privacy@bologna.example",
    "legal_basis": "Regional law 24/2003",
    "retention_days": "365",
    "answer_within_days": "14",
}


def run(client: TestClient, work: Any, *arguments: Any) -> Any:
    assert client.portal is not None
    return client.portal.call(work, *arguments)


@pytest.fixture
def invitation(client: TestClient, hub: Hub, clock: FixedClock) -> str:
    async def make() -> str:
        async with hub.database.session() as session:
            await create_desk(session, "bologna", "Desk of Bologna", kind=DeskKind.CITY, clock=clock)
            return await create_officer(session, "bologna", login="anna", name="Anna", clock=clock)

    token: str = run(client, make)
    return f"/desk/invitation/{token}"


@pytest.fixture
def anna(client: TestClient, hub: Hub, clock: FixedClock, invitation: str) -> AtDesk:
    """The first officer, with the recovery key on the screen."""
    return AtDesk(client, hub, clock).join(invitation, "anna")


def recovery_key(page: str) -> str:
    return str(re.findall(r"(?:[A-Z2-7]{4}-){8}[A-Z2-7]{4}", page)[0])


def test_a_desk_is_set_up_from_the_invitation_to_its_opening(
    client: TestClient, hub: Hub, clock: FixedClock, anna: AtDesk
) -> None:
    key = recovery_key(anna.text)
    assert anna.send("/desk/recovery-key", key="AAAA-" + key[5:]).response.status_code == 422
    assert anna.send("/desk/recovery-key", key=key.lower()).path == "/desk/setup"
    assert anna.says("desk.missing.officers")
    assert anna.says("desk.missing.controller")
    assert anna.send("/desk/setup/open").response.status_code == 409

    anna.open("/desk/officers").send("/desk/officers/invite", login="bruno", name="Bruno")
    link = re.findall(r"http://\S+/desk/invitation/\S+", anna.text)[0]
    bruno = AtDesk(client, hub, clock).join(link, "bruno")
    assert bruno.path == "/desk/waiting"
    assert bruno.says("desk.waiting.title")
    anna.open("/desk/officers").send("/desk/officers/let-in")
    assert bruno.open("/desk").response.status_code == 200

    anna.open("/desk/statement").send("/desk/statement", **STATEMENT, law_crime="Code, article 331", text_crime_en="x")
    assert anna.open("/desk/setup").says("desk.missing.passes_on_texts")
    plain = {f"text_crime_{language}": "We must pass on crimes." for language in ("en", "fr", "it", "ar")}
    anna.open("/desk/statement").send("/desk/statement", **plain)
    assert anna.path == "/desk/setup"
    assert not anna.says("desk.setup.missing")
    assert anna.send("/desk/setup/open").says("desk.done.opened")

    async def opened() -> bool:
        async with hub.database.session() as session:
            return is_open(await get_desk(session, "bologna"))

    assert run(client, opened)
    assert anna.send("/desk/setup/close").says("desk.setup.close_unsure")
    anna.send("/desk/setup/close", sure="yes")
    assert not run(client, opened)


def test_a_number_that_is_none_is_named_and_nothing_typed_is_lost(anna: AtDesk) -> None:
    anna.open("/desk/statement").send("/desk/statement", **(STATEMENT | {"retention_days": "three"}))
    assert anna.response.status_code == 422
    assert anna.says("desk.statement.wrong", field="Days for which you keep a report")
    assert anna.page.found[1]["fields"]["controller"] == "City of Bologna"


def test_an_invitation_works_once(
    client: TestClient, hub: Hub, clock: FixedClock, anna: AtDesk, invitation: str
) -> None:
    again = AtDesk(client, hub, clock).open(invitation)
    assert again.response.status_code == 404
    assert again.says("error.invitation_unknown")


def test_a_wrong_first_code_shows_the_same_secret_again(
    client: TestClient, hub: Hub, clock: FixedClock, invitation: str
) -> None:
    person = AtDesk(client, hub, clock).open(invitation).send(invitation, new=PASSWORD, again=PASSWORD)
    secret = person.page.found[0]["fields"]["secret"]
    assert "<svg" in person.response.text
    assert person.send(invitation, code="000000").response.status_code == 401
    assert person.page.found[0]["fields"]["secret"] == secret
    person.secret = secret
    assert person.send(invitation, code=person.code()).says("desk.recovery.title")


@pytest.mark.parametrize(("new", "again"), [("short", "short"), (PASSWORD, PASSWORD + "x")])
def test_a_weak_or_mistyped_password_is_not_taken(
    client: TestClient, hub: Hub, clock: FixedClock, invitation: str, new: str, again: str
) -> None:
    person = AtDesk(client, hub, clock).open(invitation).send(invitation, new=new, again=again)
    assert person.response.status_code == 422
    assert new not in person.response.text


def test_an_officer_leaves_and_can_do_nothing_any_more(
    client: TestClient, hub: Hub, clock: FixedClock, anna: AtDesk
) -> None:
    anna.send("/desk/recovery-key", key=recovery_key(anna.text))
    anna.open("/desk/officers").send("/desk/officers/invite", login="bruno", name="Bruno")
    bruno = AtDesk(client, hub, clock).join(re.findall(r"http://\S+/desk/invitation/\S+", anna.text)[0], "bruno")
    anna.open("/desk/officers").send("/desk/officers/let-in")
    anna.open("/desk/officers").send("/desk/officers/leave")
    assert anna.says("desk.leave.keys")
    assert anna.send("/desk/officers/leave").path == "/desk/officers"
    assert "Bruno" not in anna.text
    assert bruno.open("/desk").path == "/desk/sign-in"
    assert bruno.sign_in().response.status_code == 401


def test_the_printed_key_lets_in_an_officer_whom_nobody_else_can(
    client: TestClient, hub: Hub, clock: FixedClock, anna: AtDesk
) -> None:
    key = recovery_key(anna.text)
    anna.send("/desk/recovery-key", key=key)
    anna.open("/desk/officers").send("/desk/officers/invite", login="bruno", name="Bruno")
    bruno = AtDesk(client, hub, clock).join(re.findall(r"http://\S+/desk/invitation/\S+", anna.text)[0], "bruno")
    assert bruno.send("/desk/waiting/recover", key="wrong").says("error.recovery_key_wrong")
    assert bruno.send("/desk/waiting/recover", key=key).path == "/desk/officers"
    assert bruno.open("/desk").path == "/desk"
