"""Cries for help, heard by their words alone before anything else is tried, in whatever language the conversation is.

The assistant understands danger and despair too, from many more words. But it reads a message in the language that the
conversation is thought to have, and weighs it against everything else that could be meant; a plain cry for help must
not depend on either. The words are data: safety_words.yaml.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from conversation.phrases import Forms, Phrases, read_forms

MOST_WORDS = 40
"""A longer text is heard in pieces of so many words, which overlap by half, and only for what somebody says of their
own: the rest of a long story is the assistant's."""
_FILE = Path(__file__).with_name("safety_words.yaml")


@dataclass(frozen=True)
class Cry:
    """What was heard: the assistant's intent for it (``danger`` or ``distress``), and the language of the words."""

    intent: str
    language: str


def hear_cry(text: str, *, first: str) -> Cry | None:
    """The cry for help in a text, or None. Where two languages share the words, ``first`` counts before the others."""
    said = read_forms(text)
    if len(said) <= MOST_WORDS:
        return _hear(said, first, only_of_their_own=False)
    cries = [
        _hear(said[at : at + MOST_WORDS], first, only_of_their_own=True) for at in range(0, len(said), MOST_WORDS // 2)
    ]
    heard = [cry for cry in cries if cry is not None]
    return next((cry for cry in heard if cry.intent == "distress"), heard[0] if heard else None)


def _hear(said: Forms, first: str, *, only_of_their_own: bool) -> Cry | None:
    possible = _index().list_possible(said)
    for language in sorted(possible, key=lambda code: code != first):
        words = _read()[language]
        in_despair, in_danger = words["distress"].stand_in(said), words["danger"].stand_in(said)
        is_all = words["alone"].are(said)
        if not (in_despair or in_danger or is_all):
            continue
        is_sure = words["sure"].stand_in(said)
        if not is_sure and (only_of_their_own or any(kinds["story"].stand_in(said) for kinds in _read().values())):
            continue
        is_taken_back = words["other"].stand_in(said)
        # Despair first: who wants to die and asks for the police is comforted and given the number.
        if in_despair and not is_taken_back:
            return Cry("distress", language)
        if (in_danger and (is_sure or not is_taken_back)) or is_all:
            return Cry("danger", language)
    return None


class _Index:
    """The languages that have a phrase beginning with a word, so that the others need not be looked at."""

    def __init__(self, words: dict[str, dict[str, Phrases]]) -> None:
        self._by_word: dict[str, set[str]] = defaultdict(set)
        self._by_beginning: dict[str, set[str]] = defaultdict(set)
        for language, kinds in words.items():
            for phrases in (kinds["danger"], kinds["distress"], kinds["alone"]):
                for word in phrases.first_words:
                    table = self._by_beginning if word.endswith("*") else self._by_word
                    table[word.rstrip("*")].add(language)
        self._beginnings = tuple(self._by_beginning)

    def list_possible(self, said: Forms) -> set[str]:
        found: set[str] = set()
        for form in frozenset().union(*said):
            found |= self._by_word.get(form, frozenset())
            if form.startswith(self._beginnings):
                begun = (codes for beginning, codes in self._by_beginning.items() if form.startswith(beginning))
                found = found.union(*begun)
        return found


@cache
def _index() -> _Index:
    return _Index(_read())


@cache
def _read() -> dict[str, dict[str, Phrases]]:
    lists = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {
        language: {name: Phrases(map(str, phrases)) for name, phrases in kinds.items()}
        for language, kinds in lists.items()
    }
