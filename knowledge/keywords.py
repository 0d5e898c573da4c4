"""Words by which people mean an area, a kind of tool, an audience, a ground or a need, or ask for somebody to turn to.

The words are data: texts/<language>/keywords.yaml.

Each keyword is a beginning of a word ('logement' also finds 'logements'); one with a space is looked for as a phrase.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from core.languages import SOURCE_LANGUAGE
from core.normalise import fold, words
from knowledge.base import FOLDER

GROUPS = ("area", "kind", "audience", "ground", "need", "asking")


class Keywords:
    """The keywords of every language."""

    def __init__(self, by_language: Mapping[str, Mapping[str, Mapping[str, list[str]]]]) -> None:
        self._index = {
            language: {
                group: [(fold(word), value) for value, spelled in groups.get(group, {}).items() for word in spelled]
                for group in GROUPS
            }
            for language, groups in by_language.items()
        }

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Keywords:
        """Read the keywords of every language that has some."""
        files = sorted((folder / "texts").glob("*/keywords.yaml"))
        return cls({path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files})

    def find(self, group: str, text: str, language: str) -> frozenset[str]:
        """Values of a group that the text speaks of, by the language's words and the English ones."""
        tokens = words(text)
        # An Arabic word also counts without its article and joined particles.
        tokens += [bare for token in tokens for bare in bare_forms(token)]
        phrase = " " + " ".join(tokens) + " "
        found = set()
        for code in {language, SOURCE_LANGUAGE}:
            for word, value in self._index.get(code, {}).get(group, ()):
                if " " in word:
                    if " " + word in phrase:
                        found.add(value)
                elif any(token == word or (len(word) >= 4 and token.startswith(word)) for token in tokens):
                    found.add(value)
        return frozenset(found)


def bare_forms(token: str) -> list[str]:
    """An Arabic word without its article and the particles written together with it; nothing for other words."""
    if not "\u0600" <= token[:1] <= "\u06ff":
        return []
    return [token[len(prefix) :] for prefix in _PREFIXES if token.startswith(prefix) and len(token) - len(prefix) >= 3]


_PREFIXES = ("ال", "وال", "بال", "لل", "فال", "كال", "و", "ب", "ل")
