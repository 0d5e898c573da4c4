"""Where sentences end, in every language of the hub."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.languages import LANGUAGES
from core.translation.sentences import split_sentences


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Dr. Smith came at 3 p.m. today. ", "Did she stay? ", "Yes!"]),
        ("en", ["See e.g. the guide by J. Baker. ", "It is “new.” ", "Read it."]),
        ("fr", ["M. Diallo habite av. de la Gare. ", "Il a écrit."]),
        ("it", ["La sig.ra Rossi ha chiamato. ", "Perché?"]),
        ("de", ["Das gilt z.B. am 3. Mai und usw. im Juni. ", "Danke."]),
        ("ar", ["هل أنت بخير؟ ", "نعم. ", "شكرا."]),
        ("ja", ["会議は五月です。", "「来てください。」", "ありがとう！"]),
        ("uk", ["Це вул. Садова. ", "Дякую."]),
    ],
)
def test_a_text_is_cut_where_its_sentences_end(language: str, sentences: list[str]) -> None:
    assert split_sentences("".join(sentences), language) == sentences


@given(st.text(alphabet="ab .!?。\n”)AÉ1", max_size=60), st.sampled_from(sorted(LANGUAGES)))
def test_nothing_is_lost_between_sentences(text: str, language: str) -> None:
    assert "".join(split_sentences(text, language)) == text
