"""`make run`: the hub answers while the assistant is trained or dies, and nothing outlives the supervisor."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from cli import supervisor, training
from cli.supervisor import MOST_RESTARTS, STEADY, Process, Supervisor
from core.settings import PROJECT_ROOT, Settings

STAYS = [sys.executable, "-c", "import time; time.sleep(60)"]
DIES = [sys.executable, "-c", "import sys; sys.exit(3)"]


class Parts:
    """A supervisor over stand-ins for the hub, the assistant and the training."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.said = io.StringIO()
        self.commands = {"hub": STAYS, "assistant": STAYS}
        self.started: list[str] = []
        self.training = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_bytes(b'a model')"
        model = tmp_path / "models" / "0123.tar.gz"
        model.parent.mkdir()
        monkeypatch.setattr(supervisor, "find_model_to_start_with", lambda *_: None)
        monkeypatch.setattr(supervisor, "wanted_model", lambda *_: model)
        monkeypatch.setattr(supervisor, "_hub", lambda *_: self._process("hub", tmp_path))
        monkeypatch.setattr(supervisor, "_assistant", lambda *_: self._process("assistant", tmp_path))
        monkeypatch.setattr(supervisor, "_answers", lambda _: False)
        monkeypatch.setattr(
            training, "training_command", lambda path, _=None: [sys.executable, "-c", self.training, str(path)]
        )
        self.supervisor = Supervisor(settings, Console(file=self.said, width=200))

    def _process(self, name: str, folder: Path) -> Process:
        self.started.append(name)
        return Process(
            name, self.commands[name], dict(os.environ), folder, folder / f"{name}.log", must_stay=name == "hub"
        )

    def until(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_done():
            assert time.monotonic() < deadline, self.said.getvalue()
            assert self.supervisor.step()
            time.sleep(0.02)


@pytest.fixture
def parts(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Parts]:
    made = Parts(settings, monkeypatch, tmp_path)
    yield made
    made.supervisor.end()


def test_the_hub_is_up_before_a_training_ends(parts: Parts) -> None:
    parts.training = "import time; time.sleep(0.5);" + parts.training
    parts.supervisor.start()
    assert parts.started == ["hub"]
    parts.until(lambda: parts.started == ["hub", "assistant"])
    assert "Trained in" in parts.said.getvalue()


def test_a_failed_training_leaves_the_hub_running_and_says_so(parts: Parts) -> None:
    parts.training = "import sys; sys.exit('the data is broken')"
    parts.supervisor.start()
    parts.until(lambda: "goes on without the assistant" in parts.said.getvalue())
    assert "the data is broken" in parts.said.getvalue()
    assert parts.supervisor.step()
    assert parts.started == ["hub"]


def test_a_training_ends_with_the_supervisor(parts: Parts) -> None:
    parts.training = "import time; time.sleep(61)"
    parts.supervisor.start()
    [run] = [child for child in psutil.Process().children() if parts.training in child.cmdline()]
    begun = time.monotonic()
    parts.supervisor.end()
    assert not run.is_running()
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(("name", "goes_on"), [("hub", False), ("assistant", True)])
def test_the_assistant_is_never_given_up_and_never_ends_the_hub(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, name: str, goes_on: bool
) -> None:
    monkeypatch.setattr(supervisor, "LONGEST_WAIT", 0.0)
    parts.commands[name] = DIES
    parts.supervisor.start()
    deadline = time.monotonic() + 20
    is_up = True
    while is_up and parts.said.getvalue().count(f"{name} ended by itself") < MOST_RESTARTS + 2:
        assert time.monotonic() < deadline, parts.said.getvalue()
        is_up = parts.supervisor.step()
        time.sleep(0.02)
    assert is_up is goes_on


def test_deaths_of_long_ago_are_forgotten(parts: Parts) -> None:
    parts.commands["hub"] = DIES
    parts.supervisor.start()
    hub = parts.supervisor._processes[0]
    assert hub.child is not None
    hub.child.wait()
    hub.restarts, hub.started_at = MOST_RESTARTS, time.monotonic() - STEADY
    assert parts.supervisor.step()
    assert hub.restarts == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl(2)")
def test_nothing_outlives_a_supervisor_that_is_killed() -> None:
    program = (
        "import os, sys, time; from pathlib import Path; from cli.children import start_child\n"
        "child = start_child([sys.executable, '-c', 'import time; time.sleep(60)'], folder=Path('.'),"
        " environment=dict(os.environ), output=open(os.devnull, 'wb'))\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=PROJECT_ROOT, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone


def test_a_closed_terminal_ends_everything_like_ctrl_c() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        came = supervisor._listen_for_the_end()
        os.kill(os.getpid(), signal.SIGHUP)
        assert came == [signal.SIGHUP]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
