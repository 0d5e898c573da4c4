"""A question about the services that were just shown, answered from their facts: that alone, and not all of them again.

Where the source does not tell, this is said; nothing is concluded from it.
"""

from __future__ import annotations

from bot.actions.turn import Result, Turn
from channels.base import Reply
from core.texts import labelled, listed
from knowledge.base import Entry
from knowledge.schema import Kind, ServiceText
from knowledge.service_questions import find_matter, find_sentence

_ANONYMOUS = {
    True: "page.entry.anonymous_yes",
    False: "page.entry.anonymous_no",
    "partly": "page.entry.anonymous_partly",
}


def find_question(turn: Turn) -> str | None:
    """What a message asks of the services that the conversation is about; None when it asks anything else."""
    return find_matter(turn.text) if turn.text and _shown(turn) else None


def answer_question(turn: Turn, matter: str) -> Result:
    """One line for each service, from its facts, and buttons to reach them."""
    wording, language, services = turn.wording, turn.language, _shown(turn)
    lines = [labelled(entry.title(language), _line(turn, entry, matter), language) for entry in services]
    reply = Reply(
        text="\n".join([*lines, "", wording.texts.get("chat.service_ask_them", language)]),
        answer=services[0].id,
        covers=[entry.id for entry in services[1:]],
        buttons=[wording.entry_button(entry, language) for entry in services],
        language=language,
    )
    return Result([reply], confidence=1.0, slots={"subject": services[0].id})


def _shown(turn: Turn) -> list[Entry]:
    """The services shown last; only the first where the conversation went on to it alone."""
    entries = turn.wording.base.entries
    subject = entries.get(turn.subject or "")
    if subject is None or subject.kind is not Kind.SERVICE:
        return []
    near = [entries[each] for each in turn.slots.get("listed") or [] if each in entries]
    together = near[:1] == [subject] and all(entry.kind is Kind.SERVICE for entry in near)
    return near if together else [subject]


def _line(turn: Turn, entry: Entry, matter: str) -> str:
    wording, language, fact = turn.wording, turn.language, entry.service
    if matter == "anonymous" and fact.anonymous is not None:
        return wording.texts.get(_ANONYMOUS[fact.anonymous], language)
    if matter == "language" and fact.languages:
        names = listed([wording.language_name(code, language) for code in fact.languages], language)
        return wording.texts.get("chat.service_languages", language, languages=names)
    text = entry.text(language)
    assert isinstance(text, ServiceText)
    told = find_sentence(text, matter, entry.spoken(language))
    return told or wording.texts.get(f"chat.service_{matter}_unsaid", language)
