"""A restored backup writes to nobody against their will, and sends nothing that may have gone already."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlmodel import select

from cli.backup import back_up, restore
from core.clock import FixedClock
from core.database import Database
from core.settings import Settings
from migrations.run import migrate
from subscriptions.confirmation import Purpose, issue, queue_link
from subscriptions.event_feeds import renew_feed
from subscriptions.expanding import expand
from subscriptions.handover import leave
from subscriptions.links import Links
from subscriptions.models import (
    Broadcast,
    BroadcastStatus,
    ChannelName,
    Delivery,
    DigestItem,
    Frequency,
    Subscriber,
    Subscription,
)
from subscriptions.personal_data import erase_person
from subscriptions.preferences import change_preferences, stop, unsubscribe
from subscriptions.subscribers import list_addresses, suppress
from subscriptions.topics import Topics
from tests.factories import NOW, make_broadcast, make_subscriber

NAMES = ["stays", "erased", "left", "stopped", "unsubscribed", "bounced", "weekly"]


async def test_what_people_did_since_the_backup_holds_and_nothing_goes_a_second_time(
    tmp_path: Path, topics: Topics, clock: FixedClock, links: Links
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, secret_key=SecretStr("only-for-tests"))
    database = Database(settings.async_database_url)
    await migrate(database)
    async with database.session() as session:
        for name in NAMES:
            frequency = Frequency.WEEKLY if name == "weekly" else Frequency.AT_ONCE
            await make_subscriber(session, id=name, name=name, topics={"youth": frequency})
        await change_preferences(
            session,
            "stays",
            {"quiet_from": time(22), "quiet_to": time(6, 30)},
            topics=topics,
            origin="page",
            clock=clock,
        )
        going = await make_broadcast(session, "youth")
        await make_broadcast(session, "youth", id="planned", status=BroadcastStatus.SCHEDULED)
        issued = await issue(session, "stays", Purpose.PREFERENCES, links=links, clock=clock)
        await queue_link(session, issued, clock=clock)
    await expand(database, going.id, topics=topics, clock=clock)
    await back_up(settings, tmp_path / "hub.backup")

    clock.at += timedelta(days=2)
    async with database.session() as session:
        sent = (await session.exec(select(Delivery).where(Delivery.subscriber_id == "stays"))).all()
        for row in sent:
            row.status, row.finished_at = "sent", clock.at
            session.add(row)
        await session.commit()
        await renew_feed(session, "stays")
        key = (await session.get_one(Subscriber, "stays")).feed_key
        await erase_person(session, "erased", clock=clock)
        await leave(session, "left", clock=clock)
        await stop(session, "stopped", topics=topics, origin="page", clock=clock)
        await unsubscribe(session, "unsubscribed", "youth", ChannelName.EMAIL, topics=topics, clock=clock)
        address = (await list_addresses(session, "bounced"))[ChannelName.EMAIL]
        await suppress(session, address.id, "bounced", clock=clock)
    await database.close()

    await restore(settings, tmp_path / "hub.backup", clock=clock)
    async with database.session() as session:
        people = {person.id: person for person in await session.exec(select(Subscriber))}
        assert set(people) == set(NAMES) - {"erased"}
        assert people["stays"].quiet_to == time(6, 30)
        assert people["left"].left_at == clock.at
        assert people["stays"].feed_key == key is not None, "an ended address of a feed stays ended"
        assert people["stopped"].choice == "required_only"
        chosen = {row.subscriber_id: row.frequency for row in await session.exec(select(Subscription))}
        assert chosen == {
            "stays": "at_once",
            "left": "at_once",
            "unsubscribed": "off",
            "bounced": "at_once",
            "weekly": "weekly",
        }
        assert (await list_addresses(session, "bounced"))[ChannelName.EMAIL].suppression == "bounced"
        status = {row.id: row.status for row in await session.exec(select(Broadcast))}
        assert status == {going.id: BroadcastStatus.PAUSED, "planned": BroadcastStatus.PAUSED}
        rows = {row.subscriber_id: row.status for row in await session.exec(select(Delivery))}
        assert rows["stays"] == "sent"
        assert rows["bounced"] == "queued", "it waits for the team"
        assert [item.dropped_at for item in await session.exec(select(DigestItem))] == [clock.at]
    await database.close()


async def test_on_a_new_machine_links_and_digests_that_are_over_end_and_broadcasts_wait(
    tmp_path: Path, topics: Topics, clock: FixedClock, links: Links, postgresql_url: str
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, secret_key=SecretStr("only-for-tests"))
    database = Database(settings.async_database_url)
    await migrate(database)
    async with database.session() as session:
        person = await make_subscriber(session, topics={"youth": Frequency.AT_ONCE})
        going = await make_broadcast(session, "youth")
        issued = await issue(session, person.id, Purpose.PREFERENCES, links=links, clock=clock)
        await queue_link(session, issued, clock=clock)
    await expand(database, going.id, topics=topics, clock=clock)
    await back_up(settings, tmp_path / "hub.backup")
    await database.close()

    new = settings.model_copy(update={"database_url": SecretStr(postgresql_url)})
    other = Database(new.async_database_url)
    async with other.engine.begin() as connection:
        await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        await connection.exec_driver_sql("CREATE SCHEMA public")
    await restore(new, tmp_path / "hub.backup", clock=FixedClock(NOW + timedelta(days=1)))
    async with other.session() as session:
        rows = {row.message.partition("/")[0]: (row.status, row.reason) for row in await session.exec(select(Delivery))}
        assert rows == {"broadcast": ("queued", None), "preferences": ("cancelled", "restored")}
        assert (await session.exec(select(Broadcast.status))).one() == BroadcastStatus.PAUSED
        assert (await session.exec(select(Subscriber))).one().digest_at == time(8)
    await other.close()
