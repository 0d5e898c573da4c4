"""Talk around the subject, and people in need: danger, distress, a child. Short replies, each with a way on."""

from __future__ import annotations

from bot.actions.turn import WHERE_FOR_NUMBERS, Result, Turn
from channels.base import Link, Reply

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
    return Result([reply], slots={"subject": turn.subject})


def give_emergency(turn: Turn) -> Result:
    """Danger: the numbers of the country first; country unknown, call where you are, or choose."""
    wording, place = turn.wording, turn.find_place()
    if place is None:
        slots = {"pending": WHERE_FOR_NUMBERS, "place": None}
        return Result([wording.emergency_anywhere(turn.language)], slots=slots, private=True)
    reply = wording.emergency(place.country, turn.language) or wording.emergency_unknown(place, turn.language)
    reply.buttons = [wording.button("button.find_help", turn.language, "/services")]
    return Result([reply], slots={"place": place.id}, private=True)


def comfort(turn: Turn) -> Result:
    """Despair: a human sentence, the crisis line of the country where one is known, and the emergency number."""
    return _with_help_line(turn, "talk.distress", "crisis_line")


def help_child(turn: Turn) -> Result:
    """A child writes: plain words, the child helpline, and the emergency number."""
    return _with_help_line(turn, "talk.child", "child_helpline")


def _with_help_line(turn: Turn, key: str, line: str) -> Result:
    wording, place = turn.wording, turn.find_place()
    replies: list[Reply] = [wording.say(key, turn.language)]
    if place is None:
        replies.append(wording.emergency_anywhere(turn.language))
        return Result(replies, slots={"pending": WHERE_FOR_NUMBERS}, private=True)
    help_line = wording.help_line(line, place.country, turn.language)
    emergency = wording.emergency(place.country, turn.language)
    replies += [reply for reply in (help_line, emergency or wording.emergency_unknown(place, turn.language)) if reply]
    return Result(replies, slots={"place": place.id}, private=True)
