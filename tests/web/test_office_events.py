"""Events in the back office: from the form to the invitation, the guests, a change, a cancellation, the list."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app import build_composer, build_office
from channels.base import ReadyMail
from identity.operators import Operator, OperatorRole
from subscriptions.broadcasts.release import schedule
from subscriptions.events import cancel_event
from subscriptions.guests import GuestAnswer, Needs, answer_event
from subscriptions.models import Broadcast, BroadcastText, Delivery, Event, Frequency, Guest
from subscriptions.topics import load_topics
from tests.factories import make_subscriber
from tests.subscriptions.itip import read_entry
from tests.web.office_pages import AtOffice
from web.state import Hub

EVENTS = "/office/events"


@pytest.fixture
def office(client: TestClient, hub: Hub) -> AtOffice:
    return AtOffice(client, hub).join(OperatorRole.EDITOR)


def typed(**values: Any) -> dict[str, Any]:
    known = {
        "title-en": "Training",
        "title-fr": "Formation",
        "description-en": "Come *all*.",
        "form": "online",
        "starts_at": "2027-03-28T14:00",
        "ends_at": "2027-03-28T16:00",
        "time_zone": "Europe/Brussels",
        "online_url": "https://meet.example.org/1",
        "topics": ["webinars"],
        "languages": "en, ar",
        "reminder_days": "7, 1",
    }
    return known | values


def rows[T](office: AtOffice, model: type[T]) -> list[T]:
    async def read(session: AsyncSession) -> list[T]:
        return list(await session.exec(select(model)))

    return office.do(read)


def made(office: AtOffice, **values: Any) -> Event:
    office.open(f"{EVENTS}/new").send(f"{EVENTS}/new", **typed(**values))
    assert office.says("event.done.created"), " ".join(office.text.split())
    return rows(office, Event)[-1]


def a_guest(office: AtOffice, event: Event, said: str = "yes", **values: Any) -> str:
    async def answer(session: AsyncSession) -> str:
        person = await make_subscriber(session, **values)
        needs = Needs("=HYPERLINK(1)", "ar")
        await answer_event(session, event.id, person.id, GuestAnswer(said), needs=needs, clock=office.clock)
        return person.id

    return office.do(answer)


def test_an_event_is_made_by_the_clock_of_its_zone_and_stays_as_it_was_typed(office: AtOffice) -> None:
    event = made(office)
    # The day on which summer time begins.
    assert event.starts_at.isoformat() == "2027-03-28T12:00:00+00:00"
    assert (event.titles, event.topics, event.languages) == (
        {"en": "Training", "fr": "Formation"},
        ["webinars"],
        ["en", "ar"],
    )
    office.open(f"{EVENTS}/{event.id}/edit").send(f"{EVENTS}/{event.id}/edit", is_public="yes")
    again = rows(office, Event)[0]
    assert (again.sequence, again.changed_at) == (0, event.changed_at) or again.is_public
    assert again.starts_at == event.starts_at


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"title-en": "", "title-fr": ""}, "title"),
        ({"starts_at": "soon"}, "date"),
        ({"ends_at": "2027-03-28T13:00"}, "dates"),
        ({"form": "in_person"}, "place"),
        ({"online_url": "javascript:alert(1)"}, "online_url"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"places": "many"}, "number"),
        ({"places": "0"}, "places"),
        ({"languages": "klingon"}, "language"),
        ({"reminder_days": "soon"}, "reminders"),
        ({"registration_closes_at": "2027-04-01T10:00"}, "registration"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(office: AtOffice, wrong: dict[str, str], problem: str) -> None:
    office.open(f"{EVENTS}/new").send(f"{EVENTS}/new", **typed(who_pays="We pay", **wrong))
    assert (office.status, office.says(f"event.problem.{problem}")) == (422, True)
    assert "We pay" in office.response.text
    assert rows(office, Event) == []


def test_the_invitation_begins_as_a_draft_in_the_events_words(office: AtOffice) -> None:
    event = made(office, registration_closes_at="2027-03-20T12:00")
    office.open(f"{EVENTS}/{event.id}")
    answer = office.client.post(
        f"{EVENTS}/{event.id}/invitation",
        data=next(form for form in office.page.found if form["action"].endswith("/invitation"))["fields"],
        follow_redirects=False,
    )
    (draft,) = rows(office, Broadcast)
    assert answer.headers["location"] == f"/office/broadcasts/{draft.id}"
    assert (draft.kind, draft.status, draft.event_id, draft.topics_any) == ("event", "draft", event.id, ["webinars"])
    assert draft.closes_at == event.registration_closes_at
    assert {text.language: (text.subject, text.state) for text in rows(office, BroadcastText)} == {
        "en": ("Training", "original")
    }


def test_what_the_team_wrote_arrives_with_its_entry_and_is_answered_by_its_link(office: AtOffice) -> None:
    event = made(office, places="1")
    hub, topics = office.hub, load_topics()

    async def reader(session: AsyncSession) -> str:
        return (await make_subscriber(session, name="Ada", topics={"webinars": Frequency.AT_ONCE})).id

    person = office.do(reader)
    office.open(f"{EVENTS}/{event.id}").send(f"{EVENTS}/{event.id}/invitation")
    (draft,) = rows(office, Broadcast)

    async def send(session: AsyncSession) -> ReadyMail:
        author = await session.get(Operator, office.id)
        assert author is not None
        await schedule(
            session, author, draft.id, at=None, time_zone="Europe/Brussels", topics=topics, clock=office.clock
        )
        await build_office(hub)._dispatcher.expand_due_broadcasts()
        row = (await session.exec(select(Delivery))).one()
        message = (await build_composer(hub).compose(session, [row]))[row.id]
        assert isinstance(message, ReadyMail)
        return message

    mail = office.do(send)
    assert mail.subject == "Training"
    assert mail.calendar is not None
    entry = read_entry(mail.calendar.content, "REQUEST")
    assert (str(entry["UID"]), str(entry["SUMMARY"])) == (event.uid, "Training")
    found = re.search(r"/events/answer/[\w.-]+\?say=yes\S*", mail.text)
    assert found is not None
    page = office.client.get(found.group())
    assert "Ada" in page.text
    office.client.post(found.group().partition("?")[0], data={"say": "yes"})
    assert [(guest.subscriber_id, guest.answer) for guest in rows(office, Guest)] == [(person, "yes")]


def test_guests_are_listed_and_taken_as_a_table_without_formulas(office: AtOffice) -> None:
    event = made(office)
    a_guest(office, event, name="Ada", city="no-bergen")
    a_guest(office, event, "no", name="Bo")
    office.open(f"{EVENTS}/{event.id}")
    assert "Ada" in office.text
    table = office.client.get(f"{EVENTS}/{event.id}/guests.csv")
    assert "Ada,Bergen,I will come,Arabic,'=HYPERLINK(1)," in table.text
    assert "Bo,,I cannot come,,," in table.text


def test_a_change_of_the_hour_is_told_and_other_words_are_not(office: AtOffice) -> None:
    event = made(office)
    a_guest(office, event)
    path = f"{EVENTS}/{event.id}/edit"
    office.open(path).send(path, **{"title-en": "Workshop"})
    assert office.says("event.done.saved")
    office.open(path).send(path, starts_at="2027-03-28T13:00", note="Sorry")
    assert office.says("event.done.told")
    (notice,) = rows(office, Broadcast)
    assert notice.kind == "event_change"
    assert notice.status in {"scheduled", "sending"}, "the scheduler may have begun it"
    assert rows(office, Event)[0].sequence == 1


@pytest.mark.parametrize(
    "typed", [{"languages": "en"}, {"who_pays": "Your city"}, {"registration_closes_at": "2027-03-01T12:00"}]
)
def test_what_guests_count_on_is_told_when_it_changes(office: AtOffice, typed: dict[str, str]) -> None:
    event = made(office)
    a_guest(office, event)
    path = f"{EVENTS}/{event.id}/edit"
    office.open(path).send(path, **typed)
    assert office.says("event.done.told")
    (notice,) = rows(office, Broadcast)
    assert notice.kind == "event_change"
    assert rows(office, Event)[0].sequence == 1, "a new version of the calendar entry"


def test_more_places_let_who_waits_move_up(office: AtOffice) -> None:
    event = made(office, places="1")
    for _ in range(2):
        a_guest(office, event)
    assert sorted(guest.answer for guest in rows(office, Guest)) == ["waiting", "yes"]
    office.open(f"{EVENTS}/{event.id}/edit").send(f"{EVENTS}/{event.id}/edit", places="2")
    assert [guest.answer for guest in rows(office, Guest)] == ["yes", "yes"]


def test_cancelling_asks_twice_and_tells_the_guests(office: AtOffice) -> None:
    event = made(office)
    a_guest(office, event)
    path = f"{EVENTS}/{event.id}/cancel"
    office.open(f"{EVENTS}/{event.id}").send(path)
    assert office.says("event.problem.unsure")
    assert rows(office, Event)[0].cancelled_at is None
    office.send(path, sure="yes", note="Storm.")
    assert office.says("event.done.cancelled")
    assert rows(office, Event)[0].cancelled_at is not None
    assert [notice.kind for notice in rows(office, Broadcast)] == ["event_change"]
    assert office.says("mail.event.cancelled")


def test_an_answer_by_telephone_is_noted_for_people_whom_we_know(office: AtOffice) -> None:
    event = made(office)
    office.do(lambda session: make_subscriber(session, email="ada@example.org"))
    path = f"{EVENTS}/{event.id}/answers"
    office.open(f"{EVENTS}/{event.id}").send(path, email="bo@example.org", answer="yes")
    assert (office.status, office.says("event.problem.unknown_person")) == (422, True)
    office.send(path, email="Ada@example.org", answer="yes")
    assert office.says("event.done.noted")
    assert [guest.answer for guest in rows(office, Guest)] == ["yes"]


def test_an_answer_that_is_too_late_is_not_noted(office: AtOffice) -> None:
    event = made(office)
    office.do(lambda session: make_subscriber(session, email="ada@example.org"))
    office.open(f"{EVENTS}/{event.id}")
    # Somebody else of the team cancels it at this moment.
    office.do(lambda session: cancel_event(session, event.id, clock=office.clock))
    office.send(f"{EVENTS}/{event.id}/answers", email="ada@example.org", answer="yes")
    assert (office.status, office.says("event.problem.cancelled")) == (422, True)
    assert rows(office, Guest) == []


def test_who_was_there_is_noted_once_it_began(office: AtOffice) -> None:
    event = made(office, starts_at="2026-11-23T10:00", ends_at="2026-11-24T10:00")
    ada, _ = a_guest(office, event, name="Ada"), a_guest(office, event, name="Bo")
    office.open(f"{EVENTS}/{event.id}")
    assert 'name="present"' not in office.response.text
    office.clock.at = event.starts_at + timedelta(minutes=5)
    office.sign_in().open(f"{EVENTS}/{event.id}").send(f"{EVENTS}/{event.id}/attendance", present=[ada])
    assert office.says("event.done.present")
    assert {guest.subscriber_id == ada: guest.attended for guest in rows(office, Guest)} == {True: True, False: False}


def test_an_approver_reads_and_a_networks_coordinator_does_not(client: TestClient, hub: Hub, office: AtOffice) -> None:
    event = made(office)
    approver = AtOffice(client, hub).join(OperatorRole.APPROVER, languages=["fr"])
    assert approver.open(f"{EVENTS}/{event.id}").status == 200
    assert approver.open(f"{EVENTS}/new").status == 403
    network = AtOffice(client, hub).join(OperatorRole.NETWORK, network="Network of Italy")
    assert network.open(f"{EVENTS}/{event.id}").status == 403
    assert network.open(f"{EVENTS}/{event.id}/guests.csv").status == 403


def test_a_networks_coordinator_makes_events_of_the_own_network_and_sees_totals(
    client: TestClient, hub: Hub, office: AtOffice
) -> None:
    of_all = made(office)
    mine = "Rete Città del Dialogo"
    nora = AtOffice(client, hub).join(OperatorRole.NETWORK, network=mine)
    event = next(one for one in (made(nora), *rows(nora, Event)) if one.network)
    assert (event.network, of_all.network) == (mine, None)
    listed = nora.open(EVENTS).response.text
    assert event.id in listed
    assert of_all.id not in listed
    # The invitation goes to the own network, whoever of the team writes it.
    for who in (nora, office):
        who.open(f"{EVENTS}/{event.id}").send(f"{EVENTS}/{event.id}/invitation")
    assert [row.audience for row in rows(nora, Broadcast)] == [{"networks": [mine]}] * 2
    a_guest(office, event, name="Ada Lovelace", network=mine)
    nora.open(f"{EVENTS}/{event.id}")
    assert "Coming: 1" in " ".join(nora.text.split())
    assert "Ada Lovelace" not in nora.text
    assert "HYPERLINK" not in nora.text
    assert "Ada Lovelace" in office.open(f"{EVENTS}/{event.id}").text
    assert nora.open(f"{EVENTS}/{event.id}/guests.csv").status == 403
    nora.open(f"{EVENTS}/{event.id}")
    token = {"token": next(form["fields"]["token"] for form in nora.page.found if "token" in form["fields"])}
    for path in ("answers", "attendance"):
        assert nora.client.post(f"{EVENTS}/{event.id}/{path}", data=token).status_code == 403
    for path in ("edit", "cancel", "invitation"):
        assert nora.client.post(f"{EVENTS}/{of_all.id}/{path}", data=token | typed(sure="yes")).status_code == 403
    nora.open(f"{EVENTS}/{event.id}").send(f"{EVENTS}/{event.id}/cancel", sure="yes")
    assert {row.id: row.cancelled_at is not None for row in rows(nora, Event)} == {event.id: True, of_all.id: False}
    other = AtOffice(client, hub).join(OperatorRole.NETWORK, email="other@example.org", network="RECI")
    assert other.open(f"{EVENTS}/{event.id}").status == 403


def test_a_form_of_another_session_does_nothing(office: AtOffice) -> None:
    event = made(office)
    assert office.client.post(f"{EVENTS}/{event.id}/cancel", data={"sure": "yes"}).status_code == 403
    assert rows(office, Event)[0].cancelled_at is None


def test_languages_are_named_in_any_language_and_shown_by_name(office: AtOffice) -> None:
    event = made(office, languages="English, français; arabo, Norsk bokmål")
    assert event.languages == ["en", "fr", "ar", "nb"]
    shown = office.open(f"{EVENTS}/{event.id}/edit").response.text
    assert 'value="English; French; Arabic; Norwegian Bokmål"' in shown
    office.send(f"{EVENTS}/{event.id}/edit")
    assert rows(office, Event)[0].languages == event.languages


def test_each_mistake_is_told_at_its_field(office: AtOffice) -> None:
    wrong = {"languages": "Elvish", "ends_at": "2027-03-28T13:00", "places": "many", "online_url": "meet"}
    office.open(f"{EVENTS}/new").send(f"{EVENTS}/new", **typed(**wrong))
    assert office.status == 422
    for name, problem in (
        ("languages", "language"),
        ("ends_at", "dates"),
        ("places", "number"),
        ("online_url", "online_url"),
    ):
        assert office.says(f"event.problem.{problem}")
        assert f'id="{name}-wrong"' in office.response.text
        assert re.search(rf'name="{name}"[^>]*aria-invalid="true"', office.response.text), name
    assert rows(office, Event) == []
    assert 'value="Elvish"' in office.response.text


def test_an_event_online_without_an_address_is_warned_about(office: AtOffice) -> None:
    made(office, online_url="")
    assert office.says("event.office.no_address")
    made(office, form="in_person", place="Hall 1", online_url="")
    assert not office.says("event.office.no_address")
