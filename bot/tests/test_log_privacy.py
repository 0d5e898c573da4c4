"""The log names errors, never what somebody wrote."""

from __future__ import annotations

import json

from rasa_components.log_privacy import without_texts

SECRET = "my landlord is Mr Example"


def test_a_failed_message_leaves_its_place_but_not_its_text() -> None:
    frame = {"filename": "classifier.py", "lineno": 7, "locals": {"text": SECRET}}
    error = {"exc_type": "ValueError", "exc_value": SECRET, "frames": [frame]}
    entry = {"event": "rest.message.received.failure", "level": "error", "text": SECRET, "exception": [error]}
    clean = without_texts(json.dumps(entry))
    assert SECRET not in clean
    assert json.loads(clean) == {
        "event": "rest.message.received.failure",
        "level": "error",
        "errors": ["ValueError at classifier.py:7"],
    }


def test_a_line_that_cannot_be_read_is_left_out() -> None:
    assert SECRET not in without_texts("{" + SECRET)
