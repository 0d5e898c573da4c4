"""The way to the assistant: what counts as unavailable, and connections that are used again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from conversation.assistant import RasaAssistant
from conversation.connections import Connections
from conversation.errors import AssistantUnavailableError
from tests.services import free_port

type Answer = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]


class Server:
    """A server on loopback that reads requests and answers as a test says; it counts its connections."""

    def __init__(self, answer: Answer) -> None:
        self.connections = 0
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(line for line in head.lower().splitlines() if line.startswith("content-length"))
                await self._answer(writer, await reader.readexactly(int(length.partition(":")[2])))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[Server, str]]:
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    try:
        yield server, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()


def http(data: Any, *, status: int = 200, also: str = "") -> bytes:
    body = json.dumps(data).encode()
    return f"HTTP/1.1 {status} x\r\n{also}Content-Length: {len(body)}\r\n\r\n".encode() + body


def says(answer: bytes) -> Answer:
    async def say(writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(answer)

    return say


async def echo(writer: asyncio.StreamWriter, body: bytes) -> None:
    await asyncio.sleep(0.01)
    writer.write(http([{"recipient_id": "x", "custom": {"said": json.loads(body)["message"]}}]))


async def test_questions_at_the_same_time_get_their_own_answers_over_few_connections() -> None:
    async with serving(echo) as (server, url):
        assistant = RasaAssistant(url)
        texts = [f"{number} é 日本" for number in range(200)]
        answers = await asyncio.gather(*(assistant.ask("web:a", text, {}) for text in texts))
        assert [answer["said"] for answer in answers] == texts
        assert server.connections <= 64
        await assistant.close()


async def test_a_connection_is_used_again() -> None:
    async with serving(echo) as (server, url):
        assistant = RasaAssistant(url)
        for _ in range(3):
            await assistant.ask("web:a", "hello", {})
        assert server.connections == 1
        await assistant.close()


async def test_a_connection_that_the_server_ended_meanwhile_is_replaced() -> None:
    async def answer_once(writer: asyncio.StreamWriter, body: bytes) -> None:
        await echo(writer, body)
        writer.close()

    async with serving(answer_once) as (server, url):
        assistant = RasaAssistant(url)
        for _ in range(3):
            assert (await assistant.ask("web:a", "hello", {}))["said"] == "hello"
            await asyncio.sleep(0.02)
        assert server.connections == 3
        await assistant.close()


async def test_an_answer_in_chunks_is_put_together() -> None:
    body = json.dumps([{"custom": {"said": "hello"}}]).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:5], body[5:]))
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    async with serving(says(answer)) as (server, url):
        assistant = RasaAssistant(url)
        for _ in range(2):
            assert (await assistant.ask("web:a", "hello", {}))["said"] == "hello"
        assert server.connections == 1
        await assistant.close()


@pytest.mark.parametrize(
    "answer",
    [
        http([]),
        http([{"text": "no custom message"}]),
        http({"status": "failure"}, status=500),
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nno!",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 oops\r\nContent-Length: 2\r\n\r\n[]",
    ],
)
async def test_everything_but_an_answer_of_our_action_is_unavailable(answer: bytes) -> None:
    async with serving(says(answer)) as (_, url):
        assistant = RasaAssistant(url)
        with pytest.raises(AssistantUnavailableError):
            await assistant.ask("web:a", "hello", {})
        assert not await assistant.is_ready()
        await assistant.close()


async def test_an_assistant_that_breaks_off_or_does_not_listen_is_unavailable() -> None:
    async def break_off(writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
        writer.close()

    async with serving(break_off) as (_, url):
        assistant = RasaAssistant(url)
        with pytest.raises(AssistantUnavailableError):
            await assistant.ask("web:a", "hello", {})
    nobody = RasaAssistant(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(AssistantUnavailableError):
        await nobody.ask("web:a", "hello", {})
    assert not await nobody.is_ready()
    with pytest.raises(AssistantUnavailableError):
        await nobody.forget("web:a")


@pytest.mark.parametrize("status", [404, 409, 500, 503])
async def test_forgetting_that_the_assistant_refuses_is_no_success(status: int) -> None:
    async with serving(says(http({}, status=200))) as (_, url):
        assistant = RasaAssistant(url)
        await assistant.forget("web:a")
        await assistant.close()
    async with serving(says(http({"status": "failure"}, status=status))) as (_, url):
        assistant = RasaAssistant(url)
        with pytest.raises(AssistantUnavailableError):
            await assistant.forget("web:a")
        await assistant.close()


async def test_a_late_answer_never_reaches_the_next_question() -> None:
    asked = 0

    async def be_slow_once(writer: asyncio.StreamWriter, body: bytes) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.sleep(0.2)
        writer.write(http({"number": asked}))

    async with serving(be_slow_once) as (_, url):
        connections = Connections(url)
        with pytest.raises(TimeoutError):
            await connections.request("POST", "/", b"{}", timeout=0.05)
        status, answer = await connections.request("POST", "/", b"{}", timeout=5)
        assert (status, json.loads(answer)) == (200, {"number": 2})
        connections.close()


async def test_it_is_ready_when_a_model_is_loaded() -> None:
    for model, ready in (("models/a.tar.gz", True), ("", False)):
        async with serving(says(http({"model_file": model}))) as (_, url):
            assistant = RasaAssistant(f"{url}/")
            assert await assistant.is_ready() is ready
            await assistant.close()
