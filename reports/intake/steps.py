"""The steps of the guided report as data (steps.yaml), and the one small engine that says which comes next.

The engine knows no step by name. A step is asked once; it is asked again only when the person goes back, changes it,
or when another answer that it rests on changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from channels.forms import AnswerKind
from knowledge.errors import KnowledgeError
from knowledge.reading import Problems, read_items

FILE = Path(__file__).with_name("steps.yaml")

SKIPPED = "skipped"
WORDS = "words"
FACTS = frozenset({"origin", "city", "route", "files"})
"""What conditions may ask for besides steps."""


class Step(BaseModel):
    """One question."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: StrictStr
    kind: AnswerKind
    choices: list[StrictStr] = Field(default_factory=list)
    when: dict[StrictStr, list[StrictStr]] = Field(default_factory=dict)
    text: int = 0
    collects: bool = False
    files: bool = False
    voice: bool = False
    required: bool = False
    told: bool = True
    resets: list[StrictStr] = Field(default_factory=list)


class Answer(BaseModel):
    """What was said to one step: values of choices, words, or neither where it was skipped."""

    model_config = ConfigDict(extra="forbid")

    values: list[str] = Field(default_factory=list)
    text: str | None = None

    @property
    def value(self) -> str | None:
        """The one value of a step where one is chosen."""
        return self.values[0] if self.values else None

    @property
    def is_empty(self) -> bool:
        return not self.values and not self.text

    @property
    def marks(self) -> set[str]:
        """What conditions compare with."""
        return set(self.values) or ({WORDS} if self.text else {SKIPPED})


class Progress(BaseModel):
    """Where somebody stands."""

    model_config = ConfigDict(extra="forbid")

    answers: dict[str, Answer] = Field(default_factory=dict)
    seen: list[str] = Field(default_factory=list)
    """Steps that were answered or skipped."""
    at: str | None = None
    """The step that the person went back to; None: the first one that was not seen yet."""

    def answer(self, step: str) -> Answer:
        return self.answers.get(step, Answer())

    def value(self, step: str) -> str | None:
        return self.answer(step).value


class Steps:
    """All steps in order."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.all = tuple(steps)
        self._by_id = {step.id: step for step in steps}

    @classmethod
    def load(cls, path: Path = FILE) -> Steps:
        """Read and check the file. Raises KnowledgeError, which names every problem with file, line and reason."""
        problems = Problems(path.parent)
        steps: dict[str, Step] = {}
        for item in read_items(path, problems):
            step = problems.validate(Step, item)
            if step is None:
                continue
            if step.id in steps:
                problems.add(path, item.line, f"{step.id}: stands twice in this file")
            for name in set(step.when) - FACTS - set(steps):
                problems.add(path, item.field_lines["when"], f"{step.id}: rests on {name}, which is not asked before")
            steps[step.id] = step
        for step in steps.values():
            for name in set(step.resets) - set(steps):
                problems.add(path, 1, f"{step.id}: resets the unknown step {name}")
        if problems.found:
            raise KnowledgeError(problems.found)
        return cls(list(steps.values()))

    def find(self, step_id: str) -> Step | None:
        return self._by_id.get(step_id)

    def get(self, step_id: str) -> Step:
        return self._by_id[step_id]

    def asked(self, progress: Progress, facts: Mapping[str, str]) -> list[Step]:
        """The steps that these answers lead through, in order."""
        return [step for step in self.all if self._applies(step, progress, facts)]

    def said(self, progress: Progress, facts: Mapping[str, str]) -> dict[str, Answer]:
        """The answers that count: to steps that are still asked and were seen."""
        asked = self.asked(progress, facts)
        return {step.id: progress.answer(step.id) for step in asked if step.id in progress.seen}

    def current(self, progress: Progress, facts: Mapping[str, str]) -> Step:
        """The step that waits for an answer."""
        asked = self.asked(progress, facts)
        at = next((step for step in asked if step.id == progress.at), None)
        return at or next((step for step in asked if step.id not in progress.seen), asked[-1])

    def previous(self, progress: Progress, facts: Mapping[str, str]) -> Step | None:
        """The step before the current one; None at the beginning."""
        asked = self.asked(progress, facts)
        position = asked.index(self.current(progress, facts))
        return asked[position - 1] if position else None

    def record(self, progress: Progress, step: Step, answer: Answer) -> None:
        """The person answered or skipped the step; what rests on another answer than this will be asked again."""
        changed = progress.answers.get(step.id, Answer()) != answer
        progress.answers[step.id] = answer
        if step.id not in progress.seen:
            progress.seen.append(step.id)
        elif changed:
            self._reset(progress, step)
        progress.at = None

    def ask_again(self, progress: Progress, step_id: str) -> None:
        """Ask a step anew, with what rests on it; what was told stays to choose from, a consent does not."""
        progress.seen = [seen for seen in progress.seen if seen != step_id]
        self._reset(progress, self.get(step_id))
        progress.at = None

    def _reset(self, progress: Progress, step: Step) -> None:
        for name in step.resets:
            if name in progress.seen:
                progress.seen.remove(name)
                if not self.get(name).told:
                    progress.answers.pop(name, None)
                self._reset(progress, self.get(name))

    def _applies(self, step: Step, progress: Progress, facts: Mapping[str, str]) -> bool:
        for name, wanted in step.when.items():
            marks = {facts[name]} if name in FACTS else self._marks(name, progress, facts)
            if not marks & set(wanted):
                return False
        return True

    def _marks(self, name: str, progress: Progress, facts: Mapping[str, str]) -> set[str]:
        """An answer to a step that is not asked any more counts for nothing."""
        if name not in progress.seen or not self._applies(self.get(name), progress, facts):
            return set()
        return progress.answer(name).marks
