"""The people who may be written to, in the back office: found, added, corrected, taken from files, handed over."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from identity.operators import OperatorRole
from subscriptions.models import Address, Delivery, Frequency, Subscriber
from tests.factories import make_subscriber
from tests.web.office_pages import AtOffice
from web.state import Hub

CSV = (
    "email,name,city,contact,topics\nada@example.org,Ada,it-bologna,yes,youth:weekly\nbob@example.org,Bob,it-bari,no,\n"
)
BAD = "email,name,city\nada@example.org,Ada,it-bologna\nno address,Bob,Atlantis\n"


@pytest.fixture
def office(client: TestClient, hub: Hub) -> AtOffice:
    return AtOffice(client, hub).join(OperatorRole.EDITOR)


async def people(session: AsyncSession) -> list[Subscriber]:
    return sorted(await session.exec(select(Subscriber)), key=lambda one: one.name)


async def deliveries(session: AsyncSession) -> list[Delivery]:
    return list(await session.exec(select(Delivery)))


def test_people_are_found_by_name_address_city_country_and_topic(office: AtOffice) -> None:
    for name, city, country in (("Ada 100%", "it-bologna", "IT"), ("Berta", "it-bari", "IT"), ("Chloé", None, "FR")):
        topics = {"youth": Frequency.DAILY} if name == "Berta" else {"youth": Frequency.OFF}
        email = f"{name.split()[0].lower()}@example.org" if name != "Chloé" else "chloe@example.org"
        office.do(
            lambda session, n=name, c=city, k=country, t=topics, e=email: make_subscriber(  # type: ignore[misc]
                session, name=n, city=c, country=k, topics=t, email=e
            )
        )
    for query, found in (
        ("text=ada", {"Ada 100%"}),
        ("text=100%25", {"Ada 100%"}),
        ("text=berta@", {"Berta"}),
        ("text=_", set()),
        ("city=it-bari", {"Berta"}),
        ("country=FR", {"Chloé"}),
        ("topic=youth", {"Berta"}),
        ("", {"Ada 100%", "Berta", "Chloé"}),
    ):
        shown = set(re.findall(r"<bdi>([^<@]+)</bdi></a>", office.open(f"/office/subscribers?{query}").response.text))
        assert shown == found, query


def test_somebody_is_added_and_asked_to_confirm(office: AtOffice) -> None:
    office.open("/office/subscribers/new?city=it-bologna&contact=1").send(
        "/office/subscribers/new", name="Ada", email="Ada@Example.org"
    )
    assert office.says("office.done.subscriber_added")
    (ada,) = office.do(people)
    assert (ada.city, ada.country, ada.is_mandatory_contact, ada.time_zone) == ("it-bologna", "IT", True, "Europe/Rome")
    assert [one.message.partition("/")[0] for one in office.do(deliveries)] == ["confirm"]


def test_an_address_that_somebody_has_is_refused_and_nothing_is_lost(office: AtOffice) -> None:
    office.do(lambda session: make_subscriber(session, email="ada@example.org"))
    office.open("/office/subscribers/new").send("/office/subscribers/new", name="Again", email="ada@example.org")
    assert office.status == 409
    assert 'value="Again"' in office.response.text
    assert len(office.do(people)) == 1


def test_one_person_shows_addresses_choices_and_what_was_sent_with_its_reason(office: AtOffice) -> None:
    person = office.do(lambda session: make_subscriber(session, topics={"youth": Frequency.WEEKLY}, telegram=7))

    async def add(session: AsyncSession) -> None:
        address = (await session.exec(select(Address).where(Address.channel == "email"))).one()
        address.suppressed_at, address.suppression = office.clock.now(), "bounced"
        session.add(address)
        session.add(
            Delivery(
                id="d1",
                message="broadcast/b1",
                address_id=address.id,
                subscriber_id=person.id,
                channel="email",
                language="en",
                status="cancelled",
                reason="switched_off",
                because={"rule": "topic", "topic": "youth"},
                due_at=office.clock.now(),
                created_at=office.clock.now(),
            )
        )
        await session.commit()

    office.do(add)
    office.open(f"/office/subscribers/{person.id}")
    for key in (
        "address.suppressed",
        "suppression.bounced",
        "frequency.weekly",
        "delivery.cancelled",
        "why.switched_off",
    ):
        assert office.says(f"office.{key}"), key
    office.send(f"/office/subscribers/{person.id}/lift")
    assert not office.says("office.suppression.bounced")


def test_what_is_known_is_corrected_and_what_was_chosen_stays(office: AtOffice) -> None:
    person = office.do(
        lambda session: make_subscriber(session, topics={"youth": Frequency.DAILY}, time_zone="Asia/Tokyo")
    )
    path = f"/office/subscribers/{person.id}"
    office.open(path).send(path, name="Ada B", city="it-bari", is_mandatory_contact="yes")
    (ada,) = office.do(people)
    assert (ada.name, ada.city, ada.is_mandatory_contact, ada.time_zone) == ("Ada B", "it-bari", True, "Asia/Tokyo")
    assert office.says("office.frequency.daily")


def test_another_address_waits_for_its_owner(office: AtOffice) -> None:
    person = office.do(lambda session: make_subscriber(session, email="old@example.org"))
    path = f"/office/subscribers/{person.id}"
    office.open(path).send(f"{path}/address", email="new@example.org")
    assert office.says("office.done.address_asked")
    assert "old@example.org" in office.text
    (letter,) = office.do(deliveries)
    assert letter.parts["to"] == "new@example.org"


def test_who_leaves_gets_nothing_more_and_the_successor_is_invited(office: AtOffice) -> None:
    person = office.do(lambda session: make_subscriber(session, city="it-bologna", is_mandatory_contact=True))
    path = f"/office/subscribers/{person.id}"
    office.open(path).send(f"{path}/leave", successor_name="Zoe", successor_email="zoe@example.org")
    assert office.status == 422
    office.send(f"{path}/leave", successor_name="Zoe", successor_email="zoe@example.org", sure="yes")
    ada, zoe = office.do(people)
    assert ada.left_at is not None
    assert (zoe.city, zoe.is_mandatory_contact) == ("it-bologna", True)


def test_a_file_is_looked_at_first_and_taken_only_after_a_yes(office: AtOffice) -> None:
    path = "/office/subscribers/import"
    office.open(path).send(path, files={"file": ("people.csv", CSV.encode())})
    assert office.says("office.import.would", new=2, changed=0, same=0)
    assert office.do(people) == []
    office.send(path, files={"x": ("", b"")}, ask="yes")
    assert office.says("office.import.did", new=2, changed=0)
    assert [one.name for one in office.do(people)] == ["Ada", "Bob"]
    assert len(office.do(deliveries)) == 2


def test_the_first_contacts_are_known_ones_unless_the_tick_is_taken_away(office: AtOffice) -> None:
    path = "/office/subscribers/import"
    office.open(path).send(path, files={"file": ("people.csv", CSV.encode())})
    assert [form["fields"].get("known") for form in office.page.found if "known" in form["names"]] == ["yes"]
    office.send(path, files={"x": ("", b"")})
    assert [one.welcomed_at is not None for one in office.do(people)] == [True, False]
    office.open(path).send(path, files={"file": ("people.csv", CSV.replace("ada@", "cy@").encode())})
    known = [form["fields"].get("known") for form in office.page.found if "known" in form["names"]]
    assert known == [None], "the hub knows contacts, so these are new"


def test_a_file_of_another_alphabet_is_looked_at_again_and_taken_as_it_was_written(office: AtOffice) -> None:
    path = "/office/subscribers/import"
    content = "email,name\nada@example.org,Łukasz\nno address,Żaneta\n".encode("cp1250")
    office.open(path).send(path, files={"file": ("people.csv", content)})
    assert "£ukasz" in office.text
    office.send(path, files={"x": ("", b"")}, encoding="cp1250")
    assert "Łukasz" in office.text
    assert "£ukasz" not in office.text
    forms = {form["fields"].get("do"): form["fields"] for form in office.page.found if "waiting" in form["names"]}
    assert "Żaneta" in office.client.post(path, data=forms["bad_rows"], files={"x": ("", b"")}).text
    office.read(office.client.post(path, data=forms["take"], files={"x": ("", b"")}))
    assert [one.name for one in office.do(people)] == ["Łukasz"]


def test_bad_rows_are_named_and_saved_and_the_good_ones_can_be_taken(office: AtOffice) -> None:
    path = "/office/subscribers/import"
    office.open(path).send(path, files={"file": ("people.csv", BAD.encode())})
    assert office.status == 422
    assert office.says("import.problem.email_invalid", value="no address")
    assert office.says("import.problem.city_unknown", value="Atlantis")
    assert office.says("office.import.would", new=1, changed=0, same=0)
    assert office.do(people) == []

    bad, good = (form for form in office.page.found if "waiting" in form["names"])
    saved = office.client.post(path, data=bad["fields"], files={"x": ("", b"")})
    assert saved.headers["content-disposition"].endswith('"people-to-mend.csv"')
    assert "no address,Bob,Atlantis" in saved.text
    assert "ada@example.org" not in saved.text
    office.read(office.client.post(path, data=good["fields"], files={"x": ("", b"")}))
    assert office.says("office.import.did", new=1, changed=0)
    assert office.says("office.import.left", count=1)
    assert [one.name for one in office.do(people)] == ["Ada"]

    mended = saved.text.replace("no address", "bob@example.org").replace("Atlantis", "it-bari")
    office.open(path).send(path, files={"file": ("people.csv", mended.encode())})
    assert office.says("office.import.would", new=1, changed=0, same=0)


def test_the_preview_names_each_person_and_what_they_will_receive(office: AtOffice) -> None:
    path = "/office/subscribers/import"
    office.open(path).send(path, files={"file": ("people.csv", CSV.encode())})
    assert "bob@example.org" in office.text
    assert office.says("office.import.gets_required")
    assert office.says("office.import.topic_at", topic="Young people", how_often="once a week")
    assert office.says("office.import.gets_nothing")


def test_the_sample_file_can_be_taken_as_it_is(office: AtOffice) -> None:
    path = "/office/subscribers/import"
    office.open(path)
    assert "Housing, public space and green cities" in office.text
    saved = office.client.get(f"{path}/sample.csv")
    office.send(path, files={"file": ("people.csv", saved.content)})
    assert office.status == 200
    assert office.says("office.import.would", new=2, changed=0, same=0)


def test_the_export_can_be_taken_again(office: AtOffice) -> None:
    office.do(lambda session: make_subscriber(session, name="=1+1", email="ada@example.org"))
    saved = office.client.get("/office/subscribers/export/csv")
    assert "'=1+1" in saved.text
    path = "/office/subscribers/import"
    office.open(path).send(path, files={"file": ("people.csv", saved.content)})
    assert office.says("office.import.would", new=0, changed=0, same=1)


def test_a_network_coordinator_sees_totals_of_the_own_network_and_nobody(client: TestClient, hub: Hub) -> None:
    office = AtOffice(client, hub).join(OperatorRole.NETWORK, network="Rete Città del Dialogo")
    person = office.do(
        lambda session: make_subscriber(
            session, name="Ada Secret", city="it-arezzo", network="Rete Città del Dialogo", country="IT"
        )
    )
    office.open("/office/subscribers")
    assert "Arezzo" in office.text
    assert "Ada Secret" not in office.text
    assert "Barcelona" not in office.text
    for path in (f"/{person.id}", "/new", "/import", "/export/csv"):
        assert office.open(f"/office/subscribers{path}").status == 403
