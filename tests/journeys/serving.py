"""A hub of one's own for journeys that need other parts than the shared one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI

from core.database import Database
from migrations.run import migrate
from tests.services import free_port


@dataclass(frozen=True)
class Served:
    """A hub that answers, in a thread of its own."""

    address: str
    loop: asyncio.AbstractEventLoop

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Do something inside the hub."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)


@contextmanager
def serving(app: FastAPI, database: Database) -> Iterator[Served]:
    """The application over HTTP on a free port of this machine, with a migrated database."""
    port = free_port()
    loop = asyncio.new_event_loop()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, ws="none")
    server = uvicorn.Server(config)

    async def serve() -> None:
        await migrate(database)
        await server.serve()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    while not server.started:
        thread.join(timeout=0.05)
        assert thread.is_alive(), "the hub did not start"
    try:
        yield Served(f"http://127.0.0.1:{port}", loop)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        loop.close()
