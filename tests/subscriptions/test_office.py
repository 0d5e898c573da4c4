"""Everything that sends, together: from a broadcast that is due to mail that arrives, with and without a broker."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlmodel import col, func, select

from benchmarks.messages.composer import PersonalComposer
from benchmarks.messages.people import TOPIC, add_broadcast, address, fill, subscriber_id
from channels.base import Bounce, BounceKind, ChannelUnavailableError, ReadyMessage, RecipientRefusedError
from channels.email.channel import EmailChannel
from channels.email.message import MailSender
from channels.email.pool import SmtpPool
from channels.email.server import SmtpServer, Tls
from core.clock import SystemClock
from core.database import Database
from core.duties import Scheduler
from core.errors import ConfigurationError
from subscriptions.dispatching import Dispatcher, Rhythm
from subscriptions.models import (
    Address,
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    Delivery,
    DeliveryStatus,
    Subscriber,
    TeamAlert,
)
from subscriptions.office import PostOffice
from subscriptions.second_way import take_second_way
from subscriptions.sending import Pacing
from subscriptions.tasks import QUEUE, build_broker
from subscriptions.topics import Topics, load_topics
from tests.services import free_port, running_redis
from tests.smtp_server import MailServer, mail_server

CLOCK = SystemClock()
QUICK = Rhythm(look=timedelta(seconds=0.05), sweep=timedelta(seconds=0.2), handed_out_for=timedelta(seconds=2), task=10)
PACING = Pacing(lease=timedelta(seconds=5), in_flight=8)
PATIENCE = 20.0


@pytest.fixture(scope="module")
def topics() -> Topics:
    return load_topics()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as stand:
        yield stand


@pytest.fixture
def broker_url() -> Iterator[str]:
    with running_redis() as url:
        yield url


@asynccontextmanager
async def running(
    database: Database,
    topics: Topics,
    server: MailServer,
    *,
    broker_url: str | None = None,
    is_worker: bool = False,
    telegram: Any = None,
) -> AsyncIterator[PostOffice]:
    """One process's part, with its scheduler."""
    carrier = SmtpPool(SmtpServer("127.0.0.1", server.port, Tls.NONE))
    mail = EmailChannel(sender=MailSender("ICC", "news@hub.example.org"), carrier=carrier, clock=CLOCK)
    office = PostOffice(
        database,
        CLOCK,
        topics=topics,
        composer=PersonalComposer("secret", "https://hub.example.org"),
        channels={"email": mail} | ({"telegram": telegram} if telegram else {}),
        broker_url=broker_url,
        is_worker=is_worker,
        pacing=PACING,
        rhythm=QUICK,
    )
    duties = Scheduler(database, CLOCK, office.duties(), lasting=timedelta(seconds=0.6))
    office.start()
    duties.start()
    try:
        yield office
    finally:
        await asyncio.gather(duties.stop(), office.stop())


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)


async def statuses(database: Database) -> Counter[str]:
    async with database.session() as session:
        rows = await session.exec(select(col(Delivery.status), func.count()).group_by(col(Delivery.status)))
        return Counter(dict(rows.all()))


async def is_sent(database: Database) -> bool:
    async with database.session() as session:
        broadcast = await session.get(Broadcast, "b" * 32)
    return broadcast is not None and broadcast.status == BroadcastStatus.SENT


async def test_a_scheduled_broadcast_goes_out_by_itself(database: Database, topics: Topics, server: MailServer) -> None:
    await fill(database, 45, now=CLOCK.now())
    await add_broadcast(database, "b" * 32, now=CLOCK.now())
    async with running(database, topics, server):
        await until(lambda: is_sent(database))
    assert server.recipients == Counter({address(number): 1 for number in range(45)})
    assert await statuses(database) == {"sent": 45}


async def test_workers_share_the_work_through_the_broker(
    database: Database, topics: Topics, server: MailServer, broker_url: str
) -> None:
    await fill(database, 60, now=CLOCK.now())
    async with (
        running(database, topics, server, broker_url=broker_url),
        running(database, topics, server, broker_url=broker_url, is_worker=True),
        running(database, topics, server, broker_url=broker_url, is_worker=True),
    ):
        await add_broadcast(database, "b" * 32, now=CLOCK.now())
        await until(lambda: is_sent(database))
    assert server.recipients == Counter({address(number): 1 for number in range(60)})


async def test_a_hub_with_a_broker_leaves_sending_to_workers(
    database: Database, topics: Topics, server: MailServer, broker_url: str
) -> None:
    await fill(database, 5, now=CLOCK.now())
    await add_broadcast(database, "b" * 32, now=CLOCK.now())
    async with running(database, topics, server, broker_url=broker_url):
        redis = Redis.from_url(broker_url)
        await until(lambda: redis.xlen(QUEUE.format(channel="email")))
        await asyncio.sleep(0.3)
        assert server.received == []
        tasks = repr(await redis.xrange(QUEUE.format(channel="email")))
        await redis.aclose()
        # A worker that comes later finds what was told before.
        async with running(database, topics, server, broker_url=broker_url, is_worker=True):
            await until(lambda: is_sent(database))
    assert server.recipients.total() == 5
    # Ids and nothing else: no address, no word of a message.
    assert "send_deliveries" in tasks
    assert not any(word in tasks for word in ("example.org", "Zo", "mayor"))


async def test_a_broker_that_forgets_everything_loses_nothing(
    database: Database, topics: Topics, server: MailServer, broker_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(database, 40, now=CLOCK.now())
    redis = Redis.from_url(broker_url)
    async with running(database, topics, server, broker_url=broker_url):
        await add_broadcast(database, "b" * 32, now=CLOCK.now())
        await until(lambda: redis.xlen(QUEUE.format(channel="email")))
        await redis.flushall()
        async with running(database, topics, server, broker_url=broker_url, is_worker=True):
            await until(lambda: server.recipients.total() >= 10)
            # Also while a worker listens.
            await redis.flushall()
            await until(lambda: is_sent(database))
    await redis.aclose()
    assert server.recipients == Counter({address(number): 1 for number in range(40)})
    assert "Traceback" not in caplog.text


async def are_queued(database: Database, count: int) -> bool:
    return await statuses(database) == {"queued": count}


async def test_while_the_broker_is_away_everything_waits(
    database: Database, topics: Topics, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(database, 3, now=CLOCK.now())
    await add_broadcast(database, "b" * 32, now=CLOCK.now())
    url = f"redis://127.0.0.1:{free_port()}/0"
    with caplog.at_level(logging.WARNING):
        async with (
            running(database, topics, server, broker_url=url),
            running(database, topics, server, broker_url=url, is_worker=True),
        ):
            await until(lambda: "broker_away" in caplog.text)
            await until(lambda: are_queued(database, 3))
            await asyncio.sleep(0.3)
            assert await are_queued(database, 3)
    assert server.received == []
    # A sentence each time, not one a millisecond.
    assert caplog.text.count("broker_away") < 40


def test_a_worker_without_a_broker_is_a_mistake_that_is_named(topics: Topics) -> None:
    with pytest.raises(ConfigurationError):
        PostOffice(Database("sqlite+aiosqlite://"), CLOCK, topics=topics, composer=Any, channels={}, is_worker=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["kafka://localhost", "nonsense"])
def test_a_broker_that_cannot_be_is_a_mistake_that_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError):
        build_broker(url, "email")


class Slow:
    """A channel that takes its time."""

    def __init__(self) -> None:
        self.sent = 0

    async def send(self, message: ReadyMessage) -> None:
        await asyncio.sleep(2.0)
        self.sent += 1

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_slow_channel_holds_up_no_other(database: Database, topics: Topics, server: MailServer) -> None:
    now = CLOCK.now()
    await fill(database, 300, now=now)
    async with database.session() as session:
        for number in range(0, 300, 2):
            person = await session.get(Subscriber, subscriber_id(number))
            assert person is not None
            person.channel = "telegram"
            chat = Address(
                id=f"t{number}",
                subscriber_id=person.id,
                channel="telegram",
                value=str(number),
                confirmed_at=now,
                created_at=now,
            )
            session.add_all([person, chat])
        await session.commit()
    slow = Slow()
    async with running(database, topics, server, telegram=slow):
        await add_broadcast(database, "b" * 32, now=CLOCK.now())
        await until(lambda: server.recipients.total() == 150)
        assert slow.sent < 60


# What comes back


class Mailbox:
    """A stand-in for the mailbox of reports."""

    def __init__(self) -> None:
        self.bounces: list[Bounce] = []
        self.finished: list[Bounce] = []
        self.is_away = False

    async def fetch(self) -> list[Bounce]:
        if self.is_away:
            raise ChannelUnavailableError("login refused mailbox", whole=True)
        return [bounce for bounce in self.bounces if bounce not in self.finished]

    async def finish(self, bounces: Any) -> None:
        self.finished += bounces


async def put_delivery(database: Database, number: int, **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "id": f"{number:032x}",
        "message": f"confirm/{number}",
        "address_id": subscriber_id(number),
        "subscriber_id": subscriber_id(number),
        "channel": "email",
        "language": "en",
        "status": DeliveryStatus.SENT,
        "due_at": CLOCK.now(),
        "created_at": CLOCK.now(),
        "finished_at": CLOCK.now(),
    }
    row = Delivery(**(values | changes))
    async with database.session() as session:
        session.add(row)
        await session.commit()
    return row


@pytest.mark.parametrize(
    ("kind", "status", "suppression"),
    [
        (BounceKind.GONE, DeliveryStatus.BOUNCED, "bounced"),
        (BounceKind.UNDELIVERED, DeliveryStatus.BOUNCED, None),
        (BounceKind.COMPLAINT, DeliveryStatus.SENT, "complained"),
    ],
)
async def test_what_comes_back_is_seen_at_the_delivery_and_the_address(
    database: Database, topics: Topics, kind: BounceKind, status: DeliveryStatus, suppression: str | None
) -> None:
    await fill(database, 2, now=CLOCK.now())
    async with database.session() as session:
        person = await session.get(Subscriber, subscriber_id(1))
        assert person is not None
        person.is_mandatory_contact = True
        session.add(person)
        await session.commit()
    row, box = await put_delivery(database, 1), Mailbox()
    box.bounces = [Bounce(row.id, kind, "550 5.1.1 report", "7"), Bounce("f" * 32, kind, "", "8")]
    dispatcher = Dispatcher(database, CLOCK, {}, topics=topics, bounces=box)
    assert await dispatcher.note_bounces() == 2
    assert await dispatcher.note_bounces() == 0
    assert len(box.finished) == 2
    async with database.session() as session:
        found, struck_off = await session.get(Delivery, row.id), await session.get(Address, row.address_id)
        assert found is not None
        assert struck_off is not None
        assert (found.status, struck_off.suppression) == (status, suppression)
        # A city's contact that cannot be reached any more is the team's business.
        alerts = list(await session.exec(select(TeamAlert)))
    assert len(alerts) == (suppression is not None)


async def test_a_mailbox_that_is_away_is_no_error(database: Database, topics: Topics) -> None:
    box = Mailbox()
    box.is_away = True
    dispatcher = Dispatcher(database, CLOCK, {}, topics=topics, bounces=box)
    assert await dispatcher.note_bounces() == 0


# Another way


class Blocked:
    """A Telegram channel whose every reader blocked the bot."""

    async def send(self, message: ReadyMessage) -> None:
        raise RecipientRefusedError("Forbidden")

    async def close(self) -> None:
        """Nothing is open."""


async def test_what_is_owed_goes_by_telegram_when_the_mail_address_is_gone_and_only_then(
    database: Database, topics: Topics
) -> None:
    """And news do not: they were chosen for one way."""
    now = CLOCK.now()
    await fill(database, 2, now=now)
    async with database.session() as session:
        for number in (0, 1):
            person = await session.get(Subscriber, subscriber_id(number))
            assert person is not None
            person.is_mandatory_contact = True
            session.add(person)
            session.add(
                Address(
                    id=f"t{number}",
                    subscriber_id=subscriber_id(number),
                    channel="telegram",
                    value=str(number),
                    confirmed_at=now,
                    created_at=now,
                )
            )
        mail = await session.get(Address, subscriber_id(0))
        assert mail is not None
        mail.suppressed_at, mail.suppression = now, "bounced"
        session.add(mail)
        for name, kind in (("m", BroadcastKind.MANDATORY), ("n", BroadcastKind.NEWS)):
            session.add(
                Broadcast(id=name * 32, kind=kind, status="sending", topics_any=[TOPIC], created_by="o", created_at=now)
            )
        await session.commit()
    refused = []
    for name in "mn":
        for number in (0, 1):
            of = {"id": f"{name}{number}", "message": f"broadcast/{name * 32}", "broadcast_id": name * 32}
            refused.append(await put_delivery(database, number, **of))
    async with database.session() as session:
        first = await take_second_way(session, refused, topics=topics, now=now)
        again = await take_second_way(session, refused, topics=topics, now=now)
    async with database.session() as session:
        new = list(await session.exec(select(Delivery).where(Delivery.channel == "telegram")))
    assert len(first) == len(again) == 1
    assert [(row.message, row.address_id, row.status, row.attempts) for row in new] == [
        (f"broadcast/{'m' * 32}", "t0", "queued", 0)
    ]
