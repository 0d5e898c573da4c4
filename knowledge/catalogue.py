"""Lists of entries: filtered for the catalogue, gathered by keywords for a vague question, searched by words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import fuzz

from core.normalise import words
from knowledge.base import Entry, KnowledgeBase
from knowledge.keywords import Keywords
from knowledge.schema import Kind, MembershipFact, ServiceFact, ToolFact, ToolState

_STATE_ORDER = {ToolState.CURRENT: 0, ToolState.OLDER: 1, ToolState.ARCHIVED: 2, ToolState.ANNOUNCED: 3}
MINIMUM_SCORE = 1.0


@dataclass(frozen=True)
class Filter:
    """What to list; None means all. ``country`` is an ISO code, ``city`` the id of a city."""

    kind: Kind | None = None
    area: str | None = None
    tool_kind: str | None = None
    audience: str | None = None
    topic: str | None = None
    ground: str | None = None
    need: str | None = None
    country: str | None = None
    city: str | None = None


def list_filtered(base: KnowledgeBase, wanted: Filter) -> list[Entry]:
    """Entries that fit, in the order of the facts."""
    return [entry for entry in base.entries.values() if _fits(base, entry, wanted)]


def find_by_keywords(base: KnowledgeBase, keywords: Keywords, text: str, language: str) -> list[Entry]:
    """Tools that fit the most of what a vague question names, current ones first; empty when it names nothing."""
    areas = keywords.find("area", text, language)
    kinds = keywords.find("kind", text, language)
    audiences = keywords.find("audience", text, language) - {"coordinators"}
    scored = []
    for entry in base.list_entries(Kind.TOOL):
        fact = entry.tool
        score = 2 * len(areas & set(fact.policy_areas)) + 3 * (fact.kind in kinds) + len(audiences & set(fact.audience))
        if score:
            # A tool of few areas is more about each of them.
            focus = 1 / len(fact.policy_areas) if areas & set(fact.policy_areas) else 0
            scored.append((-score - focus, _STATE_ORDER[fact.state], entry.id, entry))
    return [entry for *_, entry in sorted(scored)]


def search(base: KnowledgeBase, text: str, language: str, *, entries: Iterable[Entry] | None = None) -> list[Entry]:
    """Entries whose title, aliases or summary hold the words, best first. Typing errors are forgiven."""
    wanted = [word for word in words(text) if len(word) > 2] or words(text)
    if not wanted:
        return []
    scored = []
    for entry in base.entries.values() if entries is None else entries:
        score = _score(entry, wanted, language)
        if score >= MINIMUM_SCORE:
            scored.append((-score, entry.id, entry))
    return [entry for *_, entry in sorted(scored)]


def _score(entry: Entry, wanted: list[str], language: str) -> float:
    text = entry.text(language)
    named = words(" ".join([text.title, *text.aliases]))
    told = set(words(text.summary))
    score = 0.0
    for word in wanted:
        if word in named:
            score += 2.0
        elif any(len(word) >= 4 and name.startswith(word) for name in named):
            score += 1.5
        elif word in told:
            score += 0.7
        elif len(word) >= 5 and any(fuzz.ratio(word, name) >= 86 for name in named):
            score += 1.2
    return score / len(wanted) + 0.05 * score


def _fits(base: KnowledgeBase, entry: Entry, wanted: Filter) -> bool:
    fact = entry.fact
    if wanted.kind is not None and entry.kind is not wanted.kind:
        return False
    match fact:
        case ToolFact():
            return (
                (wanted.area is None or wanted.area in fact.policy_areas)
                and (wanted.audience is None or wanted.audience in fact.audience)
                and (wanted.tool_kind is None or wanted.tool_kind == fact.kind)
                and not (wanted.country or wanted.city or wanted.ground or wanted.need or wanted.topic)
            )
        case MembershipFact():
            others = (
                wanted.area,
                wanted.audience,
                wanted.tool_kind,
                wanted.country,
                wanted.city,
                wanted.ground,
                wanted.need,
            )
            return (wanted.topic is None or wanted.topic == fact.topic) and not any(others)
        case ServiceFact():
            return (
                (wanted.country is None or fact.country == wanted.country)
                and (wanted.city is None or _serves_city(base, fact, wanted.city))
                and (wanted.ground is None or wanted.ground in fact.grounds or "any" in fact.grounds)
                and (wanted.need is None or wanted.need in fact.needs)
                and not (wanted.area or wanted.audience or wanted.tool_kind or wanted.topic)
            )


def _serves_city(base: KnowledgeBase, fact: ServiceFact, city_id: str) -> bool:
    city = base.cities.get(city_id)
    if city is None:
        return False
    if fact.covers:
        return city_id in fact.covers or (city.region is not None and city.region in fact.covers)
    return fact.country == city.country
