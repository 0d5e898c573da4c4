"""The whole hub as `make run` starts it: supervisor, real Rasa, SQLite. One for all journeys."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cli.training import PYTHON
from core.settings import PROJECT_ROOT
from tests.services import free_port, missing

PATIENCE = 420.0
"""Seconds until a hub that may have to train must answer."""


@dataclass(frozen=True)
class WholeHub:
    """A hub that runs in processes of its own."""

    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def whole_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeHub]:
    if not PYTHON.exists():
        missing("the assistant (make install)")
    data_dir, port = tmp_path_factory.mktemp("running-hub"), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    environment |= {"HUB_PORT": str(port), "HUB_DATA_DIR": str(data_dir)}
    with (data_dir / "supervisor.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "serve"], cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log
        )
    hub = WholeHub(f"http://127.0.0.1:{port}", data_dir, process)
    try:
        wait_until_ready(hub)
        yield hub
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(15)


def wait_until_ready(hub: WholeHub) -> None:
    """Until hub and assistant answer."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{hub.url}/health/ready", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        if hub.process.poll() is not None:
            break
        time.sleep(0.2)
    raise TimeoutError((hub.data_dir / "supervisor.log").read_text(encoding="utf-8"))
