"""Making texts comparable: case, accents, Arabic spelling, digits of every script. For matching, never for showing."""

from __future__ import annotations

import re
import unicodedata

_ARABIC_FOLDS = str.maketrans(
    {
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه",
        "ک": "ك", "ی": "ي", "گ": "ك", "ڤ": "ف", "پ": "ب", "چ": "ج", "ـ": None,
    }
)  # fmt: skip
_LATIN_FOLDS = str.maketrans(
    {"ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ß": "ss", "’": "'"}
)
_CONTROL = re.compile(
    r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]"
)
_WORD = re.compile(r"\w+", re.UNICODE)


def clean(text: str) -> str:
    """The text without control and direction-override characters and without lone surrogates, trimmed."""
    return _CONTROL.sub("", text.encode("utf-8", "replace").decode("utf-8")).strip()


def fold(text: str) -> str:
    """Lower case, no accents, one spelling of Arabic letters, ASCII digits."""
    if text.isascii():
        return text.casefold()
    text = unicodedata.normalize("NFKD", text.translate(_ARABIC_FOLDS).translate(_LATIN_FOLDS).casefold())
    kept = (char for char in text if not unicodedata.combining(char))
    return "".join(_digit(char) for char in kept).translate(_ARABIC_FOLDS)


def words(text: str) -> list[str]:
    """Folded words in order."""
    return _WORD.findall(fold(text))


def _digit(char: str) -> str:
    return str(unicodedata.digit(char)) if char.isdigit() and not char.isascii() else char
