"""Starts the process that translates when it is needed, hands it sentences one request at a time, and ends it.

It starts with the first text and ends after five quiet minutes, so that hundreds of megabytes of models are held only
while somebody translates.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.settings import PROJECT_ROOT
from core.translation.errors import PairMissingError, TranslationBusyError, TranslationError

log = logging.getLogger(__name__)

IDLE = timedelta(minutes=5)
START_WITHIN = timedelta(seconds=60)
ANSWER_WITHIN = timedelta(seconds=60)
"""For one request; the first one of a pair also loads its model."""
MOST_WAITING = 32
IN_ONE_REQUEST = 8
LONGEST_LINE = 4 * 1024 * 1024


class Engine:
    """One translating process at most, for all of this hub process. ``folder`` holds the language packages."""

    def __init__(
        self,
        folder: Path,
        *,
        idle: timedelta = IDLE,
        start_within: timedelta = START_WITHIN,
        answer_within: timedelta = ANSWER_WITHIN,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._folder = folder
        self._idle, self._start_within, self._answer_within = idle, start_within, answer_within
        self._most_waiting, self._waiting = most_waiting, 0
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._number, self._is_closed = 0, False

    @property
    def pid(self) -> int | None:
        """The process that runs now, if any."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def translate(self, sentences: Sequence[str], route: Sequence[str]) -> list[str]:
        """The sentences, each through every language of the route in turn; empty where the model failed at one.

        Raises PairMissingError, TranslationBusyError, or TranslationError when the process died or took too long; the
        next call starts a new one.
        """
        if self._waiting >= self._most_waiting:
            raise TranslationBusyError
        self._waiting += 1
        try:
            done: list[str] = []
            for start in range(0, len(sentences), IN_ONE_REQUEST):
                # Between requests others have their turn, so that a long text holds nobody up.
                async with self._turn:
                    done += await self._ask(sentences[start : start + IN_ONE_REQUEST], route)
            return done
        finally:
            self._waiting -= 1

    async def check(self) -> None:
        """Start the process; raises TranslationError when it cannot."""
        async with self._turn:
            await self._running()

    async def close(self) -> None:
        """End the process at once, for good: whoever waits gets a TranslationError."""
        self._is_closed = True
        if self._turn.locked() and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await self._rest()

    async def _rest(self) -> None:
        async with self._turn:
            await self._end()

    async def _ask(self, sentences: Sequence[str], route: Sequence[str]) -> list[str]:
        self._number += 1
        request = {"id": self._number, "route": list(route), "sentences": list(sentences)}
        try:
            process = await self._running()
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
            answer = await asyncio.wait_for(_read(process), self._answer_within.total_seconds())
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            log.warning("translation_stopped reason=%s", type(error).__name__)
            await self._end(kill=True)
            raise TranslationError from None
        except asyncio.CancelledError:
            # Its answer would be taken for that of the next one.
            await self._end(kill=True)
            raise
        self._end_later()
        if answer.get("error") == "pair_missing":
            # Packages that were installed since are seen by a new process.
            await self._end()
            raise PairMissingError(source=route[0], target=route[-1])
        texts = answer.get("texts")
        if answer.get("id") != self._number or not isinstance(texts, list) or len(texts) != len(sentences):
            log.warning("translation_failed reason=%s", answer.get("error"))
            raise TranslationError
        return texts

    async def _running(self) -> asyncio.subprocess.Process:
        if self._is_closed:
            raise TranslationError
        if self.pid is not None and self._process is not None:
            return self._process
        self._folder.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "core.translation.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST_LINE,
            cwd=PROJECT_ROOT,
            env=_environment(self._folder),
        )
        self._process = process
        try:
            await asyncio.wait_for(_read(process), self._start_within.total_seconds())
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            log.warning("translation_not_started reason=%s", type(error).__name__)
            await self._end(kill=True)
            raise TranslationError from None
        self._end_later()
        return process

    def _end_later(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.get_running_loop().call_later(self._idle.total_seconds(), self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self._waiting:
            self._end_later()
            return
        task = asyncio.get_running_loop().create_task(self._rest())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, *, kill: bool = False) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if not kill:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 2)
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()


async def _read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise EOFError
    answer: dict[str, Any] = json.loads(line)
    return answer


def _environment(folder: Path) -> dict[str, str]:
    """Built from nothing: a variable of somebody's own could send texts to a service elsewhere."""
    given = {name: value for name in ("PATH", "LD_LIBRARY_PATH") if (value := os.environ.get(name))}
    threads = max(1, min(4, (os.cpu_count() or 1) - 1))
    home = folder / "argos"
    return given | {
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(PROJECT_ROOT),
        "HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "ARGOS_PACKAGES_DIR": str(packages_folder(folder)),
        "ARGOS_CHUNK_TYPE": "MINISBD",
        "ARGOS_DEVICE_TYPE": "cpu",
        "ARGOS_INTRA_THREADS": str(threads),
        "ARGOS_MODEL_PROVIDER": "OPENNMT",
        "OMP_NUM_THREADS": str(threads),
    }


def packages_folder(folder: Path) -> Path:
    """Where each package lies unpacked."""
    path = folder / "packages"
    path.mkdir(parents=True, exist_ok=True)
    return path
