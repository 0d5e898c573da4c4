"""Starting what is measured in processes of its own on loopback, and ending them, and all that they started."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
from rich.console import Console

from benchmarks.errors import BenchmarkError

PATIENCE_AT_START = 300.0
PATIENCE_AT_END = 15.0
POLL = 0.05
LAST_WORDS = 15


class Server(ABC):
    """How to start a server, and how to tell that it answers."""

    name: str
    path: str
    folder: Path
    first_question: str

    @abstractmethod
    def prepare(self, console: Console) -> None:
        """Install and train what is missing, so that none of it is measured. Raises BenchmarkError."""

    @abstractmethod
    def command(self, port: int) -> list[str]: ...

    def environment(self, port: int, data: Path) -> dict[str, str]:
        # This machine's settings of the hub are not measured, and code is compiled once, as it is for people.
        left_out = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}
        return {
            name: value for name, value in os.environ.items() if not name.startswith("HUB_") and name not in left_out
        }

    @abstractmethod
    def body(self, text: str, sender: str | None = None) -> dict[str, Any]:
        """The request for a message; without a sender it begins a conversation."""

    @abstractmethod
    def is_first_answer(self, answer: Any) -> bool:
        """Whether this answers `first_question`, and is no apology for being not ready."""


@dataclass(frozen=True)
class Running[S: Server]:
    """A started server."""

    server: S
    port: int
    process: psutil.Process
    begun: float
    log: Path

    def wait_for_first_answer(self) -> float:
        """Seconds from the start of the process to the first answered question. Raises BenchmarkError."""
        url = f"http://127.0.0.1:{self.port}{self.server.path}"
        with httpx.Client(timeout=10.0, trust_env=False) as http:
            while time.monotonic() < self.begun + PATIENCE_AT_START and self._is_alive():
                with suppress(httpx.HTTPError, ValueError):
                    response = http.post(url, json=self.server.body(self.server.first_question))
                    if response.is_success and self.server.is_first_answer(response.json()):
                        return time.monotonic() - self.begun
                time.sleep(POLL)
        last = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_WORDS:]
        raise BenchmarkError("\n".join([f"The {self.server.name} does not answer. The end of its log:", *last]))

    def processes(self) -> list[psutil.Process]:
        """The process and all below it."""
        return [self.process, *self.process.children(recursive=True)] if self._is_alive() else []

    def processor_seconds(self) -> float:
        """What all its processes have worked so far."""
        times = [process.cpu_times() for process in self.processes()]
        return sum(each.user + each.system for each in times)

    def _is_alive(self) -> bool:
        return self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE


@contextmanager
def running[S: Server](server: S) -> Iterator[Running[S]]:
    """Start a server that is prepared, and end it."""
    with TemporaryDirectory(prefix="icchub-bench-") as folder:
        data, port = Path(folder), free_port()
        log = data / "output.log"
        with log.open("wb") as output:
            begun = time.monotonic()
            child = subprocess.Popen(
                server.command(port),
                cwd=server.folder,
                env=server.environment(port, data),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started = Running(server, port, psutil.Process(child.pid), begun, log)
        try:
            yield started
        finally:
            _end(child, started.processes())


def _end(child: subprocess.Popen[bytes], processes: list[psutil.Process]) -> None:
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(PATIENCE_AT_END)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    child.wait()


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
