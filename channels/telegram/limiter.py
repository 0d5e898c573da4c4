"""How fast we may write: 30 messages a second in all, 1 a second to a chat (3 at once), 20 a minute to a group.

Telegram's own figures are the FAQ's; the exact ones are unstated, so its ``retry_after`` is obeyed too, for the chat
that it concerns and no other (python-telegram-bot's AIORateLimiter stops everything). Replies go before anything bulk:
bulk is spread evenly below the limit, takes a chat's turn only when its moment has come, and so never stands in the
way of a reply for longer than one request.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any

from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

from core.rate_limits import Counted, Rate, RateLimits

MOST_REFUSALS = 5
"""Times that one request is tried again after a refusal."""
MOST_CHATS = 20_000
BOT = "bot"
"""All processes of one hub write as one bot."""
IDLE = 120.0
"""Seconds after which nothing about a chat is worth remembering."""

type Result = bool | dict[str, Any] | list[dict[str, Any]]
type Request = Callable[..., Coroutine[Any, Any, Result]]


class Lane(IntEnum):
    """What goes first. (Zero would count as 'not said'.)"""

    REPLY = 1
    BULK = 2


@dataclass(frozen=True)
class Limits:
    """The figures; tests make the times shorter."""

    overall: int = 30
    bulk: int = 25
    second: float = 1.0
    burst: int = 3
    group: int = 20
    minute: float = 60.0
    patience: float = 300.0
    """Seconds that a message may wait for its chat; beyond it the refusal is passed on."""


class Turnstile:
    """A lock that replies pass before bulk, and otherwise in the order of arrival."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[Lane, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @property
    def is_free(self) -> bool:
        return not self._taken and not self._waiting

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[None]:
        """Hold it."""
        if self._taken:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (lane, next(self._numbers), future))
            try:
                await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():
                    self._release()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._release()

    def _release(self) -> None:
        while self._waiting:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                # Stays taken: the next one goes in.
                future.set_result(None)
                return
        self._taken = False


class Gate:
    """The limit over all chats. One timer serves any number of waiting messages."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sent: deque[float] = deque()
        self._replies: deque[asyncio.Future[None]] = deque()
        self._bulk: deque[asyncio.Future[None]] = deque()
        self._bulk_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, lane: Lane) -> None:
        """Wait until one more message may go."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._replies if lane is Lane.REPLY else self._bulk).append(future)
        self._open()
        await future

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _open(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._replies or self._bulk:
            now = loop.time()
            while self._sent and self._sent[0] <= now - self._limits.second:
                self._sent.popleft()
            may_go_at = self._sent[0] + self._limits.second if len(self._sent) >= self._limits.overall else now
            if not self._replies:
                may_go_at = max(may_go_at, self._bulk_at)
            if may_go_at > now:
                self._timer = loop.call_at(may_go_at, self._open)
                return
            lane = self._replies or self._bulk
            future = lane.popleft()
            if future.done():
                continue
            if lane is self._bulk:
                self._bulk_at = now + self._limits.second / self._limits.bulk
            self._sent.append(now)
            future.set_result(None)


@dataclass
class ChatPace:
    """What one chat may still get."""

    limits: Limits
    is_group: bool
    tokens: float = 0.0
    filled_at: float = 0.0
    paused_until: float = 0.0
    in_minute: deque[float] = field(default_factory=deque)
    turnstile: Turnstile = field(default_factory=Turnstile)

    def wait(self, now: float) -> float:
        """Seconds until the next message may go."""
        self.tokens = min(self.tokens + (now - self.filled_at) / self.limits.second, float(self.limits.burst))
        self.filled_at = now
        waits = [self.paused_until - now, (1.0 - self.tokens) * self.limits.second]
        while self.in_minute and self.in_minute[0] <= now - self.limits.minute:
            self.in_minute.popleft()
        if self.is_group and len(self.in_minute) >= self.limits.group:
            waits.append(self.in_minute[0] + self.limits.minute - now)
        longest = max(waits)
        # A timer may ring a moment early.
        return longest if longest > 1e-3 else 0.0

    def take(self, now: float) -> None:
        self.tokens -= 1.0
        if self.is_group:
            self.in_minute.append(now)

    def is_idle(self, now: float) -> bool:
        return self.turnstile.is_free and max(self.paused_until, self.filled_at + IDLE) < now


class TelegramLimiter(BaseRateLimiter[Lane]):
    """Lets requests through at the pace that Telegram takes them.

    ``shared`` counts for all processes of the hub how many messages go out in all. What one chat may get is of this
    process; where another one wrote to the same chat in that second, Telegram says how long to wait.
    """

    def __init__(self, limits: Limits | None = None, *, shared: RateLimits | None = None) -> None:
        self._limits = limits or Limits()
        self._gate = Gate(self._limits)
        self._shared = shared
        self._lines = {lane: asyncio.Lock() for lane in Lane}
        second = timedelta(seconds=self._limits.second)
        self._overall: Counted = (Rate("telegram-sent", self._limits.overall, second), BOT)
        self._of_bulk: Counted = (Rate("telegram-bulk", self._limits.bulk, second), BOT)
        self._chats: dict[str, ChatPace] = {}

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        self._gate.close()

    async def process_request(
        self,
        callback: Request,
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Lane | None,
    ) -> Result:
        """Send when it is time. Raises RetryAfter when Telegram goes on refusing or asks for too long a wait."""
        lane = rate_limit_args or Lane.REPLY

        async def send() -> Result:
            return await callback(*args, **kwargs)

        if "chat_id" not in data:
            return await self._send_anywhere(send)
        chat = self._chat(str(data["chat_id"]))
        if endpoint == "sendChatAction":
            # It says "now", so it never waits.
            return await send()
        if endpoint.startswith(("edit", "delete")):
            return await self._change(chat, send)
        return await (self._reply(chat, send) if lane is Lane.REPLY else self._bulk(chat, send))

    async def _send_anywhere(self, send: Request) -> Result:
        for _ in range(MOST_REFUSALS):
            try:
                return await send()
            except RetryAfter as refusal:
                seconds = wanted_wait(refusal)
                if seconds > self._limits.patience:
                    raise
                await asyncio.sleep(seconds)
        return await send()

    async def _pass(self, lane: Lane) -> None:
        """Wait until one more message may go, out of this process and out of all."""
        await self._gate.take(lane)
        if self._shared is None:
            return
        counted = (self._overall, self._of_bulk) if lane is Lane.BULK else (self._overall,)
        # One asks at a time, so that a long queue does not ask all at once, again and again.
        async with self._lines[lane]:
            while (wait := await self._shared.take(*counted)) > 0:
                await asyncio.sleep(wait)

    async def _change(self, chat: ChatPace, send: Request) -> Result:
        """An edit writes nothing new, so only refusals hold it up."""
        refusals = 0
        while True:
            now = asyncio.get_running_loop().time()
            if chat.paused_until > now:
                await self._sleep(chat.paused_until - now)
            await self._pass(Lane.REPLY)
            try:
                return await send()
            except RetryAfter as refusal:
                refusals += 1
                self._pause(chat, refusal, refusals)

    async def _reply(self, chat: ChatPace, send: Request) -> Result:
        refusals = 0
        async with chat.turnstile.turn(Lane.REPLY):
            while True:
                while wait := chat.wait(asyncio.get_running_loop().time()):
                    await self._sleep(wait)
                await self._pass(Lane.REPLY)
                chat.take(asyncio.get_running_loop().time())
                try:
                    return await send()
                except RetryAfter as refusal:
                    refusals += 1
                    self._pause(chat, refusal, refusals)

    async def _bulk(self, chat: ChatPace, send: Request) -> Result:
        refusals = 0
        while True:
            await self._pass(Lane.BULK)
            async with chat.turnstile.turn(Lane.BULK):
                wait = chat.wait(asyncio.get_running_loop().time())
                if not wait:
                    chat.take(asyncio.get_running_loop().time())
                    try:
                        return await send()
                    except RetryAfter as refusal:
                        refusals += 1
                        self._pause(chat, refusal, refusals)
                        wait = chat.wait(asyncio.get_running_loop().time())
            # Outside the turnstile, so that a reply to this chat passes.
            await self._sleep(wait)

    def _pause(self, chat: ChatPace, refusal: RetryAfter, refusals: int) -> None:
        chat.paused_until = asyncio.get_running_loop().time() + wanted_wait(refusal)
        if refusals > MOST_REFUSALS:
            raise refusal

    async def _sleep(self, seconds: float) -> None:
        if seconds > self._limits.patience:
            raise RetryAfter(timedelta(seconds=seconds))
        await asyncio.sleep(seconds)

    def _chat(self, chat_id: str) -> ChatPace:
        chat = self._chats.get(chat_id)
        if chat is None:
            now = asyncio.get_running_loop().time()
            if len(self._chats) >= MOST_CHATS:
                self._chats = {name: known for name, known in self._chats.items() if not known.is_idle(now)}
            is_group = chat_id.startswith(("-", "@"))
            chat = ChatPace(self._limits, is_group, tokens=float(self._limits.burst), filled_at=now)
            self._chats[chat_id] = chat
        return chat


def wanted_wait(refusal: RetryAfter) -> float:
    """Seconds that Telegram asks to wait."""
    wait = refusal.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
