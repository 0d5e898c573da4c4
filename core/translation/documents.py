"""A Markdown text as blocks with passages in them, and written as Markdown again with every mark in its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from core.markdown import parse
from core.translation.passages import Mark, Passage

_SPECIAL = re.compile(r"([\\`*_\[\]<>~|])|&(?=#?\w+;)")
_AT_START = re.compile(r"^(\s*)(#{1,6}(?=\s)|[-+=]+(?=\s|$)|\d{1,9}(?=[.)]\s))", re.MULTILINE)
_STRESS = {"em": "*", "strong": "**", "s": "~~"}


@dataclass
class Document:
    """A text that is being translated. Code and addresses are never part of a passage."""

    root: SyntaxTreeNode
    passages: list[Passage] = field(default_factory=list)
    _lines: dict[int, list[Passage]] = field(default_factory=dict)

    @classmethod
    def read(cls, markdown: str) -> Document:
        """Cut into passages; a hard line break ends one."""
        document = cls(SyntaxTreeNode(parse(markdown)))
        for node in document.root.walk():
            if node.type == "inline":
                lines = _lines_of(node.children)
                document._lines[id(node)] = lines
                document.passages += lines
        return document

    def write(self) -> str:
        """Markdown, with the passages as they stand now."""
        return "\n\n".join(self._blocks(self.root)).strip() + "\n"

    def _blocks(self, parent: SyntaxTreeNode) -> list[str]:
        return [self._block(node) for node in parent.children]

    def _block(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "heading":
                level = len(node.markup) if node.markup.startswith("#") else {"=": 1}.get(node.markup[:1], 2)
                return f"{'#' * level} {self._inline(node.children[0]).replace(chr(10), ' ')}"
            case "paragraph":
                return self._inline(node.children[0])
            case "blockquote":
                return _set_in("\n\n".join(self._blocks(node)), "> ", "> ")
            case "bullet_list" | "ordered_list":
                return self._list(node)
            case "fence":
                return f"{node.markup}{node.info}\n{node.content}{node.markup}"
            case "code_block":
                return _set_in(node.content.rstrip("\n"), "    ", "    ")
            case "table":
                return self._table(node)
            case _:
                return "---"

    def _list(self, node: SyntaxTreeNode) -> str:
        number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
        items, is_tight = [], True
        for item in node.children:
            sign = f"{node.markup or '-'} " if number is None else f"{number}{node.markup or '.'} "
            number = None if number is None else number + 1
            tight = all(child.hidden for child in item.children if child.type == "paragraph")
            is_tight &= tight
            content = ("\n" if tight else "\n\n").join(self._blocks(item))
            items.append(_set_in(content, sign, " " * len(sign)))
        return ("\n" if is_tight else "\n\n").join(items)

    def _table(self, node: SyntaxTreeNode) -> str:
        rows = [row for part in node.children for row in part.children]
        lines = [f"| {' | '.join(self._inline(cell.children[0]) for cell in row.children)} |" for row in rows]
        rule = {"text-align:left": ":---", "text-align:center": ":---:", "text-align:right": "---:"}
        rules = [rule.get(str(cell.attrs.get("style", "")), "---") for cell in rows[0].children]
        return "\n".join([lines[0], f"| {' | '.join(rules)} |", *lines[1:]])

    def _inline(self, node: SyntaxTreeNode) -> str:
        lines = [passage.written(_escape).strip() for passage in self._lines[id(node)]]
        text = "\\\n".join(lines)
        return _AT_START.sub(lambda found: f"{found.group(1)}{_escape_start(found.group(2))}", text)


def shape(markdown: str) -> tuple[list[str], Counter[str]]:
    """Blocks in order; stresses, code and addresses of links by how often they come. A translation has the same."""
    blocks: list[str] = []
    marks: Counter[str] = Counter()
    for token in parse(markdown):
        if token.type == "inline":
            marks.update(_marks(token.children or []))
        else:
            blocks.append(token.type)
    return blocks, marks


def _marks(children: Sequence[Token]) -> list[str]:
    found = []
    for child in children:
        if child.type == "link_open":
            found.append(f"link {child.attrs.get('href')}")
        elif child.type == "code_inline":
            found.append(f"code {child.content}")
        elif child.type in {"em_open", "strong_open", "s_open", "hardbreak"}:
            found.append(child.type)
    return found


def _lines_of(nodes: Sequence[SyntaxTreeNode]) -> list[Passage]:
    lines = [Passage()]
    for node in nodes:
        if node.type == "hardbreak":
            lines.append(Passage())
        else:
            lines[-1].pieces += _pieces(node)
    return lines


def _pieces(node: SyntaxTreeNode) -> list[str | Mark]:
    match node.type:
        case "text":
            return [node.content]
        case "softbreak":
            return [" "]
        case "code_inline":
            fence = "``" if "`" in node.content else "`"
            return [Mark(f"{fence}{node.content}{fence}", Passage(), "")]
        case "link":
            return [_link(node)]
        case kind if kind in _STRESS:
            sign = _STRESS[kind]
            return [Mark(sign, _lines_joined(node.children), sign)]
        case _:
            return [node.content]


def _link(node: SyntaxTreeNode) -> Mark:
    address = str(node.attrs.get("href", ""))
    said = "".join(child.content for child in node.children)
    if node.info == "auto" and said in {address, address.removeprefix("mailto:")}:
        is_bare = node.markup != "autolink" and "://" in address
        return Mark(said if is_bare else f"<{said}>", Passage(), "")
    title = str(node.attrs.get("title", "")).replace('"', '\\"')
    place = f"<{address}>" if re.search(r"[()\s]", address) else address
    return Mark("[", _lines_joined(node.children), f"]({place}{f' "{title}"' if title else ''})")


def _lines_joined(nodes: Sequence[SyntaxTreeNode]) -> Passage:
    passage = Passage()
    for line in _lines_of(nodes):
        passage.pieces += [" ", *line.pieces] if passage.pieces else line.pieces
    return passage


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _escape_start(sign: str) -> str:
    return f"{sign}\\" if sign.isdecimal() else f"\\{sign}"


def _set_in(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        (first if number == 0 else rest if line else rest.rstrip()) + line for number, line in enumerate(lines)
    )
