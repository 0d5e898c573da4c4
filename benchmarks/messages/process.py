"""One process of the hub or one worker, as far as sending goes: what the benchmarks run, stop and kill.

`python -m benchmarks.messages.process hub|worker`, with the hub's settings and BENCH_LEASE, the lease in seconds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from datetime import timedelta

from benchmarks.messages.composer import PersonalComposer
from channels.email.channel import EmailChannel
from channels.email.message import MailSender
from channels.email.pool import SmtpPool
from channels.email.server import SmtpServer
from core.clock import SystemClock
from core.database import Database
from core.duties import LASTING, Scheduler
from core.settings import Settings
from subscriptions.dispatching import Rhythm
from subscriptions.office import PostOffice
from subscriptions.sending import Pacing
from subscriptions.topics import load_topics

SENDER = MailSender("Intercultural Cities", "news@hub.example.org")


def build_office(settings: Settings, *, is_worker: bool, lease: timedelta) -> tuple[PostOffice, Scheduler, Database]:
    """The real parts, with a composer of the benchmark."""
    assert settings.smtp_url is not None
    clock, database = SystemClock(), Database(settings.async_database_url)
    carrier = SmtpPool(SmtpServer.parse(settings.smtp_url.get_secret_value()))
    office = PostOffice(
        database,
        clock,
        topics=load_topics(),
        composer=PersonalComposer("secret", "https://hub.example.org"),
        channels={"email": EmailChannel(sender=SENDER, carrier=carrier, clock=clock)},
        broker_url=settings.broker_url.get_secret_value() if settings.broker_url else None,
        is_worker=is_worker,
        pacing=Pacing(lease=lease),
        rhythm=Rhythm(handed_out_for=lease, sweep=min(lease / 3, timedelta(seconds=5))),
    )
    scheduler = Scheduler(database, clock, office.duties(), lasting=min(lease, LASTING))
    return office, scheduler, database


async def main(role: str) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    lease = timedelta(seconds=float(os.environ.get("BENCH_LEASE", "60")))
    office, scheduler, database = build_office(Settings(_env_file=None), is_worker=role == "worker", lease=lease)
    office.start()
    scheduler.start()
    print("started", flush=True)
    await ended.wait()
    await asyncio.gather(scheduler.stop(), office.stop())
    await database.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(main(sys.argv[1]))
