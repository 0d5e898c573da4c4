"""Telling a receipt code from other texts, in digits of any script, so that it reaches nobody whom it is not for."""

from __future__ import annotations

import unicodedata

DIGITS = 25
NEARLY = 2
"""A digit more or less is a slip, and still a code."""
MOST_LETTERS = 10


def count_digits(text: str) -> int:
    return sum(unicodedata.category(character) == "Nd" for character in text)


def is_code(text: str) -> bool:
    """Whether a text is a whole code, also where nobody asked for one."""
    letters = sum(character.isalpha() for character in text)
    return abs(count_digits(text) - DIGITS) <= NEARLY and letters <= MOST_LETTERS


def looks_like_code(text: str) -> bool:
    """Whether somebody who was asked for the code meant this as one, whole or not."""
    return is_code(text) or (count_digits(text) >= 5 and not any(character.isalpha() for character in text))


def is_five_digits(text: str) -> bool:
    """Whether a text is the last five digits of a code."""
    return count_digits(text) == 5 and not any(character.isalpha() for character in text)
