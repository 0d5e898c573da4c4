"""Rasa's own linear pipeline (bot/config/logistic.yml) on the same examples, asked through Rasa's /model/parse."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track

from benchmarks.bare_bot import CACHE, run_step
from benchmarks.bots import end_all, free_port, start, wait_until
from benchmarks.errors import BenchmarkError
from cli.evaluation import Question
from cli.training import BOT, PYTHON, assistant_environment
from core.settings import PROJECT_ROOT

CONFIG = BOT / "config" / "logistic.yml"
MODELS = CACHE / "logistic"


def read_labels(questions: list[Question], console: Console) -> list[str]:
    """The label that it gives to each question. Raises BenchmarkError."""
