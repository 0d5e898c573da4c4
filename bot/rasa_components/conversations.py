"""Where the assistant keeps its conversations: in memory, or in Redis when several assistants share them.

Rasa's own store never forgets, and a turn gets slower with each one before it. This one keeps the slots and the last
events, for an hour, and never on disk. What the assistant said is not kept (the hub has it), nor anything from before
a restart. The memory outlives a new model, for which Rasa makes a new store.

A turn that broke off (the hub was away, Rasa stopped a loop) is kept as a finished one: else Rasa would count its
actions again at the next message, and answer nothing any more.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Protocol

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, SESSION_START_METADATA_SLOT
from rasa.shared.core.conversation import Dialogue
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, Event, SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.utils.common import all_subclasses
from redis import asyncio as redis

_KEY_PREFIX = "icchub:conversation:"
# Rasa looks through all its classes for every event that it reads; a table is 20 times faster.
_EVENT_TYPES: dict[str, type[Event]] = {kind.type_name: kind for kind in all_subclasses(Event)}


class Shelf(Protocol):
    """Keeps one text per conversation, for a while."""

    async def put(self, sender: str, text: str, *, seconds: float) -> None: ...

    async def get(self, sender: str) -> str | None: ...

    async def drop(self, sender: str) -> None: ...

    async def senders(self) -> list[str]: ...


class MemoryShelf:
    """Forgets by time, and the longest silent first when there is too much."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._texts: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._next_sweep: asyncio.TimerHandle | None = None

    async def put(self, sender: str, text: str, *, seconds: float) -> None:
        await self.drop(sender)
        encoded = text.encode()
        self._texts[sender] = (time.monotonic() + seconds, encoded)
        self._bytes += len(encoded)
        self._sweep()

    async def get(self, sender: str) -> str | None:
        expires_at, encoded = self._texts.get(sender, (0.0, b""))
        return encoded.decode() if expires_at > time.monotonic() else None

    async def drop(self, sender: str) -> None:
        _, encoded = self._texts.pop(sender, (0.0, b""))
        self._bytes -= len(encoded)

    async def senders(self) -> list[str]:
        return list(self._texts)

    def _sweep(self) -> None:
        """Forgets what is due, and comes back for the next, so that silence forgets too."""
        now = time.monotonic()
        while self._texts and (self._bytes > self.max_bytes or next(iter(self._texts.values()))[0] <= now):
            _, (_, encoded) = self._texts.popitem(last=False)
            self._bytes -= len(encoded)
        if self._next_sweep is not None:
            self._next_sweep.cancel()
            self._next_sweep = None
        if self._texts:
            wait = next(iter(self._texts.values()))[0] - now
            self._next_sweep = asyncio.get_running_loop().call_later(wait, self._sweep)


class RedisShelf:
    """The same in Redis, which forgets by itself. Its server is to be run without persistence."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    async def put(self, sender: str, text: str, *, seconds: float) -> None:
        await self._redis.set(_KEY_PREFIX + sender, text, px=int(seconds * 1000))

    async def get(self, sender: str) -> str | None:
        text: str | None = await self._redis.get(_KEY_PREFIX + sender)
        return text

    async def drop(self, sender: str) -> None:
        await self._redis.delete(_KEY_PREFIX + sender)

    async def senders(self) -> list[str]:
        return [key[len(_KEY_PREFIX) :] async for key in self._redis.scan_iter(match=_KEY_PREFIX + "*")]


def _open_redis(url: str) -> RedisShelf:
    return RedisShelf(redis.Redis.from_url(url, decode_responses=True))


_memory = MemoryShelf(max_bytes=0)


class ConversationStore(TrackerStore):
    """Rasa's view of the shelf; endpoints.yml names it and gives its settings."""

    def __init__(
        self,
        domain: Domain | None,
        host: str | None = None,
        event_broker: EventBroker | None = None,
        lifetime_seconds: float = 3600,
        kept_events: int = 24,
        max_megabytes: float = 64,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain, event_broker)
        self._lifetime = float(lifetime_seconds)
        self._kept_events = int(kept_events)
        _memory.max_bytes = int(float(max_megabytes) * 1_000_000)
        self._shelf: Shelf = _open_redis(host) if host else _memory

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keeps what the next turn needs; starts the conversation's hour again."""
        await self.stream_events(tracker)
        events = [event.as_dict() for event in _worth_keeping(tracker, self._kept_events)]
        text = json.dumps(events, ensure_ascii=False, separators=(",", ":"))
        await self._shelf.put(tracker.sender_id, text, seconds=self._lifetime)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        text = await self._shelf.get(sender_id)
        if text is None:
            return None
        read = (_EVENT_TYPES[event["event"]]._from_parameters(event) for event in json.loads(text))
        tracker = self.init_tracker(sender_id)
        tracker.recreate_from_dialogue(Dialogue(sender_id, [event for event in read if event is not None]))
        return tracker

    async def keys(self) -> Iterable[str]:
        return await self._shelf.senders()


def _worth_keeping(tracker: DialogueStateTracker, kept_events: int) -> list[Event]:
    # Slots are kept as they are now, so their history is not needed; nor is the start of the session, which would
    # empty them again, nor the slot in which Rasa keeps the first message's metadata.
    events = [e for e in tracker.applied_events() if not isinstance(e, (BotUttered, SlotSet, SessionStarted))]
    actions = (event.action_name for event in reversed(events) if isinstance(event, ActionExecuted))
    if events and next(actions, None) != ACTION_LISTEN_NAME:
        events.append(ActionExecuted(ACTION_LISTEN_NAME))
    slots = [
        SlotSet(name, value)
        for name, value in tracker.current_slot_values().items()
        if value is not None and name != SESSION_START_METADATA_SLOT
    ]
    return [*slots, *events[-kept_events:]]
