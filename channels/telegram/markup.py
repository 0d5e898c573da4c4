"""Markdown as Telegram shows it: the few tags that it knows, in messages well below its limit.

A message that is too long is split where ``formatting.split`` splits plain words, and tags are closed and opened again
around the cut. What Telegram has no form for becomes words: a heading is bold, a list has bullets, a table has bars.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import groupby

from markdown_it.token import Token

from channels.base import ReadyChat
from channels.telegram.formatting import MOST, Outgoing, button_rows, direct, length, link_lines, split
from core.markdown import is_safe_link, parse

BULLET = "•"
RULE = "—————"


@dataclass(frozen=True, slots=True)
class Run:
    """Words that look alike. ``tags`` are open around them, the outermost first."""

    text: str
    tags: tuple[str, ...] = ()


def render_chat(message: ReadyChat, *, public_url: str | None) -> list[Outgoing]:
    """A ready message as the messages of a chat: the words, then why they came and the links, kept together."""
    language = message.reply.language
    parts = render_markdown(message.markdown, language) if message.markdown else []
    foot = [escape(direct(line, language), quote=False) for line in message.reply.text.split("\n") if line]
    links = link_lines(message.reply.links, language, public_url)
    below = "\n".join([f"<i>{line}</i>" for line in foot] + links)
    if parts and length(parts[-1]) + length(below) < MOST:
        parts[-1] += f"\n\n{below}"
    elif below:
        parts.append(below)
    messages = [Outgoing(part) for part in parts]
    if messages:
        messages[-1].rows = button_rows(message.reply.buttons)
    return messages


def render_markdown(markdown: str, language: str, most: int = MOST) -> list[str]:
    """The HTML of one or more messages, each of at most ``most`` units of words."""
    runs = list(_join(_blocks(parse(markdown), language)))
    plain = "".join(run.text for run in runs)
    if not plain.strip():
        return []
    messages, start = [], 0
    for part in split(plain, most):
        start = plain.index(part, start)
        messages.append(_html(_slice(runs, start, start + len(part))).strip())
        start += len(part)
    return messages


def _blocks(tokens: Sequence[Token], language: str) -> Iterable[tuple[str, list[Run]]]:
    """Each block with what separates it from the one before."""
    lists: list[int | None] = []
    quotes, prefix, gap, cells = 0, "", "\n\n", None
    cell_runs: list[Run] = []
    for number, token in enumerate(tokens):
        kind = token.type
        if kind in {"bullet_list_open", "ordered_list_open"}:
            gap = "\n" if lists else "\n\n"
            lists.append(int(token.attrs.get("start", 1)) if kind.startswith("ordered") else None)
        elif kind in {"bullet_list_close", "ordered_list_close"}:
            lists.pop()
            gap = "\n" if lists else "\n\n"
        elif kind == "list_item_open":
            count = lists[-1]
            prefix = "\u2003" * (len(lists) - 1) + (f"{BULLET} " if count is None else f"{count}. ")
            lists[-1] = None if count is None else count + 1
        elif kind in {"blockquote_open", "blockquote_close"}:
            quotes += 1 if kind.endswith("open") else -1
        elif kind == "tr_open":
            cells, cell_runs = 0, []
        elif kind == "tr_close":
            yield gap, cell_runs
            cells, gap = None, "\n"
        elif kind == "table_close":
            gap = "\n\n"
        elif kind == "hr":
            yield gap, [Run(RULE)]
            gap = "\n\n"
        elif kind in {"fence", "code_block"}:
            yield gap, [Run(token.content.rstrip("\n"), ("pre",))]
            gap = "\n\n"
        elif kind == "inline":
            around = ("blockquote",) if quotes else ()
            if tokens[number - 1].type in {"heading_open", "th_open"}:
                around = (*around, "b")
            runs = list(_inline(token.children or [], around))
            if cells is not None:
                cell_runs += ([Run(" | ")] if cells else []) + runs
                cells += 1
                continue
            words = direct(prefix + "".join(run.text for run in runs), language)
            if prefix or words[:1] in {"\u200e", "\u200f"}:
                mark = words[:1] if words[:1] in {"\u200e", "\u200f"} else ""
                runs = [Run(mark + prefix, ("blockquote",) if quotes else ()), *runs]
            yield gap, runs
            prefix, gap = "", "\n" if lists else "\n\n"


def _inline(children: Sequence[Token], around: tuple[str, ...]) -> Iterable[Run]:
    tags = list(around)
    opened = {"strong_open": "b", "em_open": "i", "s_open": "s"}
    links: list[bool] = []
    for child in children:
        kind = child.type
        if kind in opened:
            tags.append(opened[kind])
        elif kind == "link_open":
            href = str(child.attrs.get("href", ""))
            # Telegram opens pages and mail addresses; a telephone number it finds by itself.
            links.append(is_safe_link(href) and not href.lower().startswith("tel:"))
            if links[-1]:
                tags.append(f'a href="{escape(href)}"')
        elif kind == "link_close":
            if links.pop():
                tags.pop()
        elif kind in {"strong_close", "em_close", "s_close"}:
            tags.pop()
        elif kind in {"softbreak", "hardbreak"}:
            yield Run(" " if kind == "softbreak" else "\n", tuple(tags))
        elif kind == "code_inline":
            yield Run(child.content, (*tags, "code"))
        elif child.content:
            yield Run(child.content, tuple(tags))


def _join(blocks: Iterable[tuple[str, list[Run]]]) -> Iterable[Run]:
    """All blocks as runs; a quotation stays one, also over several paragraphs."""
    last: list[Run] = []
    for gap, runs in blocks:
        if last and runs:
            both = "blockquote" in last[-1].tags and "blockquote" in runs[0].tags
            yield Run(gap, ("blockquote",) if both else ())
        yield from runs
        last = runs or last


def _slice(runs: Iterable[Run], start: int, end: int) -> list[Run]:
    done, position = [], 0
    for run in runs:
        first, last = max(start - position, 0), min(end - position, len(run.text))
        if first < last:
            done.append(replace(run, text=run.text[first:last]))
        position += len(run.text)
    return done


def _html(runs: Sequence[Run], depth: int = 0) -> str:
    """Runs with the same tag around them stand inside one tag."""
    html = ""
    for tag, some in groupby(runs, key=lambda run: run.tags[depth] if len(run.tags) > depth else None):
        inside = list(some)
        if tag is None:
            html += "".join(escape(run.text, quote=False) for run in inside)
        else:
            html += f"<{tag}>{_html(inside, depth + 1)}</{tag.split()[0]}>"
    return html
