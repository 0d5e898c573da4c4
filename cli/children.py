"""Processes that a command starts and ends again, in sessions of their own: Ctrl-C reaches only the command."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1


def start_child(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a process; on Linux it ends with this one, however this one ends (prctl(2))."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # One call into the system, which takes no lock: safe beside threads.
        preexec_fn=_end_with_parent,  # noqa: PLW1509
    )


def signal_child(child: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a process and its children, where it still runs."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)


def _end_with_parent() -> None:
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)


_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
