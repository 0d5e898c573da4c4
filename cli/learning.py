"""Teaching the assistant what the team wrote in the back office, on one machine.

A model that has learnt it lies in the data folder, beside the database that it was made from; its name ends with the
mark of what it learnt. The supervisor asks again and again whether there is something new, and trains in a process of
its own while everything goes on; running assistants take the newest model over from the hub.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from cli.training import (
    SUFFIX,
    Training,
    TrainingRun,
    fingerprint,
    forget_old_models,
    model_path,
    train_if_needed,
)
from cli.words import say
from core.clock import Clock, SystemClock
from core.database import Database
from core.settings import Settings
from knowledge.written.lessons import Lessons, read_lessons

log = logging.getLogger(__name__)

EVERY = 20.0
"""Seconds between two looks at what the team wrote."""
QUIET = timedelta(minutes=2)
"""Time without a change before a training begins, since the team often saves several times in a row."""
NOTHING = Lessons((), None)


def load_lessons(settings: Settings) -> Lessons:
    """What the team wrote; nothing where the database is not there yet, or does not answer."""
    try:
        return _read(settings)
    except (SQLAlchemyError, OSError) as error:
        log.info("no_lessons error=%s", type(error).__name__)
        return NOTHING


def _read(settings: Settings) -> Lessons:

    async def load() -> Lessons:
        database = Database(settings.async_database_url)
        try:
            async with database.session() as session:
                return await read_lessons(session)
        finally:
            await database.close()

    return asyncio.run(load())


def wanted_model(settings: Settings, lessons: Lessons, *, mark: str | None = None) -> Path:
    """Where the model for the files and these lessons lies or would lie. ``mark`` is that of the files."""
    if not lessons.mark:
        return model_path(mark)
    return settings.learnt_models_dir / f"{mark or fingerprint()}-{lessons.mark}{SUFFIX}"


def find_model_to_start_with(settings: Settings, lessons: Lessons) -> Path | None:
    """The right model, else one of the same files that knows less of the team's words; None: there is none."""
    mark = fingerprint()
    right = wanted_model(settings, lessons, mark=mark)
    if right.exists():
        return right
    others = [*settings.learnt_models_dir.glob(f"{mark}-*{SUFFIX}"), model_path(mark)]
    return max((path for path in others if path.exists()), key=lambda path: path.stat().st_mtime, default=None)


def write_examples(settings: Settings, lessons: Lessons) -> Path | None:
    """The lessons as a file that Rasa reads."""
    if not lessons.mark:
        return None
    settings.learnt_models_dir.mkdir(parents=True, exist_ok=True)
    path = settings.learnt_models_dir / "examples.yml"
    path.write_text(lessons.as_training_data(), encoding="utf-8")
    return path


def training_log(settings: Settings) -> Path:
    """Where a training beside the hub writes."""
    return settings.data_dir / "logs" / "training.log"


def train_all(settings: Settings, *, force: bool = False, show: Console | None = None) -> Training:
    """Train with the files and with what the team wrote, where the model is not there. Raises ConfigurationError."""
    lessons = load_lessons(settings)
    model, examples = wanted_model(settings, lessons), write_examples(settings, lessons)
    return train_if_needed(force=force, show=show, model=model, examples=examples)


class Learner:
    """Lets the assistant learn beside everything else, one training at a time. ``present``: the model it runs with."""

    def __init__(
        self,
        settings: Settings,
        console: Console,
        present: Path,
        *,
        clock: Clock | None = None,
        every: float = EVERY,
        quiet: timedelta = QUIET,
    ) -> None:
        self._settings, self._console, self._clock = settings, console, clock or SystemClock()
        self._started_with = self._present = present
        self._every, self._quiet = every, quiet
        self._files = fingerprint()
        self._next = time.monotonic() + every
        self._training: TrainingRun | None = None
        self._given_up: Path | None = None

    def step(self) -> None:
        """Look whether a training ended or is due; returns at once."""
        if self._training is not None:
            if self._training.has_ended():
                self._finish(self._training)
            return
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every
        try:
            lessons = _read(self._settings)
        except (SQLAlchemyError, OSError):
            # What is known stays known while the database is away.
            return
        model = wanted_model(self._settings, lessons, mark=self._files)
        if model in {self._present, self._given_up}:
            return
        if model.exists():
            self._use(model)
        elif lessons.changed_at is None or self._clock.now() - lessons.changed_at >= self._quiet:
            self._begin(model, lessons)

    def end(self) -> None:
        """Stop a training that runs."""
        if self._training is not None:
            self._training.end()
        self._training = None

    def _begin(self, model: Path, lessons: Lessons) -> None:
        examples = write_examples(self._settings, lessons)
        self._training = TrainingRun(model, examples, log=training_log(self._settings))
        self._console.print(say("training.learning"))

    def _finish(self, training: TrainingRun) -> None:
        self._training = None
        if not training.has_succeeded():
            # What cannot be learnt is not tried again before it changes.
            self._given_up = training.model
            self._console.print(say("training.not_learnt", path=training_log(self._settings)))
            return
        self._use(training.model)
        forget_old_models(training.model.parent, keep={training.model, self._started_with})
        self._console.print(say("training.learnt", seconds=round(training.seconds)))

    def _use(self, model: Path) -> None:
        # A running assistant takes over the newest one.
        model.touch()
        self._present = model
