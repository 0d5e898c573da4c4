"""Reading YAML files of the knowledge base so that a broken entry is named with its file, line and reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Item:
    """One entry of a file, with the lines of its fields."""

    path: Path
    line: int
    key: str | None
    data: Any
    field_lines: dict[str, int]


class Problems:
    """Collects what is wrong, so that one run names everything."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.found: list[str] = []

    def add(self, path: Path, line: int, reason: str) -> None:
        shown = path.relative_to(self._root) if path.is_relative_to(self._root) else path
        self.found.append(f"{shown}:{line}: {reason}")

    def validate[M: BaseModel](self, model: type[M], item: Item) -> M | None:
        """The item as ``model``, or None after noting each reason against its line."""
        try:
            return model.model_validate(item.data)
        except ValidationError as error:
            name = item.key or (item.data.get("id") if isinstance(item.data, dict) else None) or "entry"
            for detail in error.errors():
                field = ".".join(str(part) for part in detail["loc"])
                line = item.field_lines.get(str(detail["loc"][0]) if detail["loc"] else "", item.line)
                self.add(item.path, line, f"{name}: {field}: {detail['msg']}")
            return None


def read_items(path: Path, problems: Problems) -> Iterator[Item]:
    """Items of a file that is a list of entries, or a mapping from id to entry."""
    text = path.read_text(encoding="utf-8")
    try:
        node = yaml.compose(text, Loader=_Loader)
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.add(path, mark.line + 1 if mark else 1, f"not readable as YAML: {getattr(error, 'problem', error)}")
        return
    if isinstance(node, yaml.SequenceNode) and isinstance(data, list):
        for child, value in zip(node.value, data, strict=True):
            yield Item(path, child.start_mark.line + 1, None, value, _field_lines(child))
    elif isinstance(node, yaml.MappingNode) and isinstance(data, dict):
        seen: set[str] = set()
        for key_node, child in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in seen:
                problems.add(path, line, f"{key}: stands twice in this file")
            seen.add(key)
            yield Item(path, line, key, data[yaml.safe_load(key) if key not in data else key], _field_lines(child))
    elif data is not None:
        problems.add(path, 1, "neither a list nor a mapping")


def _field_lines(node: yaml.Node) -> dict[str, int]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
