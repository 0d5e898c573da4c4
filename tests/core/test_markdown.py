"""Markdown: safe as HTML, and worth reading as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.markdown import escape, to_html, to_text


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](JaVaScRiPt:alert(1))",
        '[x](https://a.example "onclick=alert(1)")',
        "<a href='javascript:alert(1)'>x</a>",
        "<style>body{display:none}</style>",
        '<https://a.example/"onmouseover=alert(1)>',
    ],
)
def test_no_script_comes_through(attack: str) -> None:
    html = to_html(f"Hello\n\n{attack}\n\nbye")
    for forbidden in ("<script", "<img", "<style", 'href="javascript', 'href="data', " onclick=", ' onmouseover="'):
        assert forbidden not in html.lower()


def test_a_picture_becomes_its_words_so_that_nobody_is_told_who_reads() -> None:
    assert "tracker.example" not in to_html("![a house](https://tracker.example/pixel.gif)")
    assert to_text("![a house](https://tracker.example/pixel.gif)") == "a house"


def test_addresses_of_links_are_notes_below_the_text_each_once() -> None:
    text = to_text("See [the guide](https://a.example/g), [again](https://a.example/g) and [that](https://b.example).")
    assert text == "See the guide [1], again [1] and that [2].\n\n[1] https://a.example/g\n[2] https://b.example"


def test_a_bare_address_is_a_link_and_no_note() -> None:
    assert '<a href="https://a.example/x?a=1&amp;b=2"' in to_html("Look at https://a.example/x?a=1&b=2.")
    assert to_text("Look at https://a.example/x.") == "Look at https://a.example/x."


def test_lists_and_headings_can_be_read_as_text() -> None:
    text = to_text("# News\n\nIntro\n\n- one\n- two\n  - deep\n\n3. c\n4. d\n\n> said")
    assert text == "News\n====\n\nIntro\n\n- one\n- two\n  - deep\n\n3. c\n4. d\n\n> said"


@given(st.text(max_size=80))
def test_escaped_words_stand_as_they_are(words: str) -> None:
    plain = " ".join(words.split())
    read = to_text(f"x {escape(words)} x")
    assert read.replace("\ufffd", "").split() == f"x {plain} x".replace("\x00", "").replace("\ufffd", "").split()
