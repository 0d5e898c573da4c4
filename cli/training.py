"""Training the assistant, only when its data changed, in a process of its own and at low priority.

A model's name carries the fingerprint of everything that it was made from, so an unchanged checkout trains nothing,
also with an empty data folder.
"""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Set
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from cli.children import signal_child, start_child
from cli.words import say
from core.errors import ConfigurationError
from core.settings import PROJECT_ROOT

BOT = PROJECT_ROOT / "bot"
MODELS = BOT / "models"
PYTHON = BOT / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
SUFFIX = ".tar.gz"
KEPT_MODELS = 2
LAST_WORDS = 30
"""Lines of a failed training that are shown."""


@dataclass(frozen=True)
class Training:
    """What a training did."""

    model: str
    trained: bool
    seconds: float

    def as_data(self) -> dict[str, object]:
        return asdict(self)


def inputs() -> Iterator[Path]:
    """Every file that a model is made from."""
    yield from sorted((PROJECT_ROOT / "nlu_data").glob("??/*.yml"))
    yield PROJECT_ROOT / "nlu_data" / "concepts.yaml"
    yield PROJECT_ROOT / "knowledge" / "facts" / "groups.yaml"
    # Of the texts, what bot/rasa_components/lessons.py reads.
    texts = PROJECT_ROOT / "knowledge" / "texts"
    yield from sorted([*texts.glob("??/tools/*.yaml"), *texts.glob("??/membership.yaml")])
    for folder in ("config", "domain", "rules"):
        yield from sorted((BOT / folder).glob("*.yml"))
    yield from sorted((BOT / "rasa_components").glob("*.py"))
    yield BOT / "requirements.lock"


def fingerprint() -> str:
    """Changes when any input changes."""
    digest = hashlib.sha256()
    for path in inputs():
        digest.update(path.relative_to(PROJECT_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def model_path(mark: str | None = None) -> Path:
    """Where the model of a fingerprint lies or would lie."""
    return MODELS / f"{mark or fingerprint()}{SUFFIX}"


def train_if_needed(
    *, force: bool = False, show: Console | None = None, model: Path | None = None, examples: Path | None = None
) -> Training:
    """Train when there is no model for the present data. Raises ConfigurationError when Rasa refuses.

    ``model`` is another place for it, where ``examples`` join those of the files.
    """
    model = model or model_path()
    if model.exists() and not force:
        # A running assistant takes over the newest one.
        model.touch()
        if show:
            show.print(say("training.nothing"))
        return Training(model.name, trained=False, seconds=0.0)
    with tempfile.TemporaryDirectory() as folder:
        run = TrainingRun(model, examples, log=Path(folder) / "training.log")
        try:
            if show and show.is_terminal:
                with show.status(say("training.begins")):
                    run.wait()
            else:
                if show:
                    show.print(say("training.begins"))
                run.wait()
            if not run.has_succeeded():
                raise ConfigurationError(reason="\n".join([say("training.failed"), run.last_words()]))
        finally:
            run.end()
    if show:
        show.print(say("training.done", seconds=run.seconds))
    forget_old_models(model.parent, keep={model})
    return Training(model.name, trained=True, seconds=run.seconds)


def assistant_environment() -> dict[str, str]:
    """Environment of every process of the assistant."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    return kept | {"PYTHONPATH": str(BOT), "PYTHONUNBUFFERED": "1"}


def training_command(model: Path, examples: Path | None = None) -> list[str]:
    """What makes a model, in the folder ``BOT``; ``examples`` is one more file to learn from."""
    out, name = model.parent.resolve(), model.name.removesuffix(SUFFIX)
    command = [str(PYTHON), "-m", "rasa_components", "retrain", "--out", str(out), "--name", name]
    return [*command, "--examples", str(examples.resolve())] if examples else command


class TrainingRun:
    """A training in a process and a session of its own, so that Ctrl-C does not end it by halves."""

    def __init__(self, model: Path, examples: Path | None, *, log: Path) -> None:
        self.model, self._log, self._begun = model, log, time.monotonic()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._child = start_child(
                training_command(model, examples), folder=BOT, environment=assistant_environment(), output=output
            )
        # Whatever answers people comes first.
        os.setpriority(os.PRIO_PGRP, self._child.pid, 10)

    @property
    def seconds(self) -> float:
        """How long it has been going on, or went on, when asked at its end."""
        return round(time.monotonic() - self._begun, 1)

    def has_ended(self) -> bool:
        return self._child.poll() is not None

    def has_succeeded(self) -> bool:
        """Whether it ended well and left its model."""
        return self._child.poll() == 0 and self.model.exists()

    def wait(self) -> None:
        self._child.wait()

    def end(self) -> None:
        """Stop it where it still runs; what it made so far is left without a name."""
        signal_child(self._child, signal.SIGKILL)
        self._child.wait()

    def last_words(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_WORDS:])


def forget_old_models(folder: Path, *, keep: Set[Path]) -> None:
    """Delete all models of a folder but ``keep`` and the newest other one."""
    models = sorted(folder.glob(f"[0-9a-f]*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in [path for path in models if path not in keep][KEPT_MODELS - 1 :]:
        path.unlink()
