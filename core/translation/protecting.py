"""What a model must not touch: links, addresses, numbers, dates, placeholders, and names of tools and cities.

Each is taken out of the sentence before, and put back after: a link as it was, a date as the other language writes it,
a name as people who wrote for that language call it. In between a short code stands for it, which models mostly copy.
If one is lost or doubled all the same, the sentence is no translation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from functools import cache

from babel import Locale
from babel.dates import format_date, format_time

FIRST = 0xE000
"""Private characters of Unicode stand for what is protected, until a sentence goes to the model."""
HELD = re.compile("[\ue000-\uf8ff]")
FORMS = ("XQ{}", "[{}]", "#{}")
"""Codes that stand for what is protected, tried in this order."""
_FORM_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE) for pattern in (r"\bX\s?Q\s?(\d+)\b", r"\[\s?(\d+)\s?\]", r"#\s?(\d+)\b")
)
_LINK = r"(?:https?://|www\.)[^\s<>()\[\]\"“”«»]*[^\s<>()\[\]\"“”«».,;:!?…'’]"
_MAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_HOLDER = r"\{+\s*\w+\s*\}+|%\(\w+\)s|\$\{\w+\}"
_PHONE = r"\+?\(?\d[\d ()/.-]{5,}\d"
_CLOCK = r"\b(?:[01]?\d|2[0-3])[:.h][0-5]\d\b(?:\s?[ap]\.?m\b\.?)?|\b1?\d\s?[ap]\.?m\b\.?"
_NUMBER = r"(?:[A-Za-z]{1,20}-)?[A-Za-z]*\d(?:[A-Za-z\d.,:/%°-]*[A-Za-z\d])?%?"
_HALF = re.compile(r"^(\d{1,2})(?:[:.h](\d\d))?\s?([ap])\.?m\.?$", re.IGNORECASE)

type Names = Mapping[str, str]
"""What people wrote for each language: a name in one, as it is in the other."""


class Held:
    """What was taken out of a text, by the private character that stands for it."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self.literal: dict[str, str] = {}
        """As it stood in the text; absent for what never stood there in words."""

    def hold(self, put_back: str, literal: str | None = None) -> str:
        """A character that stands for it from now on."""
        sign = chr(FIRST + len(self._kept))
        self._kept[sign] = put_back
        if literal is not None:
            self.literal[sign] = literal
        return sign

    def __getitem__(self, sign: str) -> str:
        return self._kept[sign]


def protect(text: str, held: Held, *, source: str, target: str, names: Names) -> str:
    """The text with a private character for each thing that must come back as it is."""
    for pattern in (_LINK, _MAIL, _HOLDER):
        text = re.sub(pattern, lambda found: held.hold(found.group(), found.group()), text)
    months = _months(source)
    text = _dates(source).sub(lambda found: held.hold(_say_date(found, months, target), found.group()), text)
    if names:
        text = _names(frozenset(names), source).sub(lambda found: held.hold(names[found.group()], found.group()), text)
    text = re.sub(_CLOCK, lambda found: held.hold(_say_time(found.group(), target), found.group()), text)
    return re.sub(f"{_PHONE}|{_NUMBER}", lambda found: held.hold(found.group(), found.group()), text)


def encode(sentence: str, form: str) -> tuple[str, list[str]]:
    """The sentence with codes for what is held, and what each number stands for."""
    signs = list(dict.fromkeys(HELD.findall(sentence)))
    for number, sign in enumerate(signs, 1):
        sentence = sentence.replace(sign, form.format(number))
    return sentence, signs


def decode(translated: str, form: str, signs: list[str]) -> str | None:
    """The translated sentence with the private characters back; None when one is lost, doubled or made up."""
    seen: list[int] = []

    def back(found: re.Match[str]) -> str:
        seen.append(int(found.group(1)))
        return signs[seen[-1] - 1] if 0 < seen[-1] <= len(signs) else ""

    text = _FORM_PATTERNS[FORMS.index(form)].sub(back, translated)
    return text if sorted(seen) == list(range(1, len(signs) + 1)) else None


def decode_words(translated: str, signs: list[str], held: Held) -> str | None:
    """The same where the words themselves were left in the sentence: each must have come through unchanged."""
    for sign in sorted(signs, key=lambda sign: -len(held.literal.get(sign, ""))):
        words = held.literal.get(sign)
        if words is None or translated.count(words) != 1:
            return None
        translated = translated.replace(words, sign)
    return translated


def with_words(sentence: str, held: Held) -> str | None:
    """The sentence with the protected words in it; None when something held has none."""
    signs = HELD.findall(sentence)
    if any(sign not in held.literal for sign in signs):
        return None
    return HELD.sub(lambda found: held.literal[found.group()], sentence)


@cache
def _names(names: frozenset[str], language: str) -> re.Pattern[str]:
    words = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
    # Japanese writes no spaces around a name.
    return re.compile(words if language == "ja" else rf"(?<!\w)(?:{words})(?!\w)")


@cache
def _months(language: str) -> Mapping[str, int]:
    """Names of months as they stand in a date."""
    widths = Locale.parse(language).months["format"]
    return {
        str(name).lower().rstrip("."): number
        for width in ("wide", "abbreviated")
        for number, name in widths[width].items()
    }


@cache
def _dates(language: str) -> re.Pattern[str]:
    months = "|".join(sorted((re.escape(name) for name in _months(language)), key=lambda name: -len(name)))
    day, year = r"(?P<{}>\d{{1,2}})(?:st|nd|rd|th|er|º|°|\.)?", r"(?:,?\s+(?:de\s+)?(?P<{}>\d{{4}}))?"
    first = rf"{day.format('day1')}\s+(?:de\s+|of\s+)?(?P<month1>{months})\b\.?{year.format('year1')}"
    then = rf"\b(?P<month2>{months})\.?\s+{day.format('day2')}\b{year.format('year2')}"
    digital = r"(?P<year3>\d{4})-(?P<month3>\d\d)-(?P<day3>\d\d)"
    return re.compile(rf"(?<!\w)(?:{digital}|{first}|{then})(?!\w)", re.IGNORECASE)


def _say_date(found: re.Match[str], months: Mapping[str, int], target: str) -> str:
    """The day as the other language writes it; without a year it stays without."""
    for part in "123":
        if (day := found.group(f"day{part}")) is None:
            continue
        written, year = found.group(f"month{part}").lower(), found.group(f"year{part}")
        number = int(written) if written.isdecimal() else months[written]
        try:
            # A leap year, for a 29 February without its year.
            at = date(int(year or 2024), number, int(day))
        except ValueError:
            return found.group()
        pattern = Locale.parse(target).date_formats["long"].pattern if year else _without_year(target)
        return str(format_date(at, pattern, locale=target))
    return found.group()


def _without_year(language: str) -> str:
    return str(Locale.parse(language).datetime_skeletons["MMMMd"].pattern)


def _say_time(written: str, target: str) -> str:
    """'2 pm' for readers who count to 24; other times as they were."""
    half = _HALF.match(written.strip())
    if half is None:
        return written
    hour, minute, which = int(half.group(1)), int(half.group(2) or 0), half.group(3).lower()
    if not 1 <= hour <= 12:
        return written
    at = time(hour % 12 + (12 if which == "p" else 0), minute)
    return str(format_time(at, "short", locale=target)).replace("\u202f", " ")
