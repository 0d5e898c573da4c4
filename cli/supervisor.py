"""`make run`: prepares everything, starts the assistant and the hub, keeps them up, and ends them together."""

from __future__ import annotations

import asyncio
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

from cli.children import signal_child, start_child
from cli.learning import (
    NOTHING,
    Learner,
    find_model_to_start_with,
    load_lessons,
    training_log,
    wanted_model,
    write_examples,
)
from cli.operators import first_link
from cli.training import (
    BOT,
    MODELS,
    PYTHON,
    TrainingRun,
    assistant_environment,
    forget_old_models,
)
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
"""Seconds after which somebody who waits is told that the hub answers without the assistant."""
STEADY = 600.0
"""Seconds after which a process counts as up: what ended it before is forgotten."""
MOST_RESTARTS = 5
"""Times in a row that the hub is started anew. The assistant always is, since the hub goes on without it."""
LONGEST_WAIT = 60.0
SAY_EVERY = 30.0
"""Seconds between two lines about a training that goes on."""
LAST_WORDS = 20


@dataclass
class Process:
    """One supervised process, with a log file of its own."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    log: Path
    must_stay: bool = True
    """Whether everything ends when it does not stay up."""
    restarts: int = 0
    child: subprocess.Popen[bytes] | None = field(default=None)
    started_at: float = 0.0
    restart_at: float | None = None
    """When it is started anew, where it ended by itself (monotonic seconds)."""

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches only the supervisor."""
        self.started_at, self.restart_at = time.monotonic(), None
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.child = start_child(self.command, folder=self.folder, environment=self.environment, output=log)

    def has_ended(self) -> bool:
        return self.child is not None and self.child.poll() is not None

    def end(self, signal_number: int) -> None:
        """Send a signal to the process and its children."""
        if self.child is not None:
            signal_child(self.child, signal_number)

    def last_words(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_WORDS:])


def run(settings: Settings) -> int:
    """Start everything and stay until it is told to end; returns the exit status."""
    console = Console(highlight=False)
    if _is_taken(settings.host, settings.port):
        console.print(say("run.port_taken", host=settings.host, port=settings.port))
        return 1
    ending = _listen_for_the_end()
    supervisor = Supervisor(settings, console)
    try:
        supervisor.start()
        while not ending:
            time.sleep(POLL)
            if not supervisor.step():
                return 1
        return 0
    finally:
        supervisor.end()
        # A second Ctrl-C may come while the interpreter takes itself apart; ignored, it cannot spoil the exit status.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        console.print(say("run.ended"))


class Supervisor:
    """The hub, the assistant, and their trainings. Nothing here waits: ``step`` is called again and again."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings, self._console = settings, console
        self._begun = time.monotonic()
        self._processes: list[Process] = []
        self._training: TrainingRun | None = None
        self._learner: Learner | None = None
        self._port: socket.socket | None = None
        self._said_at = 0.0
        self._is_announced = self._is_told_to_wait = False

    def start(self) -> None:
        """Start what can be started; a training that must come first goes on beside the hub."""
        settings = self._settings
        settings.load_secret_key()
        assistant_url, lessons, model = settings.assistant_url, NOTHING, None
        if assistant_url is None:
            self._port = _reserve_port()
            assistant_url = self._own_assistant_url()
            lessons = load_lessons(settings)
            # What it lacks of the team's words, it learns later.
            model = find_model_to_start_with(settings, lessons)
            if model is not None:
                self._console.print(say("training.nothing"))
                self._start_assistant(model)
        asyncio.run(_migrate(settings))
        self._start(_hub(settings, assistant_url))
        if self._port is not None:
            examples = write_examples(settings, lessons)
            self._training = TrainingRun(wanted_model(settings, lessons), examples, log=training_log(settings))
            self._console.print(say("training.begins"))
            self._said_at = time.monotonic()
        else:
            self._console.print(say("run.starting"))

    def step(self) -> bool:
        """Look after everything once; False when the hub does not stay up."""
        for process in self._processes:
            if process.has_ended() and not self._restart(process):
                return False
        if self._training is not None:
            self._look_at(self._training)
        if not self._is_announced:
            self._announce()
        elif self._learner is not None:
            self._learner.step()
        return True

    def end(self) -> None:
        """End everything: gently, then by force."""
        if self._training is not None:
            self._training.end()
        if self._learner is not None:
            self._learner.end()
        _end_all(self._processes)
        if self._port is not None:
            self._port.close()

    def _start(self, process: Process) -> None:
        self._processes.append(process)
        process.start()

    def _own_assistant_url(self) -> str:
        assert self._port is not None
        return f"http://127.0.0.1:{self._port.getsockname()[1]}"

    def _start_assistant(self, model: Path) -> None:
        # A running assistant takes over the newest one.
        model.touch()
        assert self._port is not None
        process = _assistant(self._settings, self._own_assistant_url(), model)
        self._port.close()
        self._port = None
        self._learner = Learner(self._settings, self._console, model)
        self._start(process)

    def _look_at(self, training: TrainingRun) -> None:
        if not training.has_ended():
            if time.monotonic() - self._said_at >= SAY_EVERY:
                self._said_at = time.monotonic()
                self._console.print(say("training.goes_on", seconds=round(training.seconds)))
            return
        self._training = None
        if training.has_succeeded():
            self._console.print(say("training.done", seconds=training.seconds))
            forget_old_models(training.model.parent, keep={training.model})
            self._start_assistant(training.model)
        else:
            self._console.print(say("training.failed") + "\n" + training.last_words(), markup=False)
            self._console.print(say("training.without"))

    def _announce(self) -> None:
        settings = self._settings
        waited = time.monotonic() - self._begun
        if _answers(f"{settings.address}/health/ready"):
            address = settings.public_url or settings.address
            self._console.print(say("run.ready", address=address, seconds=round(waited, 1)))
            self._is_announced = True
        elif self._is_told_to_wait or (self._training is None and waited <= SLOW_START):
            return
        elif _answers(f"{settings.address}/health/live"):
            self._console.print(say("run.slow", address=settings.address))
        else:
            return
        if not self._is_told_to_wait:
            self._is_told_to_wait = True
            _offer_first_account(settings, self._console)

    def _restart(self, process: Process) -> bool:
        """Start it anew, after a while that grows; False when that was tried often enough."""
        assert process.child is not None
        now = time.monotonic()
        if process.restart_at is None:
            process.restarts = 1 if now - process.started_at >= STEADY else process.restarts + 1
            if process.must_stay and process.restarts > MOST_RESTARTS:
                words = say("run.gave_up", name=process.name) + "\n" + process.last_words()
                self._console.print(words, markup=False)
                return False
            self._console.print(say("run.died", name=process.name, status=process.child.returncode))
            process.restart_at = now + min(2.0 ** min(process.restarts - 1, 10), LONGEST_WAIT)
        if now >= process.restart_at:
            process.start()
        return True


def serve_hub(settings: Settings) -> None:
    """One hub process in the foreground; used by the supervisor and by containers."""
    from app import build_app

    app = build_app(settings)
    app.state.hub.conversations.warm_up()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=4,
    )
    uvicorn.Server(config).run()


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
        must_stay=False,
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


def _offer_first_account(settings: Settings, console: Console) -> None:
    """While nobody of the team can sign in, print the link that makes the first administrator."""
    if link := asyncio.run(first_link(settings)):
        console.print(say("run.first_operator", address=link), markup=False, soft_wrap=True)


def _end_all(processes: list[Process]) -> None:
    for process in processes:
        process.end(signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_AT_END
    while time.monotonic() < deadline and not all(process.has_ended() for process in processes):
        time.sleep(0.05)
    for process in processes:
        process.end(signal.SIGKILL)


def _listen_for_the_end() -> list[int]:
    """Signals that came, the closed terminal's too; a second Ctrl-C changes nothing."""
    came: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
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


def _reserve_port() -> socket.socket:
    """A free port of this machine, kept until the socket is closed."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved
