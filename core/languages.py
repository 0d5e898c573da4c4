"""The languages of the hub: the list, matching of codes, and detection.

Adding a language is one line here, and folders of texts and examples. Detection rests on lingua
(https://github.com/pemistahl/lingua-py), restricted to the languages below and their look-alikes.
"""

from __future__ import annotations

import heapq
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

import yaml
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format
from lingua import IsoCode639_1, LanguageDetector, LanguageDetectorBuilder
from lingua import Language as LinguaLanguage

SOURCE_LANGUAGE = "en"
"""The language that texts are written in first, and the last resort of every lookup."""

CONFIDENCE_FLOOR = 0.72
"""Below this a detection counts as a guess and changes nothing (measured on the evaluation sets, see docs)."""

MIXED_BELOW = 0.85
"""Below this share the little words of a sentence say more than its letters, which names of other languages colour."""

CONFIDENCE_OF_VOTE, CONFIDENCE_OF_PLAIN_VOTE, CONFIDENCE_OF_GREETING = 0.9, 0.98, 0.5

MINIMUM_LETTERS = 12
"""A text with fewer letters never changes the language by detection ('ok', 'salut', a city's name)."""


@dataclass(frozen=True)
class Language:
    """A language of the hub; ``released`` means that every text exists in it."""

    code: str
    own_name: str
    right_to_left: bool = False
    released: bool = False

    @property
    def direction(self) -> str:
        """Value of the HTML attribute ``dir``."""
        return "rtl" if self.right_to_left else "ltr"


LANGUAGES = {
    language.code: language
    for language in (
        Language("en", "English", released=True),
        Language("fr", "Français", released=True),
        Language("it", "Italiano", released=True),
        Language("ar", "العربية", right_to_left=True, released=True),
        Language("de", "Deutsch"),
        Language("es", "Español"),
        Language("pt", "Português"),
        Language("pl", "Polski"),
        Language("tr", "Türkçe"),
        Language("uk", "Українська"),
        Language("nb", "Norsk bokmål"),
        Language("ja", "日本語"),
    )
}
RELEASED = [code for code, language in LANGUAGES.items() if language.released]

LOOK_ALIKES = {"ca": "es", "nn": "nb", "da": "nb", "sv": "nb"}
"""Detected codes that are answered in a related language of the list, which their readers read.

Russian is not answered in Ukrainian: who writes Russian may not read it, and the choice would hurt. It gets English.
"""

_GROUPS = (("es", "ca", "pt"), ("nb", "nn", "da", "sv"), ("ar", "fa", "ur"))
"""Related languages whose shares of confidence are added before the best of the group is judged."""

_DETECTED = frozenset("en fr it ar de es pt pl tr uk nb ja ca nn da sv nl ro ru el he fa ur zh ko sq hr fi hu".split())

_SCRIPT_LANGUAGES = (
    (re.compile(r"[\u3040-\u30ff]"), "ja"),
    (re.compile(r"[\uac00-\ud7af]"), "ko"),
    (re.compile(r"[\u0370-\u03ff]{2}"), "el"),
    (re.compile(r"[\u0590-\u05ff]"), "he"),
    (re.compile(r"[\u10a0-\u10ff]"), "ka"),
    (re.compile(r"[\u0530-\u058f]"), "hy"),
)

LEAST_VOTES, PLAIN_VOTES = 2, 3
_LETTERS = re.compile(r"[^\W\d_]+")
_ARABIC_ONLY = re.compile(r"(?<![\u0621-\u06d3])[وفبكل]?ال[\u0621-\u064a]{3}|ة")
"""The article, and the letter that ends many of its nouns."""
_NOT_ARABIC = re.compile(r"[\u0679\u067e\u0686\u0688\u0691\u0698\u06a9\u06af\u06ba\u06be\u06c1-\u06c3\u06cc\u06d2]")
"""Letters of Persian and Urdu that Arabic does not have."""
_ARABIZI_DIGITS = re.compile(r"(?<![\w.])(?=[a-z']*[a-z])(?=[a-z']*[35679]|[a-z]*2[a-z])[a-z0-9']{3,}(?![\w.])", re.I)
_ARABIZI_DIGIT_FIRST = re.compile(r"[35679][a-z]{3,}$")
_ARABIZI_WORDS = frozenset(
    "ana enta enti nta nti mesh mish mosh msh machi wen wein fein feen chno chnou shu shou sho shnu kif kifash kifech "
    "wach wesh aywa ayna hada hadi haza hatha bghit biddi bedi abgha kayn kayen bikoum salam salamo choukran shukran "
    "bezzaf barsha alkitab kitab mdina medina dyal dyali dyalna lesh leish momken mumkin yalla habibi el bel "
    "faransi arabi 3arabi inglizi engelizi taliani dalil deleel emta imta kifach kifech ghedda bokra bukra lyoum "
    "elyoum inshallah wallah ya3ni bas3a sheft shuft chouf mouch mech jibli a3tini a3teni".split()
)


@dataclass(frozen=True)
class Detection:
    """What the text seems to be written in, and how sure (0..1)."""

    code: str
    confidence: float
    by_script: bool = False
    """Whether the letters alone tell it, so that one word is enough."""

    @property
    def is_sure(self) -> bool:
        return self.confidence >= CONFIDENCE_FLOOR


def match_language(code: str) -> str | None:
    """The language of the list for a BCP 47 code (``fr-CH`` means fr), or None when the code is valid but not ours.

    Raises ValueError for a malformed code.
    """
    try:
        parsed = Locale.parse(code.replace("_", "-"), sep="-")
    except UnknownLocaleError:
        # Valid by its form, but without locale data.
        if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", code):
            return None
        raise ValueError(code) from None
    base = {"no": "nb", "nn": "nb"}.get(parsed.language, parsed.language)
    return base if base in LANGUAGES else None


def accepted_language(header: str | None) -> str | None:
    """The first language of ours in an Accept-Language header (RFC 9110 section 12.5.4), or None."""
    choices: list[tuple[float, int, str]] = []
    for position, part in enumerate((header or "")[:500].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
            code = match_language(tag) if tag and tag != "*" else None
        except ValueError:
            continue
        if code and LANGUAGES[code].released and quality > 0:
            choices.append((-quality, position, code))
    return min(choices)[2] if choices else None


@cache
def _detector() -> LanguageDetector:
    codes = [getattr(IsoCode639_1, code.upper()) for code in _DETECTED]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()


def warm_up() -> None:
    """Load the language models now, so that the first message does not wait for them."""
    detect_language("Where can I find the handbook for our city?")


def count_letters(text: str) -> int:
    """Letters of any script; a letter of a script without spaces between words counts for three."""
    return sum(
        3 if "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7af" else 1
        for char in text
        if unicodedata.category(char).startswith("L")
    )


@dataclass(frozen=True)
class Vote:
    """The language with the most little words in a text, how many those are, and how many another one has."""

    code: str
    votes: int
    next_votes: int
    most_of_neighbours: int

    @property
    def is_sure(self) -> bool:
        """Enough for a sentence of mixed languages ('dove trovo il welcome pack?')."""
        return self.votes >= LEAST_VOTES and self.votes > 2 * self.next_votes

    @property
    def is_plain(self) -> bool:
        """Enough to believe it without looking at the letters."""
        return self.votes >= PLAIN_VOTES and self.votes >= 3 * max(self.next_votes, self.most_of_neighbours)


def vote_by_function_words(text: str) -> Vote:
    """Count the little words of each language in a text."""
    found = {*_LETTERS.findall(text.lower())}
    mixed, neighbours = _function_words()["mixed"], _function_words()["neighbours"]
    votes = {code: len(found & known) for code, known in mixed.items()}
    best, second = heapq.nlargest(2, votes, key=votes.__getitem__)
    return Vote(best, votes[best], votes[second], max(len(found & known) for known in neighbours.values()))


@cache
def _function_words() -> dict[str, dict[str, frozenset[str]]]:
    path = Path(__file__).with_name("function_words.yaml")
    lists = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: {code: frozenset(line.split()) for code, line in listed.items()} for name, listed in lists.items()}


def is_arabizi(text: str) -> bool:
    """Whether a text in Latin letters is Arabic as it is typed in chats ('3andi mochkil ma3a lwa7d')."""
    words = re.findall(r"[a-z0-9']+", text.lower())
    if not words:
        return False
    within, before = len(_ARABIZI_DIGITS.findall(text)), sum(map(bool, map(_ARABIZI_DIGIT_FIRST.match, words)))
    known = sum(word in _ARABIZI_WORDS for word in words)
    # "3eme" and "5euros" begin so in other languages.
    is_marked = within >= 1 or (before >= 1 and known >= 1)
    return within + before + known >= 2 and (is_marked or known / len(words) >= 0.4)


def has_arabizi(text: str) -> bool:
    """Whether any word of a text is Arabic as it is typed in chats; too little to call all of it so."""
    words = re.findall(r"[a-z0-9']+", text.lower())
    patterns = (_ARABIZI_DIGITS, _ARABIZI_DIGIT_FIRST)
    return any(word in _ARABIZI_WORDS or any(pattern.match(word) for pattern in patterns) for word in words)


def is_plain_arabic(text: str) -> bool:
    """Whether a text is Arabic beyond doubt, and not Persian or Urdu: by its little marks, or by all of its letters but
    those of names in Latin script ("وين welcome pack")."""
    if _NOT_ARABIC.search(text):
        return False
    if _ARABIC_ONLY.search(text):
        return True
    letters = [char for char in text if char.isalpha() and not "a" <= char.lower() <= "z"]
    return len(letters) > 1 and all("\u0621" <= char <= "\u064a" for char in letters)


def _read_greeting(text: str) -> Detection:
    """The language of a message that is only a greeting or thanks; it begins a conversation, but switches none."""
    said = {*_LETTERS.findall(text.lower())}
    for code, known in _function_words()["greetings"].items():
        if said and said <= known:
            return Detection(code, CONFIDENCE_OF_GREETING)
    return Detection(SOURCE_LANGUAGE, 0.0)


def is_greeting(text: str) -> bool:
    """Whether a message is nothing but a greeting, thanks or a goodbye in one language."""
    said = {*_LETTERS.findall(text.lower())}
    return any(said and said <= known for known in _function_words()["greetings"].values())


def detect_language(text: str) -> Detection:
    """The language that the text is written in; confidence 0 when it is too short to tell.

    Where the little words are plain, they decide (a thirtieth of the work); else the letters do, by lingua.
    """
    for script, code in _SCRIPT_LANGUAGES:
        if script.search(text):
            return Detection(code, 1.0)
    if is_plain_arabic(text):
        return Detection("ar", 1.0, by_script=True)
    if is_arabizi(text):
        return Detection("ar", 0.9)
    if count_letters(text) < MINIMUM_LETTERS:
        return _read_greeting(text)
    vote = vote_by_function_words(text)
    if vote.is_plain:
        return Detection(vote.code, CONFIDENCE_OF_PLAIN_VOTE)
    values: dict[str, float] = {}
    for value in _detector().compute_language_confidence_values(text[:600]):
        values[_code(value.language)] = value.value
    best = max(values, key=lambda code: values[code])
    confidence = values[best]
    for group in _GROUPS:
        if best in group:
            confidence = sum(values.get(code, 0.0) for code in group)
    agree = vote.code == best and vote.votes >= LEAST_VOTES and vote.votes > vote.next_votes
    if agree or (vote.is_sure and confidence < MIXED_BELOW):
        return Detection(vote.code, max(confidence if vote.code == best else 0.0, CONFIDENCE_OF_VOTE))
    return Detection(best, confidence)


def _code(language: LinguaLanguage) -> str:
    return language.iso_code_639_1.name.lower()


def answerable_language(detected: str) -> str:
    """The language in which to speak to somebody who writes ``detected``: itself, a close relative, else English."""
    if detected in LANGUAGES:
        return detected
    relative = LOOK_ALIKES.get(detected)
    return relative if relative in LANGUAGES else SOURCE_LANGUAGE


def locale_of(language: str) -> Locale:
    """How dates are written: English as in Europe."""
    return Locale.parse("en-GB" if language == "en" else language, sep="-")


def format_day(day: date, language: str) -> str:
    """With the name of the month, since 3/5 is May to some and March to others."""
    return str(format_date(day, "long", locale=locale_of(language)))


def format_moment(here: datetime, language: str) -> str:
    """A day and an hour in the time zone of ``here``, without seconds, which nobody reads."""
    locale = locale_of(language)
    day, hour = format_date(here, "medium", locale=locale), format_time(here, "short", locale=locale)
    return str(get_datetime_format("medium", locale=locale)).replace("{1}", day).replace("{0}", hour)
