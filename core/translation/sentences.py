"""Where sentences end, by plain rules: the model translates one at a time, and a wrong cut spoils both halves.

So a doubtful end is none. Rules instead of a model, because a model for this would have to be fetched as well.
"""

from __future__ import annotations

import re

_ENDS = re.compile(
    # Full stops of scripts that put no space after them.
    r"(?<=[。！？｡])(?![」』）”])|(?<=[。！？｡][」』）”])"
    # An end, closing quotes or brackets, then a space.
    r"|(?<=[.!?…؟۔])([\"'”’»“)\]]*)\s+"
)
_SHORT = {
    "": "dr prof mr mrs ms st no nr art etc vs cf p pp tel fig vol ed approx a.m p.m e.g i.e",
    "fr": "m mm mme mlle mmes av bd env ex éd réf c.-à-d p.ex",
    "it": "sig sig.ra dott dott.ssa ing avv on ecc pag es p.es v ca lett",
    "de": "z.b d.h u.a usw bzw ca hr fr str nr abs s vgl ggf inkl zzgl mind",
    "es": "sr sra srta ud uds pág ej p.ej aprox avda núm",
    "pt": "sr sra srs dra av pág ex p.ex aprox núm",
    "pl": "np itd itp tzn ul al prof mgr inż r godz zł m.in",
    "tr": "örn vb vs sok cad mah sn yy",
    "nb": "f.eks bl.a osv ca kl nr jf dvs mv",
    "uk": "т.д т.п т.зв м вул р рр ст грн тис напр див",
    "ar": "د م",
}
_BEFORE = re.compile(r"([\w.'’-]+)\.$")


def split_sentences(text: str, language: str) -> list[str]:
    """The sentences with the spaces between them, so that joined they are the text again."""
    known = frozenset(f"{_SHORT['']} {_SHORT.get(language, '')}".split())
    sentences, start = [], 0
    for match in _ENDS.finditer(text):
        end = match.end()
        if 0 < end < len(text) and _is_end(text[start : match.start()], text[end:], known):
            sentences.append(text[start:end])
            start = end
    return [*sentences, text[start:]] if start < len(text) else sentences


def _is_end(before: str, after: str, known: frozenset[str]) -> bool:
    last = _BEFORE.search(before)
    if last is None:
        return True
    word = last.group(1)
    # An initial (J. Smith), an abbreviation, a numbering (1. May), or what goes on in small letters: not the end.
    is_short = len(word) == 1 and word.isalpha() and word.isupper()
    return not (is_short or word.lower() in known or word.isdecimal() or after[0].islower())
