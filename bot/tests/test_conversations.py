"""What the assistant remembers of a conversation, and for how long."""

from __future__ import annotations

import asyncio

import pytest
from fakeredis import FakeAsyncRedis
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, Event, Restarted, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from rasa_components import conversations
from rasa_components.conversations import ConversationStore, MemoryShelf, RedisShelf, Shelf

DOMAIN = Domain.from_dict(
    {
        "slots": {
            name: {"type": "any", "influence_conversation": False, "mappings": [{"type": "custom"}]}
            for name in ("subject", "misses")
        },
        "intents": ["ask_entry"],
        "actions": ["action_answer_entry"],
    }
)


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryShelf:
    shelf = MemoryShelf(max_bytes=1_000_000)
    monkeypatch.setattr(conversations, "_memory", shelf)
    return shelf


@pytest.fixture(params=["memory", "redis"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    return MemoryShelf(1_000_000) if request.param == "memory" else RedisShelf(FakeAsyncRedis(decode_responses=True))


def turn(number: int) -> list[Event]:
    return [
        UserUttered(f"question {number}", {"name": "ask_entry"}),
        ActionExecuted("action_answer_entry"),
        SlotSet("misses", number),
        BotUttered("said by the assistant", {"custom": {"id": number}}),
        ActionExecuted("action_listen"),
    ]


def tracker_of(store: ConversationStore, events: list[Event], sender: str = "web:1") -> DialogueStateTracker:
    tracker = store.init_tracker(sender)
    for event in events:
        tracker.update(event)
    return tracker


async def test_a_shelf_gives_back_what_it_was_given_until_it_is_dropped(shelf: Shelf) -> None:
    await shelf.put("web:1", "older", seconds=60)
    await shelf.put("web:1", "newer", seconds=60)
    assert await shelf.get("web:1") == "newer"
    assert await shelf.senders() == ["web:1"]
    await shelf.drop("web:1")
    assert await shelf.get("web:1") is None


async def test_a_shelf_forgets_by_itself(shelf: Shelf) -> None:
    await shelf.put("web:1", "text", seconds=0.05)
    await asyncio.sleep(0.1)
    assert await shelf.get("web:1") is None
    assert await shelf.senders() == []


async def test_the_longest_silent_conversation_goes_first_when_memory_is_full() -> None:
    shelf = MemoryShelf(max_bytes=25)
    for sender in ("a", "b", "a", "c"):
        await shelf.put(sender, "x" * 10, seconds=60)
    assert await shelf.senders() == ["a", "c"]


async def test_slots_outlive_the_events_that_set_them() -> None:
    store = ConversationStore(DOMAIN, kept_events=12)
    events: list[Event] = [SessionStarted(), SlotSet("subject", "tool/icc-index")]
    await store.save(tracker_of(store, events + [event for number in range(150) for event in turn(number)]))
    kept = await ConversationStore(DOMAIN, kept_events=12).retrieve("web:1")
    assert kept is not None
    assert kept.get_slot("subject") == "tool/icc-index"
    assert kept.get_slot("misses") == 149
    assert len(kept.events) == 14
    assert kept.latest_message is not None
    assert kept.latest_message.text == "question 149"


async def test_nothing_from_before_a_restart_is_kept(memory: MemoryShelf) -> None:
    store = ConversationStore(DOMAIN)
    await store.save(tracker_of(store, [*turn(1), Restarted(), ActionExecuted("action_listen")]))
    assert "question" not in (await memory.get("web:1") or "")


async def test_what_the_assistant_said_is_not_kept(memory: MemoryShelf) -> None:
    store = ConversationStore(DOMAIN)
    await store.save(tracker_of(store, turn(1)))
    assert 'answer"' not in (await memory.get("web:1") or "")


async def test_a_turn_that_broke_off_does_not_block_the_next() -> None:
    store = ConversationStore(DOMAIN)
    broken: list[Event] = [UserUttered("question", {"name": "ask_entry"})]
    await store.save(tracker_of(store, broken + [ActionExecuted("action_default_fallback") for _ in range(10)]))
    kept = await store.retrieve("web:1")
    assert kept is not None
    assert kept.latest_action_name == "action_listen"


async def test_an_unknown_sender_has_no_conversation() -> None:
    assert await ConversationStore(DOMAIN).retrieve("web:unknown") is None
