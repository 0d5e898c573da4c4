"""How a reply looks on Telegram: HTML in messages well below 4096 characters, and a keyboard under the last of them.

Splits fall at the end of a paragraph, a line, a sentence or a word, never inside a number or a link. Each line runs in
the direction of the reply's language, also when it begins with a name in another script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from urllib.parse import urljoin, urlsplit

from channels.base import Button, Link, Reply
from core.languages import LANGUAGES
from core.texts import Texts, labelled

MOST = 3500
"""UTF-16 units of a message, as Telegram counts them; its limit is 4096."""
SHORT_TITLE = 18
"""Buttons of at most so many characters stand two in a row, where there are many."""
TICK = "✓ "
NOTHING = "="
"""Data of a button that does nothing any more."""

_ENDS = (
    re.compile(r"\n\n+"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…؟])[\"'»”’)]*\s+|(?<=[。！？])"),
    re.compile(r"\s+"),
)
_SPLIT_NUMBER = re.compile(r"\d[ \u00a0\u202f]+[+(/–-]?[ \u00a0\u202f]?\d")
_LEFT, _RIGHT = "\u200e", "\u200f"
_STRONG_RIGHT = frozenset({"R", "AL"})


@dataclass(frozen=True)
class Key:
    """A button as it will stand under a message: its words and what it sends."""

    title: str
    data: str


type Rows = list[list[Key]]


@dataclass
class Outgoing:
    """One message of ours."""

    html: str
    rows: Rows = field(default_factory=list)


def length(text: str) -> int:
    """UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def render(reply: Reply, texts: Texts, *, public_url: str | None, thumbs: bool) -> list[Outgoing]:
    """The messages of a reply. ``thumbs`` puts the two small buttons under an entry's answer."""
    language = reply.language
    is_entry = (reply.answer or "").partition("/")[0] in {"tool", "membership", "service", "answer"}
    lines = [direct(line, language) for line in reply.text.split("\n")]
    parts = split("\n".join(lines))
    shown = [escape(part, quote=False) for part in parts]
    if is_entry and len(lines) > 1 and parts[0].startswith(lines[0]):
        title = escape(lines[0], quote=False)
        shown[0] = f"<b>{title}</b>" + shown[0].removeprefix(title)
    for block in _extras(reply, texts, public_url):
        if length(shown[-1]) + length(block) < MOST:
            shown[-1] += "\n" + block
        else:
            shown.append(block)
    messages = [Outgoing(html) for html in shown]
    messages[-1].rows = button_rows(reply.buttons)
    if thumbs and is_entry and reply.id:
        yes, no = (texts.get(f"telegram.helpful_{word}", language) for word in ("yes", "no"))
        messages[-1].rows.append([Key(yes, f"+{reply.id}"), Key(no, f"-{reply.id}")])
    return messages


def _extras(reply: Reply, texts: Texts, public_url: str | None) -> list[str]:
    """What an answer carries beside its text: contacts that the text does not name, links, the machine's mark."""
    language = reply.language
    blocks = [
        escape(direct(labelled(contact.label, contact.value, language), language), quote=False)
        for contact in reply.contacts
        if contact.value not in reply.text
    ]
    blocks += link_lines(reply.links, language, public_url, said=reply.text)
    if reply.machine_translated:
        blocks.append(f"<i>{escape(direct(texts.get('telegram.machine_translated', language), language))}</i>")
    return blocks


def link_lines(links: Iterable[Link], language: str, public_url: str | None, *, said: str = "") -> list[str]:
    """Links with their notes, but for notes that were ``said`` already."""
    lines = []
    for link in links:
        url = urljoin(public_url + "/", link.url) if public_url else link.url
        if urlsplit(url).scheme not in {"http", "https"}:
            # A page of ours without a public address: nobody could open it.
            continue
        title = escape(direct(link.title, language), quote=False)
        lines.append(f'<a href="{escape(url)}">{title}</a>')
        if link.note and link.note not in said:
            lines.append(escape(direct(link.note, language), quote=False))
    return lines


def button_rows(buttons: list[Button]) -> Rows:
    """One below the other; short ones in pairs."""
    return key_rows([Key(button.title, button.payload) for button in buttons])


def key_rows(keys: list[Key]) -> Rows:
    """One below the other; where there are many short ones, in pairs."""
    many_short = len(keys) > 2 and all(len(key.title) <= SHORT_TITLE for key in keys)
    step = 2 if many_short else 1
    return [keys[start : start + step] for start in range(0, len(keys), step)]


def tick(rows: Rows, data: str, *, finished: bool) -> Rows:
    """The keyboard after a press: the pressed button ticked; when the choice is ``finished``, it stands alone."""
    if finished:
        return [[Key(TICK + key.title.removeprefix(TICK), NOTHING)] for row in rows for key in row if key.data == data]
    family = _family(data)

    def after(key: Key) -> Key:
        plain = key.title.removeprefix(TICK)
        if key.data == data:
            return Key(TICK + plain, key.data)
        return Key(plain, key.data) if _family(key.data) == family else key

    return [[after(key) for key in row] for row in rows]


def _family(data: str) -> str:
    """Thumbs are ticked apart from the other buttons."""
    return "thumbs" if data.lstrip("#")[:1] in {"+", "-"} else "choice"


def split(text: str, most: int = MOST) -> list[str]:
    """The text in parts of at most ``most`` units."""
    parts = []
    while length(text) > most:
        cut = _find_cut(text, most)
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*parts, text] if text or not parts else parts


def _find_cut(text: str, most: int) -> int:
    end = _prefix(text, most)
    for pattern in _ENDS:
        # A paragraph or a sentence that ended long before would leave a very short message.
        cut = _last_end(pattern, text, end, least=0 if pattern is _ENDS[-1] else end // 3)
        if cut:
            return cut
    return end


def _last_end(pattern: re.Pattern[str], text: str, end: int, *, least: int) -> int:
    cuts = [match.end() for match in pattern.finditer(text, 0, end) if match.end() > least]
    return next((cut for cut in reversed(cuts) if 0 < cut < len(text) and not _is_inside(text, cut)), 0)


def _is_inside(text: str, cut: int) -> bool:
    """Whether the place lies within a number written in groups, or within an isolated run."""
    before = text[:cut]
    if before.count("\u2066") > before.count("\u2069"):
        return True
    return any(match.start() < cut < match.end() for match in _SPLIT_NUMBER.finditer(text, max(0, cut - 40), cut + 40))


def _prefix(text: str, most: int) -> int:
    """How many characters have at most ``most`` units."""
    end = min(len(text), most)
    while length(text[:end]) > most:
        end -= max(1, (length(text[:end]) - most) // 2)
    return end


def direct(line: str, language: str) -> str:
    """The line with a mark before it, where its first letter runs against the language."""
    right = LANGUAGES[language].right_to_left if language in LANGUAGES else False
    for character in line:
        kind = unicodedata.bidirectional(character)
        if kind in _STRONG_RIGHT:
            return line if right else _LEFT + line
        if kind == "L":
            return _RIGHT + line if right else line
    return line
