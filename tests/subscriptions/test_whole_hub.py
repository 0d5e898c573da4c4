"""The hub as app.py builds it, with nothing set: a broadcast that is due ends in the outbox, in words."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

from sqlmodel import select

from app import build_hub, build_office, list_duties
from benchmarks.messages.people import add_broadcast, address, fill
from channels.email.models import OutboxMail
from channels.email.outbox import read_mail
from conversation.replies import Wording
from core.clock import SystemClock
from core.duties import Scheduler
from core.settings import Settings
from migrations.run import migrate
from subscriptions.models import Broadcast, BroadcastStatus
from tests.fakes import FakeAssistant

PEOPLE = 8


async def test_a_broadcast_that_is_due_goes_to_the_outbox_in_each_readers_language(
    settings: Settings, wording: Wording, assistant: FakeAssistant
) -> None:
    hub = build_hub(settings, clock=SystemClock(), assistant=assistant, wording=wording)
    await migrate(hub.database)
    await fill(hub.database, PEOPLE, now=hub.clock.now())
    await add_broadcast(hub.database, "b" * 32, now=hub.clock.now())
    office = build_office(hub)
    duties = Scheduler(hub.database, hub.clock, [*list_duties(hub), *office.duties()], lasting=timedelta(seconds=3))
    office.start()
    duties.start()
    try:
        async with asyncio.timeout(30), hub.database.session() as session:
            while True:
                broadcast = await session.get(Broadcast, "b" * 32, populate_existing=True)
                assert broadcast is not None
                if broadcast.status == BroadcastStatus.SENT:
                    break
                await asyncio.sleep(0.1)
            mails = list(await session.exec(select(OutboxMail)))
    finally:
        await asyncio.gather(duties.stop(), office.stop())
        await hub.conversations.close()
        await hub.database.close()
    assert Counter(mail.recipient for mail in mails) == Counter({address(number): 1 for number in range(PEOPLE)})
    assert Counter(str(read_mail(mail.content)["Content-Language"]) for mail in mails) == Counter(
        dict.fromkeys(("en", "fr", "it", "ar"), PEOPLE // 4)
    )
    assert all(read_mail(mail.content)["List-Unsubscribe"] for mail in mails)
