"""Names of tools and cities from one language to another, as people wrote them: a machine is not to invent others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from core.normalise import fold
from knowledge.base import KnowledgeBase
from knowledge.places import Gazetteer
from knowledge.schema import Kind

LEAST_WORDS = 3
"""A shorter title counts only with two capital letters: 'Study visits' are words like any other."""


def names_between(base: KnowledgeBase, gazetteer: Gazetteer) -> Callable[[str, str], Mapping[str, str]]:
    """For two languages: every name in the first, and what it is in the second (the same where nobody wrote it)."""

    @cache
    def between(source: str, target: str) -> Mapping[str, str]:
        names: dict[str, str] = {}
        for city in base.cities:
            place = gazetteer.get(city)
            if place is not None and fold(name := gazetteer.name(place, source)) not in gazetteer.ambiguous:
                names[name] = gazetteer.name(place, target)
        for entry in base.list_entries(Kind.TOOL):
            title = entry.title(source)
            if _is_name(title):
                names[title] = entry.texts[target].title if target in entry.texts else title
        return names

    return between


def _is_name(title: str) -> bool:
    words = title.split()
    return len(words) >= LEAST_WORDS or sum(word[0].isupper() for word in words) > 1
