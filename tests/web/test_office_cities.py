"""Cities in the back office: files, signed copies, dates, the table; and who may do what."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient

from identity.operators import OperatorRole
from subscriptions.models import DueDate
from tests.factories import make_subscriber
from tests.web.office_pages import AtOffice
from web.state import Hub

CITIES = "/office/cities"
BERGEN = f"{CITIES}/no-bergen"
PDF = b"%PDF-1.7 signed"
TABLE = "city;contribution;due_kind;due_on\nBergen;5000 EUR;index;2027-01-31\nOslo;;survey;2027-02-01\n"


@pytest.fixture
def office(client: TestClient, hub: Hub) -> AtOffice:
    return AtOffice(client, hub).join(OperatorRole.EDITOR)


def add(office: AtOffice, day: date, kind: str = "index", words: str = "") -> AtOffice:
    return office.open(BERGEN).send(f"{BERGEN}/dates", kind=kind, due_on=day.isoformat(), words=words)


def test_a_citys_file_and_its_signed_copy_are_kept_and_shown(office: AtOffice) -> None:
    long = "We agree. " * 4000
    office.open(BERGEN).send(
        f"{BERGEN}/files",
        files={"copy": ("signed.pdf", PDF, "application/pdf")},
        joined_on="2019-05-01",
        contribution="5,000 <euros>",
        statement_text=long,
    )
    assert (office.path, office.says("membership.done.saved")) == (BERGEN, True)
    assert 'value="2019-05-01"' in office.response.text
    assert "5,000 &lt;euros&gt;" in office.response.text
    copy = office.client.get(f"{BERGEN}/copy")
    assert (copy.content, copy.headers["content-type"]) == (PDF, "application/pdf")
    assert copy.headers["content-disposition"] == 'attachment; filename="signed.pdf"'
    office.open(BERGEN).send(f"{BERGEN}/files", contribution="6,000 euros")
    assert office.client.get(f"{BERGEN}/copy").content == PDF, "saving the words keeps the copy"
    office.open(BERGEN).send(f"{BERGEN}/copy/delete")
    assert office.says("membership.problem.unsure")
    office.open(BERGEN).send(f"{BERGEN}/copy/delete", sure="yes")
    assert office.open(f"{BERGEN}/copy").status == 404


@pytest.mark.parametrize(
    ("typed", "content", "problem"),
    [
        ({"joined_on": "soon"}, None, "membership.problem.date_unreadable"),
        ({"contribution": "7,000"}, b"<html>", "membership.problem.copy_kind"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_stays(
    office: AtOffice, typed: dict[str, str], content: bytes | None, problem: str
) -> None:
    files = {"copy": ("x.pdf", content, "application/pdf")} if content else None
    office.open(BERGEN).send(f"{BERGEN}/files", files=files, **typed)
    assert (office.status, office.says(problem, value="soon")) == (422, True)
    assert all(value in office.response.text for value in typed.values())


def test_a_date_is_added_done_undone_again_next_year_and_deleted(office: AtOffice, hub: Hub) -> None:
    day = hub.clock.now().date() + timedelta(days=10)
    add(office, day, words="Send the <b>photo</b>")
    assert office.says("membership.done.date_added")
    assert office.says("membership.city.left", count=10) or "in 10 days" in office.text
    assert "<b>photo" not in office.response.text
    add(office, day)
    assert (office.status, office.says("membership.problem.date_twice")) == (422, True)
    due = office.do(lambda session: session.get(DueDate, 1))
    assert due is not None
    office.open(BERGEN).send(f"{BERGEN}/dates/1", action="done", again="yes")
    assert office.says("membership.done.date_done")
    assert office.do(lambda session: session.get(DueDate, 2)).due_on.year == day.year + 1  # type: ignore[union-attr]
    office.send(f"{BERGEN}/dates/1", action="undone")
    assert office.says("membership.done.date_undone")
    office.send(f"{BERGEN}/dates/2", action="delete")
    assert office.says("membership.done.date_deleted")
    other = office.client.post(f"{CITIES}/no-oslo/dates/1", data={"action": "delete"})
    assert other.status_code == 403, "a form of nobody"


def test_the_list_finds_cities_by_name_by_what_is_due_and_by_who_is_missing(office: AtOffice, hub: Hub) -> None:
    add(office, hub.clock.now().date() - timedelta(days=1))
    office.do(lambda session: make_subscriber(session, city="no-bergen", is_mandatory_contact=True))
    office.open(f"{CITIES}?q=berg")
    assert "Bergen" in office.text
    assert "Oslo" not in office.text
    assert office.says("membership.list.late")
    assert "Bergen" in office.open(f"{CITIES}?which=soon").text
    assert "Oslo" not in office.text
    nobody = office.open(f"{CITIES}?which=nobody").text
    assert "Oslo" in nobody
    assert "Bergen" not in nobody
    assert office.open(f"{CITIES}/atlantis").status == 404


def test_the_team_reads_which_automatic_messages_do_not_go_yet(office: AtOffice) -> None:
    office.open(CITIES)
    assert office.hub.wording.texts.get("membership.template.index", "en") in office.text
    assert f'href="{CITIES.removesuffix("/cities")}/broadcasts/templates"' in office.response.text


def test_a_table_is_looked_at_first_and_imported_then(office: AtOffice) -> None:
    file = {"file": ("cities.csv", TABLE.encode(), "text/csv")}
    office.open(f"{CITIES}/import").send(f"{CITIES}/import", files=file)
    assert office.says("membership.import.result")
    assert office.do(lambda session: session.get(DueDate, 1)) is None, "looking changes nothing"
    assert "2 dates are new." in office.text
    office.send(f"{CITIES}/import", action="take")
    assert (office.path, office.says("membership.done.imported")) == (CITIES, True)
    assert office.do(lambda session: session.get(DueDate, 2)) is not None
    exported = office.client.get(f"{CITIES}/export.csv").content
    again = {"file": ("cities.csv", exported, "text/csv")}
    office.open(f"{CITIES}/import").send(f"{CITIES}/import", files=again)
    assert "0 dates are new." in office.text


def test_a_table_with_a_bad_row_names_it_and_cannot_be_imported(office: AtOffice) -> None:
    bad = {"file": ("cities.csv", b"city,due_on\nAtlantis,\nBergen,soon\n", "text/csv")}
    office.open(f"{CITIES}/import").send(f"{CITIES}/import", files=bad)
    assert "Row 2, city: We do not know the city “Atlantis”." in office.text
    assert "Row 3, due_on: “soon” is not a day." in office.text
    assert "kept" not in {name for form in office.page.found for name in form["fields"]}
    other = {"file": ("cities.csv", b"town\nBergen\n", "text/csv")}
    office.open(f"{CITIES}/import").send(f"{CITIES}/import", files=other)
    assert office.says("membership.problem.no_city_column")
    office.open(f"{CITIES}/import").send(f"{CITIES}/import")
    assert office.says("membership.problem.file_missing")


def test_approvers_read_and_network_coordinators_do_not(client: TestClient, hub: Hub) -> None:
    approver = AtOffice(client, hub).join(OperatorRole.APPROVER)
    assert approver.open(BERGEN).status == 200
    assert approver.client.post(f"{BERGEN}/dates", data={}).status_code == 403
    assert approver.open(f"{CITIES}/import").status == 403
    network = AtOffice(client, hub).join(OperatorRole.NETWORK, network="RECI")
    assert network.open(CITIES).status == 403
    assert network.open(BERGEN).status == 403


def test_the_trail_says_who_changed_a_citys_file(office: AtOffice, hub: Hub) -> None:
    add(office, hub.clock.now().date())
    assert hub.wording.texts.get("membership.act.date_added", "en") in office.open("/office/trail").text
