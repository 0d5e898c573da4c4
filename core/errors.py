"""Errors that a person may meet. Each has a stable code and the key of its sentence; edges turn them into words."""

from __future__ import annotations

from typing import Any


class HubError(Exception):
    """Something went wrong that we can name.

    ``code`` is stable and may be tested by programs; the sentence is looked up under ``error.<code>`` in the reader's
    language with ``values``; ``status`` is the HTTP status for the edges that speak HTTP.
    """

    code = "unexpected"
    status = 500

    def __init__(self, **values: Any) -> None:
        super().__init__(self.code, values)
        self.values = values

    @property
    def text_key(self) -> str:
        """Key of the sentence for people."""
        return f"error.{self.code}"


class ConfigurationError(HubError):
    """A setting is missing or wrong; ``values['reason']`` says which and how to mend it."""

    code = "configuration"
