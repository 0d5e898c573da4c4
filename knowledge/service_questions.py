"""What people ask of services that they were just shown: what it costs, a lawyer, staying anonymous, their language.

Rows of words (texts/<language>/service_questions.yaml) must be the whole message, as in knowledge.asked_places. What a
service costs and what its lawyers do stands in its text alone, so the answer is the sentence that tells of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core.normalise import words
from knowledge.asked_places import any_of
from knowledge.base import FOLDER
from knowledge.keywords import bare_forms
from knowledge.schema import ServiceText

MATTERS = ("cost", "lawyer", "anonymous", "language")
_SENTENCE_END = re.compile(r"(?<=[.!?؟])\s+")


def find_matter(text: str, folder: Path = FOLDER) -> str | None:
    """One of ``MATTERS``, where the whole message asks of it in any language."""
    said = "".join(f" {word}" for word in words(text))
    if not said:
        return None
    return next((matter for pattern, matter in _questions(folder) if pattern.fullmatch(said)), None)


def find_sentence(text: ServiceText, matter: str, language: str, folder: Path = FOLDER) -> str | None:
    """The first sentence of a service's text that tells of the matter, or None where none does."""
    told = _told(folder).get(language, {}).get(matter, ())
    whole = " ".join(part for part in (text.summary, text.how, text.caution) if part)
    for sentence in _SENTENCE_END.split(whole):
        tokens = words(sentence)
        tokens += [bare for token in tokens for bare in bare_forms(token)]
        phrase = " " + " ".join(tokens)
        if any(f" {word}" in phrase for word in told):
            return sentence
    return None


@cache
def _read(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    paths = sorted((folder / "texts").glob("*/service_questions.yaml"))
    return {path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths}


@cache
def _questions(folder: Path) -> tuple[tuple[re.Pattern[str], str], ...]:
    found = []
    for data in _read(folder).values():
        opening, ending = any_of(data["opening"]), any_of(data["ending"])
        for matter in MATTERS:
            pattern = re.compile(f"(?:{opening})*(?:{any_of(data[matter])})(?:{ending})*")
            found.append((pattern, matter))
    return tuple(found)


@cache
def _told(folder: Path) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    return {
        language: {matter: tuple(" ".join(words(one)) for one in spelled) for matter, spelled in data["says"].items()}
        for language, data in _read(folder).items()
    }
