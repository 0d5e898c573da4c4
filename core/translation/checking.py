"""Whether a translated sentence can be believed: machines fail silently, so each way of failing is looked for.

None of this finds a sentence that is fluent and wrong. That is why a draft is checked by a person, and why everybody
else sees the original beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from core.languages import LOOK_ALIKES, count_letters, detect_language
from core.translation.protecting import HELD

LEAST_FOR_LANGUAGE = 30
"""Letters from which the detected language of a sentence says something."""
LEAST_FOR_RATIO = 20
LEAST_FOR_SAME = 12
SHORTEST, LONGEST = 0.35, 2.8
"""Letters of a translation beside its original's."""
_WORDS_AGAIN = re.compile(r"(\b\w[\w'’-]*(?:[\s,.;()]+\w[\w'’-]*){0,3})(?:[\s,.;()]+\1\b){2,}", re.IGNORECASE)
_SIGNS_AGAIN = re.compile(r"([^\s\d]{1,12}?)\1{4,}")
_MANY, _FEW_OF_MANY = 12, 0.4


class Check(StrEnum):
    """What a sentence failed at."""

    LANGUAGE = "language"
    UNTRANSLATED = "untranslated"
    REPETITION = "repetition"
    LENGTH = "length"
    NAMES = "names"
    """A name was lost or doubled; so with the next two, which may also be made up."""
    NUMBERS = "numbers"
    LINKS = "links"
    STRUCTURE = "structure"
    """Of the whole text: headings, lists or links are not as they were."""


@dataclass(frozen=True)
class Problem:
    """One sentence that stayed in its own language, and why."""

    check: Check
    text: str = field(default="", repr=False)

    def as_data(self) -> dict[str, str]:
        return {"check": str(self.check), "text": self.text}


def find_problem(original: str, translated: str, *, source: str, target: str) -> Check | None:
    """The first thing that is wrong with a sentence, in which private characters hold what is protected."""
    before, after = HELD.sub(" ", original), HELD.sub(" ", translated)
    said, letters = count_letters(after), count_letters(before)
    # Digits, links and mail addresses are all held: one that stands there in words was not in the original.
    for check, pattern in ((Check.LINKS, r"://|www\.|@"), (Check.NUMBERS, r"\d")):
        if re.search(pattern, after) and not re.search(pattern, before):
            return check
    if repeats(after) and not repeats(before):
        return Check.REPETITION
    if letters >= LEAST_FOR_RATIO and not SHORTEST <= said / letters <= LONGEST:
        return Check.LENGTH
    if said == 0 or said > LEAST_FOR_RATIO + LONGEST * letters:
        return Check.LENGTH
    if letters >= LEAST_FOR_SAME and _plain(after) == _plain(before) and " " in before.strip():
        return Check.UNTRANSLATED
    return _wrong_language(after, source=source, target=target)


def repeats(text: str) -> bool:
    """Whether words or signs come again and again, as when a model is caught in a loop."""
    words = re.findall(r"\w+", text.lower())
    is_poor = len(words) >= _MANY and len(set(words)) / len(words) < _FEW_OF_MANY
    return is_poor or bool(_WORDS_AGAIN.search(text) or _SIGNS_AGAIN.search(text))


def name_lost(words: list[str]) -> Check:
    """What to call it that one of these did not come through; something without words is a link or a stressed part."""
    if any(not word or "://" in word or "@" in word for word in words):
        return Check.LINKS
    return Check.NUMBERS if any(letter.isdigit() for word in words for letter in word) else Check.NAMES


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalpha())


def _wrong_language(text: str, *, source: str, target: str) -> Check | None:
    if count_letters(text) < LEAST_FOR_LANGUAGE:
        return None
    found = detect_language(text)
    if not found.is_sure or target in {found.code, LOOK_ALIKES.get(found.code)}:
        return None
    return Check.UNTRANSLATED if found.code == source else Check.LANGUAGE
