"""What the hub's buttons and commands carry ("/tool/icc-index", "/place/IT"), and what each means to the assistant."""

from __future__ import annotations

import json
from dataclasses import dataclass

from conversation.replies import FORGET, HANDOFF, PREFERENCES, REPORT, Wording
from conversation.wishes.talk import PreferencesTalk
from core.languages import LANGUAGES

INTENT_OF_PAYLOAD = {
    REPORT: "report_discrimination",
    PREFERENCES: "change_preferences",
    HANDOFF: "talk_to_person",
    "confirm": "affirm",
    "cancel": "deny",
    "help": "ask_capabilities",
    "start": "greet",
    "services": "find_service",
}
INTENT_OF_PREFIX = {
    "emergency": "danger",
    "place": "find_service",
    "report": "report_discrimination",
    "deadline": "ask_deadline",
    "language": "switch_language",
    "tools": "browse_entries",
    "membership": "browse_entries",
    "beginner": "browse_entries",
}


@dataclass(frozen=True)
class Payload:
    """A button's payload, read: the assistant's text for it, and the value that it carries."""

    rasa_text: str
    value: str


def read_payload(text: str, wording: Wording, talk: PreferencesTalk | None) -> Payload | None:
    """A payload that the hub gives out, or None: any other text that begins with a slash is a text.

    ``talk``: knows its own payloads, and handles them without the assistant.
    """
    if not text.startswith("/"):
        return None
    name, _, value = text[1:].partition("/")
    whole = text[1:].strip()
    if whole == FORGET or (talk is not None and talk.is_payload(whole)):
        return Payload("", whole)
    if whole in wording.base.entries:
        return Payload(f"/ask_entry{json.dumps({'entry': whole})}", whole)
    if whole in INTENT_OF_PAYLOAD:
        return Payload(f"/{INTENT_OF_PAYLOAD[whole]}", whole)
    if name in INTENT_OF_PREFIX and _is_known_value(name, value, wording):
        return Payload(f"/{INTENT_OF_PREFIX[name]}", value or name)
    return None


def _is_known_value(name: str, value: str, wording: Wording) -> bool:
    if name == "language":
        return value in LANGUAGES
    if name in {"tools", "membership"}:
        return not value
    return wording.gazetteer.get(value) is not None
