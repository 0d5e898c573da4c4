"""What the Bot API accepts, after its machine-readable description (bot_api.json, trimmed to the methods that we use).

Stricter than Telegram in one point: a field that the description does not know is refused too, since it is a mistake.
"""

from __future__ import annotations

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

TAGS = frozenset("b strong i em u ins s strike del a code pre tg-spoiler blockquote".split())
MOST_TEXT = 4096
MOST_DATA = 64


class RefusedError(Exception):
    """The request is refused; ``parameters`` go along, such as ``retry_after``."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


@cache
def description() -> dict[str, Any]:
    """The trimmed description of the Bot API."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("bot_api.json").read_text(encoding="utf-8"))
    return found


def read_request(method: str, form: dict[str, str]) -> dict[str, Any]:
    """The request's fields with their values, checked. Raises RefusedError."""
    known = description()["methods"].get(method)
    if known is None:
        raise RefusedError(404, "Not Found")
    fields = {field["name"]: field for field in known["fields"]}
    for name in form:
        if name not in fields:
            raise RefusedError(400, f"Bad Request: unknown field {name}")
    for name, field in fields.items():
        if field["required"] and not form.get(name):
            raise RefusedError(400, f"Bad Request: {name} is empty" if name in form else f"Bad Request: no {name}")
    values = {name: _read(value, fields[name]["types"], name) for name, value in form.items()}
    _check_limits(method, values)
    return values


def _read(value: str, types: list[str], name: str) -> Any:
    """A form's value as one of the types."""
    for kind in types:
        if kind == "Integer" and re.fullmatch(r"-?\d+", value):
            return int(value)
        if kind == "Boolean" and value in {"true", "false", "True", "False"}:
            return value.lower() == "true"
        if kind == "String":
            return value
        if kind not in {"Integer", "Boolean", "String", "Float"}:
            try:
                parsed = json.loads(value)
                _check(parsed, kind, name)
            except ValueError:
                continue
            return parsed
    raise RefusedError(400, f"Bad Request: {name} must be {' or '.join(types)}")


def _check(value: Any, kind: str, name: str) -> None:
    """Raises ValueError when the JSON value is not of the type."""
    plain = {"Integer": int, "Boolean": bool, "String": str, "Float": (int, float)}
    if kind in plain:
        if not isinstance(value, plain[kind]) or (kind != "Boolean" and isinstance(value, bool)):  # type: ignore[arg-type]
            raise ValueError(f"{name} is no {kind}")
    elif kind.startswith("Array of "):
        if not isinstance(value, list):
            raise ValueError(f"{name} is no array")
        for item in value:
            _check(item, kind.removeprefix("Array of "), name)
    elif subtypes := description()["types"][kind].get("subtypes"):
        _check_any(value, subtypes, name)
    else:
        _check_fields(value, description()["types"][kind]["fields"], name)


def _check_any(value: Any, kinds: list[str], name: str) -> None:
    for kind in kinds:
        try:
            _check(value, kind, name)
        except ValueError:
            continue
        return
    raise ValueError(f"{name} is none of {kinds}")


def _check_fields(value: Any, fields: list[dict[str, Any]], name: str) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")
    known = {field["name"]: field for field in fields}
    if set(value) - set(known):
        raise ValueError(f"{name} has unknown fields {set(value) - set(known)}")
    for field in fields:
        if field["name"] in value:
            _check_any(value[field["name"]], field["types"], f"{name}.{field['name']}")
        elif field["required"]:
            raise ValueError(f"{name} lacks {field['name']}")


def _check_limits(method: str, values: dict[str, Any]) -> None:
    """The limits that stand in the description's prose."""
    if "text" in values and method in {"sendMessage", "editMessageText"}:
        plain = plain_text(values["text"]) if values.get("parse_mode") == "HTML" else values["text"]
        if not plain.strip():
            raise RefusedError(400, "Bad Request: message text is empty")
        if len(plain.encode("utf-16-le")) // 2 > MOST_TEXT:
            raise RefusedError(400, "Bad Request: message is too long")
    if values.get("parse_mode") not in {None, "HTML"}:
        raise RefusedError(400, "Bad Request: unsupported parse_mode")
    for row in (values.get("reply_markup") or {}).get("inline_keyboard", []):
        for button in row:
            _check_button(button)
    if method == "setMyCommands":
        for command in values["commands"]:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) or not 1 <= len(command["description"]) <= 256:
                raise RefusedError(400, "Bad Request: BOT_COMMAND_INVALID")
    for name, most in (("description", 512), ("short_description", 120)):
        if len(values.get(name) or "") > most:
            raise RefusedError(400, f"Bad Request: {name} is too long")
    if method == "setWebhook":
        if not values["url"].startswith("https://"):
            raise RefusedError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", values.get("secret_token", "x")):
            raise RefusedError(400, "Bad Request: secret token contains unallowed characters")


def _check_button(button: dict[str, Any]) -> None:
    uses = set(button) - {"text", "icon_custom_emoji_id", "style"}
    if not button["text"].strip() or len(uses) != 1:
        raise RefusedError(400, "Bad Request: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in uses and not 1 <= len(button["callback_data"].encode()) <= MOST_DATA:
        raise RefusedError(400, "Bad Request: BUTTON_DATA_INVALID")


def plain_text(html: str) -> str:
    """The text without its marks. Raises RefusedError where Telegram could not parse it."""
    parser = _Marks()
    parser.feed(html)
    parser.close()
    if parser.open:
        raise RefusedError(400, f"Bad Request: can't parse entities: Can't find end tag for {parser.open[-1]}")
    unknown = re.search(r"&(?!lt;|gt;|amp;|quot;|#\d+;|#x[0-9a-fA-F]+;)\w+;", html)
    if unknown or "<" in re.sub(r"</?[a-z-]+[^<>]*>", "", html):
        raise RefusedError(400, "Bad Request: can't parse entities: unsupported entity")
    return "".join(parser.text)


class _Marks(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            raise RefusedError(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        if tag == "a" and not dict(attrs).get("href", ""):
            raise RefusedError(400, "Bad Request: can't parse entities: no address")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise RefusedError(400, "Bad Request: can't parse entities: unmatched end tag")

    def handle_data(self, data: str) -> None:
        self.text.append(data)
