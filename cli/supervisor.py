"""`make run`: prepares everything, starts the assistant and the hub, keeps them up, and ends them together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
from rich.console import Console

from cli.learning import Learner, find_model_to_start_with, load_lessons, wanted_model, write_examples
from cli.operators import first_link
from cli.training import BOT, MODELS, PYTHON, assistant_environment, train_if_needed
from cli.words import say
from conversation.assistant import internal_token
from core.database import Database
from core.settings import PROJECT_ROOT, Settings
from migrations.run import migrate

POLL = 0.1
"""Seconds between two looks at the processes."""
PATIENCE_AT_END = 6.0
"""Seconds a process gets to end by itself; then it is killed. Both together stay below 10 s."""
SLOW_START = 60.0
MOST_RESTARTS = 5
LAST_WORDS = 20


@dataclass
class Process:
    """One supervised process, with a log file of its own."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    log: Path
    restarts: int = 0
    child: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches only the supervisor."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def has_ended(self) -> bool:
        return self.child is not None and self.child.poll() is not None

    def end(self, signal_number: int) -> None:
        """Send a signal to the process and its children."""
        if self.child is not None and self.child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal_number)

    def last_words(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_WORDS:])


def run(settings: Settings) -> int:
    """Start everything and stay until it is told to end; returns the exit status."""
    console = Console(highlight=False)
    begun = time.monotonic()
    if _is_taken(settings.host, settings.port):
        console.print(say("run.port_taken", host=settings.host, port=settings.port))
        return 1
    ending = _listen_for_the_end()
    settings.load_secret_key()
    processes: list[Process] = []
    learner: Learner | None = None
    try:
        assistant_url = settings.assistant_url
        if assistant_url is None:
            model = _provide_model(settings, console)
            learner = Learner(settings, console, model)
            assistant_url = f"http://127.0.0.1:{_free_port()}"
            processes.append(_assistant(settings, assistant_url, model))
            processes[-1].start()
        asyncio.run(_migrate(settings))
        processes.insert(0, _hub(settings, assistant_url))
        processes[0].start()
        console.print(say("run.starting"))
        return _watch(processes, settings, learner, ending, console, begun)
    finally:
        if learner is not None:
            learner.end()
        _end_all(processes)
        # A second Ctrl-C may come while the interpreter takes itself apart; ignored, it cannot spoil the exit status.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        console.print(say("run.ended"))


def serve_hub(settings: Settings) -> None:
    """One hub process in the foreground; used by the supervisor and by containers."""
    from app import build_app

    config = uvicorn.Config(
        build_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=4,
    )
    uvicorn.Server(config).run()


def _provide_model(settings: Settings, console: Console) -> Path:
    """A model of the present files, trained where there is none. What it lacks of the team's words, it learns later."""
    lessons = load_lessons(settings)
    model = find_model_to_start_with(settings, lessons)
    if model is None:
        model = wanted_model(settings, lessons)
        train_if_needed(show=console, model=model, examples=write_examples(settings, lessons))
    else:
        console.print(say("training.nothing"))
    # A running assistant takes over the newest one.
    model.touch()
    return model


def _assistant(settings: Settings, url: str, model: Path) -> Process:
    redis = {"HUB_REDIS_URL": settings.redis_url.get_secret_value()} if settings.redis_url else {}
    return Process(
        "assistant",
        [
            str(PYTHON), "-m", "rasa_components", "run",
            "--model", str(model.resolve()), "--endpoints", "endpoints.yml", "--credentials", "credentials.yml",
            "--interface", "127.0.0.1", "--port", url.rpartition(":")[2], "--enable-api",
        ],
        assistant_environment()
        | {
            "HUB_INTERNAL_URL": settings.address,
            "HUB_INTERNAL_TOKEN": internal_token(settings),
            "HUB_MODEL_URL": f"{settings.address}/internal/rasa/model",
        }
        | redis,
        BOT,
        settings.data_dir / "logs" / "assistant.log",
    )  # fmt: skip


def _hub(settings: Settings, assistant_url: str) -> Process:
    environment = os.environ | {
        "HUB_ASSISTANT_URL": assistant_url,
        "HUB_DATA_DIR": str(settings.data_dir.resolve()),
        "HUB_MODELS_DIR": str(MODELS),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "cli", "hub"]
    return Process("hub", command, environment, PROJECT_ROOT, settings.data_dir / "logs" / "hub.log")


async def _migrate(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.async_database_url)
    try:
        await migrate(database)
    finally:
        await database.close()


def _watch(
    processes: list[Process],
    settings: Settings,
    learner: Learner | None,
    ending: list[int],
    console: Console,
    begun: float,
) -> int:
    announced = warned = False
    while not ending:
        time.sleep(POLL)
        for process in processes:
            if process.has_ended() and not _restart(process, console):
                return 1
        if announced:
            if learner is not None:
                learner.step()
            continue
        if _answers(f"{settings.address}/health/ready"):
            seconds = round(time.monotonic() - begun, 1)
            console.print(say("run.ready", address=settings.public_url or settings.address, seconds=seconds))
            announced = True
            if not warned:
                _offer_first_account(settings, console)
        elif not warned and time.monotonic() - begun > SLOW_START and _answers(f"{settings.address}/health/live"):
            console.print(say("run.slow", address=settings.address))
            warned = True
            _offer_first_account(settings, console)
    return 0


def _offer_first_account(settings: Settings, console: Console) -> None:
    """While nobody of the team can sign in, print the link that makes the first administrator."""
    if link := asyncio.run(first_link(settings)):
        console.print(say("run.first_operator", address=link), markup=False, soft_wrap=True)


def _restart(process: Process, console: Console) -> bool:
    assert process.child is not None
    process.restarts += 1
    if process.restarts > MOST_RESTARTS:
        console.print(say("run.gave_up", name=process.name) + "\n" + process.last_words(), markup=False)
        return False
    console.print(say("run.died", name=process.name, status=process.child.returncode))
    time.sleep(min(2.0 ** (process.restarts - 1), 10.0))
    process.start()
    return True


def _end_all(processes: list[Process]) -> None:
    for process in processes:
        process.end(signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_AT_END
    while time.monotonic() < deadline and not all(process.has_ended() for process in processes):
        time.sleep(0.05)
    for process in processes:
        process.end(signal.SIGKILL)


def _listen_for_the_end() -> list[int]:
    """Signals that came; a second Ctrl-C changes nothing."""
    came: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: came.append(received))
    return came


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _is_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
