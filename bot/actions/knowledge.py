"""Answers from the knowledge base: an entry, a list to choose from, services of a place, and follow-ups."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from bot.actions.turn import WHERE, WHERE_FOR_NUMBERS, Result, Turn
from channels.base import Button, Link, Reply
from conversation.replies import HANDOFF, REPORT, find_edition_name, find_language_name
from core.languages import LANGUAGES
from core.normalise import words
from knowledge.base import Entry
from knowledge.catalogue import find_by_keywords, search
from knowledge.places import Place
from knowledge.schema import Kind, MembershipText, ToolState, ToolText
from knowledge.service_search import SAME_NAME, URGENT_NEEDS

MOST_LISTED = 5
CLOSEST = 3
LONGEST_PLACE = 5
"""Words of a message that only says where somebody is ("I am in Reggio Emilia")."""
MISSES_BEFORE_A_PERSON = 2
NEAR_THING = 0.8
"""Below this confidence an answer also offers the next closest."""
A_GUESS = 0.3
"""Below this confidence an entry was as good as guessed."""
MAY_BE_MEANT = 0.05
"""Confidence from which an entry is offered beside a list or a refusal that was understood first."""


def answer_entry(turn: Turn) -> Result:
    """The entry that was asked for; where it was a near thing, its runners-up as buttons."""
    entry = turn.wording.base.entries.get(turn.entities.get("entry", ""))
    if turn.confidence < NEAR_THING and _means_a_service(turn):
        return find_services(turn)
    if entry is None:
        # An older model may still know an answer that the team has withdrawn.
        return replace(suggest(turn), confidence=0.0)
    if entry.kind is Kind.SERVICE:
        place = turn.find_place()
        reply = turn.wording.service(entry, turn.language, today=turn.today, asked_from=place)
        return Result([reply], slots={"subject": entry.id})
    reply = turn.wording.entry(entry, turn.language, today=turn.today)
    if turn.confidence < NEAR_THING:
        reply.buttons = [*_runners_up(turn, entry), *reply.buttons][:MOST_LISTED]
    return Result([reply], slots={"subject": entry.id})


def answer_as_written(turn: Turn, entry_id: str) -> Result:
    """The entry by which the team answers this very question, whatever else was understood."""
    reply = turn.wording.entry(turn.wording.base.get_entry(entry_id), turn.language, today=turn.today)
    return Result([reply], confidence=1.0, slots={"subject": entry_id})


def _means_a_service(turn: Turn) -> bool:
    """Whether a message that was hardly understood names a service, or asks whom to turn to in a place."""
    services, language = turn.wording.services, turn.language
    if any(match.by == "name" and match.strength >= SAME_NAME for match in services.find_named(turn.text)):
        return True
    query = services.read_query(turn.text, language=language)
    return turn.confidence < A_GUESS and query.asks_whom and query.place is not None and bool(query.grounds)


def _runners_up(turn: Turn, entry: Entry) -> list[Button]:
    """The next closest entries, for an answer that may not be the right one."""
    group = turn.wording.base.group_of.get(entry.id)
    told = {entry.id, *(group.members if group else ())}
    others = [turn.wording.base.entries[label] for label in turn.ranked_entries if label not in told]
    return [turn.wording.entry_button(other, turn.language) for other in others[: CLOSEST - 1]]


def _may_be_meant(turn: Turn) -> list[Entry]:
    """Entries that come close to what was understood."""
    base = turn.wording.base
    shares = dict(turn.ranking)
    close = [*turn.written_close, *(label for label in turn.ranked_entries if shares[label] >= MAY_BE_MEANT)]
    return [base.get_entry(label) for label in list(dict.fromkeys(close))[: CLOSEST - 1]]


def list_entries(turn: Turn) -> Result:
    """A short list for a vague question, by the areas, kinds and audiences that it names."""
    starters = turn.wording.base.starters.get(turn.payload)
    if starters:
        return _choice(turn, [turn.wording.base.get_entry(entry_id) for entry_id in starters])
    found = find_by_keywords(turn.wording.base, turn.wording.keywords, turn.text, turn.language)
    likely = _may_be_meant(turn)
    entries = [*likely, *(entry for entry in found if entry not in likely)][:MOST_LISTED]
    entries = entries or [turn.wording.base.get_entry(label) for label in turn.ranked_entries][:CLOSEST]
    if not entries:
        return _closest(turn, search(turn.wording.base, turn.text, turn.language)[:CLOSEST])
    return _choice(turn, entries)


def _choice(turn: Turn, entries: list[Entry]) -> Result:
    reply = turn.wording.suggestions(entries, "chat.choose", turn.language)
    address = f"{turn.wording.settings.public_url or ''}/catalogue{_catalogue_filter(turn)}"
    reply.links.append(Link(title=turn.wording.texts.get("link.catalogue", turn.language), url=address))
    return Result([reply], slots={"listed": [entry.id for entry in entries]})


def _catalogue_filter(turn: Turn) -> str:
    """The catalogue's filter for what the message names, so that the whole list is one tap away."""
    keywords = turn.wording.keywords
    named = {"area": "area", "kind": "tool_kind", "audience": "audience"}
    found = {field: sorted(keywords.find(group, turn.text, turn.language)) for group, field in named.items()}
    chosen = {field: values[0] for field, values in found.items() if len(values) == 1}
    return "?" + urlencode({"kind": "tool"} | chosen) if chosen else ""


def find_services(turn: Turn) -> Result:
    """Services of the place, nearest first; without a place, the question where."""
    wording, place = turn.wording, turn.find_place()
    replies: list[Reply] = []
    if turn.slots.get("pending") == WHERE_FOR_NUMBERS and place is not None:
        reply = wording.emergency(place.country, turn.language)
        if reply is not None:
            return Result([reply], slots={"place": place.id}, private=True)
        replies.append(wording.emergency_unknown(place, turn.language))
    query = wording.services.read_query(turn.text, place=place, language=turn.language)
    entries = wording.services.find(query, today=turn.today)
    if query.needs & URGENT_NEEDS and place is not None:
        replies += [reply for reply in [wording.emergency(place.country, turn.language)] if reply]
    replies += [wording.service(entry, turn.language, today=turn.today, asked_from=place) for entry in entries]
    slots = {"place": place.id if place else turn.slots.get("place"), "ground": sorted(query.grounds) or None}
    if entries:
        return Result(replies, slots=slots | {"subject": entries[0].id})
    return Result(replies + _ask_where(turn, place), slots=slots | {"pending": None if place else WHERE})


def answers_where(turn: Turn) -> bool:
    """Whether the message names the place that was just asked for, whatever else it could mean."""
    if turn.slots.get("pending") not in {WHERE, WHERE_FOR_NUMBERS} or len(words(turn.text)) > LONGEST_PLACE:
        return False
    return turn.wording.gazetteer.find_one(turn.text, turn.language) is not None


def follow_up(turn: Turn) -> Result:
    """A short question about what was answered last."""
    aspect = turn.entities.get("aspect", "")
    subject = turn.wording.base.entries.get(turn.subject or "")
    if aspect == "place":
        return _follow_to_place(turn, subject)
    if subject is None:
        return suggest(turn)
    if aspect == "more" or (aspect == "newer" and subject.kind is not Kind.TOOL):
        return _more(turn, subject)
    if subject.kind is Kind.SERVICE or aspect == "contact":
        return answer_about_contact(turn, subject)
    if subject.kind is Kind.TOOL:
        return _about_tool(turn, subject, aspect)
    if subject.kind is Kind.ANSWER:
        return _about_answer(turn, subject, aspect)
    return _about_membership(turn, subject, aspect)


def answer_about_contact(turn: Turn, subject: Entry) -> Result:
    """How to reach what was answered last; tools and membership are the team's."""
    if subject.kind is Kind.SERVICE:
        entry = turn.wording.base.get_entry(subject.id)
        return Result([turn.wording.service(entry, turn.language, today=turn.today)], slots={"subject": subject.id})
    team = turn.wording.base.get_entry("membership/contact-team")
    reply = turn.wording.entry(team, turn.language, today=turn.today)
    return Result([reply], slots={"subject": subject.id})


def suggest(turn: Turn) -> Result:
    """Not clear: the closest three; after two misses, a person."""
    if turn.wording.services.find_named(turn.text) or _means_a_service(turn):
        return find_services(turn)
    ids = list(dict.fromkeys([*turn.written_close, *turn.ranked_entries]))
    entries = [turn.wording.base.get_entry(label) for label in ids]
    if len(entries) < CLOSEST:
        entries += [entry for entry in search(turn.wording.base, turn.text, turn.language) if entry not in entries]
    return _closest(turn, entries[:CLOSEST])


def decline(turn: Turn) -> Result:
    """Outside the hub's subject: an honest no, and a way on."""
    if turn.wording.services.find_named(turn.text):
        return find_services(turn)
    misses = turn.misses + 1
    reply = turn.wording.say("chat.out_of_scope", turn.language)
    reply.buttons = [
        *(turn.wording.entry_button(entry, turn.language) for entry in _may_be_meant(turn)),
        turn.wording.button("button.what_can_you_do", turn.language, "/help"),
        turn.wording.button("button.find_help", turn.language, "/services"),
    ]
    return _after_a_miss(turn, Result([reply], understood=False, slots={"misses": misses}))


def _closest(turn: Turn, entries: list[Entry]) -> Result:
    misses = turn.misses + 1
    key = "chat.closest" if entries else "chat.nothing_close"
    reply = turn.wording.suggestions(entries, key, turn.language)
    result = Result([reply], slots={"misses": misses, "listed": [entry.id for entry in entries]})
    return _after_a_miss(turn, result)


def _after_a_miss(turn: Turn, result: Result) -> Result:
    """Two misses in a row offer a person, with the words of this message.

    Never with words that may tell of discrimination or violence: these are the readers' of a report, not the team's.
    """
    if result.slots["misses"] < MISSES_BEFORE_A_PERSON:
        return result
    if turn.is_near_a_report:
        ways = turn.wording.say("chat.offer_report", turn.language)
        ways.buttons = [
            turn.wording.button("button.report", turn.language, f"/{REPORT}"),
            turn.wording.button("button.find_help", turn.language, "/services"),
        ]
        result.replies.append(ways)
        return result
    offer = turn.wording.say("chat.offer_person", turn.language)
    offer.buttons = [turn.wording.button("button.ask_team", turn.language, f"/{HANDOFF}")]
    result.replies.append(offer)
    result.slots |= {"pending": "offer", "pending_text": turn.text}
    return result


def _ask_where(turn: Turn, place: Place | None) -> list[Reply]:
    wording = turn.wording
    if place is None:
        reply = wording.say("chat.ask_place", turn.language)
        reply.buttons = wording.country_buttons("place", turn.language)
        return [reply]
    name = wording.gazetteer.name(place, turn.language)
    reply = wording.say("chat.no_service_there", turn.language, place=name)
    reply.buttons = [wording.button("button.find_help", turn.language, "/services")]
    return [reply]


def _follow_to_place(turn: Turn, subject: Entry | None) -> Result:
    place = turn.wording.gazetteer.get(turn.payload) or turn.wording.gazetteer.find_one(turn.text, turn.language)
    if place is None:
        return suggest(turn) if subject is None else find_services(turn)
    if subject is not None and subject.kind is Kind.MEMBERSHIP:
        network = turn.wording.base.entries.get(f"membership/network-{place.country.lower()}")
        if network is not None:
            reply = turn.wording.entry(network, turn.language, today=turn.today)
            return Result([reply], slots={"subject": network.id, "place": place.id})
    return find_services(turn)


def _more(turn: Turn, subject: Entry) -> Result:
    base = turn.wording.base
    if subject.kind is Kind.TOOL:
        entries = [base.get_entry(f"tool/{other}") for other in subject.tool.related]
    else:
        same = [entry for entry in base.list_entries(subject.kind) if _family(entry) == _family(subject)]
        entries = [entry for entry in same if entry.id != subject.id]
    listed = turn.slots.get("listed") or []
    entries = sorted(entries, key=lambda entry: entry.id in listed)[:CLOSEST]
    reply = turn.wording.suggestions(entries, "chat.more" if entries else "chat.nothing_more", turn.language)
    return Result([reply], slots={"subject": subject.id, "listed": [entry.id for entry in entries]})


def _family(entry: Entry) -> str:
    fact = entry.fact
    return getattr(fact, "topic", None) or str(getattr(fact, "country", "")) or entry.kind


def _about_tool(turn: Turn, subject: Entry, aspect: str) -> Result:
    wording, language = turn.wording, turn.language
    text, fact = subject.text(language), subject.tool
    assert isinstance(text, ToolText)
    whole = wording.entry(subject, language, today=turn.today)
    buttons: list[Button] = []
    match aspect:
        case "edition":
            line = _edition(turn, subject)
            if not fact.languages_available:
                buttons = [wording.button("button.ask_team", language, f"/{HANDOFF}")]
        case "newer":
            line = wording.texts.get("chat.tool_state", language, text=text.state)
            if fact.newer:
                buttons = [wording.entry_button(wording.base.get_entry(f"tool/{fact.newer}"), language)]
            elif fact.state is ToolState.CURRENT:
                line += "\n" + wording.texts.get("chat.no_newer", language)
        case "audience" | "effort" | "first_step" | "state":
            line = wording.texts.get(f"chat.tool_{aspect}", language, text=getattr(text, aspect))
        case "source":
            line = wording.source_line(subject, language)
        case "cost":
            line = wording.texts.get("chat.tool_cost", language)
            buttons = [wording.button("button.ask_team", language, f"/{HANDOFF}")]
        case _:
            return Result([whole], slots={"subject": subject.id})
    links = whole.links + (wording.source_links(subject, language) if aspect == "source" else [])
    reply = Reply(
        text=f"{text.title}\n{line}", answer=subject.id, links=links, buttons=buttons, language=whole.language
    )
    return Result([reply], slots={"subject": subject.id})


def _edition(turn: Turn, subject: Entry) -> str:
    """The languages of a tool; where one language was asked for, first whether it is among them."""
    wording, language = turn.wording, turn.language
    wanted, known = find_edition_name(turn.text, language), subject.tool.languages_available
    if wanted is None or not known:
        return wording.editions(subject, language)
    name = wording.language_name(wanted, language)
    if wanted not in {code.partition("-")[0] for code in known}:
        return wording.texts.get(
            "chat.edition_no", language, name=name, languages=wording.edition_names(subject, language)
        )
    lines = [wording.texts.get("chat.edition_yes", language, name=name)]
    return "\n".join([*lines, wording.editions(subject, language)] if len(known) > 1 else lines)


def _about_membership(turn: Turn, subject: Entry, aspect: str) -> Result:
    wording, language = turn.wording, turn.language
    text = subject.text(language)
    assert isinstance(text, MembershipText)
    lines = {
        "first_step": wording.texts.get("chat.next_step", language, text=text.next_step),
        "source": wording.source_line(subject, language),
    }
    if aspect not in lines:
        return Result([wording.entry(subject, language, today=turn.today)], slots={"subject": subject.id})
    links = wording.source_links(subject, language)
    reply = Reply(text=f"{text.title}\n{lines[aspect]}", answer=subject.id, links=links, language=language)
    return Result([reply], slots={"subject": subject.id})


def _about_answer(turn: Turn, subject: Entry, aspect: str) -> Result:
    reply = turn.wording.entry(subject, turn.language, today=turn.today)
    if aspect == "source":
        spoken = subject.spoken(turn.language)
        text = f"{subject.title(spoken)}\n{turn.wording.source_line(subject, spoken)}"
        reply = Reply(text=text, answer=subject.id, links=reply.links, language=spoken)
    return Result([reply], slots={"subject": subject.id})


def switch_language(turn: Turn) -> Result:
    """Another language for the conversation: the one named, else the released ones to choose from."""
    wanted = turn.payload or find_language_name(turn.text)
    if wanted is None:
        reply = turn.wording.say("language.which", turn.language)
        reply.buttons = turn.wording.language_buttons()
        return Result([reply])
    if not LANGUAGES[wanted].released:
        reply = turn.wording.say("language.not_yet", wanted)
        reply.buttons = turn.wording.language_buttons()
        return Result([reply])
    replies = [turn.wording.say("language.switched", wanted)]
    subject = turn.wording.base.entries.get(turn.subject or "")
    if subject is not None:
        replies.append(turn.wording.entry(subject, wanted, today=turn.today))
    return Result(replies, chosen_language=wanted, slots={"subject": turn.subject})
