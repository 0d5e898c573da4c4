"""Keeps what people write, and noise, out of the log.

When a message fails, Rasa logs its text and the variables of every frame, and it warns with the text of a payload that
it does not know. The log gets the kind of error and its place in the code instead.
"""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any, TextIO

logger = logging.getLogger(__name__)

_KEPT_KEYS = ("event", "level", "action_name")


def keep_texts_out_of_logs() -> None:
    """For the whole process, before Rasa configures its logging (as JSON: FORCE_JSON_LOGGING)."""
    make_record = logging.getLogRecordFactory()

    def make_clean_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        if isinstance(record.msg, str) and record.msg.startswith("{"):
            record.msg = without_texts(record.msg)
        return record

    logging.setLogRecordFactory(make_clean_record)
    warnings.showwarning = _log_place_of_warning


def leave_out_deprecations() -> None:
    """The libraries that Rasa pins warn about each other at every start; nobody can act on that."""
    show_warning = warnings.showwarning

    def show_other_warning(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
        if not issubclass(category, DeprecationWarning):
            show_warning(message, category, *place, **options)

    warnings.showwarning = show_other_warning


def without_texts(line: str) -> str:
    """A line of Rasa's structured log, with nothing in it that comes from a message."""
    try:
        entry = json.loads(line)
    except ValueError:
        return "A line of the log was left out, since it may hold what somebody wrote."
    kept = {key: entry[key] for key in _KEPT_KEYS if key in entry}
    errors = entry.get("exception")
    if isinstance(errors, list):
        kept["errors"] = [_place_of_error(error) for error in errors]
    return json.dumps(kept)


def _place_of_error(error: dict[str, Any]) -> str:
    frames = error.get("frames") or [{}]
    last = frames[-1]
    return f"{error.get('exc_type')} at {last.get('filename')}:{last.get('lineno')}"


def _log_place_of_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if not issubclass(category, DeprecationWarning):
        logger.warning("%s at %s:%s", category.__name__, Path(filename).name, lineno)
