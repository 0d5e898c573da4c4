"""The first page says what needs this operator today, and which cities nobody reaches."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from sqlmodel.ext.asyncio.session import AsyncSession

from conversation.handoffs import create_handoff
from identity.operators import OperatorRole
from subscriptions.broadcasts.templates import TEMPLATES, approve_template
from subscriptions.handover import leave
from subscriptions.models import BroadcastStatus, BroadcastText, ChannelName, Delivery, DueDate, TextState
from subscriptions.subscribers import list_addresses
from tests.factories import make_broadcast, make_subscriber
from tests.web.office_pages import AtOffice
from web.state import Hub


@pytest.fixture
def office(client: TestClient, hub: Hub) -> AtOffice:
    return AtOffice(client, hub).join(OperatorRole.EDITOR)


async def things_to_do(session: AsyncSession, office: AtOffice) -> None:
    now = office.clock.now()
    broadcast = await make_broadcast(session, "youth", status=BroadcastStatus.IN_REVIEW, now=now)
    for language in ("ar", "fr"):
        session.add(
            BroadcastText(
                broadcast_id=broadcast.id,
                language=language,
                state=TextState.MACHINE_DRAFT,
                subject="s",
                body="b",
                changed_at=now,
            )
        )
    gone = await make_subscriber(session, name="Gone")
    address = (await list_addresses(session, gone.id))[ChannelName.EMAIL]
    address.suppressed_at, address.suppression = now, "bounced"
    session.add(address)
    await make_broadcast(session, "youth", status=BroadcastStatus.SENT, id="sent", now=now)
    session.add(
        BroadcastText(
            broadcast_id="sent", language="en", state=TextState.ORIGINAL, subject="Summer", body="b", changed_at=now
        )
    )
    for days, status in ((1, "failed"), (2, "bounced"), (8, "failed"), (1, "sent")):
        session.add(
            Delivery(
                id=f"{status}{days}",
                message=f"broadcast/{status}{days}",
                broadcast_id="sent",
                address_id=address.id if status == "bounced" else "a",
                subscriber_id="s",
                channel="email",
                language="en",
                status=status,
                due_at=now,
                created_at=now,
                finished_at=now - timedelta(days=days),
            )
        )
    for days in (-1, 5, 29, 31):
        session.add(DueDate(city="it-bologna", kind="index", due_on=now.date() + timedelta(days=days)))
    await create_handoff(
        session, channel="web", sender_key="x", language="en", question="?", subject=None, clock=office.clock
    )
    await session.commit()


def test_an_editor_sees_what_waits_and_how_much(office: AtOffice) -> None:
    office.do(lambda session: things_to_do(session, office))
    office.open("/office")
    for key, count in (("reviews", 1), ("questions", 1), ("failed", 1), ("late", 1), ("due", 2)):
        assert office.says(f"office.home.{key}", count=count), key
    assert "approval" not in office.text
    assert office.says("office.home.failed_of", count=1, title="\u2068Summer\u2069")
    assert 'href="/office/broadcasts/sent/progress?status=unreached#rows"' in office.response.text


def test_what_failed_for_one_person_leads_to_them_and_a_digest_that_comes_again_to_nothing(office: AtOffice) -> None:
    async def fail(session: AsyncSession) -> str:
        person, now = await make_subscriber(session), office.clock.now()
        for kind in ("answer", "digest"):
            session.add(
                Delivery(
                    id=kind, message=f"{kind}/1", address_id="a", subscriber_id=person.id, channel="email",
                    language="en", status="failed", due_at=now, created_at=now, finished_at=now,
                )
            )  # fmt: skip
        await session.commit()
        return person.id

    person_id = office.do(fail)
    office.open("/office")
    assert office.says("office.home.failed_alone", count=1)
    assert f'href="/office/subscribers/{person_id}"' in office.response.text
    assert not office.says("office.home.failed", count=1)


def test_automatic_messages_without_approved_words_are_named_as_soon_as_they_hold_something_up(
    office: AtOffice,
) -> None:
    count = len(TEMPLATES)
    assert not office.open("/office").says("office.home.templates", count=count)
    office.do(lambda session: make_subscriber(session, city="it-arezzo", is_mandatory_contact=True))
    assert office.open("/office").says("office.home.templates", count=count)
    assert 'href="/office/broadcasts/templates"' in office.response.text
    texts, eva = office.hub.wording.texts, SimpleNamespace(id="eva", role="editor")

    async def approve(session: AsyncSession) -> None:
        for name in TEMPLATES:
            await approve_template(session, eva, name, texts=texts, clock=office.clock)

    office.do(approve)
    assert "automatic" not in office.open("/office").text


def test_each_page_names_the_time_zone_of_its_hours(office: AtOffice) -> None:
    assert office.open("/office").says("office.times", zone="Brussels (Europe/Brussels)")


def test_an_approver_sees_the_own_languages_and_nothing_of_the_editors(client: TestClient, hub: Hub) -> None:
    office = AtOffice(client, hub).join(OperatorRole.APPROVER, languages=["ar"])
    office.do(lambda session: things_to_do(session, office))
    office.open("/office")
    assert office.says("office.home.texts", count=1)
    assert not office.says("office.home.questions", count=1)


def test_a_city_is_reached_only_by_a_named_contact_whose_mail_works(office: AtOffice) -> None:
    office.open("/office")
    before = office.response.text.count("/office/subscribers/new")
    assert office.says("office.home.name_somebody", city="Arezzo")
    office.do(lambda session: make_subscriber(session, city="it-arezzo"))
    assert office.open("/office").says("office.home.name_somebody", city="Arezzo")
    office.do(lambda session: make_subscriber(session, city="it-arezzo", is_mandatory_contact=True, confirmed=False))
    office.open("/office")
    assert not office.says("office.home.name_somebody", city="Arezzo")
    assert office.response.text.count("/office/subscribers/new") == before - 1


def test_somebody_who_leaves_is_told_to_the_team_until_it_is_settled(office: AtOffice) -> None:
    person = office.do(
        lambda session: make_subscriber(session, name="Ada", city="it-arezzo", is_mandatory_contact=True)
    )
    office.do(lambda session: leave(session, person.id, clock=office.clock))
    office.open("/office")
    assert office.says("office.alert.contact_left", city="Arezzo")
    office.send("/office/alerts/1")
    assert not office.says("office.alert.contact_left", city="Arezzo")


def test_a_network_coordinator_sees_only_the_own_network(client: TestClient, hub: Hub) -> None:
    office = AtOffice(client, hub).join(OperatorRole.NETWORK, network="Rete Città del Dialogo")
    office.do(lambda session: things_to_do(session, office))
    office.open("/office")
    assert "Arezzo" in office.text
    assert "Barcelona" not in office.text
    assert not office.says("office.home.questions", count=1)
    assert "/office/subscribers/new" not in office.response.text


def test_a_new_hub_says_what_to_do_first_until_it_is_done(client: TestClient, hub: Hub) -> None:
    office = AtOffice(client, hub).join(OperatorRole.ADMINISTRATOR)
    office.open("/office")
    for step, path in (
        ("import", "/office/subscribers/import"),
        ("colleague", "/office/operators"),
        ("mail", "/office/outbox"),
        ("message", "/office/broadcasts"),
    ):
        assert office.says(f"office.steps.{step}")
        assert f'<a href="{path}">{office.hub.wording.texts.get(f"office.steps.{step}", "en")}' in office.response.text

    editor = AtOffice(client, hub).join(OperatorRole.EDITOR, email="ed@example.org")
    assert "/office/operators" not in editor.open("/office").response.text
    assert editor.says("office.steps.title")
    office.do(lambda session: make_subscriber(session, name="Ada"))
    office.do(lambda session: make_broadcast(session, "youth", now=office.clock.now()))
    assert not editor.open("/office").says("office.steps.title")


def test_the_cities_that_nobody_reaches_are_counted_once(office: AtOffice) -> None:
    cities = office.open("/office").response.text.count("office/subscribers/new")
    assert office.text.count(office.hub.wording.texts.get("office.home.unreached", "en", count=cities)) == 1
    assert office.says("office.home.known")


def test_a_contact_who_has_not_confirmed_is_not_counted_as_reached(office: AtOffice) -> None:
    office.do(lambda session: make_subscriber(session, city="it-arezzo", is_mandatory_contact=True, confirmed=False))
    office.open("/office")
    assert "confirmed the mail address: 0 of" in office.text
    assert office.says("office.home.unsure", count=1)
    office.do(
        lambda session: make_subscriber(session, email="b@example.org", city="it-bari", is_mandatory_contact=True)
    )
    assert "confirmed the mail address: 1 of" in office.open("/office").text
