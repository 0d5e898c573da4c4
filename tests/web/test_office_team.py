"""The team's own pages: who may do what, who is let in and out, the trail, the outbox, the topics."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from channels.base import ReadyMail
from identity.operators import OperatorRole
from subscriptions.models import Frequency
from tests.factories import make_subscriber
from tests.web.office_pages import AtOffice
from web.state import Hub


@pytest.fixture
def office(client: TestClient, hub: Hub) -> AtOffice:
    return AtOffice(client, hub).join()


def test_an_administrator_invites_a_colleague_who_then_signs_in(office: AtOffice, client: TestClient, hub: Hub) -> None:
    office.open("/office/operators").send(
        "/office/operators", name="Omar", email="omar@example.org", role="approver", language="fr", languages="ar"
    )
    link = re.search(r"\S+/office/setup/\S+", office.text)
    assert link is not None
    omar = AtOffice(client, hub)
    omar.email = "omar@example.org"
    omar.set_up(urlsplit(link.group()).path)
    assert (omar.path, omar.status) == ("/office", 200)
    assert hub.wording.texts.get("office.role.approver", "fr") in omar.text
    assert "Omar" in office.open("/office/operators").text


@pytest.mark.parametrize("role", [OperatorRole.EDITOR, OperatorRole.APPROVER, OperatorRole.NETWORK])
def test_only_administrators_see_and_change_the_team(client: TestClient, hub: Hub, role: OperatorRole) -> None:
    other = AtOffice(client, hub).join(role, network="RECI")
    assert other.open("/office/operators").status == 403
    assert other.says("office.error.role_refused")
    assert other.client.post("/office/operators", data={"email": "x@example.org"}).status_code == 403


def test_the_last_administrator_can_neither_leave_nor_step_down(office: AtOffice) -> None:
    address = f"/office/operators/{office.id}"
    office.open(address).send(f"{address}/close", sure="yes")
    assert office.status == 409
    office.open(address).send(address, role="editor")
    assert office.status == 409
    assert office.open("/office/operators").status == 200


def test_somebody_who_leaves_the_team_is_out_and_the_trail_says_so(
    office: AtOffice, client: TestClient, hub: Hub
) -> None:
    other = AtOffice(client, hub).join(OperatorRole.EDITOR, name="Edda")
    address = f"/office/operators/{other.id}"
    office.open(address).send(f"{address}/close")
    assert office.says("office.operators.unsure")
    office.send(f"{address}/close", sure="yes")
    assert other.open("/office").path == "/office/sign-in"
    office.open("/office/trail")
    assert office.says("office.act.closed")
    assert "Edda" in office.text


def test_the_outbox_shows_a_mail_and_shuts_its_html_in(office: AtOffice, hub: Hub) -> None:
    mail = ReadyMail(
        id="d1", to="ada@example.org", language="en", subject="Hello", text="In words", html="<p>In HTML</p>"
    )
    assert hub.mail is None
    app_hub: Hub = office.client.app.state.hub  # type: ignore[attr-defined]
    assert app_hub.mail is not None
    assert office.client.portal is not None
    office.client.portal.call(app_hub.mail.send, mail)
    office.open("/office/outbox")
    link = re.search(r'href="(/office/outbox/mail[^"]+)"', office.response.text)
    assert link is not None
    shown = office.open(link.group(1))
    assert "In words" in shown.text
    frame = re.search(r'<iframe sandbox [^>]*src="([^"]+)"', shown.response.text)
    assert frame is not None
    html = office.open(frame.group(1)).response
    assert "<p>In HTML</p>" in html.text
    assert html.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


def test_topics_show_how_many_chose_them(office: AtOffice) -> None:
    topic = "membership-notices"
    office.do(lambda session: make_subscriber(session, topics={topic: Frequency.DAILY}))
    office.do(lambda session: make_subscriber(session, topics={topic: Frequency.OFF}))
    office.do(lambda session: make_subscriber(session, topics={topic: Frequency.WEEKLY}))
    rows = office.open("/office/topics").response.text.split("<tr>")
    title = office.hub.wording.texts.get(f"topic.{topic}.title", "en")
    row = next(row for row in rows if title in row)
    assert re.findall(r"<td>(\d+)</td>", row) == ["2", "1", "0", "0"]


def test_pages_without_a_session_lead_to_the_door(client: TestClient, hub: Hub) -> None:
    nobody = AtOffice(client, hub)
    for path in ("/office", "/office/operators", "/office/trail", "/office/outbox", "/office/topics"):
        assert nobody.open(path).path == "/office/sign-in"
