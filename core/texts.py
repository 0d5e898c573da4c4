"""Every sentence that a person reads, by key, from locales/<language>/*.yml. English is the source.

A file ``chat.yml`` holds keys below ``chat.``. A value is a sentence with ``{placeholders}``, or a mapping of CLDR
plural categories (``one``, ``other``, ...) chosen by the placeholder ``count``. Sentences are whole: nothing is joined
to them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from babel.lists import format_list

from core.languages import SOURCE_LANGUAGE, locale_of

PLACEHOLDER = re.compile(r"{(\w+)}")
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Where the library was built with it, ten times as fast; every start waits for the catalogue."""
_PLURAL_CATEGORIES = frozenset({"zero", "one", "two", "few", "many", "other"})

type Sentence = str | dict[str, str]


class Texts:
    """The catalogue of sentences in every language that has a folder."""

    def __init__(self, sentences: Mapping[str, Mapping[str, Sentence]]) -> None:
        self._sentences = sentences
        self._plural_rules = {code: Locale.parse(code).plural_form for code in sentences}

    @classmethod
    def load(cls, folder: Path, *, languages: Collection[str] | None = None) -> Texts:
        """Read all languages below ``folder``, or only some."""
        found = [path for path in sorted(folder.iterdir()) if path.is_dir()]
        return cls({path.name: _read_language(path) for path in found if languages is None or path.name in languages})

    @property
    def languages(self) -> list[str]:
        """Codes of the languages that have at least one sentence."""
        return list(self._sentences)

    def keys(self, language: str) -> set[str]:
        """Keys that have a sentence in the language itself."""
        return set(self._sentences.get(language, {}))

    def raw(self, key: str, language: str) -> Sentence:
        """The sentence with its placeholders; KeyError when the language lacks it."""
        return self._sentences[language][key]

    def has(self, key: str, language: str) -> bool:
        """Whether the language itself has the sentence."""
        return key in self._sentences.get(language, {})

    def get(self, key: str, language: str, /, **values: Any) -> str:
        """The sentence in the language, else in English, with its values. Raises KeyError for an unknown key."""
        if not self.has(key, language):
            language = SOURCE_LANGUAGE
        sentence = self._sentences[language][key]
        if isinstance(sentence, dict):
            category = self._plural_rules[language](values.get("count", 0))
            sentence = sentence.get(category) or sentence["other"]
        return PLACEHOLDER.sub(lambda match: str(values[match.group(1)]), sentence) if values else sentence

    def label(self, group: str, value: str, language: str) -> str:
        """The word for a value of data ('label.area.housing'); the value itself when no language has one."""
        try:
            return self.get(f"label.{group}.{value}", language)
        except KeyError:
            return value.replace("-", " ")


def separate(names: Iterable[str], language: str) -> str:
    """Names one after the other, by semicolons, since they have commas and words for "and" in them."""
    return ("؛ " if language == "ar" else "; ").join(names)


def listed(names: Iterable[str], language: str) -> str:
    """Names in one line, by commas. In Arabic without Unicode's pattern, which says the second of two names twice."""
    given = list(names)
    return "، ".join(given) if language == "ar" else str(format_list(given, style="unit", locale=locale_of(language)))


def colon(language: str) -> str:
    """The colon after a label; in French it never stands at the beginning of a line."""
    return "\u00a0:" if language == "fr" else ":"


def labelled(label: str, value: str, language: str) -> str:
    """A label and its value in one line."""
    return f"{label}{colon(language)} {value}"


def placeholders(sentence: Sentence) -> set[str]:
    """Names of the placeholders of a sentence, over all plural forms."""
    forms = sentence.values() if isinstance(sentence, dict) else [sentence]
    return {name for form in forms for name in PLACEHOLDER.findall(form)}


def _read_language(folder: Path) -> dict[str, Sentence]:
    sentences: dict[str, Sentence] = {}
    for path in sorted(folder.glob("*.yml")):
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}
        sentences.update(_flatten(tree, path.stem))
    return sentences


def _flatten(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Sentence]]:
    for key, value in tree.items():
        name = f"{prefix}.{key}"
        if isinstance(value, dict) and not set(value) <= _PLURAL_CATEGORIES:
            yield from _flatten(value, name)
        elif isinstance(value, dict):
            yield name, {category: str(form) for category, form in value.items()}
        else:
            yield name, str(value).strip()
