"""What somebody answered, in words: for the review, for the letter. Their own words are never changed."""

from __future__ import annotations

from collections.abc import Mapping

from core.languages import format_day
from core.texts import Texts, listed
from reports.intake.routing import Routing
from reports.intake.steps import Answer, Step
from reports.intake.taking import PLACE_STEPS, read_day


class AnswerWords:
    """The catalogue's words for answers."""

    def __init__(self, texts: Texts, routing: Routing) -> None:
        self._texts = texts
        self._routing = routing

    def choice(self, step: str, value: str, language: str) -> str:
        """The sentence of one choice of steps.yaml."""
        return self._texts.get(f"report.choice.{step}.{value}", language)

    def labels(self, step: Step, answer: Answer, language: str, *, names: Mapping[str, str] | None = None) -> str:
        """What was chosen, without the words beside it. ``names``: of desks and officers, by id."""
        labels = [self._label(step, value, language, names or {}) for value in answer.values]
        return listed(labels, language) if labels else ""

    def whole(
        self,
        step: Step,
        answer: Answer,
        language: str,
        *,
        names: Mapping[str, str] | None = None,
        spoken: str | None = None,
    ) -> str:
        """What was chosen and what was written, each on a line of its own; empty where the step was skipped.

        ``spoken``: the language in which the person answered, where it is another.
        """
        written = answer.text or ""
        if step.id == "when" and (day := read_day(written, spoken or language)) is not None:
            # So that the person sees which day was understood, and nobody takes May for March.
            written = format_day(day, language)
        lines = [self.labels(step, answer, language, names=names), written]
        if step.id == "where" and answer.values:
            # The words were understood as the place; saying both would read like two places.
            lines = lines[:1]
        return "\n".join(line for line in lines if line)

    def _label(self, step: Step, value: str, language: str, names: Mapping[str, str]) -> str:
        if value in names:
            return names[value]
        if step.id in PLACE_STEPS and (place := self._routing.get_place(value)) is not None:
            return self._routing.place_name(place, language)
        return self.choice(step.id, value, language)
