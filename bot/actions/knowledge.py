"""Answers from the knowledge base: an entry, a list to choose from, services of a place, and follow-ups."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from bot.actions import numbers, talk
from bot.actions.turn import ASKED_WHERE, LONGEST_PLACE, WHERE, WHICH, Result, Turn
from channels.base import Button, Link, Reply
from conversation.replies import HANDOFF, REPORT, find_edition_name, find_language_name
from core.languages import LANGUAGES
from core.normalise import words
from knowledge.base import Entry
from knowledge.catalogue import find_by_keywords, search
from knowledge.places import Place
from knowledge.schema import Kind, MembershipText, ToolState, ToolText
from knowledge.service_search import (
    MOST_SERVICES,
    OF_THE_CITY,
    PRIVATE_MATTERS,
    SAME_NAME,
    URGENT_NEEDS,
    ServiceQuery,
)

MOST_LISTED = 5
CLOSEST = 3
MISSES_BEFORE_A_PERSON = 2
LONGEST_FOLLOW_UP = 4
"""Words up to which a message after an answer is rather about it than about something else."""
NEAR_THING = 0.8
"""Below this confidence an answer also offers the next closest."""
A_GUESS = 0.3
"""Below this confidence an entry was as good as guessed."""
HALF_HEARD = 0.5
"""Confidence below which a question for help after a tool is rather one for another tool."""
MAY_NEED_HELP = 0.1
"""How likely help or a report must be for a message that seems to be about something else."""
PLACES_OF_DISCRIMINATION = PRIVATE_MATTERS | {"public-services"}
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
        return Result([*numbers.before_service(turn, entry, place), reply], slots={"subject": entry.id})
    if _asks_for_edition(turn, entry):
        return _tell_edition(turn)
    reply = turn.wording.entry(entry, turn.language, today=turn.today)
    if turn.confidence < NEAR_THING:
        reply.buttons = [*_runners_up(turn, entry), *reply.buttons][:MOST_LISTED]
    return Result([reply], slots={"subject": entry.id} | _listed(turn, reply))


def _asks_for_edition(turn: Turn, entry: Entry) -> bool:
    """Whether a network was hardly understood where a tool was shown and a language is named ("in Spanish?")."""
    is_network = entry.kind is Kind.MEMBERSHIP and entry.id.startswith("membership/network-")
    if not is_network or turn.payload or turn.confidence >= NEAR_THING or not _is_short(turn):
        return False
    return _has_tool(turn) and find_edition_name(turn.text, turn.language) is not None


def _tell_edition(turn: Turn) -> Result:
    """Whether the tool that the conversation is about exists in the language that is named."""
    return _about_tool(turn, turn.wording.base.get_entry(turn.subject or ""), "edition")


def _has_tool(turn: Turn) -> bool:
    """Whether the conversation is about a tool."""
    subject = turn.wording.base.entries.get(turn.subject or "")
    return subject is not None and subject.kind is Kind.TOOL


def has_service(turn: Turn) -> bool:
    """Whether the conversation is about a service."""
    subject = turn.wording.base.entries.get(turn.subject or "")
    return subject is not None and subject.kind is Kind.SERVICE


def _is_short(turn: Turn) -> bool:
    return len(words(turn.text)) <= LONGEST_FOLLOW_UP


def _listed(turn: Turn, reply: Reply) -> dict[str, list[str]]:
    """The entries among the buttons of an answer, for "the second one"; those of before where it has none, or where the
    answer itself came from a button."""
    offered = [button.payload.removeprefix("/") for button in reply.buttons]
    entries = [entry for entry in offered if entry in turn.wording.base.entries]
    return {"listed": entries} if entries and not turn.payload else {}


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
    if not entries:
        # Nothing is about what was named; the closest are no answer to it.
        ranked = [turn.wording.base.get_entry(label) for label in turn.ranked_entries][:CLOSEST]
        if ranked:
            return _choice(turn, ranked, "chat.choose_closest")
        return _closest(turn, search(turn.wording.base, turn.text, turn.language)[:CLOSEST])
    return _choice(turn, entries)


def _choice(turn: Turn, entries: list[Entry], key: str = "chat.choose") -> Result:
    reply = turn.wording.suggestions(entries, key, turn.language)
    address = f"{turn.wording.settings.public_url or ''}/catalogue{_catalogue_filter(turn)}"
    reply.links.append(Link(title=turn.wording.texts.get("link.catalogue", turn.language), url=address))
    slots = {"subject": None, "listed": [entry.id for entry in entries], "pending": WHICH}
    return Result([reply], slots=slots)


def _catalogue_filter(turn: Turn) -> str:
    """The catalogue's filter for what the message names, so that the whole list is one tap away."""
    keywords = turn.wording.keywords
    named = {"area": "area", "kind": "tool_kind", "audience": "audience"}
    found = {field: sorted(keywords.find(group, turn.text, turn.language)) for group, field in named.items()}
    chosen = {field: values[0] for field, values in found.items() if len(values) == 1}
    return "?" + urlencode({"kind": "tool"} | chosen) if chosen else ""


def go_to_place(turn: Turn) -> Result:
    """The same help in another place; a service that is there for many countries says first whether it is there."""
    subject = turn.wording.base.entries.get(turn.subject or "")
    is_wide = subject is not None and subject.kind is Kind.SERVICE and subject.service.country in {None, "EU"}
    return find_services(turn, again=subject if is_wide else None)


def find_services(turn: Turn, *, again: Entry | None = None) -> Result:
    """Services of the place, nearest first; without a place, the question where. ``again``: what comes before them."""
    wording, place = turn.wording, turn.find_place()
    if place is None and not turn.payload and turn.confidence < HALF_HEARD:
        subject = turn.wording.base.entries.get(turn.subject or "")
        if subject is not None and subject.kind is not Kind.SERVICE and _goes_on_about_it(turn):
            return _another_for(turn, subject)
    replies: list[Reply] = []
    if place is not None and talk.waits_for_numbers(turn, place):
        if place.country in wording.base.emergency:
            return talk.answer_where(turn, place)
        replies.append(wording.emergency_unknown(place, turn.language))
    query = wording.services.read_query(turn.text, place=place, language=turn.language, reading=turn.reading)
    accused = [OF_THE_CITY] if OF_THE_CITY in (turn.slots.get("ground") or []) else []
    query = replace(query, accuses_city=bool(accused))
    entries = wording.services.find(query, today=turn.today)
    if again is not None:
        entries = [again, *(entry for entry in entries if entry.id != again.id)][:MOST_SERVICES]
    if entries and (own := numbers.before_service(turn, entries[0], place)):
        replies += own
    elif query.needs & URGENT_NEEDS and place is not None:
        replies += [reply for reply in [wording.emergency(place.country, turn.language)] if reply]
    replies += tell_order(turn, query)
    replies += [wording.service(entry, turn.language, today=turn.today, asked_from=place) for entry in entries]
    slots = {"place": place.id if place else turn.slots.get("place"), "ground": sorted(query.grounds) + accused or None}
    if entries:
        return Result(replies, slots=slots | {"subject": entries[0].id, "listed": [entry.id for entry in entries]})
    return Result(replies + _ask_where(turn, place), slots=slots | {"pending": None if place else WHERE})


def tell_order(turn: Turn, query: ServiceQuery) -> list[Reply]:
    """Why others come before the city's own services, where they do."""
    if not turn.wording.services.is_changed_by_accusing(query, today=turn.today):
        return []
    return [turn.wording.say("chat.city_accused", turn.language)]


def _goes_on_about_it(turn: Turn) -> bool:
    """Whether nothing in a hardly understood question for help tells of discrimination, or of what is needed."""
    query = turn.wording.services.read_query(turn.text, language=turn.written_in)
    return not query.needs and not turn.is_near_a_report and (not query.asks_whom or not _has_tool(turn))


def _another_for(turn: Turn, subject: Entry) -> Result:
    """What a short question after an answer rather asks for: tools for somebody else, or whom to tell."""
    if subject.kind is Kind.TOOL:
        named = find_by_keywords(turn.wording.base, turn.wording.keywords, turn.text, turn.language)
        return list_entries(turn) if named else _more(turn, subject)
    result = answer_about_contact(turn, subject)
    result.replies[0].buttons.append(turn.wording.button("button.find_help", turn.language, "/services"))
    return result


def answers_where(turn: Turn) -> bool:
    """Whether the message names the place that was just asked for, whatever else it could mean."""
    if turn.slots.get("pending") not in ASKED_WHERE or len(words(turn.text)) > LONGEST_PLACE:
        return False
    return turn.wording.gazetteer.find_one(turn.text, turn.language) is not None


def names_only_a_place(turn: Turn) -> bool:
    """Whether the message is a place's name and nothing else, and nothing was said before that it would go on."""
    subject = turn.wording.base.entries.get(turn.subject or "")
    if subject is not None and subject.kind is not Kind.SERVICE:
        return False
    return turn.wording.gazetteer.is_only_place(turn.text, turn.language)


def tell_of_place(turn: Turn) -> Result:
    """Who helps in a place of which only the name was said, and a way to its network of cities."""
    result = replace(find_services(turn), confidence=1.0)
    place = turn.find_named_place()
    network = turn.wording.base.entries.get(f"membership/network-{place.country.lower()}") if place else None
    if network is not None:
        result.replies[-1].buttons.append(turn.wording.entry_button(network, turn.language))
    return result


def follow_up(turn: Turn) -> Result:
    """A short question about what was answered last."""
    aspect = turn.entities.get("aspect", "")
    subject = turn.wording.base.entries.get(turn.subject or "")
    if aspect == "place":
        return _follow_to_place(turn, subject)
    if subject is None and turn.slots.get("pending") == WHICH and turn.slots.get("listed"):
        return _choice(turn, [base for each in turn.slots["listed"] if (base := turn.wording.base.entries.get(each))])
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


def suggest(turn: Turn, *, first: Button | None = None) -> Result:
    """Not clear: the closest three; after two misses, a person. ``first``: what comes before them."""
    if turn.wording.services.find_named(turn.text) or _means_a_service(turn):
        return find_services(turn)
    ids = list(dict.fromkeys([*turn.written_close, *turn.ranked_entries]))
    entries = [turn.wording.base.get_entry(label) for label in ids]
    if len(entries) < CLOSEST:
        entries += [entry for entry in search(turn.wording.base, turn.text, turn.language) if entry not in entries]
    result = _closest(turn, entries[:CLOSEST])
    if first is not None:
        result.replies[0].buttons.insert(0, first)
    return result


def decline(turn: Turn) -> Result:
    """Outside the hub's subject: an honest no, and a way on."""
    if turn.wording.services.find_named(turn.text) or _may_need_help(turn):
        return find_services(turn)
    if (subject := turn.wording.base.entries.get(turn.subject or "")) is not None and _is_short(turn):
        close = [entry for entry in _may_be_meant(turn) if entry is not subject]
        return replace(_closest(turn, [subject, *close]), understood=False)
    misses = turn.misses + 1
    reply = turn.wording.say("chat.out_of_scope", turn.language)
    reply.buttons = [
        *(turn.wording.entry_button(entry, turn.language) for entry in _may_be_meant(turn)),
        turn.wording.button("button.what_can_you_do", turn.language, "/help"),
        turn.wording.button("button.find_help", turn.language, "/services"),
    ]
    slots = {"misses": misses} | _listed(turn, reply)
    return _after_a_miss(turn, Result([reply], understood=False, slots=slots))


def _may_need_help(turn: Turn) -> bool:
    """Whether a message that seems to be outside the subject may ask for help against discrimination."""
    share = turn.share_of("find_service") + turn.share_of("report_discrimination")
    query = turn.wording.services.read_query(turn.text, language=turn.written_in)
    return share >= MAY_NEED_HELP and (query.is_near_a_report or bool(query.needs & PLACES_OF_DISCRIMINATION))


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
    is_first = result.slots["misses"] == MISSES_BEFORE_A_PERSON
    offer = turn.wording.say("chat.offer_person" if is_first else "chat.offer_person_again", turn.language)
    offer.buttons = [turn.wording.button("button.ask_team", turn.language, f"/{HANDOFF}")]
    result.replies.append(offer)
    result.slots |= {"pending": "offer", "pending_text": turn.text}
    return result


def _ask_where(turn: Turn, place: Place | None) -> list[Reply]:
    wording = turn.wording
    if place is None:
        reply = wording.say("chat.ask_place", turn.language)
        reply.buttons = wording.country_buttons("place", turn.language)
        if turn.payload or not turn.is_near_a_report:
            return [reply]
        warm = wording.say("chat.may_tell", turn.language)
        warm.buttons = [wording.button("button.report", turn.language, f"/{REPORT}")]
        return [warm, reply]
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
    wanted = turn.payload or find_language_name(turn.text, but=turn.language)
    edition = None if turn.payload else find_edition_name(turn.text, turn.language)
    if edition and _has_tool(turn) and _is_short(turn) and not (wanted and _may_be_switched_to(turn, wanted)):
        return _tell_edition(turn)
    if wanted is None and turn.confidence < A_GUESS and not turn.payload:
        return suggest(turn)
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


def _may_be_switched_to(turn: Turn, language: str) -> bool:
    """Whether the conversation may go on in that language, and does not yet."""
    return LANGUAGES[language].released and language != turn.language
