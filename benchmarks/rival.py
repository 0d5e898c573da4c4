"""Rasa's own linear pipeline (bot/config/logistic.yml) on the same examples, asked through Rasa's /model/parse.

One model for each language, kept in .bench/ until its examples or its settings change.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.bare_bot import CACHE, run_step
from benchmarks.errors import BenchmarkError
from benchmarks.servers import Server
from cli.training import BOT, PYTHON
from core.settings import PROJECT_ROOT


class Rival(Server):
    """The pipeline for one language."""

    config = BOT / "config" / "logistic.yml"
    models = CACHE / "logistic"
    python = PYTHON
    path = "/model/parse"
    folder = BOT
    first_question = "hello"

    def __init__(self, language: str) -> None:
        self.name = f"LogisticRegression pipeline for {language}"
        self._language = language
        self._examples = PROJECT_ROOT / "nlu_data" / language

    @property
    def model(self) -> Path:
        """Named by everything that it is made from."""
        digest = hashlib.sha256()
        sources = [self.config, BOT / "rasa_components" / "labels.py", BOT / "requirements.lock"]
        for path in [*sources, *sorted(self._examples.glob("*.yml"))]:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return self.models / f"{self._language}-{digest.hexdigest()[:16]}.tar.gz"

    def prepare(self, console: Console) -> None:
        model = self.model
        if model.exists():
            return
        console.print(f"Training the {self.name}; it takes some minutes ...")
        for old in self.models.glob(f"{self._language}-*.tar.gz"):
            old.unlink()
        self.models.mkdir(parents=True, exist_ok=True)
        making = f".{model.name.removesuffix('.tar.gz')}"
        command = [str(self.python), "-m", "rasa_components", "train", "nlu", "--nlu", str(self._examples)]
        options = ["--config", str(self.config), "--out", str(self.models), "--fixed-model-name", making]
        run_step([*command, *options], BOT, {"PYTHONPATH": str(BOT)})
        (self.models / f"{making}.tar.gz").rename(model)

    def command(self, port: int) -> list[str]:
        return [
            str(self.python), "-m", "rasa_components", "run", "--enable-api", "--model", str(self.model),
            "--interface", "127.0.0.1", "--port", str(port),
            "--endpoints", "endpoints.yml", "--credentials", "credentials.yml",
        ]  # fmt: skip

    def environment(self, port: int, data: Path) -> dict[str, str]:
        return super().environment(port, data) | {"PYTHONPATH": str(BOT)}

    def body(self, text: str, sender: str | None = None) -> dict[str, Any]:
        return {"text": text}

    def is_first_answer(self, answer: Any) -> bool:
        return bool(self.label_of(answer))

    def label_of(self, answer: Any) -> str:
        """The label that it puts first."""
        return str((answer.get("intent") or {}).get("name") or "")


class Diet(Rival):
    """Rasa's default pipeline, with an environment of its own, since it needs TensorFlow (bot/README.md)."""

    config = BOT / "config" / "diet.yml"
    models = CACHE / "diet"
    python = BOT / ".venv-diet" / "bin" / "python"

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self.name = f"DIET pipeline for {language}"

    def prepare(self, console: Console) -> None:
        if not self.python.exists():
            raise BenchmarkError("bot/.venv-diet is missing; bot/README.md says how to make it")
        super().prepare(console)
