"""How many messages a second the composer writes: python -m benchmarks.messages.compose [count].

Four languages, two reasons, each reader's name and signed links, one process, on SQLite.
Mails are also written out with their headers, as the mail channel does.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import col, select

from benchmarks.messages.people import TOPIC, add_broadcast, fill
from channels.base import ReadyMail
from channels.email.layout import Layout
from channels.email.message import MailSender, write_mail
from core.clock import FixedClock
from core.database import Database
from core.settings import PROJECT_ROOT
from core.texts import Texts
from migrations.run import migrate
from subscriptions.composing import HubComposer
from subscriptions.expanding import expand
from subscriptions.links import Links
from subscriptions.models import BroadcastStatus, Delivery
from subscriptions.topics import load_topics

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BATCH = 100
SENDER = MailSender("Intercultural Cities", "news@hub.example.org")


async def measure(count: int) -> dict[str, float]:
    """Messages a second: composed only, and composed and written out."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'hub.sqlite3'}")
        await migrate(database)
        await fill(database, count, now=NOW)
        broadcast = await add_broadcast(database, "b" * 32, now=NOW, status=BroadcastStatus.SENDING)
        await expand(database, broadcast.id, topics=load_topics(), clock=FixedClock(NOW))
        composer = HubComposer(
            texts=Texts.load(PROJECT_ROOT / "locales"),
            links=Links("secret"),
            clock=FixedClock(NOW),
            layout=Layout(),
            public_url="https://hub.example.org",
            team_address="icc@coe.example",
            place_name=lambda place, _: place,
        )
        async with database.session() as session:
            rows = list(await session.exec(select(Delivery).order_by(col(Delivery.id))))
            session.expunge_all()
        assert len(rows) == count, f"{len(rows)} deliveries of {TOPIC}"
        composing = writing = 0.0
        for start in range(0, count, BATCH):
            begun = time.perf_counter()
            async with database.session() as session:
                mails = await composer.compose(session, rows[start : start + BATCH])
            composing += time.perf_counter() - begun
            begun = time.perf_counter()
            for mail in mails.values():
                assert isinstance(mail, ReadyMail)
                write_mail(mail, sender=SENDER, written_at=NOW)
            writing += time.perf_counter() - begun
        await database.close()
    return {"composed a second": count / composing, "composed and written a second": count / (composing + writing)}


if __name__ == "__main__":
    for name, value in asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)).items():
        print(f"{name}: {value:,.0f}")
