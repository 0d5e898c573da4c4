"""The two that are compared: the hub as `make run` starts it, and the bot that `rasa init` makes.

Both run in processes of their own on loopback and are asked over HTTP in the same way.
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
from rich.console import Console

from benchmarks import bare_bot
from benchmarks.errors import BenchmarkError
from cli.evaluation import Question, read_questions
from cli.training import PYTHON, train_if_needed
from core.settings import PROJECT_ROOT, Settings

EVALUATION = PROJECT_ROOT / "nlu_data" / "evaluation"
PATIENCE_AT_START = 300.0
PATIENCE_AT_END = 15.0
POLL = 0.05
LAST_WORDS = 15
SEED = 7


class Bot(ABC):
    """How to start one of the two, and how to talk to it."""

    name: str
    path: str
    folder: Path

    @abstractmethod
    def prepare(self, console: Console) -> None:
        """Install and train what is missing, so that none of it is measured."""

    @abstractmethod
    def command(self, port: int) -> list[str]: ...

    def environment(self, port: int, data: Path) -> dict[str, str]:
        # The hub's settings of this machine are not measured, and installed packages are compiled once, as for people.
        left_out = "PYTHONDONTWRITEBYTECODE"
        return {name: value for name, value in os.environ.items() if not name.startswith("HUB_") and name != left_out}

    @abstractmethod
    def body(self, text: str, sender: str | None) -> dict[str, Any]:
        """The request for a message; without a sender it begins a conversation."""

    @abstractmethod
    def sender_of(self, answer: Any) -> str:
        """The sender to carry in the next message."""

    @abstractmethod
    def essence(self, answer: Any) -> object:
        """What two answers to the same words of the same conversation have in common; falsy: no answer."""

    @abstractmethod
    def questions(self, count: int) -> list[str]:
        """Messages that it was made for, mixed."""

    @abstractmethod
    def first_answer(self, answer: Any) -> bool:
        """Whether this answers `first_question` (and is not an apology for being not ready)."""

    first_question: str


class HubBot(Bot):
    """Our hub, end to end: `python -m cli serve` starts both of its processes."""

    name = "hub"
    path = "/api/chat"
    folder = PROJECT_ROOT

    def __init__(self) -> None:
        self._first = read_questions(EVALUATION / "en.jsonl")[0]
        self.first_question = self._first.text

    def prepare(self, console: Console) -> None:
        if not PYTHON.exists():
            raise BenchmarkError("The assistant is not installed: `make install`.")
        settings = Settings()
        if settings.assistant_url or settings.redis_url:
            raise BenchmarkError(
                "The whole hub on this machine is measured: unset HUB_ASSISTANT_URL and HUB_REDIS_URL."
            )
        train_if_needed(show=console)

    def command(self, port: int) -> list[str]:
        return [sys.executable, "-m", "cli", "serve"]

    def environment(self, port: int, data: Path) -> dict[str, str]:
        # Said here in full, since a .env file may say otherwise.
        return super().environment(port, data) | {
            "HUB_HOST": "127.0.0.1",
            "HUB_PORT": str(port),
            "HUB_DATA_DIR": str(data),
            "HUB_DATABASE_URL": f"sqlite:///{data / 'hub.sqlite3'}",
        }

    def body(self, text: str, sender: str | None) -> dict[str, Any]:
        return {"sender": sender, "message": text}

    def sender_of(self, answer: Any) -> str:
        return str(answer["sender"])

    def essence(self, answer: Any) -> object:
        return [
            (reply["answer"], reply["text"], [button["payload"] for button in reply["buttons"]])
            for reply in answer.get("replies", [])
        ]

    def questions(self, count: int) -> list[str]:
        by_language = [_shuffled(read_questions(path)) for path in sorted(EVALUATION.glob("*.jsonl"))]
        turns = [question.text for questions in zip(*by_language, strict=False) for question in questions]
        return _repeat(turns, count)

    def first_answer(self, answer: Any) -> bool:
        return any(reply["answer"] in self._first.expect for reply in answer["replies"])


class BareBot(Bot):
    """The bot that `rasa init` makes, untouched, started with `rasa run`."""

    name = "bare rasa init bot"
    path = "/webhooks/rest/webhook"
    folder = bare_bot.FOLDER
    first_question = "hello"

    def prepare(self, console: Console) -> None:
        bare_bot.prepare(console)

    def command(self, port: int) -> list[str]:
        return [str(bare_bot.PYTHON), "-m", "rasa", "run", "--interface", "127.0.0.1", "--port", str(port)]

    def environment(self, port: int, data: Path) -> dict[str, str]:
        return super().environment(port, data) | bare_bot.WITHOUT_TELEMETRY

    def body(self, text: str, sender: str | None) -> dict[str, Any]:
        return {"sender": sender or secrets.token_urlsafe(24), "message": text}

    def sender_of(self, answer: Any) -> str:
        return str(answer[0]["recipient_id"])

    def essence(self, answer: Any) -> object:
        return [reply.get("text") for reply in answer]

    def questions(self, count: int) -> list[str]:
        return _repeat(bare_bot.MESSAGES, count)

    def first_answer(self, answer: Any) -> bool:
        return bool(answer)


@dataclass(frozen=True)
class Running:
    """A started bot."""

    bot: Bot
    port: int
    process: psutil.Process
    begun: float
    log: Path

    def wait_for_first_answer(self) -> float:
        """Seconds from the start of the process to the first question that was really answered."""
        url = f"http://127.0.0.1:{self.port}{self.bot.path}"
        with httpx.Client(timeout=10.0, trust_env=False) as http:
            while time.monotonic() < self.begun + PATIENCE_AT_START:
                try:
                    response = http.post(url, json=self.bot.body(self.bot.first_question, None))
                    if response.is_success and self.bot.first_answer(response.json()):
                        return time.monotonic() - self.begun
                except (httpx.HTTPError, ValueError):
                    pass
                if not self.process.is_running() or self.process.status() == psutil.STATUS_ZOMBIE:
                    break
                time.sleep(POLL)
        last = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_WORDS:]
        raise BenchmarkError("\n".join([f"The {self.bot.name} does not answer its first question. Its log:", *last]))

    def processes(self) -> list[psutil.Process]:
        """The process and all below it."""
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def running(bot: Bot) -> Iterator[Running]:
    """Start a bot and end it, and all that it started."""
    with TemporaryDirectory(prefix="icchub-bench-") as folder:
        data, port = Path(folder), free_port()
        log = data / "output.log"
        with log.open("wb") as output:
            begun = time.monotonic()
            child = subprocess.Popen(
                bot.command(port),
                cwd=bot.folder,
                env=bot.environment(port, data),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started = Running(bot, port, psutil.Process(child.pid), begun, log)
        try:
            yield started
        finally:
            _end(started, child)


def _end(started: Running, child: subprocess.Popen[bytes]) -> None:
    processes = started.processes() if started.process.is_running() else []
    child.terminate()
    try:
        child.wait(PATIENCE_AT_END)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for process in processes[1:]:
        if process.is_running():
            process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _shuffled(questions: list[Question]) -> list[Question]:
    return random.Random(SEED).sample(questions, len(questions))


def _repeat(items: Sequence[str], count: int) -> list[str]:
    return [items[number % len(items)] for number in range(count)]
