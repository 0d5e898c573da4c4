"""The server: answers the bot's requests on loopback, keeps chats, hands out updates, and fails on demand."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.telegram_server.rules import RefusedError, plain_text, read_request

TOKEN = "123456:TEST-token_for_the_local_server"
BOT = {"id": 123456, "is_bot": True, "first_name": "ICC Hub", "username": "IccHubTestBot"}
PATIENCE = 10.0
"""Seconds in which the bot must have handled an update."""
MOST_DOWNLOAD = 20 * 1024 * 1024
"""What a bot may download."""


@dataclass
class Sent:
    """A message of the bot as a person sees it now, and how often it was edited."""

    chat_id: int
    message_id: int
    html: str
    keyboard: list[list[dict[str, str]]]
    at: float
    date: int
    edits: int = 0

    @property
    def text(self) -> str:
        return plain_text(self.html)

    @property
    def titles(self) -> list[str]:
        return [button["text"] for row in self.keyboard for button in row]

    def as_message(self, chat: dict[str, Any]) -> dict[str, Any]:
        message = {"message_id": self.message_id, "date": self.date, "chat": chat, "from": BOT, "text": self.text}
        return message | ({"reply_markup": {"inline_keyboard": self.keyboard}} if self.keyboard else {})


@dataclass
class BotApi:
    """All that the server knows. Tests read it and change it."""

    url: str = ""
    sent: dict[tuple[int, int], Sent] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusals: list[tuple[str, RefusedError]] = field(default_factory=list)
    """What was refused because it was wrong; tests expect none."""
    pending: dict[int, dict[str, Any]] = field(default_factory=dict)
    commands: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    webhook: dict[str, Any] = field(default_factory=dict)
    blocked: set[int] = field(default_factory=set)
    faults: dict[int, list[RefusedError | None]] = field(default_factory=dict)
    """What the next messages to a chat meet; None: nothing."""
    open_presses: set[str] = field(default_factory=set)
    written: set[tuple[int, int]] = field(default_factory=set)
    """Messages of people, by chat and number, that nobody deleted."""
    deleted: list[tuple[int, int]] = field(default_factory=list)
    old: set[int] = field(default_factory=set)
    """Numbers of messages that are older than 48 hours."""
    files: dict[str, bytes] = field(default_factory=dict)
    """By file id. What is missing here is not kept any more."""
    uploads: list[tuple[str, bytes]] = field(default_factory=list)
    """Files that the bot sent, with their names."""
    is_closing: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1000))
    _seconds: Iterator[int] = field(default_factory=lambda: itertools.count(1_795_000_000))
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    # For tests

    async def put(self, **update: Any) -> int:
        """A new update for the bot; returns its number."""
        update_id = next(self._numbers)
        await self.put_raw({"update_id": update_id, **update})
        return update_id

    async def put_raw(self, update: dict[str, Any]) -> None:
        async with self._news:
            self.pending[update["update_id"]] = update
            self._news.notify_all()

    async def until_handled(self, update_id: int) -> None:
        """Until the bot has asked for what comes after the update, which means that it is done with it."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: update_id not in self.pending)

    def messages_to(self, chat_id: int) -> list[Sent]:
        return [message for message in self.sent.values() if message.chat_id == chat_id]

    def calls_of(self, method: str) -> list[dict[str, Any]]:
        return [values for name, values in self.calls if name == method]

    def next_number(self) -> int:
        return next(self._numbers)

    def next_second(self) -> int:
        """Telegram's clock, on which everything here takes a second."""
        return next(self._seconds)

    # For the bot

    async def answer(self, request: Request) -> JSONResponse:
        method = request.path_params["method"]
        if request.path_params["token"] != TOKEN:
            return _refuse(RefusedError(401, "Unauthorized"))
        form, uploads = {}, []
        async with request.form() as fields:
            for name, value in fields.items():
                if isinstance(value, UploadFile):
                    form[name] = f"attach://{value.filename}"
                    uploads.append((str(value.filename), await value.read()))
                else:
                    form[name] = value
        try:
            values = read_request(method, form)
        except RefusedError as error:
            self.refusals.append((method, error))
            return _refuse(error)
        self.calls.append((method, values))
        self.uploads += uploads
        try:
            result = await getattr(self, f"_{method}")(values)
        except RefusedError as error:
            return _refuse(error)
        return JSONResponse({"ok": True, "result": result})

    async def _getMe(self, _: dict[str, Any]) -> Any:  # noqa: N802
        return BOT | {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _getUpdates(self, values: dict[str, Any]) -> Any:  # noqa: N802
        if self.webhook:
            raise RefusedError(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = values.get("offset", 0)
        async with self._news:
            for update_id in [number for number in self.pending if number < offset]:
                del self.pending[update_id]
            self._news.notify_all()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(values.get("timeout", 0), 2) + 0.001):
                    await self._news.wait_for(
                        lambda: self.is_closing or any(number >= offset for number in self.pending)
                    )
            # In the order in which they came in, which tests may turn round.
            return [update for number, update in self.pending.items() if number >= offset][: values.get("limit", 100)]

    async def _setWebhook(self, values: dict[str, Any]) -> Any:  # noqa: N802
        self.webhook = values
        return True

    async def _deleteWebhook(self, _: dict[str, Any]) -> Any:  # noqa: N802
        self.webhook = {}
        return True

    async def _setMyCommands(self, values: dict[str, Any]) -> Any:  # noqa: N802
        self.commands[values.get("language_code", "")] = values["commands"]
        return True

    async def _setMyDescription(self, _: dict[str, Any]) -> Any:  # noqa: N802
        return True

    async def _setMyShortDescription(self, _: dict[str, Any]) -> Any:  # noqa: N802
        return True

    async def _sendChatAction(self, values: dict[str, Any]) -> Any:  # noqa: N802
        self._meet(values["chat_id"])
        return True

    async def _sendMessage(self, values: dict[str, Any]) -> Any:  # noqa: N802
        chat_id = values["chat_id"]
        self._meet(chat_id)
        number = self.next_number()
        keyboard = (values.get("reply_markup") or {}).get("inline_keyboard", [])
        sent = Sent(chat_id, number, values["text"], keyboard, time.monotonic(), self.next_second())
        self.sent[chat_id, number] = sent
        return sent.as_message({"id": chat_id, "type": "private", "first_name": "P"})

    async def _sendDocument(self, values: dict[str, Any]) -> Any:  # noqa: N802
        chat_id = values["chat_id"]
        self._meet(chat_id)
        name, number = values["document"].removeprefix("attach://"), self.next_number()
        sent = Sent(chat_id, number, name, [], time.monotonic(), self.next_second())
        self.sent[chat_id, number] = sent
        document = {"file_id": f"sent-{number}", "file_unique_id": "u", "file_name": name}
        return sent.as_message({"id": chat_id, "type": "private", "first_name": "P"}) | {"document": document}

    async def _editMessageText(self, values: dict[str, Any]) -> Any:  # noqa: N802
        return self._edit(values, values["text"])

    async def _editMessageReplyMarkup(self, values: dict[str, Any]) -> Any:  # noqa: N802
        return self._edit(values, None)

    async def _deleteMessage(self, values: dict[str, Any]) -> Any:  # noqa: N802
        place = (values["chat_id"], values["message_id"])
        if place not in self.sent and place not in self.written:
            raise RefusedError(400, "Bad Request: message to delete not found")
        self._delete([place])
        return True

    async def _deleteMessages(self, values: dict[str, Any]) -> Any:  # noqa: N802
        if not 1 <= len(values["message_ids"]) <= 100:
            raise RefusedError(400, "Bad Request: there must be from 1 to 100 message identifiers")
        self._delete([(values["chat_id"], number) for number in values["message_ids"]])
        return True

    def _delete(self, places: list[tuple[int, int]]) -> None:
        """All or none; what is not there any more is skipped."""
        if any(number in self.old for _, number in places):
            raise RefusedError(400, "Bad Request: message can't be deleted")
        for place in places:
            if place in self.sent or place in self.written:
                self.sent.pop(place, None)
                self.written.discard(place)
                self.deleted.append(place)

    async def _getFile(self, values: dict[str, Any]) -> Any:  # noqa: N802
        content = self.files.get(values["file_id"])
        if content is None:
            raise RefusedError(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(content) > MOST_DOWNLOAD:
            raise RefusedError(400, "Bad Request: file is too big")
        path = f"files/{values['file_id']}"
        return {"file_id": values["file_id"], "file_unique_id": "u", "file_size": len(content), "file_path": path}

    async def hand_out(self, request: Request) -> Response:
        """A file, under the address that the API gives for it."""
        content = self.files.get(request.path_params["path"].rpartition("/")[2])
        if request.path_params["token"] != TOKEN or content is None:
            return Response(status_code=404)
        return Response(content, media_type="application/octet-stream")

    async def _answerCallbackQuery(self, values: dict[str, Any]) -> Any:  # noqa: N802
        if values["callback_query_id"] not in self.open_presses:
            raise RefusedError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.open_presses.discard(values["callback_query_id"])
        return True

    def _edit(self, values: dict[str, Any], html: str | None) -> Any:
        message = self.sent.get((values.get("chat_id", 0), values.get("message_id", 0)))
        if message is None:
            raise RefusedError(400, "Bad Request: message to edit not found")
        keyboard = (values.get("reply_markup") or {}).get("inline_keyboard", [])
        if (html or message.html, keyboard) == (message.html, message.keyboard):
            raise RefusedError(400, "Bad Request: message is not modified")
        message.html, message.keyboard = html or message.html, keyboard
        message.edits += 1
        shown = message.as_message({"id": message.chat_id, "type": "private", "first_name": "P"})
        return shown | {"edit_date": self.next_second()}

    def _meet(self, chat_id: Any) -> None:
        if chat_id in self.blocked:
            raise RefusedError(403, "Forbidden: bot was blocked by the user")
        if self.faults.get(chat_id) and (fault := self.faults[chat_id].pop(0)) is not None:
            raise fault


class Person:
    """Somebody with a Telegram app, in a private chat with the bot."""

    def __init__(self, api: BotApi, *, chat_id: int, language: str | None) -> None:
        self.api = api
        self.chat: dict[str, Any] = {"id": chat_id, "type": "private", "first_name": "Person"}
        self.user: dict[str, Any] = {"id": chat_id, "is_bot": False, "first_name": "Person"}
        if language:
            self.user["language_code"] = language

    @property
    def id(self) -> int:
        return int(self.chat["id"])

    @property
    def screen(self) -> list[Sent]:
        """Everything that the bot wrote here."""
        return self.api.messages_to(self.id)

    def message(self, **parts: Any) -> dict[str, Any]:
        number = self.api.next_number()
        self.api.written.add((self.id, number))
        date = self.api.next_second()
        return {"message_id": number, "date": date, "chat": self.chat, "from": self.user, **parts}

    @property
    def words(self) -> set[int]:
        """Numbers of this person's own messages that stand in the chat."""
        return {number for chat_id, number in self.api.written if chat_id == self.id}

    def file(self, kind: str, content: bytes, **parts: Any) -> dict[str, Any]:
        """A message with a photo, a voice message, a document or a sound recording."""
        file_id = f"{kind}-{self.api.next_number()}"
        self.api.files[file_id] = content
        file: dict[str, Any] = {"file_id": file_id, "file_unique_id": "u", "file_size": len(content)}
        shape: dict[str, Any] = {
            "photo": [file | {"width": 90, "height": 60} | {"file_size": 9}, file | {"width": 900, "height": 600}],
            "voice": file | {"duration": 5, "mime_type": "audio/ogg"},
            "audio": file | {"duration": 5, "mime_type": "audio/mpeg", "file_name": "call.mp3"},
            "document": file | {"mime_type": "application/pdf", "file_name": "letter.pdf"},
        }
        return self.message(**{kind: shape[kind]}, **parts)

    async def types(self, text: str) -> list[Sent]:
        """Write, and read what the bot answers."""
        return await self.sends(message=self.message(text=text))

    async def sends(self, **update: Any) -> list[Sent]:
        """Any update of this person, and what the bot writes then."""
        before = {message.message_id for message in self.screen}
        await self.api.until_handled(await self.api.put(**update))
        return [message for message in self.screen if message.message_id not in before]

    async def presses(self, title: str, *, on: Sent | None = None) -> list[Sent]:
        """Press the newest button with this title (a part is enough); returns new messages, not edited ones."""
        return await self.sends(callback_query=self.press(title, on=on))

    def press(self, title: str, *, on: Sent | None = None) -> dict[str, Any]:
        """The press itself."""
        for message in [on] if on else reversed(self.screen):
            for button in (button for row in message.keyboard for button in row):
                if title in button["text"]:
                    return self.press_data(button["callback_data"], on=message)
        raise LookupError(title)

    def press_data(self, data: str, *, on: Sent) -> dict[str, Any]:
        number = f"press-{self.api.next_number()}"
        self.api.open_presses.add(number)
        message = on.as_message(self.chat)
        return {"id": number, "from": self.user, "chat_instance": "1", "message": message, "data": data}

    async def waits_for(self, count: int) -> list[Sent]:
        """Until the bot has written so many messages in all."""
        async with asyncio.timeout(PATIENCE):
            while len(self.screen) < count:
                await asyncio.sleep(0.02)
        return self.screen


def _refuse(error: RefusedError) -> JSONResponse:
    body: dict[str, Any] = {"ok": False, "error_code": error.status, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return JSONResponse(body, status_code=error.status)


@asynccontextmanager
async def running_bot_api() -> AsyncIterator[BotApi]:
    """The server on a free port of loopback."""
    api = BotApi()
    app = Starlette(
        routes=[
            Route("/bot{token}/{method}", api.answer, methods=["GET", "POST"]),
            Route("/file/bot{token}/{path:path}", api.hand_out),
        ]
    )
    # The protocol is named, since asyncio sends without delay (TCP_NODELAY) only where it is.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    api.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield api
    finally:
        api.is_closing = server.should_exit = True
        async with api._news:
            api._news.notify_all()
        await task


async def deliver(api: BotApi, update: dict[str, Any], client: httpx.AsyncClient) -> int:
    """What Telegram does with a webhook: posts the update with the secret; returns the answer's status."""
    headers = {"X-Telegram-Bot-Api-Secret-Token": api.webhook.get("secret_token", "")}
    headers["Content-Type"] = "application/json"
    response = await client.post(api.webhook["url"], content=json.dumps(update), headers=headers)
    return response.status_code
