"""In-memory stand-ins for unit tests. The journeys use the real ones."""

from __future__ import annotations

from datetime import date
from typing import Any

from bot.actions.registry import ACTION_OF_INTENT, action_for, run_action
from bot.actions.turn import Turn
from conversation.errors import AssistantUnavailableError
from conversation.replies import Wording

TODAY = date(2026, 11, 22)


class FakeAssistant:
    """Understands what a test tells it to, and keeps slots like Rasa does.

    ``understand`` says what the next texts mean: text to (intent, entities). Payloads mean what they say.
    """

    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self.meanings: dict[str, tuple[str, dict[str, str]]] = {}
        self.rankings: dict[str, list[tuple[str, float]]] = {}
        self.slots: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.is_down = False

    def understand(self, text: str, intent: str, **entities: str) -> None:
        """The text means this from now on."""
        self.meanings[text] = (intent, entities)

    async def ask(self, sender: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((sender, text, metadata))
        if self.is_down:
            raise AssistantUnavailableError(reason="down")
        if text.startswith("/"):
            name, tracker = action_for(text, metadata)
        else:
            intent, entities = self.meanings.get(text, ("unclear", {}))
            name = ACTION_OF_INTENT.get(intent, "action_small_talk")
            if intent in {"out_of_scope", "follow_up", "distress", "child"}:
                name = {
                    "out_of_scope": "action_decline",
                    "follow_up": "action_follow_up",
                    "distress": "action_comfort",
                    "child": "action_help_child",
                }[intent]
            ranking = [{"label": label, "confidence": share} for label, share in self.rankings.get(text, [])]
            tracker = {
                "latest_message": {
                    "intent": {"name": intent, "confidence": 0.9},
                    "entities": [{"entity": key, "value": value} for key, value in entities.items()],
                    "label_ranking": ranking,
                    "metadata": metadata,
                    "text": text,
                }
            }
        slots = self.slots.setdefault(sender, {})
        tracker["slots"] = slots
        turn = Turn.from_tracker(tracker, wording=self._wording, today=TODAY)
        said = run_action(name, turn).as_rasa(turn)
        if any(event["event"] == "restart" for event in said["events"]):
            slots.clear()
        slots.update({event["name"]: event["value"] for event in said["events"] if event["event"] == "slot"})
        message: dict[str, Any] = said["responses"][0]["custom"]
        return message

    async def forget(self, sender: str) -> None:
        self.slots.pop(sender, None)

    async def is_ready(self) -> bool:
        return not self.is_down
