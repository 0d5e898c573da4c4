"""The local server refuses what Telegram would refuse, so that green journeys mean something."""

from __future__ import annotations

import json

import pytest

from tests.telegram_server.rules import RefusedError, read_request


def keyboard(**button: str) -> str:
    return json.dumps({"inline_keyboard": [[button]]})


GOOD = {"chat_id": "1", "text": "x" * 4096, "reply_markup": keyboard(text="A", callback_data="ü" * 32)}


def test_a_sound_request_passes() -> None:
    assert read_request("sendMessage", GOOD)["chat_id"] == 1


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("sendMessages", {}),
        ("sendMessage", {"text": ""}),
        ("sendMessage", {"text": "x" * 4097}),
        ("sendMessage", {"text": "😀" * 2049}),
        ("sendMessage", {"text": "a <b", "parse_mode": "HTML"}),
        ("sendMessage", {"parse_mode": "Markdown2"}),
        ("sendMessage", {"colour": "red"}),
        ("sendMessage", {"disable_notification": "perhaps"}),
        ("sendMessage", {"reply_markup": "{"}),
        ("sendMessage", {"reply_markup": keyboard(callback_data="no title")}),
        ("sendMessage", {"reply_markup": keyboard(text="A")}),
        ("sendMessage", {"reply_markup": keyboard(text="A", callback_data="ü" * 33)}),
        ("sendMessage", {"reply_markup": json.dumps({"inline_keyboard": [{"text": "A"}]})}),
        ("sendMessage", {"link_preview_options": json.dumps({"is_disabled": "yes"})}),
    ],
)
def test_a_wrong_request_is_refused(method: str, change: dict[str, str]) -> None:
    with pytest.raises(RefusedError):
        read_request(method, GOOD | change)


def test_a_missing_field_is_refused() -> None:
    with pytest.raises(RefusedError):
        read_request("sendMessage", {"text": "x"})
    with pytest.raises(RefusedError):
        read_request("setMyCommands", {"commands": json.dumps([{"command": "Start!", "description": "x"}])})
    with pytest.raises(RefusedError):
        read_request("setWebhook", {"url": "http://example.org"})
