"""Which action is which function; the names stand in bot/domain/."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bot.actions import about_services, deadlines, flows, knowledge, members, numbers, picking, talk
from bot.actions.turn import IS_MEMBER, WHERE_FOR_DEADLINES, Result, Turn

ACTIONS: dict[str, Callable[[Turn], Result]] = {
    "action_answer_entry": knowledge.answer_entry,
    "action_list_entries": knowledge.list_entries,
    "action_find_services": knowledge.find_services,
    "action_follow_up": knowledge.follow_up,
    "action_switch_language": knowledge.switch_language,
    "action_suggest": knowledge.suggest,
    "action_decline": knowledge.decline,
    "action_open_report": flows.open_report,
    "action_tell_about_reports": flows.tell_about_reports,
    "action_open_preferences": flows.open_preferences,
    "action_offer_handoff": flows.offer_handoff,
    "action_confirm": flows.confirm,
    "action_cancel": flows.cancel,
    "action_give_emergency": talk.give_emergency,
    "action_comfort": talk.comfort,
    "action_help_child": talk.help_child,
    "action_small_talk": talk.small_talk,
    "action_tell_what_is_kept": talk.tell_what_is_kept,
    "action_tell_deadlines": deadlines.tell_deadlines,
}

HANDOFF_WORDS_FIRST = frozenset(
    {
        "action_cancel",
        "action_open_report",
        "action_tell_about_reports",
        "action_give_emergency",
        "action_comfort",
        "action_help_child",
        "action_tell_what_is_kept",
    }
)
"""Actions that go on as they are, even when the conversation waits for the words of a question."""

ANSWERS_HANDOFF = HANDOFF_WORDS_FIRST | {"action_confirm", "action_offer_handoff", "action_switch_language"}
"""Actions that go on as they are while the words for the team wait for a yes; all others come after it."""

ON_NEED = frozenset({"action_give_emergency", "action_comfort", "action_help_child"})
"""Actions for people in need; where that was hardly heard, something else was meant more often."""

ABOUT_KNOWLEDGE = frozenset(
    "action_answer_entry action_list_entries action_find_services action_follow_up action_suggest action_decline "
    "action_small_talk".split()
)
"""Actions that give way to the entry by which the team answers a question; what is about safety never does."""

MAY_BE_A_PLACE = ABOUT_KNOWLEDGE - {"action_follow_up", "action_find_services"}
"""Of these, what a message that is only a place's name may be taken for; the two others make of it what it is."""


ACTION_OF_INTENT = {
    "ask_entry": "action_answer_entry",
    "browse_entries": "action_list_entries",
    "find_service": "action_find_services",
    "switch_language": "action_switch_language",
    "report_discrimination": "action_open_report",
    "report_status": "action_tell_about_reports",
    "change_preferences": "action_open_preferences",
    "talk_to_person": "action_offer_handoff",
    "affirm": "action_confirm",
    "deny": "action_cancel",
    "danger": "action_give_emergency",
    "distress": "action_comfort",
    "ask_privacy": "action_tell_what_is_kept",
    "ask_deadline": "action_tell_deadlines",
    "unclear": "action_suggest",
}
"""What a payload does while the assistant is away; bot/rules/ says the same to Rasa, and a test compares them."""


def action_for(rasa_text: str, metadata: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The action and the tracker for a payload ('/ask_entry{"entry": ...}'), without Rasa and without a memory."""
    intent, brace, entities = rasa_text.removeprefix("/").partition("{")
    found = json.loads(brace + entities) if brace else {}
    latest = {
        "intent": {"name": intent, "confidence": 1.0},
        "entities": [{"entity": name, "value": value} for name, value in found.items()],
        "metadata": metadata,
    }
    return ACTION_OF_INTENT.get(intent, "action_small_talk"), {"latest_message": latest, "slots": {}}


def run_action(name: str, turn: Turn) -> Result:
    """Run the action that the assistant decided on. Raises KeyError for an unknown name."""
    if name not in ON_NEED or not talk.is_hardly_heard(turn):
        return talk.keep_line(turn, _run(name, turn))
    result = _run("action_suggest", turn)
    is_answer = knowledge.answers_where(turn) or picking.find_picked(turn) is not None
    if not is_answer and result.urgent is None:
        result = talk.add_way_to_help(turn, result)
    return talk.keep_line(turn, result)


def _run(name: str, turn: Turn) -> Result:
    action = ACTIONS[name]
    if turn.payload:
        # A button means what it says.
        return action(turn)
    if turn.slots.get("pending") == flows.WAITING and name not in HANDOFF_WORDS_FIRST:
        return flows.show_words(turn, turn.text)
    if turn.slots.get("pending") == flows.SHOWN and name not in ANSWERS_HANDOFF:
        return flows.take_new_words(turn)
    if turn.written is not None and name in ABOUT_KNOWLEDGE:
        return knowledge.answer_as_written(turn, turn.written)
    may_name_place = name in ABOUT_KNOWLEDGE or (name == "action_switch_language" and flows.is_a_guess(turn))
    if may_name_place and knowledge.answers_where(turn):
        is_for_deadlines = turn.slots.get("pending") == WHERE_FOR_DEADLINES
        return deadlines.tell_deadlines(turn) if is_for_deadlines else knowledge.find_services(turn)
    if name in ABOUT_KNOWLEDGE and (number := numbers.find_asked(turn)) is not None:
        return numbers.answer_number(turn, number)
    if name in ABOUT_KNOWLEDGE and (picked := picking.find_picked(turn)) is not None:
        return knowledge.answer_as_written(turn, picked)
    if name not in ON_NEED and (matter := about_services.find_question(turn)) is not None:
        return about_services.answer_question(turn, matter)
    if name not in HANDOFF_WORDS_FIRST:
        if (asked := members.find_question(turn)) is not None:
            return members.answer_membership(turn, asked)
        if name in ABOUT_KNOWLEDGE and (unknown := members.find_unknown_place(turn)) is not None:
            return members.ask_country(turn, unknown)
        if name in ABOUT_KNOWLEDGE and (following := members.find_next_place(turn)) is not None:
            if turn.slots.get("pending") == IS_MEMBER:
                return members.answer_membership(turn, following)
            if knowledge.has_service(turn) and turn.find_named_place() is not None:
                return knowledge.go_to_place(turn)
    if name in MAY_BE_A_PLACE and knowledge.names_only_a_place(turn):
        return knowledge.tell_of_place(turn)
    if name == "action_small_talk" and flows.is_a_guess(turn) and picking.has_more_than_thanks(turn):
        return knowledge.suggest(turn)
    return action(turn)
