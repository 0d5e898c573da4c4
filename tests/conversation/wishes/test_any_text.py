"""Whatever somebody writes, reading it ends soon and never fails."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversation.wishes.lexicon import Lexicon
from conversation.wishes.reading import WishReader
from conversation.wishes.wish import Wish
from core.languages import RELEASED
from core.texts import Texts
from knowledge.base import FOLDER
from subscriptions.topics import load_topics
from tests.conversation.wishes.test_sentences import sentences

TODAY = date(2028, 2, 29)
TEXTS = Texts.load(FOLDER.parent / "locales")
READER = WishReader({code: Lexicon.load(code, TEXTS, load_topics().facts) for code in RELEASED})
WORDS = sorted({word for code in RELEASED for text, _ in sentences(code) for word in text.split()})
NUMBERS = ["0", "31/2/2027", "99/99/9999", "2027-13-01", "400", "999999999", "25:99", "٣", "1.1.1", "24"]


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS + NUMBERS), max_size=25).map(" ".join)))
def test_any_text_is_read_and_its_wish_survives_the_memory(text: str) -> None:
    for language in RELEASED:
        wish = READER.read(text, language, today=TODAY)
        assert Wish.model_validate_json(wish.model_dump_json(exclude_defaults=True)) == wish
        READER.read_until(text, language, today=TODAY)
        READER.answer(text, language)
        assert wish.joined(wish).is_change is wish.is_change


@pytest.mark.parametrize("text", ["stop youth " * 180, "xyz " * 500, "و" * 2000, "1/1 " * 500])
def test_the_longest_message_is_read_soon(text: str) -> None:
    began = time.process_time()
    READER.read(text, "en", today=TODAY)
    assert time.process_time() - began < 1.0
