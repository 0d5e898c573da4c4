"""Errors of what the team writes."""

from __future__ import annotations

from typing import Any

from core.errors import HubError


class AnswerNotFoundError(HubError):
    """There is no written answer with this name."""

    code = "written_answer_not_found"
    status = 404
    sentence = "written_answers.error.not_found"


class AnswerChangedError(HubError):
    """Somebody else changed the answer since the form was shown."""

    code = "written_answer_changed"
    status = 409
    sentence = "written_answers.error.changed"


class AnswerInvalidError(HubError):
    """The answer cannot be as it was written; ``problems`` names each reason: a key below ``written_answers.wrong``,
    and the values of its sentence."""

    code = "written_answer_invalid"
    status = 422

    def __init__(self, problems: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__(**(problems[0][1] if problems else {}))
        self.problems = problems

    @property
    def text_key(self) -> str:
        return f"written_answers.wrong.{self.problems[0][0]}"
