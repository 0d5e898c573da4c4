"""How replies look: splits, directions, links, keyboards. And every reply of the knowledge base is accepted."""

from __future__ import annotations

import re
from datetime import date

import pytest

from channels.base import Button, Contact, ContactKind, Link, Reply
from channels.telegram.formatting import MOST, Key, button_rows, direct, length, render, split, tick
from conversation.replies import Wording
from core.languages import RELEASED
from tests.telegram_server.rules import RefusedError, plain_text

LONG = {
    "en": "Call 112. It opens at nine, on +39 051 219 44 57 or https://www.coe.int/en/web/interculturalcities. ",
    "ar": "اتصلوا على \u2066+39 051 219 44 57\u2069 أو اكتبوا إلى المكتب. يفتح المكتب في التاسعة صباحا. ",
    "ja": "市役所に電話してください。電話番号は052 972 3111です。窓口は九時に開きます。",
    "emoji": "👩‍🦽 OK. ",
}


@pytest.mark.parametrize("language", LONG)
@pytest.mark.parametrize("most", [60, 200, 3500])
def test_a_long_text_is_split_between_sentences_and_never_inside_a_number_or_link(language: str, most: int) -> None:
    most = max(most, 130 if language != "ja" else 60)
    text = (LONG[language] * 120).strip()
    parts = split(text, most)
    assert all(0 < length(part) <= most for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)
    for number in re.findall(r"\+39 051 219 44 57|052 972 3111|https://\S+", text):
        assert sum(part.count(number) for part in parts) == text.count(number)
    assert all(part.endswith((".", "。")) for part in parts)


def test_a_paragraph_s_end_is_the_best_place() -> None:
    text = "A first sentence. And a second.\n\n" + "B" * 50
    assert split(text, 60) == ["A first sentence. And a second.", "B" * 50]


def test_a_word_longer_than_a_message_is_cut() -> None:
    assert [length(part) for part in split("x" * 250, 100)] == [100, 100, 50]
    assert [length(part) for part in split("😀" * 60, 100)] == [100, 20]


def test_a_line_runs_in_the_direction_of_its_language() -> None:
    assert direct("Intercultural Cities Index", "ar") == "\u200fIntercultural Cities Index"
    assert direct("مؤشر", "ar") == "مؤشر"
    assert direct("مؤشر", "en") == "\u200eمؤشر"
    assert direct("12", "ar") == "12"


def test_everything_that_an_answer_carries_is_shown_once(wording: Wording) -> None:
    reply = Reply(
        id="abc",
        text="Title <1>\nA text & more.\nA note.",
        answer="tool/x",
        links=[
            Link(title="Page <2>", url="https://example.org/?a=1&b=2", note="A note."),
            Link(title="News", url="https://example.org/news", note="Only a news item."),
            Link(title="Catalogue", url="/catalogue?kind=tool"),
        ],
        buttons=[Button(title="Other", payload="/tool/y")],
        contacts=[Contact(kind=ContactKind.PHONE, label="Telephone", value="+1 2", href="tel:+12")],
        language="en",
        machine_translated=True,
    )
    [message] = render(reply, wording.texts, public_url=None, thumbs=True)
    assert message.html == (
        "<b>Title &lt;1&gt;</b>\nA text &amp; more.\nA note.\nTelephone: +1 2\n"
        '<a href="https://example.org/?a=1&amp;b=2">Page &lt;2&gt;</a>\n'
        '<a href="https://example.org/news">News</a>\nOnly a news item.\n<i>Translated by a machine.</i>'
    )
    assert [[key.data for key in row] for row in message.rows] == [["/tool/y"], ["+abc", "-abc"]]
    [public] = render(reply, wording.texts, public_url="https://hub.example.org", thumbs=False)
    assert 'href="https://hub.example.org/catalogue?kind=tool"' in public.html


@pytest.mark.parametrize("language", RELEASED)
def test_every_entry_makes_messages_that_telegram_takes(wording: Wording, language: str) -> None:
    for entry in wording.base.entries.values():
        reply = wording.entry(entry, language, today=date(2026, 11, 22))
        for message in render(reply, wording.texts, public_url=None, thumbs=True):
            assert 0 < length(plain_text(message.html)) <= MOST


def test_short_buttons_stand_in_pairs_and_long_ones_below_each_other() -> None:
    countries = [Button(title=name, payload="/x") for name in ("Italy", "Spain", "France")]
    assert [len(row) for row in button_rows(countries)] == [2, 1]
    assert [len(row) for row in button_rows([*countries, Button(title="A" * 30, payload="/y")])] == [1, 1, 1, 1]


def test_a_tick_moves_within_its_kind_and_a_finished_choice_stands_alone() -> None:
    rows = [[Key("✓ One", "/1"), Key("Two", "#/2")], [Key("✓ Yes", "+id"), Key("No", "-id")]]
    assert tick(rows, "#/2", finished=False)[0] == [Key("One", "/1"), Key("✓ Two", "#/2")]
    assert tick(rows, "#/2", finished=False)[1] == rows[1]
    assert tick(rows, "-id", finished=False)[1] == [Key("Yes", "+id"), Key("✓ No", "-id")]
    assert tick(rows, "#/2", finished=True) == [[Key("✓ Two", "=")]]


@pytest.mark.parametrize("html", ["<b>open", "a < b", "<u><b>x</u></b>", "<font>x</font>", "<a>x</a>", "x & &foo; y"])
def test_the_local_server_refuses_broken_markup(html: str) -> None:
    with pytest.raises(RefusedError):
        plain_text(html)
