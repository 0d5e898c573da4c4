"""The replaced checks are those of Rasa 3.6.21, and judge alike."""

from __future__ import annotations

import subprocess
import sys

import pytest
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
from rasa.core.nlg.callback import CallbackNaturalLanguageGenerator
from rasa.shared.exceptions import RasaException

from rasa_components.answer_checks import compile_answer_checks

_UNKNOWN_RASA = """
import rasa_components.without_tensorflow as w; w.stand_in_for_tensorflow()
from rasa.core.actions.action import RemoteAction
from rasa_components.answer_checks import compile_answer_checks
def other(self, result): return True
RemoteAction._validate_action_result = other
assert compile_answer_checks() is False
assert RemoteAction._validate_action_result is other
"""


@pytest.fixture(autouse=True)
def compiled() -> None:
    assert compile_answer_checks(), "Rasa's checks are not the known ones: read answer_checks.py before pinning anew."


def test_a_right_answer_passes() -> None:
    answer = {"events": [{"event": "slot", "name": "misses", "value": 1}], "responses": [{"custom": {"text": "x"}}]}
    assert RemoteAction("action_suggest", None)._validate_action_result(answer)
    assert CallbackNaturalLanguageGenerator.validate_response({"text": "x"})
    assert CallbackNaturalLanguageGenerator.validate_response(None)


@pytest.mark.parametrize(
    "answer",
    [
        {"events": [{"event": "slot", "value": 1}]},
        {"events": [{"event": "nothing_known"}]},
        {"events": [{"event": ["slot"]}]},
        {"events": [{"name": "x"}]},
        {"events": ["slot"]},
        {"events": {}},
        {"responses": "text"},
        [],
    ],
)
def test_a_wrong_answer_is_refused(answer: object) -> None:
    with pytest.raises(ValidationError):
        RemoteAction("action_suggest", None)._validate_action_result(answer)


def test_a_wrong_text_is_refused() -> None:
    with pytest.raises(RasaException):
        CallbackNaturalLanguageGenerator.validate_response({"text": 5})


def test_an_unknown_check_is_left_alone() -> None:
    subprocess.run([sys.executable, "-c", _UNKNOWN_RASA], check=True, capture_output=True)
