"""Checks what the hub answers with validators that are compiled once.

Rasa 3.6.21 validates its own constant schema again at every call of an action (20 ms, most of a turn) or of the NLG
endpoint (6 ms). Only the two known functions are replaced: in any other version Rasa's own stay, and the log says so.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
from collections.abc import Callable
from typing import Any

from jsonschema import ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.core.nlg.callback import CallbackNaturalLanguageGenerator, nlg_response_format_spec
from rasa.shared.exceptions import RasaException

Check = Callable[[Any], ValidationError | None]

logger = logging.getLogger(__name__)

# SHA-256 of the source of the functions that are replaced, in Rasa 3.6.21.
_KNOWN_ACTION_CHECK = "f8cdb4be6812396167ced74161b2ccd65c5ea676ad86d7d359d8c322d9d8dc42"
_KNOWN_NLG_CHECK = "031526bb7d8d418fbdbffa620c8cb6b5509debd45424323584180a127f094aa9"


def compile_answer_checks() -> bool:
    """Replaces both checks, or none; says which. Calling it again changes nothing."""
    if getattr(RemoteAction._validate_action_result, "is_compiled", False):
        return True
    known = (
        fingerprint(RemoteAction._validate_action_result) == _KNOWN_ACTION_CHECK
        and fingerprint(CallbackNaturalLanguageGenerator.validate_response) == _KNOWN_NLG_CHECK
    )
    if not known:
        logger.warning("Rasa's checks of the hub's answers are not those of 3.6.21: they stay, and turns are slower.")
        return False
    check_action = _compile_by_event(RemoteAction.action_response_format_spec())
    check_text = _compile(nlg_response_format_spec())

    def validate_action_result(self: RemoteAction, result: dict[str, Any]) -> bool:
        error = check_action(result)
        if error is not None:
            raise error
        return True

    def validate_response(content: dict[str, Any] | None) -> bool:
        error = check_text(content) if content else None
        if error is not None:
            raise RasaException(f"{error.message}. The NLG endpoint's answer is not valid.")
        return True

    setattr(validate_action_result, "is_compiled", True)
    setattr(RemoteAction, "_validate_action_result", validate_action_result)
    setattr(CallbackNaturalLanguageGenerator, "validate_response", staticmethod(validate_response))
    return True


def fingerprint(function: Callable[..., Any]) -> str:
    """Changes when the source of the function does; empty where the source cannot be read."""
    try:
        return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()
    except OSError:
        return ""


def _compile_by_event(schema: dict[str, Any]) -> Check:
    """The same check, but an event is held against the one form that has its name, not against all 23."""
    event_schema = schema["properties"]["events"]["items"]
    forms = {form["properties"]["event"]["const"]: form for form in event_schema["oneOf"]}
    checks = {name: _compile({**event_schema, "oneOf": [form]}) for name, form in forms.items()}
    check_unnamed = _compile(event_schema)
    check_frame = _compile({**schema, "properties": {**schema["properties"], "events": {"type": "array"}}})

    def check(result: Any) -> ValidationError | None:
        error = check_frame(result)
        if error is not None:
            return error
        for event in result.get("events", ()):
            name = event.get("event") if isinstance(event, dict) else None
            error = checks.get(str(name), check_unnamed)(event)
            if error is not None:
                return error
        return None

    return check


def _compile(schema: dict[str, Any]) -> Check:
    validator = validator_for(schema)(schema)
    return lambda instance: best_match(validator.iter_errors(instance))
