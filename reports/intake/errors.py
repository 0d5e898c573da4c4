"""An answer that is not taken: the same screen comes back and says why."""

from __future__ import annotations

from core.errors import HubError


class AnswerRefusedError(HubError):
    """The answer does not fit the question; ``reason`` is a key below ``report.error``. Nothing was changed."""

    code = "answer_refused"
    status = 422
    sentence = "report.error.{reason}"

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(reason=reason, **values)
        self.reason = reason
