"""`icchub worker`: a process that sends what is told through the broker. Any number of them may run."""

from __future__ import annotations

import asyncio
import signal

from rich.console import Console

from cli.words import say
from core.settings import Settings


def run(settings: Settings, console: Console) -> None:
    """Work until it is told to end; then finish what is in flight. Raises ConfigurationError without a broker."""
    asyncio.run(_work(settings, console))


async def _work(settings: Settings, console: Console) -> None:
    # The wiring loads everything that the hub has, so only this command pays for it.
    from app import build_hub, build_office, list_duties
    from core.duties import Scheduler

    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    hub = build_hub(settings)
    office = build_office(hub, is_worker=True)
    duties = Scheduler(hub.database, hub.clock, [*list_duties(hub), *office.duties()])
    office.start()
    duties.start()
    console.print(say("worker.started"))
    await ended.wait()
    await asyncio.gather(duties.stop(), office.stop())
    await hub.conversations.close()
    await hub.database.close()
    console.print(say("worker.ended"))
