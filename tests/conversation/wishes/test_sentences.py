"""What a sentence wants is read right, in each language, from sentences written by hand for that language."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from conversation.replies import Wording
from conversation.wishes.lexicon import Lexicon
from conversation.wishes.reading import WishReader
from conversation.wishes.wish import Wish
from core.languages import RELEASED
from subscriptions.topics import load_topics

TODAY = date(2026, 11, 22)
FOLDER = Path(__file__).parent / "sentences"


class _Words(yaml.SafeLoader):
    """YAML in which on and off are words."""


_Words.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def sentences(language: str) -> list[tuple[str, dict[str, Any]]]:
    listed = yaml.load((FOLDER / f"{language}.yaml").read_text(encoding="utf-8"), Loader=_Words)
    return [(", ".join(map(str, words)), expected) for *words, expected in listed]


def shown(wish: Wish) -> dict[str, Any]:
    """A wish as the files of sentences write it."""
    data = wish.model_dump(mode="json", exclude_defaults=True)
    if wish.paused_until:
        data["paused_until"] = wish.paused_until
    if wish.topics:
        data["topics"] = {
            topic: " ".join(part for part in (each.move, each.frequency, each.channel) if part)
            for topic, each in wish.topics.items()
        }
    return data


@pytest.fixture(scope="module")
def reader(wording: Wording) -> WishReader:
    topics = load_topics().facts
    return WishReader({code: Lexicon.load(code, wording.texts, topics) for code in RELEASED})


CASES = [(language, *case) for language in RELEASED for case in sentences(language)]


@pytest.mark.parametrize(("language", "text", "expected"), CASES, ids=[f"{code}: {text}" for code, text, _ in CASES])
def test_a_sentence_wants_what_its_writer_meant(
    reader: WishReader, language: str, text: str, expected: dict[str, Any]
) -> None:
    assert shown(reader.read(text, language, today=TODAY)) == expected


@pytest.mark.parametrize("language", RELEASED)
def test_there_are_sentences_enough(language: str) -> None:
    assert len(sentences(language)) >= 40
