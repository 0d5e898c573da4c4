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


SHORTEST_BEGINNING = 4
"""Letters; a shorter keyword is a word and not the beginning of one."""


class _Group:
    """The keywords of one group in one language, found without comparing each with each word of a text."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._words: dict[str, set[str]] = {}
        self._beginnings: dict[str, list[tuple[str, str]]] = {}
        self._phrases: list[tuple[str, str]] = []
        for value, spelled in values.items():
            for word in map(fold, spelled):
                if " " in word:
                    self._phrases.append((" " + word, value))
                    continue
                self._words.setdefault(word, set()).add(value)
                if len(word) >= SHORTEST_BEGINNING:
                    self._beginnings.setdefault(word[:SHORTEST_BEGINNING], []).append((word, value))

    def find(self, tokens: list[str], phrase: str) -> set[str]:
        """Values that are spoken of; ``phrase`` is the tokens with a space around each."""
        found = {value for said, value in self._phrases if said in phrase}
        for token in tokens:
            found |= self._words.get(token, set())
            found |= {
                value for word, value in self._beginnings.get(token[:SHORTEST_BEGINNING], ()) if token.startswith(word)
            }
        return found


class Keywords:
    """The keywords of every language."""

    def __init__(self, by_language: Mapping[str, Mapping[str, Mapping[str, list[str]]]]) -> None:
        self._index = {
            language: {group: _Group(groups.get(group, {})) for group in GROUPS}
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
        known = (self._index[code][group] for code in {language, SOURCE_LANGUAGE} if code in self._index)
        return frozenset().union(*(keywords.find(tokens, phrase) for keywords in known))


def bare_forms(token: str) -> list[str]:
    """An Arabic word without its article and the particles written together with it; nothing for other words."""
    if not "\u0600" <= token[:1] <= "\u06ff":
        return []
    return [token[len(prefix) :] for prefix in _PREFIXES if token.startswith(prefix) and len(token) - len(prefix) >= 3]


_PREFIXES = ("ال", "وال", "بال", "لل", "فال", "كال", "و", "ب", "ل")
