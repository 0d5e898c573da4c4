"""The two that are compared: the hub as `make run` starts it, and the bot that `rasa init` makes."""

from __future__ import annotations

import random
import secrets
import sys
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import bare_bot
from benchmarks.errors import BenchmarkError
from benchmarks.servers import Server
from cli.evaluation import Question, read_questions
from cli.training import PYTHON, train_if_needed
from core.settings import PROJECT_ROOT, Settings
from core.texts import Texts

EVALUATION = PROJECT_ROOT / "nlu_data" / "evaluation"
FOLLOW_UPS = {"ar": "لمن هذا؟", "en": "Who is it for?", "fr": "C'est pour qui ?", "it": "Per chi è?"}
"""Asked after each question of a conversation: only the conversation's own memory can answer it."""
SEED = 7


class Bot(Server):
    """A server to converse with over HTTP."""

    @abstractmethod
    def new_sender(self) -> str | None:
        """The sender of a conversation's first message."""

    @abstractmethod
    def sender_of(self, answer: Any) -> str | None:
        """The sender that an answer is for, as far as it says so."""

    @abstractmethod
    def essence(self, answer: Any) -> object:
        """What two answers to the same words of the same conversation have in common; falsy: no answer."""

    @abstractmethod
    def questions(self, count: int) -> list[str]:
        """Messages that it was made for, mixed."""

    @abstractmethod
    def conversations(self, count: int, turns: int) -> list[list[str]]:
        """What is said in each of many conversations."""


class HubBot(Bot):
    """Our hub, end to end: `python -m cli serve` starts both of its processes."""

    name = "hub"
    path = "/api/chat"
    folder = PROJECT_ROOT

    def __init__(self) -> None:
        by_language = {path.stem: _shuffle(read_questions(path)) for path in sorted(EVALUATION.glob("*.jsonl"))}
        self._texts = {language: [each.text for each in found] for language, found in by_language.items()}
        self.first_question = read_questions(EVALUATION / "en.jsonl")[0].text
        self._apology = Texts.load(PROJECT_ROOT / "locales").get("chat.assistant_away", "en")

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

    def body(self, text: str, sender: str | None = None) -> dict[str, Any]:
        return {"sender": sender, "message": text}

    def is_first_answer(self, answer: Any) -> bool:
        return all(reply["text"] != self._apology for reply in answer["replies"])

    def new_sender(self) -> str | None:
        return None

    def sender_of(self, answer: Any) -> str | None:
        return str(answer["sender"])

    def essence(self, answer: Any) -> object:
        return [
            (reply["answer"], reply["text"], [button["payload"] for button in reply["buttons"]])
            for reply in answer.get("replies", [])
        ]

    def questions(self, count: int) -> list[str]:
        mixed = [text for texts in zip(*self._texts.values(), strict=False) for text in texts]
        return _take(mixed, count)

    def conversations(self, count: int, turns: int) -> list[list[str]]:
        """Each in one language, questions and follow-ups in turn."""
        talks = []
        for number in range(count):
            language = list(self._texts)[number % len(self._texts)]
            own = _take(self._texts[language], turns // 2, begin=number * turns)
            talks.append([text for question in own for text in (question, FOLLOW_UPS[language])])
        return talks


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

    def body(self, text: str, sender: str | None = None) -> dict[str, Any]:
        return {"sender": sender or self.new_sender(), "message": text}

    def is_first_answer(self, answer: Any) -> bool:
        return bool(answer)

    def new_sender(self) -> str | None:
        return secrets.token_urlsafe(24)

    def sender_of(self, answer: Any) -> str | None:
        return str(answer[0]["recipient_id"]) if answer else None

    def essence(self, answer: Any) -> object:
        # Out of its stories it may say nothing, as its training has it; that takes its time and is no error.
        return ["said", *(reply.get("text") for reply in answer)]

    def questions(self, count: int) -> list[str]:
        return _take(bare_bot.MESSAGES, count)

    def conversations(self, count: int, turns: int) -> list[list[str]]:
        return [_take(bare_bot.MESSAGES, turns, begin=number) for number in range(count)]


def _shuffle(questions: list[Question]) -> list[Question]:
    return random.Random(SEED).sample(questions, len(questions))


def _take(items: Sequence[str], count: int, *, begin: int = 0) -> list[str]:
    return [items[number % len(items)] for number in range(begin, begin + count)]
