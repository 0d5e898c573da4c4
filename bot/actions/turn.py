"""One turn as an action sees it, and what an action gives back. The shape on the wire is Rasa's action protocol
(https://rasa.com/docs/rasa/action-server/events)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from channels.base import Reply
from conversation.replies import Wording
from core.languages import LANGUAGES, SOURCE_LANGUAGE
from core.normalise import words
from knowledge.place_words import Reading
from knowledge.places import Place, place_from_input

MAY_TELL = 0.2
"""Confidence from which a message is treated as one that may tell of discrimination."""
WHERE, WHERE_FOR_NUMBERS = "place", "emergency"
"""Values of the slot `pending`: the person was asked where they are, for services or for emergency numbers."""
WHERE_FOR_LINE = {name: f"{WHERE_FOR_NUMBERS}:{name}" for name in ("crisis_line", "child_helpline")}
"""The same, for numbers after a help line of the country; by the name of the line."""
FOR_NUMBERS = frozenset({WHERE_FOR_NUMBERS, *WHERE_FOR_LINE.values()})
WHERE_FOR_DEADLINES = "deadline"
"""The same, for how long somebody has to complain."""
ASKED_WHERE = frozenset({WHERE, WHERE_FOR_DEADLINES}) | FOR_NUMBERS
IS_MEMBER = "member"
"""The same slot, where membership of a place was asked for and answered: the next name asks for the same."""
WHICH = "which"
"""The same slot, where a list was shown: the person was asked which one they mean."""
LONGEST_PLACE = 5
"""Words of a message that only says where somebody is ("I am in Reggio Emilia")."""
TELLING = frozenset({"report_discrimination", "danger", "distress", "child"})
"""What somebody means who tells what happened: a country that they name may be where they come from."""


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
        """Ids among the closest labels, best first, of entries that there are: an older model knows withdrawn ones."""
        return [label for label, _ in self.ranking if label in self.wording.base.entries]

    @property
    def written(self) -> str | None:
        """Id of the entry that answers this very question, where the team said so."""
        entry = self.metadata.get("written")
        return entry if entry in self.wording.base.entries else None

    @property
    def written_close(self) -> list[str]:
        """Ids of entries whose example questions come close, the closest first."""
        return [each for each in self.metadata.get("written_close") or [] if each in self.wording.base.entries]

    @property
    def is_near_a_report(self) -> bool:
        """Whether the message may tell of discrimination or violence, whatever was understood of it."""
        return self.has_words_of_a_report or self.share_of("report_discrimination") >= MAY_TELL

    @property
    def has_words_of_a_report(self) -> bool:
        """Whether it names what happened, or a ground of discrimination."""
        return self.wording.services.read_query(self.text, language=self.written_in).is_near_a_report

    @property
    def written_in(self) -> str:
        """The language of the message, which may be another than that of the answer."""
        return str(self.metadata.get("language") or self.language)

    def share_of(self, label: str) -> float:
        """How sure it is that the message means this, 0 to 1."""
        return next((share for other, share in self.ranking if other == label), 0.0)

    def find_place(self) -> Place | None:
        """The place that counts now: named in the message, then in the conversation, then stated by the client."""
        gazetteer = self.wording.gazetteer
        known = gazetteer.get(self.slots.get("place"))
        return self.find_named_place() or known or place_from_input(gazetteer, self.metadata.get("city"))

    def find_named_place(self) -> Place | None:
        """The place that this message names, or that its button stands for."""
        gazetteer = self.wording.gazetteer
        return gazetteer.get(self.payload) or gazetteer.find_one(self.text, self.language, self.reading)

    @property
    def reading(self) -> Reading:
        """Which of the places that it names may be where somebody is."""
        if self.intent in TELLING:
            return Reading.TOLD
        is_answer = self.slots.get("pending") in ASKED_WHERE and len(words(self.text)) <= LONGEST_PLACE
        return Reading.NAMED if is_answer else Reading.LIVING


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
    urgent: str | None = None
    """For whom this is help at once: "danger", "distress" or "child"; None where it is nothing of that kind."""
    passed_on: dict[str, str] | None = None
    """A question that the person has agreed to hand to the team."""

    def _drop_repeated_buttons(self) -> None:
        """Never the same button twice in an answer, by its words or its payload; no reply loses all of its own."""
        titles: set[str] = set()
        payloads: set[str] = set()
        for reply in self.replies:
            kept = []
            own: set[str] = set()
            for button in reply.buttons:
                if button.title in own or button.title in titles or button.payload in payloads | own:
                    continue
                own |= {button.title, button.payload}
                kept.append(button)
            reply.buttons = kept or reply.buttons
            titles |= {button.title for button in reply.buttons}
            payloads |= {button.payload for button in reply.buttons}

    def _may_be_kept(self, turn: Turn) -> bool:
        return not self.private and not self.urgent and not turn.is_near_a_report

    def as_rasa(self, turn: Turn) -> dict[str, Any]:
        """The answer to the action call: slot events and one message that carries everything."""
        slots = {"misses": 0, "pending": None, "pending_text": None, **self.slots}
        if self.private:
            slots["last_question"] = None
        elif not turn.payload and self.understood:
            slots.setdefault("last_question", turn.text)
        self._drop_repeated_buttons()
        # What was told stays nowhere, not even in the assistant's memory; the place is set anew.
        before = {} if self.private else turn.slots
        events: list[dict[str, Any]] = [{"event": "restart"}] if self.private else []
        events += [
            {"event": "slot", "name": name, "value": value}
            for name, value in slots.items()
            if value != before.get(name)
        ]
        confidence = turn.confidence if self.confidence is None else self.confidence
        message = {
            "replies": [reply.model_dump(mode="json") for reply in self.replies],
            "understood": self.understood,
            "confidence": min(max(confidence, 0.0), 1.0),
            "chosen_language": self.chosen_language,
            "private": self.private,
            "urgent": self.urgent,
            "passed_on": self.passed_on,
            "missed": turn.text if slots["misses"] and self._may_be_kept(turn) else None,
        }
        return {"events": events, "responses": [{"custom": message}]}
