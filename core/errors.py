"""Errors that a person may meet. Each has a stable code and the key of its sentence; edges turn them into words."""

from __future__ import annotations

from typing import Any


class HubError(Exception):
    """Something went wrong that we can name.

    ``code`` is stable and may be tested by programs; ``sentence`` is the key of the sentence for people, in which
    ``{code}`` and the names of ``values`` are filled in; the sentence itself gets ``values`` too. ``status`` is the
    HTTP status for the edges that speak HTTP.
    """

    code = "unexpected"
    sentence = "error.{code}"
    status = 500

    def __init__(self, **values: Any) -> None:
        super().__init__(self.code, values)
        self.values = values

    @property
    def text_key(self) -> str:
        """Key of the sentence for people. Raises KeyError when a value that the key names was not given."""
        return self.sentence.format_map(self.values | {"code": self.code})


class ConfigurationError(HubError):
    """A setting is missing or wrong; ``values['reason']`` says which and how to mend it."""

    code = "configuration"
