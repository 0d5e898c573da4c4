"""Real services that tests start themselves, on loopback and on free ports, and end by their own process id."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

PATIENCE = 30.0


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def missing(service: str) -> NoReturn:
    """Skip on a newcomer's machine; fail in CI, where .ci/run installs every service."""
    reason = f"{service} is not installed"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def wait_for_port(port: int) -> None:
    """Until something listens there."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(port)


def _wait_until_ready(question: list[Path | str]) -> None:
    """A server listens before it takes anybody; until a program of its own says that it does."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if subprocess.run(question, check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise TimeoutError(str(question[0]))


@contextlib.contextmanager
def running_postgresql(*, durable: bool = False) -> Iterator[str]:
    """A PostgreSQL server of its own with an empty database; yields its address. ``durable`` writes to the disk."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(path) for path in [shutil.which("initdb")] if path
    ]
    if not found:
        missing("PostgreSQL")
    programs = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="hub-postgresql-"))
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    data, port = folder / "data", free_port()
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "hub", "--auth=trust", "--no-sync"],
        user=user,
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    options = ["-c", "listen_addresses=127.0.0.1", *([] if durable else ["-F"])]
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, *options],
        user=user,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    try:
        _wait_until_ready([programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"])
        yield f"postgresql://hub@127.0.0.1:{port}/postgres"
    finally:
        # Fast shutdown: does not wait for clients that forgot to leave.
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_redis(*, port: int | None = None) -> Iterator[str]:
    """A Redis server of its own that keeps nothing; yields its address."""
    program = shutil.which("redis-server")
    if program is None:
        missing("Redis")
    port = port or free_port()
    server = subprocess.Popen(
        [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
        cwd=tempfile.gettempdir(),
    )
    try:
        wait_for_port(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(PATIENCE)
