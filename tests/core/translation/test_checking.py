"""Every way in which a model is known to fail is found, and what people translated is not refused."""

from __future__ import annotations

import pytest

from core.settings import PROJECT_ROOT
from core.texts import Texts
from core.translation.checking import Check, find_problem
from core.translation.sentences import split_sentences

SAID = "Please register for the meeting of the network before the end of the month."
LONG = """Iscrivetevi all'incontro della rete prima della fine del mese, portate con voi i colleghi del vostro ufficio e
leggete il manuale, che trovate sul sito; dopo pranzo parleremo ancora di scuola, casa, lavoro, giovani e quartieri."""


@pytest.mark.parametrize(
    ("translated", "problem"),
    [
        ("Iscrivetevi all'incontro della rete prima della fine del mese.", None),
        (SAID, Check.UNTRANSLATED),
        ("Please register to the network meeting until the month ends.", Check.UNTRANSLATED),
        ("Veuillez vous inscrire à la réunion du réseau avant la fin du mois.", Check.LANGUAGE),
        ("Iscrivetevi (applausi) (applausi) (applausi) (applausi) alla rete.", Check.REPETITION),
        ("Insalata " * 12, Check.REPETITION),
        ("Iscriversi.", Check.LENGTH),
        (LONG, Check.LENGTH),
        ("", Check.LENGTH),
        ("Iscrivetevi all'incontro della rete prima del 30 del mese.", Check.NUMBERS),
        ("Iscrivetevi su www.incontro.it prima della fine del mese.", Check.LINKS),
    ],
)  # fmt: skip
def test_each_silent_failure_is_named(translated: str, problem: Check | None) -> None:
    assert find_problem(SAID, translated, source="en", target="it") == problem


def test_a_single_word_that_becomes_a_speech_is_refused() -> None:
    assert find_problem("Home", "Accedi al sito " * 8, source="en", target="it") is not None
    assert find_problem("Home", "Casa", source="en", target="it") is None


@pytest.mark.parametrize(("source", "target"), [("en", "fr"), ("en", "it"), ("en", "ar"), ("fr", "it"), ("ar", "en")])
def test_what_people_translated_is_not_refused(source: str, target: str) -> None:
    """The catalogue's own sentences, all by people: fewer than one in 500 may be refused."""
    texts = Texts.load(PROJECT_ROOT / "locales")
    looked_at, refused = 0, []
    for key in sorted(texts.keys(source) & texts.keys(target)):
        first, second = texts.raw(key, source), texts.raw(key, target)
        if isinstance(first, dict) or isinstance(second, dict) or "{" in first:
            continue
        ours, theirs = split_sentences(first, source), split_sentences(second, target)
        # Texts are written anew in each language; where the number of sentences differs, they do not correspond.
        if len(ours) != len(theirs) or any(sign.isdigit() for sign in first + second):
            continue
        pairs = list(zip(ours, theirs, strict=True))
        looked_at += len(pairs)
        refused += [
            pair for pair in pairs if find_problem(*pair, source=source, target=target) not in {None, Check.LINKS}
        ]
    assert looked_at > 1000
    assert len(refused) <= looked_at / 500, refused
