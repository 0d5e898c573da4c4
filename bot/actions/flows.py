"""The three flows that a conversation can open: a report, preferences, and a person of the team."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from bot.actions.knowledge import A_GUESS, suggest, tell_order
from bot.actions.turn import WHERE, Result, Turn
from channels.base import Link, Reply
from conversation.replies import FORGET, HANDOFF, PREFERENCES, REPORT
from core.normalise import words as split_words
from knowledge.base import FOLDER, Entry
from knowledge.service_search import OF_THE_CITY, ServiceQuery

MAY_ASK_FOR = 0.1
"""Confidence from which a story may be a question for services, or for an entry."""
HALF_SURE = 0.5
"""Confidence below which a sentence that only names topics may ask about them."""
OFFERED, SHOWN, WAITING = "offer", "handoff", "handoff_words"
REMINDED = "handoff_again"
"""The words were shown a second time, since something else than an answer came."""
SENT = "handoff_sent"
LONGEST_REQUEST = 6
"""Words up to which a request for a person holds no question."""
FEWEST_WORDS_OF_A_QUESTION = 4


def open_report(turn: Turn) -> Result:
    """Somebody tells of discrimination: what the hub can do today, and who helps near them. Nothing of it is kept."""
    wording, place = turn.wording, turn.find_place()
    if is_a_guess(turn) and not turn.has_words_of_a_report and _may_ask_for_entry(turn):
        return suggest(turn, first=wording.button("button.report", turn.language, f"/{REPORT}"))
    replies: list[Reply] = []
    found: list[Entry] = []
    accuses = wording.services.names_city_office(turn.text, turn.written_in)
    if place is not None:
        urgent = wording.emergency(place.country, turn.language)
        query = wording.services.read_query(turn.text, place=place, language=turn.language, reading=turn.reading)
        if urgent is not None and query.needs & {"emergency", "hate-crime"}:
            replies.append(urgent)
        query = replace(query, accuses_city=accuses)
        found = wording.services.find(query, today=turn.today)
    opening = wording.say("flow.report_here" if found else "flow.report", turn.language, address=wording.team_address())
    opening.answer = REPORT
    replies.append(opening)
    if place is None or not found:
        # Where nobody is known to help, the place may not be where somebody is, and it is asked.
        place = None
        opening.buttons = wording.country_buttons("report", turn.language)
    else:
        opening.place = place.id
        services = [wording.service(entry, turn.language, today=turn.today, asked_from=place) for entry in found]
        services = [*tell_order(turn, query), *services]
        at = replies.index(opening) if _may_ask_for_services(turn, query) else len(replies)
        replies[at:at] = services
    # A place that comes next is where they are, also after one that was only part of the story.
    slots = {
        "place": place.id if place else None,
        "subject": found[0].id if found else None,
        "listed": [entry.id for entry in found] or None,
        "pending": WHERE,
        # The services of the place that comes next are in the same order.
        "ground": [OF_THE_CITY] if accuses else None,
    }
    return Result(replies, slots=slots, private=True)


def _may_ask_for_entry(turn: Turn) -> bool:
    return any(turn.share_of(entry) >= MAY_ASK_FOR for entry in turn.ranked_entries[:1])


def is_a_guess(turn: Turn) -> bool:
    """Whether nobody should be taken at this word; who presses a button is."""
    return not turn.payload and turn.confidence < A_GUESS


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
    is_named = turn.wording.gazetteer.find_one(turn.text, turn.language, turn.reading) is not None
    return is_named and any(label == "find_service" and share >= MAY_ASK_FOR for label, share in turn.ranking)


def open_preferences(turn: Turn) -> Result:
    """What the hub sends to a coordinator. The hub's own talk (conversation/wishes) takes the place of this reply."""
    settings = turn.wording.settings
    wish = turn.wording.wishes.read(turn.text, turn.written_in, today=turn.today)
    sure_enough = HALF_SURE if wish.is_only_named and wish.topics else A_GUESS
    if not turn.payload and turn.confidence < sure_enough:
        return suggest(turn, first=turn.wording.button("button.preferences", turn.language, f"/{PREFERENCES}"))
    url = f"{settings.public_url or settings.address}/preferences"
    reply = turn.wording.say("preferences_talk.opening", turn.language, url=url)
    reply.answer = PREFERENCES
    return Result([reply])


def offer_handoff(turn: Turn) -> Result:
    """Show the exact words that would be passed on and who reads them, and ask."""
    words = str(turn.slots.get("pending_text") or turn.slots.get("last_question") or "")
    if not turn.payload and len(turn.text.split()) > LONGEST_REQUEST and not _only_asks_for_somebody(turn.text):
        # The request itself holds the question.
        words = turn.text
    if not words:
        reply = turn.wording.say("flow.handoff_ask", turn.language)
        reply.answer = HANDOFF
        reply.buttons = [turn.wording.button("button.cancel", turn.language, "/cancel")]
        return Result([reply], slots={"pending": WAITING, "subject": turn.subject})
    return show_words(turn, words)


def _only_asks_for_somebody(text: str) -> bool:
    return _words_of_a_request(FOLDER).issuperset(split_words(text))


@cache
def _words_of_a_request(folder: Path) -> frozenset[str]:
    paths = sorted((folder / "texts").glob("*/handoff.yaml"))
    lists = (yaml.safe_load(path.read_text(encoding="utf-8"))["request"] for path in paths)
    return frozenset(word for spelled in lists for one in spelled for word in split_words(one))


def take_new_words(turn: Turn) -> Result:
    """Somebody went on writing while their words waited for a yes: a sentence takes their place, and this is said."""
    if len(split_words(turn.text)) < FEWEST_WORDS_OF_A_QUESTION:
        return remind(turn)
    before = str(turn.slots.get("pending_text") or "")
    result = show_words(turn, turn.text)
    instead = turn.wording.texts.get("flow.handoff_instead", turn.language, words=before)
    result.replies[0].text = f"{instead}\n{result.replies[0].text}"
    result.slots |= {"pending": REMINDED, "last_question": turn.text}
    return result


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
        return Result([reply], slots={"subject": turn.subject, "pending": SENT}, passed_on=passed_on)
    if pending == FORGET:
        # The hub deletes when it sees this answer, and says so where it could not delete everything at once.
        forgotten = turn.wording.say("talk.forgotten", turn.language)
        forgotten.answer = FORGET
        return Result([forgotten], private=True)
    if pending == SENT:
        reply = turn.wording.say("flow.handoff_sent_already", turn.language)
        return Result([reply], slots={"subject": turn.subject, "pending": SENT})
    return Result([turn.wording.say("talk.affirm", turn.language)], slots={"subject": turn.subject})


def cancel(turn: Turn) -> Result:
    """A no: nothing is passed on."""
    key = "flow.handoff_cancelled" if turn.slots.get("pending") in {OFFERED, SHOWN, REMINDED, WAITING} else "talk.deny"
    return Result([turn.wording.say(key, turn.language)], slots={"subject": turn.subject})
