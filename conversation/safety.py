"""Cries for help, heard by their words alone before anything else is tried, in whatever language the conversation is.

The assistant understands danger and despair too, from many more words. But it reads a message in the language that the
conversation is thought to have, and weighs it against everything else that could be meant; a plain cry for help must
not depend on either. The words are data: safety_words.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from conversation.phrases import Phrases, read_forms

MOST_WORDS = 40
"""A longer text tells a story, and goes to the assistant."""
_FILE = Path(__file__).with_name("safety_words.yaml")


@dataclass(frozen=True)
class Cry:
    """What was heard: the assistant's intent for it (``danger`` or ``distress``), and the language of the words."""

    intent: str
    language: str


@dataclass(frozen=True)
class _Words:
    danger: Phrases
    distress: Phrases
    other: Phrases


def hear_cry(text: str, *, first: str) -> Cry | None:
    """The cry for help in a text, or None. Where two languages share the words, ``first`` counts before the others."""
    said = read_forms(text)
    if not 0 < len(said) <= MOST_WORDS:
        return None
    words = _read()
    for language in sorted(words, key=lambda code: code != first):
        spoken = words[language]
        if spoken.other.stand_in(said):
            continue
        # Despair first: who wants to die and asks for the police is comforted and given the number.
        if spoken.distress.stand_in(said):
            return Cry("distress", language)
        if spoken.danger.stand_in(said):
            return Cry("danger", language)
    return None


@cache
def _read() -> dict[str, _Words]:
    lists = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {
        language: _Words(**{name: Phrases(map(str, phrases)) for name, phrases in kinds.items()})
        for language, kinds in lists.items()
    }
