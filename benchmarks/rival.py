"""Rasa's own linear pipeline (bot/config/logistic.yml) on the same examples, asked through Rasa's /model/parse.

One model for each language, kept in .bench/ until its examples or its settings change.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.bare_bot import CACHE, run_step
from benchmarks.servers import Server
from cli.training import BOT, PYTHON
from core.settings import PROJECT_ROOT

CONFIG = BOT / "config" / "logistic.yml"
MODELS = CACHE / "logistic"


class Rival(Server):
    """The pipeline for one language."""

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
        sources = [CONFIG, BOT / "rasa_components" / "labels.py", BOT / "requirements.lock"]
        for path in [*sources, *sorted(self._examples.glob("*.yml"))]:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return MODELS / f"{self._language}-{digest.hexdigest()[:16]}.tar.gz"

    def prepare(self, console: Console) -> None:
        model = self.model
        if model.exists():
            return
        console.print(f"Training the {self.name}; it takes some minutes ...")
        for old in MODELS.glob(f"{self._language}-*.tar.gz"):
            old.unlink()
        MODELS.mkdir(parents=True, exist_ok=True)
        making = f".{model.name.removesuffix('.tar.gz')}"
        command = [str(PYTHON), "-m", "rasa_components", "train", "nlu", "--nlu", str(self._examples)]
        options = ["--config", str(CONFIG), "--out", str(MODELS), "--fixed-model-name", making]
        run_step([*command, *options], BOT, {"PYTHONPATH": str(BOT)})
        (MODELS / f"{making}.tar.gz").rename(model)

    def command(self, port: int) -> list[str]:
        return [
            str(PYTHON), "-m", "rasa_components", "run", "--enable-api", "--model", str(self.model),
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
