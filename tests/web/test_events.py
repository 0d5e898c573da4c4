"""The public events, calendar feeds, and answering an invitation by its link."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import FixedClock
from subscriptions.links import LinkContent, LinkPurpose, Links
from subscriptions.models import BroadcastKind, Delivery, Event, Guest, Subscriber
from subscriptions.pages import EVENT_ANSWER
from tests.factories import NOW, make_broadcast, make_event, make_guest, make_subscriber
from tests.subscriptions.itip import read_entries, read_entry
from tests.web.preference_pages import Centre
from tests.web.test_message_links import World
from web.events import feed_address
from web.state import Hub

LINKS = Links("only-for-tests")


@pytest.fixture
def world(client: TestClient, hub: Hub) -> World:
    return World(client, hub)


@pytest.fixture
def soon(clock: FixedClock) -> datetime:
    return clock.now() + timedelta(days=20)


def an_event(world: World, soon: datetime, **values: Any) -> Event:
    known: dict[str, Any] = {
        "titles": {"en": "Anti-rumour training", "fr": "Formation anti-rumeurs"},
        "descriptions": {"en": "**Come** and <b>learn</b>."},
        "topics": ["webinars"],
        "place": "Bergen",
        "online_url": "https://meet.example.org/secret",
        "languages": ["en", "ar"],
        "starts_at": soon,
        "ends_at": soon + timedelta(hours=2),
    }
    return world.do(lambda session: make_event(session, **(known | values)))


def link(event: Event, person: str) -> str:
    return link_to(event.id, person)


def link_to(event_id: str, person: str) -> str:
    token = LINKS.sign(LinkPurpose.ANSWER_EVENT, LinkContent(person, about=event_id))
    return f"{EVENT_ANSWER}/{token}"


def answers(world: World) -> list[str]:
    return [row.answer for row in world.rows(Guest)]


def test_the_public_page_shows_what_is_public_and_never_how_to_take_part(world: World, soon: datetime) -> None:
    event = an_event(world, soon)
    an_event(world, soon, titles={"en": "For members"}, is_public=False)
    page = world.client.get("/events?lang=fr")
    assert "Formation anti-rumeurs" in page.text
    assert "For members" not in page.text
    shown = world.client.get(f"/events/{event.id}?lang=fr")
    assert "Formation anti-rumeurs" in shown.text
    assert "meet.example.org" not in shown.text + page.text
    assert 'lang="en"' in shown.text, "the text is in another language, and says so"
    assert "&lt;b&gt;learn" in shown.text


def test_events_are_found_by_topic_and_those_that_are_over_apart(world: World, soon: datetime) -> None:
    an_event(world, soon)
    an_event(world, soon - timedelta(days=40), titles={"en": "Last month"}, topics=[])
    assert "Anti-rumour" in world.client.get("/events?topic=webinars").text
    assert "Anti-rumour" not in world.client.get("/events?topic=newsletter").text
    assert "Last month" not in world.client.get("/events").text
    assert "Last month" in world.client.get("/events?past=true").text


def test_what_is_not_public_or_not_there_is_not_found(world: World, soon: datetime) -> None:
    event = an_event(world, soon, is_public=False)
    for path in (
        f"/events/{event.id}",
        f"/events/{event.id}.ics",
        "/events/none",
        "/events/topic/none.ics",
        "/events/feed/x.ics",
    ):
        assert world.client.get(path).status_code == 404, path


def test_feeds_can_be_read_by_calendars_and_asked_again_cheaply(world: World, soon: datetime) -> None:
    event = an_event(world, soon)
    an_event(world, soon, topics=["newsletter"])
    all_of_them = world.client.get("/events/all.ics")
    assert all_of_them.headers["content-type"] == "text/calendar; charset=utf-8"
    assert len(read_entries(all_of_them.content, "PUBLISH")) == 2
    of_topic = world.client.get("/events/topic/webinars.ics?lang=fr")
    entry = read_entry(of_topic.content, "PUBLISH")
    assert (str(entry["UID"]), str(entry["SUMMARY"])) == (event.uid, "Formation anti-rumeurs")
    again = world.client.get("/events/topic/webinars.ics?lang=fr", headers={"If-None-Match": of_topic.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert read_entry(world.client.get(f"/events/{event.id}.ics").content, "PUBLISH")


def test_a_persons_own_feed_has_what_they_are_invited_to_and_no_other(world: World, hub: Hub, soon: datetime) -> None:
    person = world.person(language="fr")
    ours = world.do(lambda session: session.get(Subscriber, person))
    assert ours is not None
    yes, no = an_event(world, soon, is_public=False), an_event(world, soon, titles={"en": "Declined"})
    an_event(world, soon, titles={"en": "Not asked"})
    world.do(lambda session: make_guest(session, yes, ours, "yes"))
    world.do(lambda session: make_guest(session, no, ours, "no"))
    path = feed_address(hub, ours).removeprefix(hub.settings.public_url or hub.settings.address)
    feed = world.client.get(path)
    entry = read_entry(feed.content, "PUBLISH")
    assert str(entry["SUMMARY"]) == "Formation anti-rumeurs"
    assert "meet.example.org" in str(entry["CONFERENCE"])
    assert feed.headers["cache-control"].startswith("private")
    other = LINKS.sign(LinkPurpose.PREFERENCES, LinkContent(person))
    assert world.client.get(f"/events/feed/{other}.ics").status_code == 404


def test_opening_the_link_answers_nothing_and_one_press_does(world: World, soon: datetime) -> None:
    event, person = an_event(world, soon), world.person(name="Ada <b>")
    page = world.client.get(link(event, person), params={"say": "maybe"})
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    assert "Ada &lt;b&gt;" in page.text
    assert 'value="maybe" required checked' in page.text
    assert answers(world) == []
    done = world.client.post(link(event, person), data={"say": "yes", "needs": "vegan", "interpretation": "ar"})
    assert "You are coming." in done.text
    (guest,) = world.rows(Guest)
    assert (guest.answer, guest.needs, guest.interpretation) == ("yes", "vegan", "ar")
    assert "https://meet.example.org/secret" in done.text


def entry_mails(world: World) -> list[str]:
    return [row.subscriber_id for row in world.rows(Delivery) if row.message.endswith("/entry")]


def test_who_was_invited_in_a_collected_mail_gets_the_entry_once_they_come(world: World, soon: datetime) -> None:
    event, person = an_event(world, soon), world.person()
    for _ in range(2):
        done = world.client.post(link(event, person), data={"say": "yes"})
    assert entry_mails(world) == [person]
    assert "comes to you by mail" not in done.text, "it came already"
    other, none = world.person(), world.person(email=None, telegram=7)
    assert "comes to you by mail" in world.client.post(link(event, other), data={"say": "maybe"}).text
    world.client.post(link(event, none), data={"say": "yes"})
    world.client.post(link(event, world.person()), data={"say": "no"})
    assert entry_mails(world) == [person, other]


@pytest.mark.parametrize(("status", "count"), [("sent", 0), ("waiting", 0), ("bounced", 1)])
def test_who_was_invited_by_a_mail_of_its_own_has_the_entry(
    world: World, soon: datetime, status: str, count: int
) -> None:
    event, person = an_event(world, soon), world.person()

    async def invite(session: AsyncSession) -> None:
        broadcast = await make_broadcast(session, "webinars", kind=BroadcastKind.EVENT, event_id=event.id)
        row = Delivery(
            id="d1", message=f"broadcast/{broadcast.id}", address_id="a1", subscriber_id=person, language="en",
            broadcast_id=broadcast.id, channel="email", status=status, due_at=NOW, created_at=NOW,
        )  # fmt: skip
        session.add(row)
        await session.commit()

    world.do(invite)
    world.client.post(link(event, person), data={"say": "yes"})
    assert len(entry_mails(world)) == count


def test_pressing_twice_and_changing_ones_mind_keep_one_answer(world: World, soon: datetime) -> None:
    event, person = an_event(world, soon), world.person()
    for said in ("yes", "yes", "no", "no"):
        assert world.client.post(link(event, person), data={"say": said}).status_code == 200
    assert answers(world) == ["no"]


def test_when_it_is_full_the_page_says_so_before_and_after(world: World, soon: datetime) -> None:
    event = an_event(world, soon, places=1)
    first, second = world.person(), world.person()
    world.client.post(link(event, first), data={"say": "yes"})
    assert "All places are taken." in world.client.get(link(event, second)).text
    assert "waiting list" in world.client.post(link(event, second), data={"say": "yes"}).text
    world.client.post(link(event, first), data={"say": "no"})
    assert sorted(answers(world)) == ["no", "yes"]


def test_before_registration_opens_a_yes_is_kept_as_a_maybe_and_says_when(world: World, soon: datetime) -> None:
    event, person = an_event(world, soon, registration_opens_at=soon - timedelta(days=5)), world.person()
    assert "registration opens" in world.client.get(link(event, person)).text
    assert "Registration is not open yet." in world.client.post(link(event, person), data={"say": "yes"}).text
    assert answers(world) == ["maybe"]


@pytest.mark.parametrize("why", ["over", "cancelled", "closed"])
def test_too_late_says_why_and_changes_nothing(world: World, soon: datetime, clock: FixedClock, why: str) -> None:
    values = {"cancelled_at": clock.now()} if why == "cancelled" else {}
    event = an_event(world, soon, registration_closes_at=soon - timedelta(days=2), **values)
    person = world.person()
    clock.at = soon + timedelta(days=1) if why == "over" else soon - timedelta(days=1) if why == "closed" else clock.at
    assert world.client.get(link(event, person)).status_code == 200
    answer = world.client.post(link(event, person), data={"say": "yes"})
    assert answer.status_code == 409
    assert answers(world) == []


def test_a_link_for_another_purpose_or_for_nobody_opens_nothing(world: World, soon: datetime) -> None:
    event, person = an_event(world, soon), world.person()
    wrong = LINKS.sign(LinkPurpose.ASK, LinkContent(person, about=event.id))
    assert world.client.post(f"{EVENT_ANSWER}/{wrong}", data={"say": "yes"}).status_code == 410
    assert world.client.post(link(event, "nobody"), data={"say": "yes"}).status_code == 410
    assert world.client.post(link_to("none", person), data={"say": "yes"}).status_code == 404
    assert world.client.post(link(event, person), data={"say": "waiting"}).status_code == 422
    assert answers(world) == []


def test_somebody_who_left_answers_no_more(world: World, soon: datetime, clock: FixedClock) -> None:
    event = an_event(world, soon)
    person = world.do(lambda session: make_subscriber(session, left_at=clock.now()))
    assert world.client.get(link(event, person.id)).status_code == 410


def test_my_events_are_shown_to_who_proved_the_mailbox_and_to_no_other(
    client: TestClient, hub: Hub, world: World, soon: datetime
) -> None:
    centre = Centre(client, hub)
    event, person = an_event(world, soon), centre.person()
    ours = world.do(lambda session: session.get_one(Subscriber, person))
    world.do(lambda session: make_guest(session, event, ours, "maybe"))
    # By the link at the foot of a message, which may have been forwarded.
    client.post(centre.foot(person))
    assert feed_address(hub, ours) not in client.get("/preferences/events").text
    client.cookies.clear()
    centre.sign_in(person)
    page = client.get("/preferences/events")
    assert page.status_code == 200
    assert "Anti-rumour training" in page.text
    assert feed_address(hub, ours) in page.text
    assert link(event, person) in page.text


def test_a_feed_gets_a_new_address_and_the_old_one_ends_at_once(client: TestClient, hub: Hub, world: World) -> None:
    centre = Centre(client, hub)
    person, other = centre.person(), centre.person()

    def path(of: str) -> str:
        address = feed_address(hub, world.do(lambda session: session.get_one(Subscriber, of)))
        return address.removeprefix(hub.settings.public_url or hub.settings.address)

    first, of_other = path(person), path(other)
    # By the link at the foot of a message, which may have been forwarded, nothing is renewed.
    client.get(centre.foot(person))
    assert centre.send("events/address").status_code == 403
    client.cookies.clear()
    assert client.get(first).status_code == 200
    centre.sign_in(person)
    assert "cannot come back" in client.get("/preferences/events").text
    assert "Your calendar has a new address." in centre.send("events/address").text
    assert client.get(first).status_code == 404
    second = path(person)
    assert (client.get(second).status_code, client.get(of_other).status_code) == (200, 200)
    centre.send("events/address")
    assert (client.get(second).status_code, client.get(path(person)).status_code) == (404, 200)
