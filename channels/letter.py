"""A message before a channel shows it: its parts in words, and slots for what is each reader's own.

Writing out a message takes milliseconds, so what many readers share is written once, as a ``Pattern`` with slots. A
slot's value is put in escaped; slots cannot be guessed, so no text can contain one. Knows no particular channel.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Protocol

_NONCE = secrets.token_hex(8)
_SLOT = re.compile(rf"slot{_NONCE}-([A-Za-z0-9_]+)-")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FIRST_STRONG, _END = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class LinkLine:
    """A link with its words."""

    title: str
    url: str
    payload: str = ""
    """What a button of a chat sends, where the channel has buttons, instead of opening the address."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a message in one language, as Markdown (core/markdown.py)."""

    markdown: str
    language: str
    heading: str = ""
    group: str = ""
    """What stands above this section and those that follow it, such as a topic of a digest."""
    note: str = ""
    """What to know before reading it, in the letter's own language."""
    facts: tuple[tuple[str, str], ...] = ()
    """Names and values, such as the date and the place."""
    is_marked: bool = False
    """A machine wrote it."""
    actions: tuple[LinkLine, ...] = ()
    """What to do with this part alone; may hold slots."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message before it is laid out. Every text may hold slots, but for the words of sections."""

    language: str
    title: str
    title_language: str
    greeting: str
    sections: tuple[Section, ...]
    because: str
    sender: str
    sender_address: str
    preview: str = ""
    actions: tuple[LinkLine, ...] = ()
    """What to do with it; the first is the main one."""
    links: tuple[LinkLine, ...] = ()
    """How to change what one gets."""
    opinion: str = ""
    opinions: tuple[LinkLine, ...] = ()


class Pattern:
    """A text with slots."""

    __slots__ = ("_is_html", "_parts", "names")

    def __init__(self, text: str, *, is_html: bool) -> None:
        parts = _SLOT.split(text)
        self._parts, self.names = parts[::2], parts[1::2]
        self._is_html = is_html

    def fill(self, values: Mapping[str, str]) -> str:
        """The text for one reader."""
        done = [self._parts[0]]
        for name, part in zip(self.names, self._parts[1:], strict=True):
            value = values[name]
            done += (escape(value) if self._is_html else value, part)
        return "".join(done)


class MailLayout(Protocol):
    """How letters look as mail."""

    def html(self, letter: Letter) -> Pattern: ...

    def text(self, letter: Letter) -> Pattern: ...


def slot(name: str) -> str:
    """What stands in a pattern for a reader's own value."""
    return f"slot{_NONCE}-{name}-"


def isolated(text: str) -> str:
    """A name that may run in another direction than the sentence around it, on one line."""
    return f"{_FIRST_STRONG}{one_line(text)}{_END}"


def one_line(text: str) -> str:
    """Without line breaks and other control characters."""
    return _CONTROL.sub(" ", text).strip()
