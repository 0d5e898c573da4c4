"""The pages that links at the foot of a message lead to: opening changes nothing, one press does one thing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app import build_composer
from channels.base import ReadyMail, ReadyMessage
from conversation.handoffs import list_handoffs
from core.clock import FixedClock
from core.database import Database
from subscriptions.expanding import expand
from subscriptions.links import ALL, LinkContent, LinkPurpose, Links
from subscriptions.message_answers import SAID_FOR, Opinion, count_opinion_once, delete_said
from subscriptions.models import (
    Address,
    Attachment,
    BroadcastText,
    ChannelName,
    Choice,
    Delivery,
    Frequency,
    PreferenceChange,
    Subscriber,
    Subscription,
    TeamAlert,
    TopicOpinion,
)
from subscriptions.topics import load_topics
from tests.factories import NOW, make_broadcast, make_subscriber
from web.state import Hub

LINKS = Links("only-for-tests")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


class World:
    """The hub's pages and its database, side by side."""

    def __init__(self, client: TestClient, hub: Hub) -> None:
        self.client = client
        self._hub = hub

    def do[T](self, work: Callable[[AsyncSession], Coroutine[Any, Any, T]]) -> T:
        async def in_session() -> T:
            async with self._hub.database.session() as session:
                return await work(session)

        assert self.client.portal is not None
        return self.client.portal.call(in_session)

    def person(self, **values: Any) -> str:
        return self.do(lambda session: make_subscriber(session, **values)).id

    def rows[T](self, model: type[T]) -> list[T]:
        async def read(session: AsyncSession) -> list[T]:
            return list(await session.exec(select(model)))

        return self.do(read)

    def choices(self) -> dict[str, str]:
        return {row.topic: row.frequency for row in self.rows(Subscription)}


@pytest.fixture
def world(client: TestClient, hub: Hub) -> World:
    return World(client, hub)


def path(page: str, purpose: LinkPurpose, subscriber_id: str, topic: str = "webinars", about: str = "d1") -> str:
    return f"/m/{page}/{LINKS.sign(purpose, LinkContent(subscriber_id, topic, ChannelName.EMAIL, about))}"


def stop_path(subscriber_id: str, topic: str = "webinars", about: str = "d1") -> str:
    return path("unsubscribe", LinkPurpose.UNSUBSCRIBE, subscriber_id, topic, about)


def test_one_click_ends_one_topic_without_cookie_or_page_before(world: World) -> None:
    person = world.person(topics={"webinars": Frequency.AT_ONCE, "newsletter": Frequency.WEEKLY})
    answer = world.client.post(stop_path(person), data=ONE_CLICK, follow_redirects=False)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert world.choices() == {"webinars": "off", "newsletter": "weekly"}


def test_one_click_as_multipart_works_too(world: World) -> None:
    person = world.person(topics={"webinars": Frequency.AT_ONCE})
    answer = world.client.post(stop_path(person), files={"List-Unsubscribe": (None, "One-Click")})
    assert answer.status_code == 200
    assert world.choices() == {"webinars": "off"}


@pytest.mark.parametrize(
    ("page", "purpose"),
    [
        ("unsubscribe", LinkPurpose.UNSUBSCRIBE),
        ("opinion", LinkPurpose.OPINION),
        ("ask", LinkPurpose.ASK),
        ("successor", LinkPurpose.SUCCESSOR),
    ],
)
def test_opening_a_link_changes_nothing(world: World, page: str, purpose: LinkPurpose) -> None:
    person = world.person(topics={"webinars": Frequency.AT_ONCE}, is_mandatory_contact=True)
    answer = world.client.get(path(page, purpose, person), params={"say": "useful", "action": "stop"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert world.choices() == {"webinars": "at_once"}
    assert world.rows(TopicOpinion) == []
    assert world.rows(PreferenceChange) == []
    assert [row.left_at for row in world.rows(Subscriber)] == [None]


@pytest.mark.parametrize("page", ["unsubscribe", "opinion", "ask", "successor"])
def test_a_link_for_another_purpose_or_a_changed_one_opens_nothing(world: World, page: str) -> None:
    person = world.person(topics={"webinars": Frequency.AT_ONCE})
    for purpose in (LinkPurpose.PREFERENCES, LinkPurpose.ANSWER_EVENT):
        address = path(page, purpose, person)
        assert world.client.get(address).status_code == 410
        assert world.client.post(address, data={"action": "leave", "say": "useful"}).status_code == 410
    assert world.client.post(f"/m/{page}/nonsense").status_code == 410
    assert world.choices() == {"webinars": "at_once"}


def test_a_file_of_a_collected_mail_is_saved_and_a_made_up_link_opens_none(world: World) -> None:
    async def add(session: AsyncSession) -> str:
        broadcast = await make_broadcast(session, "webinars")
        name = 'pr\u00f3gramma "1".pdf'
        file = Attachment(
            id="f1", broadcast_id=broadcast.id, name=name, media_type="application/pdf", content=b"%PDF-1"
        )
        session.add(file)
        await session.commit()
        return "f1"

    about = world.do(add)
    answer = world.client.get(path("file", LinkPurpose.FILE, "", ALL, about))
    assert (answer.status_code, answer.content) == (200, b"%PDF-1")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''pr%C3%B3gramma%20%221%22.pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert world.client.get(path("file", LinkPurpose.FILE, "", ALL, "gone")).status_code == 410
    assert world.client.get(path("file", LinkPurpose.OPINION, "", ALL, about)).status_code == 410
    assert world.client.get("/m/file/nonsense").status_code == 410


def test_stopping_twice_is_no_error_and_can_be_undone(world: World) -> None:
    person = world.person(topics={"webinars": Frequency.DAILY})
    for _ in range(2):
        assert "is stopped" in world.client.post(stop_path(person), data={"action": "stop"}).text
    assert "as before" in world.client.post(stop_path(person), data={"action": "undo"}).text
    assert world.choices() == {"webinars": "daily"}


def test_undo_takes_back_nothing_but_what_such_a_link_did(world: World) -> None:
    person = world.person(topics={"webinars": Frequency.DAILY})
    assert world.client.post(stop_path(person), data={"action": "undo"}).status_code == 409
    assert world.choices() == {"webinars": "daily"}


def test_everything_that_is_not_required_stops_when_asked(world: World) -> None:
    person = world.person(topics={"webinars": Frequency.DAILY}, choice=Choice.EVERYTHING_AT_ONCE)
    world.client.post(stop_path(person), data={"action": "everything"})
    assert [row.choice for row in world.rows(Subscriber)] == [Choice.REQUIRED_ONLY]
    assert set(world.choices().values()) <= {"off"}


def test_the_link_of_a_weekly_digest_ends_the_weekly_ones_only(world: World) -> None:
    topics = {"webinars": Frequency.WEEKLY, "newsletter": Frequency.DAILY, "peer-pairing": Frequency.AT_ONCE}
    person = world.person(topics=topics)
    answer = world.client.post(stop_path(person, ALL, "digest/weekly"), data=ONE_CLICK)
    assert "weekly collected mail" in answer.text
    assert world.choices() == {"webinars": "off", "newsletter": "daily", "peer-pairing": "at_once"}


def test_the_recommended_weekly_mail_ends_with_its_link(world: World) -> None:
    person = world.person(choice=Choice.RECOMMENDED_WEEKLY)
    world.client.post(stop_path(person, ALL, "digest/weekly"), data=ONE_CLICK)
    assert [row.choice for row in world.rows(Subscriber)] == [Choice.REQUIRED_ONLY]


def test_a_duty_goes_on_and_the_page_says_so(world: World) -> None:
    person = world.person(is_mandatory_contact=True, city="bergen")
    answer = world.client.post(stop_path(person, "membership-notices"), data=ONE_CLICK)
    assert answer.status_code == 200
    assert "cannot be stopped" in answer.text
    assert world.rows(PreferenceChange) == []


def test_somebody_who_is_gone_gets_a_page_and_no_hint_of_who(world: World) -> None:
    answer = world.client.post(stop_path("nobody"), data=ONE_CLICK)
    assert answer.status_code == 410
    assert "nobody" not in answer.text.split("<main")[1]


def test_an_opinion_counts_once_for_its_topic_without_a_name(world: World) -> None:
    for about in ("d1", "d2"):
        address = path("opinion", LinkPurpose.OPINION, "", about=about)
        for _ in range(2):
            assert "Thank you" in world.client.post(address, data={"say": "useful"}).text
    world.client.post(path("opinion", LinkPurpose.OPINION, "", about="d3"), data={"say": "not_for_us"})
    world.client.post(path("opinion", LinkPurpose.OPINION, "", about="d4"), data={"say": "anything"})
    assert {(row.topic, row.opinion): row.count for row in world.rows(TopicOpinion)} == {
        ("webinars", "useful"): 2,
        ("webinars", "not_for_us"): 1,
    }


async def test_an_opinion_counts_once_in_all_processes_and_is_forgotten_in_the_end(
    database: Database, clock: FixedClock
) -> None:
    topics = load_topics()

    async def say() -> bool:
        async with database.session() as session:
            return await count_opinion_once(session, "t1", "webinars", Opinion.USEFUL, topics=topics, clock=clock)

    assert sorted(await asyncio.gather(say(), say(), say())) == [False, False, True]
    async with database.session() as session:
        assert [row.count for row in await session.exec(select(TopicOpinion))] == [1]
        clock.at += SAID_FOR - timedelta(seconds=1)
        assert await delete_said(session, clock=clock) == 0
        clock.at += timedelta(seconds=1)
        assert await delete_said(session, clock=clock) == 1


def test_the_choice_of_the_message_is_ticked_on_the_page(world: World) -> None:
    page = world.client.get(path("opinion", LinkPurpose.OPINION, ""), params={"say": "not_for_us"}).text
    assert 'value="not_for_us" required checked' in page
    assert page.count(" checked") == 1


def test_a_question_reaches_the_team_with_its_topic_and_language(world: World) -> None:
    person = world.person()
    address = path("ask", LinkPurpose.ASK, person)
    for _ in range(2):
        assert "with us" in world.client.post(address, data={"question": " Who pays? "}).text
    found = world.do(list_handoffs)
    assert [(row.channel, row.sender_key, row.question, row.subject, row.language) for row in found] == [
        ("subscriber", person, "Who pays?", "webinars", "en")
    ]


def test_an_empty_or_endless_question_is_refused_and_kept_on_the_page(world: World) -> None:
    address = path("ask", LinkPurpose.ASK, world.person())
    assert world.client.post(address, data={"question": "  "}).status_code == 422
    answer = world.client.post(address, data={"question": "why " * 600})
    assert answer.status_code == 422
    assert "why why" in answer.text
    assert world.do(list_handoffs) == []


def test_a_successor_takes_over_and_the_leaver_gets_nothing_more(world: World) -> None:
    person = world.person(is_mandatory_contact=True, city="bergen")
    address = path("successor", LinkPurpose.SUCCESSOR, person)
    form = {"action": "name", "name": "Bo <b>", "email": "Bo@example.org"}
    answer = world.client.post(address, data=form)
    assert "We have invited Bo &lt;b&gt;." in answer.text
    leaver, successor = sorted(world.rows(Subscriber), key=lambda row: row.left_at is None)
    assert (leaver.id, leaver.succeeded_by) == (person, successor.id)
    assert (successor.is_mandatory_contact, successor.city) == (True, "bergen")
    assert "bo@example.org" in {row.value for row in world.rows(Address)}
    assert [row.kind for row in world.rows(TeamAlert)] == ["contact_succeeded"]


def test_an_old_link_names_nobody_else_once_there_is_a_successor(world: World) -> None:
    person = world.person(is_mandatory_contact=True, city="bergen")
    address = path("successor", LinkPurpose.SUCCESSOR, person)
    world.client.post(address, data={"action": "name", "name": "Bo", "email": "bo@example.org"})
    answer = world.client.post(address, data={"action": "name", "name": "Eve", "email": "eve@example.org"})
    assert answer.status_code == 409
    assert "Somebody else has been named before" in answer.text
    assert "eve@example.org" not in {row.value for row in world.rows(Address)}


@pytest.mark.parametrize(("name", "email"), [("", "bo@example.org"), ("Bo", "no address"), ("Bo", "own")])
def test_a_wrong_successor_is_asked_for_again_and_nothing_happens(world: World, name: str, email: str) -> None:
    person = world.person(is_mandatory_contact=True, email="ada@example.org")
    email = "ada@example.org" if email == "own" else email
    form = {"action": "name", "name": name, "email": email}
    answer = world.client.post(path("successor", LinkPurpose.SUCCESSOR, person), data=form)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert email in answer.text
    assert [row.left_at for row in world.rows(Subscriber)] == [None]


def test_who_only_leaves_is_not_written_to_and_the_team_is_told(world: World) -> None:
    person = world.person(is_mandatory_contact=True, city="bergen")
    answer = world.client.post(path("successor", LinkPurpose.SUCCESSOR, person), data={"action": "leave"})
    assert "do not write to you any more" in answer.text
    assert [row.left_at is None for row in world.rows(Subscriber)] == [False]
    assert [row.kind for row in world.rows(TeamAlert)] == ["contact_left"]


def test_a_mail_of_the_hub_can_be_stopped_by_the_address_in_its_header(world: World, hub: Hub) -> None:
    person = world.person(topics={"webinars": Frequency.AT_ONCE})

    async def compose(session: AsyncSession) -> ReadyMessage:
        broadcast = await make_broadcast(session, "webinars")
        session.add(
            BroadcastText(
                broadcast_id=broadcast.id, language="en", state="original", subject="S", body="B", changed_at=NOW
            )
        )
        await session.commit()
        await expand(hub.database, broadcast.id, topics=load_topics(), clock=hub.clock)
        rows = list(await session.exec(select(Delivery)))
        return (await build_composer(hub).compose(session, rows))[rows[0].id]

    mail = world.do(compose)
    assert isinstance(mail, ReadyMail)
    assert mail.unsubscribe_url
    assert person
    address = urlsplit(mail.unsubscribe_url)
    assert world.client.post(f"{address.path}?{address.query}", data=ONE_CLICK).status_code == 200
    assert world.choices() == {"webinars": "off"}
    opinion = re.search(r"/m/opinion/\S+", mail.text)
    assert opinion
    assert " checked" in world.client.get(opinion[0]).text
