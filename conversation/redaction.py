"""Taking out of a kept question whatever may point to a person.

A word stays only if it is known to name nobody: a word of the hub's own texts, an everyday word (known_words/), or a
place. All else goes, so that a name goes in every script, with or without a capital letter. What is lost with it are
rare words and slips of the pen; the team still reads what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from conversation.phrases import read_forms
from conversation.replies import Wording
from core.languages import RELEASED, has_arabizi, vote_by_function_words
from core.normalise import fold
from knowledge.schema import Kind

LONGEST_KEPT = 300
GONE = "…"
SHORTEST_WITHOUT_ACCENTS = 6
"""Letters of a word that is also known without its accents; in shorter ones they tell 'sarà' from Sara."""
SHORTEST_ARABIC_STEM = 3
FEWEST_WORDS_OF_A_LANGUAGE = 3
MOST_KNOWN_OF_FOREIGN = 0.34
"""Share of known words up to which a sentence is in none of the languages: short words are in many."""
MOST_WORDS_OF_AN_ADDRESS = 4
_FOLDER = Path(__file__).with_name("known_words")

_ADDRESSES = re.compile(r"\S+@\S+|https?://\S+|www\.\S+|@\w+")
_WORD = re.compile(r"[\w\u064b-\u065f\u0670]+")
_STREETS_BEFORE_A_NAME = frozenset(
    map(fold, "via viale piazza piazzale vicolo rue avenue boulevard impasse quai شارع زنقة نهج".split())
)
_STREETS_AFTER_A_NAME = frozenset({"street", "road", "lane"})
_ARABIC_ENDINGS = ("هما", "ها", "هم", "كم", "نا", "ني", "ه", "ك", "ي")


class Redaction:
    """Knows the words of the hub; read once a language, when the first question is to be kept."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._known: dict[str, tuple[frozenset[str], frozenset[str]]] = {}

    def warm_up(self) -> None:
        """Read all words now, so that no turn waits for it."""
        for language in RELEASED:
            self._words_of(language)

    def redact(self, text: str, language: str) -> str:
        """The text with ``…`` for every word that is not known, every number and address; empty if nothing stays."""
        text = _ADDRESSES.sub(GONE, text)
        vote = vote_by_function_words(text)
        languages = {language, vote.code if vote.is_sure and vote.code in RELEASED else language}
        found = list(_WORD.finditer(text))
        addresses = set(_find_streets([fold(match.group()) for match in found]))
        shouts = text.upper() == text
        kept, end = [], 0
        for number, match in enumerate(found):
            between, end = text[end : match.start()], match.end()
            begins = shouts or number == 0 or bool(re.search(r"[.!?؟:\n]", between))
            stays = number not in addresses and self._stays(match.group(), languages, begins=begins)
            kept += [between, match.group() if stays else GONE]
        redacted = re.sub(rf"{GONE}(?:[\s'’-]*{GONE})+", GONE, "".join([*kept, text[end:]]))
        return redacted[:LONGEST_KEPT] if _WORD.search(redacted) else ""

    def is_foreign(self, text: str) -> bool:
        """Whether a sentence has hardly a word of any language that the hub speaks, nor its little words."""
        found = [match.group() for match in _WORD.finditer(text) if not match.group().isdigit()]
        if len(found) < FEWEST_WORDS_OF_A_LANGUAGE or vote_by_function_words(text).is_sure or has_arabizi(text):
            return False
        known = max(sum(self._is_word(word, language) for word in found) for language in RELEASED)
        return known / len(found) <= MOST_KNOWN_OF_FOREIGN

    def _is_word(self, word: str, language: str) -> bool:
        common, proper = self._words_of(language)
        return bool(_forms(word) & (common | proper))

    def _stays(self, word: str, languages: set[str], *, begins: bool) -> bool:
        if any(char.isdigit() for char in word):
            return False
        forms = _forms(word)
        if forms & _names():
            return False
        if any(self._wording.gazetteer.is_place((form,)) for form in forms):
            return True
        is_capitalised = word[:1] != word[:1].lower() and not begins
        for language in languages:
            common, proper = self._words_of(language)
            if forms & proper or (not is_capitalised and forms & common):
                return True
        return len(word) == 1 and not is_capitalised

    def _words_of(self, language: str) -> tuple[frozenset[str], frozenset[str]]:
        """Words as they are written small, and those that are written with a capital letter inside a sentence."""
        if language not in self._known:
            common, proper = set(_read(language)), set[str]()
            for text in self._texts_of(language):
                found = list(_WORD.finditer(text))
                common |= {match.group() for match in found if match.group()[:1] == match.group()[:1].lower()}
                proper |= {
                    match.group().casefold()
                    for match in found
                    if match.start() > 1
                    and match.group()[:1] != match.group()[:1].lower()
                    and text[match.start() - 2] not in ".!?:"
                }
            self._known[language] = _all_forms(common), _all_forms(proper)
        return self._known[language]

    def _texts_of(self, language: str) -> Iterator[str]:
        """The hub's sentences, and what it knows of tools and membership; services bear names of people and streets."""
        texts, base = self._wording.texts, self._wording.base
        for key in texts.keys(language):
            sentence = texts.raw(key, language)
            yield from sentence.values() if isinstance(sentence, dict) else [sentence]
        for entry in base.entries.values():
            if entry.kind is not Kind.SERVICE and language in entry.texts:
                yield from _strings(entry.texts[language].model_dump())


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _find_streets(tokens: list[str]) -> Iterator[int]:
    """Places of the words of a street's name."""
    for at, token in enumerate(tokens):
        if token in _STREETS_BEFORE_A_NAME:
            after = range(at + 1, min(at + 1 + MOST_WORDS_OF_AN_ADDRESS, len(tokens)))
            number = next((place for place in after if tokens[place].isdigit()), at + 2)
            yield from range(at + 1, min(number, len(tokens)))
        elif token in _STREETS_AFTER_A_NAME and at > 0:
            yield at - 1


def _forms(word: str) -> frozenset[str]:
    """A word as it may be known: in Arabic also without what is written on to it."""
    plain = word.casefold()
    if not "\u0600" <= plain[:1] <= "\u06ff":
        return frozenset({plain} | ({fold(plain)} if len(plain) >= SHORTEST_WITHOUT_ACCENTS else set()))
    bare = frozenset().union(*read_forms(word))
    cut = {
        form.removesuffix(ending)
        for form in bare
        for ending in _ARABIC_ENDINGS
        if form.endswith(ending) and len(form) - len(ending) >= SHORTEST_ARABIC_STEM
    }
    return bare | cut


def _all_forms(spelled: Iterable[str]) -> frozenset[str]:
    return frozenset(form for word in spelled for form in _forms(word) if len(form) > 1)


def _read(name: str) -> list[str]:
    path = _FOLDER / f"{name}.txt"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


@cache
def _names() -> frozenset[str]:
    """Names of people that are also words or places; they always go."""
    return frozenset(form for name in _read("names") for form in (name.casefold(), fold(name)))
