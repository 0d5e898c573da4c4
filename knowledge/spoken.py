"""Languages that a message names ("do they answer in Albanian?"), by their names in Babel's locale data (Unicode CLDR).

The hub's own languages, in which it answers, are core.languages; these are the languages that services speak.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache

from babel import Locale

from core.languages import LANGUAGES, SOURCE_LANGUAGE
from core.normalise import words
from knowledge.keywords import bare_forms

LEADING = frozenset({"in", "en"})
JOINING = frozenset({"or", "and", "ou", "et", "o", "e"})


class SpokenLanguages:
    """The names of some languages, in every language of the hub."""

    def __init__(self, codes: Iterable[str]) -> None:
        wanted = frozenset(codes)
        self._index: dict[str, dict[str, str]] = {}
        for language in LANGUAGES:
            names = Locale.parse(language).languages
            self._index[language] = {_as_said(names[code]): code for code in sorted(wanted) if names.get(code)}

    def find(self, text: str, language: str) -> frozenset[str]:
        """Codes of the languages named in the text, by their names in its language and in English."""
        tokens = words(text)
        said = {form for token in tokens for form in (token, *bare_forms(token))}
        known = self._index[SOURCE_LANGUAGE] | self._index.get(language, {})
        return frozenset(known[token] for token in said if token in known)


def _as_said(name: str) -> str:
    """The name as one folded word, an Arabic one without its article; names of more words are not looked for."""
    tokens = words(name)
    if len(tokens) != 1:
        return ""
    return min([tokens[0], *bare_forms(tokens[0])], key=len)


def drop_languages(tokens: Sequence[str], language: str, *, names: Collection[str] = ()) -> list[str]:
    """Folded words without the languages that somebody wants to speak ('in russo', 'en lingala ou en swahili').

    Many are also what is said of a country ('russo'), and the place is not meant then. In English they stand before
    nouns too ("in French cities"), so only those at an end or before another language count. ``names`` are places.
    """
    names = _language_names(language).difference(names)
    spoken = {
        place
        for place, token in enumerate(tokens)
        if token in names and place and _is_led(tokens, place, names) and _is_whole(tokens, place, language)
    }
    return [token for place, token in enumerate(tokens) if place not in spoken]


def _is_led(tokens: Sequence[str], place: int, names: frozenset[str]) -> bool:
    """Whether 'in' stands before it, or another language and a joining word ('in arabo o albanese')."""
    before = tokens[place - 1]
    return before in LEADING or (place >= 2 and before in JOINING and tokens[place - 2] in names)


def _is_whole(tokens: Sequence[str], place: int, language: str) -> bool:
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    return language != SOURCE_LANGUAGE or after is None or after in JOINING


@cache
def _language_names(language: str) -> frozenset[str]:
    """Folded names of all languages in one of them, but none that is also a country's."""
    if language not in LANGUAGES:
        return frozenset()
    locale = Locale.parse(language)
    countries = {" ".join(words(name)) for name in locale.territories.values()}
    return frozenset({" ".join(words(name)) for name in locale.languages.values()} - countries)
