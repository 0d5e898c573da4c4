"""Telling the log of a failure without a word of what people wrote: an error's message may quote a row or a report."""

from __future__ import annotations

import logging
import traceback

MOST_PLACES = 6


def describe_failure(error: BaseException) -> str:
    """The kind of an error and the places that it came through, innermost last; never its message."""
    places = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return f"kind={type(error).__name__} at={' '.join(places[-MOST_PLACES:])}"


class WithoutMessages(logging.Filter):
    """For the loggers of servers, which write a whole traceback: its kind and places stay, its messages go."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            record.msg, record.args = f"{record.getMessage().strip()} %s", (describe_failure(error),)
            record.exc_info = record.exc_text = None
        return True


_WITHOUT_MESSAGES = WithoutMessages()


def silence_tracebacks() -> None:
    """Nothing that a server or a forgotten task logs quotes what people wrote. May be called again."""
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(_WITHOUT_MESSAGES)
