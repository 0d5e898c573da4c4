"""Fills a database with people who all chose the same topic, and with a broadcast for them in four languages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlmodel import SQLModel

from core.database import Database
from core.languages import RELEASED
from subscriptions.models import (
    Address,
    Broadcast,
    BroadcastKind,
    BroadcastStatus,
    BroadcastText,
    ChannelName,
    Frequency,
    Subscriber,
    Subscription,
    TextState,
)

TOPIC = "webinars"
BATCH = 2000

_SENTENCES = {
    "en": "The mayor invites you to talk about neighbourhoods, schools and work with people from other cities. ",
    "fr": "La maire vous invite à parler des quartiers, des écoles et du travail avec d’autres cités. ",
    "it": "La sindaca vi invita a parlare di quartieri, di scuole e di lavoro con altre città. È gratuito. ",
    "ar": "تدعوكم رئيسة البلدية إلى الحديث عن الأحياء والمدارس والعمل مع أشخاص من مدن أخرى. ",
}


def body(language: str) -> str:
    """Some three kilobytes of text in paragraphs."""
    return "\n\n".join([_SENTENCES.get(language, _SENTENCES["en"]) * 5] * 6)


def subscriber_id(number: int) -> str:
    return f"{number:032x}"


def address(number: int) -> str:
    return f"p{number}@example.org"


async def fill(database: Database, count: int, *, now: datetime, first: int = 0) -> None:
    """People with a confirmed address each; they want ``TOPIC`` at once."""
    for start in range(first, first + count, BATCH):
        numbers = range(start, min(start + BATCH, first + count))
        rows: dict[type[SQLModel], list[dict[str, Any]]] = {Subscriber: [], Address: [], Subscription: []}
        for number in numbers:
            person = subscriber_id(number)
            subscriber = Subscriber(
                id=person,
                name=f"Zoë Person {number}",
                language=RELEASED[number % len(RELEASED)],
                created_at=now,
            )
            rows[Subscriber].append(subscriber.model_dump())
            mail = Address(
                id=person,
                subscriber_id=person,
                channel=ChannelName.EMAIL,
                value=address(number),
                confirmed_at=now,
                created_at=now,
            )
            rows[Address].append(mail.model_dump())
            chosen = Subscription(subscriber_id=person, topic=TOPIC, frequency=Frequency.AT_ONCE, chosen_at=now)
            rows[Subscription].append(chosen.model_dump())
        async with database.engine.begin() as connection:
            for model, values in rows.items():
                await connection.execute(insert(model), values)


async def add_broadcast(
    database: Database, broadcast_id: str, *, now: datetime, status: BroadcastStatus = BroadcastStatus.SCHEDULED
) -> Broadcast:
    """News for everybody who chose ``TOPIC``, due at once, in the four languages."""
    broadcast = Broadcast(
        id=broadcast_id,
        kind=BroadcastKind.NEWS,
        status=status,
        topics_any=[TOPIC],
        due_at=now - timedelta(seconds=1),
        created_by="operator",
        created_at=now,
    )
    async with database.session() as session:
        session.add(broadcast)
        await session.flush()
        for language in RELEASED:
            session.add(
                BroadcastText(
                    broadcast_id=broadcast_id,
                    language=language,
                    state=TextState.ORIGINAL if language == "en" else TextState.APPROVED,
                    subject=f"{_SENTENCES[language].strip()[:60]}",
                    body=body(language),
                    changed_at=now,
                )
            )
        await session.commit()
    return broadcast
