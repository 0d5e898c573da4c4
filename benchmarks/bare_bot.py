"""Makes the baseline: Rasa with all that it brings, in an environment of its own, and the bot that `rasa init` makes.

Both are kept (`bot/.venv-bench`, 2.5 GB, and `.bench/`) until the lock file changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from rich.console import Console

from benchmarks.errors import BenchmarkError
from cli.training import BOT
from core.settings import PROJECT_ROOT

CACHE = PROJECT_ROOT / ".bench"
FOLDER = CACHE / "bare"
ENVIRONMENT = BOT / ".venv-bench"
PYTHON = ENVIRONMENT / "bin" / "python"
LOCK = BOT / "requirements-diet.lock"
WITHOUT_TELEMETRY = {"RASA_TELEMETRY_ENABLED": "false"}
LONGEST_STEP = 1800.0
"""Seconds that installing or training may take."""
LAST_WORDS = 20

MESSAGES = [
    "hello",
    "i am very sad",
    "that sounds good",
    "are you a bot",
    "bye",
    "great",
    "no way",
    "i am happy",
]
"""What the bot of `rasa init` was made for, close to its own training examples."""


def prepare(console: Console) -> None:
    """Install and make what is missing. Raises BenchmarkError."""
    mark = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    _install(mark, console)
    _make_bot(mark, console)


def _install(mark: str, console: Console) -> None:
    done = ENVIRONMENT / "installed"
    if _says(done, mark):
        return
    uv = shutil.which("uv") or str(PROJECT_ROOT / ".tools" / "uv" / "bin" / "uv")
    console.print(f"Installing Rasa with TensorFlow for the baseline, once, into {ENVIRONMENT} (2.5 GB) ...")
    if not PYTHON.exists():
        run_step([uv, "venv", "--quiet", "--python", "3.10", str(ENVIRONMENT)], PROJECT_ROOT)
    run_step([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(PYTHON), str(LOCK)], PROJECT_ROOT)
    done.write_text(mark, encoding="ascii")


def _make_bot(mark: str, console: Console) -> None:
    done = FOLDER / "made"
    if _says(done, mark):
        return
    console.print("Making the bot of `rasa init`, once; it trains for some minutes ...")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    run_step([str(PYTHON), "-m", "rasa", "init", "--no-prompt", "--init-dir", str(FOLDER)], CACHE)
    if not list((FOLDER / "models").glob("*.tar.gz")):
        raise BenchmarkError(f"`rasa init` made no model in {FOLDER}.")
    done.write_text(mark, encoding="ascii")


def _says(path: Path, mark: str) -> bool:
    return path.exists() and path.read_text(encoding="ascii") == mark


def run_step(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Run a command to its end. Raises BenchmarkError with its last lines when it fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | WITHOUT_TELEMETRY | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=LONGEST_STEP,
            check=False,
        )
    except OSError as error:
        raise BenchmarkError(f"{command[0]}: {error.strerror}. `make install` fetches what is missing.") from error
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"Took longer than {LONGEST_STEP:.0f} s: {' '.join(command)}") from error
    if done.returncode != 0:
        raise BenchmarkError("\n".join([f"Failed: {' '.join(command)}", *done.stdout.splitlines()[-LAST_WORDS:]]))
