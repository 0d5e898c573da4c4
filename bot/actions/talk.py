"""Talk around the subject, and people in need: danger, distress, a child. Short replies, each with a way on."""

from __future__ import annotations

from dataclasses import replace

from bot.actions.turn import FOR_NUMBERS, WHERE, WHERE_FOR_LINE, WHERE_FOR_NUMBERS, Result, Turn
from channels.base import Link, Reply
from conversation.replies import FORGET
from conversation.safety import hear_cry
from knowledge.places import Place

HARDLY = 0.25
"""Confidence below which danger, distress or a child was heard by chance, where no words cry for help."""
_KIND_OF_LINE = {"crisis_line": "distress", "child_helpline": "child"}

_WITH_WAYS_ON = frozenset({"greet", "ask_capabilities", "ask_identity", "insult"})


def small_talk(turn: Turn) -> Result:
    """One fitting sentence; where it helps, buttons for what one can do here."""
    intent = turn.intent if turn.wording.texts.has(f"talk.{turn.intent}", "en") else "greet"
    reply = turn.wording.say(f"talk.{intent}", turn.language)
    if intent in _WITH_WAYS_ON:
        reply.buttons = [
            turn.wording.button("button.browse_tools", turn.language, "/tools"),
            turn.wording.button("button.membership", turn.language, "/membership"),
            turn.wording.button("button.find_help", turn.language, "/services"),
        ]
    if intent == "ask_capabilities":
        reply.buttons.append(turn.wording.button("button.beginner", turn.language, "/beginner"))
    return Result([reply], slots={"subject": turn.subject})


def tell_what_is_kept(turn: Turn) -> Result:
    """What the hub keeps of a conversation and of a report, how to delete it, and the page with the whole of it."""
    wording = turn.wording
    reply = wording.say("talk.ask_privacy", turn.language)
    address = f"{wording.settings.public_url or ''}/privacy"
    reply.links = [Link(title=wording.texts.get("page.site.privacy", turn.language), url=address)]
    reply.buttons = [wording.button("button.forget", turn.language, f"/{FORGET}")]
    return Result([reply], slots={"subject": turn.subject, "pending": FORGET})


def give_emergency(turn: Turn) -> Result:
    """Danger: the numbers of the country first; country unknown, call where you are, or choose."""
    wording, place = turn.wording, turn.find_place()
    slots = {"pending": WHERE_FOR_NUMBERS, "place": place.id if place else None}
    reply = wording.emergency_anywhere(turn.language) if place is None else _numbers(turn, place)
    return Result([reply], slots=slots, private=True, urgent="danger")


def comfort(turn: Turn) -> Result:
    """Despair: a human sentence, the crisis line of the country where one is known, and the emergency number."""
    return _with_help_line(turn, "talk.distress", "crisis_line")


def help_child(turn: Turn) -> Result:
    """A child writes: plain words, the child helpline, and the emergency number."""
    return _with_help_line(turn, "talk.child", "child_helpline")


def _with_help_line(turn: Turn, key: str, line: str) -> Result:
    wording, place = turn.wording, turn.find_place()
    replies: list[Reply] = [wording.say(key, turn.language)]
    replies += _line(turn, line, place) if place else [wording.emergency_anywhere(turn.language)]
    slots = {"pending": WHERE_FOR_LINE[line], "place": place.id if place else None}
    return Result(replies, slots=slots, private=True, urgent=_KIND_OF_LINE[line])


def _line(turn: Turn, line: str, place: Place) -> list[Reply]:
    """A help line of the country with a word before it, or that none is known, and the emergency numbers."""
    wording, language = turn.wording, turn.language
    help_line = wording.help_line(line, place.country, language)
    if help_line is None:
        return [wording.say("talk.no_line", language), _numbers(turn, place)]
    help_line.text = f"{wording.texts.get(f'talk.{line}', language)}\n{help_line.text}"
    return [help_line, _numbers(turn, place)]


def _numbers(turn: Turn, place: Place) -> Reply:
    """The emergency numbers of the country, and a way to services near."""
    wording, language = turn.wording, turn.language
    reply = wording.emergency(place.country, language) or wording.emergency_unknown(place, language)
    reply.buttons = [wording.button("button.find_help", language, "/services")]
    return reply


def answer_where(turn: Turn, place: Place) -> Result:
    """Where somebody is, who needs help at once: the line that was meant, and the numbers."""
    pending = turn.slots.get("pending")
    line = next((name for name, value in WHERE_FOR_LINE.items() if value == pending), None)
    replies = _line(turn, line, place) if line else [_numbers(turn, place)]
    urgent = _KIND_OF_LINE[line] if line else "danger"
    return Result(replies, slots={"place": place.id, "pending": WHERE}, private=True, urgent=urgent)


def keep_line(turn: Turn, result: Result) -> Result:
    """A child, or somebody who wants to die, gets the line of their country as soon as they name it, in whatever
    message that is; until then it is not forgotten, whatever else is said."""
    pending = turn.slots.get("pending")
    if pending not in WHERE_FOR_LINE.values() or result.urgent in _KIND_OF_LINE.values():
        return result
    named = turn.find_named_place()
    if named is None or _has_numbers(turn, named):
        if turn.slots.get("place") is None and result.slots.get("pending") in {None, WHERE, WHERE_FOR_NUMBERS}:
            result.slots["pending"] = pending
        return result
    first = answer_where(turn, named)
    given = {reply.text for reply in first.replies}
    replies = [*first.replies, *(reply for reply in result.replies if reply.text not in given)]
    return replace(result, replies=replies, slots=result.slots | first.slots, private=True, urgent=first.urgent)


def waits_for_numbers(turn: Turn, place: Place) -> bool:
    """Whether somebody was asked where they are for their emergency numbers, and has not got those of this country."""
    return turn.slots.get("pending") in FOR_NUMBERS and not _has_numbers(turn, place)


def _has_numbers(turn: Turn, place: Place) -> bool:
    known = turn.wording.gazetteer.get(turn.slots.get("place"))
    return known is not None and known.country == place.country


def is_hardly_heard(turn: Turn) -> bool:
    """Whether danger, distress or a child was hardly understood, and no words cry for help."""
    return not turn.payload and turn.confidence < HARDLY and hear_cry(turn.text, first=turn.written_in) is None


def add_way_to_help(turn: Turn, result: Result) -> Result:
    """Somebody may have meant danger: the answer to what else they may mean, and how to call for help. Such words are
    never kept for the team."""
    reply = turn.wording.say("language.emergency", turn.language)
    reply.buttons = turn.wording.country_buttons("emergency", turn.language)
    return replace(result, replies=[*result.replies, reply], urgent=result.urgent or "danger")
