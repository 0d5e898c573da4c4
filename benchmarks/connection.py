"""Asking over one kept connection, with so little work of our own that it does not show in the figures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from conversation.connections import Connection

PATIENCE = 30.0
"""Seconds after which an answer counts as missing."""


@dataclass(frozen=True)
class Response:
    """A JSON answer, and how long it took to arrive in full."""

    status: int
    data: Any
    seconds: float


@dataclass(frozen=True)
class Line:
    """A connection to ask over; made by `connect`."""

    connection: Connection

    async def post(self, path: str, body: object) -> Response:
        """Post JSON. Raises OSError (TimeoutError is one) when no answer comes, ValueError when it is no JSON."""
        content = json.dumps(body).encode()
        begun = time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            status, answer = await self.connection.request("POST", path, content)
        seconds = time.perf_counter() - begun
        return Response(status, json.loads(answer), seconds)


@asynccontextmanager
async def connect(port: int) -> AsyncIterator[Line]:
    """A connection for many questions; servers end one that is silent for five seconds."""
    connection = await Connection.open(f"http://127.0.0.1:{port}")
    try:
        yield Line(connection)
    finally:
        connection.close()
