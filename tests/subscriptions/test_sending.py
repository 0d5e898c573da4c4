"""Sending: every delivery ends in the right state, whatever the mail server, the reader or the team does meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.messages.composer import PersonalComposer
from benchmarks.messages.people import TOPIC, add_broadcast, address, fill, subscriber_id
from channels.base import ReadyMessage
from channels.email.channel import EmailChannel
from channels.email.message import MailSender
from channels.email.pool import SmtpPool
from channels.email.server import SmtpServer
from core.clock import FixedClock
from core.database import Database
from subscriptions.delivery import claim, hand_out, sweep
from subscriptions.expanding import expand
from subscriptions.models import (
    Address,
    Broadcast,
    BroadcastStatus,
    ChannelPause,
    Delivery,
    Frequency,
    Subscriber,
    Subscription,
)
from subscriptions.results import MOST_ATTEMPTS
from subscriptions.sending import Pacing, Sender
from subscriptions.topics import Topics, load_topics
from tests.services import free_port
from tests.smtp_server import Answer, Fault, MailServer, mail_server

LEASE = timedelta(seconds=60)
SERVER = SmtpServer("127.0.0.1", 0, patience_to_connect=5.0, patience=10.0, patience_for_data=10.0)


@pytest.fixture(scope="module")
def topics() -> Topics:
    return load_topics()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as stand:
        yield stand


class Post:
    """Everything that sends, in one process, with a clock that tests move."""

    def __init__(self, database: Database, clock: FixedClock, topics: Topics, server: SmtpServer) -> None:
        self.database, self.clock, self.topics = database, clock, topics
        self.server = server
        self.composer: Any = PersonalComposer("secret", "https://hub.example.org")
        self.pacing = Pacing(lease=LEASE, in_flight=8)
        self.channels: dict[str, Any] = {}
        self.senders: list[Sender] = []
        self.connect(server)
        self.sender = self.new_sender()

    def connect(self, server: SmtpServer) -> None:
        """Send mail to this server."""
        sender = MailSender("ICC", "news@hub.example.org")
        self.channels["email"] = EmailChannel(sender=sender, carrier=SmtpPool(server), clock=self.clock)

    def lose_patience(self, seconds: float = 0.3) -> None:
        """Wait no longer than this for the mail server."""
        self.connect(replace(self.server, patience=seconds, patience_for_data=seconds))

    def new_sender(self) -> Sender:
        sender = Sender(
            database=self.database,
            clock=self.clock,
            topics=self.topics,
            composer=self.composer,
            channels=self.channels,
            pacing=self.pacing,
        )
        self.senders.append(sender)
        return sender

    async def broadcast(self, people: int) -> Broadcast:
        """A broadcast that is queued for so many people."""
        now = self.clock.now()
        await fill(self.database, people, now=now)
        broadcast = await add_broadcast(self.database, "b" * 32, now=now, status=BroadcastStatus.SENDING)
        await expand(self.database, broadcast.id, topics=self.topics, clock=self.clock)
        return broadcast

    async def hand_out(self, limit: int = 1000) -> list[str]:
        async with self.database.session() as session:
            return await hand_out(session, "email", now=self.clock.now(), until=self.clock.now() + LEASE, limit=limit)

    async def send(self) -> int:
        """Send what is due; returns how many were tried."""
        ids = await self.hand_out()
        await asyncio.gather(*(self.sender.send(ids[at : at + 10]) for at in range(0, len(ids), 10)))
        return len(ids)

    async def send_until_over(self, *, rounds: int = 30) -> None:
        """Send, and let time pass, until nothing is open."""
        for _ in range(rounds):
            await self.send()
            async with self.database.session() as session:
                await sweep(session, self.clock.now())
            if not (await self.statuses()).keys() & {"queued", "sending", "waiting"}:
                return
            self.clock.at += timedelta(hours=13)

    async def rows(self) -> list[Delivery]:
        async with self.database.session() as session:
            return list(await session.exec(select(Delivery).order_by(Delivery.subscriber_id)))

    async def statuses(self) -> Counter[str]:
        return Counter(row.status for row in await self.rows())

    async def change(self, *rows: Any) -> None:
        async with self.database.session() as session:
            for row in rows:
                await session.merge(row)
            await session.commit()

    async def get(self, model: type[Any], key: Any) -> Any:
        async with self.database.session() as session:
            return await session.get(model, key)

    async def close(self) -> None:
        for sender in self.senders:
            await sender.stop()
        for channel in self.channels.values():
            await channel.close()


@pytest.fixture
async def post(database: Database, clock: FixedClock, topics: Topics, server: MailServer) -> AsyncIterator[Post]:
    post = Post(database, clock, topics, replace(SERVER, port=server.port))
    yield post
    await post.close()


# All is well


async def test_everybody_gets_their_mail_once_in_their_language(post: Post, server: MailServer) -> None:
    await post.broadcast(60)
    await post.send()
    assert await post.statuses() == {"sent": 60}
    assert server.recipients == Counter({address(number): 1 for number in range(60)})
    rows = {row.id: row for row in await post.rows()}
    for received in server.received:
        row = rows[received.message_id.strip("<>").partition("@")[0]]
        assert received.mail["Content-Language"] == row.language
        assert row.because["topic"] == TOPIC
        assert (row.lease_until, row.holder) == (None, None)
        assert row.finished_at == post.clock.now()
        assert row.attempts == 1


async def test_being_told_twice_sends_once(post: Post, server: MailServer) -> None:
    await post.broadcast(20)
    ids = await post.hand_out()
    other = post.new_sender()
    await asyncio.gather(post.sender.send(ids), other.send(ids), post.sender.send(ids[::-1]))
    await post.sender.send(ids)
    assert server.recipients.total() == 20
    assert await post.statuses() == {"sent": 20}


async def test_what_is_handed_out_is_not_handed_out_again_before_its_time(post: Post) -> None:
    await post.broadcast(10)
    first = await post.hand_out(6)
    assert len(first) == 6
    assert len(await post.hand_out()) == 4
    assert await post.hand_out() == []
    post.clock.at += LEASE
    assert len(await post.hand_out()) == 10


async def test_a_message_that_somebody_waits_for_overtakes_a_broadcast(post: Post) -> None:
    await post.broadcast(5)
    post.clock.at += timedelta(minutes=1)
    await post.change(
        Delivery(
            id="f" * 32,
            message="confirm/1",
            address_id=subscriber_id(1),
            subscriber_id=subscriber_id(1),
            channel="email",
            language="en",
            due_at=post.clock.now(),
            created_at=post.clock.now(),
        )
    )
    assert await post.hand_out(1) == ["f" * 32]


async def test_a_broadcast_is_sent_when_its_last_delivery_is(post: Post) -> None:
    broadcast = await post.broadcast(3)
    async with post.database.session() as session:
        assert (await sweep(session, post.clock.now()))["sent"] == 0
    await post.send_until_over()
    found = await post.get(Broadcast, broadcast.id)
    assert (found.status, found.finished_at) == (BroadcastStatus.SENT, post.clock.now())


# A server that misbehaves


FOR_NOW = ["450 4.2.0 later", "451 4.3.0 later", "452 4.3.1 full", "421 4.3.2 closing", Fault.DROP, Fault.HANG]


@pytest.mark.parametrize("step", ["rcpt", "data"])
@pytest.mark.parametrize("answer", FOR_NOW)
async def test_what_fails_for_now_is_tried_later(post: Post, server: MailServer, step: str, answer: Answer) -> None:
    if answer is Fault.HANG:
        post.lose_patience()
    await post.broadcast(6)
    server.script = lambda now, to, count: answer if (now, to) == (step, address(2)) and count < 3 else None
    await post.send()
    assert await post.statuses() == {"sent": 5, "queued": 1}
    [row] = [row for row in await post.rows() if row.status == "queued"]
    assert row.attempts == 1
    assert row.reason
    assert address(2) not in row.reason
    assert timedelta(seconds=48) <= row.due_at - post.clock.now() <= timedelta(seconds=72)
    await post.send_until_over()
    assert await post.statuses() == {"sent": 6}
    assert server.recipients == Counter({address(number): 1 for number in range(6)})


@pytest.mark.parametrize("step", ["rcpt", "data"])
@pytest.mark.parametrize("answer", [*FOR_NOW[:3], Fault.DROP, Fault.HANG])
async def test_what_fails_for_ever_is_given_up_and_says_why(
    post: Post, server: MailServer, step: str, answer: Answer
) -> None:
    if answer is Fault.HANG:
        post.lose_patience(0.15)
    await post.broadcast(2)
    server.script = lambda now, to, _: answer if (now, to) == (step, address(1)) else None
    await post.send_until_over()
    assert await post.statuses() == {"sent": 1, "failed": 1}
    [row] = [row for row in await post.rows() if row.status == "failed"]
    assert row.attempts == MOST_ATTEMPTS
    assert step in str(row.reason)
    assert (await post.get(Address, row.address_id)).suppressed_at is None


@pytest.mark.parametrize("step", ["rcpt", "data"])
async def test_an_address_that_is_gone_is_struck_off_visibly(post: Post, server: MailServer, step: str) -> None:
    await post.broadcast(6)
    server.script = lambda now, to, _: "550 5.1.1 no such user" if (now, to) == (step, address(2)) else None
    await post.send_until_over()
    assert await post.statuses() == {"sent": 5, "bounced": 1}
    [row] = [row for row in await post.rows() if row.status == "bounced"]
    assert row.reason == f"550 5.1.1 {step}"
    struck_off = await post.get(Address, row.address_id)
    assert (struck_off.suppression, struck_off.suppressed_at) == ("refused", row.finished_at)


@pytest.mark.parametrize("reply", ["552 5.2.2 mailbox full", "550 5.7.1 policy", "554 5.6.0 bad content"])
async def test_a_refusal_that_is_not_about_the_address_leaves_it(post: Post, server: MailServer, reply: str) -> None:
    await post.broadcast(1)
    server.script = lambda now, *_: reply if now == "data" else None
    await post.send_until_over()
    [row] = await post.rows()
    assert (row.status, row.reason) == ("failed", f"{reply[:9]} data")
    assert (await post.get(Address, row.address_id)).suppressed_at is None


async def test_a_server_that_drops_and_refuses_at_random_gets_everything_through(
    post: Post, server: MailServer
) -> None:
    answers: list[Answer] = [Fault.DROP, "421 bye", "450 later", "451 later", "452 later", None, None, None]
    asked = 0

    def script(step: str, _to: str, _count: int) -> Answer:
        nonlocal asked
        asked += 1
        return None if step == "taken" else answers[(asked * 7 + asked // 11) % len(answers)]

    await post.broadcast(40)
    server.script = script
    for _ in range(5):
        await post.send()
        post.clock.at += timedelta(hours=13)
    server.script = lambda *_: None
    await post.send_until_over()
    assert await post.statuses() == {"sent": 40}
    assert server.recipients == Counter({address(number): 1 for number in range(40)})


# A server that is away


async def test_while_the_server_is_away_nothing_counts_and_nothing_is_lost(
    post: Post, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    await post.broadcast(30)
    server.greeting = "554 5.3.2 no service"
    for _ in range(20):
        await post.send()
        pause = await post.get(ChannelPause, "email")
        assert timedelta(0) < pause.until - post.clock.now() <= timedelta(minutes=5)
        assert await post.hand_out() == []
        post.clock.at = pause.until
    assert pause.failures == 20
    assert pause.reason == "554 connect"
    rows = await post.rows()
    assert {(row.status, row.attempts) for row in rows} == {("queued", 0)}
    assert server.connections < 20 * 9
    server.greeting = None
    await post.send_until_over()
    assert await post.statuses() == {"sent": 30}
    assert await post.get(ChannelPause, "email") is None


async def test_while_a_channel_is_away_nothing_more_is_handed_out_for_it(post: Post, server: MailServer) -> None:
    await post.broadcast(12)
    server.greeting = "554 5.3.2 no service"
    await post.sender.send(await post.hand_out(4))
    assert await post.hand_out() == []
    post.clock.at = (await post.get(ChannelPause, "email")).until
    assert len(await post.hand_out()) == 12


async def test_a_channel_that_is_not_set_up_holds_its_messages(post: Post) -> None:
    await post.broadcast(2)
    mail = post.channels.pop("email")
    await post.send()
    assert await post.statuses() == {"queued": 2}
    assert (await post.get(ChannelPause, "email")).reason == "not set up"
    post.channels["email"] = mail
    await post.send_until_over()
    assert await post.statuses() == {"sent": 2}


async def test_a_server_that_is_not_there_is_no_reason_to_give_up(post: Post) -> None:
    post.connect(replace(SERVER, port=free_port()))
    await post.broadcast(3)
    await post.send_until_over(rounds=12)
    assert {(row.status, row.attempts) for row in await post.rows()} == {("queued", 0)}


# Changes at the last moment


async def test_a_choice_made_after_queueing_counts(post: Post, server: MailServer) -> None:
    await post.broadcast(4)
    ids = await post.hand_out()
    now = post.clock.now()
    await post.change(
        Subscription(subscriber_id=subscriber_id(0), topic=TOPIC, frequency=Frequency.OFF, chosen_at=now),
        Subscription(subscriber_id=subscriber_id(1), topic=TOPIC, frequency=Frequency.WEEKLY, chosen_at=now),
    )
    paused, other = await post.get(Subscriber, subscriber_id(2)), await post.get(Subscriber, subscriber_id(3))
    paused.paused_until, other.language = (now + timedelta(days=9)).date(), "it"
    await post.change(paused, other)
    await post.sender.send(ids)
    assert server.recipients == Counter({address(3): 1})
    assert server.received[0].mail["Content-Language"] == "it"
    assert [row.status for row in await post.rows()] == ["cancelled", "cancelled", "cancelled", "sent"]
    assert {(row.holder, row.lease_until) for row in await post.rows()} == {(None, None)}


async def test_a_change_counts_within_a_second_also_where_mail_goes_slowly(post: Post, server: MailServer) -> None:
    server.script = lambda step, *_: 1.0 if step == "data" else None
    post.pacing = replace(post.pacing, in_flight=4, decided_for=0.1)
    post.sender = post.new_sender()
    await post.broadcast(12)
    ids = await post.hand_out()
    sending = asyncio.create_task(post.sender.send(ids))
    await server.until_asked("data", 4)
    chosen_at = post.clock.now()
    await post.change(
        *(
            Subscription(subscriber_id=subscriber_id(number), topic=TOPIC, frequency=Frequency.OFF, chosen_at=chosen_at)
            for number in range(12)
        )
    )
    await sending
    assert server.recipients.total() == 4
    assert await post.statuses() == {"sent": 4, "cancelled": 8}


async def test_a_language_changed_while_the_mail_waits_is_written_anew(post: Post, server: MailServer) -> None:
    server.script = lambda step, *_: 1.0 if step == "data" else None
    post.pacing = replace(post.pacing, in_flight=1, decided_for=0.1)
    post.sender = post.new_sender()
    await post.broadcast(3)
    ids = sorted(await post.hand_out())
    sending = asyncio.create_task(post.sender.send(ids))
    await server.until_asked("data")
    for number in range(3):
        person = await post.get(Subscriber, subscriber_id(number))
        person.language = "ar"
        await post.change(person)
    await sending
    await post.send_until_over()
    languages = Counter(str(received.mail["Content-Language"]) for received in server.received)
    assert await post.statuses() == {"sent": 3}
    assert languages["ar"] == 2


@pytest.mark.parametrize("status", [BroadcastStatus.CANCELLED, BroadcastStatus.PAUSED])
async def test_a_broadcast_that_is_stopped_sends_nothing_more(
    post: Post, server: MailServer, status: BroadcastStatus
) -> None:
    broadcast = await post.broadcast(10)
    claimed = await post.hand_out(5)
    broadcast.status = status
    await post.change(broadcast)
    await post.sender.send(claimed)
    assert await post.hand_out() == []
    async with post.database.session() as session:
        await sweep(session, post.clock.now())
        await sweep(session, post.clock.now())
    assert server.received == []
    if status is BroadcastStatus.CANCELLED:
        assert await post.statuses() == {"cancelled": 10}
        assert (await post.get(Broadcast, broadcast.id)).finished_at == post.clock.now()
    else:
        assert await post.statuses() == {"queued": 10}
        broadcast.status = BroadcastStatus.SENDING
        await post.change(broadcast)
        await post.send_until_over()
        assert await post.statuses() == {"sent": 10}


# Processes that die


async def test_what_a_dead_process_had_claimed_goes_out_later_and_once(post: Post, server: MailServer) -> None:
    """As after kill -9: the process is gone in the middle, and nothing of it runs any more."""
    server.script = lambda step, *_: Fault.HANG if step == "rcpt" else None
    dead = post.new_sender()
    await post.broadcast(20)
    sending = asyncio.create_task(dead.send(await post.hand_out()))
    await server.until_asked("rcpt", 4)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert await post.statuses() == {"sending": 20}
    server.script = lambda *_: None
    assert await post.send() == 0
    post.clock.at += LEASE
    async with post.database.session() as session:
        assert (await sweep(session, post.clock.now()))["lost"] == 20
    await post.send()
    assert await post.statuses() == {"sent": 20}
    assert server.recipients == Counter({address(number): 1 for number in range(20)})


async def test_stopping_finishes_what_is_in_flight_and_gives_the_rest_back(post: Post, server: MailServer) -> None:
    server.script = lambda step, *_: 0.1 if step == "data" else None
    await post.broadcast(30)
    sending = asyncio.create_task(post.sender.send(await post.hand_out()))
    await server.until_asked("taken")
    await post.sender.stop()
    await sending
    statuses = await post.statuses()
    assert statuses.keys() == {"sent", "queued"}
    assert statuses["sent"] == server.recipients.total() < 30
    post.sender = post.new_sender()
    await post.send()
    assert server.recipients == Counter({address(number): 1 for number in range(30)})


async def test_a_lease_is_renewed_while_a_server_is_slow(post: Post, server: MailServer) -> None:
    server.script = lambda step, *_: 0.25 if step == "data" else None
    post.pacing = replace(post.pacing, lease=timedelta(seconds=0.4), in_flight=2, decided_for=60)
    post.sender = post.new_sender()
    await post.broadcast(8)
    sending = asyncio.create_task(post.sender.send(await post.hand_out()))
    await asyncio.sleep(0.5)
    post.clock.at += timedelta(seconds=30)
    await asyncio.sleep(0.3)
    async with post.database.session() as session:
        assert (await sweep(session, post.clock.now()))["lost"] == 0
    await sending
    assert await post.statuses() == {"sent": 8}


async def test_a_process_that_lost_its_lease_begins_nothing_more(post: Post, server: MailServer) -> None:
    server.script = lambda step, *_: 0.2 if step == "data" else None
    post.pacing = replace(post.pacing, lease=timedelta(seconds=0.4), in_flight=1, decided_for=60)
    post.sender = post.new_sender()
    await post.broadcast(9)
    ids = await post.hand_out()
    sending = asyncio.create_task(post.sender.send(ids))
    await server.until_asked("data")
    async with post.database.session() as session:
        await sweep(session, post.clock.now() + LEASE)
        others = {row.id for row in await claim(session, ids, holder="other", until=post.clock.now() + LEASE)}
    await sending
    assert len(others) >= 8
    assert server.recipients.total() <= 2
    assert all(row.holder == "other" for row in await post.rows() if row.status == "sending")
    assert (await post.statuses())["sending"] >= 7


# Messages that cannot be written


class BadComposer:
    """Fails for some, by raising or by leaving out."""

    def __init__(self, good: PersonalComposer, *, raises: set[str], leaves_out: set[str]) -> None:
        self._good, self._raises, self._leaves_out = good, raises, leaves_out

    async def compose(self, session: AsyncSession, deliveries: Sequence[Delivery]) -> Mapping[str, ReadyMessage]:
        if any(row.subscriber_id in self._raises for row in deliveries):
            raise ValueError("a template is broken for p1@example.org")
        good = [row for row in deliveries if row.subscriber_id not in self._leaves_out]
        return await self._good.compose(session, good)


async def test_one_that_cannot_be_written_holds_up_nobody(
    post: Post, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    post.composer = BadComposer(post.composer, raises={subscriber_id(1)}, leaves_out={subscriber_id(2)})
    post.sender = post.new_sender()
    await post.broadcast(5)
    await post.send()
    assert await post.statuses() == {"sent": 3, "failed": 2}
    assert {row.reason for row in await post.rows() if row.status == "failed"} == {"not_composed"}
    assert "example.org" not in caplog.text
