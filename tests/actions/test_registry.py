"""The hub's actions and the assistant's rules name the same things."""

from __future__ import annotations

from typing import Any

import yaml

from bot.actions.registry import ACTION_OF_INTENT, ACTIONS
from conversation.payloads import INTENT_OF_PAYLOAD, INTENT_OF_PREFIX
from core.settings import PROJECT_ROOT

BOT = PROJECT_ROOT / "bot"


def read(folder: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((BOT / folder).glob("*.yml"))]


def action_by_rule() -> dict[str, str]:
    rules = [rule for file in read("rules") for rule in file["rules"]]
    return {rule["steps"][0]["intent"]: rule["steps"][1]["action"] for rule in rules}


def test_every_action_of_a_rule_exists_in_the_hub() -> None:
    assert set(action_by_rule().values()) == set(ACTIONS)


def test_without_the_assistant_a_payload_does_what_its_rule_says() -> None:
    rules = action_by_rule()
    assert {intent: rules[intent] for intent in ACTION_OF_INTENT} == ACTION_OF_INTENT


def test_every_intent_has_exactly_one_rule() -> None:
    intents = [intent for file in read("domain") for intent in file.get("intents", [])]
    assert sorted(intents) == sorted(action_by_rule())


def test_every_payload_stands_for_an_intent_with_a_rule() -> None:
    assert {*INTENT_OF_PAYLOAD.values(), *INTENT_OF_PREFIX.values()} <= set(action_by_rule())


def test_every_slot_that_actions_write_is_in_the_domain() -> None:
    slots = {slot for file in read("domain") for slot in file.get("slots", {})}
    assert {"subject", "place", "ground", "misses", "pending", "pending_text", "last_question", "listed"} <= slots
