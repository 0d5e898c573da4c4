"""A restored backup brings back nothing that a person had deleted since: themselves, a chat, a question, a mail."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import SQLModel, col, select

from channels.email.models import OutboxMail
from channels.email.outbox import forget_mail_of
from channels.telegram.models import TelegramChat, TelegramWaiting
from channels.telegram.state import TelegramState
from cli.backup import back_up, restore
from conversation.handoffs import BY_MAIL, answer_handoff, create_handoff, forget_sender
from conversation.models import Handoff, LateReply
from core.clock import FixedClock, today
from core.database import Database
from core.erasures import Erasure, erasure_hash
from core.settings import Settings
from subscriptions.models import (
    Address,
    ChannelName,
    Confirmation,
    Delivery,
    Frequency,
    Subscriber,
    SubscriberErasure,
    Subscription,
)
from subscriptions.personal_data import erase_person
from subscriptions.subscribers import link_telegram, raise_alert, unlink_telegram
from tests.factories import make_subscriber

GONE, STAYS = "gone", "stays"


@pytest.fixture
def stored(settings: Settings, database: Database) -> Settings:
    """The settings that lead to this database."""
    url = None if database.url.startswith("sqlite") else SecretStr(database.url)
    return settings.model_copy(update={"database_url": url, "secret_key": None})


@pytest.fixture
def chats(database: Database, clock: FixedClock) -> TelegramState:
    return TelegramState(database, clock)


async def everything(database: Database) -> dict[str, set[Any]]:
    """Whose rows there are, by table."""
    columns: dict[type[SQLModel], Any] = {
        Subscriber: Subscriber.id,
        Subscription: Subscription.subscriber_id,
        Handoff: Handoff.sender_key,
        LateReply: LateReply.sender_key,
        TelegramChat: TelegramChat.chat_key,
        TelegramWaiting: TelegramWaiting.chat_key,
        OutboxMail: OutboxMail.recipient,
    }
    async with database.session() as session:
        return {str(table.__tablename__): set(await session.exec(select(column))) for table, column in columns.items()}


async def ask(database: Database, clock: FixedClock, sender: str, *, channel: str = "telegram") -> None:
    """A question for the team that waits, and one that was answered."""
    async with database.session() as session:
        for question in ("answered", "open"):
            handoff = await create_handoff(
                session,
                channel=channel,
                sender_key=sender,
                language="en",
                question=question,
                subject=None,
                clock=clock,
            )
            if question == "answered" and channel != BY_MAIL:
                await answer_handoff(session, handoff.id or 0, answer="An answer.", clock=clock)


async def live(database: Database, chats: TelegramState, clock: FixedClock) -> None:
    """Two people and two chats with all that is kept of them."""
    for number, name in enumerate((GONE, STAYS)):
        async with database.session() as session:
            person = await make_subscriber(session, id=name, name=name, topics={"youth": Frequency.WEEKLY})
            raise_alert(session, "contact_left", person, clock.now())
            address = f"{name}@example.org"
            mail = OutboxMail(id=f"<{name}>", recipient=address, subject="s", content=b"c", written_at=clock.now())
            session.add(mail)
            await session.commit()
        await ask(database, clock, name, channel=BY_MAIL)
        await ask(database, clock, f"chat-{name}")
        await chats.update_chat(f"chat-{name}", language="fr")
        await chats.wait_for_team(f"chat-{name}", 700 + number)


async def forget_all(database: Database, chats: TelegramState, clock: FixedClock) -> None:
    """What the person's page and the chat's /delete do."""
    await chats.forget_chat(f"chat-{GONE}")
    async with database.session() as session:
        await forget_sender(session, f"chat-{GONE}", clock=clock)
        await forget_sender(session, GONE, clock=clock)
        await forget_mail_of(session, [f"{GONE}@example.org"], clock=clock)
        await erase_person(session, GONE, clock=clock)


async def test_what_a_person_erased_since_the_backup_stays_erased_and_all_else_comes_back(
    database: Database, stored: Settings, chats: TelegramState, clock: FixedClock, tmp_path: Path
) -> None:
    await live(database, chats, clock)
    before = await everything(database)
    assert all(len(names) >= 2 for names in before.values()), before
    await back_up(stored, tmp_path / "hub.backup")
    clock.at += timedelta(days=1)
    await forget_all(database, chats, clock)
    after = await everything(database)
    assert after == {table: {name for name in names if GONE not in name} for table, names in before.items()}

    for _ in range(2):
        await restore(stored, tmp_path / "hub.backup", clock=clock)
        assert await everything(database) == after
    async with database.session() as session:
        for table in (Address, Confirmation):
            owners = set(await session.exec(select(table.subscriber_id)))
            assert GONE not in owners
        parts = await session.exec(select(Delivery.parts).where(col(Delivery.subscriber_id) == GONE))
        assert [part for part in parts if part] == []
        hashes = set(await session.exec(select(Erasure.erased_hash)))
    assert hashes, "the memory outlives the restore"
    assert not [name for name in hashes if GONE in name]


async def test_who_erased_before_the_backup_and_asked_anew_keeps_what_came_after(
    database: Database, stored: Settings, chats: TelegramState, clock: FixedClock, tmp_path: Path
) -> None:
    chat = f"chat-{GONE}"
    await ask(database, clock, chat)
    await chats.forget_chat(chat)
    async with database.session() as session:
        await forget_sender(session, chat, clock=clock)
    await ask(database, clock, chat)
    await chats.wait_for_team(chat, 700)
    await back_up(stored, tmp_path / "hub.backup")
    clock.at += timedelta(days=1)
    await restore(stored, tmp_path / "hub.backup", clock=clock)
    found = await everything(database)
    assert (found["handoff"], found["telegram_waiting"]) == ({chat}, {chat})

    # Erased once more, on a later day: now the backup is older than that.
    await chats.forget_chat(chat)
    async with database.session() as session:
        await forget_sender(session, chat, clock=clock)
    await restore(stored, tmp_path / "hub.backup", clock=clock)
    found = await everything(database)
    assert (found["handoff"], found["late_reply"], found["telegram_waiting"]) == (set(), set(), set())


async def test_a_chat_that_a_person_took_away_from_their_news_gets_none_again(
    database: Database, stored: Settings, clock: FixedClock, tmp_path: Path
) -> None:
    async with database.session() as session:
        await make_subscriber(session, id=STAYS, name=STAYS)
        await link_telegram(session, STAYS, 77, clock=clock)
    await back_up(stored, tmp_path / "hub.backup")
    async with database.session() as session:
        await unlink_telegram(session, STAYS, clock=clock)
    await restore(stored, tmp_path / "hub.backup", clock=clock)
    async with database.session() as session:
        assert list(await session.exec(select(Address.channel))) == [ChannelName.EMAIL]


async def test_people_whom_an_earlier_hub_remembered_as_erased_stay_so_too(
    database: Database, stored: Settings, clock: FixedClock, tmp_path: Path
) -> None:
    async with database.session() as session:
        await make_subscriber(session, id=GONE, name=GONE)
    await back_up(stored, tmp_path / "hub.backup")
    async with database.session() as session:
        await erase_person(session, GONE, clock=clock)
        await session.delete(await session.get_one(Erasure, erasure_hash("subscriber", GONE)))
        session.add(SubscriberErasure(subscriber_hash=erasure_hash("subscriber", GONE), erased_on=today(clock)))
        await session.commit()
    for _ in range(2):
        await restore(stored, tmp_path / "hub.backup", clock=clock)
        assert (await everything(database))["subscriber"] == set()
