"""Markdown as people of the team write it (CommonMark), made into safe HTML and into plain text worth reading.

Raw HTML and pictures are not taken: a picture from elsewhere tells its server who reads. Addresses of pages become
links also where they stand bare. Links lead to http, https, mailto and tel only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

SCHEMES = frozenset({"http", "https", "mailto", "tel"})
TAGS = frozenset("p br strong em s a ul ol li h2 h3 h4 blockquote hr code pre table thead tbody tr th td".split())
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}, "th": {"style"}, "td": {"style"}}
_BARE = re.compile(r"\bhttps?://[^\s<>()\[\]\"'“”«»]*[^\s<>()\[\]\"'“”«».,;:!?…]")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&:/@])")


def _build() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.core.ruler.push("bare_links", _link_bare)
    reader.core.ruler.push("smaller_headings", _lower_headings)
    return reader


def parse(markdown: str) -> Sequence[Token]:
    """The text as tokens of markdown-it, with bare addresses made links and headings from the second level on."""
    return _READER.parse(markdown)


@lru_cache(maxsize=256)
def to_html(markdown: str) -> str:
    """Safe HTML without classes or styles."""
    return nh3.clean(
        _READER.render(markdown),
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        filter_style_properties={"text-align"},
        url_schemes=set(SCHEMES),
    ).strip()


@lru_cache(maxsize=256)
def to_text(markdown: str) -> str:
    """Plain text: lists as lists, and each link's address as a numbered note below."""
    writer = _PlainWriter()
    writer.write(parse(markdown))
    return writer.result()


def escape(text: str) -> str:
    """Words that are to stand as they are within Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def is_safe_link(url: str) -> bool:
    """Whether a link may lead there."""
    return url.partition(":")[0].lower() in SCHEMES


def _link_bare(state: object) -> None:
    for token in getattr(state, "tokens", []):
        if token.type == "inline" and token.children:
            token.children = _with_links(token.children)


def _with_links(children: list[Token]) -> list[Token]:
    done: list[Token] = []
    is_in_link = False
    for child in (_text(child.content) if child.type == "image" else child for child in children):
        is_in_link = child.type == "link_open" or (is_in_link and child.type != "link_close")
        if is_in_link and child.type == "text":
            child.content = child.content.removeprefix("mailto:")
        if child.type != "text" or is_in_link:
            done.append(child)
            continue
        start = 0
        for match in _BARE.finditer(child.content):
            done += [_text(child.content[start : match.start()])] if match.start() > start else []
            opening = Token("link_open", "a", 1, attrs={"href": match.group()}, info="auto")
            done += [opening, _text(match.group()), Token("link_close", "a", -1, info="auto")]
            start = match.end()
        done += [_text(child.content[start:])] if start < len(child.content) else []
    return done


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _lower_headings(state: object) -> None:
    """The message's own title is the first heading."""
    for token in getattr(state, "tokens", []):
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(4, max(2, int(token.tag[1])))}"


class _PlainWriter:
    """Writes tokens as lines. Quotes and lists are set in by a prefix."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._notes: list[str] = []
        self._numbers: list[int | None] = []
        self._quotes = 0
        self._bullet = ""
        self._is_tight = False
        self._cells: list[str] | None = None

    def write(self, tokens: Sequence[Token]) -> None:
        for number, token in enumerate(tokens):
            match token.type:
                case "bullet_list_open":
                    self._begin_list(None)
                case "ordered_list_open":
                    self._begin_list(int(token.attrs.get("start", 1)))
                case "bullet_list_close" | "ordered_list_close":
                    self._numbers.pop()
                case "list_item_open":
                    self._begin_item()
                case "blockquote_open":
                    self._quotes += 1
                case "blockquote_close":
                    self._quotes -= 1
                case "tr_open":
                    self._cells = []
                case "tr_close":
                    self._add(" | ".join(self._cells or []), is_tight=True)
                    self._cells = None
                case "hr":
                    self._add("----------")
                case "fence" | "code_block":
                    self._add(token.content.rstrip("\n"))
                case "inline":
                    words = self._inline(token.children or [])
                    if self._cells is not None:
                        self._cells.append(words)
                    elif tokens[number - 1].type == "heading_open" and tokens[number - 1].tag == "h2":
                        self._add(f"{words}\n{'=' * min(60, len(words))}")
                    else:
                        self._add(words)

    def result(self) -> str:
        text = "".join(self._blocks).strip("\n")
        notes = "\n".join(f"[{number}] {url}" for number, url in enumerate(self._notes, 1))
        return f"{text}\n\n{notes}" if notes else text

    def _begin_list(self, number: int | None) -> None:
        self._is_tight &= bool(self._numbers)
        self._numbers.append(number)

    def _begin_item(self) -> None:
        number = self._numbers[-1]
        self._bullet = "- " if number is None else f"{number}. "
        if number is not None:
            self._numbers[-1] = number + 1

    def _add(self, words: str, *, is_tight: bool = False) -> None:
        is_item = bool(self._bullet)
        depth = len(self._numbers)
        indent = "  " * max(0, depth - 1)
        first = indent + self._bullet if is_item else indent + ("  " if depth else "")
        rest = indent + " " * len(self._bullet) if is_item else first
        lines = [(first if number == 0 else rest) + line for number, line in enumerate(words.split("\n"))]
        lines = ["> " * self._quotes + line for line in lines]
        close = (is_item or is_tight) and self._is_tight
        self._blocks.append(("\n" if close else "\n\n") + "\n".join(lines))
        self._is_tight, self._bullet = is_item or is_tight, ""

    def _inline(self, children: Sequence[Token]) -> str:
        words: list[str] = []
        hrefs: list[tuple[str, int]] = []
        for child in children:
            match child.type:
                case "softbreak":
                    words.append(" ")
                case "hardbreak":
                    words.append("\n")
                case "link_open":
                    hrefs.append((str(child.attrs.get("href", "")), len(words)))
                case "link_close" if hrefs:
                    href, start = hrefs.pop()
                    said = "".join(words[start:])
                    if said not in {href, href.removeprefix("mailto:")} and is_safe_link(href):
                        words.append(f" [{self._note(href)}]")
                case _:
                    words.append(child.content)
        return "".join(words)

    def _note(self, href: str) -> int:
        if href not in self._notes:
            self._notes.append(href)
        return self._notes.index(href) + 1


_READER = _build()
