"""The examples that the team wrote in the back office, as the hub has them: fetched, and learnt whenever they changed.

`python -m rasa_components learn --out FOLDER` stays and asks the hub again and again; a new model begins to be trained
when nothing was changed for some minutes, in a process of its own, at low priority and one at a time. One such process
is enough for any number of assistants, which take the model over from the hub (new_models.py). It loads no Rasa.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two questions."""
QUIET = 120.0
"""Seconds without a change before a training begins, since the team often saves several times in a row."""
PATIENCE = 30.0
KEPT_MODELS = 3
SUFFIX = ".tar.gz"
BUILT = Path(__file__).resolve().parent.parent / "models" / f"assistant{SUFFIX}"
"""The model that the image was built with."""


@dataclass(frozen=True)
class Examples:
    """A file of training examples. ``mark`` names its content; empty: there are none."""

    content: bytes
    mark: str
    age: float
    """Seconds since the team last changed them."""


def fetch(known: str | None = None) -> Examples | None:
    """The hub's examples; None when they are still those that the mark ``known`` names. Raises OSError."""
    address = f"{os.environ['HUB_INTERNAL_URL']}/internal/rasa/examples"
    headers = {"X-Hub-Internal": os.environ.get("HUB_INTERNAL_TOKEN", "")}
    if known is not None:
        headers["If-None-Match"] = f'"{known}"'
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=PATIENCE) as answer:
            mark = str(answer.headers["ETag"]).strip('"')
            return Examples(answer.read(), mark, float(answer.headers.get("X-Changed-Seconds-Ago", QUIET)))
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return None
        raise


class Teacher:
    """Keeps the newest model in ``out`` at what the hub's examples say. ``train`` makes one there, and says whether."""

    def __init__(self, out: Path, train: Callable[[], bool], *, built: Path = BUILT) -> None:
        self._out = out
        self._train = train
        self._built = built
        self._given_up: str | None = None

    def step(self) -> bool:
        """Ask once, and train where that is due; True when there is a new model. Raises OSError."""
        known = self._learnt()
        answer = fetch(known)
        if answer is None or answer.age < QUIET or answer.mark == self._given_up:
            return False
        if not answer.mark:
            # Nothing of the team's is left: the model of the image knows exactly the rest.
            shutil.copyfile(self._built, self._out / f".assistant{SUFFIX}")
            (self._out / f".assistant{SUFFIX}").rename(self._out / f"assistant{SUFFIX}")
            return True
        if not self._train():
            # What cannot be learnt is not tried again before it changes.
            self._given_up = answer.mark
            return False
        self._forget_old_models()
        return True

    def _learnt(self) -> str | None:
        """The mark of the newest model; None when that is older than the image, whose own examples it may lack."""
        models = self._models()
        if not models:
            return ""
        newest = models[0]
        if self._built.is_file() and newest.stat().st_mtime < self._built.stat().st_mtime:
            return None
        return newest.name[: -len(SUFFIX)].partition("-")[2]

    def _models(self) -> list[Path]:
        """Whole models, newest first."""
        return sorted(self._out.glob(f"[!.]*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)

    def _forget_old_models(self) -> None:
        for path in self._models()[KEPT_MODELS:]:
            path.unlink()


def learn(arguments: Sequence[str]) -> None:
    """Stay and learn, until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m rasa_components learn")
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args(arguments).out
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")

    def train() -> bool:
        command = [sys.executable, "-m", "rasa_components", "retrain", "--out", str(out)]
        return subprocess.run(command, check=False, preexec_fn=lambda: os.nice(10)).returncode == 0

    teacher = Teacher(out, train)
    while True:
        try:
            if teacher.step():
                logger.info("model_learnt")
        except OSError as error:
            logger.warning("examples_not_learnt %s", type(error).__name__)
        time.sleep(EVERY)
