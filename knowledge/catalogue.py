"""Lists of entries: filtered for the catalogue, gathered by keywords for a vague question, searched by words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from rapidfuzz import fuzz, process

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
    searched = [
        (entry, *_searched_words(entry, language)) for entry in (base.entries.values() if entries is None else entries)
    ]
    vocabulary = list({name for _, named, _ in searched for name in named})
    near = {word: _NearWords.among(vocabulary, word) for word in set(wanted)}
    scored = []
    for entry, named, told in searched:
        score = _score(named, told, wanted, near)
        if score >= MINIMUM_SCORE:
            scored.append((-score, entry.id, entry))
    return [entry for *_, entry in sorted(scored)]


@dataclass(frozen=True)
class _NearWords:
    """Words of titles that a word of the question may mean; looked up once for all entries."""

    begun: frozenset[str]
    misspelt: frozenset[str]

    @classmethod
    def among(cls, vocabulary: list[str], word: str) -> _NearWords:
        begun = (name for name in vocabulary if name.startswith(word)) if len(word) >= 4 else ()
        if len(word) < 5:
            return cls(frozenset(begun), frozenset())
        similar = process.extract(word, vocabulary, scorer=fuzz.ratio, score_cutoff=86, limit=None)
        return cls(frozenset(begun), frozenset(name for name, *_ in similar))


def _searched_words(entry: Entry, language: str) -> tuple[frozenset[str], frozenset[str]]:
    """The words that name an entry, and those that tell of it."""
    text = entry.text(language)
    return _words_of(text.title, *text.aliases), _words_of(text.summary)


@cache
def _words_of(*texts: str) -> frozenset[str]:
    # Folding all texts anew for each question took 45 ms. They are those of the knowledge base, so they are bounded.
    return frozenset(words(" ".join(texts)))


def _score(named: frozenset[str], told: frozenset[str], wanted: list[str], near: Mapping[str, _NearWords]) -> float:
    score = 0.0
    for word in wanted:
        if word in named:
            score += 2.0
        elif not named.isdisjoint(near[word].begun):
            score += 1.5
        elif word in told:
            score += 0.7
        elif not named.isdisjoint(near[word].misspelt):
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
