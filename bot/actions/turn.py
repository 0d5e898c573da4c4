"""One turn as an action sees it, and what an action gives back. The shape on the wire is Rasa's action protocol
(https://rasa.com/docs/rasa/action-server/events)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from channels.base import Reply
from conversation.replies import Wording
from core.languages import LANGUAGES, SOURCE_LANGUAGE
from knowledge.places import Place, place_from_input


@dataclass
class Turn:
    """The message, what was understood of it, and what the conversation remembers."""

    wording: Wording
    today: date
    text: str
    language: str
    intent: str
    confidence: float
    entities: dict[str, str]
    ranking: list[tuple[str, float]]
    slots: dict[str, Any]
    metadata: dict[str, Any]

    @classmethod
    def from_tracker(cls, tracker: dict[str, Any], *, wording: Wording, today: date) -> Turn:
        """Read Rasa's tracker as it arrives at the action endpoint."""
        latest = tracker.get("latest_message") or {}
        metadata = latest.get("metadata") or {}
        intent = latest.get("intent") or {}
        language = metadata.get("reply_language")
        return cls(
            wording=wording,
            today=today,
            text=str(metadata.get("text") or latest.get("text") or ""),
            language=language if language in LANGUAGES else SOURCE_LANGUAGE,
            intent=str(intent.get("name") or ""),
            confidence=float(intent.get("confidence") or 0.0),
            entities={str(item["entity"]): str(item["value"]) for item in latest.get("entities") or []},
            ranking=[(item["label"], float(item["confidence"])) for item in latest.get("label_ranking") or []],
            slots=dict(tracker.get("slots") or {}),
            metadata=metadata,
        )

    @property
    def payload(self) -> str:
        """What a button's payload carried beside its intent ('IT' of '/emergency/IT'), or nothing."""
        return str(self.metadata.get("payload") or "")

    @property
    def subject(self) -> str | None:
        """Id of the entry that the conversation is about."""
        return self.slots.get("subject")

    @property
    def misses(self) -> int:
        return int(self.slots.get("misses") or 0)

    @property
    def ranked_entries(self) -> list[str]:
        """Entry ids among the closest labels, best first."""
        return [label for label, _ in self.ranking if "/" in label and not label.startswith("follow_up/")]

    def find_place(self) -> Place | None:
        """The place that counts now: named in the message, then in the conversation, then stated by the client."""
        gazetteer = self.wording.gazetteer
        named = gazetteer.get(self.payload) or gazetteer.find_one(self.text, self.language)
        return named or gazetteer.get(self.slots.get("place")) or place_from_input(gazetteer, self.metadata.get("city"))


@dataclass
class Result:
    """What an action says, and what the conversation remembers from now on."""

    replies: list[Reply]
    understood: bool = True
    confidence: float | None = None
    slots: dict[str, Any] = field(default_factory=dict)
    chosen_language: str | None = None
    private: bool = False
    """Near a report, distress or violence: the text is forgotten, nothing is counted."""
    passed_on: dict[str, str] | None = None
    """A question that the person has agreed to hand to the team."""

    def as_rasa(self, turn: Turn) -> dict[str, Any]:
        """The answer to the action call: slot events and one message that carries everything."""
        slots = {"misses": 0, "pending": None, "pending_text": None, **self.slots}
        if self.private:
            slots["last_question"] = None
        elif not turn.payload and self.understood:
            slots.setdefault("last_question", turn.text)
        events: list[dict[str, Any]] = [{"event": "slot", "name": name, "value": slots[name]} for name in slots]
        if self.private:
            # What was told stays nowhere, not even in the assistant's memory; the place is set anew.
            events.insert(0, {"event": "restart"})
        confidence = turn.confidence if self.confidence is None else self.confidence
        message = {
            "replies": [reply.model_dump(mode="json") for reply in self.replies],
            "understood": self.understood,
            "confidence": min(max(confidence, 0.0), 1.0),
            "chosen_language": self.chosen_language,
            "private": self.private,
            "passed_on": self.passed_on,
            "missed": turn.text if slots["misses"] and not self.private else None,
        }
        return {"events": events, "responses": [{"custom": message}]}
