"""Markdown on Telegram: balanced tags in every message, nothing lost at a cut, no foreign HTML."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from channels.base import Link, ReadyChat, Reply
from channels.telegram.formatting import MOST, length
from channels.telegram.markup import render_chat, render_markdown

ALLOWED = {"b", "i", "s", "a", "code", "pre", "blockquote"}


PIECES = ["word", "**bold words**", "*it*", "[li nk](https://a.example)", "`co de`", "\n\n", "\n- "]


class Balance(HTMLParser):
    """Reads HTML as strictly as Telegram does."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        assert [name for name, _ in attrs] == (["href"] if tag == "a" else [])
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_marks_become_the_tags_that_telegram_knows() -> None:
    markdown = "# Title\n\nHello **you** and [this *page*](https://a.example/?a=1&b=2).\n\n- one\n- two\n\n> said"
    assert render_markdown(markdown, "en") == [
        "<b>Title</b>\n\nHello <b>you</b> and "
        '<a href="https://a.example/?a=1&amp;b=2">this <i>page</i></a>.\n\n• one\n• two\n\n'
        "<blockquote>said</blockquote>"
    ]


def test_html_in_the_text_stays_words() -> None:
    assert render_markdown("<b>x</b> & <a href='y'>z</a>", "en") == [
        "&lt;b&gt;x&lt;/b&gt; &amp; &lt;a href='y'&gt;z&lt;/a&gt;"
    ]


def test_a_link_that_runs_something_is_no_link() -> None:
    assert "href" not in render_markdown("[x](javascript:alert(1)) <javascript:alert(1)>", "en")[0]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["word", "**bold words**", "*it*", "[li nk](https://a.example)", "`co de`", "\n\n", "\n- "])
    )
)
def test_long_messages_are_cut_without_loss_and_every_part_is_whole(pieces: list[str]) -> None:
    markdown = " ".join(pieces)
    whole, parts = render_markdown(markdown, "en", 10_000), render_markdown(markdown, "en", 30)
    texts = [Balance(part).text for part in parts]
    assert all(length(text) <= 30 for text in texts)
    assert re.sub(r"\s", "", "".join(texts)) == re.sub(r"\s", "", "".join(Balance(part).text for part in whole))


def test_why_it_came_and_the_links_stand_below() -> None:
    reply = Reply(
        text="Because you chose it.", links=[Link(title="Stop <it>", url="https://h.example/m?a=1&b")], language="en"
    )
    message = render_chat(ReadyChat(id="1", to="5", reply=reply, markdown="# Hi"), public_url=None)
    assert [one.html for one in message] == [
        '<b>Hi</b>\n\n<i>Because you chose it.</i>\n<a href="https://h.example/m?a=1&amp;b">Stop &lt;it&gt;</a>'
    ]
    assert unescape(message[0].html)


def test_a_very_long_message_keeps_its_foot() -> None:
    reply = Reply(text="Because.", language="en")
    parts = render_chat(ReadyChat(id="1", to="5", reply=reply, markdown="word " * 2000), public_url=None)
    assert len(parts) == 3
    assert parts[-1].html.endswith("<i>Because.</i>")
    assert all(length(Balance(part.html).text) <= MOST for part in parts)


def test_a_line_in_another_script_keeps_the_direction_of_the_language() -> None:
    assert render_markdown("ICC معا", "ar") == ["\u200fICC معا"]
