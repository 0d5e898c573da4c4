"""The three flows that a conversation can open: a report, preferences, and a person of the team."""

from __future__ import annotations

from bot.actions.turn import WHERE, Result, Turn
from channels.base import Link, Reply
from conversation.replies import HANDOFF, PREFERENCES, REPORT
from knowledge.service_search import ServiceQuery

MAY_ASK_FOR = 0.1
"""Confidence from which a story that names a place may be a question for services."""
OFFERED, SHOWN, WAITING = "offer", "handoff", "handoff_words"
REMINDED = "handoff_again"
"""The words were shown a second time, since something else than an answer came."""


def open_report(turn: Turn) -> Result:
    """Somebody tells of discrimination: what the hub can do today, and who helps near them. Nothing of it is kept."""
    wording, place = turn.wording, turn.find_place()
    replies: list[Reply] = []
    if place is not None:
        urgent = wording.emergency(place.country, turn.language)
        query = wording.services.read_query(turn.text, place=place, language=turn.language)
        if urgent is not None and query.needs & {"emergency", "hate-crime"}:
            replies.append(urgent)
    key = "flow.report" if place is None else "flow.report_here"
    opening = wording.say(key, turn.language, address=wording.team_address())
    opening.answer = REPORT
    opening.place = place.id if place else None
    replies.append(opening)
    if place is None:
        opening.buttons = wording.country_buttons("report", turn.language)
    else:
        found = wording.services.find(query, today=turn.today)
        services = [wording.service(entry, turn.language, today=turn.today, asked_from=place) for entry in found]
        at = replies.index(opening) if _may_ask_for_services(turn, query) else len(replies)
        replies[at:at] = services
    slots = {"place": place.id if place else None, "subject": None, "listed": None, "pending": None if place else WHERE}
    return Result(replies, slots=slots, private=True)


def tell_about_reports(turn: Turn) -> Result:
    """Somebody has told already, or asks who reads what is told: the way back with the code. Nothing of it is kept."""
    wording = turn.wording
    reply = wording.say("flow.report_status", turn.language)
    address = f"{wording.settings.public_url or ''}/report/return"
    reply.links = [Link(title=wording.texts.get("link.report_return", turn.language), url=address)]
    return Result([reply], private=True)


def _may_ask_for_services(turn: Turn, query: ServiceQuery) -> bool:
    """Who tells a story and asks whom to turn to, names a service, or names a place and may want help there."""
    if query.asks_whom or turn.wording.services.find_named(turn.text):
        return True
    is_named = turn.wording.gazetteer.find_one(turn.text, turn.language) is not None
    return is_named and any(label == "find_service" and share >= MAY_ASK_FOR for label, share in turn.ranking)


def open_preferences(turn: Turn) -> Result:
    """What the hub sends to a coordinator. The hub's own talk (conversation/wishes) takes the place of this reply."""
    settings = turn.wording.settings
    url = f"{settings.public_url or settings.address}/preferences"
    reply = turn.wording.say("preferences_talk.opening", turn.language, url=url)
    reply.answer = PREFERENCES
    return Result([reply])


def offer_handoff(turn: Turn) -> Result:
    """Show the exact words that would be passed on and who reads them, and ask."""
    words = str(turn.slots.get("pending_text") or turn.slots.get("last_question") or "")
    if not turn.payload and len(turn.text.split()) > 6:
        # The request itself holds the question.
        words = turn.text
    if not words:
        reply = turn.wording.say("flow.handoff_ask", turn.language)
        reply.answer = HANDOFF
        reply.buttons = [turn.wording.button("button.cancel", turn.language, "/cancel")]
        return Result([reply], slots={"pending": WAITING, "subject": turn.subject})
    return show_words(turn, words)


def show_words(turn: Turn, words: str) -> Result:
    """The words, who reads them, and the two buttons."""
    wording = turn.wording
    reply = wording.say("flow.handoff", turn.language, words=words, address=wording.team_address())
    if wording.services.read_query(words, language=turn.language).is_near_a_report:
        reply.text += "\n" + wording.texts.get("flow.handoff_no_cases", turn.language)
    reply.answer = HANDOFF
    reply.buttons = [
        wording.button("button.send", turn.language, "/confirm"),
        wording.button("button.cancel", turn.language, "/cancel"),
    ]
    return Result([reply], slots={"pending": SHOWN, "pending_text": words, "subject": turn.subject})


def remind(turn: Turn) -> Result:
    """Neither a yes nor a no to the words that were shown: nothing was sent yet, and the two buttons once more."""
    words = str(turn.slots.get("pending_text") or "")
    result = show_words(turn, words)
    result.replies[0].text = turn.wording.texts.get("flow.handoff_not_sent", turn.language, words=words)
    result.slots |= {"pending": REMINDED, "last_question": words}
    return result


def confirm(turn: Turn) -> Result:
    """A yes: to the offer of a person, or to the words that were shown."""
    pending = turn.slots.get("pending")
    if pending == OFFERED:
        return show_words(turn, str(turn.slots.get("pending_text") or ""))
    if pending in {SHOWN, REMINDED}:
        reply = turn.wording.say("flow.handoff_sent", turn.language)
        words = str(turn.slots.get("pending_text") or "")
        passed_on = {"question": words, "subject": turn.subject or ""}
        return Result([reply], slots={"subject": turn.subject}, passed_on=passed_on)
    return Result([turn.wording.say("talk.affirm", turn.language)], slots={"subject": turn.subject})


def cancel(turn: Turn) -> Result:
    """A no: nothing is passed on."""
    key = "flow.handoff_cancelled" if turn.slots.get("pending") in {OFFERED, SHOWN, REMINDED, WAITING} else "talk.deny"
    return Result([turn.wording.say(key, turn.language)], slots={"subject": turn.subject})
