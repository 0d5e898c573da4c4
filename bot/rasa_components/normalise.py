"""Brings different spellings of the same message together: case, accents, digits, Arabic letters, stretched words."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

import snowballstemmer

WORD = re.compile(r"\w+")
STEMMERS = {"en": "english", "fr": "french", "it": "italian", "ar": "arabic"}

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_ARABIC_MARKS = re.compile("[\u064b-\u065f\u0670]")
_ARABIC_LETTERS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي", "ـ": "", "ء": ""}
)
_STRETCHED = re.compile(r"(\w)\1{2,}")


def lower(text: str) -> str:
    """One case, one kind of apostrophe, no invisible characters."""
    if text.isascii():
        return text.lower().replace("`", "'")
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).lower()
    return text.replace("’", "'").replace("ʼ", "'").replace("`", "'")


def fold(text: str) -> str:
    """`lower`, without accents, with ASCII digits, one spelling of Arabic letters, and no letter more than twice."""
    text = lower(text)
    if text.isascii():
        return _STRETCHED.sub(r"\1\1", text)
    text = "".join(map(_as_ascii_digit, text))
    text = _ARABIC_MARKS.sub("", text).translate(_ARABIC_LETTERS)
    return _STRETCHED.sub(r"\1\1", without_accents(text))


def without_accents(text: str) -> str:
    """The letters without their marks."""
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def stems(text: str, language: str) -> list[str]:
    """The words' stems (Snowball, https://snowballstem.org), or the words where the language has no stemmer."""
    return [without_accents(_stem(word, language)) for word in WORD.findall(lower(text))]


@lru_cache(maxsize=100_000)
def _stem(word: str, language: str) -> str:
    stemmer = _stemmer(language)
    return str(stemmer.stemWord(word)) if stemmer is not None else word


@cache
def _stemmer(language: str) -> snowballstemmer.stemmer | None:
    return snowballstemmer.stemmer(STEMMERS[language]) if language in STEMMERS else None


def _as_ascii_digit(char: str) -> str:
    digit = unicodedata.digit(char, -1)
    return str(digit) if digit >= 0 else char
