"""The catalogue of sentences: released languages lack nothing, and every key that the code names exists."""

from __future__ import annotations

import re

import pytest

from cli.parity import ENGLISH_ONLY
from core.languages import LANGUAGES, RELEASED, SOURCE_LANGUAGE
from core.settings import PROJECT_ROOT
from core.texts import Texts, labelled, listed, placeholders

_GROUPS = "message_page|report_page|case|mail|chat|flow|talk|safety|language|button|link|error|page|telegram"
KEY = re.compile(rf"""["']((?:{_GROUPS})\.[a-z_]+(?:[.-][a-z_-]+)*)["']""")


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts.load(PROJECT_ROOT / "locales")


def expected_keys(texts: Texts) -> set[str]:
    return {key for key in texts.keys(SOURCE_LANGUAGE) if not key.startswith(ENGLISH_ONLY)}


@pytest.mark.parametrize("language", RELEASED)
def test_a_released_language_has_every_key(texts: Texts, language: str) -> None:
    assert expected_keys(texts) - texts.keys(language) == set()


@pytest.mark.parametrize("language", RELEASED)
def test_no_language_has_a_key_that_english_lacks(texts: Texts, language: str) -> None:
    assert texts.keys(language) - texts.keys(SOURCE_LANGUAGE) == set()


@pytest.mark.parametrize("language", RELEASED)
def test_placeholders_are_the_same_in_every_language(texts: Texts, language: str) -> None:
    wrong = [
        key
        for key in expected_keys(texts) & texts.keys(language)
        if placeholders(texts.raw(key, language)) != placeholders(texts.raw(key, SOURCE_LANGUAGE))
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_can_say_that_it_is_not_there_yet(texts: Texts, language: str) -> None:
    assert {"language.not_yet", "language.emergency"} <= texts.keys(language)


def test_every_key_that_the_code_names_exists(texts: Texts) -> None:
    named: set[str] = set()
    for folder in ("bot/actions", "channels", "conversation", "web", "core", "knowledge"):
        for path in (PROJECT_ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".html"}:
                named |= set(KEY.findall(path.read_text(encoding="utf-8")))
    named = {key for key in named if not key.endswith((".css", ".html", ".js"))}
    known = texts.keys(SOURCE_LANGUAGE)
    # Templates leave out the "page." that all their keys have.
    assert {key for key in named if key not in known and f"page.{key}" not in known} == set()


def test_plural_forms_follow_the_language() -> None:
    texts = Texts({"en": {"x.n": {"one": "{count} city", "other": "{count} cities"}}})
    assert texts.get("x.n", "en", count=1) == "1 city"
    assert texts.get("x.n", "fr", count=2) == "2 cities"


def test_french_signs_never_stand_alone_at_the_beginning_of_a_line(texts: Texts) -> None:
    """A no-break space stands before a colon, a semicolon, a question or exclamation mark, and inside guillemets."""
    torn = re.compile(r" [:;?!»](?=[\s\"'.,)]|$)|« |[\w»)}]:(?= |$)")
    found = {}
    for key in texts.keys("fr"):
        said = texts.raw(key, "fr")
        for form in said.values() if isinstance(said, dict) else [said]:
            if torn.search(form):
                found[key] = form
    assert found == {}


def test_a_label_and_its_value_are_joined_as_each_language_does() -> None:
    assert labelled("Téléphone", "112", "fr") == "Téléphone\u00a0: 112"
    assert labelled("Phone", "112", "en") == "Phone: 112"


@pytest.mark.parametrize("language", RELEASED)
def test_each_name_of_a_list_is_said_once(language: str) -> None:
    for names in (["A"], ["A", "B"], ["A", "B", "C"]):
        said = listed(names, language)
        assert [name for name in said if name.isupper()] == names
        assert language != "ar" or "," not in said
