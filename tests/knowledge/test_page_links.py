"""Readers are sent to pages in their own language or in English, never to Greek or Finnish ones."""

from __future__ import annotations

import re
from datetime import date

import pytest

from app import build_wording
from cli.linkcheck import collect_links
from conversation.replies import Wording
from core.clock import FixedClock
from core.database import Database
from core.languages import RELEASED
from core.settings import Settings
from knowledge.base import load_knowledge
from knowledge.page_links import DIFFERS_BY_LANGUAGE, page_for_reader
from knowledge.written.forms import AnswerForm
from knowledge.written.live import list_given_entries
from knowledge.written.service import publish_answer, save_answer

SITE = "https://www.coe.int"


@pytest.fixture(scope="module")
def wording() -> Wording:
    return build_wording(Settings())


@pytest.mark.parametrize(
    ("stored", "language", "shown"),
    [
        (f"{SITE}/el/web/interculturalcities/newsroom", "en", f"{SITE}/en/web/interculturalcities/newsroom"),
        (f"{SITE}/el/web/interculturalcities/newsroom", "fr", f"{SITE}/fr/web/interculturalcities/newsroom"),
        (
            f"{SITE}/it/web/interculturalcities/icc-welcome-pack",
            "it",
            f"{SITE}/en/web/interculturalcities/icc-welcome-pack",
        ),
        ("http://www.coe.int/web/interculturalcities/newsroom", "ar", f"{SITE}/en/web/interculturalcities/newsroom"),
        (
            "https://coe.int/uk/c/portal/update_language?languageId=en_GB&p_l_id=1&redirect=%2Fuk%2Fweb%2Finterculturalcities%2Frating",
            "fr",
            "https://coe.int/fr/web/interculturalcities/rating",
        ),
        (
            f"{SITE}/en/web/interculturalcities/faq?desktop=true",
            "fr",
            f"{SITE}/fr/web/interculturalcities/faq?desktop=true",
        ),
        ("http://www.coe.int/t/dg4/documents_en.asp", "it", f"{SITE}/t/dg4/documents_en.asp"),
        (
            "https://rm.coe.int/icc-newsletter-july-2021/1680a33a4d",
            "fr",
            "https://rm.coe.int/icc-newsletter-july-2021/1680a33a4d",
        ),
        ("https://www.retecittadeldialogo.it/el/web/x", "en", "https://www.retecittadeldialogo.it/el/web/x"),
    ],
)
def test_a_page_is_shown_in_the_language_of_its_reader(stored: str, language: str, shown: str) -> None:
    assert page_for_reader(stored, language) == shown


def test_a_page_that_says_other_things_in_french_stays_the_source_that_it_is() -> None:
    french = f"{SITE}/fr/web/interculturalcities/how-to-join-"

    assert page_for_reader(french, "en") == french


@pytest.mark.parametrize("language", RELEASED)
def test_no_answer_links_to_a_page_in_a_language_that_was_not_asked_for(wording: Wording, language: str) -> None:
    wrong = []
    for entry in wording.base.entries.values():
        shown = [*wording.entry(entry, language, today=date(2026, 11, 1)).links, *wording.source_links(entry, language)]
        for link in shown:
            site = re.match(r"(https?)://(?:www\.)?coe\.int(/[a-z]{2})?(/[^?]*)", link.url)
            if site is None or site[3] in DIFFERS_BY_LANGUAGE:
                continue
            fits = site[2] in {"/en", f"/{language}"} or not site[3].startswith(("/web/", "/c/"))
            if site[1] != "https" or not fits:
                wrong.append((entry.id, link.url))

    assert wrong == []


async def test_links_of_published_answers_are_checked_beside_and_among_their_words(
    database: Database, clock: FixedClock
) -> None:
    base = load_knowledge()
    form = AnswerForm(
        language="en",
        title="Who pays?",
        text="The Council pays (see https://example.org/rules_(2026)?a=1&b=2). More: https://example.org/more_(x).",
        links=(("How to ask", "https://example.org/ask"),),
        source="Rules",
        source_url="https://example.org/source",
        as_of="2026-05-04",
        examples=("who pays", "is it free", "what does it cost"),
    )
    async with database.session() as session:
        whole = await save_answer(session, None, form, base=base, by="x", clock=clock)
        assert await list_given_entries(session) == [], "nobody reads a draft"
        await publish_answer(session, whole.answer.id, seen=whole.seen, by="x", clock=clock)
        base.set_answers(await list_given_entries(session))

    named = {url for url, entries in collect_links(base).items() if whole.answer.entry in entries}

    assert named == {
        "https://example.org/ask",
        "https://example.org/more_(x)",
        "https://example.org/rules_(2026)?a=1&b=2",
        "https://example.org/source",
    }


def test_links_are_checked_as_they_stand_in_the_facts_and_as_readers_see_them(wording: Wording) -> None:
    links = collect_links(wording.base)

    for language in ("el", "en", "fr"):
        assert f"{SITE}/{language}/web/interculturalcities/newsroom" in links
