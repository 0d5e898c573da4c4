"""The words of wishes in one language, and finding them in a sentence.

Data: knowledge/texts/<language>/wishes.yaml and topics.yaml, and the titles of the topics.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core.normalise import fold
from core.texts import Texts
from knowledge.base import FOLDER

_TOKEN = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,2}/\d{1,2}|\d+|[^\W\d]+|&|[.;!?\n؟]+|[,،:()–—]",
)
_STRONG = re.compile(r"[.;!?\n؟]+$")
_COMMA = frozenset(",،:()–—")
_ARABIC = re.compile(r"^[\u0600-\u06ff]")
ARTICLE = "ال"


@dataclass(frozen=True, slots=True)
class Span:
    """Some words that say one thing: ``kind`` is a cue's name, ``topic``, ``number`` and so on."""

    kind: str
    value: Any
    text: str


@dataclass(frozen=True)
class Phrase:
    """Words in a row; a star at the end of a word stands for any ending."""

    words: tuple[str, ...]
    kind: str
    value: Any


@dataclass
class Lexicon:
    """The words of one language."""

    language: str
    exact: dict[str, list[Phrase]] = field(default_factory=dict)
    beginnings: dict[str, list[Phrase]] = field(default_factory=dict)
    """Phrases whose first word has any ending, by its first two letters."""
    answers: dict[str, frozenset[str]] = field(default_factory=dict)
    hours: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, language: str, texts: Texts, topics: Iterable[str], folder: Path = FOLDER) -> Lexicon:
        """Read the words of a language."""
        lexicon = cls(language)
        data = _read(folder / "texts" / language / "wishes.yaml")
        names = _read(folder / "texts" / language / "topics.yaml")
        for topic in topics:
            title = texts.get(f"topic.{topic}.title", language)
            for said in [title, *names.get(topic, [])]:
                lexicon.add(str(said), "topic", topic)
        for kind, phrases in data["cues"].items():
            for said in phrases:
                lexicon.add(said, kind, None)
        for name, phrases in data["dates"].items():
            for said in phrases:
                lexicon.add(said, "day_word", name)
        for name, phrases in data["unit"].items():
            for said in phrases:
                lexicon.add(said, "unit", name)
        for said, number in data["numbers"].items():
            lexicon.add(said, "number", int(number))
        for said, (number, unit) in data.get("duals", {}).items():
            lexicon.add(said, "duration", (int(number), unit))
        for kind, lists in (("weekday", data["weekdays"]), ("month", data["months"])):
            for number, phrases in enumerate(lists, start=1):
                for said in phrases:
                    lexicon.add(said, kind, number)
        forms = data["languages"]["forms"]
        for code, spelled in data["languages"]["names"].items():
            for name in spelled:
                for form in forms:
                    lexicon.add(form.format(name), "speak", code)
                lexicon.add(name, "language_name", code)
        lexicon.answers = {
            name: frozenset(" ".join(tokenise(said, lexicon)) for said in data[name])
            for name in ("confirm", "refuse", "change")
        }
        lexicon.hours = data["hours"]
        return lexicon

    def add(self, said: str, kind: str, value: Any) -> None:
        """Let a phrase stand for something. Of equal phrases, the one that came first counts."""
        words = tuple(_bare(word) for word in re.findall(r"[^\W_]+\*?|&", fold(said)))
        if not words:
            return
        phrase = Phrase(words, kind, value)
        if words[0].endswith("*"):
            self.beginnings.setdefault(words[0][:2], []).append(phrase)
        else:
            self.exact.setdefault(words[0], []).append(phrase)

    def annotate(self, text: str) -> list[Span]:
        """What the words of a text say, in order; unknown words are spans of kind ``word``."""
        tokens = tokenise(text, self)
        forms = [forms_of(token) for token in tokens]
        spans, at = [], 0
        while at < len(tokens):
            if _STRONG.match(tokens[at]):
                spans.append(Span("stop", None, tokens[at]))
            elif tokens[at] in _COMMA:
                spans.append(Span("comma", None, tokens[at]))
            elif tokens[at][0].isdigit():
                spans.append(_number(tokens[at]))
            elif (found := self._longest(forms, at)) is not None:
                spans.append(Span(found.kind, found.value, " ".join(tokens[at : at + len(found.words)])))
                at += len(found.words)
                continue
            else:
                spans.append(Span("word", None, tokens[at]))
            at += 1
        return spans

    def knows(self, token: str) -> bool:
        """Whether a phrase begins with this word."""
        return any(form in self.exact for form in forms_of(token)) or any(
            token.startswith(phrase.words[0][:-1]) for phrase in self.beginnings.get(token[:2], ())
        )

    def _longest(self, forms: list[frozenset[str]], at: int) -> Phrase | None:
        found: Phrase | None = None
        candidates = [phrase for form in forms[at] for phrase in self.exact.get(form, ())]
        candidates += [phrase for form in forms[at] for phrase in self.beginnings.get(form[:2], ())]
        for phrase in candidates:
            if found is not None and len(phrase.words) <= len(found.words):
                continue
            rest = forms[at : at + len(phrase.words)]
            if len(rest) == len(phrase.words) and all(map(_matches, phrase.words, rest)):
                found = phrase
        return found

    def is_answer(self, name: str, text: str) -> bool:
        """Whether a text is nothing but a yes (``confirm``), a no (``refuse``) or a wish to ``change`` it."""
        tokens = [token for token in tokenise(text, self) if not _STRONG.match(token) and token not in _COMMA]
        return " ".join(tokens) in self.answers[name]


def tokenise(text: str, lexicon: Lexicon) -> list[str]:
    """Folded words, numbers and marks. In Arabic, an "and" that is written on to a word stands by itself."""
    tokens: list[str] = []
    for token in _TOKEN.findall(fold(text)):
        if token[0] == "و" and len(token) > 3 and not lexicon.knows(token):
            tokens += ["و", token[1:]]
        else:
            tokens.append(token)
    return tokens


def forms_of(token: str) -> frozenset[str]:
    """A word as phrases may spell it: in Arabic also without its article and the particles written on to it."""
    if not _ARABIC.match(token):
        return frozenset({token})
    forms = {token}
    for prefix in ("ب", "ل", "ك", "ع", "ف"):
        if token.startswith(prefix) and len(token) > 3:
            forms.add(token[1:])
    if token.startswith("لل") and len(token) > 4:
        forms.add(token[2:])
    forms |= {form[2:] for form in set(forms) if form.startswith(ARTICLE) and len(form) > 4}
    return frozenset(forms)


def _bare(word: str) -> str:
    return word[2:] if word.startswith(ARTICLE) and len(word.rstrip("*")) > 4 else word


def _matches(word: str, forms: frozenset[str]) -> bool:
    if word.endswith("*"):
        return any(form.startswith(word[:-1]) for form in forms)
    return word in forms


def _number(token: str) -> Span:
    return Span("number", int(token), token) if token.isdigit() else Span("date", token, token)


@cache
def _read(path: Path) -> Mapping[str, Any]:
    # Every word is a word: "no" and "on" must not become values of YAML.
    data: Mapping[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return data
